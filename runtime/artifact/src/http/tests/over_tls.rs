//! TLS, with an authority of one's own.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::*;

/// A server's configuration, and its certificate as PEM.
fn tls(name: &str) -> (ServerConfig, Vec<u8>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (config, cert.pem().into_bytes())
}

fn trusting(ca_pems: Vec<Vec<u8>>) -> HttpOptions {
    HttpOptions { plain_http: PlainHttp::Nowhere, ca_pems, ..options() }
}

#[tokio::test]
async fn a_registry_is_trusted_by_its_authority_and_name() {
    for (name, trusts, reached) in [("127.0.0.1", true, true), ("127.0.0.1", false, false), ("r.example", true, false)]
    {
        let (config, pem) = tls(name);
        let fake = Fake::start_tls(config, |_: &Request, _| Reply::new(200, r#"{"tags":["v1"]}"#)).await;
        let pems = if trusts { vec![pem] } else { Vec::new() };
        let listed = registry(trusting(pems)).tags(&repository(&fake)).await.map_err(|error| error.reason());
        let expected = if reached { Ok(vec!["v1".to_owned()]) } else { Err("UntrustedCertificate") };
        assert_eq!(listed, expected, "{name}");
    }
}

#[tokio::test]
async fn a_registry_without_tls_is_not_spoken_to_where_tls_is_wanted() {
    let fake = Fake::start(|_: &Request, _| Reply::new(200, r#"{"tags":["v1"]}"#)).await;
    let error = registry(trusting(Vec::new())).tags(&repository(&fake)).await.unwrap_err();
    assert_eq!(error.reason(), "Unreachable");
}

#[test]
fn what_is_no_certificate_is_told() {
    for pem in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = HttpRegistry::new(trusting(vec![pem.to_vec()])).unwrap_err();
        assert_eq!(error.reason(), "TlsSetup");
    }
}
