//! Dashboard and alerts ask for what the runtime exports, and Prometheus' own program reads them.

use std::collections::BTreeSet;
use std::process::Command;

use orkestra_sandbox::Failure;
use orkestra_tests::source_root;
use serde_json::{Value, json};

use crate::live::{Exported, exported};
use crate::queries::{Selector, selectors};
use crate::{deploy, of_kind, read, reader, rendered, run};

/// Labels that Prometheus gives to whatever it scrapes: the first two always, the others where it finds targets in Kubernetes.
const OF_TARGETS: [&str; 4] = ["job", "instance", "namespace", "pod"];

fn dashboard() -> Value {
    serde_json::from_str(&read("monitoring/dashboard.json")).expect("the dashboard is JSON")
}

fn alerts() -> Vec<Value> {
    let file: Value = serde_yaml::from_str(&read("monitoring/alerts.yaml")).expect("the alerts are YAML");
    let groups = file["groups"].as_array().expect("groups").iter();
    groups.flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Every query with where it stands. Grafana's variables are put in as it would.
fn queries() -> Vec<(String, String)> {
    let mut queries: Vec<(String, String)> = Vec::new();
    for alert in alerts() {
        queries.push((text(&alert, "alert").to_owned(), text(&alert, "expr").to_owned()));
    }
    let dashboard = dashboard();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((format!("panel {}", text(panel, "title")), text(target, "expr").to_owned()));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        if let Some(query) = variable["query"]["query"].as_str() {
            let inner =
                query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("label_values");
            let (metric, label) = inner.split_once(", ").expect("a metric and a label");
            queries.push((format!("variable {}", text(variable, "name")), format!("count by ({label}) ({metric})")));
        }
    }
    for (_, query) in &mut queries {
        *query = query.replace("$__rate_interval", "5m").replace("$namespace", ".*").replace("$controller", ".*");
    }
    queries
}

/// What is wrong with the names in a query.
fn problems(query: &str, exported: &Exported) -> Vec<String> {
    let found = match selectors(query) {
        Ok(found) => found,
        Err(error) => return vec![error],
    };
    let mut problems = Vec::new();
    for Selector { metric, matchers, by, on } in found {
        if !exported.has(&metric) {
            problems.push(format!("nothing exports {metric}"));
            continue;
        }
        let labels = exported.labels(&metric);
        let used = matchers.iter().map(|(label, ..)| label).chain(&by).chain(&on);
        for label in used.filter(|label| !labels.contains(label.as_str()) && !OF_TARGETS.contains(&label.as_str())) {
            problems.push(format!("{metric} has no label {label}, only {labels:?}"));
        }
        for (label, _, value) in matchers.iter().filter(|(_, _, value)| value != ".*") {
            let seen = exported.values(&metric, label);
            for word in value.split('|') {
                if !(seen.contains(word) || (label == "reason" && Failure::REASONS.contains(&word))) {
                    problems.push(format!("{metric}: {label} is never {word}"));
                }
            }
        }
    }
    problems
}

#[test]
fn every_query_asks_for_what_a_running_process_exports() {
    let exported = exported();
    let queries = queries();
    assert!(queries.len() > 30, "hardly any query was found: {queries:?}");
    let problems: Vec<String> = queries
        .iter()
        .flat_map(|(place, query)| {
            problems(query, exported).into_iter().map(move |problem| format!("{place}: {problem}"))
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));

    // And every family is shown or watched.
    let asked: BTreeSet<String> =
        queries.iter().flat_map(|(_, query)| selectors(query).unwrap()).map(|selector| selector.metric).collect();
    let family = |name: &str| {
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        name.to_owned()
    };
    let asked: BTreeSet<String> = asked.iter().map(|name| family(name)).collect();
    let unused: Vec<&str> = exported.names().filter(|name| !asked.contains(&family(name))).collect();
    assert!(unused.is_empty(), "exported and in no query: {unused:?}");
}

#[test]
fn a_name_that_nothing_exports_is_found() {
    let exported = Exported::read("a{reason=\"Known\"} 1\nb_bucket{le=\"1\"} 2\n");
    for (query, problem) in [
        ("sum(rate(aa[5m]))", "nothing exports aa"),
        ("sum by (cause) (a)", "a has no label cause, only {\"reason\"}"),
        ("a{cause=\"x\"}", "a has no label cause, only {\"reason\"}"),
        ("a{reason=~\"Known|Guessed\"}", "a: reason is never Guessed"),
        ("sum by (le) (b)", "nothing exports b"),
    ] {
        assert_eq!(problems(query, &exported).first().map(String::as_str), Some(problem), "{query}");
    }
    for sound in ["sum by (reason, job) (a{reason=\"Known\"})", "sum by (le) (b_bucket and on (instance) a)"] {
        assert_eq!(problems(sound, &exported), [""; 0], "{sound}");
    }
}

