//! A `ConversionReview` of `apiextensions.k8s.io/v1`, read from its bytes: places in them, found in one walk.
//!
//! Format: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-request-and-response>

use std::ops::Range;

use super::scan::{Problem, Scan, Text};

/// Objects that one review may have: the API server asks for one at a time, and a list of this many is beyond what it pages.
pub(crate) const MAX_OBJECTS: usize = 100_000;

/// Bytes of a review's `uid`; a UUID has 36.
const MAX_UID: usize = 128;

/// Bytes of an `apiVersion`: a group is a DNS subdomain and a version a DNS label.
const MAX_API_VERSION: usize = 253 + 1 + 63;

/// Why a review cannot be read at all, so that there is nobody to answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No JSON, or not of the form of a review.
    #[error("the body is no ConversionReview: {0}")]
    NotAReview(String),
    /// A review of a version that is not spoken here.
    #[error(
        "the body is a {found}, and only a ConversionReview of apiextensions.k8s.io/v1 is understood: the CustomResourceDefinition's spec.conversion.webhook.conversionReviewVersions must be [v1]"
    )]
    UnknownReviewVersion {
        /// Kind and version that were found.
        found: String,
    },
}

impl Unreadable {
    /// One word for metric and answer.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAReview(_) => "NotAReview",
            Self::UnknownReviewVersion { .. } => "UnknownReviewVersion",
        }
    }
}

/// A place in the review's bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(crate) fn length(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.range()).unwrap_or_default()
    }

    /// The text at this place; it was found to be UTF-8 when the place was found.
    pub(crate) fn text(self, bytes: &[u8]) -> &str {
        std::str::from_utf8(self.of(bytes)).unwrap_or_default()
    }
}

impl From<Range<usize>> for Span {
    /// Reviews of 4 GiB are refused before they are read.
    fn from(range: Range<usize>) -> Self {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: place(range.start), end: place(range.end) }
    }
}

/// A review: what is asked for, and where its objects are.
#[derive(Debug)]
pub(crate) struct Review {
    /// As it is written, without its quotes.
    pub(crate) uid: String,
    /// `example.com/v1`.
    pub(crate) desired: String,
    pub(crate) objects: Vec<Object>,
}

impl Review {
    pub(crate) fn group(&self) -> &str {
        self.desired.split_once('/').map_or("", |(group, _)| group)
    }

    pub(crate) fn version(&self) -> &str {
        self.desired.split_once('/').map_or("", |(_, version)| version)
    }
}

/// Where an object and its parts are. Small, because a review may have many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Object {
    pub(crate) whole: Span,
    /// Without quotes; characters of group and version names only.
    pub(crate) api_version: Span,
    /// Without quotes; letters and digits only.
    pub(crate) kind: Span,
    /// What is between the braces of `metadata`; empty where there is none.
    pub(crate) metadata: Span,
    /// The members `labels` and `annotations` in it, key and value, in the order in which they stand.
    pub(crate) cut: [Span; 2],
    /// As they are written, without quotes; empty where there is none.
    pub(crate) name: Span,
    pub(crate) namespace: Span,
}

/// Reads a review.
///
/// # Errors
///
/// What it is instead.
pub(crate) fn read(bytes: &[u8]) -> Result<Review, Unreadable> {
    let mut scan = Scan::new(bytes)?;
    let mut root = Root::default();
    scan.object(|scan, key| root.member(scan, key))?;
    scan.end()?;
    root.review()
}

impl From<Problem> for Unreadable {
    fn from(problem: Problem) -> Self {
        Self::NotAReview(problem.to_string())
    }
}

/// What stands at the top of a review.
#[derive(Default)]
struct Root<'a> {
    api_version: Option<Text<'a>>,
    kind: Option<Text<'a>>,
    uid: Option<Text<'a>>,
    desired: Option<Text<'a>>,
    objects: Option<Vec<Object>>,
    request: bool,
}

impl<'a> Root<'a> {
    fn member(&mut self, scan: &mut Scan<'a>, key: Text<'a>) -> Result<(), Unreadable> {
        match key.raw {
            "apiVersion" => once(&mut self.api_version, scan.string()?, "apiVersion"),
            "kind" => once(&mut self.kind, scan.string()?, "kind"),
            "request" if std::mem::replace(&mut self.request, true) => Err(twice("request")),
            "request" => scan.object(|scan, key| self.request_member(scan, key)),
            _ => Ok(scan.value().map(drop)?),
        }
    }

    fn request_member(&mut self, scan: &mut Scan<'a>, key: Text<'a>) -> Result<(), Unreadable> {
        match key.raw {
            "uid" => once(&mut self.uid, scan.string()?, "request.uid"),
            "desiredAPIVersion" => once(&mut self.desired, scan.string()?, "request.desiredAPIVersion"),
            "objects" => {
                let mut objects = Vec::new();
                match scan.peek()? {
                    b'n' => {
                        scan.value()?;
                    }
                    _ => scan.array(|scan| {
                        if objects.len() == MAX_OBJECTS {
                            return Err(not_a_review(format!("request.objects has more than {MAX_OBJECTS} objects")));
                        }
                        objects.push(object(scan, objects.len())?);
                        Ok(())
                    })?,
                }
                once(&mut self.objects, objects, "request.objects")
            }
            _ => Ok(scan.value().map(drop)?),
        }
    }

