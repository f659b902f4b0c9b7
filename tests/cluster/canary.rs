//! A password, generated or read, is seen nowhere but in the Secrets that it is for: whatever goes wrong with them.

use std::process::Output;

use orkestra_tests::{EVENT, LONG, Namespace, Ork, SECRET, eventually, ork, pattern_directory};
use serde_json::{Value, json};

use crate::fixture::{CRD, WEB, together};

/// What is read. Nothing else in the tests looks like it.
const READ: &str = "Canary-r34d-7f1c9e2ab5";
const KATALOG: &str = r#"
apiVersion: orkestra.orkspace.io/v1
kind: Katalog
metadata: {name: web, version: 1.0.0}
spec:
  crds:
    web:
      operatorBox:
        reads:
          - {id: source, apiVersion: v1, kind: Secret, name: "{{ metadata.name }}-source"}
        onCreate:
          secrets:
            - {id: auth, name: "{{ metadata.name }}-auth", once: true, data: {password: "{{ randomAlphanumeric(24) }}"}}
        onReconcile:
          secrets:
            - id: copy
              name: "{{ metadata.name }}-copy"
              type: "{{ spec.text == 'refused' ? 'kubernetes.io/tls' : 'Opaque' }}"
              data:
                read: "{{ reads.source.data.password }}"
                made: "{{ children.auth.data.password }}"
                number: "{{ spec.text == 'fails' ? string(int(spec.text)) : 'none' }}"
"#;

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let chunk = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digits = (0..=chunk.len()).map(move |at| char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]));
        digits.chain(std::iter::repeat_n('=', 3 - chunk.len())).collect::<String>()
    };
    text.as_bytes().chunks(3).map(chunk).collect()
}

async fn condition(ns: &Namespace, kind: &str, what: impl Fn(&Value) -> bool) {
    eventually(&format!("condition {kind}"), LONG, async || {
        let web = ns.get(WEB, "a").await;
        let all = web["status"]["conditions"].as_array().cloned().unwrap_or_default();
        match all.iter().find(|condition| condition["type"] == kind) {
            Some(condition) if what(condition) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[test]
fn a_password_is_found_in_no_log_event_status_metric_or_output() {
    together("canary", async |ns| {
        let directory = pattern_directory(ns.cluster(), KATALOG, CRD);
        let path = directory.to_str().expect("a path in UTF-8");
        let own = ns.own();
        let run = [
            "--no-impersonation",
            "--no-crds",
            // The resource names the Secret that is read.
            "--grant",
            "flow:metadata.name",
            "-n",
            ns.name(),
            "--system-namespace",
            &own,
            "--listen",
            "127.0.0.1:0",
            "-vv",
            path,
        ];
        let source = json!({"metadata": {"name": "a-source"}, "stringData": {"password": READ}});
        ns.create(SECRET, source.clone()).await;
        let running = Ork::run(ns.cluster(), &run);
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {"text": "fine"}})).await;
        condition(&ns, "Ready", |ready| ready["status"] == "True").await;
        let copy = ns.get(SECRET, "a-copy").await;
        assert_eq!(copy["data"]["read"], base64(READ));
        let made = ns.get(SECRET, "a-auth").await["data"]["password"].as_str().expect("a password").to_owned();
        assert_eq!(copy["data"]["made"], made);

        // Drift, a field that somebody else holds, a value beside it that cannot be computed, an object that is refused.
        let mut seen = vec![dry_run(&ns, &own, path)];
        ns.edit(SECRET, "a-copy", json!({"stringData": {"read": "edited"}})).await;
        ns.wait_until(SECRET, "a-copy", "it is repaired", |copy| copy["data"]["read"] == base64(READ)).await;
        ns.apply_as(
            "other",
            SECRET,
            "a-copy",
            json!({"metadata": {"name": "a-copy"}, "data": {"made": base64("theirs")}}),
        )
        .await;
        condition(&ns, "Conflicted", |conflicted| conflicted["status"] == "True").await;
        seen.extend([status(&ns), ns.get(WEB, "a").await.to_string()]);
        for text in ["fails", "refused"] {
            ns.edit(WEB, "a", json!({"spec": {"text": text}})).await;
            condition(&ns, "Stalled", |stalled| stalled["status"] == "True" && stalled["observedGeneration"] != 1)
                .await;
            ns.wait_until(WEB, "a", "it was looked at", |web| {
                web["status"]["observedGeneration"] == web["metadata"]["generation"]
            })
            .await;
            seen.extend([status(&ns), ns.get(WEB, "a").await.to_string(), dry_run(&ns, &own, path)]);
        }
        seen.extend(ns.list(EVENT, "").await.iter().map(Value::to_string));
        seen.push(metrics(&running.output()).await);
        seen.push(render(&ns, path));
        let log = running.output();
        assert!(log.contains("DEBUG") && log.contains("a-copy"), "the log says nothing:\n{log}");
        seen.push(log);
        assert!(running.stop().await.success());

        let made_plain = decoded(&made);
        for canary in [READ, &base64(READ), &made, &made_plain] {
            for text in &seen {
                assert!(!text.contains(canary), "{canary} is in:\n{text}");
            }
        }
        assert!(seen.iter().any(|text| text.contains("Stalled")), "nothing was looked at");
    });
}

/// Letters and digits from their base64, which has no padding for 24 of them.
fn decoded(base64_text: &str) -> String {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bytes = base64_text.as_bytes().chunks(4).flat_map(|chunk| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(value(*byte)));
        [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]
    });
    String::from_utf8(bytes.collect()).expect("letters and digits")
}

fn all_of(output: Output) -> String {
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn status(ns: &Namespace) -> String {
    ["text", "json"]
        .map(|format| all_of(ork(ns.cluster(), &["status", "Web", "-n", ns.name(), "--format", format])))
        .concat()
}

fn dry_run(ns: &Namespace, own: &str, path: &str) -> String {
    let fixed = [
        "run",
        "--dry-run",
        "--no-impersonation",
        "--no-crds",
        "--grant",
        "flow:metadata.name",
        "-vv",
        "-n",
        ns.name(),
        "--system-namespace",
        own,
        path,
    ];
    all_of(ork(ns.cluster(), &fixed))
}

/// Over the resource as it is, with the Secrets as kubectl gives them.
fn render(ns: &Namespace, path: &str) -> String {
    let plane = ns.cluster().plane();
    let get = |what: &str, file: &str| {
        let text =
            plane.kubectl(&["get", what, "-n", ns.name(), "-o", "yaml"], "").unwrap_or_else(|error| panic!("{error}"));
        let file = std::path::Path::new(path).join(file);
        std::fs::write(&file, text).expect("a file");
        file.to_str().expect("a path in UTF-8").to_owned()
    };
    let (web, children, reads) =
        (get("web/a", "web.yaml"), get("secret/a-auth", "auth.yaml"), get("secret/a-source", "source.yaml"));
    let output = all_of(ork(ns.cluster(), &["render", path, "--cr", &web, "--children", &children, "--reads", &reads]));
    assert!(output.contains("a-copy"), "{output}");
    output
}

/// From the address that the log names.
async fn metrics(log: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = log.lines().find(|line| line.contains("/metrics")).and_then(|line| {
        let at = line.find("127.0.0.1:")?;
        let address: String = line[at..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect();
        Some(address)
    });
    let mut stream = tokio::net::TcpStream::connect(address.expect("an address")).await.expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("it answers");
    assert!(text.contains("orkestra_reconcile_problems_total"), "{text}");
    text
}