/// The dashboard's queries are read as rules, because that is what promtool reads.
#[test]
fn prometheus_reads_every_query() {
    let rules: Vec<Value> = queries()
        .iter()
        .enumerate()
        .map(|(number, (place, query))| json!({"record": format!("query:{number}"), "expr": query, "labels": {"place": place}}))
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("queries.yaml");
    std::fs::write(&file, json!({"groups": [{"name": "queries", "rules": rules}]}).to_string()).expect("a file");
    run(Command::new(reader("promtool")).args(["check", "rules", "--lint=all"]).arg(&file));
    std::fs::write(
        &file,
        json!({"groups": [{"name": "queries", "rules": [{"record": "a", "expr": "sum(("}]}]}).to_string(),
    )
    .expect("a file");
    let output =
        Command::new(reader("promtool")).args(["check", "rules"]).arg(&file).output().expect("promtool starts");
    assert!(!output.status.success(), "promtool takes anything");
}

#[test]
fn promtool_checks_the_alerts_and_their_tests_pass() {
    let said = run(Command::new(reader("promtool"))
        .args(["check", "rules", "--lint=all", "--lint-fatal"])
        .arg(deploy("monitoring/alerts.yaml")));
    assert!(said.contains(&format!("{} rules found", alerts().len())), "{said}");
    run(Command::new(reader("promtool")).args(["test", "rules"]).arg(deploy("monitoring/alerts_test.yaml")));
}

#[test]
fn every_alert_says_what_it_is_and_what_to_do() {
    let sources = sources();
    for alert in alerts() {
        let name = text(&alert, "alert");
        assert!(name.starts_with("Orkestra"), "{name}");
        assert!(["critical", "warning"].contains(&text(&alert["labels"], "severity")), "{name}");
        assert!(alert["for"].is_string(), "{name}: one bad moment is no alert");
        for key in ["summary", "description", "runbook"] {
            assert!(text(&alert["annotations"], key).ends_with('.'), "{name}: {key} is sentences");
        }
        // Words like `CapabilityDenied` are those of the runtime.
        let words = alert["annotations"].to_string();
        for word in words.split('`').skip(1).step_by(2).filter(|word| is_reason(word)) {
            assert!(sources.contains(&format!("\"{word}\"")), "{name}: the runtime never says {word}");
        }
    }
}

fn is_reason(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_alphabetic())
        && word.chars().any(|c| c.is_ascii_lowercase())
}

/// The text of all crates of the runtime.
fn sources() -> String {
    fn collect(directory: &std::path::Path, into: &mut String) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push_str(&std::fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    let mut all = String::new();
    collect(&source_root().join("runtime"), &mut all);
    all
}

#[test]
fn the_dashboard_can_be_imported_anywhere() {
    let dashboard = dashboard();
    assert_eq!(dashboard["id"], Value::Null, "an id would be that of one Grafana's database");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!((text(&variables[0], "name"), text(&variables[0], "type")), ("datasource", "datasource"));
    let source = json!({"type": "prometheus", "uid": "${datasource}"});
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = text(panel, "title");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another panel's");
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for cell in (at("y")..at("y") + at("h")).flat_map(|y| (at("x")..at("x") + at("w")).map(move |x| (x, y))) {
            assert!(cell.0 < 24 && places.insert(cell), "{title} lies over another panel, or beside the grid");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(text(panel, "description").ends_with('.'), "{title}");
        assert_eq!(panel["datasource"], source, "{title}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"], source, "{title}");
        }
    }
}

#[test]
fn the_chart_has_the_same_alerts_and_dashboard() {
    let all = ["prometheusRule.enabled=true", "dashboard.enabled=true", "serviceMonitor.enabled=true"];
    let arguments: Vec<&str> = all.iter().flat_map(|one| ["--set", one]).collect();
    let stream = rendered("orkestra-system", &arguments);
    let file: Value = serde_yaml::from_str(&read("monitoring/alerts.yaml")).unwrap();
    assert_eq!(of_kind(&stream, "PrometheusRule")["spec"], file);
    let maps = crate::objects(&stream);
    let map = maps.iter().find(|object| object["metadata"]["name"] == "orkestra-dashboard").expect("the dashboard");
    let carried: Value = serde_json::from_str(map["data"]["orkestra.json"].as_str().unwrap()).expect("it is JSON");
    assert_eq!(carried, dashboard());
    let monitor = of_kind(&stream, "ServiceMonitor");
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], of_kind(&stream, "Service")["spec"]["selector"]);
}
