//! What parent and child say to each other: fields, each with its length before it.

use std::collections::BTreeSet;

use bytes::Bytes;
use orkestra_artifact::config::MAX_CONFIG;
use orkestra_artifact::{Config, Contents, Role};

/// How much of rendered problems is kept, in bytes.
const MAX_TEXT: usize = 16 << 10;
/// A component, a config, and what surrounds them.
pub(super) const MAX_REPLY: u64 = orkestra_component::MAX_COMPONENT as u64 + MAX_CONFIG + (64 << 10);

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Built(Box<Built>),
    /// The files are no pattern. The text is the problems, rendered: foreign text.
    Problems {
        errors: usize,
        text: String,
    },
    /// Why there is no component: foreign text.
    Failed(String),
}

/// What the files give here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Built {
    pub(super) component: Vec<u8>,
    /// What this `ork` says of it. Tests and layers are left out.
    pub(super) config: Config,
    /// What the component says that came with the files, or why it is none.
    pub(super) theirs: Result<Theirs, String>,
}

/// What a declarative component says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Theirs {
    pub(super) engine: String,
    pub(super) exports: BTreeSet<String>,
}

const BUILT: u8 = b'b';
const PROBLEMS: u8 = b'p';
const FAILED: u8 = b'f';
const DECLARATIVE: u8 = b'd';
const OTHER: u8 = b'o';

/// The files and the component, each after the place of its role. Hooks are nobody's to compile.
pub(super) fn request(contents: &Contents) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, role) in (0..).zip(Role::ALL) {
        if let Some(content) = contents.get(&role).filter(|_| role != Role::Hooks) {
            bytes.push(index);
            put(&mut bytes, content);
        }
    }
    bytes
}

/// None if these are not the bytes of a request.
pub(super) fn contents(mut bytes: &[u8]) -> Option<Contents> {
    let mut contents = Contents::new();
    while let Some((index, rest)) = bytes.split_first() {
        let role = *Role::ALL.get(usize::from(*index))?;
        let (content, rest) = take(rest)?;
        contents.insert(role, Bytes::copy_from_slice(content));
        bytes = rest;
    }
    Some(contents)
}

impl Reply {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Built(built) => {
                let config = match built.config.write() {
                    Ok(config) => config,
                    Err(error) => return Self::Failed(error.to_string()).to_bytes(),
                };
                bytes.push(BUILT);
                put(&mut bytes, &built.component);
                put(&mut bytes, &config);
                match &built.theirs {
                    Ok(theirs) => {
                        bytes.push(DECLARATIVE);
                        put(&mut bytes, theirs.engine.as_bytes());
                        theirs.exports.iter().for_each(|export| put(&mut bytes, export.as_bytes()));
                    }
                    Err(why) => {
                        bytes.push(OTHER);
                        put(&mut bytes, bounded(why).as_bytes());
                    }
                }
            }
            Self::Problems { errors, text } => {
                bytes.push(PROBLEMS);
                put(&mut bytes, errors.to_string().as_bytes());
                put(&mut bytes, bounded(text).as_bytes());
            }
            Self::Failed(why) => {
                bytes.push(FAILED);
                put(&mut bytes, bounded(why).as_bytes());
            }
        }
        bytes
    }

    /// None if these are not the bytes of a reply.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (outcome, rest) = bytes.split_first()?;
        let (first, rest) = take(rest)?;
        match *outcome {
            BUILT => {
                let (config, rest) = take(rest)?;
                let (kind, rest) = rest.split_first()?;
                let theirs = theirs(*kind, rest)?;
                let config = Config::read(config).ok()?;
                Some(Self::Built(Box::new(Built { component: first.to_vec(), config, theirs })))
            }
            PROBLEMS => {
                let (text, rest) = take(rest)?;
                let errors = text_of(first)?.parse().ok()?;
                rest.is_empty().then(|| text_of(text).map(|text| Self::Problems { errors, text }))?
            }
            FAILED => rest.is_empty().then(|| text_of(first).map(Self::Failed))?,
            _ => None,
        }
    }
}

fn theirs(kind: u8, rest: &[u8]) -> Option<Result<Theirs, String>> {
    let (first, mut rest) = take(rest)?;
    match kind {
        DECLARATIVE => {
            let mut exports = BTreeSet::new();
            while !rest.is_empty() {
                let (export, next) = take(rest)?;
                exports.insert(text_of(export)?);
                rest = next;
            }
            Some(Ok(Theirs { engine: text_of(first)?, exports }))
        }
        OTHER => rest.is_empty().then(|| text_of(first).map(Err))?,
        _ => None,
    }
}

fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend((field.len() as u64).to_le_bytes());
    bytes.extend(field);
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// Text of at most [`MAX_TEXT`] bytes, whoever the child has become.
fn text_of(bytes: &[u8]) -> Option<String> {
    (bytes.len() <= MAX_TEXT + 16).then(|| String::from_utf8(bytes.to_vec()).ok())?
}

/// The beginning of a text, by whole lines where it has some.
fn bounded(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MAX_TEXT);
    let end = text[..end].rfind('\n').map_or(end, |line| line + 1);
    format!("{}…\n", &text[..end])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back_without_hooks() {
        let files = |roles: &[Role]| -> Contents {
            roles.iter().map(|role| (*role, Bytes::from(format!("the {role}")))).collect()
        };
        let sent = request(&files(&Role::ALL));
        assert_eq!(contents(&sent).unwrap(), files(&Role::ALL[..7]));
        assert_eq!(contents(b""), Some(Contents::new()));
        for bad in [&sent[..sent.len() - 1], b"\x09", b"\0\xff\xff\xff\xff\xff\xff\xff\xffabc"] {
            assert_eq!(contents(bad), None);
        }
    }

    #[test]
    fn replies_come_back_and_texts_are_cut() {
        let long = "a line of it\n".repeat(10_000);
        for (text, expected) in [("why", "why"), (long.as_str(), "a line of it\n")] {
            let reply = Reply::Problems { errors: 3, text: text.to_owned() };
            let Some(Reply::Problems { errors: 3, text: found }) = Reply::from_bytes(&reply.to_bytes()) else {
                unreachable!("{text}")
            };
            assert!(found.starts_with(expected) && found.len() <= MAX_TEXT + 16, "{}", found.len());
        }
        let failed = Reply::Failed("why".to_owned());
        assert_eq!(Reply::from_bytes(&failed.to_bytes()), Some(failed));
    }

    #[test]
    fn other_bytes_are_no_reply() {
        let mut endless = vec![FAILED];
        put(&mut endless, &vec![b'x'; MAX_TEXT + 17]);
        for bytes in [&b""[..], b"x", b"f\x01", b"b\0\0\0\0\0\0\0\0", b"p\0\0\0\0\0\0\0\0", &endless] {
            assert_eq!(Reply::from_bytes(bytes), None, "{bytes:.20?}");
        }
    }
}
