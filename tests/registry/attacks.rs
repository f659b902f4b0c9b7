//! What a registry, and whoever writes to one, tries against a consumer. Each attack is refused with a word of its own, before more is
//! read than the rule allows; beside it is a twin that is accepted.
//!
//! | rule | attack |
//! |---|---|
//! | A layer has one role, one media type, one file name and a limit; its content is in its own blob. | [`each_thing_that_a_manifest_may_not_say_is_refused_before_a_blob_is_read`] |
//! | What is not written as a pattern's manifest is none. | [`what_is_no_manifest_of_a_pattern_is_refused_before_a_blob_is_read`] |
//! | Config and layers agree, and with the name and version that were asked for. | [`layers_that_the_config_does_not_name_are_refused_before_one_is_read`] |
//! | Content is what its descriptor says. | [`content_that_is_not_what_its_descriptor_says_is_not_written`] |
//! | A signature is by a trusted key and of this artifact. | [`what_no_trusted_key_has_signed_is_refused_before_config_and_layers_are_read`] |
//! | A registry does not choose who gets credentials, and its answers end. | [`a_registry_that_leads_elsewhere_or_does_not_end_is_refused`] |
//! | An archive has regular files of a layout and no others. | [`an_archive_has_the_files_of_a_layout_and_no_others`] |

use std::process::Command;

use orkestra_artifact::{Digest, ManifestRef};
use serde_json::{Value, json};

use crate::crafted::{Forge, MANIFEST};
use crate::pushed;
use crate::server::Server;

/// Where the pattern is that [`pushed`] pushes.
const PATH: &str = "patterns/postgres";

const TITLE: &str = "org.opencontainers.image.title";

/// A registry with the shipped pattern, and its manifest.
struct Stage {
    server: Server,
    honest: Value,
    digest: Digest,
}

impl Stage {
    fn new() -> Self {
        let server = Server::start();
        let (_, digest) = pushed(&server);
        let bytes = Forge::new(&server).manifest(PATH, ManifestRef::Tag("v14.2.0".to_owned()));
        let honest = serde_json::from_slice(&bytes).unwrap();
        Self { server, honest, digest: digest.parse().unwrap() }
    }

    /// The manifest with a change.
    fn changed(&self, change: impl Fn(&mut Value)) -> Vec<u8> {
        let mut manifest = self.honest.clone();
        change(&mut manifest);
        serde_json::to_vec(&manifest).unwrap()
    }

    fn reference(&self, path: &str, tag: &str) -> String {
        format!("{}/{path}:{tag}", self.server.host)
    }

    /// The digests of the config and of the layers.
    fn blobs(&self) -> (String, Vec<String>) {
        let digest = |node: &Value| node["digest"].as_str().unwrap().to_owned();
        (digest(&self.honest["config"]), self.honest["layers"].as_array().unwrap().iter().map(digest).collect())
    }

    /// A pull is refused for this reason, writes nothing and has asked for these blobs alone.
    #[track_caller]
    fn pull_refused(&self, reference: &str, reason: &str, reads: &[String]) {
        self.server.requests();
        let to = format!("refused-{reason}");
        self.server.ork(&["pull", reference, "-o", &to]).refused(reason);
        assert!(!self.server.dir().join(&to).exists(), "{reason}: nothing is written");
        assert_eq!(blobs_of(&self.server.requests()), reads, "{reason}");
    }

    /// A pull is accepted.
    #[track_caller]
    fn pulled(&self, reference: &str) {
        let to = tempfile::tempdir_in(self.server.dir()).unwrap();
        self.server.ork(&["pull", reference, "-o", to.path().join("whole").to_str().unwrap()]).fine();
    }

    /// A verification is refused for this reason, and has asked neither for the config nor for a layer.
    #[track_caller]
    fn verify_refused(&self, reference: &str, key: &str, reason: &str) {
        self.server.requests();
        self.server.ork(&["verify", reference, "--key", key]).refused(reason);
        let (config, layers) = self.blobs();
        let asked = blobs_of(&self.server.requests());
        assert!(asked.iter().all(|blob| *blob != config && !layers.contains(blob)), "{reason}: {asked:?}");
    }
}

