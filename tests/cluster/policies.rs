//! Rules that the API server keeps by itself, while nothing of ours runs.

use kube::client::Body;
use orkestra_tests::{LONG, Namespace, eventually, ork};
use serde_json::{Value, json};

use crate::admission::{self, Shop};
use crate::fixture::together;

/// Each rule with what keeps and what breaks it is below; `backwards` is one that the API server has no words for.
const KATALOG: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: kept, version: 1.0.0}
spec:
  inputs:
    - {name: most, schema: {type: integer}, default: 5}
    - {name: tiers, schema: {type: array, maxItems: 16, items: {type: string, maxLength: 63}}, default: [web, db]}
  crds:
    kept:
      operatorBox:
        vars:
          total: "{{ spec.replicas * 2 }}"
          tier: "{{ spec.tier.name }}"
        validation:
          - {rule: "{{ spec.replicas <= inputs.most }}", message: "at most {{ inputs.most }}, not {{ spec.replicas }}", field: spec.replicas}
          - {rule: "{{ spec.image.contains(':') }}", message: a tag is missing, field: spec.image}
          - {rule: "{{ vars.total != 4 }}", message: "{{ vars.total }} is unusual", action: warn}
          - {rule: "{{ (vars.tier | default 'web') in inputs.tiers }}", message: no such tier}
          - {rule: "{{ !has(spec.tier.size) || spec.tier.size > 1 }}", message: the tier is too small}
          - {rule: "{{ !has(spec.until) || spec.until > timestamp('2026-01-01T00:00:00Z') }}", message: it is over}
          - {rule: "{{ (spec.users | default []).all(u, has(u.mail) && u.mail.lowerAscii().endsWith('@example.com')) }}", message: a stranger}
          - {rule: "{{ (spec.ratio | default 0.5) < 1.0 }}", message: "too much: {{ spec.ratio | default 0.5 }}"}
          - {rule: "{{ metadata.namespace != 'nowhere' && metadata.name.size() < 9 }}", message: too long a name}
          - {rule: "{{ (metadata.labels['team'] | default 'a') != 'b' }}", message: not that team}
          - {rule: "{{ spec.?storage.optMap(s, s.endsWith('Gi')).orValue(true) }}", message: no unit}
          - {rule: "{{ cel.bind(n, spec.replicas, n + n) != 6 }}", message: not three}
          - {rule: "{{ !has(spec.note) || spec.note != '-' }}", message: no note}
          # What follows holds for each resource here: that the API server has these functions, and takes these types, is all it is for.
          - {rule: "{{ spec.image.charAt(0) != '' && spec.image.indexOf(':') >= -1 && spec.image.lastIndexOf(':') >= -1 }}", message: one}
          - {rule: "{{ spec.image.split(':').join('-').replace('-', '+').substring(0).trim().upperAscii().startsWith('W') || size(spec.image) > 0 }}", message: two}
          - {rule: "{{ '%s %d'.format([spec.image, spec.replicas]).matches('^.+ [0-9]+$') }}", message: three}
          - {rule: "{{ (spec.until | default timestamp('2030-01-01T00:00:00Z')).getFullYear() > 2000 && timestamp('2030-01-01T00:00:00Z').getMonth() == 0 }}", message: four}
          - {rule: "{{ [timestamp('2030-01-01T00:00:00Z')].all(t, t.getDate() + t.getDayOfMonth() + t.getDayOfWeek() + t.getDayOfYear() + t.getHours() + t.getMinutes() + t.getSeconds() + t.getMilliseconds() > 0) }}", message: five}
          - {rule: "{{ duration('1h') > duration('1m') && int(spec.ratio | default 0.5) < 2 && bool('true') && bytes(spec.image).size() > 0 }}", message: six}
          - {rule: "{{ uint(spec.replicas) >= 0u && type(spec.image) == string && double(spec.replicas) >= 0.0 && dyn(spec.replicas) != null }}", message: seven}
          - {rule: "{{ spec.?storage.or(optional.of('a')).hasValue() && !optional.none().hasValue() && optional.ofNonZeroValue(spec.image).hasValue() }}", message: eight}
          - {rule: "{{ [1, 2].exists_one(i, i == 1) && [1, 2].map(i, i * 2).filter(i, i > 2).size() == 1 && {'a': 1}.exists(k, k == 'a') }}", message: nine}
          - {rule: "{{ spec.?storage.optFlatMap(s, optional.of(s)).orValue('') != '-' && -spec.replicas <= 0 && spec.replicas % 2 < 2 }}", message: ten}
          - {name: backwards, rule: "{{ spec.image.reverse() != 'a' }}", message: backwards}
        onReconcile:
          configMaps:
            - {id: config, data: {image: "{{ spec.image }}"}}
