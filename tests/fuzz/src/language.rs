//! The YAML that people and strangers write.

use orkestra_compile::compile;
use orkestra_komposer::{documentation, parse, parse_lock, policy};
use orkestra_pattern::capability::What;
use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::{Diagnostics, Source, check};
use orkestra_program::model::Program;

use super::{harmless, parts};

const CRD: &[u8] = include_bytes!("../../language/crd.yaml");

/// A Katalog, and behind a cut its CRD; without one, the CRD of the suite `language`. What passes the check is compiled.
pub fn katalog(bytes: &[u8]) {
    compiled(bytes);
}

/// The same, and the program that came of it, where there is one.
pub fn compiled(bytes: &[u8]) -> Option<Program> {
    let (katalog, crd) = parts(bytes);
    let source = Source::new().with("katalog.yaml", katalog).with("crd.yaml", crd.unwrap_or(CRD));
    let (pattern, problems) = check(&source);
    assert_eq!(pattern.is_some(), !problems.has_errors(), "there is a pattern exactly where there is no error");
    shown(&problems, &source);
    match compile(&pattern?) {
        Ok(compiled) => {
            let program = orkestra_program::decode(&compiled.program).expect("what was compiled can be read");
            assert_eq!(orkestra_program::encode(&program), compiled.program, "there is one way to write a program");
            Some(program)
        }
        // What is beyond a bound of the program's format; that a name is not there is the check's to say.
        Err(refused) => {
            assert_ne!(refused.reason(), "UnknownReference", "{refused}");
            harmless(&refused.to_string());
            None
        }
    }
}

/// A word that asks for a capability: there is one way to write each.
pub fn capability(bytes: &[u8]) {
    let Ok(word) = std::str::from_utf8(bytes) else { return };
    match What::parse(word) {
        Ok(what) => {
            assert_eq!(what.to_string(), word);
            harmless(&what.allows());
        }
        Err(why) => harmless(&why),
    }
}

/// A Komposer, a lock and a policy: one text, read as each of them.
pub fn komposer(bytes: &[u8]) {
    let mut source = Source::new();
    let file = source.add("komposer.yaml", bytes);
    for problems in [
        parse(&source, file).1,
        documentation(&source, file),
        parse_lock(&source, file).1,
        policy::parse(&source, file).1,
    ] {
        shown(&problems, &source);
    }
}

fn shown(problems: &Diagnostics, source: &Source) {
    harmless(&render_all(problems, source, Style::Plain));
}
