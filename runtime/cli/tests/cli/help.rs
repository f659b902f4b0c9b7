use crate::support::{Copy, ork, ork_in, ork_with, postgres};

#[test]
fn help_is_as_it_was_read_and_found_good() {
    let mut text = String::new();
    for command in [
        "init",
        "import",
        "check",
        "build",
        "render",
        "eval",
        "test",
        "explain",
        "schema",
        "lsp",
        "dev",
        "inspect",
        "audit",
        "login",
        "logout",
        "push",
        "pull",
        "tags",
        "copy",
        "sign",
        "verify",
        "lock",
        "outdated",
        "update",
        "plan",
        "vendor",
        "run",
        "storage migrate",
        "upgrade plan",
        "uninstall",
        "completions",
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        text += ork_in(std::path::Path::new("."), &words).ends(0).text();
        text += "\n----------------------------------------\n\n";
    }
    insta::assert_snapshot!("overview", ork(["--help"]).ends(0).text());
    insta::assert_snapshot!("commands", text);
}

#[test]
fn the_exit_status_tells_who_must_act() {
    let broken = Copy::new().edit("katalog.yaml", "workers: 2", "worker: 2");
    let good = postgres();
    let good = good.to_str().unwrap();
    ork(["check", good]).ends(0);
    ork(["check", broken.path()]).ends(1);
    for unusable in [
        ["check", "/nowhere"],
        ["check", "/"],
        ["check", "--no-such-option"],
        ["no-such-command", "x"],
        ["inspect", "/nowhere"],
        ["run", "/nowhere"],
    ] {
        let ended = ork(unusable).ends(2);
        assert!(ended.stdout.is_empty(), "{ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    }
    ork([]).ends(2);
}

#[test]
fn the_hidden_command_stays_hidden() {
    assert!(!ork(["--help"]).text().contains("internal"));
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let broken = Copy::new().edit("katalog.yaml", "workers: 2", "worker: 2");
    let check = ["check", broken.path()];
    let colored = |ended: crate::support::Ended| (ended.text().contains('\u{1b}'), ended.stderr.contains('\u{1b}'));
    assert_eq!(colored(ork(check)), (false, false));
    assert_eq!(colored(ork_with(check, &[("CLICOLOR_FORCE", "1")])), (true, true));
    assert_eq!(colored(ork(["check", broken.path(), "--color=always"])), (true, true));
    assert_eq!(
        colored(ork_with(["check", broken.path(), "--color=never"], &[("CLICOLOR_FORCE", "1")])),
        (false, false)
    );
}

#[test]
fn quiet_says_only_what_is_wrong() {
    let good = postgres();
    let ended = ork(["check", "-q", good.to_str().unwrap()]).ends(0);
    assert_eq!((ended.text(), ended.stderr.as_str()), ("", ""));
}
