//! What each function costs beside the unit for its call, and how large its result is.
//!
//! The figures are those of the engine's meter; where one of Kubernetes' libraries has a cost, it is at least that of
//! `k8s.io/apiserver/pkg/cel/library/cost.go`.

use std::sync::Arc;

use cel_core::Expr;

use super::extent::{Extent, Size, base64};
use super::{Because, traversal};

/// The longest text that `randomAlphanumeric` and `randomHex` give.
const RANDOM: u64 = 256;
/// The pattern that a format's validation is charged as, in bytes.
const FORMAT_PATTERN: u64 = 60;
/// The longest text of an address or a prefix.
const ADDRESS: u64 = 49;
/// The longest number that `format` writes where it says no precision, and where it does.
const NUMBER: u64 = 420;
const PRECISE_NUMBER: u64 = 1_400;

/// A call.
pub(super) struct Call<'a> {
    /// As CEL names it: `size`, `math.greatest`, `_+_`.
    pub(super) name: &'a str,
    /// Its arguments, the receiver first.
    pub(super) args: &'a [Extent],
    pub(super) nodes: &'a [&'a Expr],
}

/// A part of the cost.
pub(super) struct Charge {
    pub(super) units: u64,
    pub(super) because: Because,
}

impl Call<'_> {
    fn arg(&self, at: usize) -> &Extent {
        self.args.get(at).unwrap_or(&Extent::Scalar)
    }

    /// Bytes of a text argument.
    fn bytes(&self, at: usize) -> Size {
        self.arg(at).bytes()
    }

    /// The length of a constant text argument.
    fn constant(&self, at: usize) -> Option<u64> {
        match self.nodes.get(at)? {
            Expr::String(text) => Some(text.len() as u64),
            _ => None,
        }
    }

    /// A constant count that is not negative.
    fn count(&self, at: usize) -> Option<u64> {
        match self.nodes.get(at)? {
            Expr::Int(count) => u64::try_from(*count).ok(),
            _ => None,
        }
    }
}

/// Both of two things are looked at as far as the smaller one goes.
fn compared(a: &Extent, b: &Extent) -> Size {
    a.weight().at_most(b.weight())
}

fn tenth(size: &Size) -> Charge {
    Charge { units: traversal(size.most), because: size.because.clone() }
}

fn times(each: u64, count: &Size, other: Because) -> Charge {
    Charge { units: each.saturating_mul(count.most), because: count.because.clone().or(other) }
}

/// Cost of matching a regular expression.
fn matching(text: &Size, pattern: &Size) -> Charge {
    let units = traversal(text.most.saturating_add(1)).saturating_mul(pattern.most.div_ceil(4).max(1));
    Charge { units, because: text.because.clone().or_else(|| pattern.because.clone()) }
}

