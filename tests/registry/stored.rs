//! A Komposer and its lock as objects of a real API server, with patterns from a real registry: what `ork run --komposer` makes of them,
//! and what it says of that.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use orkestra_tests::{
    CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, Cluster, DEPLOYMENT, Granted, Kind, Namespace, Ork, condition_of, program,
    source_root, with_namespace,
};
use serde_json::{Value, json};

use crate::server::Server;

const KOMPOSER: Kind = Kind::new("orkestra.orkspace.io/v1", "Komposer");

/// Several tests need the definitions, and one is enough to bring them.
fn define(cluster: &Cluster) {
    static DEFINED: OnceLock<()> = OnceLock::new();
    DEFINED.get_or_init(|| {
        let printed = std::process::Command::new(program("ork")).args(["generate", "definitions"]).output().unwrap();
        assert!(printed.status.success());
        let run = |arguments: &[&str], input: &str| {
            cluster.plane().kubectl(arguments, input).unwrap_or_else(|error| panic!("{error}"));
        };
        run(&["apply", "--server-side", "--validate=strict", "-f", "-"], &String::from_utf8(printed.stdout).unwrap());
        for name in ["komposers", "komposerlocks"] {
            let crd = format!("crd/{name}.orkestra.orkspace.io");
            run(&["wait", "--for=condition=Established", &crd, "--timeout=30s"], "");
        }
    });
}

/// A registry with websites of the test's own group, and a directory with a Komposer.
struct Shop<'a> {
    server: Server,
    ns: &'a Namespace,
}

impl Shop<'_> {
    fn group(&self) -> String {
        format!("web.{}.example.com", self.ns.name())
    }

    /// Pushes the website as a version, perhaps with edits of its files.
    fn push(&self, version: &str, edits: &[(&str, &str)]) {
        let directory = self.server.dir().join(format!("website-{version}"));
        std::fs::create_dir_all(&directory).unwrap();
        for name in ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml"] {
            let text = std::fs::read_to_string(source_root().join("patterns/website/v1").join(name)).unwrap();
            let text = text.replace("web.orkestra.io", &self.group());
            let text = text.replace("version: 1.0.0", &format!("version: {version}"));
            let text = edits.iter().fold(text, |text, (find, put)| text.replace(find, put));
            std::fs::write(directory.join(name), text).unwrap();
        }
        let repository = format!("{}/patterns/website", self.server.host);
        self.server.ork(&["push", "--no-test", &repository, directory.to_str().unwrap()]).fine();
    }

    fn file(&self) -> PathBuf {
        self.server.dir().join("komposer.yaml")
    }

    /// Writes the Komposer as a file that imports this version, and locks it. Gives the texts of both.
    fn locked(&self, version: &str) -> (String, String) {
        let Self { server, ns } = self;
        // What a file and the object have in common is what counts: comments, labels and the way in which a number is written do not.
        let text = format!(
            "# The platform.\napiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata:\n  name: {}\n  labels: {{team: web}}\n\
             imports:\n  registry:\n    - url: {}/patterns/website:v{version}\nspec:\n  crds:\n    - {{name: website, workers: 1, resync: null}}\n",
            ns.name(),
            server.host,
        );
        std::fs::write(self.file(), &text).unwrap();
        server.ork(&["lock", "--allow-downgrade"]).fine();
        (text, std::fs::read_to_string(self.file().with_extension("lock")).unwrap())
    }

    fn apply(&self, text: &str) {
        let applied =
            self.ns.cluster().plane().kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"], text);
        applied.unwrap_or_else(|error| panic!("{error}\n{text}"));
    }

    /// Waits until the Komposer says this of itself.
    async fn says(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let status = self.ns.wait_until(KOMPOSER, self.ns.name(), what, |object| holds(&object["status"])).await;
        status["status"].clone()
    }
}

fn ready(status: &Value) -> (String, String) {
    let condition = &status["conditions"][0];
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}

