//! Objects converted in batches, and the answer that they make.

use std::ops::Range;
use std::panic::resume_unwind;

use bytes::Bytes;

use super::Shown;
use super::read::{Object, Review, Unreadable, read};
use super::result::assemble;
use crate::routes::{Convert, Refused, Routes};

/// How much of a review is in work at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the objects that one call converts; an object that is larger alone is converted alone.
    pub batch: usize,
    /// Calls at once, each on a thread, where one call does not convert all objects.
    pub calls: usize,
    /// Bytes of all converted objects.
    pub answer: usize,
}

/// An answer that is valid, whatever happened.
#[derive(Debug)]
pub struct Answer {
    /// The bytes of a `ConversionReview` with its response, in order.
    pub pieces: Vec<Bytes>,
    /// Objects that the review asked for.
    pub objects: usize,
    /// Why it is a failure, where it is one.
    pub failure: Option<&'static str>,
}

type Converted = Result<Vec<u8>, Refused>;

const HEAD: &str = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","response":{"uid":""#;
const OBJECTS: &str = r#"","convertedObjects":["#;
const TAIL: &str = r#"],"result":{"status":"Success"}}}"#;

/// Room for an annotation that an object grows by, and for commas.
const GROWTH: usize = 512;

/// Converts the objects of a review, and gives the answer to it.
///
/// # Errors
///
/// The body is no review that could be answered.
pub fn convert(body: Bytes, routes: &Routes, limits: Limits) -> Result<Answer, Unreadable> {
    let review = read(&body)?;
    let converted = pieces(&review, body, routes, limits);
    let objects = review.objects.len();
    Ok(match converted {
        Ok(pieces) => Answer { pieces, objects, failure: None },
        Err(refused) => Answer { pieces: vec![failure(&review, &refused)], objects, failure: Some(refused.reason) },
    })
}

/// Objects that are handled together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Group {
    /// They have the desired version.
    Unchanged(Range<usize>),
    /// They are of one kind and converted by one call.
    Batch(Range<usize>),
}

impl Group {
    fn range(&self) -> Range<usize> {
        match self {
            Self::Unchanged(range) | Self::Batch(range) => range.clone(),
        }
    }
}

fn pieces(review: &Review, body: Bytes, routes: &Routes, limits: Limits) -> Result<Vec<Bytes>, Refused> {
    let groups = groups(review, &body, limits.batch);
    if groups.len() < 2 {
        let size: usize = review.objects.iter().map(|object| object.whole.length() + GROWTH).sum();
        let mut out = Vec::with_capacity(size + HEAD.len() + OBJECTS.len() + TAIL.len() + review.uid.len());
        head(review, &mut out);
        for group in &groups {
            run(review, group, &body, routes, limits, &mut out)?;
        }
        out.extend_from_slice(TAIL.as_bytes());
        return Ok(vec![out.into()]);
    }
    let mut answer = InPlace { buffer: body.into(), free: 0..0, pieces: Vec::new(), size: 0 };
    let mut first = Vec::new();
    head(review, &mut first);
    answer.put(&first, review.objects.first().map_or(0, |object| object.whole.range().start));
    for groups in groups.chunks(limits.calls.max(1)) {
        let buffer = &answer.buffer;
        let written = together(groups, |group| {
            let mut out = Vec::new();
            if group.range().start > 0 {
                out.push(b',');
            }
            run(review, group, buffer, routes, limits, &mut out).map(|()| out)
        });
        for (group, out) in groups.iter().zip(written) {
            let out = out?;
            answer.size += out.len();
            if answer.size > limits.answer {
                return Err(too_large(limits));
            }
            answer.put(&out, done(review, group));
        }
    }
    answer.put(TAIL.as_bytes(), answer.free.end);
    Ok(answer.finish())
}

