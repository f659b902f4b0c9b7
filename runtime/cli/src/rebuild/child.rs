//! The side that parses what a stranger wrote. It computes and answers, and can do nothing else.

use orkestra_artifact::config::Tests;
use orkestra_artifact::{Contents, Role};
use orkestra_pattern::Source;
use orkestra_pattern::diagnostic::{Style, render_all};

use super::wire::{self, Built, Reply, Theirs};
use crate::package::config;

/// What the language reads, in the order in which a directory is read.
const FILES: [Role; 6] = [Role::Katalog, Role::Crd, Role::Foreign, Role::Komposer, Role::Cr, Role::Readme];

pub(super) fn answer(request: &[u8]) -> Reply {
    match wire::contents(request) {
        Some(contents) => build(&contents),
        None => Reply::Failed("the request is none".to_owned()),
    }
}

fn build(contents: &Contents) -> Reply {
    let mut source = Source::new();
    for role in FILES {
        if let Some(bytes) = contents.get(&role) {
            source.add(role.title(), bytes);
        }
    }
    let (pattern, diagnostics) = orkestra_pattern::check(&source);
    let Some(pattern) = pattern.filter(|_| !diagnostics.has_errors()) else {
        let errors = diagnostics.errors() + diagnostics.omitted();
        return Reply::Problems { errors, text: render_all(&diagnostics, &source, Style::Plain) };
    };
    let component = match orkestra_compile::compile(&pattern) {
        Ok(compiled) => compiled.component,
        Err(error) => return Reply::Failed(error.to_string()),
    };
    let document = config(&pattern, &component, Tests::default()).map_err(|error| error.to_string());
    match document {
        Ok(config) => Reply::Built(Box::new(Built { component, config, theirs: theirs(contents) })),
        Err(error) => Reply::Failed(error),
    }
}

fn theirs(contents: &Contents) -> Result<Theirs, String> {
    let component = contents.get(&Role::Component).ok_or_else(|| "there is none".to_owned())?;
    let declared = orkestra_component::decode(component).map_err(|error| error.to_string())?;
    let exports = declared.exports.names().into_iter().map(str::to_owned).collect();
    Ok(Theirs { engine: declared.engine, exports })
}