#[test]
fn a_komposer_in_the_cluster_is_carried_out_when_it_is_locked_and_says_what_became_of_it() {
    with_namespace("stored", async |ns| {
        define(ns.cluster());
        let shop = Shop { server: Server::start(), ns: &ns };
        shop.push("1.0.0", &[]);
        let (komposer, lock) = shop.locked("1.0.0");

        // The rights that are derived, and no others.
        let (file, own) = (shop.file(), ns.own());
        let derive = ["generate", "rbac", "--quiet", "--resource", "--system-namespace", &own, "-n", ns.name(), "-f"];
        let rights = shop.server.ork(&[&derive[..], &[file.to_str().unwrap()]].concat()).fine().stdout;
        shop.apply(&rights);
        let account = Granted::given(&ns).await;
        let path = |name: &str| shop.server.dir().join(name).to_str().unwrap().to_owned();
        let (cache, authority, kubeconfig) =
            (path("cache"), path("ca.pem"), account.kubeconfig().to_str().unwrap().to_owned());
        let docker = shop.server.dir().to_str().unwrap().to_owned();
        let listen = ["--listen", "127.0.0.1:0", "--webhook-listen", "127.0.0.1:0", "--yes"];
        let mut arguments = vec!["--komposer", ns.name(), "--kubeconfig", &kubeconfig, "--cache", &cache];
        arguments.extend(["--ca-file", &authority, "-n", ns.name(), "--system-namespace", &own]);
        arguments.extend(listen);
        let ork = Ork::run_with(ns.cluster(), &arguments, &[("DOCKER_CONFIG", &docker)]);

        // Without a Komposer it waits, and without a lock nothing runs.
        ork.says("serving /convert").await;
        shop.apply(&komposer);
        let status = shop.says("it is not locked", |status| ready(status).0 == "NotLocked").await;
        assert!(ready(&status).1.contains("`ork lock`"), "{status:#}");
        assert_eq!(status["patterns"], json!([]), "{status:#}");

        shop.apply(&lock);
        let status = shop.says("it runs", |status| status["patterns"][0]["phase"] == "Ready").await;
        let pattern = &status["patterns"][0];
        assert_eq!((&pattern["name"], &pattern["version"]), (&json!("website"), &json!("1.0.0")));
        for digest in ["manifest", "component"] {
            let digest = pattern[digest].as_str().unwrap();
            assert!(lock.contains(digest), "{digest} is not in\n{lock}");
        }
        let said = shop.says("all of it runs", |status| status["conditions"][0]["status"] == "True").await;
        assert_eq!((ready(&said).0.as_str(), &said["ready"]), ("Running", &json!("1/1")));
        let shown = ns.cluster().plane().kubectl(&["get", "komposer", ns.name(), "--no-headers"], "").unwrap();
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>()[..4], [ns.name(), "True", "Running", "1/1"]);
        assert!(!ork.output().contains("MissingRight"), "{}", ork.output());
        let site = Kind::new(format!("{}/v1", shop.group()).leak(), "Website");
        let page = json!({"metadata": {"name": "a"}, "spec": {"replicas": 1, "content": {"index.html": "x"}}});
        ns.create(site, page).await;
        ns.wait_for(DEPLOYMENT, "a-deployment").await;

        // A version whose definition would lose objects is refused, and the one before goes on.
        shop.push(
            "2.0.0",
            &[(
                "                  maximum: 50\n                autoscaling",
                "                  maximum: 5\n                autoscaling",
            )],
        );
        let (komposer, lock) = shop.locked("2.0.0");
        shop.apply(&komposer);
        shop.apply(&lock);
        let status = shop.says("it is refused", |status| status["patterns"][0]["phase"] == "Refused").await;
        assert_eq!(ready(&status).0, "BreakingChange", "{status:#}");
        let pattern = &status["patterns"][0];
        assert_eq!((&pattern["reason"], &pattern["version"]), (&json!("BreakingChange"), &json!("1.0.0")));
        ns.delete(CONFIG_MAP, "a-config").await;
        ns.wait_for(CONFIG_MAP, "a-config").await;

        // A Komposer that cannot be read changes nothing, and says where it is wrong.
        shop.apply(&komposer.replace("imports:", "import:"));
        let status = shop.says("it is wrong", |status| ready(status).0 == "InvalidKomposer").await;
        assert!(ready(&status).1.contains("did you mean `imports`"), "{status:#}");
        assert_eq!(status["patterns"][0]["version"], "1.0.0");

        // An upgrade that cannot be had for a while is done when it can, though nobody changes anything.
        shop.push("1.1.0", &[]);
        let (komposer, lock) = shop.locked("1.1.0");
        shop.server.fault(&json!({"kind": "wrong", "times": 1000}));
        shop.apply(&lock);
        shop.apply(&komposer);
        let away = |pattern: &Value| pattern["phase"] == "Refused" && pattern["reason"] != "BreakingChange";
        let status = shop.says("it cannot be had", |status| away(&status["patterns"][0])).await;
        assert_eq!(status["patterns"][0]["version"], "1.0.0", "{status:#}");
        shop.server.mend();
        let status = shop.says("it is the new one", |status| status["patterns"][0]["version"] == "1.1.0").await;
        assert_eq!(status["patterns"].as_array().unwrap().len(), 1, "{status:#}");
        let object = shop.says("all of it runs", |status| status["conditions"][0]["status"] == "True").await;
        assert_eq!(object["observedGeneration"], ns.get(KOMPOSER, ns.name()).await["metadata"]["generation"]);

        // Nothing is written while nothing changes.
        ns.settled(Duration::from_secs(3)).await;
        let version = ns.get(KOMPOSER, ns.name()).await["metadata"]["resourceVersion"].clone();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(ns.get(KOMPOSER, ns.name()).await["metadata"]["resourceVersion"], version);

        // Without a Komposer nothing runs, and what was made stays.
        ns.delete(KOMPOSER, ns.name()).await;
        ork.says("runs no longer").await;
        let definition = ns.get(CUSTOM_RESOURCE_DEFINITION, &format!("websites.{}", shop.group())).await;
        assert_eq!(condition_of(&definition, "Established"), Some("True"));
        ns.get(DEPLOYMENT, "a-deployment").await;
        assert!(ork.stop().await.success());
    });
}
