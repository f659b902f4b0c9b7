//! What is looked up, what is kept, and that nothing of it is shown.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn docker(text: &str) -> Credentials {
    Credentials::from_docker_config(text.as_bytes(), "config.json".into()).unwrap()
}

fn basic(username: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic { username: username.into(), password: Secret::new(password) })
}

#[tokio::test]
async fn a_docker_configuration_is_read() {
    let credentials = docker(
        r#"{"auths": {"r.example": {"auth": "YWRhOnMzOmNyZXQ="}, "https://index.docker.io/v1/": {"username": "a", "password": "b"},
            "https://old.example/v1/": {"identitytoken": "id"}, "token.example:5000": {"registrytoken": "t"}, "empty.example": {},
            "bad.example": {"auth": "!"}, "worse.example": {"auth": "YWRh"}}, "HttpHeaders": {"x": "y"}}"#,
    );
    let lookup = async |host: &str| credentials.lookup(host, "a").await;
    assert_eq!(lookup("r.example").await.unwrap(), basic("ada", "s3:cret"));
    assert_eq!(lookup("docker.io").await.unwrap(), basic("a", "b"));
    assert_eq!(lookup("old.example").await.unwrap(), Some(Credential::Identity { token: Secret::new("id") }));
    assert_eq!(lookup("token.example:5000").await.unwrap(), Some(Credential::Bearer { token: Secret::new("t") }));
    assert_eq!(lookup("empty.example").await.unwrap(), None);
    assert_eq!(lookup("other.example").await.unwrap(), None);
    assert_eq!(lookup("bad.example").await.unwrap_err().reason(), "BadCredentials");
    assert_eq!(lookup("worse.example").await.unwrap_err().reason(), "BadCredentials");
    let shown = format!("{credentials:?} {:?}", lookup("r.example").await.unwrap());
    for secret in ["s3:cret", "YWRhOnMzOmNyZXQ", "\"id\"", "\"b\""] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(Credentials::from_docker_config(b"[", "x".into()).unwrap_err().reason(), "BadDockerConfig");
    assert!(Credentials::from_docker_config(b"", "x".into()).is_ok());
}

#[tokio::test]
async fn what_is_given_for_a_prefix_comes_first_and_the_longest_of_them() {
    let credential = |name: &str| basic(name, "x").unwrap();
    let credentials = docker(r#"{"auths": {"r.example": {"username": "docker", "password": "x"}}}"#)
        .with("r.example/a", credential("short"))
        .with("r.example/a/b", credential("long"));
    for (path, name) in [("a", "short"), ("a/c", "short"), ("a/b", "long"), ("a/b/c", "long"), ("ab", "docker")] {
        assert_eq!(credentials.lookup("r.example", path).await.unwrap(), basic(name, "x"), "{path}");
    }
}

#[tokio::test]
async fn a_helper_has_a_plain_name_and_one_that_is_missing_is_told() {
    for (name, reason) in [
        ("../evil", "BadHelperName"),
        ("Evil", "BadHelperName"),
        ("", "BadHelperName"),
        ("missing.of-test", "HelperFailed"),
    ] {
        let credentials = docker(&format!(r#"{{"credHelpers": {{"r.example": "{name}"}}}}"#));
        assert_eq!(credentials.lookup("r.example", "a").await.unwrap_err().reason(), reason, "{name}");
        assert_eq!(credentials.lookup("other.example", "a").await.unwrap(), None);
    }
}

#[tokio::test]
async fn login_and_logout_keep_what_they_do_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/config.json");
    let (password, helpers) = (Secret::new("s3cret"), Helpers::default());
    assert_eq!(login(&path, &helpers, "r.example", "ada", &password).await.unwrap(), KeptIn::File);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap().replacen('{', "{\"psFormat\": \"x\",", 1);
    std::fs::write(&path, text).unwrap();
    let link = dir.path().join("link.json");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    login(&link, &helpers, "docker.io", "ada", &password).await.unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());

    let text = std::fs::read(&path).unwrap();
    let credentials = Credentials::from_docker_config(&text, path.clone()).unwrap();
    assert_eq!(credentials.lookup("r.example", "a").await.unwrap(), basic("ada", "s3cret"));
    assert_eq!(credentials.lookup("docker.io", "a").await.unwrap(), basic("ada", "s3cret"));
    logout(&path, &helpers, "r.example").await.unwrap();
    assert_eq!(logout(&path, &helpers, "r.example").await.unwrap_err().reason(), "NotLoggedIn");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("psFormat") && text.contains("index.docker.io") && !text.contains("r.example"), "{text}");
}

/// A helper that keeps what it is given in a file beside it, speaking the protocol of docker's.
const HELPER: &str = r#"#!/bin/sh
kept="$0.kept"
case "$1" in
  store) cat > "$kept" ;;
  get) read -r host; grep -q "\"$host\"" "$kept" 2>/dev/null && cat "$kept" || { echo "credentials not found"; exit 1; } ;;
  erase) rm "$kept" ;;
esac
"#;

fn helper(directory: &std::path::Path, name: &str, script: &str) {
    let path = directory.join(format!("docker-credential-{name}"));
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_helper_keeps_credentials_out_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    helper(dir.path(), "shelf", HELPER);
    let helpers = Helpers::within(dir.path());
    let path = dir.path().join("config.json");
    std::fs::write(&path, r#"{"credsStore": "shelf"}"#).unwrap();
    let password = Secret::new("s3cret");
    let kept = login(&path, &helpers, "r.example", "ada", &password).await.unwrap();
    assert_eq!(kept, KeptIn::Helper("shelf".into()));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("r.example") && !text.contains("YWRh"), "{text}");
    let credentials = docker(&text).with_helpers(helpers.clone());
    assert_eq!(credentials.lookup("r.example", "a").await.unwrap(), basic("ada", "s3cret"));
    assert_eq!(credentials.lookup("other.example", "a").await.unwrap(), None);
    logout(&path, &helpers, "r.example").await.unwrap();
    assert_eq!(credentials.lookup("r.example", "a").await.unwrap(), None);
}

#[tokio::test]
async fn what_a_helper_answers_is_bounded_and_read_strictly() {
    let dir = tempfile::tempdir().unwrap();
    helper(dir.path(), "endless", "#!/bin/sh\nexec yes\n");
    helper(dir.path(), "mumble", "#!/bin/sh\necho hello\n");
    helper(dir.path(), "token", "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"id\"}'\n");
    let lookup = async |name: &str| {
        let credentials = docker(&format!(r#"{{"credsStore": "{name}"}}"#)).with_helpers(Helpers::within(dir.path()));
        credentials.lookup("r.example", "a").await
    };
    assert_eq!(lookup("endless").await.unwrap_err().reason(), "HelperFailed");
    assert_eq!(lookup("mumble").await.unwrap_err().reason(), "HelperFailed");
    assert_eq!(lookup("token").await.unwrap(), Some(Credential::Identity { token: Secret::new("id") }));
}
