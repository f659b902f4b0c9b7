//! The hook against a host that has what each test prepares.

use std::time::Duration;

use orkestra_hook::http::Method;
use orkestra_hook::testing::{FakeHost, Reply};
use orkestra_hook::{Error, Kind};
use serde_json::{Value, json};

use super::Quota;

const URL: &str = "https://quota.example.com/teams/shop";

fn with_token() -> FakeHost {
    FakeHost::new().object(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "quota-token", "namespace": "shop"},
        // t0ken
        "data": {"token": "dDBrZW4=", "unrelated": "eA=="},
    }))
}

fn run_for(host: &FakeHost, team: &str) -> Result<Value, Error> {
    let database = json!({
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {"storageGiB": 10, "team": team, "tokenSecret": "quota-token"},
    });
    host.call(database).inputs(json!({"quotaUrl": "https://quota.example.com"})).before_render::<Quota>()
}

fn run(host: &FakeHost) -> Result<Value, Error> {
    run_for(host, "shop")
}

#[test]
fn enough_quota_is_granted_whole() {
    let host = with_token().reply(Method::Get, URL, Reply::json(200, &json!({"leftGiB": 50})));
    assert_eq!(run(&host), Ok(json!({"quota": {"granted": 10, "reason": ""}})));
    assert_eq!(host.sent().len(), 1);
    assert_eq!(host.sent()[0].header("authorization"), Some("Bearer t0ken"));
}

#[test]
fn too_little_quota_is_granted_with_a_reason() {
    let host = with_token().reply(Method::Get, URL, Reply::json(200, &json!({"leftGiB": 4})));
    assert_eq!(run(&host), Ok(json!({"quota": {"granted": 4, "reason": "team shop has 4 GiB left"}})));
}

#[test]
fn an_unknown_team_fails() {
    let host = with_token().reply(Method::Get, URL, Reply::status(404));
    assert_eq!(run(&host), Err(Error::failed("team shop has no quota")));
}

#[test]
fn a_service_that_is_away_is_asked_again_when_it_says() {
    let host = with_token().reply(Method::Get, URL, Reply::status(503).header("Retry-After", "30"));
    let error = run(&host).unwrap_err();
    assert!(error.is_unavailable());
    assert_eq!(error.retries_after(), Some(Duration::from_secs(30)));
}

#[test]
fn a_service_that_does_not_answer_is_asked_again() {
    let host = with_token().reply(Method::Get, URL, Reply::timeout());
    assert!(run(&host).unwrap_err().is_unavailable());
}

#[test]
fn an_answer_of_another_form_fails_without_its_values() {
    let host = with_token().reply(Method::Get, URL, Reply::json(200, &json!({"leftGiB": "much"})));
    let error = run(&host).unwrap_err();
    assert!(!error.is_unavailable());
    let expected = "GET https://quota.example.com/teams/shop: leftGiB is not of the type that the hook expects";
    assert_eq!(error.message(), expected);
}

#[test]
fn a_secret_that_is_missing_fails_and_nothing_is_sent() {
    let host = FakeHost::new().readable(Kind::core("Secret"));
    assert_eq!(run(&host), Err(Error::failed("Secret quota-token: there is no such object")));
    assert!(host.sent().is_empty());
}

#[test]
fn a_secret_without_a_token_fails() {
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "quota-token"}, "data": {"x": "eA=="}});
    let host = FakeHost::new().object(secret);
    assert_eq!(run(&host), Err(Error::failed("Secret quota-token has no data.token")));
}

#[test]
fn a_team_cannot_lead_elsewhere() {
    for team in ["..", "a/b", "a?b", "Shop", ""] {
        let host = with_token();
        assert!(run_for(&host, team).is_err(), "{team}");
        assert_eq!(host.host_calls(), 0, "{team}");
    }
}
