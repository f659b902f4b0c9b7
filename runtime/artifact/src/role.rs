//! What a layer of a pattern is: its media type, its file name, how large it may be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most that all layers of an artifact have together, in bytes.
pub const MAX_TOTAL: u64 = 68 << 20;

/// What a layer is. Each is there at most once, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// What the pattern does.
    Katalog,
    /// The kinds that it serves; missing where it only decorates others'.
    Crd,
    /// Definitions of others' kinds, for their types; never installed.
    Foreign,
    /// An example of what a user writes.
    Cr,
    /// An example of how it is imported: documentation, never configuration.
    Komposer,
    /// For people.
    Readme,
    /// The compiled Katalog.
    Component,
    /// Code of the author, where there is some.
    Hooks,
}

impl Role {
    /// Every role, in the order of layers.
    pub const ALL: [Self; 8] =
        [Self::Katalog, Self::Crd, Self::Foreign, Self::Cr, Self::Komposer, Self::Readme, Self::Component, Self::Hooks];

    /// The layer's media type: one per role, so that the role follows from it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Katalog => "application/vnd.orkestra.katalog.v1+yaml",
            Self::Crd => "application/vnd.kubernetes.crd.v1+yaml",
            Self::Foreign => "application/vnd.orkestra.foreign.v1+yaml",
            Self::Cr => "application/vnd.kubernetes.cr.v1+yaml",
            Self::Komposer => "application/vnd.orkestra.komposer.v1+yaml",
            Self::Readme => "text/markdown",
            Self::Component => "application/wasm",
            Self::Hooks => "application/vnd.orkestra.hooks.v1+wasm",
        }
    }

    /// The one file name that the layer may have; nothing else is ever written by a pull.
    pub fn title(self) -> &'static str {
        match self {
            Self::Katalog => "katalog.yaml",
            Self::Crd => "crd.yaml",
            Self::Foreign => "foreign.yaml",
            Self::Cr => "cr.yaml",
            Self::Komposer => "komposer.yaml",
            Self::Readme => "README.md",
            Self::Component => "pattern.wasm",
            Self::Hooks => "hooks.wasm",
        }
    }

    /// The largest layer of this role, in bytes. A component's is `orkestra_component::MAX_COMPONENT`; a text's is the language's
    /// own bound.
    pub fn limit(self) -> u64 {
        match self {
            Self::Component => 4 << 20,
            Self::Hooks => 64 << 20,
            _ => 1 << 20,
        }
    }

    /// Whether every pattern has it.
    pub fn is_required(self) -> bool {
        !matches!(self, Self::Crd | Self::Foreign | Self::Hooks)
    }

    /// The role whose media type this is.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.media_type() == media_type)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn roles_are_told_apart_by_media_type_and_by_file_name() {
        let types: BTreeSet<_> = Role::ALL.into_iter().map(Role::media_type).collect();
        let titles: BTreeSet<_> = Role::ALL.into_iter().map(Role::title).collect();
        assert_eq!((types.len(), titles.len()), (8, 8));
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(Role::of_media_type(role.media_type()), Some(role));
        }
        assert_eq!(Role::of_media_type("application/octet-stream"), None);
    }
}
