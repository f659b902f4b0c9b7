//! Traces of `ork run`, as a collector gets them.

use std::time::{Duration, Instant};

use orkestra_tests::{CONFIG_MAP, LONG, Namespace, Ork, POD_DISRUPTION_BUDGET, SECRET, eventually, pattern_directory};
use serde_json::json;
use tokio::net::TcpListener;

use crate::admission::{self, Shop};
use crate::collector::{Collector, Span};
use crate::fixture::{CRD, KATALOG, WEB, ready_web, together};

/// What is in a Secret, and what is in no trace.
const VALUE: &str = "hunter2-never-in-a-trace";

/// The pattern `web` with a Secret, and with one expression that has no value for three replicas.
fn katalog() -> String {
    let secret = "          secrets:\n            - id: key\n              data: {password: \"{{ spec.text }}\"}\n";
    let katalog = KATALOG.replacen("          resources:\n", &format!("{secret}          resources:\n"), 1);
    katalog.replace("fixed: as written", "fixed: \"{{ string(10 / (spec.replicas - 3)) }}\"")
}

/// `ork run` of the pattern in one namespace, with these variables.
fn ork_run(ns: &Namespace, variables: &[(&str, &str)]) -> Ork {
    let pattern = pattern_directory(ns.cluster(), &katalog(), CRD);
    let own = ns.own();
    let mut arguments = vec!["--no-impersonation", "--no-crds", "-n", ns.name(), "--system-namespace", &own];
    arguments.extend(["--listen", "127.0.0.1:0", "--yes", pattern.to_str().unwrap()]);
    // Batches are sent soon, so that nothing is waited for in vain.
    let variables = [&[("OTEL_BSP_SCHEDULE_DELAY", "100")], variables].concat();
    Ork::run_with(ns.cluster(), &arguments, &variables)
}

/// Waits for a span, and gives it with its parent.
async fn span(collector: &Collector, what: &str, is: impl Fn(&Span) -> bool) -> (Span, Option<Span>) {
    eventually(&format!("a span of {what}"), LONG, async || {
        let spans = collector.spans();
        let found = spans.iter().find(|span| is(span)).cloned().ok_or_else(|| format!("{spans:#?}"))?;
        let parent = spans.iter().find(|span| span.id == found.parent).cloned();
        // A parent ends after its children, and is sent after them.
        if found.parent.is_empty() || parent.is_some() {
            Ok((found, parent))
        } else {
            Err("its parent is missing".to_owned())
        }
    })
    .await
}

