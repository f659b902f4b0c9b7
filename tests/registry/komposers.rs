//! Komposers over a real registry: what is locked, what moves, and what is refused on the way.

use std::path::{Path, PathBuf};

use orkestra_artifact::ManifestRef;
use orkestra_pattern::Source;
use orkestra_tests::source_root;
use serde_json::Value;

use crate::crafted::{Forge, MANIFEST};
use crate::server::{Ended, PASSWORD, Server, USER};

const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\n";

/// A registry with `patterns/postgres`, and a directory of files beside it.
pub(crate) struct Shop {
    pub(crate) server: Server,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let shop = Self { server: Server::start() };
        shop.push("postgres", "14.2.0", &[]);
        shop
    }

    fn repository(&self, name: &str) -> String {
        format!("{}/patterns/{name}", self.server.host)
    }

    /// The shipped pattern under another version, perhaps with edits of its Katalog; gives the directory.
    fn pattern(&self, version: &str, edits: &[(&str, &str)]) -> PathBuf {
        let directory = self.server.dir().join(format!("postgres-{version}-{}", edits.len()));
        std::fs::create_dir_all(&directory).unwrap();
        for name in ["README.md", "cr.yaml", "crd.yaml", "katalog.yaml", "komposer.yaml"] {
            let path = source_root().join("patterns/postgres/v14").join(name);
            let text = std::fs::read_to_string(path).unwrap();
            let mut text = text.replace("version: 14.2.0", &format!("version: {version}"));
            if name == "katalog.yaml" {
                for (find, put) in edits {
                    assert!(text.contains(find), "{find:?}");
                    text = text.replacen(find, put, 1);
                }
            }
            std::fs::write(directory.join(name), text).unwrap();
        }
        directory
    }

    /// Pushes a version, floating tags too; gives its digest.
    pub(crate) fn push(&self, name: &str, version: &str, edits: &[(&str, &str)]) -> String {
        let directory = self.pattern(version, edits);
        let arguments = ["push", "--float", "--force", "--no-test", "--format", "json", &self.repository(name)];
        let said = self.server.ork(&[&arguments[..], &[directory.to_str().unwrap()]].concat()).fine();
        serde_json::from_str::<Value>(&said.stdout).unwrap()["digest"].as_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.server.dir().join(name), text).unwrap();
    }

    /// A Komposer whose registry imports and trust are these.
    pub(crate) fn komposer(&self, imports: &str, rest: &str) {
        let imports = imports.replace("REPO", &format!("{}/patterns", self.server.host));
        self.write("komposer.yaml", &format!("{HEAD}imports:\n  registry:\n    - {imports}\n{rest}"));
    }

    pub(crate) fn ork(&self, arguments: &[&str]) -> Ended {
        self.server.ork(&[arguments, &["--cache", "cache"]].concat())
    }

    fn lock(&self) -> Value {
        let text = std::fs::read_to_string(self.server.dir().join("komposer.lock")).unwrap();
        yaml(&text)["spec"]["instances"][0].clone()
    }

    /// Ends the registry, and keeps the files.
    pub(crate) fn close(self) -> tempfile::TempDir {
        self.server.close()
    }

    /// Points a tag at something that is there.
    fn tag(&self, reference: &str, tag: &str) {
        self.server.client("crane", &["tag", reference, tag]).fine();
    }
}

#[test]
fn the_publications_komposer_runs_as_it_is_written() {
    let shop = Shop::open();
    let seed = source_root().join("../shared/conformance/orkestra/seed/komposer.yaml");
    let text = match std::fs::read_to_string(&seed) {
        Ok(text) => text,
        // Where the publication is not beside the checkout, the same document as it was published.
        Err(_) => format!(
            "{HEAD}imports:\n  registry:\n    - url: ghcr.io/orkestra-sh/registry/postgres:v14\n      oci: true\nspec:\n  \
             crds:\n    - name: postgres\n      workers: 4\n      resync: 30s\n"
        ),
    };
    shop.write("komposer.yaml", &text.replace("ghcr.io/orkestra-sh/registry", &shop.repository("").replace("s/", "s")));
    shop.ork(&["lock"]).fine();
    shop.ork(&["lock", "--check"]).fine();
    let said = shop.ork(&["explain", "-f", "komposer.yaml", "--format", "json"]).fine();
    let values: Vec<Value> = serde_json::from_str(&said.stdout).unwrap();
    let of = |path: &str| values.iter().find(|value| value["path"] == path).unwrap();
    for (path, value, line) in
        [("postgres.workers", Value::from(4), "workers"), ("postgres.resync", "30s".into(), "resync")]
    {
        let found = of(path);
        assert_eq!((&found["value"], &found["from"]["file"]), (&value, &"komposer.yaml".into()), "{found}");
        let at = text.lines().position(|text| text.contains(line)).unwrap() + 1;
        assert_eq!(found["from"]["line"], at, "{found}");
    }
    // What is not overridden is the artifact's own, named by its digest.
    let kind = of("postgres.apiTypes.kind");
    assert_eq!(kind["from"]["digest"], shop.lock()["manifest"], "{kind}");
    assert!(kind["from"]["file"].as_str().unwrap().ends_with("postgres:v14/katalog.yaml"), "{kind}");
}