/// What `work` makes of each item, all of them at the same time as far as there are threads to be had.
fn together<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let Some((first, others)) = items.split_first() else { return Vec::new() };
        let work = &work;
        let start = |item| (item, std::thread::Builder::new().spawn_scoped(scope, move || work(item)));
        let others: Vec<_> = others.iter().map(start).collect();
        let first = std::iter::once(work(first));
        let others = others.into_iter().map(|(item, thread)| match thread {
            // A panic of one is one of all.
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => work(item),
        });
        first.chain(others).collect()
    })
}

/// Cuts the objects, in their order, into what is handled together.
fn groups(review: &Review, body: &[u8], batch: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut size = 0;
    let mut kind: &[u8] = &[];
    for (index, object) in review.objects.iter().enumerate() {
        let unchanged = object.api_version.of(body) == review.desired.as_bytes();
        let length = object.whole.length();
        match groups.last_mut() {
            Some(Group::Unchanged(range)) if unchanged && size + length <= batch => range.end += 1,
            Some(Group::Batch(range)) if !unchanged && kind == object.kind.of(body) && size + length <= batch => {
                range.end += 1;
            }
            _ => {
                size = 0;
                kind = object.kind.of(body);
                let range = index..index + 1;
                groups.push(if unchanged { Group::Unchanged(range) } else { Group::Batch(range) });
            }
        }
        size += length;
    }
    groups
}

/// The end of the bytes that are not needed any more when a group is done.
fn done(review: &Review, group: &Group) -> usize {
    group.range().end.checked_sub(1).and_then(|last| review.objects.get(last)).map_or(0, |last| last.whole.range().end)
}

fn head(review: &Review, out: &mut Vec<u8>) {
    for text in [HEAD, &review.uid, OBJECTS] {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Writes the objects of a group, as they are asked for, with commas between them.
fn run(
    review: &Review,
    group: &Group,
    body: &[u8],
    routes: &Routes,
    limits: Limits,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let range = match group {
        Group::Unchanged(range) => {
            for (index, object) in review.objects.get(range.clone()).into_iter().flatten().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(object.whole.of(body));
            }
            return Ok(());
        }
        Group::Batch(range) => range,
    };
    let objects = review.objects.get(range.clone()).unwrap_or_default();
    let Some(first) = objects.first() else { return Ok(()) };
    if let Some(stranger) = objects.iter().find(|object| !has_group(object, body, review.group())) {
        let message = "both must be of one group; the request is at fault".to_owned();
        return Err(told(review, stranger, body, &Refused { reason: "WrongGroup", message }, 0));
    }
    let kind = first.kind.text(body);
    let Some(convert) = routes.convert.find(review.group(), kind) else {
        let message = format!(
            "nothing here converts {kind}.{}; run its pattern in this runtime, or remove spec.conversion from its CustomResourceDefinition",
            review.group()
        );
        return Err(told(review, first, body, &Refused { reason: "UnknownKind", message }, 0));
    };
    let texts: Vec<&[u8]> = objects.iter().map(|object| object.whole.of(body)).collect();
    let results = halved(convert.as_ref(), review.version(), &texts);
    let results = results.map_err(|(at, refused)| told(review, objects.get(at).unwrap_or(first), body, &refused, 0))?;
    let mut failed: Option<(&Object, Refused, usize)> = None;
    for (index, (object, result)) in objects.iter().zip(results).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let written = result.and_then(|result| assemble(body, object, &review.desired, &result, out));
        match (written, &mut failed) {
            (Ok(()), _) => {}
            (Err(_), Some((_, _, more))) => *more += 1,
            (Err(refused), none) => *none = Some((object, refused, 0)),
        }
        if out.len() > limits.answer {
            return Err(too_large(limits));
        }
    }
    match failed {
        None => Ok(()),
        Some((object, refused, more)) => Err(told(review, object, body, &refused, more)),
    }
}

