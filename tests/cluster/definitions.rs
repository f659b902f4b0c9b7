//! CustomResourceDefinitions that the runtime installs itself.

use orkestra_operator::{Runtime, StartError};
use orkestra_tests::{CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Kind, LONG, Namespace, eventually};
use serde_json::{Value, json};

use crate::fixture::{Composed, NO_RESYNC, Running, grant, installing, instance_of, together};

const PLAIN: Kind = Kind::new("tests.orkestra.io/v1", "Plain");
/// A kind that only the test of a refusal beside it defines.
const MODEST: Kind = Kind::new("tests.orkestra.io/v1", "Modest");
pub(crate) const KATALOG: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: plain, version: 1.0.0}
spec:
  crds:
    plain:
      operatorBox:
        onReconcile:
          configMaps:
            - id: config
              data: {text: "{{ spec.text }}"}
        status:
          fields:
            - {path: config, value: "{{ children.config.metadata.name }}"}
"#;
/// No status subresource, and a status that holds one field only.
pub(crate) const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: plains.tests.orkestra.io}
spec:
  group: tests.orkestra.io
  scope: Namespaced
  names: {kind: Plain, plural: plains}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec: {type: object, required: [text], properties: {text: {type: string, maxLength: 50}}}
            status: {type: object, properties: {config: {type: string}}}
";

fn plain(crd: &str) -> Composed {
    let mut instance = instance_of(KATALOG, crd, NO_RESYNC);
    instance.name = "plain".to_owned();
    instance
}

async fn refused(ns: &Namespace, instance: Composed) -> StartError {
    let (client, instances) = grant(ns, vec![instance]).await;
    match Runtime::start(client, installing(ns), instances).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[test]
fn a_definition_is_installed_once_and_never_changed_against_what_is_stored() {
    together("definitions", async |ns| {
        let running = Running::start_with(&ns, plain(CRD), installing(&ns)).await;
        ns.create(PLAIN, json!({"metadata": {"name": "a"}, "spec": {"text": "one"}})).await;
        ns.wait_for(CONFIG_MAP, "a-config").await;
        ns.wait_until(PLAIN, "a", "what its schema can hold is written", |plain| {
            plain["status"]["config"] == "a-config"
        })
        .await;
        // A status write without the subresource counts the generation up: that must not go on for ever.
        ns.settled(std::time::Duration::from_secs(1)).await;
        let before = ns.get(CUSTOM_RESOURCE_DEFINITION, "plains.tests.orkestra.io").await;
        running.stop().await;

        let running = Running::start_with(&ns, plain(CRD), installing(&ns)).await;
        let version = |crd: &Value| crd["metadata"]["resourceVersion"].clone();
        let again = ns.get(CUSTOM_RESOURCE_DEFINITION, "plains.tests.orkestra.io").await;
        assert_eq!(version(&before), version(&again), "nothing changed, and yet it was written");
        running.stop().await;

        let narrower = CRD.replace("maxLength: 50", "maxLength: 5");
        let error = refused(&ns, plain(&narrower)).await;
        assert!(matches!(&error, StartError::BreakingChange { changes, .. } if changes.len() == 1), "{error}");

        let wider = CRD.replace("maxLength: 50", "maxLength: 500");
        let running = Running::start_with(&ns, plain(&wider), installing(&ns)).await;
        let text = "x".repeat(300);
        ns.edit(PLAIN, "a", json!({"spec": {"text": text}})).await;
        ns.wait_until(CONFIG_MAP, "a-config", "the longer text is there", |config| config["data"]["text"] == *text)
            .await;
        running.stop().await;

        let mut other = plain(&wider);
        other.name = "somebody-else".to_owned();
        let error = refused(&ns, other).await;
        assert!(matches!(error, StartError::CrdNotOurs { .. }), "{error}");
    });
}

#[test]
fn an_instance_whose_definition_is_refused_stands_still_alone_until_it_is_taken() {
    together("refused", async |ns| {
        let named = |text: &str, kind: &str| text.replace("plain", &kind.to_lowercase()).replace("Plain", kind);
        let of_kind = |kind: &str| {
            let mut instance = instance_of(&named(KATALOG, kind), &named(CRD, kind), NO_RESYNC);
            instance.name = kind.to_lowercase();
            instance
        };
        let manifest = named(CRD, "Taken");
        ns.cluster().plane().kubectl(&["apply", "--server-side", "-f", "-"], &manifest).expect("kubectl applies");
        let (client, instances) = grant(&ns, vec![of_kind("Taken"), of_kind("Modest")]).await;
        let runtime = Runtime::start(client, installing(&ns), instances).await.expect("one of them can run");
        ns.create(MODEST, json!({"metadata": {"name": "a"}, "spec": {"text": "one"}})).await;
        ns.wait_for(CONFIG_MAP, "a-config").await;
        let handle = runtime.handle();
        assert!(!handle.is_ready());
        let waits = handle.waits_for();
        assert!(waits.iter().any(|line| line.contains("taken/taken") && line.contains("not managed")), "{waits:?}");

        let crd = "takens.tests.orkestra.io";
        ns.cluster().plane().kubectl(&["delete", "crd", crd], "").expect("kubectl deletes");
        eventually("it is tried again", LONG, async || {
            if handle.is_ready() { Ok(()) } else { Err(format!("{:?}", handle.waits_for())) }
        })
        .await;
        assert!(runtime.stop().await);
    });
}

/// What the checker refuses as a short name must be all that this API server has, and stay so when it grows.
#[test]
fn every_short_name_of_the_api_server_is_known_to_be_taken() {
    together("shortnames", async |ns| {
        let printed = ns.cluster().plane().kubectl(&["api-resources", "--no-headers"], "").expect("kubectl lists");
        let mut unknown = Vec::new();
        let mut seen = 0;
        for line in printed.lines() {
            // NAME SHORTNAMES APIVERSION NAMESPACED KIND, and no second column where there are no short names.
            let words: Vec<_> = line.split_whitespace().collect();
            let [_, short_names, api_version, _, _] = words.as_slice() else { continue };
            // Those that tests beside this one have installed.
            if ["orkestra.io", "example.com"].iter().any(|group| api_version.contains(group)) {
                continue;
            }
            seen += 1;
            unknown.extend(short_names.split(',').filter(|name| orkestra_pattern::kinds::named(name).is_none()));
        }
        assert!(seen > 20, "{printed}");
        assert!(unknown.is_empty(), "{unknown:?}");
    });
}
