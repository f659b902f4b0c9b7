use crate::support::{ork, postgres};

#[test]
fn children_are_explained_in_the_order_of_their_application() {
    let good = postgres();
    let found = ork(["explain", good.to_str().unwrap(), "--format", "json"]).ends(0).json();
    let entry = &found["entries"][0];
    let children = entry["children"].as_array().unwrap();
    let step = |id: &str| children.iter().find(|child| child["id"] == id).unwrap()["appliedInStep"].as_u64().unwrap();
    for child in children {
        for before in child["requires"].as_array().unwrap() {
            assert!(step(before.as_str().unwrap()) < step(child["id"].as_str().unwrap()), "{child}");
        }
    }
    let budget = children.iter().find(|child| child["id"] == "budget").unwrap();
    assert_eq!(budget["when"], "spec.replicas > 1");
    assert!(budget["at"].as_str().unwrap().starts_with("katalog.yaml:"), "{budget}");
    let cost = &entry["cost"];
    assert!(cost["measured"].as_u64().unwrap() > 0 && cost["limit"].as_u64() > cost["measured"].as_u64(), "{cost}");
    let sets = found["rights"].as_array().unwrap().iter().find(|right| right["resource"] == "statefulsets").unwrap();
    assert!(!sets["reasons"].as_array().unwrap().is_empty(), "{sets}");
}

#[test]
fn one_child_is_explained_alone() {
    let good = postgres();
    let good = good.to_str().unwrap();
    let ended = ork(["explain", good, "budget"]).ends(0);
    for part in ["budget: PodDisruptionBudget", "when spec.replicas > 1", "poddisruptionbudgets.policy"] {
        assert!(ended.text().contains(part), "{part:?} is not in\n{}", ended.text());
    }
    assert!(!ended.text().contains("StatefulSet"), "{}", ended.text());
    let ended = ork(["explain", good, "budge"]).ends(2);
    assert!(ended.stderr.contains("did you mean `budget`?"), "{}", ended.stderr);
}

#[test]
fn the_graph_has_an_arrow_for_each_reference() {
    let good = postgres();
    let ended = ork(["explain", good.to_str().unwrap(), "--format", "mermaid"]).ends(0);
    assert!(ended.text().starts_with("flowchart TD\n  e0([\"Postgres<br>a reconcile"), "{}", ended.text());
    assert!(ended.text().contains("  e0 -->|when| e0_budget\n"), "{}", ended.text());
}

/// What each shipped pattern looks like, as a flowchart and as a picture.
#[test]
fn shipped_patterns_are_drawn() {
    let patterns = postgres().join("../..");
    for pattern in ["crontab/v2", "postgres/v14", "postgres/v15", "website/v1"] {
        let dir = patterns.join(pattern);
        for format in ["mermaid", "svg"] {
            let drawn = ork(["explain", dir.to_str().unwrap(), "--format", format]).ends(0);
            insta::assert_snapshot!(format!("{format} of {pattern}").replace(['/', ' '], "_"), drawn.text());
        }
    }
}

#[test]
fn a_child_goes_as_soon_as_nothing_uses_it() {
    let website = postgres().join("../../website/v1");
    let found = ork(["explain", website.to_str().unwrap(), "--format", "json"]).ends(0).json();
    let children = found["entries"][0]["children"].as_array().unwrap();
    let step = |id: &str| children.iter().find(|child| child["id"] == id).unwrap()["deletedInStep"].as_u64().unwrap();
    // The Deployment has a digest of both ConfigMaps. Nobody waits for the Service to go, and it waits for nobody.
    assert_eq!(["web", "svc", "content", "config"].map(step), [1, 1, 2, 2]);
}

#[test]
fn of_one_child_only_the_status_that_uses_it_is_told() {
    let good = postgres();
    let found = ork(["explain", good.to_str().unwrap(), "svc", "--format", "json"]).ends(0).json();
    let paths: Vec<&str> =
        found["entries"][0]["status"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["endpoint"]);
}
