//! Texts that are too large, from wherever they come: what is at a bound passes, and one more is told by its name.

use crate::support::{Copy, ork, ork_input};

const MIB: usize = 1 << 20;

/// Fills a file up with a comment to so many bytes.
fn fill(copy: &Copy, name: &str, comment: &str, size: usize) {
    let path = copy.file(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    text.push_str(comment);
    let left = size - text.len();
    text.push_str(&"x".repeat(left));
    std::fs::write(path, text).unwrap();
}

#[test]
fn files_of_a_pattern() {
    for (name, comment) in [("README.md", "\n"), ("komposer.yaml", "#"), ("cr.yaml", "#")] {
        let copy = Copy::new();
        fill(&copy, name, comment, MIB);
        ork(["check", copy.path()]).ends(0);
        fill(&copy, name, "", MIB + 1);
        let ended = ork(["check", copy.path()]).ends(1);
        assert!(ended.text().contains("error[K0101]") && ended.text().contains(name), "{}", ended.text());
    }
}

#[test]
fn cases_and_what_they_are_evaluated_over() {
    let copy = Copy::new();
    let told = |args: &[&str]| {
        let ended = crate::support::ork_with_all(args, &[]);
        format!("{}{}", ended.text(), ended.stderr).contains("K0101")
    };
    fill(&copy, "tests/cases.yaml", "#", 4 * MIB);
    assert!(!told(&["test", copy.path()]));
    fill(&copy, "tests/cases.yaml", "", 4 * MIB + 1);
    assert!(told(&["test", copy.path()]));
    std::fs::copy(copy.file("cr.yaml"), copy.file("other.yaml")).unwrap();
    let other = copy.file("other.yaml").display().to_string();
    for option in ["--cr", "--children", "--reads"] {
        assert!(!told(&["render", copy.path(), option, &other]), "{option}");
    }
    fill(&copy, "other.yaml", "#", 16 * MIB + 1);
    for option in ["--cr", "--children", "--reads"] {
        assert!(told(&["render", copy.path(), option, &other]), "{option}");
    }
}

#[test]
fn values_of_inputs() {
    let copy = Copy::new();
    let deep = |depth: usize| {
        let value = format!("imageRegistry={}{}", "[".repeat(depth), "]".repeat(depth));
        ork(["render", copy.path(), "--input", &value]).ends(2).stderr
    };
    assert!(!deep(64).contains("nested deeper"));
    assert!(deep(65).contains("values are nested deeper than 64 levels"), "{}", deep(65));
}

#[test]
fn expressions_that_are_typed() {
    let expression = |size: usize| format!("'{}'", "x".repeat(size - 2));
    ork_input(&["eval", "-"], &expression(16_384)).ends(0);
    let ended = ork_input(&["eval", "-"], &format!("{}\n1\n", expression(16_385))).ends(1);
    assert!(ended.stderr.contains("the expression is too long") && ended.text() == "1\n", "{ended:?}");
    let ended = ork_input(&["eval", "-"], &expression(65_537)).ends(2);
    assert!(ended.stderr.contains("a line of the input is longer than 65536 bytes"), "{ended:?}");
}
