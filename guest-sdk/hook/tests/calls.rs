//! Hooks as their authors write and test them: through the public API, natively.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use orkestra_hook::http::Method;
use orkestra_hook::log::Level;
use orkestra_hook::testing::{FakeHost, Reply};
use orkestra_hook::{BeforeRender, Call, Error, HttpFailure, Kind, ReadFailure, export};
use serde::Deserialize;
use serde_json::{Value, json};

type Any = Call<Value, Value>;

struct Told;

impl BeforeRender for Told {
    type Resource = Value;
    type Inputs = Value;
    type Values = Value;

    fn before_render(call: &Any) -> Result<Value, Error> {
        call.log().info("told");
        Ok(json!({
            "entry": call.entry(),
            "name": call.resource()["metadata"]["name"],
            "image": call.inputs()["image"],
            "deleting": call.deleting(),
        }))
    }
}

struct List;

impl BeforeRender for List {
    type Resource = Value;
    type Inputs = Value;
    type Values = Vec<u8>;

    fn before_render(_: &Any) -> Result<Vec<u8>, Error> {
        Ok(vec![1])
    }
}

struct Typed;

#[derive(Deserialize)]
struct Site {
    #[serde(rename = "spec")]
    _spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(rename = "replicas")]
    _replicas: u32,
}

impl BeforeRender for Typed {
    type Resource = Site;
    type Inputs = Spec;
    type Values = Value;

    fn before_render(_: &Call<Site, Spec>) -> Result<Value, Error> {
        Ok(json!({}))
    }
}

export!(before_render = { "told" => Told, "typed" => Typed });

fn call(host: &FakeHost) -> Any {
    host.call(json!({"metadata": {"name": "a", "namespace": "team"}})).open().unwrap()
}

#[test]
fn a_hook_is_told_what_a_call_says() {
    let host = FakeHost::new();
    let call = host.call(json!({"metadata": {"name": "a"}})).entry("told").inputs(json!({"image": "i"})).deleting();
    let values = json!({"entry": "told", "name": "a", "image": "i", "deleting": true});
    assert_eq!(call.before_render::<Told>(), Ok(values));
    assert_eq!(host.lines(), [(Level::Info, "told".to_owned())]);
    assert_eq!(host.host_calls(), 1);
}

#[test]
fn values_are_one_object() {
    let error = FakeHost::new().call(json!({})).before_render::<List>().unwrap_err();
    assert!(error.message().contains("must be one object"), "{error}");
}

#[test]
fn a_resource_of_another_type_fails_with_its_path_and_inputs_without_their_values() {
    let run = |replicas: Value, input: Value| {
        let call = FakeHost::new().call(json!({"spec": {"replicas": replicas}})).inputs(json!({"replicas": input}));
        call.before_render::<Typed>()
    };
    assert_eq!(run(json!(1), json!(1)), Ok(json!({})));
    let error = run(json!("three"), json!(1)).unwrap_err();
    assert!(error.message().starts_with("the resource: spec.replicas is not of the type"), "{error}");
    let error = run(json!(1), json!("hunter2")).unwrap_err();
    assert_eq!(error, Error::failed("the inputs: replicas is not of the type that the hook expects"));
}

#[test]
fn children_are_found_by_id_and_key() {
    let prepared = FakeHost::new().call(json!({})).child("svc", json!({"port": 80}));
    let prepared = prepared.child_of("job", "x", json!({"n": 1})).child_of("job", "y", json!({"n": 2}));
    let call: Any = prepared.open().unwrap();
    assert_eq!(call.child::<Value>("svc").unwrap(), Some(json!({"port": 80})));
    assert_eq!(call.child::<Value>("none").unwrap(), None);
    let jobs = call.children::<Value>("job").unwrap();
    let jobs: Vec<_> = jobs.iter().map(|child| (child.key.as_deref(), child.object["n"].as_i64())).collect();
    assert_eq!(jobs, [(Some("x"), Some(1)), (Some("y"), Some(2))]);
    let error = call.child::<Spec>("svc").err().unwrap();
    assert!(matches!(error.failure(), ReadFailure::Decode(_)), "{error}");
}

#[test]
fn an_object_is_read_found_or_named_in_the_error() {
    let host = FakeHost::new().unavailable(Kind::core("Node")).object(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "team", "labels": {"tier": "front"}},
        "spec": {"replicas": 3},
    }));
    let call = call(&host);
    let deployments = || Kind::new("apps", "Deployment");
    let read: Value = call.cluster().get(deployments(), "web").fields(["spec.replicas"]).read().unwrap();
    assert_eq!(read, json!({"spec": {"replicas": 3}}));
    assert_eq!(call.cluster().get(deployments(), "none").find::<Value>().unwrap(), None);
    let listed = |tier: &str| call.cluster().list(deployments()).label("tier", tier).read::<Value>().unwrap().len();
    assert_eq!((listed("front"), listed("back")), (1, 0));

    let error = call.cluster().get(deployments(), "web").namespace("other").read::<Value>().unwrap_err();
    assert!(error.to_string().starts_with("Deployment.apps web in the namespace other: access denied"), "{error}");
    assert!(!Error::from(error).is_unavailable());
    let error = call.cluster().list(Kind::core("Node")).read::<Value>().unwrap_err();
    assert!(Error::from(error).is_unavailable());
}

#[test]
fn a_request_is_sent_as_it_was_made() {
    let url = "https://a.example/x?y=1";
    let host = FakeHost::new().reply(Method::Post, url, Reply::json(201, &json!({"id": 7})));
    let call = call(&host);
    let request = call.http().post(url).bearer("t").json(&json!({"n": 1})).timeout(Duration::from_secs(1));
    let answer = request.send().unwrap();
    assert_eq!((answer.status(), answer.json::<Value>().unwrap()), (201, json!({"id": 7})));
    let sent = &host.sent()[0];
    assert_eq!((sent.method, sent.url.as_str(), sent.body.as_slice()), (Method::Post, url, br#"{"n":1}"#.as_slice()));
    assert_eq!(sent.header("Authorization"), Some("Bearer t"));
    assert_eq!(sent.header("Content-Type"), Some("application/json"));
    assert_eq!(sent.timeout, Duration::from_secs(1));
}

#[test]
fn a_request_without_its_answer_says_why() {
    let host = FakeHost::new()
        .reply(Method::Get, "https://a.example/slow", Reply::timeout())
        .reply(Method::Get, "https://a.example/gone", Reply::unreachable())
        .reply(Method::Get, "https://a.example/cut", Reply::interrupted())
        .reply(Method::Get, "https://a.example/long", Reply::bytes(200, vec![0; 11]));
    let call = call(&host);
    let failure = |url: &str| call.http().get(url).limit(10).send().unwrap_err();
    for (url, temporary) in [
        ("https://a.example/slow", true),
        ("https://a.example/gone", true),
        ("https://a.example/cut", true),
        ("https://a.example/long", false),
        ("https://a.example/not-prepared", false),
        ("a.example", false),
    ] {
        assert_eq!(failure(url).is_temporary(), temporary, "{url}");
    }
    assert!(matches!(failure("https://a.example/long").failure(), HttpFailure::TooLarge { limit: 10 }));
    assert!(matches!(failure("https://b.example").failure(), HttpFailure::AccessDenied(_)));
    // What is malformed is not sent.
    let sent = host.sent().len();
    let bad = call.http().get("https://a.example/").header("a", "b\r\nc: d").send().unwrap_err();
    assert!(matches!(bad.failure(), HttpFailure::InvalidRequest(_)), "{bad}");
    assert_eq!(host.sent().len(), sent);
}