"#;

fn crd(group: &str) -> Value {
    let mut crd = admission::crd(group);
    let properties = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    properties["until"] = json!({"type": "string", "format": "date-time"});
    properties["ratio"] = json!({"type": "number"});
    properties["note"] = json!({"type": "string", "nullable": true});
    properties["tier"]["properties"]["size"] = json!({"type": "integer"});
    properties["users"] = json!({"type": "array", "maxItems": 16, "items": {"type": "object",
        "properties": {"mail": {"type": "string", "maxLength": 64}}}});
    properties["image"]["maxLength"] = json!(253);
    crd
}

/// Sends an object or a change, and gives what came of it and what the API server warned of.
async fn send(ns: &Namespace, shop: &Shop, name: &str, object: Value) -> (u16, Value, Vec<String>) {
    let (group, namespace) = (&shop.group, ns.name());
    let path = format!("/apis/{group}/v1/namespaces/{namespace}/shops/{name}?fieldManager=tests&force=true");
    let mut whole = json!({"apiVersion": format!("{group}/v1"), "kind": "Shop"});
    for (key, value) in object.as_object().unwrap() {
        whole[key] = value.clone();
    }
    whole["metadata"]["name"] = name.into();
    let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
    let request = request.body(Body::from(whole.to_string().into_bytes())).unwrap();
    let response = ns.cluster().client().send(request).await.unwrap();
    let code = response.status().as_u16();
    let warnings = response.headers().get_all("warning").iter().map(|value| value.to_str().unwrap().to_owned());
    let warnings = warnings.collect();
    let body = response.into_body().collect_bytes().await.unwrap();
    // A path that is not served has a line of text.
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into());
    (code, body, warnings)
}

async fn store(ns: &Namespace, shop: &Shop, name: &str, spec: Value) -> (u16, Value, Vec<String>) {
    send(ns, shop, name, json!({"spec": spec})).await
}

