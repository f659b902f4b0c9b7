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
    let password = Secret::new("s3cret");
    assert_eq!(login(&path, "r.example", "ada", &password).await.unwrap(), KeptIn::File);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap().replacen('{', "{\"psFormat\": \"x\",", 1);
    std::fs::write(&path, text).unwrap();
    let link = dir.path().join("link.json");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    login(&link, "docker.io", "ada", &password).await.unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());

    let text = std::fs::read(&path).unwrap();
    let credentials = Credentials::from_docker_config(&text, path.clone()).unwrap();
    assert_eq!(credentials.lookup("r.example", "a").await.unwrap(), basic("ada", "s3cret"));
    assert_eq!(credentials.lookup("docker.io", "a").await.unwrap(), basic("ada", "s3cret"));
    logout(&path, "r.example").await.unwrap();
    assert_eq!(logout(&path, "r.example").await.unwrap_err().reason(), "NotLoggedIn");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("psFormat") && text.contains("index.docker.io") && !text.contains("r.example"), "{text}");
}
