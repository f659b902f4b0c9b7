//! Constructs of Go templates that CEL does not have: found in a string, each with what to write instead.

use std::ops::Range;

use super::calls;
use super::translate::{self, Branch, Dot, Tree};
use crate::cel::scan::{Kind, Token};
use crate::cel::{self, Piece};

/// A construct.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Construct {
    /// Its bytes in the string; of a block from its first to its last brace.
    pub(super) range: Range<usize>,
    /// What it is: `a block ({{ if … }})`.
    pub(super) what: &'static str,
    /// What to write instead, most likely first.
    pub(super) hints: Vec<String>,
}

/// Blocks in blocks, beyond which only the outermost is told in words.
const DEEPEST: usize = 16;
/// A longer form says less than a few words.
const LONGEST: usize = 400;

/// An action: what stands between two braces.
struct Action {
    /// With its braces.
    range: Range<usize>,
    /// Without trim markers.
    tokens: Vec<Token>,
    trims: bool,
    comment: bool,
}

/// A part of a string.
enum Item {
    Literal(Range<usize>),
    Action(Action),
}

/// The constructs of a string, in order.
pub(super) fn find(text: &str) -> Vec<Construct> {
    // What does not end is for the parser to report.
    let Ok(pieces) = cel::split(text) else { return Vec::new() };
    let mut items = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal { range, .. } => items.push(Item::Literal(range)),
            Piece::Expression { range, .. } => match action(text, range) {
                Some(action) => items.push(Item::Action(action)),
                None => return Vec::new(),
            },
        }
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(item) = items.get(at) {
        at += 1;
        let Item::Action(action) = item else { continue };
        let word = keyword(text, action);
        let construct = match word {
            Some(word @ ("if" | "range" | "with")) => {
                let mut next = at - 1;
                let tree = block(text, &items, &mut next, 0);
                let end = match tree {
                    Some(_) => next,
                    None => end(text, &items, at),
                };
                let last = items.get(end - 1).map_or(action.range.end, |item| match item {
                    Item::Literal(range) => range.end,
                    Item::Action(action) => action.range.end,
                });
                at = end;
                blocks(text, word, action.range.start..last, tree)
            }
            Some("define" | "block") => {
                let range = action.range.start..action.range.end;
                at = end(text, &items, at);
                named(text, action, range)
            }
            Some("template" | "include") => named(text, action, action.range.clone()),
            Some(_) => Construct {
                range: action.range.clone(),
                what: "a part of a block (`{{ else }}`)",
                hints: vec!["CEL has no blocks: write `condition ? value : other`".to_owned()],
            },
            None => match lone(text, action) {
                Some(construct) => construct,
                None => continue,
            },
        };
        found.push(construct);
    }
    found
}

/// What stands between braces, and what Go's templates say beside an expression. None beyond the parser's bounds.
fn action(text: &str, range: Range<usize>) -> Option<Action> {
    let braces = range.start - 2..range.end + 2;
    let source = text.get(range.clone())?;
    let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let bytes = source.as_bytes();
    let before = bytes.first() == Some(&b'-') && blank(bytes.get(1));
    let after = bytes.len() > 1 && bytes.last() == Some(&b'-') && blank(bytes.get(bytes.len() - 2));
    let inner = range.start + usize::from(before)..range.end - usize::from(after);
    let comment = text.get(inner.clone())?.trim_start().starts_with("/*");
    let tokens = calls::tokens(text, inner)?;
    Some(Action { range: braces, tokens, trims: before || after, comment })
}

/// The word of Go's templates that an action begins with.
fn keyword<'t>(text: &'t str, action: &Action) -> Option<&'t str> {
    let (first, rest) = action.tokens.split_first()?;
    let word = text.get(first.range.clone()).filter(|_| first.kind == Kind::Word)?;
    let operand = rest.first().is_some_and(|next| {
        first.range.end < next.range.start
            && matches!(next.kind, Kind::Word | Kind::Text | Kind::Open(_) | Kind::Other(b'.' | b'$'))
    });
    match word {
        "if" | "range" | "with" if operand => Some(word),
        "define" | "template" | "block" | "include" if rest.first().is_some_and(|next| next.kind == Kind::Text) => {
            Some(word)
        }
        "else" => Some(word),
        _ => None,
    }
}

fn is_end(text: &str, action: &Action) -> bool {
    matches!(action.tokens.as_slice(), [only] if text.get(only.range.clone()) == Some("end"))
}