/// The digests of blobs that were asked for, each once.
fn blobs_of(requests: &[String]) -> Vec<String> {
    assert!(!requests.is_empty(), "the registry was asked");
    let blobs =
        requests.iter().filter_map(|request| Some(request.strip_prefix("GET ")?.split_once("/blobs/")?.1.to_owned()));
    let mut blobs: Vec<_> = blobs.collect();
    blobs.dedup();
    blobs
}

/// The layer with this file name.
fn layer<'a>(manifest: &'a mut Value, title: &str) -> &'a mut Value {
    let layers = manifest["layers"].as_array_mut().unwrap();
    layers.iter_mut().find(|layer| layer["annotations"][TITLE] == title).unwrap()
}

#[test]
fn each_thing_that_a_manifest_may_not_say_is_refused_before_a_blob_is_read() {
    type Change = fn(&mut Value);
    let stage = Stage::new();
    let forge = Forge::new(&stage.server);
    let attacks: [(&str, &str, Change); 13] = [
        ("role-swapped", "ForeignTitle", |m| {
            layer(m, "crd.yaml")["mediaType"] = json!("application/vnd.kubernetes.cr.v1+yaml");
        }),
        ("role-twice", "DoubledLayer", |m| {
            let katalog = layer(m, "katalog.yaml").clone();
            m["layers"].as_array_mut().unwrap().push(katalog);
        }),
        ("role-unknown", "UnknownLayer", |m| layer(m, "README.md")["mediaType"] = json!("text/html")),
        ("compressed", "UnknownLayer", |m| {
            layer(m, "katalog.yaml")["mediaType"] = json!("application/vnd.orkestra.katalog.v1+yaml+gzip");
        }),
        ("image-layer", "UnknownLayer", |m| {
            layer(m, "pattern.wasm")["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip");
        }),
        ("urls", "HasUrls", |m| {
            layer(m, "pattern.wasm")["urls"] = json!(["https://elsewhere.invalid/pattern.wasm"]);
        }),
        ("inline-data", "HasInlineData", |m| m["config"]["data"] = json!("e30=")),
        ("path-up", "ForeignTitle", |m| {
            layer(m, "README.md")["annotations"][TITLE] = json!("../../README.md");
        }),
        ("path-absolute", "ForeignTitle", |m| layer(m, "cr.yaml")["annotations"][TITLE] = json!("/etc/cr.yaml")),
        ("oversized", "SizeOutOfBounds", |m| layer(m, "katalog.yaml")["size"] = json!((1 << 20) + 1)),
        ("empty", "SizeOutOfBounds", |m| layer(m, "katalog.yaml")["size"] = json!(0)),
        ("missing", "MissingLayer", |m| {
            m["layers"].as_array_mut().unwrap().retain(|layer| layer["annotations"][TITLE] != "katalog.yaml");
        }),
        ("foreign-config", "ForeignConfig", |m| {
            m["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
        }),
    ];
    stage.server.ork(&["generate", "key", "-o", "ours"]).fine();
    for (what, reason, change) in attacks {
        let path = format!("{what}/postgres");
        let reference = stage.reference(&path, "v14.2.0");
        forge.put(&path, "v14.2.0", MANIFEST, &stage.changed(change));
        stage.pull_refused(&reference, reason, &[]);
        stage.verify_refused(&reference, "ours.pub", reason);
        // The same place with the honest manifest.
        forge.put(&path, "v14.2.0", MANIFEST, &stage.changed(|_| ()));
        stage.pulled(&reference);
    }
}

#[test]
fn what_is_no_manifest_of_a_pattern_is_refused_before_a_blob_is_read() {
    let stage = Stage::new();
    let honest = String::from_utf8(stage.changed(|_| ())).unwrap();
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
    let deep = honest.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(40), "]".repeat(40)), 1);
    // Our own client would not send what it cannot read.
    let put = |media_type: &str, bytes: &str| {
        let (file, reference) = ("crafted.json", stage.reference("other/postgres", "v14.2.0"));
        std::fs::write(stage.server.dir().join(file), bytes).unwrap();
        stage.server.client("oras", &["manifest", "push", "--media-type", media_type, &reference, file]).fine();
    };
    for (media_type, bytes, reason) in [
        ("application/vnd.oci.image.index.v1+json", index.to_string(), "NotAManifest"),
        (MANIFEST, honest.replace("vnd.orkestra.pattern.v1\"", "vnd.example.other.v1\""), "NotAPattern"),
        (MANIFEST, honest.replacen('{', "{\"layers\":[],", 1), "ManifestDuplicateKey"),
        (MANIFEST, deep, "ManifestTooDeep"),
        (MANIFEST, honest.replacen("\"schemaVersion\":2", "\"schemaVersion\":1", 1), "ManifestMalformed"),
    ] {
        assert_ne!(bytes, honest, "{reason}");
        put(media_type, &bytes);
        stage.pull_refused(&stage.reference("other/postgres", "v14.2.0"), reason, &[]);
    }
    put(MANIFEST, &honest);
    stage.pulled(&stage.reference("other/postgres", "v14.2.0"));
}

