//! Which metrics and labels a query names. Whether it is a query at all is promtool's word: here are no more than its words.

use std::collections::BTreeSet;

/// A metric with the matchers that stand behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    /// Label, operator and value.
    pub(crate) matchers: Vec<(String, String, String)>,
    /// Labels that it is grouped by, in all `by (…)` around it.
    pub(crate) by: BTreeSet<String>,
    /// Labels that it is joined on.
    pub(crate) on: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Name(String),
    Text(String),
    Sign(String),
}

/// Words that look like metrics and are none.
const KEYWORDS: [&str; 9] = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start"];

fn words(query: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let length = match first {
            '"' | '\'' | '`' => {
                let end = rest[1..].find(first).ok_or("a text does not end")? + 2;
                let text = &rest[1..end - 1];
                if text.contains('\\') {
                    return Err(format!("an escape in {text:?} is not read here"));
                }
                words.push(Word::Text(text.to_owned()));
                end
            }
            '[' => rest.find(']').ok_or("a range does not end")? + 1,
            '#' => rest.find('\n').unwrap_or(rest.len()),
            c if c.is_ascii_digit() => rest.find(|c: char| !(is_name(c) || c == '.')).unwrap_or(rest.len()),
            c if is_name(c) => {
                let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                words.push(Word::Name(rest[..end].to_owned()));
                end
            }
            _ => {
                let long = ["=~", "!~", "!=", "==", ">=", "<="].iter().find(|sign| rest.starts_with(*sign));
                let sign = long.map_or_else(|| first.to_string(), |sign| (*sign).to_owned());
                let length = sign.len();
                words.push(Word::Sign(sign));
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

/// Reads words from the front.
struct Reader<'a> {
    words: &'a [Word],
    found: Vec<Selector>,
    /// The labels of the groups that are open, one for each parenthesis.
    open: Vec<BTreeSet<String>>,
    /// The labels that what comes next is joined on, and how deep that was said.
    joined: Option<(BTreeSet<String>, usize)>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Word> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first.clone())
    }

    fn is_next(&self, sign: &str) -> bool {
        matches!(self.words.first(), Some(Word::Sign(found)) if found == sign)
    }

    fn labels(&mut self) -> Result<BTreeSet<String>, String> {
        let mut labels = BTreeSet::new();
        if !self.is_next("(") {
            return Err("labels are expected in parentheses".to_owned());
        }
        loop {
            match self.next().ok_or("labels do not end")? {
                Word::Name(name) => drop(labels.insert(name)),
                Word::Sign(sign) if sign == ")" => return Ok(labels),
                Word::Sign(sign) if ["(", ","].contains(&sign.as_str()) => {}
                other => return Err(format!("no label: {other:?}")),
            }
        }
    }

    fn matchers(&mut self) -> Result<Vec<(String, String, String)>, String> {
        let mut matchers = Vec::new();
        if !self.is_next("{") {
            return Ok(matchers);
        }
        self.next();
        loop {
            match self.next().ok_or("matchers do not end")? {
                Word::Sign(sign) if sign == "}" => return Ok(matchers),
                Word::Sign(sign) if sign == "," => {}
                Word::Name(label) => match (self.next(), self.next()) {
                    (Some(Word::Sign(operator)), Some(Word::Text(value))) => matchers.push((label, operator, value)),
                    other => return Err(format!("no matcher of {label}: {other:?}")),
                },
                other => return Err(format!("no matcher: {other:?}")),
            }
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let mut by = BTreeSet::new();
        while let Some(word) = self.next() {
            match word {
                Word::Name(name) => match name.as_str() {
                    "by" => by = self.labels()?,
                    "on" => self.joined = Some((self.labels()?, self.open.len())),
                    "without" | "ignoring" | "group_left" | "group_right" => {
                        return Err(format!("`{name}` is not read here: name the labels that are kept"));
                    }
                    word if KEYWORDS.contains(&word) => {}
                    // A function or an aggregation.
                    _ if self.is_next("(") || matches!(self.words.first(), Some(Word::Name(next)) if next == "by") => {}
                    _ => self.selector(name)?,
                },
                Word::Sign(sign) if sign == "(" => self.open.push(std::mem::take(&mut by)),
                Word::Sign(sign) if sign == ")" => {
                    self.open.pop().ok_or("a parenthesis too many")?;
                    // What was joined ends with the parenthesis that it stood in.
                    self.joined = self.joined.take().filter(|(_, depth)| *depth <= self.open.len());
                    if matches!(self.words.first(), Some(Word::Name(name)) if name == "by") {
                        return Err("`by` is read before the parenthesis only".to_owned());
                    }
                }
                _ => {}
            }
        }
        if self.open.is_empty() { Ok(()) } else { Err("a parenthesis is not closed".to_owned()) }
    }

    fn selector(&mut self, metric: String) -> Result<(), String> {
        let matchers = self.matchers()?;
        let (on, depth) = self.joined.clone().unwrap_or_default();
        // What is only joined has to have the labels of the groups that are opened after the join.
        let groups = if on.is_empty() { self.open.as_slice() } else { &self.open[depth..] };
        let by = groups.iter().flatten().cloned().collect();
        self.found.push(Selector { metric, matchers, by, on });
        Ok(())
    }
}

/// The metrics of a query in its order.
pub(crate) fn selectors(query: &str) -> Result<Vec<Selector>, String> {
    let words = words(query)?;
    let mut reader = Reader { words: &words, found: Vec::new(), open: Vec::new(), joined: None };
    reader.read()?;
    Ok(reader.found)
}

fn named(query: &str) -> Vec<(String, Vec<String>, Vec<String>)> {
    let found = selectors(query).unwrap_or_else(|error| panic!("{query}: {error}")).into_iter();
    found.map(|one| (one.metric, one.by.into_iter().collect(), one.on.into_iter().collect())).collect()
}

#[test]
fn metrics_labels_and_joins_are_found() {
    let owned = |(metric, by, on): (&str, &[&str], &[&str])| {
        let list = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect::<Vec<_>>();
        (metric.to_owned(), list(by), list(on))
    };
    for (query, found) in [
        ("absent(a)", vec![("a", &[][..], &[][..])]),
        ("sum by (x, y) (rate(a{z=\"1\"}[5m]))", vec![("a", &["x", "y"], &[])]),
        ("sum by (x) (rate(a[5m]) and on (i) b) / c", vec![("a", &["x"], &[]), ("b", &[], &["i"]), ("c", &[], &[])]),
        ("a and on (i) (max by (i) (b))", vec![("a", &[], &[]), ("b", &["i"], &["i"])]),
        ("histogram_quantile(0.99, sum by (le) (a_bucket)) > 1e3", vec![("a_bucket", &["le"], &[])]),
    ] {
        assert_eq!(named(query), found.into_iter().map(owned).collect::<Vec<_>>(), "{query}");
    }
    let one = &selectors("a{x=~\"b|c\", y!=\"d\"}").unwrap()[0];
    let matcher = |label: &str, operator: &str, value: &str| (label.to_owned(), operator.to_owned(), value.to_owned());
    assert_eq!(one.matchers, [matcher("x", "=~", "b|c"), matcher("y", "!=", "d")]);
}

#[test]
fn what_is_not_read_is_said_to_be() {
    for query in ["sum(a) by (x)", "sum without (x) (a)", "a * on (x) group_left () b", "a{x=\"", "sum((a)"] {
        assert!(selectors(query).is_err(), "{query}");
    }
}
