use crate::support::ork;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = ork(["completions", shell]).ends(0);
        for word in ["render", "explain", "completions"] {
            assert!(ended.text().contains(word), "{word} is not in the script for {shell}");
        }
    }
    ork(["completions", "tcsh"]).ends(2);
}