#[test]
fn layers_that_the_config_does_not_name_are_refused_before_one_is_read() {
    let stage = Stage::new();
    let forge = Forge::new(&stage.server);
    let (config, _) = stage.blobs();
    let swapped = |title: &str, content: &[u8]| {
        // Digest and size are right: it is another file than the config says.
        let (digest, size) = forge.put_blob(PATH, content);
        stage.changed(|m| {
            let layer = layer(m, title);
            (layer["digest"], layer["size"]) = (digest.clone(), size.clone());
        })
    };
    let roles = stage.changed(|m| {
        let (crd, cr) = (layer(m, "crd.yaml").clone(), layer(m, "cr.yaml").clone());
        for (title, other) in [("crd.yaml", &cr), ("cr.yaml", &crd)] {
            let layer = layer(m, title);
            (layer["digest"], layer["size"]) = (other["digest"].clone(), other["size"].clone());
        }
    });
    for manifest in [swapped("pattern.wasm", b"\0asm\x0d\0\x01\0"), swapped("katalog.yaml", b"kind: Katalog\n"), roles]
    {
        forge.put("swapped/postgres", "v14.2.0", MANIFEST, &manifest);
        stage.pull_refused(
            &stage.reference("swapped/postgres", "v14.2.0"),
            "LayerMismatch",
            std::slice::from_ref(&config),
        );
    }
    // Whole and honest, but not what was asked for.
    for (path, tag, reason) in
        [("swapped/mysql", "v14.2.0", "NameMismatch"), ("swapped/postgres", "v14.3.0", "VersionMismatch")]
    {
        forge.put(path, tag, MANIFEST, &stage.changed(|_| ()));
        stage.pull_refused(&stage.reference(path, tag), reason, std::slice::from_ref(&config));
    }
    forge.put("swapped/postgres", "v14.2.0", MANIFEST, &stage.changed(|_| ()));
    stage.pulled(&stage.reference("swapped/postgres", "v14.2.0"));
}

#[test]
fn content_that_is_not_what_its_descriptor_says_is_not_written() {
    let stage = Stage::new();
    let forge = Forge::new(&stage.server);
    let (config, layers) = stage.blobs();
    let sized = |change: fn(u64) -> u64| {
        stage.changed(|m| {
            let layer = layer(m, "katalog.yaml");
            layer["size"] = json!(change(layer["size"].as_u64().unwrap()));
        })
    };
    // The Katalog is the first layer, and the last that is asked for.
    let read = [config.clone(), layers[0].clone()];
    for (change, reason) in [((|size| size + 1) as fn(u64) -> u64, "Truncated"), (|size| size - 1, "TooLarge")] {
        forge.put("sized/postgres", "v14.2.0", MANIFEST, &sized(change));
        stage.pull_refused(&stage.reference("sized/postgres", "v14.2.0"), reason, &read);
    }
    let reference = stage.reference(PATH, "v14.2.0");
    stage.server.fault(&json!({"kind": "wrong", "times": 100}));
    stage.pull_refused(&reference, "DigestMismatch", &[config]);
    stage.server.mend();
    stage.pulled(&reference);
}

