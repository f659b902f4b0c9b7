//! The chart's values: each is explained, in the schema, and in the README.

use serde_json::Value;

use crate::{read, same};

/// A value with the comment before it.
#[derive(Debug)]
struct Explained {
    path: Vec<String>,
    text: String,
}

/// Reads keys and the comments before them; a comment with an empty line behind it is about the file.
fn explained(values: &str) -> Vec<Explained> {
    let mut found = Vec::new();
    let (mut comment, mut open) = (Vec::new(), Vec::<(usize, String)>::new());
    let mut block: Option<usize> = None;
    for line in values.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if text.is_empty() {
            comment.clear();
            continue;
        }
        // Lines of a text of several lines.
        if block.is_some_and(|key| indent > key) {
            continue;
        }
        block = text.ends_with(": |").then_some(indent);
        if let Some(said) = text.strip_prefix('#') {
            comment.push(said.trim().to_owned());
            continue;
        }
        let (key, _) = text.split_once(':').unwrap_or_else(|| panic!("no key: {line}"));
        open.retain(|(of, _)| *of < indent);
        open.push((indent, key.to_owned()));
        if !comment.is_empty() {
            let path = open.iter().map(|(_, key)| key.clone()).collect();
            found.push(Explained { path, text: std::mem::take(&mut comment).join(" ") });
        }
    }
    found
}

fn parsed() -> Value {
    serde_yaml::from_str(&read("chart/values.yaml")).expect("values.yaml is YAML")
}

fn at<'a>(values: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(values, |value, key| &value[key.as_str()])
}

#[test]
fn every_value_is_explained() {
    let explained = explained(&read("chart/values.yaml"));
    let mut missing = Vec::new();
    leaves(&parsed(), &mut Vec::new(), &mut |path| {
        if !explained.iter().any(|one| path.starts_with(&one.path)) {
            missing.push(path.join("."));
        }
    });
    assert!(missing.is_empty(), "values without a comment before them: {missing:?}");
}

fn leaves(value: &Value, path: &mut Vec<String>, each: &mut dyn FnMut(&[String])) {
    match value.as_object() {
        Some(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                path.push(key.clone());
                leaves(value, path, each);
                path.pop();
            }
        }
        _ => each(path),
    }
}

#[test]
fn the_readme_lists_every_value() {
    let (values, readme) = (parsed(), read("chart/README.md"));
    let explained = explained(&read("chart/values.yaml"));
    let mut table = "| value | default | what it is |\n|---|---|---|\n".to_owned();
    for one in &explained {
        let below =
            explained.iter().any(|other| other.path.len() > one.path.len() && other.path.starts_with(&one.path));
        let default = match at(&values, &one.path) {
            _ if below => String::new(),
            value => format!("`{}`", value.to_string().replace('|', "\\|")),
        };
        let row = format!("| `{}` | {default} | {} |\n", one.path.join("."), one.text.replace('|', "\\|"));
        table.push_str(&row);
    }
    let (begin, end) = ("<!-- values -->\n", "<!-- end of values -->\n");
    let (before, rest) = readme.split_once(begin).expect("README.md says where the values begin");
    let (_, after) = rest.split_once(end).expect("README.md says where the values end");
    same("chart/README.md", &format!("{before}{begin}{table}{end}{after}"));
}

/// A value that the schema does not have would be refused as a default, and one that it has alone would never be read.
#[test]
fn the_schema_has_the_keys_of_the_values_and_takes_no_others() {
    fn compare(path: &str, schema: &Value, values: &Value, problems: &mut Vec<String>) {
        let Some(known) = schema["properties"].as_object() else { return };
        if schema["additionalProperties"] != Value::Bool(false) {
            problems.push(format!("{path}: takes unknown keys"));
        }
        for (key, below) in known {
            let path = format!("{path}.{key}");
            match values.get(key) {
                Some(value) => compare(&path, below, value, problems),
                // Helm's own, and what an empty map of resources may have.
                None if [".global", ".resources.claims"].contains(&path.as_str()) => {}
                None => problems.push(format!("{path}: is not in values.yaml")),
            }
        }
        let unknown =
            values.as_object().into_iter().flat_map(|fields| fields.keys()).filter(|key| !known.contains_key(*key));
        problems.extend(unknown.map(|key| format!("{path}.{key}: is not in values.schema.json")));
    }
    let schema: Value = serde_json::from_str(&read("chart/values.schema.json")).expect("the schema is JSON");
    let mut problems = Vec::new();
    compare("", &schema, &parsed(), &mut problems);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_value_is_read_by_a_template() {
    let templates = std::fs::read_dir(crate::deploy("chart/templates")).expect("templates");
    let texts: Vec<String> =
        templates.map(|entry| std::fs::read_to_string(entry.unwrap().path()).expect("a template")).collect();
    for key in parsed().as_object().unwrap().keys() {
        let used = texts.iter().any(|text| text.contains(&format!(".Values.{key}")));
        assert!(used, "{key} is read by no template");
    }
}

#[test]
fn comments_are_told_from_each_other() {
    let text = "# The file.\n\na:\n  # One,\n  # and more.\n  b: |\n    c: no key\n  # Two.\n  d: {e: 1}\nf: 1\n";
    let found: Vec<_> = explained(text).into_iter().map(|one| (one.path.join("."), one.text)).collect();
    assert_eq!(found, [("a.b".to_owned(), "One, and more.".to_owned()), ("a.d".to_owned(), "Two.".to_owned())]);
}
