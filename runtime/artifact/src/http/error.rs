//! Why a registry did not answer, or not as asked.

use std::fmt;

/// Why a registry did not answer, or not as asked. Tokens and passwords are in none of them.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address would be spoken to without TLS.
    #[error("{host} would be spoken to over plain HTTP: use https, or --plain-http where you trust the network")]
    PlainHttp {
        /// Which.
        host: String,
    },
    /// A place that a registry named is no address.
    #[error("{host} answers with an address that cannot be read: `{}`", .said.escape_debug())]
    BadAddress {
        /// Who said so.
        host: String,
        /// The address.
        said: String,
    },
    /// TLS could not be set up: a CA is no certificate, or the system has none.
    #[error("TLS cannot be set up: {problem}")]
    TlsSetup {
        /// What is wrong.
        problem: String,
    },
    /// No connection, or it broke, as often as it was tried.
    #[error("{what} could not be reached after {tries} tries: {}", Chain(.error))]
    Unreachable {
        /// What was asked for.
        what: String,
        /// How often.
        tries: u32,
        /// The last failure.
        error: reqwest::Error,
    },
    /// The registry's certificate is not one that is trusted, or not its own.
    #[error("{what}: the certificate is refused: {}; --ca-file names an authority to trust", .problem.escape_debug())]
    UntrustedCertificate {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The registry said to come back later, or failed, as often as it was tried.
    #[error("{what}: the registry answers {status} after {tries} tries{said}")]
    Busy {
        /// What was asked for.
        what: String,
        /// The last answer.
        status: u16,
        /// How often.
        tries: u32,
        /// What it says.
        said: Said,
    },
    /// The registry said no.
    #[error("{what}: the registry answers {status}{said}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The answer.
        status: u16,
        /// What it says.
        said: Said,
    },
    /// The registry wants credentials, or others.
    #[error("{what}: {host} refuses ({status}){said}; `ork login {host}` keeps credentials for it")]
    Unauthorized {
        /// What was asked for.
        what: String,
        /// Which registry.
        host: String,
        /// The answer.
        status: u16,
        /// What it says.
        said: Said,
    },
    /// The answer asks for a way to log in that we do not know.
    #[error("{host} asks for a way to log in that is neither Basic nor Bearer: `{}`", .said.escape_debug())]
    UnknownChallenge {
        /// Which registry.
        host: String,
        /// Its header.
        said: String,
    },
    /// Credentials would go to another host.
    #[error("{host} sends for a token to `{}`, which gets no credentials: list that host among the realms if it belongs to the registry", .realm.escape_debug())]
    ForeignRealm {
        /// Which registry.
        host: String,
        /// The host that it names.
        realm: String,
    },
    /// Credentials would go over plain HTTP.
    #[error("{host} sends for a token to `{}`, which is not https", .realm.escape_debug())]
    InsecureRealm {
        /// Which registry.
        host: String,
        /// The address that it names.
        realm: String,
    },
    /// A password or token would go over plain HTTP to another machine.
    #[error("{host} asks for credentials over plain HTTP, and gets none: use https")]
    InsecureCredentials {
        /// Which registry.
        host: String,
    },
    /// What gives tokens answered something else.
    #[error("{host}: the answer of `{}` has no token", .realm.escape_debug())]
    NoToken {
        /// Which registry.
        host: String,
        /// Which realm.
        realm: String,
    },
    /// An answer that sends elsewhere, where nothing may.
    #[error("{what}: the registry sends to `{}`: {problem}", .said.escape_debug())]
    ForeignRedirect {
        /// What was asked for.
        what: String,
        /// The address.
        said: String,
        /// Why it is not followed.
        problem: &'static str,
    },
    /// An answer that is encoded.
    #[error("{what}: the answer has the encoding `{}`, which was not asked for", .said.escape_debug())]
    Encoded {
        /// What was asked for.
        what: String,
        /// The encoding.
        said: String,
    },
    /// An answer lacks what it must have.
    #[error("{what}: the answer lacks {missing}")]
    Incomplete {
        /// What was asked for.
        what: String,
        /// What is missing.
        missing: &'static str,
    },
}

impl HttpError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PlainHttp { .. } => "PlainHttp",
            Self::BadAddress { .. } => "BadAddress",
            Self::TlsSetup { .. } => "TlsSetup",
            Self::Unreachable { .. } => "Unreachable",
            Self::UntrustedCertificate { .. } => "UntrustedCertificate",
            Self::Busy { .. } => "RegistryBusy",
            Self::Refused { .. } => "RegistryRefused",
            Self::Unauthorized { .. } => "Unauthorized",
            Self::UnknownChallenge { .. } => "UnknownChallenge",
            Self::ForeignRealm { .. } => "ForeignRealm",
            Self::InsecureRealm { .. } => "InsecureRealm",
            Self::InsecureCredentials { .. } => "InsecureCredentials",
            Self::NoToken { .. } => "NoToken",
            Self::ForeignRedirect { .. } => "ForeignRedirect",
            Self::Encoded { .. } => "Encoded",
            Self::Incomplete { .. } => "Incomplete",
        }
    }
}

/// What a registry says in its error document, escaped and cut when it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said(pub String);

/// How much of it is shown.
const LONGEST_SAID: usize = 300;

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let cut: String = self.0.chars().take(LONGEST_SAID).collect();
        write!(f, ", saying `{}`", cut.escape_debug())
    }
}

/// An error with all that caused it: the HTTP library says why only in the causes.
struct Chain<'a>(&'a reqwest::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error: Option<&dyn std::error::Error> = Some(self.0);
        let mut separator = "";
        while let Some(cause) = error {
            write!(f, "{separator}{}", cause.to_string().escape_debug())?;
            (separator, error) = (": ", cause.source());
        }
        Ok(())
    }
}