#[test]
fn what_no_trusted_key_has_signed_is_refused_before_config_and_layers_are_read() {
    let stage = Stage::new();
    let forge = Forge::new(&stage.server);
    let server = &stage.server;
    let reference = stage.reference(PATH, "v14.2.0");
    for key in ["ours", "strangers"] {
        server.ork(&["generate", "key", "-o", key]).fine();
    }
    stage.verify_refused(&reference, "ours.pub", "Unsigned");
    server.ork(&["sign", &reference, "--key", "strangers.key"]).fine();
    stage.verify_refused(&reference, "ours.pub", "UntrustedSigner");

    // A good signature of another artifact, which the registry lists as one of this.
    let other = stage.changed(|m| m["annotations"]["org.opencontainers.image.description"] = json!("another"));
    let other_digest = forge.put("other/postgres", "v14.2.0", MANIFEST, &other);
    server.ork(&["sign", &stage.reference("other/postgres", "v14.2.0"), "--key", "ours.key"]).fine();
    let signature = forge.referrers("other/postgres", &other_digest);
    let [signature] = signature.as_slice() else { panic!("{signature:?}") };
    let signature = forge.manifest("other/postgres", ManifestRef::Digest(*signature));
    let mut moved: Value = serde_json::from_slice(&signature).unwrap();
    (moved["subject"]["digest"], moved["subject"]["size"]) =
        (json!(stage.digest), json!(serde_json::to_vec(&stage.honest).unwrap().len()));
    forge.put_untagged(PATH, &serde_json::to_vec(&moved).unwrap());
    stage.verify_refused(&reference, "ours.pub", "WrongSubject");

    // More than are looked at, and a list that leads to itself.
    server.fault(&json!({"kind": "junk-referrers", "count": 10_000, "times": 100}));
    stage.verify_refused(&reference, "ours.pub", "TooManyCandidates");
    server.mend();
    server.fault(&json!({"kind": "link-loop", "times": 100}));
    stage.verify_refused(&reference, "ours.pub", "Unsigned");
    server.mend();

    // Beside all of them a good one counts.
    server.ork(&["sign", &reference, "--key", "ours.key"]).fine();
    server.ork(&["verify", &reference, "--key", "ours.pub"]).fine();
}

#[test]
fn a_registry_that_leads_elsewhere_or_does_not_end_is_refused() {
    let stage = Stage::new();
    let reference = stage.reference(PATH, "v14.2.0");
    let insecure = format!("http://{}/token", stage.server.host);
    for (realm, reason) in [("https://elsewhere.invalid/token", "ForeignRealm"), (insecure.as_str(), "InsecureRealm")] {
        stage.server.fault(&json!({"kind": "realm", "realm": realm, "times": 100}));
        stage.pull_refused(&reference, reason, &[]);
        stage.server.mend();
        stage.pulled(&reference);
    }
    let server = Server::start_with(&["-bearer"]);
    let (repository, _) = pushed(&server);
    server.fault(&json!({"kind": "token-endless", "times": 100}));
    server.ork(&["tags", &repository]).refused("TooLarge");
    server.mend();
    server.ork(&["tags", &repository]).fine();
}

#[test]
fn an_archive_has_the_files_of_a_layout_and_no_others() {
    let server = Server::start();
    let (repository, _) = pushed(&server);
    server.ork(&["copy", &format!("{repository}:v14.2.0"), "oci-archive:honest.tar"]).fine();
    let shell = |script: &str| {
        server.run(Command::new("sh").args(["-euc", script])).fine();
    };
    shell("mkdir layout; tar -xf honest.tar -C layout");
    for (index, (attack, reason)) in [
        ("ln -s /etc/passwd blobs/sha256/$(printf 0%.0s $(seq 64))", "NotARegularFile"),
        ("ln -s ../../.. blobs/sha256/out", "NotARegularFile"),
        ("mkfifo pipe", "NotARegularFile"),
        ("echo more > more", "ForeignEntry"),
        ("echo more > blobs/sha256/more", "ForeignEntry"),
        ("mkdir -p down; echo '#!/bin/sh' > down/evil", "NotARegularFile"),
    ]
    .into_iter()
    .enumerate()
    {
        shell(&format!("cp -r layout l{index}; cd l{index}; {attack}; tar --format=ustar -cf ../l{index}.tar *"));
        let to = format!("out-{index}");
        server.ork_alone(&["pull", &format!("oci-archive:l{index}.tar"), "-o", &to]).refused(reason);
        assert!(!server.dir().join(&to).exists(), "{attack}");
    }
    // A way out of the directory, by name.
    shell("cp -r layout up; cd up; echo evil > ../evil; tar --format=ustar -P -cf ../up.tar * ../evil");
    server.ork_alone(&["pull", "oci-archive:up.tar", "-o", "out-up"]).refused("ForeignEntry");
    // The same program's archive of the same files without one of these.
    shell("cd layout; tar --format=ustar -cf ../twin.tar *");
    server.ork_alone(&["pull", "oci-archive:twin.tar", "-o", "twin"]).fine();
}