#[test]
fn a_lock_says_what_was_found_and_goes_stale_with_its_komposer() {
    let shop = Shop::open();
    shop.ork(&["lock", "-f", "none.yaml"]).exits(2);
    shop.komposer("{url: REPO/postgres, version: ^14.1}", "");
    shop.ork(&["lock", "--check"]).refused("NotLocked");
    assert!(!shop.server.dir().join("komposer.lock").exists(), "--check writes nothing");
    shop.ork(&["lock"]).fine();
    let lock = shop.lock();
    assert_eq!((&lock["version"], &lock["tag"], &lock["rebuilt"]), (&"14.2.0".into(), &"v14.2.0".into(), &true.into()));
    assert_eq!(lock["composed"], Value::Null);
    // Overrides of what only the runtime reads leave the component as it is.
    shop.komposer("{url: REPO/postgres, version: ^14.1}", "spec: {crds: {postgres: {workers: 3}}}\n");
    shop.ork(&["lock", "--check"]).refused("NotLocked");
    shop.ork(&["lock"]).fine();
    assert_eq!(shop.lock()["composed"], Value::Null);
    shop.komposer(
        "{url: REPO/postgres, version: ^14.1}",
        "spec: {crds: {postgres: {operatorBox: {vars: {authKey: other}}}}}\n",
    );
    shop.ork(&["lock"]).fine();
    let composed = shop.lock()["composed"].clone();
    assert!(composed.is_string() && composed != lock["component"], "{composed}");
    // What was locked stays until it is told to move.
    shop.push("postgres", "14.3.0", &[]);
    shop.ork(&["lock", "--check"]).fine();
    let outdated = shop.ork(&["outdated"]).exits(1);
    assert!(outdated.stdout.contains("14.2.0") && outdated.stdout.contains("14.3.0"), "{outdated:?}");
    shop.ork(&["update", "postgres"]).fine();
    assert_eq!(shop.lock()["version"], "14.3.0");
    shop.ork(&["outdated"]).fine();
    shop.ork(&["update", "redis"]).exits(2);
}

#[test]
fn a_version_never_changes_and_never_falls() {
    let shop = Shop::open();
    let repository = shop.repository("postgres");
    for url in ["REPO/postgres:v14.2.0", "REPO/postgres:v14"] {
        shop.push("postgres", "14.2.0", &[]);
        shop.komposer(&format!("{{url: {url}}}"), "");
        shop.ork(&["lock"]).fine();
        shop.ork(&["update"]).fine();
        // Somebody replaces the version, and the floating tags with it.
        let moved = shop.push("postgres", "14.2.0", &[("resync: ", "resync:  ")]);
        shop.tag(&format!("{repository}@{moved}"), "v14");
        shop.ork(&["update"]).refused("TagMoved");
        if url.ends_with(".0") {
            shop.ork(&["lock"]).refused("TagMoved");
        }
        std::fs::remove_file(shop.server.dir().join("komposer.lock")).unwrap();
    }
    shop.push("postgres", "14.3.0", &[]);
    shop.komposer("{url: REPO/postgres:v14}", "");
    shop.ork(&["lock"]).fine();
    shop.tag(&format!("{repository}:v14.2.0"), "v14");
    shop.ork(&["update"]).refused("Downgrade");
    assert_eq!(shop.lock()["version"], "14.3.0");
    shop.ork(&["update", "--allow-downgrade"]).fine();
    assert_eq!(shop.lock()["version"], "14.2.0");
}

