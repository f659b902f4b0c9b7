//! `/patterns` and the page of a running runtime: what they tell of patterns that work, that fail and that do not run, and what a
//! browser makes of it.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test's way to fail")]

mod browser;

use std::net::SocketAddr;

use orkestra_tests::{Kind, LONG, Namespace, Ork, SERVICE, eventually, pattern_directory, source_root, with_namespace};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::browser::Browser;

const WEBSITE: Kind = Kind::new("web.orkestra.io/v1", "Website");
const NOTE: Kind = Kind::new("page.orkestra.io/v1", "Note");

/// What a tenant writes into a resource to become more than text.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// A pattern whose errors quote its resources.
const QUOTING: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: note, version: 1.0.0}
spec:
  crds:
    note:
      operatorBox:
        onReconcile:
          configMaps:
            - id: text
              name: "{{ spec.name }}"
              data: {text: hello}
"#;

/// A pattern that asks for something that nobody grants it.
const ASKING: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: chooser, version: 1.0.0}
spec:
  crds:
    chooser:
      operatorBox:
        onReconcile:
          resources:
            - id: pods
              manifest:
                apiVersion: v1
                kind: PodTemplate
                metadata: {name: "{{ metadata.name }}"}
                template:
                  spec:
                    serviceAccountName: "{{ spec.name }}"
                    containers: [{name: main, image: example.org/main:1}]
"#;

fn definition(kind: &str) -> String {
    let name = kind.to_lowercase();
    format!(
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {name}s.page.orkestra.io}}
spec:
  group: page.orkestra.io
  scope: Namespaced
  names: {{kind: {kind}, plural: {name}s}}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {{status: {{}}}}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec: {{type: object, required: [name], properties: {{name: {{type: string}}}}}}
            status:
              type: object
              properties:
                observedGeneration: {{type: integer}}
                conditions: {{type: array, items: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"
    )
}

/// A runtime with two shipped patterns, one that quotes, one that is not granted what it asks for and one that is not there.
struct Stage {
    ork: Ork,
    address: SocketAddr,
}

impl Stage {
    /// Starts it, and makes a website that becomes ready and two resources that cannot.
    async fn set(ns: &Namespace) -> Self {
        let note = pattern_directory(ns.cluster(), QUOTING, &definition("Note"));
        let chooser = pattern_directory(ns.cluster(), ASKING, &definition("Chooser"));
        let shipped = source_root().join("patterns");
        let (website, postgres) = (shipped.join("website/v1"), shipped.join("postgres/v14"));
        let paths = [website, postgres, note.clone(), chooser].map(|path| format!("    - {}\n", path.display()));
        let komposer = note.with_extension("komposer.yaml");
        let head = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: page}\nimports:\n  files:\n";
        std::fs::write(&komposer, format!("{head}{}    - \"./{HOSTILE}\"\n", paths.concat())).unwrap();
        let own = ns.own();
        let place = ["-n", ns.name(), "--system-namespace", &own, "--listen", "127.0.0.1:0"];
        let file = ["--no-impersonation", "-f", komposer.to_str().unwrap()];
        let ork = Ork::run(ns.cluster(), &[&place[..], &file[..]].concat());
        let address = eventually("ork serves", LONG, async || address(&ork).ok_or_else(|| ork.output())).await;
        let stage = Self { ork, address };
        stage
            .until("three patterns work", |document| {
                let all = document["patterns"].as_array().unwrap();
                all.iter().filter(|pattern| pattern["health"]["state"] == "Ready").count() == 3
            })
            .await;
        ns.create(SERVICE, json!({"metadata": {"name": "taken-svc"}, "spec": {"ports": [{"port": 80}]}})).await;
        for name in ["hello", "taken"] {
            let spec = json!({"content": {"index.html": "hello"}});
            ns.create(WEBSITE, json!({"metadata": {"name": name}, "spec": spec})).await;
        }
        ns.create(NOTE, json!({"metadata": {"name": "hostile"}, "spec": {"name": HOSTILE}})).await;
        ns.wait_for_condition(WEBSITE, "hello", "Ready", "True").await;
        stage
            .until("two resources need help", |document| {
                let failed = |pattern: &str| of(document, pattern)["entries"][0]["resources"]["failed"] == 1;
                failed("website") && failed("note") && of(document, "website")["entries"][0]["resources"]["ready"] == 1
            })
            .await;
        stage
    }

    /// The document, as soon as it is like that.
    async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(what, LONG, async || {
            let document = self.document().await;
            if holds(&document) { Ok(document) } else { Err(format!("{document:#}\n{}", self.ork.output())) }
        })
        .await
    }

    async fn document(&self) -> Value {
        let answer = get(self.address, "/patterns").await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        serde_json::from_str(body).expect("a JSON document")
    }
}

