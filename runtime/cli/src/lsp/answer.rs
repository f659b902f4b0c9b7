//! Answers about places: what stands there, where it comes from, what a file names.

use lsp_types::{
    Code, Contents, Diagnostic, DocumentSymbol, Hover, Location, MarkupContent, MarkupKind, Position, Range,
    SymbolKind as Symbols,
};
use orkestra_pattern::cel::{self, Found, What};
use orkestra_pattern::codes;
use orkestra_pattern::query::{self, At, Expression, Place, Step, Symbol, SymbolKind};
use serde_json::{Value, json};

use super::files::Kind;
use super::functions;
use super::publish::Places;
use super::state::Asked;
use super::text::Lines;
use crate::output::grouped;

/// What stands in an expression, or in a path that is none: `field: spec.users`.
fn look(asked: &Asked<'_>, place: &Place, offset: usize) -> Option<(Found, usize)> {
    let Expression { range, text } = match (&place.expression, &place.at) {
        (Some(expression), _) => expression.clone(),
        (None, At::Value(range)) if place.path.last().and_then(Step::key) == Some("field") => {
            Expression { range: range.clone(), text: asked.text.get(range.clone())?.to_owned() }
        }
        _ => return None,
    };
    let scope = asked.facts()?.scope(&place.path)?;
    Some((cel::look(&text, offset.checked_sub(range.start)?, scope)?, range.start))
}

pub(super) fn hover(asked: &Asked<'_>, position: Position) -> Option<Hover> {
    let lines = Lines::of(asked.text);
    let offset = lines.offset(position);
    let place = query::locate(asked.text, offset);
    let is_katalog = matches!(asked.kind, Kind::Katalog);
    let (mut text, mut range) = (String::new(), None);
    match look(asked, &place, offset).filter(|_| is_katalog) {
        Some((found, start)) => {
            text = said(asked, &place, &found);
            range = Some(start + found.range.start..start + found.range.end);
            if let Some(most) = cost(asked, &place) {
                text = format!("{text}\n\nThe expression costs {} units at most.", grouped(most));
            }
        }
        None if place.expression.is_none() => {
            if let Some((said, at)) = key(asked, &place) {
                (text, range) = (said, Some(at));
            }
        }
        None => {}
    }
    for code in asked.diagnostics.iter().filter(|found| found.range.start <= position && position <= found.range.end) {
        let Some(Code::String(id)) = &code.code else { continue };
        if let Some(code) = codes::find(id) {
            text = format!("{text}\n\n**{}** {}\n\n{}", code.id, code.title, code.page);
        }
    }
    let text = text.trim().to_owned();
    (!text.is_empty()).then(|| Hover {
        contents: Contents::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value: text }),
        range: range.map(|bytes| lines.range(bytes)),
    })
}

/// What is said of something in an expression.
fn said(asked: &Asked<'_>, place: &Place, found: &Found) -> String {
    let ty = cel::describe(&found.ty);
    match &found.what {
        What::Function(name) => {
            let mut text = fenced(&cel::forms(name).join("\n"));
            for row in functions::about(name) {
                text = format!("{text}\n\n{}: {}", row.calls, row.gives);
                if !row.fails.is_empty() {
                    text = format!("{text}\n\nFails where {}.", row.fails.trim_end_matches('.'));
                }
            }
            text
        }
        What::Path(names) => {
            let about = names.last().and_then(|name| asked.facts()?.said_of(&place.path, found.of.as_ref(), name));
            format!("{}\n\n{}", fenced(&format!("{}: {ty}", names.join("."))), about.unwrap_or_default())
        }
        What::Field(name) => {
            let about = asked.facts().and_then(|facts| facts.said_of(&place.path, found.of.as_ref(), name));
            format!("{}\n\n{}", fenced(&format!("{name}: {ty}")), about.unwrap_or_default())
        }
        What::Value => fenced(&ty),
    }
}