#[test]
fn a_name_stays_with_its_repository() {
    let shop = Shop::open();
    let elsewhere = format!("{}/elsewhere/postgres:v14.2.0", shop.server.host);
    shop.server.client("crane", &["copy", &format!("{}:v14.2.0", shop.repository("postgres")), &elsewhere]).fine();
    shop.komposer("{url: REPO/postgres:v14}", "");
    shop.ork(&["lock"]).fine();
    shop.komposer(&format!("{{url: '{elsewhere}'}}"), "");
    for command in [&["lock"][..], &["explain", "-f", "komposer.yaml"]] {
        shop.ork(command).refused("IdentityReused");
    }
    shop.ork(&["lock", "--rebind", "postgres"]).fine();
    shop.ork(&["lock", "--check"]).fine();
}

#[test]
fn only_what_a_trusted_key_signed_under_this_name_is_locked() {
    let shop = Shop::open();
    for key in ["ours", "strange"] {
        shop.server.ork(&["generate", "key", "-o", key]).fine();
    }
    let trust = format!("  trust: [{{pattern: '{}/**', keys: [./ours.pub]}}]\n", shop.server.host);
    shop.komposer("{url: REPO/postgres:v14}", &trust);
    let reference = format!("{}:v14", shop.repository("postgres"));
    shop.ork(&["lock"]).refused("Unsigned");
    shop.server.ork(&["sign", &reference, "--key", "strange.key"]).fine();
    shop.ork(&["lock"]).refused("UntrustedSigner");
    shop.server.ork(&["sign", &reference, "--key", "ours.key"]).fine();
    shop.ork(&["lock"]).fine();
    assert_eq!(shop.lock()["signers"].as_array().unwrap().len(), 1);
    // A good signature, of another pattern.
    let other = format!("{}/patterns/redis", shop.server.host);
    shop.server.client("crane", &["copy", &reference, &format!("{other}:v14")]).fine();
    shop.server.ork(&["sign", &format!("{other}:v14"), "--key", "ours.key"]).fine();
    shop.komposer("{url: REPO/redis:v14}", &trust);
    shop.ork(&["lock"]).refused("NameMismatch");
    // And of another version.
    shop.server.client("crane", &["tag", &reference, "v14.9.0"]).fine();
    shop.komposer("{url: REPO/postgres:v14.9.0}", &trust);
    shop.ork(&["lock"]).refused("VersionMismatch");
    // Whom no entry is about, nobody is trusted for.
    shop.komposer("{url: REPO/postgres:v14}", "  trust: [{pattern: 'ghcr.io/**', keys: [./ours.pub]}]\n");
    shop.ork(&["lock"]).refused("NoTrustEntry");
}

/// Changes config and component of what a tag names, and makes every digest good again.
fn forge(shop: &Shop, change: impl FnOnce(&mut Value, &mut Vec<u8>)) {
    const PATH: &str = "patterns/postgres";
    let forge = Forge::new(&shop.server);
    let mut manifest: Value =
        serde_json::from_slice(&forge.manifest(PATH, ManifestRef::Tag("v14.2.0".to_owned()))).unwrap();
    let mut config: Value = serde_json::from_slice(&forge.blob(PATH, &manifest["config"])).unwrap();
    let layers = manifest["layers"].as_array_mut().unwrap();
    let layer = layers.iter_mut().find(|layer| layer["mediaType"] == "application/wasm").unwrap();
    let mut component = forge.blob(PATH, layer);
    change(&mut config, &mut component);
    (layer["digest"], layer["size"]) = forge.put_blob(PATH, &component);
    config["layers"]["component"] = layer["digest"].clone();
    let written = forge.put_blob(PATH, &serde_json::to_vec(&config).unwrap());
    (manifest["config"]["digest"], manifest["config"]["size"]) = written;
    forge.put(PATH, "v14.2.0", MANIFEST, &serde_json::to_vec(&manifest).unwrap());
}