#[test]
fn the_api_server_keeps_the_rules_by_itself() {
    together("policies", async |ns| {
        let shop = Shop::with(&ns, KATALOG, crd);
        ns.apply(&crd(&shop.group).to_string()).await;
        // It breaks two rules, and is there before anybody knew them.
        eventually("the kind is served", LONG, async || {
            let (code, body, _) = store(&ns, &shop, "old", json!({"replicas": 9, "image": "old"})).await;
            if code == 201 { Ok(()) } else { Err(body.to_string()) }
        })
        .await;
        let pattern = shop.pattern.to_str().unwrap();
        let made = ork(ns.cluster(), &["generate", "policies", pattern, "-n", ns.name()]);
        let left = "`backwards` is left to the webhook: an API server's CEL has no function `reverse` (NoFunction)";
        assert!(made.status.success(), "{made:?}");
        assert!(String::from_utf8_lossy(&made.stderr).contains(left), "{made:?}");
        let policies = String::from_utf8(made.stdout).unwrap();
        assert!(policies.contains(left), "{policies}");
        assert_eq!(policies.matches("is left to the webhook").count(), 1, "{policies}");
        ns.apply(&policies).await;

        let refused = async |name: &str, spec: Value| {
            let (code, body, warnings) = store(&ns, &shop, name, spec.clone()).await;
            match code {
                422 => Ok((body["message"].as_str().unwrap().to_owned(), warnings)),
                _ => Err(format!("{spec}: {code} {body} {warnings:?}")),
            }
        };
        let new = json!({"replicas": 7, "image": "web:1"});
        let (message, _) =
            eventually("the rules are kept", LONG, async || refused(&admission::unused(), new.clone()).await).await;
        assert!(message.ends_with("denied request: spec.replicas: at most 5, not 7"), "{message}");
        let broken = [
            (json!({"image": "web"}), "spec.image: a tag is missing"),
            (json!({"tier": {"name": "cache"}}), "no such tier"),
            (json!({"tier": {"size": 1}}), "the tier is too small"),
            (json!({"until": "2025-06-01T00:00:00Z"}), "it is over"),
            (json!({"users": [{"mail": "A@Example.com"}, {}]}), "a stranger"),
            (json!({"ratio": 1}), "too much: 1"),
            (json!({"storage": "10"}), "no unit"),
            (json!({"replicas": 3}), "not three"),
            (json!({"note": "-"}), "no note"),
        ];
        for (change, said) in broken {
            let mut spec = json!({"replicas": 1, "image": "web:1"});
            for (key, value) in change.as_object().unwrap() {
                spec[key] = value.clone();
            }
            let (message, _) = refused("new", spec).await.unwrap();
            assert!(message.ends_with(&format!("denied request: {said}")), "{change}: {message}");
        }
        let right = json!({"replicas": 1, "image": "web:1"});
        let (message, _) = refused("too-long-a-name", right.clone()).await.unwrap();
        assert!(message.ends_with("too long a name"), "{message}");
        let team = json!({"metadata": {"labels": {"team": "b"}}, "spec": right});
        let (code, body, _) = send(&ns, &shop, "new", team).await;
        assert!(code == 422 && body["message"].as_str().unwrap().ends_with("not that team"), "{body}");

        // What keeps the rules is stored, and nobody is warned.
        let full = json!({"replicas": 4, "image": "web:1", "tier": {"name": "db", "size": 2}, "ratio": 0.9, "note": null,
            "until": "2027-06-01T00:00:00Z", "users": [{"mail": "A@Example.com"}], "storage": "1Gi"});
        for (name, spec) in [("right", right), ("full", full)] {
            let (code, body, warnings) = store(&ns, &shop, name, spec).await;
            assert_eq!((code, warnings), (201, vec![]), "{body}");
        }
        let (code, _, warnings) = store(&ns, &shop, "two", json!({"replicas": 2, "image": "web:1"})).await;
        assert!(code == 201 && warnings.len() == 1 && warnings[0].contains("4 is unusual"), "{code} {warnings:?}");

        // What was there before is warned of, and only its spec is held up.
        let labelled = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 9, "image": "old"}});
        let (code, body, warnings) = send(&ns, &shop, "old", labelled).await;
        let warned = |what: &str| warnings.iter().any(|warning| warning.contains(what));
        assert!(code == 200 && warned("at most 5, not 9") && warned("a tag is missing"), "{body} {warnings:?}");
        refused("old", json!({"replicas": 8, "image": "old"})).await.unwrap();
        let kind = shop.kind();
        ns.edit(kind, "old", json!({"metadata": {"finalizers": ["example.com/held"]}})).await;
        ns.delete(kind, "old").await;
        ns.edit(kind, "old", json!({"metadata": {"finalizers": null}})).await;
        ns.wait_until_gone(kind, "old").await;

        // The API server knows the types of all that is said, and would tell what it does not know.
        let mistaken =
            policies.replace("orkestra-kept.kept", "mistaken").replace("spec.replicas <= 5", "spec.size <= 5");
        ns.apply(&mistaken).await;
        for (name, warned) in
            [("orkestra-kept.kept.deny", false), ("orkestra-kept.kept.warn", false), ("mistaken.warn", true)]
        {
            let path = format!("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}");
            let checked = eventually("the policy is checked", LONG, async || {
                let request = http::Request::get(&path).body(Vec::new()).unwrap();
                let policy: Value = ns.cluster().client().request(request).await.unwrap();
                match policy.pointer("/status/typeChecking") {
                    Some(checked) => Ok(checked.clone()),
                    None => Err(policy.to_string()),
                }
            })
            .await;
            match warned {
                false => assert_eq!(checked, json!({}), "{name}"),
                true => assert!(checked.to_string().contains("undefined field 'size'"), "{checked}"),
            }
        }
        for made in [&policies, &mistaken] {
            let gone = ns.cluster().plane().kubectl(&["delete", "-f", "-"], made);
            assert!(gone.is_ok(), "{gone:?}");
        }
    });
}
