//! Every way in which a key or a signature can be refused, told apart by type.

use crate::{Digest, Error, Repository};

/// Why a key is not read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// More bytes than any key has.
    #[error("the key is larger than {limit} bytes")]
    KeyTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// No PEM block of the expected sort.
    #[error("no key: expected a PEM block `{expected}` and nothing else")]
    NotAKey {
        /// The label between the dashes.
        expected: &'static str,
    },
    /// A key of another algorithm or curve.
    #[error("the key is not for ECDSA on the curve P-256, the kind that `ork` and `cosign generate-key-pair` make")]
    UnsupportedKey,
    /// The block is there, but not what belongs into it.
    #[error("the key is damaged: {problem}")]
    MalformedKey {
        /// What is wrong.
        problem: &'static str,
    },
    /// The file asks for more work than any tool that writes such files, or for less.
    #[error("the key file asks for scrypt with N={n}, r={r}, p={p}; expected N=32768, 65536 or 131072, r=8, p=1")]
    UnboundedKdf {
        /// Cost.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelism.
        p: u64,
    },
    /// The password does not open the file, or somebody changed the file.
    #[error("the password does not open the key")]
    WrongPassword,
    /// The system gave no random bytes, or the library no key.
    #[error("no key could be made: the system gave no random bytes")]
    NoRandom,
}

impl KeyError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::KeyTooLarge { .. } => "KeyTooLarge",
            Self::NotAKey { .. } => "NotAKey",
            Self::UnsupportedKey => "UnsupportedKey",
            Self::MalformedKey { .. } => "MalformedKey",
            Self::UnboundedKdf { .. } => "UnboundedKdf",
            Self::WrongPassword => "WrongPassword",
            Self::NoRandom => "NoRandom",
        }
    }
}

/// Why one candidate does not count. Others may.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Manifest or bundle are not to be had, too large, or not what their digest says.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] Error),
    /// Not the form of a signature.
    #[error("it is malformed: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A well-formed attestation that is no signature, or in a form that is not verified.
    #[error("it is no signature of this kind: {problem}")]
    Unsupported {
        /// What it is.
        problem: &'static str,
    },
    /// It rests on a certificate.
    #[error(
        "keyless signatures are not verified: no Fulcio certificate authority and no transparency log is configured; give a key"
    )]
    Keyless,
    /// No trusted key made it.
    #[error("no trusted key made it")]
    UntrustedSigner,
    /// A trusted key made it, for something else.
    #[error("a trusted key made it, but for another artifact")]
    WrongSubject,
    /// It says no time where the policy limits the age.
    #[error("it does not say when it was made, but the policy limits its age; sign again with a time")]
    NoSigningTime,
    /// Older than the policy allows, or from the future.
    #[error("it was made at {signed_at} (seconds since 1970), which is too old or in the future")]
    OutOfDate {
        /// Seconds since 1970.
        signed_at: u64,
    },
}

impl Rejection {
    /// The word for this in logs and lists.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "UnreadableSignature",
            Self::Malformed { .. } => "MalformedSignature",
            Self::Unsupported { .. } => "UnsupportedSignature",
            Self::Keyless => "KeylessSignature",
            Self::UntrustedSigner => "UntrustedSigner",
            Self::WrongSubject => "WrongSubject",
            Self::NoSigningTime => "NoSigningTime",
            Self::OutOfDate { .. } => "SignatureOutOfDate",
        }
    }
}

/// A candidate that was looked at in vain.
#[derive(Debug, thiserror::Error)]
#[error("{manifest}: {why}")]
pub struct Rejected {
    /// Its manifest.
    pub manifest: Digest,
    /// Why.
    #[source]
    pub why: Rejection,
}

