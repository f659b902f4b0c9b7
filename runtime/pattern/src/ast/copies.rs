//! `fromConfigMap` and `fromSecret`: a child that is a copy reads what it is copied from.

use super::fields::string;
use super::texts::{expression, lone, quoted};
use super::{ForEach, Form, Read, Spanned, Template, Which};
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::yaml::{Key, Node, Text, Value};

/// The key with which a template of a form names what it is a copy of.
pub(crate) fn key(form: Form) -> Option<&'static str> {
    match form {
        Form::ConfigMap => Some("fromConfigMap"),
        Form::Secret => Some("fromSecret"),
        _ => None,
    }
}

/// The id of the read for a child of that id.
pub(crate) fn read_id(child: &str) -> String {
    format!("{child}Source")
}

/// The read of the object that a template is a copy of.
pub(super) fn read(template: &Template, problems: &mut Diagnostics) -> Option<Read> {
    let name = key(template.form)?;
    let (key, node) = template.item.members()?.iter().find(|(key, _)| key.text == name)?;
    let (api_version, kind) = template.form.kind()?;
    string(node, &format!("`{}`", key.text), problems)?;
    let default = if template.form == Form::Secret { "secret" } else { "configMap" };
    let child = template.id.as_ref().map_or(default, |id| id.value.as_str());
    let made = |text: &str| Spanned { value: text.to_owned(), span: key.span };
    Some(Read {
        id: made(&read_id(child)),
        api_version: made(api_version),
        kind: made(kind),
        which: Which::Name(node.clone()),
        optional: false,
        namespace: template.item.get("fromNamespace").cloned(),
    })
}

/// Whether templates of a form can be copies.
pub(crate) fn is_copied(form: Form) -> bool {
    key(form).is_some()
}

/// `toNamespaces`: one child for each of them, which is its element.
pub(super) fn to_namespaces(key: &Key, node: &Node, problems: &mut Diagnostics) -> Option<ForEach> {
    let field = match &node.value {
        Value::List(items) => {
            // A list of texts is one expression.
            let mut parts = vec![Text::from("[")];
            for (index, item) in items.iter().enumerate() {
                parts.push(Text::from(if index > 0 { ", " } else { "" }));
                string(item, "a namespace", problems)?;
                let Value::String(text) = &item.value else { return None };
                match lone(text) {
                    Some(source) => parts.push(source),
                    None if text.has_expressions() => {
                        let expected = "a name, or one expression \"{{ … }}\"";
                        problems.push(keys::wrong_kind(item.span, "a namespace", expected, &item.describe()));
                        return None;
                    }
                    None => parts.push(Text::from(quoted(&text.text))),
                }
            }
            parts.push(Text::from("]"));
            expression(node, parts)
        }
        _ => node.clone(),
    };
    Some(ForEach { field, name: None, key: None, span: key.span })
}
