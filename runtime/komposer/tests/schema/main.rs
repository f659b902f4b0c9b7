//! The schemas that editors get say what the parsers do: what is accepted here is accepted there, and what is refused by the schema
//! is refused by the parser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod examples;

use std::collections::BTreeSet;

use jsonschema::Validator;
use orkestra_komposer::{KOMPOSER, LOCK, policy};
use orkestra_pattern::KATALOG;
use orkestra_pattern::source::Source;
use orkestra_pattern::table::{Need, Others, Row, Table, Takes, explain, json_schema};
use serde_json::{Value, json};

use examples::{Example, corpora};

fn validator(table: &'static Table) -> Validator {
    jsonschema::draft202012::new(&json_schema(table, "https://example.org/schema.json")).unwrap()
}

/// Whether the parser takes a document.
fn parses(table: &'static Table, document: &Value, crd: &str) -> bool {
    let mut source = Source::new();
    // JSON is YAML.
    let file = source.add("katalog.yaml", document.to_string().as_bytes());
    source.add("crd.yaml", crd.as_bytes());
    match table.name {
        "Katalog" => orkestra_pattern::check(&source).0.is_some(),
        "Komposer" => orkestra_komposer::parse(&source, file).0.is_some(),
        "KomposerLock" => orkestra_komposer::parse_lock(&source, file).0.is_some(),
        _ => policy::parse(&source, file).0.is_some(),
    }
}

/// Calls `see` with the place of every map that a table describes.
fn walk(takes: &'static Takes, value: &Value, at: &str, see: &mut dyn FnMut(&'static Table, &Value, &str)) {
    match (takes, value) {
        (Takes::List(inner), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                walk(inner, item, &format!("{at}/{index}"), see);
            }
        }
        (Takes::Map(inner), Value::Object(members)) => {
            for (key, member) in members {
                walk(inner, member, &format!("{at}/{}", escaped(key)), see);
            }
        }
        (Takes::Table(table), Value::Object(_)) => walk_table(table, value, at, see),
        (Takes::Either(several), _) => {
            // Of several tables, the one whose keys it has.
            let fits = |takes: &&Takes| match takes {
                Takes::Table(table) => fits_table(table, value),
                Takes::List(_) => value.is_array(),
                Takes::Map(_) => value.is_object(),
                _ => false,
            };
            if let Some(takes) = several.iter().find(fits) {
                walk(takes, value, at, see);
            }
        }
        _ => {}
    }
}

fn fits_table(table: &Table, value: &Value) -> bool {
    let Some(members) = value.as_object() else { return false };
    let word = |row: &Row| match (&row.takes, members.get(row.key)) {
        (Takes::Words(words), Some(found)) => found.as_str().is_some_and(|found| words.contains(&found)),
        _ => true,
    };
    members.keys().all(|key| table.row(key).is_some()) && table.rows().all(word)
}

