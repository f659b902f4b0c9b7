//! `ork schema`: the keys of documents, for people and for editors.

use std::fmt::Write as _;

use orkestra_pattern::query::explain;
use orkestra_pattern::schema::nearest;
use orkestra_pattern::table::{Explained, NoSuchKey, Table, json_schema};

use crate::args::{Schema, TextOrJson};
use crate::cases::CASE;
use crate::error::Error;
use crate::output::{Output, role};

/// Every document that a person or `ork` writes.
const DOCUMENTS: [&Table; 5] = [
    &orkestra_pattern::KATALOG,
    &orkestra_komposer::KOMPOSER,
    &orkestra_komposer::LOCK,
    &orkestra_komposer::policy::POLICY,
    &CASE,
];

pub(crate) fn run(args: &Schema, output: &Output) -> Result<(), Error> {
    let Some(what) = &args.what else { return kinds(args.format, output) };
    let (kind, path) = what.split_once('.').unwrap_or((what, ""));
    let Some(document) = DOCUMENTS.into_iter().find(|document| document.name.eq_ignore_ascii_case(kind)) else {
        let known = DOCUMENTS.map(|document| document.name);
        let hint = match nearest(kind, known) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        return Err(Error::Unusable { problem: format!("there is no kind `{kind}`"), hint: Some(hint) });
    };
    match args.format {
        TextOrJson::Json if !path.is_empty() => Err(Error::Unusable {
            problem: "a JSON Schema is of a whole document".to_owned(),
            hint: Some(format!("leave out `.{path}`")),
        }),
        TextOrJson::Json => {
            let id = format!("https://orkestra.orkspace.io/v1/{}.schema.json", document.name);
            output.bytes(format!("{:#}\n", json_schema(document, &id)).as_bytes())
        }
        TextOrJson::Text => {
            let explained = explain(document, path).map_err(|error| unusable(&error))?;
            output.data(&text(document.name, &explained))
        }
    }
}

/// The kinds, each with what it is for.
fn kinds(format: TextOrJson, output: &Output) -> Result<(), Error> {
    if format == TextOrJson::Json {
        let problem = "a JSON Schema is of one kind of document".to_owned();
        return Err(Error::Unusable { problem, hint: Some("name it: `ork schema katalog --format json`".to_owned()) });
    }
    let name = role::NAME;
    let mut text = String::from("Kinds:\n");
    for document in DOCUMENTS {
        // Nothing can be done about a string that is not written to.
        let _ = writeln!(text, "  {name}{}{name:#}\n      {}", document.name, document.doc);
    }
    output.data(&text)
}

fn unusable(error: &NoSuchKey) -> Error {
    let hint = match (&error.nearest, error.known.as_slice()) {
        (Some(nearest), _) => Some(format!("did you mean `{nearest}`?")),
        (None, []) => None,
        (None, known) => Some(format!("its keys are {}", known.join(", "))),
    };
    Error::Unusable { problem: error.to_string(), hint }
}

fn text(kind: &str, explained: &Explained) -> String {
    let (name, faint) = (role::NAME, role::FAINT);
    let separator = if explained.path.is_empty() { "" } else { "." };
    let mut text = format!(
        "{name}{kind}{separator}{}{name:#}  {faint}{}{faint:#}\n\n  {}\n",
        explained.path, explained.takes, explained.doc
    );
    if !explained.keys.is_empty() {
        text.push_str("\nKeys:\n");
    }
    for line in &explained.keys {
        let need = if line.need.is_empty() { String::new() } else { format!(", {}", line.need) };
        // Nothing can be done about a string that is not written to.
        let _ =
            writeln!(text, "  {name}{}{name:#}  {faint}{}{need}{faint:#}\n      {}", line.key, line.takes, line.doc);
    }
    if let Some(others) = &explained.others {
        let _ = writeln!(text, "\nAnd {others}.");
    }
    text
}