/// Why an artifact does not fulfil a policy, or could not be signed.
///
/// Where there are several candidates, the variant is that of the one that came furthest, and `rejected` has them all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// No signature at all.
    #[error("{repository}@{subject} has no signature; sign it with `ork sign`, or ask its author to")]
    Unsigned {
        /// Where it was looked for.
        repository: Repository,
        /// The artifact.
        subject: Digest,
    },
    /// Signatures, but none by a trusted key.
    #[error("{repository}@{subject} is not signed by a trusted key{}", listed(.rejected))]
    UntrustedSigner {
        /// Where.
        repository: Repository,
        /// The artifact.
        subject: Digest,
        /// All candidates.
        rejected: Vec<Rejected>,
    },
    /// A trusted key's signature of another artifact was put beside this one.
    #[error("{repository}@{subject} carries a signature that a trusted key made for another artifact{}", listed(.rejected))]
    WrongSubject {
        /// Where.
        repository: Repository,
        /// The artifact.
        subject: Digest,
        /// All candidates.
        rejected: Vec<Rejected>,
    },
    /// A trusted key's signature of this artifact, too old, from the future or without a time.
    #[error("the signature of {repository}@{subject} is not of the age that the policy asks for{}", listed(.rejected))]
    SignatureOutOfDate {
        /// Where.
        repository: Repository,
        /// The artifact.
        subject: Digest,
        /// All candidates.
        rejected: Vec<Rejected>,
    },
    /// Only keyless signatures.
    #[error(
        "{repository}@{subject} has keyless signatures only, and those are not verified: no Fulcio certificate authority and no \
         transparency log is configured; give a key{}", listed(.rejected)
    )]
    KeylessSignature {
        /// Where.
        repository: Repository,
        /// The artifact.
        subject: Digest,
        /// All candidates.
        rejected: Vec<Rejected>,
    },
    /// Candidates, but none that is a signature.
    #[error("{repository}@{subject} has nothing that reads as a signature{}", listed(.rejected))]
    MalformedSignature {
        /// Where.
        repository: Repository,
        /// The artifact.
        subject: Digest,
        /// All candidates.
        rejected: Vec<Rejected>,
    },
    /// So many referrers that a good signature may not have been looked at.
    #[error(
        "{repository}@{subject} has {limit} referrers or more, and no good signature is among the first {limit}; remove the others \
         from the registry{}", listed(.rejected)
    )]
    TooManyCandidates {
        /// Where.
        repository: Repository,
        /// The artifact.
        subject: Digest,
        /// How many are looked at.
        limit: usize,
        /// Those of them that were signatures by name.
        rejected: Vec<Rejected>,
    },
    /// Good signatures, but by fewer keys than the policy asks for.
    #[error("{repository}@{subject} is signed by {found} of the {expected} different keys that are asked for{}", listed(.rejected))]
    QuorumNotReached {
        /// Where.
        repository: Repository,
        /// The artifact.
        subject: Digest,
        /// Different trusted keys with a good signature.
        found: usize,
        /// How many the policy wants.
        expected: usize,
        /// All candidates that did not count.
        rejected: Vec<Rejected>,
    },
    /// A policy that nothing can fulfil.
    #[error("the policy asks for {quorum} different keys and lists {keys}; list more keys or lower the quorum")]
    ImpossibleQuorum {
        /// Asked for.
        quorum: usize,
        /// Different keys that are listed.
        keys: usize,
    },
    /// The key made no signature.
    #[error("no signature could be made: the system gave no random bytes")]
    NotSigned,
    /// Not written, because nobody would read it.
    #[error("the signature would be larger than {limit} bytes: sign with fewer or shorter annotations")]
    SignatureTooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The registry could not be asked or written to.
    #[error(transparent)]
    Registry(#[from] Error),
}

impl SignatureError {
    /// The word for this in conditions, Events, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unsigned { .. } => "Unsigned",
            Self::UntrustedSigner { .. } => "UntrustedSigner",
            Self::WrongSubject { .. } => "WrongSubject",
            Self::SignatureOutOfDate { .. } => "SignatureOutOfDate",
            Self::KeylessSignature { .. } => "KeylessSignature",
            Self::MalformedSignature { .. } => "MalformedSignature",
            Self::TooManyCandidates { .. } => "TooManyCandidates",
            Self::QuorumNotReached { .. } => "QuorumNotReached",
            Self::ImpossibleQuorum { .. } => "ImpossibleQuorum",
            Self::NotSigned => "NotSigned",
            Self::SignatureTooLarge { .. } => "SignatureTooLarge",
            Self::Registry(error) => error.reason(),
        }
    }
}

/// The first candidates with their reasons: a registry can add any number of them, and a message is for reading.
fn listed(rejected: &[Rejected]) -> String {
    const SHOWN: usize = 4;
    let mut text = String::new();
    for one in rejected.iter().take(SHOWN) {
        text.push_str(if text.is_empty() { " (" } else { "; " });
        text.push_str(&one.to_string());
    }
    if rejected.len() > SHOWN {
        text.push_str(&format!("; and {} more", rejected.len() - SHOWN));
    }
    if !text.is_empty() {
        text.push(')');
    }
    text
}
