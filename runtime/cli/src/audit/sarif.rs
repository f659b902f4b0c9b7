//! The findings in SARIF 2.1.0, for scanners.

use serde_json::{Value, json};

use super::{Audit, Finding, Rule};

/// The log of one run.
pub(crate) fn of(audit: &Audit) -> Value {
    let rules = Rule::ALL.map(|rule| {
        json!({
            "id": rule.id(),
            "shortDescription": {"text": rule.about()},
            "defaultConfiguration": {"level": rule.level().word()},
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "ork", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": audit.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let index = Rule::ALL.iter().position(|rule| *rule == finding.rule);
    let mut result = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": index,
        "level": finding.rule.level().word(),
        "message": {"text": finding.message},
    });
    if let Some(location) = finding.at.as_deref().and_then(location) {
        result["locations"] = json!([location]);
    }
    result
}

/// A place, `patterns/web/katalog.yaml:12:8`.
fn location(at: &str) -> Option<Value> {
    let (rest, column) = at.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let (line, column) = (line.parse::<u32>().ok()?, column.parse::<u32>().ok()?);
    Some(json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(file)},
        "region": {"startLine": line, "startColumn": column},
    }}))
}

/// A path as a reference of RFC 3986. What looks like a scheme is none.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.split('/').next().is_some_and(|first| first.contains(':')) {
        uri.push_str("./");
    }
    for byte in path.bytes() {
        match byte {
            b'/' | b':' | b'-' | b'.' | b'_' | b'~' | b'@' => uri.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => uri.push(byte.into()),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_locations() {
        let found = location("my patterns/web/katalog.yaml:12:8").map(|location| location["physicalLocation"].clone());
        let expected = json!({
            "artifactLocation": {"uri": "my%20patterns/web/katalog.yaml"}, "region": {"startLine": 12, "startColumn": 8},
        });
        assert_eq!(found, Some(expected));
        assert_eq!(location("unknown"), None);
        assert_eq!(uri("r.corp:5000/a:v1/katalog.yaml"), "./r.corp:5000/a:v1/katalog.yaml");
    }
}
