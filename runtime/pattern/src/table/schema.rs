//! Tables as JSON Schema, for editors.

use serde_json::{Map, Value, json};

use super::{Need, Others, Row, Table, Takes};
use crate::shorthand;

/// The schema of a document, as JSON Schema 2020-12. It says of every key and plain value what the parser would; what stands in
/// expressions, and what depends on other files, is left to `ork check`.
pub fn json_schema(document: &'static Table, id: &str) -> Value {
    let tables = document.all();
    let definitions: Map<String, Value> =
        tables.iter().skip(1).map(|table| (table.name.to_owned(), object(table))).collect();
    let mut root = Map::new();
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("$id".to_owned(), json!(id));
    root.insert("title".to_owned(), json!(document.name));
    if let Value::Object(members) = object(document) {
        root.extend(members);
    }
    root.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(root)
}

fn object(table: &Table) -> Value {
    let mut properties = Map::new();
    let written = |row: &&Row| !matches!(row.need, Need::Replaced(_) | Need::Refused);
    for row in table.rows().filter(written) {
        properties.insert(row.key.to_owned(), described(row));
    }
    let others = match &table.others {
        Others::Refused => json!(false),
        Others::Any(takes) => value(takes),
        Others::Kind(fields) => {
            for (name, _) in shorthand::passed_on(fields) {
                properties.entry(name).or_insert(json!(true));
            }
            json!(false)
        }
    };
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("object"));
    object.insert("description".to_owned(), json!(table.doc));
    object.insert("properties".to_owned(), Value::Object(properties));
    let (mut required, mut either) = (Vec::new(), Vec::new());
    for row in table.rows().filter(|row| row.need == Need::Required) {
        let names = |other: &Row| matches!(other.need, Need::Alias(of) | Need::Former(of) if of == row.key);
        let aliases: Vec<_> = table.rows().filter(|other| names(other)).map(|other| other.key).collect();
        if aliases.is_empty() {
            required.push(row.key);
        } else {
            let one = [row.key].into_iter().chain(aliases).map(|key| json!({"required": [key]}));
            either.push(json!({"oneOf": one.collect::<Vec<_>>()}));
        }
    }
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    if !either.is_empty() {
        object.insert("allOf".to_owned(), json!(either));
    }
    object.insert("additionalProperties".to_owned(), others);
    Value::Object(object)
}

fn described(row: &Row) -> Value {
    let mut schema = match value(&row.takes) {
        Value::Object(schema) => schema,
        // `true`, which says the same as a schema without a word, and has no place for a description.
        _ => Map::new(),
    };
    schema.insert("description".to_owned(), json!(row.doc));
    if let Need::Former(now) = row.need {
        schema.insert("deprecated".to_owned(), json!(true));
        schema.insert("description".to_owned(), json!(format!("The older spelling of `{now}`.")));
    }
    Value::Object(schema)
}

fn value(takes: &Takes) -> Value {
    match takes {
        Takes::Any => json!(true),
        Takes::Nothing => json!(false),
        Takes::Null => json!({"type": "null"}),
        Takes::Text => json!({"type": "string"}),
        Takes::Like(pattern) => json!({"type": "string", "pattern": pattern.regex}),
        Takes::Words([word]) => json!({"const": word}),
        Takes::Words(words) => json!({"enum": words}),
        Takes::Flag => json!({"type": "boolean"}),
        Takes::Number { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Takes::List(item) => match item {
            Takes::Nothing => json!({"type": "array", "maxItems": 0}),
            item => json!({"type": "array", "items": value(item)}),
        },
        Takes::Map(inner) => json!({"type": "object", "additionalProperties": value(inner)}),
        Takes::Table(table) => json!({"$ref": format!("#/$defs/{}", table.name)}),
        Takes::Either(several) => json!({"anyOf": several.iter().map(value).collect::<Vec<_>>()}),
    }
}
