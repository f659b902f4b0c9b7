//! Texts that match a regular expression.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest text that is made, in characters.
const MOST: usize = 256;
/// How often more than the least is repeated.
const MORE: u32 = 3;

/// The most parts of a pattern that are gone through for one text: some of them add nothing to it.
const STEPS: u32 = 10_000;

/// A text that matches; none where the pattern cannot be read. Assertions but anchors are not looked at.
pub(super) fn matching(pattern: &str, rng: &mut fastrand::Rng) -> Option<String> {
    let hir = regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(pattern).ok()?;
    let mut text = String::new();
    put(&hir, rng, &mut text, &mut STEPS.clone())?;
    Some(text)
}

fn put(hir: &Hir, rng: &mut fastrand::Rng, text: &mut String, left: &mut u32) -> Option<()> {
    *left = left.checked_sub(1)?;
    if text.len() > MOST {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(one_of(class, rng)?),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + MORE).min(repetition.min + MORE);
            for _ in 0..rng.u32(repetition.min..=most.max(repetition.min)) {
                put(&repetition.sub, rng, text, left)?;
            }
        }
        HirKind::Capture(capture) => put(&capture.sub, rng, text, left)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| put(part, rng, text, left))?,
        HirKind::Alternation(parts) => put(parts.get(rng.usize(0..parts.len()))?, rng, text, left)?,
    }
    Some(())
}

/// A character of a class, from the start or the end of one of its ranges.
fn one_of(class: &Class, rng: &mut fastrand::Rng) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let ranges = class.ranges();
    let range = ranges.get(rng.usize(0..ranges.len().max(1)))?;
    let from = u32::from(range.start());
    let to = u32::from(range.end()).min(from + 64);
    char::from_u32(rng.u32(from..=to)).or(Some(range.start()))
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn texts_match_their_pattern() {
        let mut rng = fastrand::Rng::with_seed(1);
        for pattern in
            ["^14\\.[0-9]{1,3}$", "^[a-z_][a-z0-9_]*$", "^([1-9][0-9]*m|[1-9][0-9]*)$", "^[^:]+:[0-9]+$", "^$", "a|b"]
        {
            let regex = regex_lite::Regex::new(pattern).unwrap();
            for _ in 0..50 {
                let text = matching(pattern, &mut rng).unwrap();
                assert!(regex.is_match(&text), "{pattern}: {text:?}");
            }
        }
        assert_eq!(matching("(", &mut rng), None);
    }

    #[test]
    fn a_pattern_that_repeats_without_end_has_no_text() {
        let mut rng = fastrand::Rng::with_seed(1);
        assert_eq!(matching("((a{1000}){1000}){1000}", &mut rng), None);
        assert_eq!(matching("(((){1000}){1000}){1000}", &mut rng).as_deref(), Some(""), "all of it is nothing");
    }
}
