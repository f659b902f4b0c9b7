use crate::support::{ork, postgres};

#[test]
fn what_is_to_go_must_be_said_and_only_in_one_way() {
    let shipped = postgres();
    let shipped = shipped.to_str().unwrap();
    ork(["uninstall"]).ends(2);
    ork(["uninstall", "--all", shipped]).ends(2);
    ork(["uninstall", "--all", "-f", "komposer.yaml"]).ends(2);
    let ended = ork(["uninstall", "/nowhere"]).ends(2);
    assert!(ended.stderr.contains("/nowhere"), "{}", ended.stderr);
}

#[test]
fn without_a_cluster_nothing_is_asked() {
    let ended = ork(["uninstall", "--all", "--kubeconfig", "/nowhere"]).ends(2);
    assert!(ended.stderr.contains("/nowhere") && !ended.stderr.contains("Go on"), "{}", ended.stderr);
    ork(["storage", "migrate", "--kubeconfig", "/nowhere"]).ends(2);
}