fn fenced(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("```\n{text}\n```") }
}

/// What is said of a key, or of the key of a value.
fn key(asked: &Asked<'_>, place: &Place) -> Option<(String, std::ops::Range<usize>)> {
    let range = place.at.range()?;
    let mut path = place.path.clone();
    if let At::Key(_) = place.at {
        let written = asked.text.get(range.clone())?.trim_matches(['"', '\'']);
        path.push(Step::Key(written.to_owned()));
    }
    let facts = asked.facts();
    let document = asked.kind.document(|| facts?.primary(None))?;
    let kind_of = |path: &[Step]| facts?.kind_of(path);
    let word = query::key(&document, &path, &kind_of)?;
    let required = if word.required { ", required" } else { "" };
    Some((format!("**{}** {}{required}\n\n{}", word.key, word.takes, word.doc), range))
}

/// What mends problems of a range: the edits that `ork check --fix` would make.
pub(super) fn mends(asked: &Asked<'_>, uri: &str, range: Range) -> Vec<Value> {
    let within = |found: &&Diagnostic| found.range.start <= range.end && range.start <= found.range.end;
    let one = |found: &Diagnostic| {
        let data = found.data.as_ref()?;
        let edits = data["edits"].as_array().filter(|edits| !edits.is_empty())?;
        let title = data["hints"][0].as_str().unwrap_or("mend it");
        Some(json!({
            "title": title, "kind": "quickfix", "isPreferred": true, "diagnostics": [found],
            "edit": {"changes": {uri: edits}},
        }))
    };
    asked.diagnostics.iter().filter(within).filter_map(one).collect()
}

/// What the expression at a place costs at most.
fn cost(asked: &Asked<'_>, place: &Place) -> Option<u64> {
    let Expression { text, .. } = place.expression.as_ref()?;
    let scope = asked.facts()?.scope(&place.path)?;
    let checked = cel::check(text, "", scope, cel::Place::Value(None)).ok()?;
    Some(checked.cost.cost.max)
}

/// Where what stands at a place was named.
pub(super) fn definition(asked: &Asked<'_>, position: Position) -> Option<Location> {
    if !matches!(asked.kind, Kind::Katalog) {
        return None;
    }
    let offset = Lines::of(asked.text).offset(position);
    let place = query::locate(asked.text, offset);
    let facts = asked.facts()?;
    let span = match look(asked, &place, offset) {
        Some((found, _)) => facts.definition(&place.path, &found)?,
        None => facts.reference(&place.path, asked.text.get(place.at.range()?)?.trim_matches(['"', '\'']))?,
    };
    asked.places()?.location(span)
}

/// What a Katalog names.
pub(super) fn symbols(asked: &Asked<'_>) -> Vec<DocumentSymbol> {
    let (Kind::Katalog, Some(facts), Some(places)) = (&asked.kind, asked.facts(), asked.places()) else {
        return Vec::new();
    };
    facts.symbols().iter().filter_map(|symbol| one(symbol, &places)).collect()
}

fn one(symbol: &Symbol, places: &Places<'_>) -> Option<DocumentSymbol> {
    let inside: Vec<_> = symbol.inside.iter().filter_map(|symbol| one(symbol, places)).collect();
    let kind = match symbol.kind {
        SymbolKind::Input => Symbols::Property,
        SymbolKind::Entry => Symbols::Class,
        SymbolKind::Var => Symbols::Variable,
        SymbolKind::Read => Symbols::Interface,
        SymbolKind::Child => Symbols::Object,
    };
    let detail = (!symbol.detail.is_empty()).then(|| symbol.detail.clone());
    let (whole, name) = (places.of(symbol.whole)?.1, places.of(symbol.span)?.1);
    let inside = (!inside.is_empty()).then_some(inside);
    Some(DocumentSymbol::new(symbol.name.clone(), detail, kind, None, None, whole, name, inside))
}
