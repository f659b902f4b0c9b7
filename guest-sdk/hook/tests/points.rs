//! Hooks of the other points as their authors write and test them: through the public API, natively.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use orkestra_hook::http::Method;
use orkestra_hook::log::Level;
use orkestra_hook::testing::{FakeHost, Reply};
use orkestra_hook::{
    AfterRender, BeforeRender, Call, Children, Conversion, Convert, Error, Finalize, Outcome, ReadFailure, Validate,
    Violation, export,
};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Site {
    spec: SiteSpec,
}

#[derive(Deserialize)]
struct SiteSpec {
    replicas: u32,
    #[serde(default)]
    debug: bool,
    #[serde(default)]
    hosts: Vec<String>,
}

#[derive(Deserialize, Serialize)]
struct Deployment {
    spec: DeploymentSpec,
}

#[derive(Deserialize, Serialize)]
struct DeploymentSpec {
    replicas: u32,
}

struct Shape;

impl AfterRender for Shape {
    type Resource = Site;
    type Inputs = IgnoredAny;

    fn after_render(call: &Call<Site, IgnoredAny>, children: &mut Children) -> Result<(), Error> {
        let spec = &call.resource().spec;
        let there = children.change("web", |web: &mut Deployment| web.spec.replicas = spec.replicas)?;
        if !there {
            return Err(Error::failed("the entry has no child web"));
        }
        if !spec.debug {
            children.remove("debug");
        }
        for key in children.keys("job") {
            children.replace(("job", key.as_str()), &json!({"for": key}))?;
        }
        for host in &spec.hosts {
            children.add(("route", host.as_str()), &json!({"spec": {"host": host}}))?;
        }
        Ok(())
    }
}

struct Rules;

impl Validate for Rules {
    type Resource = Site;
    type Inputs = IgnoredAny;

    fn validate(call: &Call<Site, IgnoredAny>) -> Result<Vec<Violation>, Error> {
        let allowed: Value = call.http().get("https://hosts.example/allowed").send()?.successful()?.json()?;
        let hosts = call.resource().spec.hosts.iter().enumerate();
        let wrong = hosts.filter(|(_, host)| allowed[host.as_str()] != json!(true));
        let violation = |(at, host)| Violation::new(format!("spec.hosts[{at}]"), format!("{host} is not allowed"));
        Ok(wrong.map(violation).collect())
    }
}

struct Cleanup;

impl Finalize for Cleanup {
    type Resource = IgnoredAny;
    type Inputs = IgnoredAny;

    fn finalize(call: &Call<IgnoredAny, IgnoredAny>) -> Result<Outcome, Error> {
        assert!(call.deleting());
        let answer = call.http().delete("https://sites.example/a").send()?;
        match answer.status() {
            202 => Ok(Outcome::wait("the site is being taken down").after(answer.retry_after())),
            204 | 404 => Ok(Outcome::Done),
            status => Err(Error::failed(format!("the answer has the status {status}"))),
        }
    }
}

struct Rename;

#[derive(Deserialize)]
struct Old {
    spec: OldSpec,
}

#[derive(Deserialize)]
struct OldSpec {
    size: String,
}

#[derive(Deserialize, Serialize)]
struct New {
    spec: NewSpec,
}

#[derive(Deserialize, Serialize)]
struct NewSpec {
    #[serde(rename = "GiB", skip_serializing_if = "Option::is_none")]
    gib: Option<u32>,
}

impl Convert for Rename {
    type Source = Old;
    type Target = New;

    fn convert(conversion: &Conversion<Old>, mut target: New) -> Result<New, Error> {
        let size = &conversion.source().spec.size;
        conversion.log().debug(format_args!("{} to {}: {size}", conversion.entry(), conversion.version()));
        let gib = size.strip_suffix("Gi").and_then(|number| number.parse().ok());
        target.spec.gib = Some(gib.ok_or_else(|| Error::failed("spec.size is no number with Gi"))?);
        Ok(target)
    }
}