#[test]
fn a_reconcile_is_a_span_with_its_steps_and_without_any_value() {
    together("traces", async |ns| {
        let collector = Collector::start().await;
        let ork = ork_run(
            &ns,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue"),
                ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test"),
            ],
        );
        ready_web(&ns, "a", json!({"text": VALUE, "protected": true})).await;
        let written =
            [("ConfigMap", "a-config"), ("Secret", "a-secret"), ("Service", "a"), ("PodDisruptionBudget", "a")];
        for (kind, name) in written {
            let is = |span: &Span| span.is("apply", &[("kind", kind), ("name", name), ("namespace", ns.name())]);
            let (apply, parent) = span(&collector, &format!("{kind} {name}"), is).await;
            assert_eq!((apply.get("done"), &apply.error), (Some("created"), &None), "{apply:#?}");
            let parent = parent.expect("it is a step of a reconcile");
            let of = [("pattern", "web"), ("entry", "web"), ("kind", "Web"), ("namespace", ns.name()), ("name", "a")];
            assert!(parent.is("reconcile", &of) && parent.parent.is_empty(), "{parent:#?}");
            assert_eq!(parent.trace, apply.trace);
            assert!(["success", "requeue_after", "error"].contains(&parent.get("outcome").unwrap()), "{parent:#?}");
        }
        for step in ["sandbox", "status"] {
            let (step, parent) = span(&collector, step, |span| span.is(step, &[])).await;
            assert!(parent.is_some_and(|parent| parent.is("reconcile", &[("name", "a")])), "{step:#?}");
        }
        let (call, _) = span(&collector, "a call", |span| span.name == "sandbox").await;
        assert!(call.get("cost").is_some_and(|cost| cost.parse::<u64>().unwrap() > 0), "{call:#?}");

        ns.edit(CONFIG_MAP, "a-config", json!({"data": {"text": "edited"}})).await;
        let repaired = |span: &Span| span.is("apply", &[("name", "a-config"), ("done", "repaired")]);
        span(&collector, "the repair of what was edited", repaired).await;
        ns.edit(WEB, "a", json!({"spec": {"protected": false}})).await;
        ns.wait_until_gone(POD_DISRUPTION_BUDGET, "a").await;
        let pruned = |span: &Span| span.is("prune", &[("kind", "PodDisruptionBudget"), ("name", "a")]);
        let (_, parent) = span(&collector, "what is pruned", pruned).await;
        assert!(parent.is_some_and(|parent| parent.is("reconcile", &[("name", "a")])));

        assert!(ns.get(SECRET, "a-secret").await["data"]["password"].is_string());
        // In base64 as well.
        for text in [VALUE, "aHVudGVyMi1uZXZlci1pbi1hLXRyYWNl", "edited"] {
            assert!(!collector.was_sent(text), "{text}");
        }
        assert!(collector.was_sent("a-config"), "the names are there, so the search finds what is");
        assert!(collector.spans().iter().all(|span| span.events == 0), "no line of a log is in a trace");
        let service = collector.service();
        let told = ["service.name", "deployment.environment", "service.version"].map(|key| service[key].as_str());
        assert_eq!(told, ["orkestra", "test", env!("CARGO_PKG_VERSION")]);
        for (head, headers) in collector.heads() {
            assert_eq!(head, "POST /v1/traces");
            let of = |name: &str| headers.get(name).map(String::as_str);
            assert_eq!((of("content-type"), of("x-tenant")), (Some("application/x-protobuf"), Some("blue")));
        }
        let output = ork.output();
        assert!(
            output.contains("child applied") && !output.contains("\"span"),
            "spans are no matter of the log: {output}"
        );
        assert!(ork.stop().await.success());
    });
}

