//! `secrets`: `data` is plain text here and base64 in the manifest, as the API server has it.

use super::siblings::is_keyed;
use super::{Context, Target};
use crate::ast::texts::{expression, inside, lone, quoted};
use crate::cel::ast::Expr;
use crate::cel::{self, Piece};
use crate::yaml::{Node, Text, Value};

/// What stands around the text that an expression gives.
const ENCODE: (&str, &str) = ("base64.encode(bytes(string(", ")))");

pub(super) fn expand(target: &mut Target, context: &Context) {
    target.copy(context, &["data", "type"]);
    if let Some(tls) = &target.template.tls {
        // The API server asks for the data of this type, which the runtime makes.
        target.put(&["type"], tls.span, Node::string(tls.span, "kubernetes.io/tls"));
    }
    if let Some((key, node)) = target.taken("data") {
        target.put(&["data"], key, data(node, context));
    }
    target.pass_on();
}

fn data(node: &Node, context: &Context) -> Node {
    match &node.value {
        Value::Map(members) => {
            let members = members.iter().map(|(key, node)| (key.clone(), value(node, context))).collect();
            Node { span: node.span, value: Value::Map(members) }
        }
        // Of a map that is computed, each value.
        Value::String(text) => match lone(text) {
            Some(map) => {
                let each = format!("transformMap(key, text, {}text{})", ENCODE.0, ENCODE.1);
                let parts = match optional(&map) {
                    Some(path) => vec![path, Text::from(format!(".optMap(map, map.{each})"))],
                    None => vec![Text::from("("), map, Text::from(format!(").{each}"))],
                };
                expression(node, parts)
            }
            None => node.clone(),
        },
        _ => node.clone(),
    }
}

/// One value. What is no string stays as it is: the schema's check says so, at its place.
fn value(node: &Node, context: &Context) -> Node {
    let Value::String(text) = &node.value else { return node.clone() };
    if !text.has_expressions() {
        return Node::string(node.span, base64(text.text.as_bytes()));
    }
    // What is no expression is told where expressions are checked.
    let Ok(pieces) = cel::split(&text.text) else { return node.clone() };
    if let Some(source) = lone(text) {
        if is_encoded(&source.text, context) {
            return node.clone();
        }
        let parts = match optional(&source) {
            // A path alone may be absent, and its key with it.
            Some(path) => vec![path, Text::from(format!(".optMap(text, {}text{})", ENCODE.0, ENCODE.1))],
            None => vec![Text::from(ENCODE.0), source, Text::from(ENCODE.1)],
        };
        return expression(node, parts);
    }
    let mut parts = vec![Text::from("base64.encode(bytes([")];
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            parts.push(Text::from(", "));
        }
        match piece {
            Piece::Literal { text, .. } => parts.push(Text::from(quoted(&text))),
            Piece::Expression { range, .. } => {
                parts.extend([Text::from("string("), inside(text, range), Text::from(")")]);
            }
        }
    }
    parts.push(Text::from("].join()))"));
    expression(node, parts)
}

/// The names of a path that is written with dots only.
fn names(source: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = source.strip_prefix('.').unwrap_or(source).split('.').collect();
    let is_name = |name: &&str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    names.iter().all(is_name).then_some(names)
}

/// `a.b.c` as `a.b.?c`, which is an optional.
fn optional(source: &Text) -> Option<Text> {
    let last = names(&source.text)?.len().checked_sub(2).and(source.text.rfind('.'))? + 1;
    Some(Text::concat([source.slice(0..last), Text::from("?"), source.slice(last..source.text.len())]))
}

/// Whether an expression is a path to a value of a Secret's `data`, perhaps with bytes as its default. That is base64 already, or bytes,
/// which become base64 as they are: nothing asks for them to be text.
fn is_encoded(source: &str, context: &Context) -> bool {
    cel::parse_free(source, "").is_ok_and(|parsed| match &parsed.ast.expr().node {
        Expr::Call { expr: callee, args } => match (&callee.node, args.as_slice()) {
            (Expr::Ident(name), [value, fallback]) => {
                let bytes = matches!(fallback.node, Expr::Bytes(_)) || is_data(&fallback.node, context);
                name == "default" && bytes && is_data(&value.node, context)
            }
            _ => false,
        },
        path => is_data(path, context),
    })
}

/// Whether a path leads to a value of a Secret's `data`: `children.<id>.data.<key>`, `reads.<id>.data[<key>]`.
fn is_data(path: &Expr, context: &Context) -> bool {
    let (Expr::Member { expr: data, .. } | Expr::Index { expr: data, .. }) = path else { return false };
    let Expr::Member { expr: object, field, .. } = &data.node else { return false };
    let (named, of_many) = match &object.node {
        Expr::Index { expr, .. } => (expr, true),
        _ => (object, false),
    };
    let Expr::Member { expr: root, field: id, .. } = &named.node else { return false };
    let (Expr::Ident(root) | Expr::RootIdent(root)) = &root.node else { return false };
    let of_secret = match root.as_str() {
        "children" => {
            context.sibling(id).is_some_and(|child| child.kind() == "Secret" && is_keyed(child.template) == of_many)
        }
        "reads" => context.read(id).is_some_and(|read| read.kind.value == "Secret"),
        _ => false,
    };
    field == "data" && of_secret
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let three = [0, 1, 2].map(|at| group.get(at).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for digit in 0..4 {
            let at = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            text.push(if digit > group.len() { '=' } else { char::from(ALPHABET[at]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, Span};

    fn encoded(text: &str) -> String {
        let source = Source::new().with("katalog.yaml", b"");
        let span = Span { file: source.find("katalog.yaml").unwrap(), start: 0, end: 0 };
        let node = value(&Node::string(span, text), &Context { id: "secret", siblings: &[], reads: &[] });
        node.text().unwrap().to_owned()
    }

    #[test]
    fn literals_are_encoded_at_check() {
        assert_eq!(
            ["", "a", "ab", "abc", "abcd", "ÿ\n"].map(encoded),
            ["", "YQ==", "YWI=", "YWJj", "YWJjZA==", "w78K"]
        );
    }

    #[test]
    fn expressions_are_encoded_when_they_are_evaluated() {
        assert_eq!(encoded("{{ spec.a | default 'x' }}"), "{{ base64.encode(bytes(string(spec.a | default 'x'))) }}");
        assert_eq!(encoded("{{f(2) // two\n}}"), "{{ base64.encode(bytes(string(f(2) // two\n))) }}");
        assert_eq!(
            encoded("it's\t{{ .spec.a }}-{{b}}"),
            r"{{ base64.encode(bytes(['it\'s\t', string(.spec.a), '-', string(b)].join())) }}"
        );
    }

    #[test]
    fn a_lone_path_may_be_absent() {
        let body = "optMap(text, base64.encode(bytes(string(text))))";
        assert_eq!(encoded("{{ .spec.a }}"), format!("{{{{ .spec.?a.{body} }}}}"));
        assert_eq!(encoded("{{ vars.a }}"), format!("{{{{ vars.?a.{body} }}}}"));
        assert_eq!(encoded("{{ item }}"), "{{ base64.encode(bytes(string(item))) }}");
        assert_eq!(encoded("{{ 1.5 }}"), "{{ base64.encode(bytes(string(1.5))) }}");
    }

    #[test]
    fn what_does_not_end_is_left_to_the_check() {
        assert_eq!(encoded("{{ a"), "{{ a");
    }
}
