//! How soon a primary moves when an object that it reads appears, changes and vanishes.

use std::time::{Duration, Instant};

use orkestra_tests::{CONFIG_MAP, Kind, Namespace};
use serde_json::{Value, json};

use crate::fixture::{Running, installing, message_of, together};
use crate::sight::reader;

const PROMPT: Kind = Kind::new("tests.orkestra.io/v1", "Prompt");

/// What is asserted of an idle machine. Where other tests run beside, the limit of the waiting itself has to do.
const SOON: Duration = Duration::from_secs(1);

/// From before the write until the primary shows it: the write itself and the asking every few milliseconds are in it.
async fn moved(ns: &Namespace, what: &str, write: impl AsyncFnOnce(), shows: impl Fn(&Value) -> bool) -> Duration {
    let start = Instant::now();
    write().await;
    ns.wait_until(PROMPT, "a", what, shows).await;
    start.elapsed()
}

#[test]
#[allow(clippy::print_stdout, reason = "figures are what its long form is for")]
fn what_is_read_moves_the_primary_when_it_appears_changes_and_vanishes() {
    let soak = std::env::var("ORK_SOAK_ROUNDS").ok().map(|rounds| rounds.parse().expect("ORK_SOAK_ROUNDS is a number"));
    together("reads-soon", async |ns| {
        let running = Running::start_all(&ns, vec![reader("Prompt")], installing(&ns)).await;
        ns.create(PROMPT, json!({"metadata": {"name": "a"}, "spec": {"plan": "large"}})).await;
        let waits = |object: &Value| message_of(object, "Ready").contains("WaitingForRead");
        ns.wait_until(PROMPT, "a", "it waits", waits).await;
        let mut slowest = [Duration::ZERO; 3];
        let rounds: u32 = soak.unwrap_or(3);
        for round in 0..rounds {
            let (first, second) = (format!("{round}Gi"), format!("{round}Ti"));
            let plan = json!({"metadata": {"name": "large"}, "data": {"size": first}});
            let appears = moved(
                &ns,
                "what appears is seen",
                async || drop(ns.create(CONFIG_MAP, plan).await),
                |object| object["status"]["size"] == first.as_str() && !waits(object),
            );
            let appears = appears.await;
            let changes = moved(
                &ns,
                "what changes is seen",
                async || drop(ns.edit(CONFIG_MAP, "large", json!({"data": {"size": second}})).await),
                |object| object["status"]["size"] == second.as_str(),
            );
            let changes = changes.await;
            let vanishes =
                moved(&ns, "what vanishes is waited for", async || ns.delete(CONFIG_MAP, "large").await, waits).await;
            for (slowest, took) in slowest.iter_mut().zip([appears, changes, vanishes]) {
                *slowest = took.max(*slowest);
            }
        }
        let [appears, changes, vanishes] = slowest.map(|took| took.as_millis());
        println!(
            "what is read moves its primary: {appears} ms when it appears, {changes} ms when it changes, {vanishes} ms when it vanishes, each at most in {rounds} rounds"
        );
        if soak.is_some() {
            assert!(slowest.iter().all(|took| *took <= SOON), "{slowest:?}");
        }
        running.stop().await;
    });
}
