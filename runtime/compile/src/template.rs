//! YAML values with expressions → templates: what never changes becomes ready JSON text, the rest holes.

use orkestra_pattern::model::{Node, Part, Target as Place, Text};
use orkestra_program::model::{Hole, Once, Target, Template};

use crate::lower::{self, Slots};

/// The template of a value.
pub(crate) fn template(node: &Node, slots: &Slots) -> Template {
    match node {
        Node::Plain(value) => Template::Raw(value.to_string()),
        Node::Hole(text, place) => Template::Hole(hole(text, *place, slots)),
        Node::Map(members) => {
            let members: Vec<_> = members.iter().map(|(key, node)| (key.clone(), template(node, slots))).collect();
            static_object(&members).unwrap_or(Template::Object(members))
        }
        Node::List(items) => {
            let items: Vec<_> = items.iter().map(|node| template(node, slots)).collect();
            static_list(&items).unwrap_or(Template::List(items))
        }
    }
}

/// The template of a Secret whose values below `data` are made once.
pub(crate) fn once(manifest: &Node, slots: &Slots) -> Template {
    let Node::Map(members) = manifest else { return template(manifest, slots) };
    let made_once = |(key, node): &(String, Node)| {
        let value = Box::new(template(node, slots));
        (key.clone(), Template::Once(Once { key: key.clone(), value }))
    };
    let member = |(key, node): &(String, Node)| match node {
        Node::Map(data) if key == "data" => (key.clone(), Template::Object(data.iter().map(made_once).collect())),
        node => (key.clone(), template(node, slots)),
    };
    Template::Object(members.iter().map(member).collect())
}

fn hole(text: &Text, place: Place, slots: &Slots) -> Hole {
    let absent = matches!(text.parts.as_slice(), [Part::Expression(only)] if only.path);
    Hole { value: lower::text(text, slots), target: target(place), absent }
}

/// What a place asks for.
pub(crate) fn target(place: Place) -> Target {
    match place {
        Place::Any => Target::Any,
        Place::String => Target::String,
        Place::Int => Target::Int,
        Place::Number => Target::Number,
        Place::Bool => Target::Bool,
        Place::IntOrString => Target::IntOrString,
    }
}

/// One JSON text, where every member is one.
fn static_object(members: &[(String, Template)]) -> Option<Template> {
    let mut json = String::from("{");
    for (index, (key, value)) in members.iter().enumerate() {
        let Template::Raw(value) = value else { return None };
        if index > 0 {
            json.push(',');
        }
        json.push_str(&serde_json::Value::from(key.as_str()).to_string());
        json.push(':');
        json.push_str(value);
    }
    json.push('}');
    Some(Template::Raw(json))
}

/// One JSON text, where every item is one.
fn static_list(items: &[Template]) -> Option<Template> {
    let mut json = String::from("[");
    for (index, item) in items.iter().enumerate() {
        let Template::Raw(item) = item else { return None };
        if index > 0 {
            json.push(',');
        }
        json.push_str(item);
    }
    json.push(']');
    Some(Template::Raw(json))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(node: &Node) -> String {
        match template(node, &Slots::default()) {
            Template::Raw(json) => json,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_static_tree_is_one_text_in_the_source_order() {
        let tree = Node::Map(vec![
            ("b".into(), Node::Plain(json!("x\"y"))),
            ("a".into(), Node::List(vec![Node::Plain(json!(1)), Node::Map(vec![]), Node::Plain(json!(null))])),
        ]);
        assert_eq!(raw(&tree), r#"{"b":"x\"y","a":[1,{},null]}"#);
    }
}
