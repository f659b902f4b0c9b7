use crate::support::{Copy, ork, ork_in, postgres};

#[test]
fn a_good_pattern_is_named_and_nothing_is_data() {
    let good = postgres();
    let ended = ork(["check", good.to_str().unwrap()]).ends(0);
    assert_eq!(ended.text(), "");
    assert!(ended.stderr.starts_with("Checked postgres 14.2.0 in "), "{}", ended.stderr);
    let (checked, cost) = ended.stderr.split_once('\n').unwrap();
    assert!(checked.ends_with(": no problems"), "{checked}");
    assert!(cost.starts_with("postgres: a reconcile costs at most ") && cost.lines().count() == 1, "{cost}");
}

#[test]
fn what_costs_most_is_ranked_with_what_makes_it_dear() {
    let cheap = Copy::new();
    let ended = ork(["check", "--cost", cheap.path()]).ends(0);
    assert!(ended.text().starts_with("postgres: a reconcile costs at most "), "{}", ended.text());
    let head = ended.text().lines().nth(1).unwrap();
    assert_eq!(head.split_whitespace().collect::<Vec<_>>(), ["COST", "PLACE", "EXPRESSION", "WHY"]);
    // What is too dear is an error, and ranked all the same.
    let dear = cheap.edit("katalog.yaml", "        status:\n", "        requeue:\n          - {when: \"{{ default(metadata.labels, {}).all(a, default(metadata.labels, {}).all(b, a == b)) }}\", after: 1m}\n        status:\n");
    let ended = ork(["check", "--cost", "--format", "json", dear.path()]).ends(1);
    let report = &ended.json()[0];
    let found: Vec<_> = report["diagnostics"].as_array().unwrap().iter().map(|problem| &problem["code"]).collect();
    assert_eq!(found, ["K0110"], "{report}");
    let dearest = &report["cost"][0]["dearest"];
    assert!(dearest["max"].as_u64().unwrap() > 1_000_000, "{report}");
    let all = report["cost"][0]["expressions"].as_array().unwrap();
    assert_eq!(all.first().unwrap()["at"], dearest["at"]);
    assert!(all.is_sorted_by_key(|item| std::cmp::Reverse(item["most"].as_u64().unwrap())), "{report}");
}

#[test]
fn problems_are_data_with_the_path_as_it_was_typed() {
    let broken = Copy::new().edit("katalog.yaml", "      workers: 2", "      worker: 2");
    let ended = ork(["check", broken.path()]).ends(1);
    let place = format!("--> {}/katalog.yaml:17:7", broken.path());
    for part in ["error[K0201]", "unknown key `worker`", &place, "hint: did you mean `workers`?"] {
        assert!(ended.text().contains(part), "{part:?} is not in\n{}", ended.text());
    }
    assert_eq!(ended.stderr, "error: 1 error found\n");
}

#[test]
fn every_problem_of_every_directory_is_in_the_json() {
    let one = Copy::new().edit("katalog.yaml", "workers: 2", "worker: 2");
    let two = Copy::new().edit("katalog.yaml", "spec.maxConnections", "spec.maxConnection").edit(
        "cr.yaml",
        "replicas: 2",
        "replicas: two",
    );
    let good = postgres();
    let report = ork(["check", "--format", "json", one.path(), two.path(), good.to_str().unwrap()]).ends(1).json();
    let codes = |index: usize| -> Vec<_> {
        let list = report[index]["diagnostics"].as_array().unwrap();
        list.iter()
            .map(|found| (found["place"]["file"].as_str().unwrap(), found["place"]["start"]["line"].as_u64().unwrap()))
            .collect()
    };
    let file = |copy: &Copy, name: &str| format!("{}/{name}", copy.path());
    assert_eq!(codes(0), [(file(&one, "katalog.yaml").as_str(), 17)]);
    let text = std::fs::read_to_string(two.file("katalog.yaml")).unwrap();
    let line = text.lines().position(|line| line.contains("spec.maxConnection")).unwrap() as u64 + 1;
    assert_eq!(codes(1), [(file(&two, "katalog.yaml").as_str(), line), (file(&two, "cr.yaml").as_str(), 7)]);
    assert_eq!(report[2]["name"], "postgres");
    assert_eq!((&report[2]["errors"], &report[2]["diagnostics"]), (&0.into(), &serde_json::json!([])));
}