    fn review(self) -> Result<Review, Unreadable> {
        let missing = |name: &str| not_a_review(format!("{name} is missing"));
        let (Some(api_version), Some(kind)) = (self.api_version, self.kind) else {
            return Err(missing("apiVersion or kind"));
        };
        if (api_version.raw, kind.raw) != ("apiextensions.k8s.io/v1", "ConversionReview") {
            let cut = |text: &str| text.chars().take(MAX_API_VERSION).collect::<String>();
            let found = super::Shown(&format!("{} of {}", cut(kind.raw), cut(api_version.raw))).to_string();
            return Err(Unreadable::UnknownReviewVersion { found });
        }
        let uid = self.uid.ok_or_else(|| missing("request.uid"))?.raw;
        if uid.is_empty() || uid.len() > MAX_UID {
            return Err(not_a_review(format!("request.uid has {} bytes, and 1 to {MAX_UID} are taken", uid.len())));
        }
        let desired = self.desired.ok_or_else(|| missing("request.desiredAPIVersion"))?.raw;
        if !is_api_version(desired) || !desired.contains('/') {
            return Err(not_a_review(
                "request.desiredAPIVersion is no group and version, like example.com/v1".to_owned(),
            ));
        }
        let objects = self.objects.ok_or_else(|| missing("request.objects"))?;
        Ok(Review { uid: uid.to_owned(), desired: desired.to_owned(), objects })
    }
}

/// Reads where the parts of one object are.
fn object(scan: &mut Scan<'_>, index: usize) -> Result<Object, Unreadable> {
    let named = |what: &str| format!("request.objects[{index}]{what}");
    let _ = scan.peek()?;
    let start = scan.position();
    let mut object = Object::default();
    let (mut api_version, mut kind, mut metadata) = (None, None, false);
    scan.object(|scan, key| match key.raw {
        "apiVersion" => once(&mut api_version, scan.string()?, "apiVersion"),
        "kind" => once(&mut kind, scan.string()?, "kind"),
        "metadata" if std::mem::replace(&mut metadata, true) => Err(twice(&named(".metadata"))),
        "metadata" => match scan.peek()? {
            b'n' => Ok(scan.value().map(drop)?),
            _ => metadata_of(scan, &mut object),
        },
        _ => Ok(scan.value().map(drop)?),
    })?;
    object.whole = (start..scan.position()).into();
    match api_version {
        Some(text) if is_api_version(text.raw) => object.api_version = text.range().into(),
        _ => return Err(not_a_review(format!("{} is missing or no group and version", named(".apiVersion")))),
    }
    match kind {
        Some(text) if is_kind(text.raw) => object.kind = text.range().into(),
        _ => return Err(not_a_review(format!("{} is missing or no kind", named(".kind")))),
    }
    Ok(object)
}

fn metadata_of(scan: &mut Scan<'_>, object: &mut Object) -> Result<(), Unreadable> {
    let start = scan.position() + 1;
    let (mut labels, mut annotations, mut name, mut namespace) = (None, None, None, None);
    scan.object(|scan, key| {
        let from = key.at - 1;
        match key.raw {
            "labels" => once(&mut labels, from..scan.value()?.end, "metadata.labels"),
            "annotations" => once(&mut annotations, from..scan.value()?.end, "metadata.annotations"),
            "name" => once(&mut name, scan.string()?, "metadata.name"),
            "namespace" => once(&mut namespace, scan.string()?, "metadata.namespace"),
            _ => Ok(scan.value().map(drop)?),
        }
    })?;
    object.metadata = (start..scan.position() - 1).into();
    let place = |text: Option<Text<'_>>| text.map(|text| text.range().into()).unwrap_or_default();
    (object.name, object.namespace) = (place(name), place(namespace));
    let mut cut = [labels, annotations].map(|range| range.map(Span::from));
    cut.sort_by_key(|span| span.map_or(u32::MAX, |span| span.start));
    object.cut = cut.map(Option::unwrap_or_default);
    Ok(())
}

fn once<T>(slot: &mut Option<T>, value: T, name: &str) -> Result<(), Unreadable> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice(name)),
    }
}

fn twice(name: &str) -> Unreadable {
    not_a_review(format!("{name} is there twice"))
}

fn not_a_review(message: String) -> Unreadable {
    Unreadable::NotAReview(message)
}

fn is_api_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let part = |part: &str| !part.is_empty() && part.bytes().all(plain);
    let parts = text.split_once('/').map_or(part(text), |(group, version)| part(group) && part(version));
    text.len() <= MAX_API_VERSION && parts
}