/// Where it listens, by its own log.
fn address(ork: &Ork) -> Option<SocketAddr> {
    let output = ork.output();
    let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line["address"].as_str()?.parse().ok()).next()
}

/// The whole answer to a GET.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    // The older version, so that the body comes in one piece.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the answer is UTF-8");
    answer.replacen("HTTP/1.0", "HTTP/1.1", 1)
}

/// The pattern of a name.
fn of<'a>(document: &'a Value, name: &str) -> &'a Value {
    let all = document["patterns"].as_array().expect("a list");
    all.iter().find(|pattern| pattern["name"] == name).unwrap_or(&Value::Null)
}

#[test]
fn the_document_tells_what_works_what_fails_and_what_does_not_run() {
    with_namespace("page-document", async |ns| {
        let stage = Stage::set(&ns).await;
        let document = stage.document().await;
        assert_eq!(
            (&document["apiVersion"], &document["kind"]),
            (&"orkestra.orkspace.io/v1".into(), &"Patterns".into())
        );
        let runtime = &document["runtime"];
        assert_eq!(
            (&runtime["leads"], &runtime["ready"], &runtime["waitsFor"]),
            (&true.into(), &true.into(), &json!([]))
        );

        // One that works, and of whose resources one is ready and one is not.
        let website = of(&document, "website");
        assert_eq!((&website["version"], &website["account"]), (&"1.0.0".into(), &Value::Null));
        assert_eq!(website["health"]["state"], "Degraded");
        assert!(website["digests"]["component"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
        let entry = &website["entries"][0];
        assert_eq!(
            (&entry["kind"], &entry["group"], &entry["versions"]),
            (&"Website".into(), &"web.orkestra.io".into(), &json!(["v1"]))
        );
        assert_eq!(entry["resources"], json!({"total": 2, "ready": 1, "notReady": 1, "failed": 1}));
        assert!(entry["reconciles"]["error"].as_u64() > Some(0) && entry["reconciles"]["success"].as_u64() > Some(0));
        let error = &entry["errors"][0];
        assert_eq!(
            (&error["reason"], &error["resource"]),
            (&"AlreadyExists".into(), &format!("{}/taken", ns.name()).into())
        );
        assert!(error["message"].as_str().is_some_and(|message| message.contains("taken-svc")), "{error}");

        // What it may touch is what `ork generate rbac` gives.
        let directory = source_root().join("patterns/website/v1");
        let printed =
            orkestra_tests::ork(ns.cluster(), &["generate", "rbac", "--format", "json", directory.to_str().unwrap()]);
        let list: Value = serde_json::from_slice(&printed.stdout).unwrap();
        let roles = list["items"].as_array().unwrap().iter();
        let role = roles
            .filter(|item| item["kind"] == "ClusterRole")
            .find(|item| item["metadata"]["name"].to_string().contains(":website"));
        let given = role.expect("a role")["rules"].as_array().unwrap().clone();
        let brief = |group: &Value, resource: &Value, verbs: &Value| format!("{group} {resource} {verbs}");
        let given: Vec<_> =
            given.iter().map(|rule| brief(&rule["apiGroups"][0], &rule["resources"][0], &rule["verbs"])).collect();
        let told = website["rights"].as_array().unwrap().iter();
        assert_eq!(
            told.map(|right| brief(&right["group"], &right["resource"], &right["verbs"])).collect::<Vec<_>>(),
            given
        );

        // One without resources.
        let postgres = of(&document, "postgres");
        assert_eq!(
            (&postgres["health"]["state"], &postgres["entries"][0]["resources"]["total"]),
            (&"Ready".into(), &0.into())
        );
        // Those that do not run, each with its reason.
        let chooser = &of(&document, "chooser")["health"];
        assert_eq!((&chooser["state"], &chooser["reason"]), (&"Broken".into(), &"CapabilityDenied".into()));
        assert!(chooser["mend"].as_str().is_some_and(|mend| mend.contains("flow:spec.name")), "{chooser}");
        let missing = document["patterns"]
            .as_array()
            .unwrap()
            .iter()
            .find(|pattern| pattern["name"].to_string().contains("onerror"));
        assert_eq!(missing.expect("it is listed")["health"]["state"], "Broken");
        assert!(stage.ork.stop().await.success());
    });
}

#[test]
fn hostile_text_stays_text_and_the_page_is_fit_for_everybody() {
    if !Browser::is_there() {
        return;
    }
    with_namespace("page-browser", async |ns| {
        let stage = Stage::set(&ns).await;
        let url = format!("http://{}/", stage.address);
        let head = get(stage.address, "/").await;
        assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{head}");
        let mut browser = Browser::start(&url, 5);
        let seen = browser.seen();

        // Nothing that a stranger wrote became an element, and nothing ran.
        assert_eq!((&seen["foreign"], &seen["scripts"]), (&0.into(), &1.into()));
        assert_eq!(seen["problems"], json!([]));
        let texts: Vec<&str> =
            seen["patterns"].as_array().unwrap().iter().filter_map(|one| one["text"].as_str()).collect();
        assert_eq!(texts.iter().filter(|text| text.contains(HOSTILE)).count(), 2, "{texts:#?}");
        // Nobody else is asked.
        let requests: Vec<&str> = seen["requests"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(requests.iter().all(|asked| asked.starts_with(&url)), "{requests:?}");
        assert!(requests.contains(&&*format!("{url}patterns")), "{requests:?}");

        // Everything is there, in words.
        let states =
            |state: &str| seen["patterns"].as_array().unwrap().iter().filter(|one| one["state"] == state).count();
        assert_eq!((states("Broken"), states("Degraded"), states("Ready")), (2, 2, 1));
        assert_eq!(seen["state"], "Leading, and ready. 4 of 5 need attention.");
        let all = texts.concat();
        for word in ["AlreadyExists", "CapabilityDenied", "1 of 2 ready", "sha256:", "deployments", "What it may touch"]
        {
            assert!(all.contains(word), "{word}: {all}");
        }
        assert_eq!((&seen["kept"], &seen["found"], &seen["all"]), (&true.into(), &1.into(), &5.into()));

        // It can be read and used by everybody, on every screen.
        assert_eq!((&seen["live"], &seen["landmarks"], &seen["unscoped"]), (&"polite".into(), &true.into(), &0.into()));
        let levels: Vec<i64> = seen["headings"].as_array().unwrap().iter().filter_map(Value::as_i64).collect();
        assert_eq!(levels[0], 1);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
        for view in seen["views"].as_array().unwrap() {
            assert_eq!(view["grave"], json!([]), "{view:#}");
            assert!(view["wide"].as_f64() <= view["width"].as_f64(), "it is wider than the screen: {view:#}");
        }

        assert!(stage.ork.stop().await.success());
        let alone = browser.alone();
        assert!(alone["state"].as_str().is_some_and(|state| state.starts_with("Connection lost")), "{alone}");
        assert_eq!(alone["patterns"].as_array().map(Vec::len), Some(5));
    });
}
