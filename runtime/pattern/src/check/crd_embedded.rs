//! What the API server asks of the schema of a whole object: of a version's, and of a field with
//! `x-kubernetes-embedded-resource`.

use crate::codes::crd as codes;
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::{Key, Node, Value};

const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const PRESERVED: &str = "x-kubernetes-preserve-unknown-fields";
/// What the schema of a kind may say of its `metadata`, and of which of its fields.
const OF_METADATA: [&str; 5] = ["type", "properties", "required", "minProperties", "maxProperties"];
const OF_NAMES: [&str; 2] = ["name", "generateName"];

/// Reports what the schema of a kind says of its `metadata`, which is the same for every kind.
pub(super) fn root(schema: &Node, problems: &mut Diagnostics) {
    common(schema, problems);
    let Some(metadata) = schema.get("properties").and_then(|properties| properties.get("metadata")) else { return };
    let keys =
        |node: &Node| -> Vec<Key> { node.members().unwrap_or_default().iter().map(|(key, _)| key.clone()).collect() };
    let keywords = keys(metadata).into_iter().filter(|key| !OF_METADATA.contains(&key.text.as_str()));
    let fields = metadata.get("properties").map(keys).unwrap_or_default().into_iter();
    for key in keywords.chain(fields.filter(|key| !OF_NAMES.contains(&key.text.as_str()))) {
        let message = "`metadata` is the same for every kind".to_owned();
        let problem = codes::whole(key.span, message, "`name` and `generateName` at most");
        problems.push(problem.found(format!("`{}`", key.text)));
    }
}

/// Reports a field that says that it holds a whole object, and cannot.
pub(super) fn field(schema: &Node, problems: &mut Diagnostics) {
    let is = |key: &str| schema.get(key).is_some_and(|node| node.value == Value::Bool(true));
    if !is(EMBEDDED) {
        return;
    }
    let at = |name: &str| {
        let members = schema.members().unwrap_or_default();
        members.iter().find(|(key, _)| key.text == name).map(|(key, _)| key.span)
    };
    let place = at(EMBEDDED).unwrap_or(schema.span);
    of_type(schema, "an embedded resource", "object", place, problems);
    if let Some(place) = at("additionalProperties") {
        let message = "an embedded resource is no map".to_owned();
        problems.push(codes::whole(place, message, &format!("`properties`, or `{PRESERVED}: true`")));
    } else if !is(PRESERVED) && schema.get("properties").and_then(Node::members).is_none_or(<[_]>::is_empty) {
        let message = "of an embedded resource nothing would be kept".to_owned();
        problems.push(codes::whole(place, message, &format!("`properties`, or `{PRESERVED}: true`")));
    }
    common(schema, problems);
}

/// Fields that every object has are of the same type in each.
fn common(schema: &Node, problems: &mut Diagnostics) {
    let Some(properties) = schema.get("properties") else { return };
    for (key, expected) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        if let Some(field) = properties.get(key) {
            of_type(field, &format!("`{key}`"), expected, field.span, problems);
        }
    }
}

fn of_type(schema: &Node, what: &str, expected: &str, place: Span, problems: &mut Diagnostics) {
    let kind = schema.get("type");
    if kind.and_then(Node::text) != Some(expected) {
        let found = kind.map_or("no type".to_owned(), Node::describe);
        let article = if expected == "object" { "an" } else { "a" };
        let problem = codes::whole(
            kind.map_or(place, |node| node.span),
            format!("{what} is {article} {expected}"),
            &format!("`type: {expected}`"),
        );
        problems.push(problem.found(found));
    }
}

#[cfg(test)]
mod tests {
    use crate::codes::example;
    use crate::diagnostic::{Style, render_all};

    const NOTE: &str = "note: {type: string}\n";

    /// The place and message of each problem with this schema in the place of the field `note`, or of this one of `metadata`.
    #[track_caller]
    fn problems(note: &str, metadata: Option<&str>) -> Vec<String> {
        let crd = example::CRD.replacen(NOTE, &format!("note: {note}\n"), 1);
        let root = "          properties:\n";
        let metadata = metadata.map_or(String::new(), |schema| format!("            metadata: {schema}\n"));
        assert!(crd.contains(root));
        let crd = crd.replacen(root, &format!("{root}{metadata}"), 1);
        let source =
            crate::Source::new().with("katalog.yaml", example::KATALOG.as_bytes()).with("crd.yaml", crd.as_bytes());
        let (_, found) = crate::check(&source);
        let text = render_all(&found, &source, Style::Plain);
        assert!(found.iter().all(|problem| problem.code.id == "K0602"), "{text}");
        found.iter().map(|problem| problem.message.clone()).collect()
    }

    #[test]
    fn an_embedded_resource_is_an_object_that_keeps_something() {
        const IS: &str = "x-kubernetes-embedded-resource: true";
        const OPEN: &str = "x-kubernetes-preserve-unknown-fields: true";
        for (schema, expected) in [
            (format!("{{{IS}, {OPEN}}}"), &["an embedded resource is an object"][..]),
            (format!("{{type: string, {IS}, {OPEN}}}"), &["an embedded resource is an object"]),
            (format!("{{type: object, {IS}}}"), &["of an embedded resource nothing would be kept"]),
            (format!("{{type: object, {IS}, properties: {{}}}}"), &["of an embedded resource nothing would be kept"]),
            (
                format!("{{type: object, {IS}, additionalProperties: {{type: string}}}}"),
                &["an embedded resource is no map"],
            ),
            (format!("{{type: object, {IS}, properties: {{kind: {{type: integer}}}}}}"), &["`kind` is a string"]),
            (
                format!("{{type: object, {IS}, properties: {{metadata: {{type: string}}}}}}"),
                &["`metadata` is an object"],
            ),
            (format!("{{type: object, {IS}, {OPEN}}}"), &[]),
            (format!("{{type: object, {IS}, properties: {{kind: {{type: string, maxLength: 9}}}}}}"), &[]),
            (
                format!(
                    "{{type: object, {IS}, properties: {{metadata: {{type: object, properties: {{labels: {{type: object, additionalProperties: {{type: string}}}}}}}}}}}}"
                ),
                &[],
            ),
            ("{type: object, x-kubernetes-embedded-resource: false}".to_owned(), &[]),
        ] {
            assert_eq!(problems(&schema, None), expected, "{schema}");
        }
    }

    #[test]
    fn of_its_own_metadata_a_kind_says_what_names_look_like() {
        let same = "`metadata` is the same for every kind";
        for (schema, expected) in [
            ("{type: object}", &[][..]),
            ("{type: object, required: [name], properties: {name: {type: string, maxLength: 9}}}", &[]),
            ("{}", &["`metadata` is an object"]),
            ("{type: object, description: mine}", &[same]),
            ("{type: object, properties: {labels: {type: object, additionalProperties: {type: string}}}}", &[same]),
        ] {
            assert_eq!(problems("{type: string}", Some(schema)), expected, "{schema}");
        }
    }
}
