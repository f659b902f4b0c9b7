//! Who gets credentials, and who does not.

use super::*;
use crate::credentials::{Credential, Credentials, Secret};

fn logged_in(host: &str) -> HttpOptions {
    let credential = Credential::Basic { username: "ada".into(), password: Secret::new("s3cret") };
    HttpOptions { credentials: Credentials::default().with(host, credential), ..options() }
}

fn challenge(realm: &str) -> Reply {
    Reply::new(401, "")
        .with("www-authenticate", format!("Bearer realm=\"{realm}\",service=\"s x\",scope=\"everything:*\""))
}

/// Basic `ada:s3cret`.
const BASIC: &str = "Basic YWRhOnMzY3JldA==";

#[tokio::test]
async fn a_token_is_fetched_once_for_what_is_done_and_no_more() {
    let fake = Fake::start(|request: &Request, _| {
        let host = &request.headers["host"];
        let authorization = request.headers.get("authorization").map(String::as_str);
        match (request.line.split(['?']).next().unwrap(), authorization) {
            ("GET /token", Some(BASIC)) => Reply::new(200, r#"{"access_token":"t1","expires_in":60}"#),
            ("GET /token", _) => Reply::new(403, ""),
            (_, Some("Bearer t1")) => Reply::new(200, r#"{"tags":["v1.0.0","-junk"]}"#),
            _ => challenge(&format!("http://{host}/token")),
        }
    })
    .await;
    let registry = registry(logged_in(&fake.host));
    for _ in 0..2 {
        assert_eq!(registry.tags(&repository(&fake)).await.unwrap(), ["v1.0.0"]);
    }
    let list = "GET /v2/dbs/postgres/tags/list?n=1000";
    let token = "GET /token?scope=repository%3Adbs%2Fpostgres%3Apull&service=s+x";
    assert_eq!(fake.lines(), [list, token, list, list]);
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let fake = Fake::start(|request: &Request, _| match request.line.as_str() {
        "POST /token" => Reply::new(200, r#"{"token":"t2"}"#),
        _ if request.headers.contains_key("authorization") => Reply::new(200, r#"{"tags":null}"#),
        _ => challenge(&format!("http://{}/token", request.headers["host"])),
    })
    .await;
    let credentials = Credentials::default().with(&fake.host, Credential::Identity { token: Secret::new("r&1") });
    let registry = registry(HttpOptions { credentials, ..options() });
    assert!(registry.tags(&repository(&fake)).await.unwrap().is_empty());
    let form = String::from_utf8(fake.requests()[1].body.clone()).unwrap();
    assert!(form.contains("grant_type=refresh_token") && form.contains("refresh_token=r%261"), "{form}");
}

#[tokio::test]
async fn another_host_gets_no_credentials_unless_it_is_listed() {
    let thief = Fake::start(|_: &Request, _| Reply::new(200, r#"{"token":"t"}"#)).await;
    let realm = format!("http://{}/token", thief.host);
    let fake = Fake::start(move |request: &Request, _| match request.headers.get("authorization") {
        Some(_) => Reply::new(200, r#"{"tags":[]}"#),
        None => challenge(&realm),
    })
    .await;
    let error = registry(logged_in(&fake.host)).tags(&repository(&fake)).await.unwrap_err();
    assert_eq!(error.reason(), "ForeignRealm");
    assert!(thief.lines().is_empty());
    let listed = HttpOptions { realms: vec![thief.host.clone()], ..logged_in(&fake.host) };
    registry(listed).tags(&repository(&fake)).await.unwrap();
    assert_eq!(thief.lines().len(), 1);
}

#[tokio::test]
async fn realms_without_tls_and_other_schemes_are_refused() {
    for (header, reason) in [
        ("Bearer realm=\"http://r.example/token\"", "ForeignRealm"),
        ("Bearer realm=\"ftp://listed.example/token\"", "InsecureRealm"),
        ("Bearer realm=\"http://listed.example/token\"", "InsecureRealm"),
        ("Bearer realm=\"//\"", "BadAddress"),
        ("Negotiate", "UnknownChallenge"),
    ] {
        let fake = Fake::start(move |_: &Request, _| Reply::new(401, "").with("www-authenticate", header)).await;
        let options = HttpOptions { realms: vec!["listed.example".into()], ..logged_in(&fake.host) };
        let error = registry(options).tags(&repository(&fake)).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{header}");
    }
}

#[tokio::test]
async fn a_token_answer_is_bounded_and_must_have_a_token_and_leads_nowhere() {
    type Answer = fn() -> Reply;
    let answers: [(Answer, &str); 5] = [
        (|| Reply::new(200, "x".repeat(1000)).endless(), "TooLarge"),
        (|| Reply::new(200, "{}"), "NoToken"),
        (|| Reply::new(200, r#"{"token":"a\nb"}"#), "NoToken"),
        (|| Reply::new(302, "").with("location", "https://elsewhere.example"), "ForeignRedirect"),
        (|| Reply::new(403, r#"{"errors":[{"code":"DENIED","message":"no"}]}"#), "Unauthorized"),
    ];
    for (answer, reason) in answers {
        let fake = Fake::start(move |request: &Request, _| match request.line.starts_with("GET /token") {
            true => answer(),
            false => challenge(&format!("http://{}/token", request.headers["host"])),
        })
        .await;
        let error = registry(logged_in(&fake.host)).tags(&repository(&fake)).await.unwrap_err();
        assert_eq!(error.reason(), reason);
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn a_password_goes_where_it_is_asked_for_and_not_twice() {
    let basic = |request: &Request, _| match request.headers.get("authorization").map(String::as_str) {
        Some(BASIC) => Reply::new(200, r#"{"tags":["v1"]}"#),
        _ => Reply::new(401, r#"{"errors":[{"code":"UNAUTHORIZED","message":"\u001b[2J"}]}"#)
            .with("www-authenticate", "Basic realm=\"x\""),
    };
    let fake = Fake::start(basic).await;
    assert_eq!(registry(logged_in(&fake.host)).tags(&repository(&fake)).await.unwrap(), ["v1"]);
    let without = registry(options()).tags(&repository(&fake)).await.unwrap_err();
    assert_eq!(without.reason(), "Unauthorized");
    assert!(without.to_string().contains(r"\u{1b}[2J"), "{without}");
    let credential = Credential::Basic { username: "eve".into(), password: Secret::new("x") };
    let credentials = Credentials::default().with(&fake.host, credential);
    let before = fake.lines().len();
    let wrong = registry(HttpOptions { credentials, ..options() }).tags(&repository(&fake)).await.unwrap_err();
    assert_eq!((wrong.reason(), fake.lines().len() - before), ("Unauthorized", 2));
}

#[tokio::test]
async fn a_given_token_is_for_the_registry_itself() {
    let fake = Fake::start(|request: &Request, _| match request.headers.get("authorization").map(String::as_str) {
        Some("Bearer given") => Reply::new(200, r#"{"tags":["v1"]}"#),
        _ => challenge("https://elsewhere.example/token"),
    })
    .await;
    let credentials = Credentials::default().with(&fake.host, Credential::Bearer { token: Secret::new("given") });
    let registry = registry(HttpOptions { credentials, ..options() });
    assert_eq!(registry.tags(&repository(&fake)).await.unwrap(), ["v1"]);
}
