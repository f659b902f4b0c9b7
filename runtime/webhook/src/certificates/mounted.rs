//! A mounted directory that something else writes, such as cert-manager's Secret in a volume.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::sign::CertifiedKey;

use super::identity::{Entries, Identity};
use super::terms::names as spelt;
use super::when::{Shown, seconds, system};
use super::{CertificateError, Source, pem};

const SERVED: Entries = Entries { certificate: "tls.crt", key: "tls.key", from: Source::Mounted };

/// The link that Kubernetes swaps when a volume's Secret changes: all files of a version lie behind it, and the names one
/// sees are links through it.
/// <https://kubernetes.io/docs/concepts/configuration/secret/#mounted-secrets-are-updated-automatically>
const VERSION: &str = "..data";

/// How often a version is read that vanishes meanwhile.
const TRIES: usize = 3;

/// What is in a mounted directory. Two of them are equal when nothing changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Mounted {
    identity: Identity,
    bundle: String,
}

impl Mounted {
    /// Reads `tls.crt` (the certificate, then those that lead to its authority), `tls.key` and `ca.crt`, all of one
    /// version. Blocks its thread for three small files.
    ///
    /// # Errors
    ///
    /// A file that is missing, larger than 64 KiB or not what it should be, a key of another certificate, or a certificate
    /// that who trusts `ca.crt` would not believe. Names and time are asked by [`Mounted::check`].
    pub fn read(directory: &Path) -> Result<Self, CertificateError> {
        for _ in 0..TRIES {
            let version = version(directory)?;
            let read = Self::read_version(version.as_deref().unwrap_or(directory));
            // Behind a swapped link, files are missing or of the version before: only what was current all the time counts.
            if self::version(directory)? == version {
                return read;
            }
        }
        Err(CertificateError::Restless { path: directory.to_owned() })
    }

    fn read_version(directory: &Path) -> Result<Self, CertificateError> {
        const FROM: Source = Source::Mounted;
        let chain = pem::certificates("tls.crt", &file(directory, "tls.crt")?, FROM)?;
        let key = pem::key("tls.key", &file(directory, "tls.key")?, FROM)?;
        let authorities = pem::certificates("ca.crt", &file(directory, "ca.crt")?, FROM)?;
        let identity = Identity::new(chain, key, SERVED)?;
        identity.trusted(&authorities, FROM)?;
        Ok(Self { identity, bundle: pem::write_certificates(&authorities) })
    }

    /// PEM of the authorities in `ca.crt`: for `caBundle`.
    pub fn bundle(&self) -> &str {
        &self.bundle
    }

    /// What is served, for [`super::Serving::put`].
    ///
    /// # Errors
    ///
    /// None that was not found when it was read.
    pub fn certified(&self) -> Result<CertifiedKey, CertificateError> {
        self.identity.certified(SERVED)
    }

    /// When the certificate ends.
    pub fn expires(&self) -> SystemTime {
        system(self.identity.life.until)
    }

    /// Whether clients believe it at this time and by all of these names.
    ///
    /// # Errors
    ///
    /// A name that it is not for, or a time at which it is not valid.
    pub fn check(&self, names: &[String], now: SystemTime) -> Result<(), CertificateError> {
        self.identity.named(&spelt(names)?, Source::Mounted)?;
        self.identity.valid(seconds(now)?, SERVED)
    }
}

/// Which version is current; none where there are no versions, but plain files.
fn version(directory: &Path) -> Result<Option<PathBuf>, CertificateError> {
    let link = directory.join(VERSION);
    match fs::canonicalize(&link) {
        Ok(version) => Ok(Some(version)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CertificateError::File { path: link, error }),
    }
}

/// Reads one byte more than an entry may have, at most: [`pem`] refuses it by that.
fn file(directory: &Path, entry: &'static str) -> Result<Vec<u8>, CertificateError> {
    let path = directory.join(entry);
    let read = || {
        let mut bytes = Vec::new();
        // A pipe would block for ever.
        if !fs::metadata(&path)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        File::open(&path)?.take(pem::ENTRY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CertificateError::Missing { entry, from: Source::Mounted },
        _ => CertificateError::File { path: path.clone(), error },
    })
}

/// Without the key.
impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted").field("until", &Shown(self.identity.life.until).to_string()).finish_non_exhaustive()
    }
}
