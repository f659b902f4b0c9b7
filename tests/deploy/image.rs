//! The image, as a layout that is made without a container engine, and the Dockerfile that says the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use orkestra_tests::{program, source_root};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{deploy, read, run, said};

const AUTHORITIES: &str = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

/// Stands for a static program: what is in it is no matter of the image's.
const PROGRAM: &[u8] = b"\x7fELF static";

fn make(directory: &Path, binary: &Path, more: &[&str]) -> Output {
    let authorities = directory.join("authorities.pem");
    std::fs::write(&authorities, AUTHORITIES).expect("a file");
    let mut script = Command::new(deploy("image.sh"));
    script.arg("--binary").arg(binary).arg("--ca").arg(&authorities).arg("--output").arg(directory.join("image"));
    script.args(more).stdin(Stdio::null()).output().expect("the script starts")
}

fn sound(directory: &Path, more: &[&str]) -> String {
    let binary = directory.join("anything");
    std::fs::write(&binary, PROGRAM).expect("a file");
    let output = make(directory, &binary, more);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("a digest").trim().to_owned()
}

fn blob(image: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().expect("a digest").strip_prefix("sha256:").expect("sha256").to_owned();
    let path = image.join("blobs/sha256").join(&digest);
    let bytes = std::fs::read(&path).expect("the blob is there");
    assert_eq!(descriptor["size"], bytes.len());
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, digest);
    path
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("it is JSON")
}

#[test]
fn the_image_holds_one_program_and_the_authorities_and_runs_as_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    let digest = sound(directory.path(), &["--revision", "0123abc"]);
    let image = directory.path().join("image");
    let index = json(&image.join("index.json"));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(index["manifests"][0]["digest"], digest.as_str());
    let manifest = json(&blob(&image, &index["manifests"][0]));
    let config = json(&blob(&image, &manifest["config"]));
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/ork"]));
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.revision"], "0123abc");
    assert_eq!(manifest["annotations"], config["config"]["Labels"]);

    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    let layer = blob(&image, &layers[0]);
    let listed = run(Command::new("tar").args(["--numeric-owner", "--full-time", "--utc", "-tvzf"]).arg(&layer));
    let files: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    let files: Vec<(&str, &str, &str, &str)> = files.iter().map(|file| (file[0], file[1], file[3], file[5])).collect();
    assert_eq!(
        files,
        [
            ("drwxr-xr-x", "0/0", "1970-01-01", "etc/"),
            ("drwxr-xr-x", "0/0", "1970-01-01", "etc/ssl/"),
            ("drwxr-xr-x", "0/0", "1970-01-01", "etc/ssl/certs/"),
            ("-rw-r--r--", "0/0", "1970-01-01", "etc/ssl/certs/ca-certificates.crt"),
            ("-rwxr-xr-x", "0/0", "1970-01-01", "ork"),
        ]
    );
    let unpacked = Command::new("tar").args(["-xzOf"]).arg(&layer).arg("ork").output().expect("tar starts");
    assert_eq!(unpacked.stdout, PROGRAM);
}

#[test]
fn the_same_program_gives_the_same_digest() {
    let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let digest = sound(one.path(), &[]);
    assert_eq!(sound(other.path(), &[]), digest);
    let third = tempfile::tempdir().expect("a directory");
    assert_ne!(sound(third.path(), &["--revision", "0123abc"]), digest);
}

#[test]
fn another_reader_takes_the_layout() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "not run: another_reader_takes_the_layout, as skopeo is not here");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let digest = sound(directory.path(), &[]);
    let image = format!("oci:{}:0.1.0", directory.path().join("image").display());
    let seen: Value = serde_json::from_str(&run(Command::new("skopeo").args(["inspect", &image]))).expect("JSON");
    assert_eq!((&seen["Digest"], &seen["Os"]), (&json!(digest), &json!("linux")));
    // It reads every blob and compares it with its digest.
    let copy = format!("dir:{}", directory.path().join("copy").display());
    run(Command::new("skopeo").args(["copy", "--insecure-policy", "--quiet", &image, &copy]));
}

#[test]
fn a_program_that_needs_a_loader_and_words_that_are_none_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = make(directory.path(), &program("ork"), &[]);
    assert!(!output.status.success() && said(&output).contains("is not static"), "{}", said(&output));
    let binary = directory.path().join("anything");
    std::fs::write(&binary, PROGRAM).expect("a file");
    let output = make(directory.path(), &binary, &["--version", "1\",\"User\":\"0"]);
    assert!(!output.status.success() && said(&output).contains("letters, digits"), "{}", said(&output));
    assert!(!directory.path().join("image").exists());
}

#[test]
fn the_dockerfile_says_the_same_and_all_versions_agree() {
    let (dockerfile, script) = (read("Dockerfile"), read("image.sh"));
    let last = dockerfile.split("FROM scratch").nth(1).expect("the last stage is empty");
    for line in ["USER 65532:65532", "ENTRYPOINT [\"/ork\"]", "EXPOSE 8080 8443"] {
        assert!(last.lines().any(|found| found == line), "{line}");
    }
    for label in ["title", "description", "licenses", "vendor", "version", "revision"] {
        let name = format!("org.opencontainers.image.{label}");
        let value = |text: &str, mark: &str| {
            let (_, rest) = text.split_once(&format!("{name}{mark}\"")).unwrap_or_else(|| panic!("no {name}"));
            rest.split('"').next().expect("a value").trim_end_matches('\\').to_lowercase()
        };
        let in_script = script.replace("\\\"", "\"");
        assert_eq!(value(last, "="), value(&in_script, "\":"), "{name}");
    }
    let root = |file: &str| std::fs::read_to_string(source_root().join(file)).expect("a file of the tree");
    let quoted = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}"));
        line.split('"').nth(1).expect("a text").to_owned()
    };
    let compiler = quoted(&root("rust-toolchain.toml"), "channel");
    assert!(dockerfile.contains(&format!("FROM rust:{compiler}-alpine")), "the compiler is {compiler}");
    let version = quoted(&root("Cargo.toml"), "version");
    assert!(last.contains(&format!("ARG VERSION={version}")) && script.contains(&format!("version={version} ")));
    assert!(read("chart/Chart.yaml").contains(&format!("appVersion: {version}\n")));
}
