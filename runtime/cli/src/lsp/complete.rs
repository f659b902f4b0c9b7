//! What can be written at a place.

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTextEdit, Documentation, MarkupContent, MarkupKind, Position,
    Range, TextEdit,
};
use orkestra_pattern::cel::{self, WordKind, ast::Type};
use orkestra_pattern::query::{self, At, Expression, KeyWord, Place, Step};

use super::files::Kind;
use super::functions;
use super::state::Asked;
use super::text::Lines;

pub(super) fn complete(asked: &Asked<'_>, position: Position) -> Vec<CompletionItem> {
    let lines = Lines::of(asked.text);
    let offset = lines.offset(position);
    let place = query::locate(asked.text, offset);
    match (&place.expression, &asked.kind) {
        (Some(expression), Kind::Katalog) => expressions(asked, &place, expression, offset, &lines),
        (Some(_), _) => Vec::new(),
        (None, _) => {
            let mut items = keys(asked, &place, &lines);
            items.extend(values(asked, &place, &lines));
            items
        }
    }
}

fn expressions(
    asked: &Asked<'_>,
    place: &Place,
    expression: &Expression,
    offset: usize,
    lines: &Lines<'_>,
) -> Vec<CompletionItem> {
    let found = asked.facts().and_then(|facts| Some((facts, facts.scope(&place.path)?)));
    let Some((facts, scope)) = found else { return Vec::new() };
    let start = expression.range.start;
    let words = cel::words(&expression.text, offset.saturating_sub(start), scope);
    let range = lines.range(start + words.range.start..start + words.range.end);
    // Kubernetes' own words on a field take milliseconds to find: who wants them asks for one field.
    let ours = match &words.of {
        Some(Type::Message(message)) => message.starts_with("object") || message.starts_with("inputs"),
        Some(_) => false,
        None => true,
    };
    let of = words.of.clone();
    let item = |word: cel::Word| {
        let (kind, doc) = match word.kind {
            WordKind::Variable => (CompletionItemKind::Variable, facts.said_of(&place.path, None, &word.name)),
            WordKind::Field if ours => (CompletionItemKind::Field, facts.said_of(&place.path, of.as_ref(), &word.name)),
            WordKind::Field => (CompletionItemKind::Field, None),
            WordKind::Function => (CompletionItemKind::Function, gives(&word.name)),
            WordKind::Method => (CompletionItemKind::Method, gives(&word.name)),
        };
        // Fields before functions, which any value has.
        let order = match word.kind {
            WordKind::Variable | WordKind::Field => 0,
            WordKind::Function | WordKind::Method => 1,
        };
        let text = word.name.clone();
        CompletionItem {
            sort_text: Some(format!("{order}{text}")),
            ..self::item(word.name, kind, word.detail, doc, text, range)
        }
    };
    words.words.into_iter().map(item).collect()
}

fn gives(name: &str) -> Option<String> {
    let row = functions::about(name).first()?;
    Some(format!("{}: {}", row.calls, row.gives))
}

fn keys(asked: &Asked<'_>, place: &Place, lines: &Lines<'_>) -> Vec<CompletionItem> {
    let (At::Key(range) | At::Either(range)) = &place.at else { return Vec::new() };
    let facts = asked.facts();
    let Some(document) = asked.kind.document(|| facts?.primary(None)) else { return Vec::new() };
    let kind_of = |path: &[Step]| facts?.kind_of(path);
    let behind = asked.text.get(range.end..).unwrap_or_default();
    let has_colon = behind.trim_start_matches(' ').starts_with(':');
    let bytes = lines.range(range.clone());
    let words = query::keys(&document, &place.path, &kind_of).into_iter();
    let words = words.filter(|word| !place.siblings.contains(&word.key));
    let item = |KeyWord { key, takes, doc, required, opens }: KeyWord| {
        let text = match (has_colon, opens) {
            (true, _) => key.clone(),
            (false, true) => format!("{key}:"),
            (false, false) => format!("{key}: "),
        };
        let takes = if required { format!("{takes}, required") } else { takes };
        let order = if required { 0 } else { 1 };
        let doc = Some(doc).filter(|doc| !doc.is_empty());
        let item = self::item(key.clone(), CompletionItemKind::Property, takes, doc, text, bytes);
        CompletionItem { sort_text: Some(format!("{order}{key}")), ..item }
    };
    words.map(item).collect()
}

fn values(asked: &Asked<'_>, place: &Place, lines: &Lines<'_>) -> Vec<CompletionItem> {
    let (At::Value(range) | At::Either(range)) = &place.at else { return Vec::new() };
    let facts = asked.facts();
    let Some(document) = asked.kind.document(|| facts?.primary(None)) else { return Vec::new() };
    let kind_of = |path: &[Step]| facts?.kind_of(path);
    let range = lines.range(range.clone());
    let words = query::values(&document, &place.path, &kind_of).into_iter();
    words.map(|word| item(word.clone(), CompletionItemKind::EnumMember, String::new(), None, word, range)).collect()
}

fn item(
    label: String,
    kind: CompletionItemKind,
    detail: String,
    doc: Option<String>,
    text: String,
    range: Range,
) -> CompletionItem {
    CompletionItem {
        label,
        kind: Some(kind),
        detail: Some(detail).filter(|detail| !detail.is_empty()),
        documentation: doc
            .map(|value| Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value })),
        text_edit: Some(CompletionItemTextEdit::TextEdit(TextEdit { range, new_text: text })),
        ..CompletionItem::default()
    }
}