fn walk_table(table: &'static Table, value: &Value, at: &str, see: &mut dyn FnMut(&'static Table, &Value, &str)) {
    see(table, value, at);
    for row in table.rows() {
        if let Some(member) = value.get(row.key) {
            walk(&row.takes, member, &format!("{at}/{}", escaped(row.key)), see);
        }
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[test]
fn what_is_right_is_right_for_editors() {
    for (table, examples) in corpora() {
        let schema = validator(table);
        for Example { name, document, crd } in &examples {
            assert!(parses(table, document, crd), "{name}");
            let problems: Vec<_> =
                schema.iter_errors(document).map(|error| format!("{error} {}", error.instance_path())).collect();
            assert!(problems.is_empty(), "{name}\n{}", problems.join("\n"));
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_schema_and_parser_in_every_map() {
    for (table, examples) in corpora() {
        let schema = validator(table);
        let mut seen = BTreeSet::new();
        for Example { name, document, crd } in &examples {
            let mut places = Vec::new();
            walk_table(table, document, "", &mut |table, _, at| places.push((table, at.to_owned())));
            for (of, at) in places {
                // Once for each table: a check of every place takes minutes.
                if !seen.insert(of.name) || matches!(of.others, Others::Any(_)) {
                    continue;
                }
                let mut edited = document.clone();
                let map = edited.pointer_mut(&at).unwrap().as_object_mut().unwrap();
                map.insert("zzUnknown".to_owned(), json!(1));
                assert!(!schema.is_valid(&edited), "the schema takes an unknown key at {at} of {name}");
                assert!(!parses(table, &edited, crd), "the parser takes an unknown key at {at} of {name}");
            }
        }
        let missing: Vec<_> =
            table.all().into_iter().map(|table| table.name).filter(|name| !seen.contains(name)).collect();
        assert!(missing.is_empty(), "no example has {missing:?}");
    }
}

#[test]
fn every_key_is_in_an_example_and_what_the_schema_refuses_there_the_parser_refuses() {
    let wrong = [json!(null), json!(true), json!(7), json!("zz zz!"), json!([7]), json!({"zz": 7})];
    for (table, examples) in corpora() {
        let schema = validator(table);
        let mut seen: BTreeSet<*const Row> = BTreeSet::new();
        let mut problems = Vec::new();
        for Example { document, crd, .. } in &examples {
            let mut places = Vec::new();
            walk_table(table, document, "", &mut |table, value, at| {
                let rows = table.rows().filter(|row| value.get(row.key).is_some());
                places.extend(rows.map(|row| (row, format!("{at}/{}", escaped(row.key)))));
            });
            for (row, at) in places {
                if !seen.insert(std::ptr::from_ref(row)) {
                    continue;
                }
                let mut refused = 0;
                for value in &wrong {
                    let mut edited = document.clone();
                    *edited.pointer_mut(&at).unwrap() = value.clone();
                    if schema.is_valid(&edited) {
                        continue;
                    }
                    refused += 1;
                    if parses(table, &edited, crd) {
                        problems.push(format!("{at}: {value} is refused by the schema only"));
                    }
                }
                if refused == 0 && !matches!(row.takes, Takes::Any) {
                    problems.push(format!("{at}: the schema refuses nothing"));
                }
            }
        }
        for table in table.all() {
            for row in table.rows().filter(|row| !matches!(row.need, Need::Replaced(_) | Need::Refused)) {
                if !seen.contains(&std::ptr::from_ref(row)) {
                    problems.push(format!("no example has `{}` of {}", row.key, table.what));
                }
            }
        }
        assert!(problems.is_empty(), "{}\n{}", table.name, problems.join("\n"));
    }
}

#[test]
fn a_key_that_must_be_there_is_missed_by_schema_and_parser() {
    for (table, examples) in corpora() {
        let schema = validator(table);
        let mut seen: BTreeSet<*const Row> = BTreeSet::new();
        for Example { document, crd, .. } in &examples {
            let mut places = Vec::new();
            walk_table(table, document, "", &mut |table, value, at| {
                let rows = table.rows().filter(|row| row.need == Need::Required && value.get(row.key).is_some());
                places.extend(rows.map(|row| (row, at.to_owned())));
            });
            for (row, at) in places {
                if !seen.insert(std::ptr::from_ref(row)) {
                    continue;
                }
                let mut edited = document.clone();
                edited.pointer_mut(&at).unwrap().as_object_mut().unwrap().remove(row.key);
                assert!(!schema.is_valid(&edited), "the schema does without {at}/{}", row.key);
                assert!(!parses(table, &edited, crd), "the parser does without {at}/{}", row.key);
            }
        }
    }
}

#[test]
fn what_is_said_otherwise_is_refused_by_schema_and_parser() {
    for (table, examples) in corpora() {
        let schema = validator(table);
        let mut seen: BTreeSet<*const Row> = BTreeSet::new();
        for Example { document, crd, .. } in &examples {
            let mut places = Vec::new();
            walk_table(table, document, "", &mut |table, _, at| {
                let rows = table.rows().filter(|row| matches!(row.need, Need::Replaced(_) | Need::Refused));
                places.extend(rows.map(|row| (row, at.to_owned())));
            });
            for (row, at) in places {
                if !seen.insert(std::ptr::from_ref(row)) {
                    continue;
                }
                let mut edited = document.clone();
                let map = edited.pointer_mut(&at).unwrap().as_object_mut().unwrap();
                map.insert(row.key.to_owned(), json!({"a": 1}));
                assert!(!schema.is_valid(&edited), "the schema takes {at}/{}", row.key);
                assert!(!parses(table, &edited, crd), "the parser takes {at}/{}", row.key);
            }
        }
    }
}

#[test]
fn tables_are_sound_and_every_key_is_explained() {
    for document in [&KATALOG, &KOMPOSER, &LOCK, &policy::POLICY] {
        let tables = document.all();
        let names: BTreeSet<_> = tables.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), tables.len(), "two tables of {} have one name", document.name);
        for table in tables {
            let keys: BTreeSet<_> = table.rows().map(|row| row.key).collect();
            assert_eq!(keys.len(), table.rows().count(), "{} has a key twice", table.what);
            for row in table.rows().filter(|row| !matches!(row.need, Need::Refused | Need::Replaced(_))) {
                assert!(row.doc.ends_with('.'), "`{}` of {}: {}", row.key, table.what, row.doc);
            }
            assert!(table.doc.ends_with('.'), "{}", table.what);
        }
    }
}

#[test]
fn a_path_leads_through_lists_and_maps_to_a_key() {
    let workers = explain(&KATALOG, "spec.crds.workers").unwrap();
    assert_eq!((workers.path.as_str(), workers.takes.as_str()), ("spec.crds.workers", "number, 1 to 64"));
    let own = explain(&KATALOG, "spec.crds.operatorBox.onReconcile.deployments.replicas").unwrap();
    assert!(own.doc.contains("a Deployment's `spec`"), "{own:?}");
    let auth = explain(&KOMPOSER, "imports.registry.auth").unwrap();
    let keys: Vec<_> = auth.keys.iter().map(|line| line.key.as_str()).collect();
    assert_eq!(keys, ["type", "usernameFromEnv", "passwordFromEnv", "fromEnv"]);
    let error = explain(&KATALOG, "spec.crds.worker").unwrap_err();
    assert_eq!(
        (error.nearest.as_deref(), error.to_string()),
        (Some("workers"), "an entry has no key `worker`".to_owned())
    );
    assert!(explain(&KATALOG, "spec.crds.workers.most").is_err());
}
