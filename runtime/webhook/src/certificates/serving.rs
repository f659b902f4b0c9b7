//! What is served at this moment.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use super::CertificateError;

/// Serves whatever was put in last. Connections that are open keep what they began with.
#[derive(Default)]
pub struct Serving {
    current: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Serving {
    /// Serves this from now on.
    pub fn put(&self, certified: CertifiedKey) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(certified));
    }

    /// Whether there is something to serve. Until then, handshakes fail.
    pub fn is_serving(&self) -> bool {
        self.current().is_some()
    }

    /// The settings of a server that serves it: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no client certificates.
    ///
    /// # Errors
    ///
    /// The TLS library refuses its own settings.
    pub fn server_config(self: Arc<Self>) -> Result<ServerConfig, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12])?;
        let mut config = config.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Serving {
    /// The same for every name: an API server that calls an IP address names none.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}

/// Without the key.
impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("is_serving", &self.is_serving()).finish()
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::time_provider::TimeProvider;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    use super::super::tests::{NAME, START, kept};
    use super::*;

    /// A clock that stands still.
    #[derive(Debug)]
    struct Still;

    impl TimeProvider for Still {
        fn current_time(&self) -> Option<UnixTime> {
            Some(super::super::when::unix(START))
        }
    }

    fn client(bundle: &str) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            roots.add(authority.unwrap()).unwrap();
        }
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(Still));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        ClientConnection::new(Arc::new(config), ServerName::try_from(NAME).unwrap()).unwrap()
    }

    /// Carries what both have to say to and fro, until they have no more.
    fn carry(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), rustls::Error> {
        while client.wants_write() || server.wants_write() {
            let mut bytes = Vec::new();
            client.write_tls(&mut bytes).unwrap();
            server.read_tls(&mut &bytes[..]).unwrap();
            server.process_new_packets()?;
            bytes.clear();
            server.write_tls(&mut bytes).unwrap();
            client.read_tls(&mut &bytes[..]).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn a_swapped_certificate_is_for_new_connections_and_open_ones_go_on() {
        use std::io::{Read as _, Write as _};

        let (first, second) = (kept(), kept());
        let serving = Arc::new(Serving::default());
        let config = Arc::new(serving.clone().server_config().unwrap());
        let connect = |bundle: &str| {
            let (mut client, mut server) = (client(bundle), ServerConnection::new(config.clone()).unwrap());
            carry(&mut client, &mut server).map(|()| (client, server))
        };
        assert!(!serving.is_serving());
        connect(first.bundle()).unwrap_err();
        serving.put(first.certified().unwrap());
        assert!(serving.is_serving());
        let (mut client, mut server) = connect(first.bundle()).unwrap();
        assert_eq!(server.alpn_protocol(), Some(&b"h2"[..]));
        connect(second.bundle()).unwrap_err();

        serving.put(second.certified().unwrap());
        connect(second.bundle()).unwrap();
        connect(first.bundle()).unwrap_err();
        client.writer().write_all(b"still here").unwrap();
        carry(&mut client, &mut server).unwrap();
        let mut heard = [0; 10];
        server.reader().read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"still here");
    }
}
