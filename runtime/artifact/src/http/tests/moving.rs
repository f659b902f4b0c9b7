//! Bytes that come broken, elsewhere, late, or not as asked.

use serde_json::{Value, json};

use super::*;
use crate::manifest::MANIFEST_MEDIA_TYPE;
use crate::oci::INDEX_MEDIA_TYPE;
use crate::registry::MAX_REFERRERS;

const CONTENT: &[u8] = b"the content of a component, long enough to break in the middle";

async fn fetch(fake: &Fake) -> Result<Bytes, Error> {
    registry(options()).blob(&repository(fake), &blob(CONTENT), 1 << 20).await
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke() {
    let fake = Fake::start(|request: &Request, _| match request.headers.get("range").map(String::as_str) {
        None => Reply::new(200, &CONTENT[..20]).cut(CONTENT.len()),
        Some("bytes=20-") => {
            Reply::new(206, &CONTENT[20..30]).cut(CONTENT.len() - 20).with("content-range", "bytes 20-61/62")
        }
        Some("bytes=30-") => Reply::new(206, &CONTENT[30..]).with("content-range", "bytes 30-61/62"),
        Some(_) => Reply::new(416, ""),
    })
    .await;
    assert_eq!(fetch(&fake).await.unwrap(), CONTENT);
    assert_eq!(fake.lines().len(), 3);
}

#[tokio::test]
async fn a_download_begins_anew_where_ranges_are_not_known() {
    let fake = Fake::start(|_: &Request, before| match before {
        0 => Reply::new(200, &CONTENT[..20]).cut(CONTENT.len()),
        _ => Reply::new(200, CONTENT),
    })
    .await;
    assert_eq!(fetch(&fake).await.unwrap(), CONTENT);
    let wrong = Fake::start(|_: &Request, before| match before {
        0 => Reply::new(200, &CONTENT[..20]).cut(CONTENT.len()),
        _ => Reply::new(206, CONTENT).with("content-range", "bytes 0-61/62"),
    })
    .await;
    assert_eq!(fetch(&wrong).await.unwrap_err().reason(), "Incomplete");
}

#[tokio::test]
async fn a_download_that_always_breaks_ends() {
    let fake = Fake::start(|_: &Request, _| Reply::new(200, &CONTENT[..20]).cut(CONTENT.len())).await;
    assert_eq!(fetch(&fake).await.unwrap_err().reason(), "Unreachable");
    assert_eq!(fake.lines().len(), 6);
    let short = Fake::start(|_: &Request, _| Reply::new(200, &CONTENT[..20])).await;
    assert_eq!(fetch(&short).await.unwrap_err().reason(), "Truncated");
}

#[tokio::test]
async fn other_content_than_was_asked_for_is_refused() {
    type Answer = fn() -> Reply;
    let answers: [(Answer, &str); 6] = [
        (|| Reply::new(200, vec![b'x'; CONTENT.len()]), "DigestMismatch"),
        (|| Reply::new(200, CONTENT).endless(), "TooLarge"),
        (|| Reply::new(200, CONTENT).with("content-encoding", "gzip"), "Encoded"),
        (|| Reply::new(404, ""), "NotFound"),
        (|| Reply::new(403, ""), "Unauthorized"),
        (|| Reply::new(451, ""), "RegistryRefused"),
    ];
    for (answer, reason) in answers {
        let fake = Fake::start(move |_: &Request, _| answer()).await;
        assert_eq!(fetch(&fake).await.unwrap_err().reason(), reason);
        assert_eq!(fake.lines().len(), 1);
    }
}

#[tokio::test]
async fn redirects_lead_blobs_to_https_or_this_machine_without_credentials_and_end() {
    let store = Fake::start(|_: &Request, _| Reply::new(200, CONTENT)).await;
    let target = format!("http://{}/blob?signature=x", store.host);
    let fake = Fake::start(move |request: &Request, _| match request.headers.contains_key("authorization") {
        true => Reply::new(307, "").with("location", &target),
        false => Reply::new(401, "").with("www-authenticate", "Basic"),
    })
    .await;
    let credential = crate::Credential::Basic { username: "ada".into(), password: crate::Secret::new("x") };
    let credentials = crate::Credentials::default().with(&fake.host, credential);
    let registry = registry(HttpOptions { credentials, ..options() });
    assert_eq!(registry.blob(&repository(&fake), &blob(CONTENT), 1 << 20).await.unwrap(), CONTENT);
    assert!(!store.requests()[0].headers.contains_key("authorization"));
    assert_eq!(registry.tags(&repository(&fake)).await.unwrap_err().reason(), "ForeignRedirect");

    let plain = Fake::start(|_: &Request, _| Reply::new(302, "").with("location", "http://cdn.example/x")).await;
    assert_eq!(fetch(&plain).await.unwrap_err().reason(), "ForeignRedirect");
    let file = Fake::start(|_: &Request, _| Reply::new(302, "").with("location", "file:///etc/passwd")).await;
    assert_eq!(fetch(&file).await.unwrap_err().reason(), "ForeignRedirect");
    let round = Fake::start(|_: &Request, _| Reply::new(302, "").with("location", "/again")).await;
    assert_eq!(fetch(&round).await.unwrap_err().reason(), "ForeignRedirect");
    assert_eq!(round.lines().len(), 6);
}

#[tokio::test]
async fn a_busy_registry_is_asked_again_and_a_refusing_one_is_not() {
    let fake = Fake::start(|_: &Request, before| match before {
        0 => Reply::new(429, "").with("retry-after", "1"),
        1 => Reply::new(503, ""),
        _ => Reply::new(200, CONTENT),
    })
    .await;
    let began = std::time::Instant::now();
    assert_eq!(fetch(&fake).await.unwrap(), CONTENT);
    assert!(began.elapsed() >= Duration::from_secs(1));
    let down = Fake::start(|_: &Request, _| Reply::new(500, r#"{"errors":[{"code":"X","message":"down"}]}"#)).await;
    let error = fetch(&down).await.unwrap_err();
    assert_eq!((error.reason(), down.lines().len(), error.is_unreachable()), ("RegistryBusy", 5, true));
    assert!(error.to_string().contains("X: down"), "{error}");
    let nobody: Repository = "127.0.0.1:1/a".parse().unwrap();
    let error = registry(options()).tags(&nobody).await.unwrap_err();
    assert_eq!((error.reason(), error.is_unreachable()), ("Unreachable", true));
}

#[tokio::test]
async fn a_manifest_is_bounded_and_has_a_type_and_the_digest_that_was_asked_for() {
    let manifest = async |reply: fn() -> Reply, name: &ManifestRef| {
        let fake = Fake::start(move |_: &Request, _| reply()).await;
        registry(options()).manifest(&repository(&fake), name).await
    };
    let good = manifest(|| Reply::new(200, "{}").with("content-type", "a/b; charset=utf-8"), &tag("v1")).await.unwrap();
    assert_eq!((good.media_type.as_str(), good.digest), ("a/b", Digest::of(b"{}")));
    let endless = manifest(|| Reply::new(200, vec![b' '; 1 << 16]).endless(), &tag("v1")).await.unwrap_err();
    assert_eq!(endless.reason(), "TooLarge");
    let untyped = manifest(|| Reply::new(200, "{}"), &tag("v1")).await.unwrap_err();
    assert_eq!(untyped.reason(), "Incomplete");
    let other = ManifestRef::Digest(Digest::of(b"other"));
    let mismatch = manifest(|| Reply::new(200, "{}").with("content-type", "a/b"), &other).await.unwrap_err();
    assert_eq!(mismatch.reason(), "DigestMismatch");
}

#[tokio::test]
async fn tags_come_in_pages_of_the_registry_itself() {
    let fake = Fake::start(|request: &Request, _| match request.line.contains("last=b") {
        false => Reply::new(200, r#"{"tags":["a","b"]}"#)
            .with("link", "</v2/dbs/postgres/tags/list?n=2&last=b>; rel=\"next\""),
        true => Reply::new(200, r#"{"tags":["c"]}"#),
    })
    .await;
    assert_eq!(registry(options()).tags(&repository(&fake)).await.unwrap(), ["a", "b", "c"]);
    for (link, reason) in [
        ("<https://elsewhere.example/x>; rel=\"next\"", "ForeignRedirect"),
        ("<http://a@b:0/x>; rel=next", "ForeignRedirect"),
        ("nonsense", "Incomplete"),
        ("</v2/dbs/postgres/tags/list?n=1000>; rel=next", "TooLarge"),
    ] {
        let fake = Fake::start(move |_: &Request, _| Reply::new(200, r#"{"tags":["a"]}"#).with("link", link)).await;
        assert_eq!(registry(options()).tags(&repository(&fake)).await.unwrap_err().reason(), reason, "{link}");
    }
    let none = Fake::start(|_: &Request, _| Reply::new(404, "")).await;
    assert!(registry(options()).tags(&repository(&none)).await.unwrap().is_empty());
}

fn index(manifests: Value) -> String {
    json!({ "schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": manifests }).to_string()
}

#[tokio::test]
async fn junk_among_referrers_is_left_out_and_too_many_are_cut() {
    let good = json!(blob(b"signature"));
    let junk = json!([{"x": 1}, 7, {"mediaType": "a", "digest": "sha512:00", "size": 1}, good]);
    let fake = Fake::start(move |_: &Request, _| Reply::new(200, index(junk.clone()))).await;
    let subject = Digest::of(b"subject");
    let found = registry(options()).referrers(&repository(&fake), &subject).await.unwrap();
    assert_eq!(found, [blob(b"signature")]);

    let many: Vec<_> = (0..50).map(|number: u32| blob(&number.to_le_bytes())).collect();
    let next = format!("</v2/dbs/postgres/referrers/{subject}>; rel=\"next\"");
    let fake = Fake::start(move |_: &Request, _| Reply::new(200, index(json!(many))).with("link", &next)).await;
    let found = registry(options()).referrers(&repository(&fake), &subject).await.unwrap();
    assert_eq!((found.len(), fake.lines().len()), (MAX_REFERRERS, 2));

    let fake = Fake::start(|_: &Request, _| Reply::new(200, "<html>")).await;
    let error = registry(options()).referrers(&repository(&fake), &subject).await.unwrap_err();
    assert_eq!(error.reason(), "NotAsExpected");
}

#[tokio::test]
async fn a_registry_without_the_api_lists_referrers_under_a_tag() {
    let kept: Arc<std::sync::Mutex<Option<Vec<u8>>>> = Arc::default();
    let shared = kept.clone();
    let fake = Fake::start(move |request: &Request, _| {
        let mut kept = shared.lock().unwrap();
        match request.line.split_once(" /v2/dbs/postgres/").unwrap() {
            ("PUT", path) if path.starts_with("manifests/sha256-") => {
                *kept = Some(request.body.clone());
                Reply::new(201, "")
            }
            ("PUT", _) => Reply::new(201, ""),
            ("GET", path) if path.starts_with("manifests/sha256-") => match &*kept {
                Some(index) => Reply::new(200, index.clone()).with("content-type", INDEX_MEDIA_TYPE),
                None => Reply::new(404, ""),
            },
            _ => Reply::new(404, ""),
        }
    })
    .await;
    let (registry, repository, subject) = (registry(options()), repository(&fake), blob(b"subject"));
    assert!(registry.referrers(&repository, &subject.digest).await.unwrap().is_empty());
    for number in [1, 2, 2] {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_MEDIA_TYPE, "artifactType": "a/signature",
            "config": blob(b"{}"), "layers": [], "subject": subject, "annotations": {"number": number.to_string()},
        })
        .to_string();
        let name = ManifestRef::Digest(Digest::of(manifest.as_bytes()));
        registry.write_manifest(&repository, &name, MANIFEST_MEDIA_TYPE, manifest.into()).await.unwrap();
    }
    let found = registry.referrers(&repository, &subject.digest).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].artifact_type.as_deref(), Some("a/signature"));
    assert_eq!(found[1].annotations["number"], "2");
}

#[tokio::test]
async fn uploads_go_to_the_registry_itself_and_only_what_is_missing() {
    let fake = Fake::start(|request: &Request, _| match request.line.split(' ').next().unwrap() {
        "HEAD" => Reply::new(404, ""),
        "POST" => Reply::new(202, "").with("location", "/v2/dbs/postgres/blobs/uploads/1?state=x"),
        _ => Reply::new(201, ""),
    })
    .await;
    registry(options()).write_blob(&repository(&fake), &blob(CONTENT), CONTENT.into()).await.unwrap();
    let last = fake.requests().pop().unwrap();
    assert!(last.line.starts_with("PUT /v2/dbs/postgres/blobs/uploads/1?state=x&digest=sha256%3A"), "{}", last.line);
    assert_eq!(last.body, CONTENT);

    let there = Fake::start(|_: &Request, _| Reply::new(200, "")).await;
    registry(options()).write_blob(&repository(&there), &blob(CONTENT), CONTENT.into()).await.unwrap();
    assert_eq!(there.lines().len(), 1);
    let wrong = registry(options()).write_blob(&repository(&there), &blob(b"other"), CONTENT.into()).await;
    assert_eq!(wrong.unwrap_err().reason(), "DigestMismatch");

    let thief = Fake::start(|request: &Request, _| match request.line.starts_with("POST") {
        true => Reply::new(202, "").with("location", "https://elsewhere.example/upload"),
        false => Reply::new(404, ""),
    })
    .await;
    let error = registry(options()).write_blob(&repository(&thief), &blob(CONTENT), CONTENT.into()).await.unwrap_err();
    assert_eq!(error.reason(), "ForeignRedirect");
}

#[tokio::test]
async fn a_mirror_is_asked_under_the_original_name() {
    let fake = Fake::start(|_: &Request, _| Reply::new(200, r#"{"tags":["v1"]}"#)).await;
    let mirrors = vec![("ghcr.io/orkestra".to_owned(), format!("{}/mirror", fake.host))];
    let registry = registry(HttpOptions { mirrors, ..options() });
    let original: Repository = "ghcr.io/orkestra/postgres".parse().unwrap();
    assert_eq!(registry.tags(&original).await.unwrap(), ["v1"]);
    assert_eq!(fake.lines(), ["GET /v2/mirror/postgres/tags/list?n=1000"]);
}

#[tokio::test]
async fn referrers_are_remembered_for_when_the_registry_is_down() {
    let fake = Fake::start(|_: &Request, before| match before {
        0 => Reply::new(200, index(json!([blob(b"signature")]))),
        6 => Reply::new(403, ""),
        _ => Reply::new(500, ""),
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let cached = crate::Cached::new(registry(options()), crate::Cache::open(dir.path()).unwrap());
    let subject = Digest::of(b"subject");
    for _ in 0..2 {
        let found = cached.referrers(&repository(&fake), &subject).await.unwrap();
        assert_eq!(found, [blob(b"signature")]);
    }
    // One that answers is believed, even where it says no.
    let refused = cached.referrers(&repository(&fake), &subject).await.unwrap_err();
    assert_eq!(refused.reason(), "Unauthorized");
}
