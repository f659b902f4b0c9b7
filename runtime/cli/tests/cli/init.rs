use std::path::Path;

use crate::support::{Ended, ork, ork_in};

/// The commands that `ork init` offers, as they would be typed.
fn offered(ended: &Ended) -> Vec<Vec<String>> {
    let lines = ended.stderr.lines().filter_map(|line| line.trim_start().strip_prefix("ork "));
    // What a command is for stands behind at least two blanks.
    let commands = lines.map(|line| line.split("  ").next().unwrap().split(' ').map(str::to_owned).collect());
    commands.collect()
}

#[test]
fn every_command_that_it_offers_works() {
    let dir = tempfile::tempdir().unwrap();
    let offered = offered(&ork_in(dir.path(), &["init", "guestbook"]).ends(0));
    let names: Vec<&str> = offered.iter().map(|command| command[0].as_str()).collect();
    assert_eq!(names, ["check", "render", "test", "explain", "dev"]);
    // `ork dev` needs a control plane: the cluster tests run it.
    for command in offered.iter().filter(|command| command[0] != "dev") {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let ended = ork_in(dir.path(), &command).ends(0);
        assert!(!ended.stderr.contains("warning"), "{command:?}: {}", ended.stderr);
    }
}

#[test]
fn names_can_be_chosen_and_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["init", "db", "--name", "my-db", "--kind", "Proxy", "--group", "db.acme.io"];
    ork_in(dir.path(), &args).ends(0);
    ork_in(dir.path(), &["check", "--strict", "db"]).ends(0);
    let crd = std::fs::read_to_string(dir.path().join("db/crd.yaml")).unwrap();
    assert!(crd.contains("name: proxies.db.acme.io"), "{crd}");
    for (option, value) in [("--name", "My_db"), ("--kind", "proxy"), ("--group", "acme")] {
        let ended = ork_in(dir.path(), &["init", "other", option, value]).ends(2);
        assert!(ended.stderr.contains(&format!("give one with {option}")), "{}", ended.stderr);
        assert!(!dir.path().join("other").exists());
    }
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("README.md");
    std::fs::write(&there, "mine").unwrap();
    let ended = ork(["init", dir.path().to_str().unwrap(), "--name", "x"]).ends(2);
    assert!(ended.stderr.contains("README.md` is there already"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
    assert!(!Path::new(&dir.path().join("katalog.yaml")).exists());
}
