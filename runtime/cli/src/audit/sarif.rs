//! The findings in SARIF, for scanners.

use serde_json::{Value, json};

use super::{Audit, Finding, Rule};
use crate::sarif;

/// The log of one run.
pub(crate) fn of(audit: &Audit) -> Value {
    let rules = Rule::ALL.map(|rule| sarif::rule(rule.id(), rule.about(), None, rule.level().word()));
    sarif::log(&rules, audit.findings.iter().map(result).collect())
}

fn result(finding: &Finding) -> Value {
    let index = Rule::ALL.iter().position(|rule| *rule == finding.rule);
    let mut result = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": index,
        "level": finding.rule.level().word(),
        "message": sarif::message(&finding.message),
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
        "artifactLocation": sarif::artifact(file),
        "region": {"startLine": line, "startColumn": column},
    }}))
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
    }
}