struct Nothing;

impl BeforeRender for Nothing {
    type Resource = IgnoredAny;
    type Inputs = IgnoredAny;
    type Values = Value;

    fn before_render(_: &Call<IgnoredAny, IgnoredAny>) -> Result<Value, Error> {
        Ok(json!({}))
    }
}

// All that an `export!` can say, so that it compiles.
export!(
    before_render = Nothing,
    after_render = { "site" => Shape, },
    validate = { "site" => Rules, "shop" => Rules },
    finalize = Cleanup,
    convert = Rename,
);

fn site(spec: &Value) -> Value {
    json!({"metadata": {"name": "a", "namespace": "team"}, "spec": spec})
}

fn shaped(spec: &Value) -> Result<Children, Error> {
    let call = FakeHost::new().call(site(spec)).child("web", json!({"spec": {"replicas": 9}}));
    let call = call.rendered("web", json!({"spec": {"replicas": 1, "paused": true}})).rendered("debug", json!({}));
    call.rendered_of("job", "x", json!({"n": 1})).rendered_of("job", "y", json!({"n": 2})).after_render::<Shape>()
}

#[test]
fn children_are_changed_replaced_removed_and_added() {
    let children = shaped(&json!({"replicas": 3, "hosts": ["b.example"]})).unwrap();
    let addresses: Vec<_> = children.addresses().map(|address| (address.id, address.key)).collect();
    assert_eq!(addresses, [("web", None), ("job", Some("x")), ("job", Some("y")), ("route", Some("b.example"))]);
    let get = |address: (&str, &str)| children.get::<Value>(address).unwrap();
    // A field that the hook's type does not have is still there.
    assert_eq!(children.get::<Value>("web").unwrap(), Some(json!({"spec": {"replicas": 3, "paused": true}})));
    assert_eq!(get(("job", "y")), Some(json!({"for": "y"})));
    assert_eq!(get(("route", "b.example")), Some(json!({"spec": {"host": "b.example"}})));
    assert_eq!(children.get::<Value>("debug").unwrap(), None);
    // An id alone is the child without a key.
    assert_eq!(children.get::<Value>("job").unwrap(), None);
}

#[test]
fn what_cannot_be_done_with_children_fails_by_name() {
    let mut children = shaped(&json!({"replicas": 3, "debug": true})).unwrap();
    let error = children.replace(("job", "z"), &json!({})).unwrap_err();
    assert_eq!(error, Error::failed("child job of z is not rendered and cannot be replaced"));
    let error = children.add("web", &json!({})).unwrap_err();
    assert_eq!(error, Error::failed("child web is there already and cannot be added"));
    let error = children.add("list", &[1]).unwrap_err();
    assert_eq!(error, Error::failed("child list: what the hook makes of it is no object"));
    let error = children.change("debug", |_: &mut Deployment| ()).unwrap_err();
    assert!(error.message().starts_with("child debug: "), "{error}");
    let error = children.get::<Deployment>("debug").err().unwrap();
    assert!(matches!(error.failure(), ReadFailure::Decode(_)), "{error}");
    assert!(!children.remove("none"));

    let error = FakeHost::new().call(site(&json!({"replicas": 1}))).after_render::<Shape>().unwrap_err();
    assert_eq!(error, Error::failed("the entry has no child web"));
    let error = shaped(&json!({"replicas": "three"})).unwrap_err();
    assert!(error.message().starts_with("the resource: spec.replicas is not of the type"), "{error}");
    // The same route twice.
    let error = shaped(&json!({"replicas": 1, "hosts": ["b", "b"]})).unwrap_err();
    assert_eq!(error, Error::failed("child route of b is there already and cannot be added"));
}

