//! Why there is no certificate.

use std::fmt;
use std::path::PathBuf;

/// Where entries were read: it decides how to mend them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The Secret that the runtime keeps for itself.
    Secret,
    /// A mounted directory that something else writes.
    Mounted,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "delete the Secret, and new certificates are made",
            Self::Mounted => {
                "let its issuer write `tls.crt`, `tls.key` and `ca.crt` again (cert-manager: `cmctl renew`, with an issuer \
                 of kind CA or SelfSigned)"
            }
        })
    }
}

/// Why certificates could not be made, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A certificate for nobody.
    #[error(
        "no names for a certificate; expected the DNS names or IP addresses by which the API server calls the webhook, such as `orkestra.orkestra-system.svc`"
    )]
    NoName,
    /// More names than anybody has.
    #[error("{found} names for a certificate; expected at most {most}")]
    TooManyNames {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A name that no certificate can be for.
    #[error(
        "`{name}` is neither a DNS name nor an IP address; expected one such as `orkestra.orkestra-system.svc`, without scheme, port and closing dot"
    )]
    NotAName {
        /// Its first 253 characters.
        name: String,
    },
    /// Times that do not go together.
    #[error("the terms of certificates cannot be kept: {0}")]
    Terms(&'static str),
    /// A clock that is out of all calendars.
    #[error("the clock is before 1970 or after 9892; set it")]
    Clock,
    /// The library that makes keys and certificates failed.
    #[error("a key or certificate cannot be made: {0}")]
    NotMade(#[from] rcgen::Error),
    /// More entries than there is a use for.
    #[error("{found} entries; expected at most {most}; {from}")]
    TooManyEntries {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
        /// Where.
        from: Source,
    },
    /// An entry that is too large to be what it should be.
    #[error("`{entry}` has more than {most} bytes; expected one PEM file; {from}")]
    TooLarge {
        /// Its name.
        entry: String,
        /// How many bytes there may be.
        most: usize,
        /// Where.
        from: Source,
    },
    /// An entry is not there.
    #[error("`{entry}` is missing; {from}")]
    Missing {
        /// Its name.
        entry: &'static str,
        /// Where.
        from: Source,
    },
    /// An entry is not what it should be.
    #[error("`{entry}`: {found}; expected {expected}; {from}")]
    NotReadable {
        /// Its name.
        entry: &'static str,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
        /// Where.
        from: Source,
    },
    /// A key does not belong to its certificate.
    #[error("`{key}` is not the key of the certificate in `{certificate}`: {error}; {from}")]
    WrongKey {
        /// The name of the key's entry.
        key: &'static str,
        /// The name of the certificate's entry.
        certificate: &'static str,
        /// What the TLS library says.
        error: rustls::Error,
        /// Where.
        from: Source,
    },
    /// A client that trusts the bundle would not believe the certificate.
    #[error("the certificate in `tls.crt` is not trusted by who trusts `ca.crt`: {error}; {from}")]
    NotTrusted {
        /// What the TLS library says.
        error: rustls::Error,
        /// Where.
        from: Source,
    },
    /// The certificate is for others.
    #[error(
        "the certificate in `tls.crt` is not for `{name}`; expected it among its alternative names, because the API server calls the webhook by it; {from}"
    )]
    WrongName {
        /// The name that is missing.
        name: String,
        /// Where.
        from: Source,
    },
    /// The certificate is not valid at this time.
    #[error("the certificate in `{entry}` is valid from {valid_from} until {valid_until}, and it is {now}; {from}")]
    NotValidNow {
        /// The name of its entry.
        entry: &'static str,
        /// When it begins, as RFC 3339 has it.
        valid_from: String,
        /// When it ends.
        valid_until: String,
        /// What the clock says.
        now: String,
        /// Where.
        from: Source,
    },
    /// A file of a mounted directory cannot be read.
    #[error("cannot read {}: {error}; {}", .path.display(), Source::Mounted)]
    File {
        /// Which one.
        path: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// A directory that is changed each time it is looked at.
    #[error("{} was changed three times while it was read; expected it to change once in a while; {}", .path.display(), Source::Mounted)]
    Restless {
        /// Which one.
        path: PathBuf,
    },
    /// The TLS library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl CertificateError {
    /// One word for condition, event and log.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoName => "NoCertificateName",
            Self::TooManyNames { .. } => "TooManyCertificateNames",
            Self::NotAName { .. } => "InvalidCertificateName",
            Self::Terms(_) => "InvalidCertificateTerms",
            Self::Clock => "InvalidClock",
            Self::NotMade(_) => "CertificateNotMade",
            Self::TooManyEntries { .. } => "TooManyCertificateEntries",
            Self::TooLarge { .. } => "CertificateTooLarge",
            Self::Missing { .. } => "CertificateMissing",
            Self::NotReadable { .. } => "CertificateUnreadable",
            Self::WrongKey { .. } => "CertificateKeyMismatch",
            Self::NotTrusted { .. } => "CertificateNotTrusted",
            Self::WrongName { .. } => "CertificateNameMismatch",
            Self::NotValidNow { .. } => "CertificateNotValidNow",
            Self::File { .. } => "CertificateFileUnreadable",
            Self::Restless { .. } => "CertificateFilesRestless",
            Self::Tls(_) => "TlsUnusable",
        }
    }
}