#[test]
fn what_the_webhook_answers_is_a_span_without_any_value() {
    together("traces-webhook", async |ns| {
        let collector = Collector::start().await;
        let conversion = "      conversion:\n        storageVersion: v1\n        paths:\n          - {from: v1beta1, to: v1, rules: [{rename: {from: spec.picture, to: spec.image}}]}\n";
        let katalog = admission::KATALOG.replace("      operatorBox:\n", &format!("{conversion}      operatorBox:\n"));
        let shop = Shop::with(&ns, &katalog, |group| {
            let mut crd = admission::crd(group);
            let mut second = crd["spec"]["versions"][0].clone();
            (second["name"], second["storage"]) = (json!("v1beta1"), json!(false));
            let spec = &mut second["schema"]["openAPIV3Schema"]["properties"]["spec"];
            spec["properties"]["picture"] = spec["properties"]["image"].take();
            spec["properties"].as_object_mut().unwrap().remove("image");
            spec["required"] = json!(["replicas", "picture"]);
            crd["spec"]["versions"].as_array_mut().unwrap().push(second);
            crd
        });
        let variables = [("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())];
        let ork = shop.run_with(&ns, &["-f", admission::path(&shop.komposer)], &variables);
        ork.says("\"reconciling\"").await;
        let image = format!("web:{VALUE}");
        eventually("the rules are asked for", LONG, async || {
            match shop.store(&ns, "many", json!({"replicas": 7, "image": image})).await {
                Err(status) if status.code == 422 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        shop.store(&ns, "right", json!({"replicas": 3, "image": image})).await.unwrap();
        let of = [("pattern", "shop"), ("entry", "shop"), ("given", "2"), ("warned", "0")];
        for denied in ["0", "1"] {
            let is = |span: &Span| span.is("admit", &of) && span.get("denied") == Some(denied);
            let (admit, parent) = span(&collector, "an admission", is).await;
            assert!(parent.is_none() && admit.error.is_none() && admit.get("reason").is_none(), "{admit:#?}");
        }
        let path = format!("/apis/{}/v1beta1/namespaces/{}/shops/right", shop.group, ns.name());
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let other: serde_json::Value = ns.cluster().client().request(request).await.unwrap();
        assert_eq!(other["spec"]["picture"], image);
        let of = [("pattern", "shop"), ("entry", "shop"), ("version", "v1beta1"), ("objects", "1"), ("refused", "0")];
        let (convert, parent) = span(&collector, "a conversion", |span| span.is("convert", &of)).await;
        assert!(parent.is_none() && convert.error.is_none(), "{convert:#?}");
        assert!(!collector.was_sent(VALUE) && collector.was_sent("shop"));
        assert!(ork.stop().await.success());
    });
}

#[test]
fn what_fails_is_an_error_with_its_reason() {
    together("traces-failing", async |ns| {
        let collector = Collector::start().await;
        ns.create(CONFIG_MAP, json!({"metadata": {"name": "taken-config"}, "data": {"of": "somebody"}})).await;
        let ork =
            ork_run(&ns, &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/v1/traces", collector.endpoint()))]);
        for (name, replicas) in [("taken", 0), ("none", 3)] {
            ns.create(WEB, json!({"metadata": {"name": name}, "spec": {"replicas": replicas}})).await;
        }
        let failed =
            |name: &'static str| move |span: &Span| span.is("reconcile", &[("name", name), ("outcome", "error")]);
        let (reconcile, _) = span(&collector, "a reconcile that is refused", failed("taken")).await;
        assert_eq!(
            (reconcile.get("reason"), reconcile.error.as_deref()),
            (Some("AlreadyExists"), Some("AlreadyExists"))
        );

        let (reconcile, _) = span(&collector, "a reconcile without a plan", failed("none")).await;
        let reason = reconcile.get("reason").expect("it has a reason").to_owned();
        assert_eq!(reconcile.error.as_ref(), Some(&reason));
        assert!(ork.output().contains(&format!("\"reason\":\"{reason}\"")), "{reason} is not what the log says");
        let call = |span: &Span| span.name == "sandbox" && span.error.as_ref() == Some(&reason);
        let (_, parent) = span(&collector, "the call that failed", call).await;
        assert!(parent.is_some_and(|parent| parent.get("name") == Some("none")));
        assert!(ork.stop().await.success());
    });
}

#[test]
fn a_collector_that_is_away_is_told_once_and_changes_nothing() {
    together("traces-away", async |ns| {
        let collector = Collector::start().await;
        collector.refuse(true);
        let ork = ork_run(
            &ns,
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()), ("OTEL_EXPORTER_OTLP_TIMEOUT", "200")],
        );
        ready_web(&ns, "a", json!({})).await;
        let batches = |count: usize| {
            let collector = &collector;
            eventually("the collector is asked again", LONG, async move || match collector.heads().len() {
                asked if asked >= count => Ok(()),
                asked => Err(format!("{asked} requests")),
            })
        };
        batches(1).await;
        ns.edit(WEB, "a", json!({"spec": {"text": "later"}})).await;
        ns.wait_until(CONFIG_MAP, "a-config", "it is written", |object| object["data"]["text"] == "later").await;
        batches(collector.heads().len() + 2).await;
        let told = |what: &str| ork.output().matches(what).count();
        assert_eq!(told("CollectorAway"), 1, "{}", ork.output());
        collector.refuse(false);
        ns.edit(WEB, "a", json!({"spec": {"text": "again"}})).await;
        ork.says("traces are taken again").await;
        assert_eq!(told("CollectorAway"), 1, "{}", ork.output());
        assert!(ork.stop().await.success());
    });
}

#[test]
fn a_collector_that_never_answers_holds_up_neither_reconciles_nor_the_end() {
    together("traces-silent", async |ns| {
        // Connections are made, by the system, and nobody reads from them.
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", silent.local_addr().expect("it listens"));
        let ork = ork_run(&ns, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000")]);
        ready_web(&ns, "a", json!({})).await;
        ns.edit(WEB, "a", json!({"spec": {"text": "later"}})).await;
        ns.wait_until(CONFIG_MAP, "a-config", "it is written", |object| object["data"]["text"] == "later").await;
        let begin = Instant::now();
        assert!(ork.stop().await.success());
        assert!(begin.elapsed() < Duration::from_secs(20), "it took {} s to stop", begin.elapsed().as_secs());
    });
}
