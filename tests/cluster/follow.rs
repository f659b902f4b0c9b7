//! A Komposer that is edited while `ork run` runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use orkestra_tests::{CONFIG_MAP, DEPLOYMENT, Kind, LONG, Namespace, Ork, SECRET, eventually, source_root};
use serde_json::{Value, json};

use crate::fixture::together;

/// A pattern that is shipped, with a group of the test's own: a definition is of one runtime.
pub(crate) fn copy(ns: &Namespace, pattern: &str, group: &str, own: &str) -> PathBuf {
    let at = ns.cluster().plane().data().join(format!("{}-{}", ns.name(), pattern.replace('/', "-")));
    std::fs::create_dir_all(&at).unwrap();
    for file in ["katalog.yaml", "crd.yaml"] {
        let text = std::fs::read_to_string(source_root().join("patterns").join(pattern).join(file)).unwrap();
        std::fs::write(at.join(file), text.replace(group, own)).unwrap();
    }
    at
}

/// Writes the Komposer as a kubelet does: the new file takes the place of the old one at once.
fn write(komposer: &Path, imports: &[&Path]) {
    let imports: Vec<String> = imports.iter().map(|path| format!("    - {}\n", path.display())).collect();
    let text = format!(
        "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {{name: live}}\nimports:\n  files:\n{}",
        imports.concat()
    );
    let next = komposer.with_extension("next");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(next, komposer).unwrap();
}

#[test]
fn patterns_come_change_and_go_without_a_restart_and_conversions_never_fail() {
    together("follow", async |ns| {
        let own = |word: &str| format!("{word}.{}.example.com", ns.name());
        let (web, jobs, db) = (own("web"), own("jobs"), own("db"));
        let website = copy(&ns, "website/v1", "web.orkestra.io", &web);
        let crontab = copy(&ns, "crontab/v2", "jobs.orkestra.io", &jobs);
        let [v14, v15] = ["postgres/v14", "postgres/v15"].map(|at| copy(&ns, at, "postgres.orkestra.io", &db));
        let kind =
            |group: &str, version: &str, kind: &'static str| Kind::new(format!("{group}/{version}").leak(), kind);
        let site = kind(&web, "v1", "Website");
        let komposer = ns.cluster().plane().data().join(format!("{}-komposer.yaml", ns.name()));
        write(&komposer, &[&website, &crontab]);
        let system = ns.own();
        let mut arguments = vec!["--no-impersonation", "-n", ns.name(), "--system-namespace", &system, "--yes"];
        arguments.extend(["--listen", "127.0.0.1:0", "--webhook-listen", "127.0.0.1:0", "-f"]);
        arguments.push(komposer.to_str().unwrap());
        let ork = Ork::run(ns.cluster(), &arguments);
        let page =
            |name: &str| json!({"metadata": {"name": name}, "spec": {"replicas": 1, "content": {"index.html": "x"}}});
        ork.says("\"reconciling\"").await;
        ns.create(site, page("a")).await;
        ns.wait_for(DEPLOYMENT, "a-deployment").await;

        // From here on somebody reads in the old version without a pause.
        let cron = json!({"metadata": {"name": "tick"}, "spec": {"cronSpec": "*/5 * * * *", "image": "registry.example.com/tick:1"}});
        ns.create(kind(&jobs, "v1", "CronTab"), cron).await;
        let (done, reads, failures) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let reader = tokio::spawn({
            let (client, done, reads, failures) =
                (ns.cluster().client(), done.clone(), reads.clone(), failures.clone());
            let path = format!("/apis/{jobs}/v1/namespaces/{}/crontabs/tick", ns.name());
            async move {
                while !done.load(Ordering::Relaxed) {
                    let request = http::Request::get(&path).body(Vec::new()).unwrap();
                    let answer: Result<Value, _> = client.request(request).await;
                    let fine = answer.is_ok_and(|object| object["spec"]["cronSpec"] == "*/5 * * * *");
                    if fine { &reads } else { &failures }.fetch_add(1, Ordering::Relaxed);
                }
            }
        });

        // One comes.
        write(&komposer, &[&website, &crontab, &v14]);
        ork.says("postgres/postgres").await;
        let orders = json!({"metadata": {"name": "orders"}, "spec": {"version": "14.20", "replicas": 1, "database": "orders", "storage": "1Gi"}});
        eventually("the new kind is served", LONG, async || match ork.output() {
            output if output.matches("\"reconciling\"").count() >= 3 => Ok(()),
            output => Err(output),
        })
        .await;
        ns.create(kind(&db, "v1", "Postgres"), orders).await;
        ns.wait_for(SECRET, "orders-auth").await;

        // It changes, with a version that converts; the others do not notice.
        write(&komposer, &[&website, &crontab, &v15]);
        ork.says("\"version\":\"15.0.0\"").await;
        let newer = kind(&db, "v2", "Postgres");
        ns.wait_until(newer, "orders", "it is there in the new version", |object| object["spec"].is_object()).await;

        // A bad version is refused, and the one that runs goes on.
        let broken = copy(&ns, "website/v1", "web.orkestra.io", &web);
        let katalog = broken.join("katalog.yaml");
        let text = std::fs::read_to_string(&katalog).unwrap();
        std::fs::write(&katalog, text.replace("operatorBox", "operatorBax")).unwrap();
        write(&komposer, &[&crontab, &broken, &v15]);
        ork.says("the version that ran goes on").await;
        ns.delete(CONFIG_MAP, "a-config").await;
        ns.wait_for(CONFIG_MAP, "a-config").await;

        // One goes: what it made stays, and is nobody's business any more.
        write(&komposer, &[&crontab, &v15]);
        ork.says("runs no longer").await;
        ns.delete(CONFIG_MAP, "a-config").await;
        ns.create(site, page("b")).await;
        // The process goes on: what is made after that is done, and then nothing is under way.
        let later = json!({"metadata": {"name": "later"}, "spec": {"cronSpec": "0 * * * *", "image": "registry.example.com/tick:1"}});
        ns.create(kind(&jobs, "v1", "CronTab"), later).await;
        ns.wait_for_condition(kind(&jobs, "v2", "CronTab"), "later", "Ready", "True").await;
        ns.settled(Duration::from_secs(2)).await;
        assert!(ns.find(CONFIG_MAP, "a-config").await.is_none());
        assert!(ns.find(DEPLOYMENT, "b-deployment").await.is_none());

        done.store(true, Ordering::Relaxed);
        reader.await.unwrap();
        assert_eq!(failures.load(Ordering::Relaxed), 0);
        assert!(reads.load(Ordering::Relaxed) > 50, "{reads:?}");
        assert!(ork.stop().await.success());
    });
}