/// The charges of a call, and its result.
pub(super) fn price(call: &Call<'_>) -> (Vec<Charge>, Extent) {
    let (a, b) = (call.arg(0), call.arg(1));
    match call.name {
        "_==_" | "_!=_" => {
            let size = compared(a, b);
            (vec![Charge { units: size.most, because: size.because }], Extent::Scalar)
        }
        "_<_" | "_<=_" | "_>_" | "_>=_" => (vec![tenth(&a.bytes().at_most(b.bytes()))], Extent::Scalar),
        "_+_" => added(a, b),
        "_-_" | "_*_" | "_/_" | "_%_" => (Vec::new(), Extent::Scalar),
        "_in_" | "@in" => {
            let each = compared(a, &b.item());
            (vec![times(each.most.saturating_add(1), &b.len(), each.because)], Extent::Scalar)
        }
        "contains" | "startsWith" | "endsWith" | "matches" | "find" | "findAll" => searched(call),
        "isSorted" | "min" | "max" | "sum" | "sets.contains" | "sets.equivalent" | "sets.intersects" => listed(call),
        "indexOf" | "lastIndexOf" => {
            let each = compared(&a.item(), b);
            let through = times(each.most.saturating_add(1), &list(a), each.because);
            (vec![tenth(&a.bytes()), through], Extent::Scalar)
        }
        "math.greatest" | "math.least" => {
            let arguments = Charge { units: (call.args.len() as u64).saturating_sub(1), because: None };
            (vec![times(1, &a.len(), None), arguments], Extent::Scalar)
        }
        "randomAlphanumeric" | "randomHex" => {
            let length = call.count(0).unwrap_or(RANDOM).min(RANDOM);
            (vec![Charge { units: length, because: None }], Extent::plain(length))
        }
        "contentDigest" => {
            // A tenth for each byte of what it holds, rounded up for each entry, of which none is shorter than six bytes.
            let json = a.json();
            let units = traversal(json.most).saturating_add(json.most / 8);
            (vec![Charge { units, because: json.because }], Extent::plain(32))
        }
        "size" => (vec![tenth(&a.bytes())], Extent::Scalar),
        "optional.none" | "hasValue" | "bool" | "int" | "uint" | "double" => (Vec::new(), Extent::Scalar),
        "timestamp" | "duration" | "type" => (Vec::new(), Extent::Scalar),
        "dyn" | "reveal" | "optional.of" | "optional.ofNonZeroValue" | "value" => (Vec::new(), a.clone()),
        "or" | "orValue" => (Vec::new(), Extent::one_of([a.clone(), b.clone()])),
        _ => texts(call),
    }
}

/// The list that a value may be; empty where it is a map or text.
fn list(of: &Extent) -> Size {
    if matches!(of, Extent::Text { .. } | Extent::Scalar | Extent::Map { .. }) { Size::default() } else { of.len() }
}

fn added(a: &Extent, b: &Extent) -> (Vec<Charge>, Extent) {
    let (text, other) = (a.bytes(), b.bytes());
    let (items, more) = (list(a), list(b));
    let is_text = |extent: &Extent| match extent {
        Extent::Of(place) => matches!(place.shape(), Some(Extent::Text { .. })),
        other => matches!(other, Extent::Text { .. }),
    };
    let mut forms = if is_text(a) || is_text(b) { Vec::new() } else { vec![Extent::Scalar] };
    let mut charges = Vec::new();
    if text.most > 0 || other.most > 0 {
        let bytes = text.and(&other);
        charges.push(tenth(&bytes));
        let json = a.json().most.saturating_add(b.json().most).min(bytes.most.saturating_mul(6).saturating_add(2));
        let binary = matches!((a, b), (Extent::Text { binary: true, .. }, _) | (_, Extent::Text { binary: true, .. }));
        forms.push(Extent::Text { bytes, json, binary });
    }
    let is_list = |extent: &Extent| !matches!(extent, Extent::Text { .. } | Extent::Scalar | Extent::Map { .. });
    if is_list(a) && is_list(b) {
        let len = items.and(&more);
        charges.push(times(1, &len, None));
        if len.most > 0 {
            let total = Some(a.total().most.saturating_add(b.total().most));
            forms.push(Extent::List { len, item: Arc::new(Extent::one_of([a.item(), b.item()])), total });
        }
    }
    (charges, Extent::one_of(forms))
}

fn searched(call: &Call<'_>) -> (Vec<Charge>, Extent) {
    let (text, part) = (call.bytes(0), call.bytes(1));
    match call.name {
        "contains" => {
            let units = traversal(text.most).saturating_mul(traversal(part.most));
            (vec![Charge { units, because: text.because.or(part.because) }], Extent::Scalar)
        }
        "startsWith" | "endsWith" => (vec![tenth(&part)], Extent::Scalar),
        "matches" => (vec![matching(&text, &part)], Extent::Scalar),
        "find" => (vec![matching(&text, &part)], Extent::text_of(text)),
        _ => {
            // Matches do not overlap, and after each the rest may be gone through.
            let found = text.clone().map(|bytes| bytes.saturating_add(1).min(call.count(2).unwrap_or(u64::MAX)));
            let each = traversal(text.most).saturating_add(1);
            let charges = vec![matching(&text, &part), times(each, &found, None)];
            (charges, Extent::List { len: found, total: Some(text.most), item: Arc::new(Extent::text_of(text)) })
        }
    }
}

