//! `fromConfigMap` and `fromSecret`: a child that is a copy reads what it is copied from.

use super::fields::string;
use super::{Form, Read, Spanned, Template, Which};
use crate::diagnostic::Diagnostics;

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
    })
}
