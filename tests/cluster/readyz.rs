//! `/readyz` is the answer to whether what should be watched is watched.

use orkestra_tests::{CONFIG_MAP, Kind, LONG, eventually};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Running, installing, together};
use crate::sight::{READER_CRD, named, reader};

const VANISHED: Kind = Kind::new("tests.orkestra.io/v1", "Vanished");

/// The whole answer to a GET.
pub(crate) async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the answer is UTF-8");
    answer
}

#[test]
fn it_is_not_ok_while_a_definition_is_gone_that_an_entry_needs() {
    together("readyz", async |ns| {
        let running = Running::start_all(&ns, vec![reader("Vanished")], installing(&ns)).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let serving = tokio::spawn(orkestra_operator::serve(listener, running.handle(), std::future::pending()));
        let ready = async |code: &str, part: &str| {
            eventually(&format!("/readyz answers {code} with {part:?}"), LONG, async || {
                let answer = get(address, "/readyz").await;
                let as_wanted = answer.starts_with(&format!("HTTP/1.1 {code} ")) && answer.contains(part);
                if as_wanted { Ok(()) } else { Err(answer) }
            })
            .await;
        };
        ready("200", "ok").await;

        let plane = ns.cluster().plane();
        plane.kubectl(&["delete", "crd", "vanisheds.tests.orkestra.io"], "").expect("kubectl deletes");
        ready("503", "vanisheds").await;
        // It lives: to start it again would mend nothing.
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));

        let crd = named(READER_CRD, "Vanished");
        plane.kubectl(&["apply", "--server-side", "-f", "-"], &crd).expect("kubectl applies");
        ready("200", "ok").await;
        let plan = json!({"metadata": {"name": "large"}, "data": {"size": "10Gi"}});
        ns.create(CONFIG_MAP, plan).await;
        ns.create(VANISHED, json!({"metadata": {"name": "a"}, "spec": {"plan": "large"}})).await;
        ns.wait_for_condition(VANISHED, "a", "Ready", "True").await;
        serving.abort();
        running.stop().await;
    });
}
