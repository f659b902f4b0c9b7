//! The patterns that are shipped, as they are shipped.

use std::time::Duration;

use orkestra_tests::{
    CONFIG_MAP, DEPLOYMENT, Kind, LONG, Namespace, POD_DISRUPTION_BUDGET, SECRET, STATEFUL_SET, eventually, source_root,
};
use serde_json::{Value, json};

use crate::fixture::{Composed, Running, installing, instance_of, together};

const INGRESS: Kind = Kind::new("networking.k8s.io/v1", "Ingress");
const AUTOSCALER: Kind = Kind::new("autoscaling/v2", "HorizontalPodAutoscaler");

/// One of `patterns/`.
struct Shipped {
    name: &'static str,
    directory: &'static str,
    kind: Kind,
    /// The name in its `cr.yaml`.
    example: &'static str,
}

const POSTGRES: Shipped = Shipped {
    name: "postgres",
    directory: "postgres/v14",
    kind: Kind::new("postgres.orkestra.io/v1", "Postgres"),
    example: "shop",
};
const WEBSITE: Shipped = Shipped {
    name: "website",
    directory: "website/v1",
    kind: Kind::new("web.orkestra.io/v1", "Website"),
    example: "hello",
};

impl Shipped {
    fn file(&self, name: &str) -> String {
        let path = source_root().join("patterns").join(self.directory).join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn instance(&self) -> Composed {
        let mut instance = instance_of(&self.file("katalog.yaml"), &self.file("crd.yaml"), Duration::from_secs(1));
        self.name.clone_into(&mut instance.name);
        instance
    }

    async fn run(&self, ns: &Namespace) -> Running {
        Running::start_with(ns, self.instance(), installing(ns)).await
    }

    /// Applies the example and waits until it is ready.
    async fn ready(&self, ns: &Namespace) -> Value {
        ns.apply(&self.file("cr.yaml")).await;
        ns.wait_for_condition(self.kind, self.example, "Ready", "True").await
    }

    /// Changes the example and waits until the runtime has seen that and it is ready.
    async fn edit(&self, ns: &Namespace, change: Value) {
        let edited = ns.edit(self.kind, self.example, change).await;
        let generation = edited["metadata"]["generation"].clone();
        ns.wait_until(self.kind, self.example, "ready at the new generation", |object| {
            let conditions = object["status"]["conditions"].as_array();
            object["status"]["observedGeneration"] == generation
                && conditions.into_iter().flatten().any(|each| each["type"] == "Ready" && each["status"] == "True")
        })
        .await;
    }

    /// Nothing is written when it is looked at again and again, nor after a restart.
    async fn is_silent(&self, ns: &Namespace, running: Running) {
        let mark = ns.settled(Duration::from_secs(1)).await;
        let looked = async |running: &Running| {
            let before = running.reconciles();
            eventually("three more reconciles", LONG, async || match running.reconciles() {
                now if now >= before + 3 => Ok(()),
                now => Err(format!("{now} of {before} and three")),
            })
            .await;
        };
        looked(&running).await;
        running.stop().await;
        let running = self.run(ns).await;
        looked(&running).await;
        let writes = ns.writes_since(mark).await;
        assert!(writes.is_empty(), "{writes:#?}");
        assert_eq!(running.problems("Forbidden"), 0);
        running.stop().await;
    }
}

#[test]
fn postgres_becomes_ready_and_is_silent() {
    together("postgres", async |ns| {
        let running = POSTGRES.run(&ns).await;
        let cr = POSTGRES.ready(&ns).await;
        assert!(cr["status"]["endpoint"].as_str().is_some_and(|endpoint| endpoint.ends_with(":5432")), "{cr}");
        assert_eq!(cr["status"]["authSecret"], "shop-auth");
        let set = ns.get(STATEFUL_SET, "shop").await;
        assert_eq!(set["status"]["readyReplicas"], set["spec"]["replicas"]);
        POSTGRES.is_silent(&ns, running).await;
    });
}

#[test]
fn the_password_of_postgres_is_made_once_and_outlives_it() {
    together("postgres-password", async |ns| {
        let running = POSTGRES.run(&ns).await;
        POSTGRES.ready(&ns).await;
        let made = ns.get(SECRET, "shop-auth").await;
        let password = made["data"]["password"].as_str().unwrap_or_default().to_owned();
        assert_eq!(password.len(), 32, "24 characters are 32 of base64");
        assert_eq!(made["metadata"].get("ownerReferences"), None);
        ns.delete(POSTGRES.kind, "shop").await;
        ns.wait_until_gone(POSTGRES.kind, "shop").await;
        ns.wait_until_gone(STATEFUL_SET, "shop").await;
        POSTGRES.ready(&ns).await;
        let found = ns.get(SECRET, "shop-auth").await;
        assert_eq!(found["metadata"]["uid"], made["metadata"]["uid"]);
        assert_eq!(found["data"]["password"], *password);
        running.stop().await;
    });
}

#[test]
fn postgres_takes_a_password_that_is_given() {
    together("postgres-given", async |ns| {
        let running = POSTGRES.run(&ns).await;
        let given = POSTGRES.file("cr.yaml") + "  authSecret: mine\n  authSecretKey: key\n";
        ns.create(SECRET, json!({"metadata": {"name": "mine"}, "stringData": {"key": "given"}})).await;
        ns.apply(&given).await;
        ns.wait_for_condition(POSTGRES.kind, "shop", "Ready", "True").await;
        let set = ns.get(STATEFUL_SET, "shop").await;
        let password = &set["spec"]["template"]["spec"]["containers"][0]["env"][1];
        assert_eq!(password["valueFrom"]["secretKeyRef"], json!({"name": "mine", "key": "key"}));
        assert_eq!(ns.find(SECRET, "shop-auth").await, None);
        running.stop().await;
    });
}

#[test]
fn website_becomes_ready_and_is_silent() {
    together("website", async |ns| {
        let running = WEBSITE.run(&ns).await;
        let cr = WEBSITE.ready(&ns).await;
        assert_eq!(cr["status"]["url"], "http://hello.example.com");
        assert_eq!(cr["status"]["readyReplicas"], 2);
        ns.get(POD_DISRUPTION_BUDGET, "hello-pdb").await;
        assert_eq!(ns.find(AUTOSCALER, "hello-hpa").await, None);
        WEBSITE.is_silent(&ns, running).await;
    });
}

#[test]
fn new_content_of_a_website_replaces_its_pods() {
    together("website-content", async |ns| {
        let running = WEBSITE.run(&ns).await;
        WEBSITE.ready(&ns).await;
        let template = async || ns.get(DEPLOYMENT, "hello-deployment").await["spec"]["template"]["metadata"].clone();
        let before = template().await;
        WEBSITE.edit(&ns, json!({"spec": {"cpu": "20m"}})).await;
        assert_eq!(template().await, before, "the digest is of the content alone");
        WEBSITE.edit(&ns, json!({"spec": {"content": {"index.html": "changed"}}})).await;
        assert_eq!(ns.get(CONFIG_MAP, "hello-content").await["data"]["index.html"], "changed");
        ns.wait_until(DEPLOYMENT, "hello-deployment", "another digest", |object| {
            object["spec"]["template"]["metadata"] != before
        })
        .await;
        running.stop().await;
    });
}

#[test]
fn a_website_has_an_ingress_and_an_autoscaler_only_if_it_asks() {
    together("website-optional", async |ns| {
        let running = WEBSITE.run(&ns).await;
        WEBSITE.ready(&ns).await;
        let rules = ns.get(INGRESS, "hello-ingress").await["spec"]["rules"].clone();
        assert_eq!(rules[0]["host"], "hello.example.com");
        WEBSITE.edit(&ns, json!({"spec": {"host": null, "replicas": null, "autoscaling": {"maxReplicas": 4}}})).await;
        ns.wait_until_gone(INGRESS, "hello-ingress").await;
        let autoscaler = ns.wait_for(AUTOSCALER, "hello-hpa").await;
        assert_eq!(autoscaler["spec"]["scaleTargetRef"]["name"], "hello-deployment");
        assert_eq!(autoscaler["spec"]["minReplicas"], 2);
        // The number of pods is the autoscaler's now: nobody puts it back.
        ns.edit(DEPLOYMENT, "hello-deployment", json!({"spec": {"replicas": 3}})).await;
        ns.wait_until(DEPLOYMENT, "hello-deployment", "three pods", |object| object["status"]["readyReplicas"] == 3)
            .await;
        assert_eq!(ns.get(DEPLOYMENT, "hello-deployment").await["spec"]["replicas"], 3);
        running.stop().await;
    });
}