fn listed(call: &Call<'_>) -> (Vec<Charge>, Extent) {
    let (a, b) = (call.arg(0), call.arg(1));
    let item = a.item();
    match call.name {
        "sets.contains" | "sets.equivalent" | "sets.intersects" => {
            let each = compared(&item, &b.item());
            let ways = if call.name == "sets.equivalent" { 2 } else { 1 };
            let both = a.len().most.saturating_mul(b.len().most).saturating_mul(ways);
            let because = a.len().because.or(b.len().because).or(each.because);
            (vec![Charge { units: each.most.saturating_add(1).saturating_mul(both), because }], Extent::Scalar)
        }
        "sum" => (vec![times(1, &a.len(), None)], Extent::Scalar),
        name => {
            let each = item.bytes();
            let charge = times(traversal(each.most).saturating_add(1), &a.len(), each.because);
            (vec![charge], if name == "isSorted" { Extent::Scalar } else { item })
        }
    }
}

/// Functions of text. One that is not named goes through all of its text and gives no more than that.
fn texts(call: &Call<'_>) -> (Vec<Charge>, Extent) {
    let text = call.bytes(0);
    let once = tenth(&text);
    let same = || Extent::text_of(text.clone());
    match call.name {
        "charAt" => (vec![once], Extent::text_of(Size::known(4))),
        "substring" | "trim" | "reverse" | "lowerAscii" | "upperAscii" | "toLower" | "toUpper" => {
            // Where positions are constant, so is the length, in code points.
            let constant = match (call.name, call.count(1), call.count(2)) {
                ("substring", Some(from), Some(to)) => Size::known(to.saturating_sub(from).saturating_mul(4)),
                _ => text.clone(),
            };
            (vec![once], Extent::text_of(constant.at_most(text.clone())))
        }
        "quote" | "strings.quote" => {
            (vec![once, tenth(&text)], Extent::text_of(text.map(|bytes| bytes.saturating_mul(2) + 2)))
        }
        "slugify" => {
            let bytes = text.clone();
            let json = bytes.most.saturating_add(2);
            (vec![once, tenth(&text)], Extent::Text { bytes, json, binary: false })
        }
        "truncateName" => (vec![once, tenth(&text)], Extent::text_of(text.clone())),
        "sha256sum" => (vec![once], Extent::plain(64)),
        "replace" => {
            // Nothing is found between any two code points.
            let old = call.constant(1).unwrap_or(0);
            let most = text.most.checked_div(old).unwrap_or(text.most.saturating_add(1));
            let found = most.min(call.count(3).unwrap_or(u64::MAX));
            let new = call.bytes(2);
            let grown = new.most.saturating_sub(old).saturating_mul(found);
            let because = text.because.clone().or(new.because);
            let result = Size { most: text.most.saturating_add(grown), because };
            (vec![once, tenth(&result)], Extent::text_of(result))
        }
        "split" => {
            let between = call.constant(1).unwrap_or(0);
            let parts = text.most.checked_div(between).map_or(text.most.max(1), |parts| parts + 1);
            let len = Size { most: parts.min(call.count(2).unwrap_or(u64::MAX)), because: text.because.clone() };
            (vec![once, tenth(&text)], Extent::List { len, item: Arc::new(same()), total: Some(text.most) })
        }
        "join" => {
            let (items, all, between) = (call.arg(0).len(), call.arg(0).total(), call.bytes(1));
            let most = all.most.saturating_add(between.most.saturating_mul(items.most));
            let because = items.because.or(all.because).or(between.because);
            let units = most.saturating_mul(2).div_ceil(10).max(items.most / 10);
            let charge = Charge { units, because: because.clone() };
            (vec![charge], Extent::text_of(Size { most, because }))
        }
        "format" => format(call),
        "base64.encode" | "toBase64" => {
            let bytes = text.clone().map(base64);
            let json = bytes.most.saturating_add(2);
            let mut charges = vec![once];
            // It takes a string as bytes first.
            if call.name == "toBase64" {
                charges.extend([tenth(&text), unit()]);
            }
            (charges, Extent::Text { bytes, json, binary: false })
        }
        "base64.decode" => (vec![once], Extent::binary(text)),
        "fromBase64" => (vec![once, tenth(&text), unit()], same()),
        // A string is one already; of bytes each is looked at.
        "string" => (vec![tenth(&call.arg(0).binary_bytes())], Extent::one_of([same(), Extent::plain(ADDRESS)])),
        "bytes" => (vec![once], Extent::binary(text)),
        "validate" => {
            let text = call.bytes(1);
            let problem = Extent::plain(ADDRESS * 10);
            let problems = Extent::List { len: Size::known(8), item: Arc::new(problem), total: None };
            (vec![matching(&text, &Size::known(FORMAT_PATTERN))], problems)
        }
        "getQuery" => {
            // Each pair is looked for among the keys before it.
            let pairs = text.clone().map(|bytes| bytes / 2 + 1);
            let each = pairs.most;
            let values = Extent::List { len: pairs.clone(), item: Arc::new(same()), total: Some(text.most) };
            let map = Extent::Map { len: pairs.clone(), key: Arc::new(same()), value: Arc::new(values), total: None };
            (vec![once, times(each.saturating_add(1), &pairs, None)], map)
        }
        "getEscapedPath" => (vec![once], Extent::text_of(text.map(|bytes| bytes.saturating_mul(3)))),
        "getHost" | "getHostname" | "getPort" | "getScheme" => {
            // What is no UTF-8 once it is unescaped becomes a mark of three bytes.
            (vec![once], Extent::text_of(text.map(|bytes| bytes.saturating_mul(3))))
        }
        "parseQuantity" => (vec![once, unit()], Extent::Scalar),
        name if name.starts_with("is") || name.starts_with("get") => {
            (vec![once, tenth(&call.bytes(1))], Extent::Scalar)
        }
        _ => {
            let all = (0..call.args.len()).map(|at| tenth(&call.bytes(at)));
            (all.collect(), Extent::one_of([Extent::Scalar, same()]))
        }
    }
}

