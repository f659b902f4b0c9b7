//! What is known of an instance where it was put together. The runtime tells it to whoever looks, and decides nothing by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

/// The longest text that is shown, in characters.
const LONGEST: usize = 1024;

/// Text that somebody else wrote, made safe to show: on one line, without characters that change what is around them, and cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Text(String);

impl Text {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut safe = String::with_capacity(text.len().min(LONGEST));
        let mut characters = text.chars();
        for c in characters.by_ref().take(LONGEST) {
            match c {
                '\n' | '\r' | '\t' => safe.push(' '),
                // Control characters, marks of direction and what has no width: they would make it look like another text.
                c if c.is_control() || is_unseen(c) => {
                    // Writing to a String cannot fail.
                    let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
                }
                c => safe.push(c),
            }
        }
        if characters.next().is_some() {
            safe.push('…');
        }
        Self(safe)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Where an instance is from, what it asks for and what it may touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The pattern's own version.
    pub version: Text,
    /// The directory or the reference that it was read from, as its user wrote it.
    pub from: Text,
    /// What it is, to the byte.
    pub digests: Digests,
    /// What it asks for beyond computing, by name.
    pub capabilities: Vec<Capability>,
    /// What its account has to be allowed for it to work.
    pub rights: Vec<Right>,
    /// What its templates ask for and no account is given.
    pub not_given: Vec<Text>,
    /// The points at which entries call its hook, by the entry's name: `beforeRender`, `validate`, …
    pub hook_points: BTreeMap<String, Vec<&'static str>>,
}

/// Digests as registries write them: `sha256:…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Digests {
    /// The component that runs.
    pub component: Option<String>,
    /// The manifest of the artifact that it came in.
    pub manifest: Option<String>,
    /// The component with its hook.
    pub hook: Option<String>,
}

/// Something that a pattern may only do when it is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capability {
    /// The word that grants it: `http:GET:https://api.example.com`.
    pub name: Text,
    /// Whether it was granted. Of an instance that runs all were.
    pub granted: bool,
    /// What for, each with its place in the pattern.
    pub reasons: Vec<Text>,
}

/// Verbs on one resource, as a role gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Right {
    /// Empty for the core group.
    pub group: Text,
    /// The plural, with the subresource after a slash.
    pub resource: Text,
    /// Where it has to hold.
    pub scope: Scope,
    /// Only objects of these names; empty: all.
    pub names: Vec<Text>,
    /// `get`, `patch`, …
    pub verbs: Vec<Text>,
    /// What for, each with its place in the pattern.
    pub reasons: Vec<Text>,
}

/// Where a right has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// In the namespaces of the pattern's resources.
    Namespaces,
    /// In this one.
    Named(Text),
    /// In the whole cluster.
    Cluster,
}

/// What was asked for and does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The instance, or what was asked for where even its name is not known.
    pub name: String,
    /// One PascalCase word.
    pub reason: &'static str,
    /// For people.
    pub message: Text,
    /// How to put it right.
    pub mend: Option<Text>,
    /// What it asks for beyond computing and is not granted, where that is why.
    pub denied: Vec<Capability>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_the_text_around_it_is_escaped_and_what_is_long_is_cut() {
        for (text, shown) in [
            ("plain äöü 漢字", "plain äöü 漢字"),
            ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
            ("two\nlines\tand a tab", "two lines and a tab"),
            ("\u{1b}[31mred\u{0}", "\\u{1b}[31mred\\u{0}"),
            ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}", "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}"),
        ] {
            assert_eq!(Text::from(text).as_str(), shown);
        }
        let long = Text::from("é".repeat(LONGEST + 1));
        assert_eq!(long.as_str().chars().count(), LONGEST + 1);
        assert!(long.as_str().ends_with('…'));
        assert!(!Text::from("é".repeat(LONGEST)).as_str().ends_with('…'));
    }
}