#[test]
fn a_component_that_is_not_its_yaml_is_not_locked() {
    let shop = Shop::open();
    shop.server.ork(&["generate", "key", "-o", "ours"]).fine();
    let trust = format!("  trust: [{{pattern: '{}/**', keys: [./ours.pub]}}]\n", shop.server.host);
    shop.komposer("{url: REPO/postgres:v14.2.0}", &trust);
    let reference = format!("{}:v14.2.0", shop.repository("postgres"));
    let lock = || {
        // Signed by whom the Komposer trusts: that is not the question here.
        shop.server.ork(&["sign", &reference, "--key", "ours.key"]).fine();
        shop.ork(&["lock"])
    };
    // One constant: a probe of the password's file becomes one of another.
    let alter = |component: &mut Vec<u8>| {
        let (find, put) = (b"POSTGRES_PASSWORD", b"POSTGRES_PASSW0RD");
        let at = component.windows(find.len()).position(|window| window == find).unwrap();
        component[at..at + put.len()].copy_from_slice(put);
    };
    forge(&shop, |_, component| alter(component));
    lock().refused("NotItsYaml");
    assert!(!shop.server.dir().join("komposer.lock").exists());
    // Who says that another release built it gets this one's own build of the YAML.
    shop.push("postgres", "14.2.0", &[]);
    forge(&shop, |config, component| {
        config["builder"] = "ork 9.9.9".into();
        alter(component);
    });
    lock().fine();
    let forged = shop.lock();
    assert_eq!(forged["rebuilt"], false);
    std::fs::remove_file(shop.server.dir().join("komposer.lock")).unwrap();
    shop.push("postgres", "14.2.0", &[]);
    lock().fine();
    let honest = shop.lock();
    assert_eq!((&honest["rebuilt"], &honest["component"]), (&true.into(), &forged["composed"]));
}

#[test]
fn credentials_come_from_the_variables_that_a_komposer_names() {
    let shop = Shop::open();
    std::fs::remove_file(shop.server.dir().join("config.json")).unwrap();
    shop.komposer("{url: REPO/postgres:v14}", "");
    shop.ork(&["lock"]).refused("Unauthorized");
    let auth = "auth: {type: basic, usernameFromEnv: ORK_REGISTRY_USER, passwordFromEnv: ORK_REGISTRY_PASSWORD}";
    shop.komposer(&format!("{{url: REPO/postgres:v14, {auth}}}"), "");
    let ended = shop.ork(&["lock"]).exits(2);
    assert!(ended.stderr.contains("`ORK_REGISTRY_USER`, which is not set"), "{ended:?}");
    let given = [("ORK_REGISTRY_USER", USER), ("ORK_REGISTRY_PASSWORD", PASSWORD)];
    shop.server.ork_with(&["lock", "--cache", "cache"], &given).fine();
    // Under a policy a variable goes where the policy sends it.
    let policy = |hosts: &str| {
        format!(
            "apiVersion: orkestra.orkspace.io/v1\nkind: Policy\nmetadata: {{name: corp}}\nspec:\n  credentials:\n    - \
             {{variable: ORK_REGISTRY_USER, hosts: [{hosts}]}}\n    - {{variable: ORK_REGISTRY_PASSWORD, hosts: [{hosts}]}}\n"
        )
    };
    shop.write("policy.yaml", &policy("ghcr.io"));
    let command = ["lock", "--cache", "cache", "--policy", "policy.yaml"];
    shop.server.ork_with(&command, &given).refused("K1125");
    shop.write("policy.yaml", &policy(&format!("'{}'", shop.server.host)));
    shop.server.ork_with(&command, &given).fine();
}

#[test]
fn a_policy_is_narrowed_and_never_widened() {
    let shop = Shop::open();
    let policy = |spec: &str| {
        format!("apiVersion: orkestra.orkspace.io/v1\nkind: Policy\nmetadata: {{name: corp}}\nspec: {spec}\n")
    };
    shop.komposer("{url: REPO/postgres:v14, limits: {memory: 32Mi}}", "");
    for (spec, reason) in [
        ("{registries: {allow: ['ghcr.io/**']}}", Some("K1124")),
        ("{registries: {allow: ['HOST/**']}}", None),
        ("{ceilings: {memory: 16Mi}}", Some("K1126")),
        ("{ceilings: {memory: 64Mi}}", None),
        ("{groups: [example.org]}", Some("GroupNotAllowed")),
        ("{groups: ['*.orkestra.io']}", None),
    ] {
        shop.write("policy.yaml", &policy(&spec.replace("HOST", &shop.server.host)));
        let ended = shop.ork(&["lock", "--policy", "policy.yaml"]);
        match reason {
            Some(reason) => drop(ended.refused(reason)),
            None => drop(ended.fine()),
        }
    }
    // Without a word of the policy nothing runs that is not locked.
    std::fs::remove_file(shop.server.dir().join("komposer.lock")).unwrap();
    let run = ["run", "-f", "komposer.yaml", "--policy", "policy.yaml", "--kubeconfig", "none"];
    shop.ork(&run).refused("NotLocked");
    shop.write("policy.yaml", &policy("{allowUnlocked: true}"));
    let ended = shop.ork(&run).exits(2);
    assert!(ended.stderr.contains("kubeconfig"), "it gets as far as the cluster: {ended:?}");
}

