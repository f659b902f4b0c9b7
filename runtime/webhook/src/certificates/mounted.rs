//! A mounted directory that something else writes, such as cert-manager's Secret in a volume.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::identity::{Entries, Identity};
use super::terms::names as spelt;
use super::when::{Life, Shown, seconds, system};
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
    authorities: Vec<CertificateDer<'static>>,
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
        let bundle = pem::write_certificates(&authorities);
        Ok(Self { identity, authorities, bundle })
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
    /// A name that it is not for, or a time at which it or its authority is not valid.
    pub fn check(&self, names: &[String], now: SystemTime) -> Result<(), CertificateError> {
        const FROM: Source = Source::Mounted;
        self.identity.named(&spelt(names)?, FROM)?;
        let now = seconds(now)?;
        valid(SERVED.certificate, self.identity.life, now)?;
        self.identity.believed(&self.authorities, now).or_else(|error| {
            for life in self.authorities.iter().filter_map(|authority| Life::read(authority)) {
                valid("ca.crt", life, now)?;
            }
            Err(CertificateError::NotTrusted { error, from: FROM })
        })
    }
}

fn valid(entry: &'static str, life: Life, now: u64) -> Result<(), CertificateError> {
    if life.holds(now) {
        return Ok(());
    }
    Err(CertificateError::NotValidNow {
        entry,
        valid_from: Shown(life.from).to_string(),
        valid_until: Shown(life.until).to_string(),
        now: Shown(now).to_string(),
        from: Source::Mounted,
    })
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};

    use super::super::tests::{NAME, START, believes, kept, names};
    use super::*;

    /// A directory that goes with its test.
    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Self {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let name = format!("orkestra-mounted-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        /// Mounts a version as Kubernetes does: a directory of its own, and a link to it that is swapped in one step.
        fn swap(&self, version: &str, files: &[(&str, &[u8])]) {
            fs::create_dir(self.0.join(version)).unwrap();
            for (name, bytes) in files {
                fs::write(self.0.join(version).join(name), bytes).unwrap();
                if !self.0.join(name).is_symlink() {
                    symlink(Path::new(VERSION).join(name), self.0.join(name)).unwrap();
                }
            }
            symlink(version, self.0.join("..data_tmp")).unwrap();
            fs::rename(self.0.join("..data_tmp"), self.0.join(VERSION)).unwrap();
        }

        fn write(&self, files: &[(&str, &[u8])]) {
            for (name, bytes) in files {
                fs::write(self.0.join(name), bytes).unwrap();
            }
        }

        fn refused(&self) -> &'static str {
            Mounted::read(&self.0).unwrap_err().reason()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const FILES: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

    #[test]
    fn a_swapped_directory_is_read_as_what_it_is_then() {
        let (first, second) = (kept(), kept());
        let (a, b) = (first.data(), second.data());
        let directory = Directory::new();
        directory.swap("..2027_01", &FILES.map(|name| (name, &a[name][..])));
        let mounted = Mounted::read(&directory.0).unwrap();
        assert_eq!(mounted, Mounted::read(&directory.0).unwrap());
        assert_eq!((mounted.bundle(), mounted.expires()), (first.bundle(), first.expires()));
        believes(mounted.bundle(), &mounted.certified().unwrap(), NAME, START).unwrap();

        directory.swap("..2027_02", &FILES.map(|name| (name, &b[name][..])));
        fs::remove_dir_all(directory.0.join("..2027_01")).unwrap();
        let swapped = Mounted::read(&directory.0).unwrap();
        assert_ne!(swapped, mounted);
        assert_eq!(swapped.bundle(), second.bundle());
        // The same again is no change.
        directory.swap("..2027_03", &FILES.map(|name| (name, &b[name][..])));
        assert_eq!(Mounted::read(&directory.0).unwrap(), swapped);
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let (first, second) = (kept(), kept());
        let (a, b) = (first.data(), second.data());
        let directory = Directory::new();
        directory.write(&FILES.map(|name| (name, &a[name][..])));
        Mounted::read(&directory.0).unwrap();
        directory.write(&[("tls.key", &b["tls.key"])]);
        assert_eq!(directory.refused(), "CertificateKeyMismatch");
        directory.write(&[("tls.crt", &b["tls.crt"])]);
        assert_eq!(directory.refused(), "CertificateNotTrusted");
        directory.write(&[("ca.crt", &b["ca.crt"])]);
        assert_eq!(Mounted::read(&directory.0).unwrap().bundle(), second.bundle());
    }

    #[test]
    fn files_that_are_missing_or_not_what_they_should_be_are_refused() {
        let data = kept().data();
        for name in FILES {
            let directory = Directory::new();
            directory.write(&FILES.map(|name| (name, &data[name][..])));
            Mounted::read(&directory.0).unwrap();
            let path = directory.0.join(name);
            fs::remove_file(&path).unwrap();
            assert_eq!(directory.refused(), "CertificateMissing", "{name}");
            fs::create_dir(&path).unwrap();
            assert_eq!(directory.refused(), "CertificateFileUnreadable", "{name}");
            fs::remove_dir(&path).unwrap();
            directory.write(&[(name, b"")]);
            assert_eq!(directory.refused(), "CertificateUnreadable", "{name}");
            // What is around PEM is comment: it counts as size, and only that.
            let padded = |size: usize| [&data[name][..], &vec![b'\n'; size - data[name].len()]].concat();
            directory.write(&[(name, &padded((64 << 10) + 1))]);
            assert_eq!(directory.refused(), "CertificateTooLarge", "{name}");
            directory.write(&[(name, &padded(64 << 10))]);
            Mounted::read(&directory.0).unwrap();
        }
        assert_eq!(Mounted::read(Path::new("/nowhere/at/all")).unwrap_err().reason(), "CertificateMissing");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_a_directory_without_files() {
        let directory = Directory::new();
        symlink("..gone", directory.0.join(VERSION)).unwrap();
        symlink("..data/tls.crt", directory.0.join("tls.crt")).unwrap();
        assert_eq!(directory.refused(), "CertificateMissing");
    }

    #[test]
    fn names_and_time_are_asked_apart_from_reading() {
        let data = kept().data();
        let directory = Directory::new();
        directory.write(&FILES.map(|name| (name, &data[name][..])));
        let mounted = Mounted::read(&directory.0).unwrap();
        let check = |all: &[&str], at: u64| mounted.check(&names(all), system(at)).map_err(|error| error.reason());
        assert_eq!(check(&[NAME], START), Ok(()));
        assert_eq!(check(&[NAME, "other.svc"], START), Err("CertificateNameMismatch"));
        assert_eq!(check(&[NAME], START + 20), Err("CertificateNotValidNow"));
        assert_eq!(check(&[NAME], START - 3601), Err("CertificateNotValidNow"));
        let over = mounted.check(&names(&[NAME]), mounted.expires() + Duration::from_secs(1)).unwrap_err();
        assert!(
            over.to_string().starts_with(
                "the certificate in `tls.crt` is valid from 2027-01-15T07:00:00Z until 2027-01-15T08:00:20Z, and it is \
                 2027-01-15T08:00:21Z; let its issuer write"
            ),
            "{over}"
        );
    }

    fn params(ca: IsCa) -> CertificateParams {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.is_ca = ca;
        params
    }

    fn mounted(chain: &[&Certificate], key: &KeyPair, ca: &Certificate) -> Result<Mounted, &'static str> {
        let directory = Directory::new();
        let chain: String = chain.iter().map(|certificate| certificate.pem()).collect();
        directory.write(&[
            ("tls.crt", chain.as_bytes()),
            ("tls.key", key.serialize_pem().as_bytes()),
            ("ca.crt", ca.pem().as_bytes()),
        ]);
        Mounted::read(&directory.0).map_err(|error| error.reason())
    }

    #[test]
    fn a_certificate_under_an_intermediate_is_taken_with_it_and_refused_without() {
        let ca = || IsCa::Ca(BasicConstraints::Unconstrained);
        let (root_key, middle_key, key) =
            (KeyPair::generate().unwrap(), KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut root_params = params(ca());
        root_params.distinguished_name.push(rcgen::DnType::CommonName, "root");
        let root = root_params.self_signed(&root_key).unwrap();
        let mut middle_params = params(ca());
        middle_params.distinguished_name.push(rcgen::DnType::CommonName, "middle");
        let middle = middle_params.signed_by(&middle_key, &Issuer::from_params(&root_params, &root_key)).unwrap();
        let own = params(IsCa::NoCa).signed_by(&key, &Issuer::from_params(&middle_params, &middle_key)).unwrap();
        let taken = mounted(&[&own, &middle], &key, &root).unwrap();
        believes(taken.bundle(), &taken.certified().unwrap(), NAME, START).unwrap();
        assert_eq!(mounted(&[&own], &key, &root).unwrap_err(), "CertificateNotTrusted");
    }

    #[test]
    fn an_authority_that_is_over_is_found_though_what_is_under_it_is_not() {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = params(IsCa::Ca(BasicConstraints::Unconstrained));
        ca.not_after = system(START + 10).into();
        let own = params(IsCa::NoCa).signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
        let mounted = mounted(&[&own], &key, &ca.self_signed(&ca_key).unwrap()).unwrap();
        mounted.check(&names(&[NAME]), system(START + 10)).unwrap();
        let error = mounted.check(&names(&[NAME]), system(START + 11)).unwrap_err();
        assert_eq!(error.reason(), "CertificateNotValidNow");
        assert!(error.to_string().starts_with("the certificate in `ca.crt` is valid from"), "{error}");
    }

    #[test]
    fn a_certificate_that_is_its_own_authority_is_taken() {
        let key = KeyPair::generate().unwrap();
        let own = params(IsCa::NoCa).self_signed(&key).unwrap();
        let taken = mounted(&[&own], &key, &own).unwrap();
        believes(taken.bundle(), &taken.certified().unwrap(), NAME, START).unwrap();
        // An authority that serves is refused by clients, and so here.
        let authority = params(IsCa::Ca(BasicConstraints::Unconstrained)).self_signed(&key).unwrap();
        assert_eq!(mounted(&[&authority], &key, &authority).unwrap_err(), "CertificateNotTrusted");
    }
}
