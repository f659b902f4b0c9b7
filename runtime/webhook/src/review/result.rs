//! One result of a guest, checked and put together with what the host keeps of the object.

use super::Shown;
use super::names::{self, MAX_ANNOTATIONS};
use super::read::{Object, Span};
use super::scan::{Problem, Scan};
use crate::routes::Refused;

/// Where the parts of a result are.
#[derive(Default)]
struct Parts {
    /// What is between the braces of the root.
    inner: Span,
    /// The member `metadata` in it, key and value.
    metadata: Span,
    /// The values of `metadata.labels` and `metadata.annotations`.
    labels: Option<Span>,
    annotations: Option<Span>,
}

/// Writes the converted object: kind and metadata of `object`, whose text is in `review`, with labels, annotations and all
/// else from `result`.
///
/// # Errors
///
/// What is wrong with `result`.
pub(crate) fn assemble(
    review: &[u8],
    object: &Object,
    desired: &str,
    result: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let parts = parts(result)?;
    for text in ["{\"apiVersion\":\"", desired, "\",\"kind\":\""] {
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(object.kind.of(review));
    out.extend_from_slice(b"\",\"metadata\":{");
    let mut members = Members { out, first: true };
    members.without(review, object.metadata, &object.cut);
    for (name, value) in [("\"labels\":", parts.labels), ("\"annotations\":", parts.annotations)] {
        if let Some(value) = value {
            members.add(name.as_bytes());
            members.out.extend_from_slice(value.of(result));
        }
    }
    out.push(b'}');
    Members { out, first: false }.without(result, parts.inner, &[parts.metadata]);
    out.push(b'}');
    Ok(())
}

/// Members of an object that are written one after another.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Members<'_> {
    fn add(&mut self, members: &[u8]) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(members);
    }

    /// Adds the members of `inner`, what is between an object's braces, without those at `cut`, which are in order.
    fn without(&mut self, bytes: &[u8], inner: Span, cut: &[Span]) {
        let mut start = inner.range().start;
        let cuts = cut.iter().filter(|cut| cut.length() > 0).map(|cut| cut.range());
        for cut in cuts.chain(std::iter::once(inner.range().end..inner.range().end)) {
            // A run of members begins and ends with members, or with the commas and the whitespace between them.
            let run = bytes.get(start..cut.start).unwrap_or_default();
            let blank = |byte: &u8| matches!(byte, b',' | b' ' | b'\n' | b'\r' | b'\t');
            if let (Some(from), Some(to)) = (run.iter().position(|b| !blank(b)), run.iter().rposition(|b| !blank(b))) {
                self.add(&run[from..=to]);
            }
            start = cut.end;
        }
    }
}

/// Reads a result by the rules for it.
fn parts(result: &[u8]) -> Result<Parts, Refused> {
    let mut scan = Scan::strict(result)?;
    let _ = scan.peek()?;
    let start = scan.position() + 1;
    let mut parts = Parts::default();
    scan.object(|scan, key| match &*key.decoded() {
        "metadata" => {
            match scan.peek()? {
                b'n' => {
                    scan.value()?;
                }
                _ => metadata(scan, &mut parts)?,
            }
            parts.metadata = (key.at - 1..scan.position()).into();
            Ok(())
        }
        found @ ("apiVersion" | "kind") => Err(foreign(found)),
        _ => Ok(scan.value().map(drop)?),
    })?;
    parts.inner = (start..scan.position() - 1).into();
    scan.end()?;
    Ok(parts)
}

fn metadata(scan: &mut Scan<'_>, parts: &mut Parts) -> Result<(), Refused> {
    scan.object(|scan, key| {
        let key = key.decoded();
        let slot = match &*key {
            "labels" => &mut parts.labels,
            "annotations" => &mut parts.annotations,
            other => return Err(foreign(&format!("metadata.{}", Shown(other)))),
        };
        if scan.peek()? == b'n' {
            return Ok(scan.value().map(drop)?);
        }
        let start = scan.position();
        match &*key {
            "labels" => labels(scan)?,
            _ => annotations(scan)?,
        }
        *slot = Some((start..scan.position()).into());
        Ok(())
    })
}

fn labels(scan: &mut Scan<'_>) -> Result<(), Refused> {
    scan.object(|scan, key| {
        let (key, value) = (key.decoded(), scan.string()?.decoded());
        names::label_key(&key)
            .map_err(|rule| bad_label(format!("the label {:?} has no valid key: {rule}", Shorter(&key))))?;
        names::label_value(&value).map_err(|rule| {
            bad_label(format!("the label {key:?} has the value {:?}, which is none: {rule}", Shorter(&value)))
        })
    })
}

fn annotations(scan: &mut Scan<'_>) -> Result<(), Refused> {
    let mut total = 0;
    scan.object(|scan, key| {
        let (key, value) = (key.decoded(), scan.string()?.decoded());
        total += key.len() + value.len();
        names::annotation_key(&key).map_err(|rule| Refused {
            reason: "InvalidAnnotation",
            message: format!(
                "the annotation {:?} has no valid key: {rule}; change the rule that writes it",
                Shorter(&key)
            ),
        })
    })?;
    match total <= MAX_ANNOTATIONS {
        true => Ok(()),
        false => Err(Refused {
            reason: "PreservedTooLarge",
            message: format!(
                "with what the version cannot hold, its annotations have {total} bytes, and Kubernetes takes {MAX_ANNOTATIONS}; make the object's annotations or those fields smaller, or let the pattern declare the loss with `lossy`"
            ),
        }),
    }
}

fn bad_label(what: String) -> Refused {
    Refused { reason: "InvalidLabel", message: format!("{what}; change the rule that writes it") }
}

fn foreign(member: &str) -> Refused {
    Refused {
        reason: "ForbiddenMember",
        message: format!(
            "the pattern's result has {member}, which is the host's to write; the pattern is at fault, build it again with this `ork` or use another version of it"
        ),
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let reason = match problem {
            Problem::Twice { .. } => "DuplicateKey",
            Problem::TooDeep { .. } => "TooDeep",
            _ => "InvalidResult",
        };
        let message = format!(
            "the pattern's result is refused: {}; the pattern is at fault, build it again with this `ork` or use another version of it",
            Shown(&problem.to_string())
        );
        Self { reason, message }
    }
}

/// A text of a message that is quoted, and cut where it is longer than any that is valid.
struct Shorter<'a>(&'a str);

impl std::fmt::Debug for Shorter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.char_indices().nth(100) {
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}