fn is_kind(text: &str) -> bool {
    !text.is_empty() && text.len() <= 63 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(request: &str) -> String {
        format!(r#"{{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{request}}}"#)
    }

    fn with(objects: &str) -> String {
        review(&format!(r#"{{"uid":"u-1","desiredAPIVersion":"example.com/v1","objects":{objects}}}"#))
    }

    #[test]
    fn parts_are_found_where_they_stand() {
        let text = with(
            r#"[ {"apiVersion":"example.com/v1alpha1","kind":"Web","metadata":{"name":"a","annotations":{"x":"y"},"uid":"1","labels":{},"namespace":"shop"},"spec":{}} , {"kind":"Web","apiVersion":"example.com/v1","metadata":null}]"#,
        );
        let read = read(text.as_bytes()).unwrap();
        assert_eq!((read.uid.as_str(), read.group(), read.version()), ("u-1", "example.com", "v1"));
        let [first, second] = read.objects[..] else { panic!("{read:?}") };
        let shown = |span: Span| span.text(text.as_bytes());
        assert!(shown(first.whole).starts_with(r#"{"apiVersion""#) && shown(first.whole).ends_with(r#""spec":{}}"#));
        assert_eq!(shown(first.api_version), "example.com/v1alpha1");
        assert_eq!((shown(first.kind), shown(first.name), shown(first.namespace)), ("Web", "a", "shop"));
        assert!(shown(first.metadata).starts_with(r#""name":"a""#) && shown(first.metadata).ends_with(r#""shop""#));
        assert_eq!(first.cut.map(shown), [r#""annotations":{"x":"y"}"#, r#""labels":{}"#]);
        assert_eq!((shown(second.metadata), second.cut.map(shown)), ("", ["", ""]));
    }

    #[test]
    fn members_in_any_order_and_unknown_ones_are_taken() {
        let text = review(r#"{"objects":null,"more":[1],"desiredAPIVersion":"example.com/v1","uid":"u"}"#);
        assert!(read(text.as_bytes()).unwrap().objects.is_empty());
    }

    #[test]
    fn a_review_that_is_none_says_what_it_lacks() {
        let object = |object: &str| with(&format!("[{object}]"));
        for (text, said) in [
            (String::new(), "it ends where an object is expected"),
            ("[]".to_owned(), "byte 0 is '[', where an object is expected"),
            (format!("{} ", &with("[]")[..40]), "it ends where"),
            (format!("{}x", with("[]")), "where the end of the text is expected"),
            (r#"{"kind":"ConversionReview"}"#.to_owned(), "apiVersion or kind is missing"),
            (review("{}"), "request.uid is missing"),
            (review(r#"{"uid":""}"#), "request.uid has 0 bytes"),
            (review(r#"{"uid":1}"#), "where a string is expected"),
            (review(r#"{"uid":"u"}"#), "request.desiredAPIVersion is missing"),
            (review(r#"{"uid":"u","desiredAPIVersion":"v1"}"#), "request.desiredAPIVersion is no group and version"),
            (review(r#"{"uid":"u","desiredAPIVersion":"a/b/c"}"#), "request.desiredAPIVersion is no group and version"),
            (review(r#"{"uid":"u","desiredAPIVersion":"a/\"b"}"#), "request.desiredAPIVersion is no group and version"),
            (review(r#"{"uid":"u","desiredAPIVersion":"a/b"}"#), "request.objects is missing"),
            (review(r#"{"uid":"u","uid":"v"}"#), "request.uid is there twice"),
            (object("1"), "byte 137 is '1', where an object is expected"),
            (object("{}"), "request.objects[0].apiVersion is missing"),
            (object(r#"{"apiVersion":"a/v1"}"#), "request.objects[0].kind is missing"),
            (object(r#"{"apiVersion":"a/v1","kind":"W\"eb"}"#), "request.objects[0].kind is missing or no kind"),
            (object(r#"{"apiVersion":"a/v1","kind":"W","metadata":[]}"#), "where an object is expected"),
            (object(r#"{"apiVersion":"a/v1","kind":"W","metadata":{},"metadata":{}}"#), "[0].metadata is there twice"),
            (
                object(r#"{"apiVersion":"a/v1","kind":"W","metadata":{"labels":{},"labels":{}}}"#),
                "metadata.labels is there",
            ),
            (
                object(&format!(r#"{{"apiVersion":"a/v1","kind":"W","spec":{}"#, "[".repeat(70))),
                "deeper than 64 levels",
            ),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(said), "{text}: {error}");
            assert_eq!(error.reason(), "NotAReview");
        }
    }

    #[test]
    fn a_review_of_another_version_is_told_what_to_change() {
        let text = with("[]").replace("k8s.io/v1", "k8s.io/v1beta1");
        let error = read(text.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), "UnknownReviewVersion");
        assert!(
            error.to_string().starts_with("the body is a ConversionReview of apiextensions.k8s.io/v1beta1, and only")
        );
    }

    #[test]
    fn more_objects_than_can_be_held_are_refused() {
        let of = |count: usize| with(&format!("[{}]", vec![r#"{"apiVersion":"a/v1","kind":"W"}"#; count].join(",")));
        assert_eq!(read(of(MAX_OBJECTS).as_bytes()).unwrap().objects.len(), MAX_OBJECTS);
        assert!(read(of(MAX_OBJECTS + 1).as_bytes()).is_err());
    }
}
