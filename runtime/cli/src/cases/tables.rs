//! The keys of a case, as tables.

use orkestra_pattern::table::{Others, Table, Takes, optional, required};

const OBJECTS: Takes = Takes::Either(&[Takes::Text, Takes::List(&Takes::Map(&Takes::Any))]);

/// One document of a file in `tests/`.
pub(crate) static CASE: Table = Table {
    name: "Case",
    what: "a case",
    doc: "What a pattern makes of a resource: one document of a file in `tests/`, for `ork test`.",
    rows: &[&[
        required("name", Takes::Text, "What it shows."),
        optional("entry", Takes::Text, "Which entry; by default the one of the resource's kind."),
        optional(
            "cr",
            Takes::Either(&[Takes::Text, Takes::Map(&Takes::Any), Takes::List(&Takes::Map(&Takes::Any))]),
            "The resource, or the name of a file with it in the pattern's directory; `cr.yaml` by default.",
        ),
        optional("inputs", Takes::Map(&Takes::Any), "What a Komposer gives; by default the inputs' own values."),
        optional("children", OBJECTS, "Children as they are observed, or the name of a file with them."),
        optional("reads", OBJECTS, "Objects that `reads` can find, or the name of a file with them."),
        optional("hook", Takes::Map(&Takes::Any), "What the hook gives."),
        optional("now", Takes::Text, "The time that `now` is; 2000-01-01T00:00:00Z by default."),
        optional("deleting", Takes::Flag, "Whether the resource is being deleted."),
        optional("expect", Takes::Table(&EXPECT), "What comes of it; parts that are left out are not compared."),
    ]],
    others: Others::Refused,
};

/// What a case expects.
pub(crate) static EXPECT: Table = Table {
    name: "Expect",
    what: "`expect`",
    doc: "What comes of a case.",
    rows: &[&[
        optional(
            "match",
            Takes::Words(&["exact", "subset"]),
            "Whether more than this may be there, with `subset`; `exact` by default.",
        ),
        optional("children", Takes::List(&Takes::Map(&Takes::Any)), "The children that are rendered."),
        optional("status", Takes::Map(&Takes::Any), "The fields of the status."),
        optional("conditions", Takes::List(&Takes::Map(&Takes::Any)), "The conditions."),
        optional("failure", Takes::Map(&Takes::Any), "Why nothing comes of it."),
    ]],
    others: Others::Refused,
};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use orkestra_pattern::source::Source;
    use orkestra_pattern::table::json_schema;
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::problems;

    /// Whether `ork test` would run such a case, and whether editors would let it stand.
    fn accepted(case: &Value) -> (bool, bool) {
        // JSON is YAML.
        let source = Source::new().with("case.yaml", case.to_string().as_bytes());
        let (broken, problems) = problems(Path::new("."), &source, "case.yaml");
        let schema = jsonschema::draft202012::new(&json_schema(&CASE, "https://example.org/case.json"));
        (broken.is_empty() && problems.is_empty(), schema.is_ok_and(|schema| schema.is_valid(case)))
    }

    #[test]
    fn schema_and_reader_take_the_same_cases() {
        let good = [
            json!({"name": "a"}),
            json!({
                "name": "a", "entry": "b", "cr": {"spec": {}}, "inputs": {"c": 1}, "children": [{}], "reads": "reads.yaml",
                "hook": {"d": 1}, "now": "2026-01-01T00:00:00Z", "deleting": true, "expect": {
                    "match": "subset", "children": [{}], "status": {"e": 1}, "conditions": [{}], "failure": {"reason": "f"}
                }
            }),
        ];
        for case in &good {
            assert_eq!(accepted(case), (true, true), "{case}");
        }
        // A key that nobody reads would not be missed, so each of them is given what it does not take.
        for key in CASE.keys() {
            let mut case = good[1].clone();
            case[key] = json!(7);
            assert_eq!(accepted(&case), (false, false), "{case}");
        }
        for key in EXPECT.keys() {
            let mut case = good[1].clone();
            case["expect"][key] = json!(7);
            assert_eq!(accepted(&case), (false, false), "{case}");
        }
        for bad in
            [json!({}), json!([]), json!({"name": "a", "expct": {}}), json!({"name": "a", "expect": {"childs": []}})]
        {
            assert_eq!(accepted(&bad), (false, false), "{bad}");
        }
    }
}