/// The results for objects of one kind. Where one call cannot convert them all (together they may need more memory than an
/// instance has, or their results be larger than it may give), two calls convert half of them each: what fails in the end is one
/// object, with its index.
fn halved(convert: &dyn Convert, version: &str, objects: &[&[u8]]) -> Result<Vec<Converted>, (usize, Refused)> {
    match convert.convert(version, objects) {
        Ok(results) if results.len() == objects.len() => Ok(results),
        Ok(results) => {
            let message = format!(
                "the pattern gave {} results for {} objects; the pattern is at fault, build it again with this `ork` or use another version of it",
                results.len(),
                objects.len()
            );
            Err((0, Refused { reason: "WrongCount", message }))
        }
        Err(refused) if objects.len() < 2 => Err((0, refused)),
        Err(_) => {
            let (left, right) = objects.split_at(objects.len() / 2);
            let mut results = halved(convert, version, left)?;
            results.extend(halved(convert, version, right).map_err(|(at, refused)| (left.len() + at, refused))?);
            Ok(results)
        }
    }
}

fn has_group(object: &Object, body: &[u8], group: &str) -> bool {
    object.api_version.text(body).split_once('/').is_some_and(|(found, _)| found == group)
}

fn too_large(limits: Limits) -> Refused {
    let message = format!(
        "the converted objects have more than {} bytes; ask for shorter pages of the list, or raise the limit",
        limits.answer
    );
    Refused { reason: "AnswerTooLarge", message }
}

/// A refusal with the object, and from where to where.
fn told(review: &Review, object: &Object, body: &[u8], refused: &Refused, more: usize) -> Refused {
    let name = match (object.namespace.text(body), object.name.text(body)) {
        ("", "") => "without a name".to_owned(),
        ("", name) => format!("{:?}", Shown(name).to_string()),
        (namespace, name) => format!("{:?}", format!("{}/{}", Shown(namespace), Shown(name))),
    };
    let more = match more {
        0 => String::new(),
        1 => " (and one more object with it)".to_owned(),
        more => format!(" (and {more} more objects with it)"),
    };
    let from = object.api_version.text(body);
    let from = from.split_once('/').map_or(from, |(_, version)| version);
    let message = format!(
        "{}.{} {name}{more} cannot be converted from {from} to {}: {}",
        object.kind.text(body),
        review.group(),
        review.version(),
        Shown(&refused.message)
    );
    Refused { reason: refused.reason, message }
}

/// The answer to a review that could not be converted.
fn failure(review: &Review, refused: &Refused) -> Bytes {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let message = quoted(&format!("{}: {}", refused.reason, refused.message));
    let reason = quoted(refused.reason);
    let uid = &review.uid;
    let text = format!(
        r#"{HEAD}{uid}","convertedObjects":[],"result":{{"status":"Failure","reason":{reason},"message":{message}}}}}}}"#
    );
    Bytes::from(text)
}

/// An answer that is written over what it is made of.
struct InPlace {
    buffer: Vec<u8>,
    /// What is neither needed nor written any more.
    free: Range<usize>,
    pieces: Vec<Piece>,
    size: usize,
}

enum Piece {
    Inside(Range<usize>),
    Outside(Bytes),
}

impl InPlace {
    /// Puts `out` behind what was put before. All before `done` may be written over.
    fn put(&mut self, out: &[u8], done: usize) {
        self.free.end = done;
        let (inside, outside) = out.split_at(out.len().min(self.free.len()));
        if let Some(place) = self.buffer.get_mut(self.free.start..self.free.start + inside.len()) {
            place.copy_from_slice(inside);
        }
        let start = self.free.start;
        self.free.start += inside.len();
        match self.pieces.last_mut() {
            _ if inside.is_empty() => {}
            Some(Piece::Inside(range)) if range.end == start => range.end = self.free.start,
            _ => self.pieces.push(Piece::Inside(start..self.free.start)),
        }
        if !outside.is_empty() {
            self.pieces.push(Piece::Outside(Bytes::copy_from_slice(outside)));
        }
    }

    fn finish(self) -> Vec<Bytes> {
        let whole = Bytes::from(self.buffer);
        let pieces = self.pieces.into_iter().map(|piece| match piece {
            Piece::Inside(range) => whole.slice(range),
            Piece::Outside(bytes) => bytes,
        });
        pieces.collect()
    }
}