fn unit() -> Charge {
    Charge { units: 1, because: None }
}

fn format(call: &Call<'_>) -> (Vec<Charge>, Extent) {
    let template = call.bytes(0);
    let precise = match call.nodes.first() {
        Some(Expr::String(text)) => text.contains("%."),
        _ => true,
    };
    let (len, item) = (call.arg(1).len(), call.arg(1).item());
    let number = if precise { PRECISE_NUMBER } else { NUMBER };
    // Twice its bytes as hexadecimal digits; texts inside of lists and maps have no quotes, but numbers may be long.
    let text = item.text().map(|bytes| bytes.saturating_mul(2));
    let nested = item.weight().map(|weight| weight.saturating_mul(number));
    let json = item.json();
    let simple = matches!(item, Extent::Scalar | Extent::Text { .. });
    let shown = if simple { text } else { text.and(&json).and(&nested) };
    let shown = shown.map(|bytes| bytes.saturating_add(number));
    let items = if simple { 0 } else { item.weight().most.saturating_mul(2) };
    let each = traversal(shown.most).saturating_add(items).saturating_add(2);
    let most = template.most.saturating_add(shown.most.saturating_mul(len.most));
    let because = template.because.clone().or(len.because.clone()).or(shown.because.clone());
    (vec![tenth(&template), times(each, &len, shown.because)], Extent::text_of(Size { most, because }))
}
