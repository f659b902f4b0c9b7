use orkestra_pattern::diagnostic::{Style, render_all};
use orkestra_pattern::source::Source;

use super::*;
use crate::lock::Artifact;

const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: platform}\n";

fn komposer(text: &str) -> Komposer {
    let source = Source::new().with("komposer.yaml", format!("{HEAD}{text}").as_bytes());
    let (komposer, problems) = parse(&source, source.find("komposer.yaml").unwrap());
    komposer.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)))
}

fn read(text: &str) -> Result<Lock, String> {
    let source = Source::new().with("komposer.lock", text.as_bytes());
    let (lock, problems) = parse_lock(&source, source.find("komposer.lock").unwrap());
    lock.ok_or_else(|| render_all(&problems, &source, Style::Plain))
}

const IMPORTS: &str = "imports:\n  registry:\n    - {url: r.corp/a/postgres:v14, as: pg}\n    - {url: r.corp/a/redis, version: ^7.2}\n  files: [./shop]\n";

/// The lock of a Komposer with those imports.
fn lock() -> Lock {
    let artifact = |name: &str, tag: &str| Artifact {
        repository: format!("r.corp/a/{name}").parse().unwrap(),
        tag: Some(tag.to_owned()),
        manifest: Digest::of(name.as_bytes()),
        rebuilt: true,
        signers: vec!["sha256:key".to_owned()],
        composed: None,
    };
    let locked = |name: &str, asked: &str, artifact: Option<Artifact>| Locked {
        name: name.to_owned(),
        asked: asked.to_owned(),
        version: "14.2.0".parse().unwrap(),
        component: Digest::of(b"component"),
        engine: "orkestra:engine".to_owned(),
        artifact,
    };
    let composed = Artifact { composed: Some(Digest::of(b"composed")), ..artifact("postgres", "v14") };
    Lock {
        name: "platform".to_owned(),
        komposer: komposer(IMPORTS).digest(),
        ork: "0.1.0".to_owned(),
        instances: vec![
            locked("pg", "r.corp/a/postgres:v14", Some(composed)),
            locked("redis", "r.corp/a/redis ^7.2", Some(artifact("redis", "v7.2.5"))),
            locked("shop", "./shop", None),
        ],
    }
}

#[test]
fn a_lock_is_read_as_it_is_written() {
    let lock = lock();
    assert_eq!(read(&lock.to_json().to_string()).unwrap(), lock);
    assert_eq!(lock.get("pg").unwrap().runs(), Digest::of(b"composed"));
    assert_eq!(lock.get("redis").unwrap().runs(), Digest::of(b"component"));
}

#[test]
fn nothing_of_a_lock_may_be_missing_or_more() {
    let good = lock().to_json().to_string();
    assert!(read(&good).is_ok());
    let digest = Digest::of(b"redis").to_string();
    for (find, put, part) in [
        ("\"KomposerLock\"", "\"Komposer\"", "K1131"),
        ("\"manifest\"", "\"manifset\"", "K0201"),
        ("\"rebuilt\":true,", "", "`rebuilt`"),
        (&*digest, "v7.2.5", "K1131"),
        ("\"14.2.0\"", "\"v14\"", "K1131"),
        ("\"name\":\"redis\"", "\"name\":\"pg\"", "is locked twice"),
        ("\"path\":\"./shop\"", "\"path\":\"./shop\",\"manifest\":\"x\"", "K0201"),
    ] {
        let bad = good.replacen(find, put, 1);
        assert_ne!(bad, good, "{find}");
        let shown = read(&bad).unwrap_err();
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn a_lock_fits_what_it_was_made_for_and_nothing_else() {
    let lock = lock();
    assert_eq!(lock.stale(&komposer(IMPORTS)), []);
    // The words count, their layout does not.
    assert_eq!(lock.stale(&komposer(&format!("# said\n{IMPORTS}"))), []);
    let reasons = |text: &str| lock.stale(&komposer(text)).iter().map(Stale::reason).collect::<Vec<_>>();
    assert_eq!(reasons(&format!("{IMPORTS}spec: {{crds: {{shop: {{workers: 2}}}}}}\n")), ["KomposerChanged"]);
    assert_eq!(reasons(&IMPORTS.replace("^7.2", "^8")), ["AskedOtherwise"]);
    assert_eq!(reasons(&IMPORTS.replace("postgres:v14, as: pg", "postgres:v14")), ["NotLocked", "NoLongerImported"]);
    assert_eq!(reasons(&IMPORTS.replace("[./shop]", "[./shop, ./more]")), ["NotLocked"]);
    assert_eq!(reasons(&IMPORTS.replace("  files: [./shop]\n", "")), ["NoLongerImported"]);
    let other = Lock { name: "another".to_owned(), ..lock.clone() };
    assert_eq!(other.stale(&komposer(IMPORTS))[0].reason(), "OtherKomposer");
}

#[test]
fn a_name_is_bound_to_its_repository() {
    let lock = lock();
    assert_eq!(lock.check_identities(&komposer(IMPORTS)), Ok(()));
    assert_eq!(lock.check_identities(&komposer(&IMPORTS.replace("postgres:v14", "postgres:v15"))), Ok(()));
    for other in ["r.corp/b/postgres:v14", "r.evil/a/postgres:v14"] {
        let text = IMPORTS.replace("r.corp/a/postgres:v14", other);
        assert_eq!(lock.check_identities(&komposer(&text)).unwrap_err().reason(), "IdentityReused");
    }
}
