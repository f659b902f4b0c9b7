//! Every kind of problem that a source can have: one code each, in families.
//!
//! A code carries its own page: a title, what is meant and how to mend it, and an edit of the [example](example) pattern that
//! brings it about. The reference is made from [`all`], and the suite `language` makes every edit, and what
//! the words say, and looks for the code.

pub mod admission;
pub mod bounds;
pub mod conversion;
pub mod cr;
pub mod crd;
pub mod eras;
pub mod example;
pub mod expressions;
pub mod flows;
pub mod foreign;
pub mod hooks;
pub mod keys;
pub mod manifests;
pub mod options;
pub mod reads;
pub mod references;
pub mod secrets;
pub mod yaml;

use crate::diagnostic::Severity;

/// A kind of problem.
#[derive(Debug, PartialEq)]
pub struct Code {
    /// `K` and four digits; the first two are the family.
    pub id: &'static str,
    /// What a diagnostic of it weighs, unless the caller is strict.
    pub severity: Severity,
    /// The problem in a few words.
    pub title: &'static str,
    /// What is meant, why it is a problem, how to mend it.
    pub page: &'static str,
    /// How to bring it about.
    pub example: Example,
}

/// How to bring a code about.
#[derive(Debug, PartialEq)]
pub enum Example {
    /// In that file of the example pattern, write `put` for the first `find`.
    Edit {
        /// `katalog.yaml`, `crd.yaml` or `cr.yaml`.
        file: &'static str,
        /// What stands there, exactly.
        find: &'static str,
        /// What to write for it.
        put: &'static str,
    },
    /// Too large to show; in words.
    Words(&'static str),
}

/// An edit of the example's Katalog.
const fn edit(find: &'static str, put: &'static str) -> Example {
    Example::Edit { file: "katalog.yaml", find, put }
}

/// An edit of the example's CRD.
const fn edit_crd(find: &'static str, put: &'static str) -> Example {
    Example::Edit { file: "crd.yaml", find, put }
}

/// An edit of the example's custom resource.
const fn edit_cr(find: &'static str, put: &'static str) -> Example {
    Example::Edit { file: "cr.yaml", find, put }
}

const fn error(id: &'static str, title: &'static str, page: &'static str, example: Example) -> Code {
    Code { id, severity: Severity::Error, title, page, example }
}

const fn warning(id: &'static str, title: &'static str, page: &'static str, example: Example) -> Code {
    Code { id, severity: Severity::Warning, title, page, example }
}

const fn note(id: &'static str, title: &'static str, page: &'static str, example: Example) -> Code {
    Code { id, severity: Severity::Note, title, page, example }
}

/// Every code, in order.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [
        yaml::CODES,
        bounds::CODES,
        keys::CODES,
        references::CODES,
        expressions::CODES,
        manifests::CODES,
        crd::CODES,
        cr::CODES,
        secrets::CODES,
        options::CODES,
        reads::CODES,
        conversion::CODES,
        flows::CODES,
        hooks::CODES,
        admission::CODES,
        eras::CODES,
        foreign::CODES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The code of that id, as `K0201`.
pub fn find(id: &str) -> Option<&'static Code> {
    all().find(|code| code.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_unlike() {
        let ids: Vec<_> = all().map(|code| code.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 5 && id.starts_with('K')));
    }

    #[test]
    fn the_example_has_no_problem() {
        let (pattern, problems) = crate::check(&example::source(None));
        assert!(
            problems.is_empty(),
            "{}",
            crate::diagnostic::render_all(&problems, &example::source(None), Default::default())
        );
        assert!(pattern.is_some());
    }
}
