//! The files of the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use orkestra_tests::source_root;

/// What may lie at the root. More there is harder to find one's way in.
const ROOT: [&str; 21] = [
    ".ci",
    ".gitattributes",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "deny.toml",
    "deploy",
    "guest-sdk",
    "patterns",
    "runtime",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
    "wit",
];

/// Where `unsafe` is needed: exported functions over raw memory in the guest, and native code that this machine compiled.
const UNSAFE: [&str; 3] =
    ["guest-sdk/engine/src/abi.rs", "guest-sdk/engine/src/memory.rs", "runtime/sandbox/src/native.rs"];

/// In two parts, so that this file is not the first to be found.
const WORD: &str = concat!("uns", "afe");

/// Longer files are two files.
const LINES: usize = 600;

/// The files that are or could be committed, or nothing where this is no git checkout.
fn files() -> Option<Vec<PathBuf>> {
    let root = source_root();
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(&root).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    // One that was deleted and not yet committed is still listed.
    Some(names.split_terminator('\0').map(PathBuf::from).filter(|file| root.join(file).is_file()).collect())
}

fn not_run(test: &str) {
    use std::io::Write;
    // Past the harness, which keeps back what a passing test prints.
    let _ = writeln!(std::io::stderr(), "not run: {test}, as this is no git checkout");
}

/// Calls `check` with the path and text of every file that is text, and fails with all it complains of.
fn each_file(test: &str, check: impl Fn(&Path, &str) -> Vec<String>) {
    let Some(files) = files() else {
        not_run(test);
        return;
    };
    let mut problems = Vec::new();
    for file in files {
        if let Ok(text) = std::fs::read_to_string(source_root().join(&file)) {
            problems.extend(check(&file, &text));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

/// The part of a line that is not a comment. Good enough for what is looked for here.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Whether a line begins something unsafe: the keyword and what can follow it, so that flags and lint names do not count.
fn is_unsafe(line: &str) -> bool {
    let code = code(line);
    code.match_indices(WORD).any(|(at, word)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].trim_start();
        let alone = before.is_none_or(|before| !(before.is_alphanumeric() || "_-\"".contains(before)));
        alone && ["{", "fn ", "impl", "extern", "trait ", "("].iter().any(|next| after.starts_with(next))
    }) || code.contains(&format!("allow({WORD}_code"))
}

#[test]
fn the_root_holds_what_it_should() {
    each_file("the_root_holds_what_it_should", |file, _| {
        let first = file.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
        let known = first.is_some_and(|first| ROOT.contains(&first.as_str()));
        if known { Vec::new() } else { vec![format!("{} lies where nothing of the kind should", file.display())] }
    });
}

#[test]
fn files_are_of_a_size_that_can_be_read() {
    each_file("files_are_of_a_size_that_can_be_read", |file, text| {
        let lines = text.lines().count();
        if is_rust(file) && lines > LINES {
            vec![format!("{}: {lines} lines, at most {LINES}", file.display())]
        } else {
            Vec::new()
        }
    });
}

#[test]
fn unsafe_code_is_in_two_places() {
    each_file("unsafe_code_is_in_two_places", |file, text| {
        if !is_rust(file) || UNSAFE.iter().any(|allowed| file == Path::new(allowed)) {
            return Vec::new();
        }
        let found = text.lines().enumerate().filter(|(_, line)| is_unsafe(line));
        found.map(|(number, line)| format!("{}:{}: {}", file.display(), number + 1, line.trim())).collect()
    });
}

#[test]
fn no_test_is_ignored() {
    each_file("no_test_is_ignored", |file, text| {
        let found =
            text.lines().enumerate().filter(|(_, line)| is_rust(file) && code(line).trim() == concat!("#[", "ignore]"));
        found.map(|(number, _)| format!("{}:{}: an ignored test", file.display(), number + 1)).collect()
    });
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // In two parts for the same reason as above.
    let traces = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("shared/", "design")];
    each_file("nothing_names_the_machine_it_was_written_on", |file, text| {
        let lines = text.lines().enumerate().filter(|(_, line)| traces.iter().any(|trace| line.contains(trace)));
        lines.map(|(number, line)| format!("{}:{}: {}", file.display(), number + 1, line.trim())).collect()
    });
}

#[test]
fn the_search_for_unsafe_finds_it() {
    for found in [
        "WORD { x() }",
        "    pub WORD fn f() {",
        "WORD impl Send for X {}",
        "#[WORD(no_mangle)]",
        "#![allow(WORD_code)]",
    ] {
        let found = found.replace("WORD", WORD);
        assert!(is_unsafe(&found), "{found}");
    }
    for other in ["// unsafe { x() }", "\"--unsafe-no-fsync\"", "deny(unsafe_code)", "fn is_unsafe(line: &str)"] {
        assert!(!is_unsafe(other), "{other}");
    }
}

/// The words between backticks that look like names of tests.
fn named_tests(markdown: &str) -> impl Iterator<Item = &str> {
    let is_name = |word: &&str| {
        word.matches('_').count() >= 2 && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    markdown.split('`').skip(1).step_by(2).filter(is_name)
}

#[test]
fn the_tests_that_security_md_promises_exist() {
    let security = std::fs::read_to_string(source_root().join("SECURITY.md")).expect("SECURITY.md");
    let Some(files) = files() else {
        not_run("the_tests_that_security_md_promises_exist");
        return;
    };
    let sources: Vec<_> = files.iter().filter(|file| is_rust(file)).map(|file| source_root().join(file)).collect();
    let sources: Vec<_> = sources.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    let promised: Vec<_> = named_tests(&security).collect();
    assert!(promised.len() > 10, "SECURITY.md names hardly any test: {promised:?}");
    let missing = promised.iter().filter(|name| !sources.iter().any(|text| text.contains(&format!("fn {name}("))));
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:?}");
}

/// The suite `hostile` holds its table against what it runs.
#[test]
fn the_hostile_rows_that_security_md_promises_exist() {
    let read = |file: &str| std::fs::read_to_string(source_root().join(file)).expect("a file of the tree");
    let (security, table) = (read("SECURITY.md"), read("tests/hostile/TABLE.md"));
    let promised: Vec<_> = security.split('`').filter_map(|word| word.strip_prefix("hostile/")).collect();
    assert!(promised.len() > 10, "SECURITY.md names hardly any hostile row: {promised:?}");
    let missing: Vec<_> = promised.iter().filter(|name| !table.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "SECURITY.md names hostile rows that do not exist: {missing:?}");
}

#[test]
fn names_of_tests_are_told_from_other_words() {
    let text = "`a_b_c` and `unsafe_code`, `KUBECONFIG_OF_NOBODY`, `tests/a_b_c.rs`: `not_a` or `x_y_z`";
    assert_eq!(named_tests(text).collect::<Vec<_>>(), ["a_b_c", "x_y_z"]);
}
