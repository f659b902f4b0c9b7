//! The pattern that is shipped, as it is shipped.

use std::time::Duration;

use orkestra_operator::{Instance, Options};
use orkestra_tests::{Kind, LONG, STATEFUL_SET, condition_of, eventually, source_root};

use crate::fixture::{Running, instance_of, options, together};

const POSTGRES: Kind = Kind::new("postgres.orkestra.io/v1", "Postgres");

fn file(name: &str) -> String {
    let path = source_root().join("patterns/postgres/v14").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn postgres() -> Instance {
    let mut instance = instance_of(&file("katalog.yaml"), &file("crd.yaml"), Duration::from_secs(1));
    instance.name = "postgres".to_owned();
    instance
}

#[test]
fn postgres_becomes_ready_and_is_silent() {
    together("postgres", async |ns| {
        let installing = || Options { install_crds: true, ..options(&ns) };
        let running = Running::start_with(&ns, postgres(), installing()).await;
        ns.apply(&file("cr.yaml")).await;
        let ready = async || match ns.list(POSTGRES, "").await.first() {
            Some(cr) if condition_of(cr, "Ready") == Some("True") => Ok(cr.clone()),
            other => Err(format!("{other:?}")),
        };
        let cr = eventually("Ready", LONG, ready).await;
        assert!(cr["status"]["endpoint"].as_str().is_some_and(|endpoint| endpoint.ends_with(":5432")), "{cr}");
        let sets = ns.list(STATEFUL_SET, "").await;
        assert_eq!(sets[0]["status"]["readyReplicas"], sets[0]["spec"]["replicas"]);
        let mark = ns.settled(Duration::from_secs(1)).await;
        let before = running.reconciles();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(running.reconciles() > before, "nothing was looked at");
        running.stop().await;
        let running = Running::start_with(&ns, postgres(), installing()).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let writes = ns.writes_since(mark).await;
        assert!(writes.is_empty(), "{writes:#?}");
        assert_eq!(running.problems("Forbidden"), 0);
        running.stop().await;
    });
}