#[test]
fn what_is_vendored_needs_no_registry() {
    let shop = Shop::open();
    shop.server.ork(&["generate", "key", "-o", "ours"]).fine();
    shop.server.ork(&["sign", &format!("{}:v14", shop.repository("postgres")), "--key", "ours.key"]).fine();
    let trust =
        format!("  files: [./website]\n  trust: [{{pattern: '{}/**', keys: [./ours.pub]}}]\n", shop.server.host);
    copy_directory(&source_root().join("patterns/website/v1"), &shop.server.dir().join("website"));
    shop.komposer("{url: REPO/postgres:v14}", &trust);
    shop.ork(&["vendor", "-o", "carried"]).refused("NotLocked");
    shop.ork(&["lock"]).fine();
    shop.ork(&["vendor", "-o", "carried"]).fine();
    let down = shop.close();
    let carried = down.path().join("carried");
    let path = |name: &str| carried.join(name).to_str().unwrap().to_owned();
    let command = |rest: &[&str]| {
        let mut command = std::process::Command::new(orkestra_tests::program("ork"));
        command.args(rest).args(["--artifacts", &path("artifacts"), "--cache", &path("cache")]);
        Ended::of(command.output().unwrap())
    };
    let komposer = path("komposer.yaml");
    command(&["lock", "--check", "-f", &komposer]).fine();
    let run = ["run", "--locked", "-f", &komposer, "--kubeconfig", "/none"];
    assert!(command(&run).exits(2).stderr.contains("kubeconfig"), "it gets as far as the cluster");
    // A byte of what was carried is another one.
    let blobs = carried.join("artifacts/blobs/sha256");
    let mut largest: Vec<_> = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().path()).collect();
    largest.sort_by_key(|path| path.metadata().unwrap().len());
    let blob = largest.pop().unwrap();
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    command(&["lock", "--check", "-f", &komposer]).refused("DigestMismatch");
}

#[test]
fn a_plan_says_what_a_change_does() {
    let shop = Shop::open();
    shop.komposer("{url: REPO/postgres:v14}", "");
    shop.ork(&["lock"]).fine();
    assert_eq!(shop.ork(&["plan"]).fine().stdout, "");
    std::fs::copy(shop.server.dir().join("komposer.yaml"), shop.server.dir().join("before.yaml")).unwrap();
    std::fs::copy(shop.server.dir().join("komposer.lock"), shop.server.dir().join("before.lock")).unwrap();
    shop.komposer(
        "{url: REPO/postgres:v14}",
        "spec: {crds: {postgres: {workers: 5, operatorBox: {onReconcile: {podDisruptionBudgets: [{id: budget, $patch: delete}]}}}}}\n",
    );
    let said = shop.ork(&["plan", "--from", "before.yaml"]).exits(1);
    assert!(said.stdout.contains("~ entry postgres: workers: 2 → 5"), "{said:?}");
    assert!(said.stdout.contains("- child postgres/budget: PodDisruptionBudget policy/v1, kept"), "{said:?}");
    assert!(said.stdout.contains("right poddisruptionbudgets.policy"), "{said:?}");
}

/// A document.
fn yaml(text: &str) -> Value {
    let source = Source::new().with("komposer.lock", text.as_bytes());
    let file = source.find("komposer.lock").unwrap();
    orkestra_pattern::yaml::parse(&source, file, orkestra_pattern::yaml::Bounds::default()).0[0].to_json()
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_directory(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn an_upgrade_that_asks_for_more_than_is_granted_stops_and_says_so() {
    let shop = Shop::open();
    shop.komposer("{url: REPO/postgres:v14}", "");
    shop.ork(&["lock"]).fine();
    let before = shop.lock();
    let wider = (
        "                  automountServiceAccountToken: false",
        "                  serviceAccountName: \"{{ spec.database }}\"",
    );
    shop.push("postgres", "14.3.0", &[wider]);
    let said = shop.ork(&["update"]).refused("CapabilityDenied: `postgres` is not granted `flow:spec.database`");
    assert!(said.stderr.contains("whose rights its pods have"), "{said:?}");
    assert_eq!(shop.lock(), before, "the lock stays as it was");
    shop.komposer("{grants: [flow:spec.database], url: REPO/postgres:v14}", "");
    shop.ork(&["update"]).fine();
    assert_eq!(shop.lock()["version"], "14.3.0");
}