#[test]
fn warnings_count_when_strict() {
    let warned = Copy::new().edit("crd.yaml", "      subresources:\n        status: {}\n", "");
    let ended = ork(["check", warned.path()]).ends(0);
    assert!(ended.text().contains("warning[K"), "{}", ended.text());
    assert!(ended.stderr.contains("1 warning"), "{}", ended.stderr);
    ork(["check", "--strict", warned.path()]).ends(1);
}

#[test]
fn the_files_that_a_pattern_must_have_are_asked_for() {
    let copy = Copy::new();
    std::fs::remove_file(copy.file("README.md")).unwrap();
    let ended = ork(["check", copy.path()]).ends(1);
    assert!(ended.text().contains("`README.md` is missing"), "{}", ended.text());
}

#[test]
fn its_own_komposer_is_checked_too() {
    let copy = Copy::new().edit("komposer.yaml", "    postgres:", "    postgresql:").edit(
        "komposer.yaml",
        "imageRegistry:",
        "imageregistry:",
    );
    let ended = ork(["check", copy.path()]).ends(1);
    for part in ["error[K1102]", "did you mean `postgres`?", "error[K1104]", "did you mean `imageRegistry`?"] {
        assert!(ended.text().contains(part), "{part:?} is not in\n{}", ended.text());
    }
}

#[test]
fn its_example_leaves_to_the_user_whom_to_trust_and_what_to_grant() {
    let copy = Copy::new()
        .edit("komposer.yaml", "imports:\n", "imports:\n  trust: [{pattern: r.corp/**, keys: [a.pub]}]\n")
        .edit("komposer.yaml", "    - path: .\n", "    - path: .\n      grants: [http]\n");
    let layout = format!("oci:{}", copy.file("layout").display());
    for args in [&["check", copy.path()][..], &["push", &layout, copy.path(), "--no-test"]] {
        let ended = ork_in(&postgres(), args).ends(1);
        let all = format!("{}{}", ended.text(), ended.stderr);
        for part in ["error[K1112]", "does not say `trust`", "does not say `grants`"] {
            assert!(all.contains(part), "{part:?} is not in\n{all}");
        }
    }
    let copy = copy.edit("komposer.yaml", "      grants: [http]\n", "      groups: [postgres.orkestra.io]\n").edit(
        "komposer.yaml",
        "  trust: [{pattern: r.corp/**, keys: [a.pub]}]\n",
        "",
    );
    ork(["check", copy.path()]).ends(0);
    ork(["push", &layout, copy.path(), "--no-test"]).ends(0);
}

#[test]
fn text_of_a_pattern_is_shown_and_not_obeyed() {
    let hostile = Copy::new().edit("katalog.yaml", "workers: 2", "\"\\e[2J\\u202Eworkers\": 2");
    for args in [["check", hostile.path(), "--color=never"], ["build", hostile.path(), "--color=never"]] {
        let ended = ork(args).ends(1);
        let all = format!("{}{}", ended.text(), ended.stderr);
        assert!(all.contains("\\u{1b}[2J\\u{202e}workers"), "{all}");
        assert!(!all.contains(['\u{1b}', '\u{202e}']), "{all}");
    }
}

#[test]
fn the_directory_that_one_is_in_has_a_name() {
    let ended = ork_in(&postgres(), &["check"]).ends(0);
    assert!(ended.stderr.starts_with("Checked postgres 14.2.0 in .: no problems\n"), "{}", ended.stderr);
}

#[test]
fn what_a_pattern_asks_for_is_noted_and_no_problem() {
    let asking = Copy::asking();
    for arguments in [&["check", asking.path()][..], &["check", "--strict", asking.path()]] {
        let ended = ork_in(&postgres(), arguments).ends(0);
        assert!(ended.stderr.contains(": no problems, 2 notes\n"), "{}", ended.stderr);
        let note = "note[K1301]: `spec.authSecret` decides whose rights its pods have";
        assert!(ended.text().contains(note), "{}", ended.text());
    }
}