/// One past the `{{ end }}` of the block that begins before `at`, or past the last item.
fn end(text: &str, items: &[Item], mut at: usize) -> usize {
    let mut depth = 1_usize;
    while let Some(item) = items.get(at) {
        at += 1;
        let Item::Action(action) = item else { continue };
        if is_end(text, action) {
            depth -= 1;
        } else if matches!(keyword(text, action), Some("if" | "range" | "with" | "define" | "block")) {
            depth += 1;
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The block that begins at `at`, which is then one past its end. None where it does not end, or has something in it that has no
/// form in CEL.
fn block(text: &str, items: &[Item], at: &mut usize, depth: usize) -> Option<Tree> {
    let Some(Item::Action(action)) = items.get(*at) else { return None };
    if depth > DEEPEST {
        return None;
    }
    let word = keyword(text, action)?;
    *at += 1;
    let mut head = action.tokens.get(1..)?.to_vec();
    let mut branches = Vec::new();
    let mut body = Vec::new();
    let mut otherwise = None;
    loop {
        let item = items.get(*at)?;
        match item {
            Item::Literal(range) => body.push(Tree::Literal(text.get(range.clone())?.to_owned())),
            Item::Action(action) if action.comment => {}
            Item::Action(action) if is_end(text, action) => break,
            Item::Action(action) => match keyword(text, action) {
                Some("else") if otherwise.is_none() => {
                    branches.push(Branch { head: std::mem::take(&mut head), body: std::mem::take(&mut body) });
                    match action.tokens.get(1..)? {
                        [] => otherwise = Some(()),
                        [second, rest @ ..] if text.get(second.range.clone()) == Some(word) => head = rest.to_vec(),
                        _ => return None,
                    }
                }
                Some("if" | "range" | "with") => {
                    body.push(block(text, items, at, depth + 1)?);
                    continue;
                }
                Some(_) => return None,
                None => body.push(Tree::Expression(action.tokens.clone())),
            },
        }
        *at += 1;
    }
    *at += 1;
    let otherwise = match otherwise {
        Some(()) => body,
        None => {
            branches.push(Branch { head, body });
            Vec::new()
        }
    };
    Some(match word {
        "if" => Tree::If(branches, otherwise),
        "with" => Tree::With(branches, otherwise),
        _ => Tree::Range(branches.into_iter().next()?, otherwise),
    })
}

fn short(form: String) -> Option<String> {
    (form.len() <= LONGEST && !form.contains('\n')).then_some(form)
}

fn blocks(text: &str, word: &str, range: Range<usize>, tree: Option<Tree>) -> Construct {
    let form = tree.map(|tree| translate::tree(text, &tree, &Dot::Root)).and_then(short);
    let form = form.map(|form| format!("write `{{{{ {form} }}}}`"));
    let (what, words, more) = match word {
        "if" => (
            "a block (`{{ if … }}`)",
            "write `{{ condition ? 'value' : 'other' }}`",
            Some("a condition is a boolean: whether a field is there is asked with `has(spec.x)`"),
        ),
        "with" => (
            "a block (`{{ with … }}`)",
            "write `{{ has(spec.x) ? spec.x : 'other' }}`, or `{{ spec.x | default 'other' }}`",
            None,
        ),
        _ => (
            "a block (`{{ range … }}`)",
            "write `{{ spec.items.map(item, item.name).join(',') }}`",
            Some("for one child for each element, write `forEach: {field: spec.items, as: item}`"),
        ),
    };
    let hints = [form.unwrap_or_else(|| words.to_owned())].into_iter().chain(more.map(str::to_owned));
    Construct { range, what, hints: hints.collect() }
}

/// `define`, `block`, `template` and `include`.
fn named(text: &str, action: &Action, range: Range<usize>) -> Construct {
    let name = action.tokens.get(1).and_then(|token| text.get(token.range.clone())).unwrap_or_default();
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.trim_matches(['"', '\'', '`']).chars().map(letters).take(40).collect();
    let hint =
        format!("give the value a name below `vars`, as `{name}: \"{{{{ … }}}}\"`, and write `{{{{ vars.{name} }}}}`");
    Construct { range, what: "a named template", hints: vec![hint] }
}

/// An action that is no part of a block.
fn lone(text: &str, action: &Action) -> Option<Construct> {
    let is_variable = |token: &Token| token.kind == Kind::Other(b'$');
    let form = || short(translate::pipeline(text, &action.tokens, &Dot::Root));
    let construct = |what, hints| Some(Construct { range: action.range.clone(), what, hints });
    if action.comment {
        let hint = "write a comment of YAML, `# …`, on a line of its own".to_owned();
        return construct("a comment (`{{/* … */}}`)", vec![hint]);
    }
    if let Some(at) = action.tokens.iter().position(is_variable) {
        let word =
            |at: usize| action.tokens.get(at).and_then(|token| text.get(token.range.clone())).unwrap_or_default();
        let name = match word(at + 1) {
            "" | "." | "=" | ":" => "x",
            name => name,
        };
        let assigned = matches!((word(at + 2), word(at + 3)), (":", "=") | ("=", _)) && at == 0;
        let value = if word(at + 2) == ":" { at + 4 } else { at + 3 };
        let value = action.tokens.get(value..).filter(|value| assigned && !value.is_empty());
        let value = value.and_then(|value| short(translate::pipeline(text, value, &Dot::Root)));
        let value = value.unwrap_or_else(|| "…".to_owned());
        let hint =
            format!("write `{name}: \"{{{{ {value} }}}}\"` below `vars` of `operatorBox`, and `{{{{ vars.{name} }}}}`");
        return construct("a variable (`$x`)", vec![hint]);
    }
    if translate::calls_builtin(text, &action.tokens) {
        let hint = match form() {
            Some(form) => format!("write `{{{{ {form} }}}}`"),
            None => "write it with CEL's operators and `'%s'.format([x])`".to_owned(),
        };
        return construct("a function", vec![hint]);
    }
    if action.trims {
        let form = form().unwrap_or_else(|| "expression".to_owned());
        let hint = format!("write `{{{{ {form} }}}}`, and leave out the blanks around it: nothing trims them");
        return construct("a trim marker (`{{-`)", vec![hint]);
    }
    None
}
