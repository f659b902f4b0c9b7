use crate::support::{Copy, ork, postgres};

#[test]
fn the_same_files_give_the_same_bytes_in_two_directories() {
    let (one, two) = (Copy::new(), Copy::new());
    ork(["build", one.path()]).ends(0);
    let target = two.file("elsewhere.wasm");
    ork(["build", two.path(), "-o", target.to_str().unwrap()]).ends(0);
    let first = std::fs::read(one.file("pattern.wasm")).unwrap();
    assert_eq!(first, std::fs::read(target).unwrap());
    assert_eq!(first, ork(["build", one.path(), "-o", "-"]).ends(0).stdout);
    assert!(first.len() <= 32 << 10, "{} bytes", first.len());
    assert!(!two.file("pattern.wasm").exists());
}

#[test]
fn another_text_gives_other_bytes() {
    let (one, two) = (Copy::new(), Copy::new().edit("katalog.yaml", "periodSeconds: 10,", "periodSeconds: 11,"));
    let bytes = |copy: &Copy| ork(["build", copy.path(), "-o", "-"]).ends(0).stdout;
    assert_ne!(bytes(&one), bytes(&two));
}

#[test]
fn what_was_built_is_told_on_stderr() {
    let copy = Copy::new();
    let ended = ork(["build", copy.path()]).ends(0);
    assert_eq!(ended.text(), "");
    for part in ["Built postgres 14.2.0 to ", "size", "digest sha256:", "engine 0.1.0 sha256:"] {
        assert!(ended.stderr.contains(part), "{part:?} is not in\n{}", ended.stderr);
    }
    let mut names: Vec<_> = std::fs::read_dir(copy.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml", "pattern.wasm"]);
}

#[test]
fn a_broken_pattern_leaves_the_earlier_component_alone() {
    let copy = Copy::new();
    ork(["build", copy.path()]).ends(0);
    let before = std::fs::read(copy.file("pattern.wasm")).unwrap();
    let broken = copy.edit("katalog.yaml", "workers: 2", "workers: none");
    let ended = ork(["build", broken.path()]).ends(1);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("error[K"), "{ended:?}");
    assert_eq!(before, std::fs::read(broken.file("pattern.wasm")).unwrap());
}

#[test]
fn manifests_are_whole_and_keep_their_expressions() {
    let good = postgres();
    let text = ork(["build", "--emit", "manifests", good.to_str().unwrap()]).ends(0).text().to_owned();
    let documents: Vec<_> = text.split("---\n").filter(|document| !document.is_empty()).collect();
    assert_eq!(documents.len(), 6);
    assert!(
        documents[5]
            .starts_with("# postgres: budget (onReconcile)\n# when: {{ spec.replicas > 1 }}\napiVersion: policy/v1\n")
    );
    let options = "# when: {{ !has(spec.authSecret) }}\n# once: true\n# deletionPolicy: retain\n# adopt: true\n";
    assert!(documents[0].starts_with(&format!("# postgres: password (onCreate)\n{options}")), "{text}");
    assert!(text.contains(r#"serviceName: "{{ metadata.name }}-pods""#), "{text}");
}

#[test]
fn the_program_can_be_read() {
    let good = postgres();
    let ended = ork(["build", "--emit", "program", good.to_str().unwrap()]).ends(0);
    for line in [
        "entry postgres\n",
        "  vars#0 = concat(inputs.imageRegistry, '/postgres:', spec.version)  @katalog.yaml:21:18\n",
        "    when (spec.replicas > 1)  @katalog.yaml:",
        "  status.endpoint after children#2\n",
    ] {
        assert!(ended.text().contains(line), "{line:?} is not in\n{}", ended.text());
    }
}

#[test]
fn of_a_child_for_each_element_the_manifest_says_what_the_elements_are() {
    let each = "            - {id: each, name: \"{{ key }}\", forEach: {field: metadata.labels, as: label}, data: {a: \"{{ label }}\"}}\n";
    let find = "          configMaps:\n";
    let copy = Copy::new().edit(
        "katalog.yaml",
        find,
        &format!("{find}{}", each.replace("metadata.labels", "\"{{ metadata.labels | default {} }}\"")),
    );
    let ended = ork(["build", "--emit", "manifests", copy.path()]).ends(0);
    let expected =
        "# postgres: each (onReconcile)\n# forEach: {{ metadata.labels | default {} }}, as label\napiVersion: v1\n";
    assert!(ended.text().contains(expected), "{}", ended.text());
}