#[test]
fn all_that_is_wrong_is_said() {
    let host = FakeHost::new();
    let host = host.reply(Method::Get, "https://hosts.example/allowed", Reply::json(200, &json!({"a": true})));
    let validated = |hosts: Value| host.call(site(&json!({"replicas": 1, "hosts": hosts}))).validate::<Rules>();
    assert_eq!(validated(json!(["a"])), Ok(Vec::new()));
    let two = [
        Violation::new("spec.hosts[0]", "b is not allowed"),
        Violation { field: "spec.hosts[2]".to_owned(), message: "c is not allowed".to_owned() },
    ];
    assert_eq!(validated(json!(["b", "a", "c"])), Ok(two.to_vec()));
    assert!(validated(json!(1)).unwrap_err().message().starts_with("the resource: spec.hosts is not of the type"));
}

#[test]
fn a_resource_of_which_nothing_is_known_is_not_valid() {
    let host = FakeHost::new().reply(Method::Get, "https://hosts.example/allowed", Reply::timeout());
    let error = host.call(site(&json!({"replicas": 1}))).validate::<Rules>().unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}

#[test]
fn work_goes_on_until_it_is_done() {
    let finalized = |reply: Reply| {
        let host = FakeHost::new().reply(Method::Delete, "https://sites.example/a", reply);
        host.call(json!({})).finalize::<Cleanup>()
    };
    let message = "the site is being taken down".to_owned();
    let waiting = |after| Ok(Outcome::Wait { message: message.clone(), after });
    assert_eq!(finalized(Reply::status(202)), waiting(None));
    let later = Some(Duration::from_secs(30));
    assert_eq!(finalized(Reply::status(202).header("retry-after", "30")), waiting(later));
    assert_eq!(finalized(Reply::status(404)), Ok(Outcome::Done));
    assert_eq!(finalized(Reply::status(403)), Err(Error::failed("the answer has the status 403")));
    assert!(finalized(Reply::unreachable()).unwrap_err().is_unavailable());
    // What is done has no time.
    assert_eq!(Outcome::Done.after(Duration::from_secs(1)), Outcome::Done);
}

#[test]
fn a_batch_is_converted_in_its_order() {
    let host = FakeHost::new();
    let batch = host.conversions("v2").entry("site");
    let object =
        |name: &str, size: &str| json!({"metadata": {"name": name, "namespace": "team"}, "spec": {"size": size}});
    let batch = batch.object(object("a", "1Gi"), json!({"metadata": {"labels": {"x": "y"}}, "spec": {"other": 1}}));
    let made = batch.object(object("b", "2Gi"), json!({"spec": {"GiB": 2}})).convert::<Rename>().unwrap();
    // What the hook's type does not have is still there.
    let first = json!({"metadata": {"labels": {"x": "y"}}, "spec": {"other": 1, "GiB": 1}});
    assert_eq!(made, [first, json!({"spec": {"GiB": 2}})]);
    assert_eq!(host.lines()[1], (Level::Debug, "site to v2: 2Gi".to_owned()));
    assert_eq!(host.conversions("v2").convert::<Rename>(), Ok(Vec::new()));
}

#[test]
fn an_object_that_is_not_converted_is_named() {
    let host = FakeHost::new();
    let failed = |source: Value, target: Value| {
        let good = json!({"metadata": {"name": "good"}, "spec": {"size": "1Gi"}});
        let batch = host.conversions("v2").object(good, json!({"spec": {}}));
        batch.object(source, target).convert::<Rename>().unwrap_err()
    };
    let named = json!({"name": "b", "namespace": "team"});
    let error = failed(json!({"metadata": named, "spec": {"size": "big"}}), json!({"spec": {}}));
    assert_eq!(error, Error::failed("team/b: spec.size is no number with Gi"));
    let error = failed(json!({"metadata": {"name": "b"}, "spec": {"size": 1}}), json!({"spec": {}}));
    assert_eq!(error, Error::failed("b: the object: spec.size is not of the type that the hook expects"));
    let error = failed(json!({"spec": {"size": "1Gi"}}), json!({"spec": []}));
    let expected = "an object without a name: the converted object: spec is not of the type that the hook expects";
    assert_eq!(error, Error::failed(expected));
}
