//! Random edits of each shipped pattern's Katalog, one line each. Every one must be noticed: by a diagnostic on the edited line
//! or about what was edited, or by a checked pattern that differs in the place where that line leads to. An edit that
//! changes nothing must change nothing in the YAML either, or only what is no part of a checked pattern; and then the program
//! that it is compiled to is the same but for places.
//!
//! The edits come from a fixed seed. `MUTATION_SEED` gives others, and `MUTATION_COUNT` more of each pattern: `make soak` asks for 200.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use orkestra_pattern::diagnostic::{Diagnostic, Style, render_all};
use orkestra_pattern::model::Pattern;
use orkestra_pattern::yaml::{self, Node};
use orkestra_pattern::{Diagnostics, Source};
use serde_json::Value;

use crate::{check, model, read, root};

/// Keys that are read by people, or that say what holds anyway.
const WITHOUT_EFFECT: [&str; 6] = ["description", "license", "keywords", "workers", "resync", "apiTypes"];

/// Where the value of a short form's key ends up, when not under its own name.
const ALIASES: [(&str, &[&str]); 13] = [
    ("port", &["ports"]),
    ("image", &["image"]),
    ("tag", &["image"]),
    ("headless", &["clusterIP"]),
    ("protocol", &["ports"]),
    ("targetPort", &["ports"]),
    ("storageClass", &["storageClassName"]),
    ("storageSize", &["storage"]),
    ("mountPath", &["volumeMounts"]),
    ("startup", &["startupProbe"]),
    ("readiness", &["readinessProbe"]),
    ("liveness", &["livenessProbe"]),
    ("probes", &["startupProbe", "readinessProbe", "livenessProbe"]),
];

/// A generator of random numbers that gives the same ones everywhere (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// An edited Katalog.
struct Edit {
    what: String,
    /// The edited line, from one; of a line that was taken out, the one that moved up.
    line: u32,
    before: String,
    after: String,
    text: String,
}

struct Original {
    katalog: String,
    crd: String,
    yaml: Node,
    model: Value,
    program: String,
}

/// What became of the edits of a pattern.
#[derive(Clone, Copy, Default)]
struct Counts {
    refused: u64,
    different: u64,
    equal: u64,
}

#[test]
#[allow(clippy::print_stdout, reason = "figures are what its long form is for")]
fn every_edit_is_noticed() {
    let from_environment = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = from_environment("MUTATION_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15);
    let count = from_environment("MUTATION_COUNT").unwrap_or(40);
    let mut wrong = Vec::new();
    let mut all = Counts::default();
    let shipped = shipped();
    assert!(shipped.len() >= 4, "{shipped:?}");
    for dir in &shipped {
        let name = dir.strip_prefix(root()).unwrap().display().to_string();
        let counts = edits_of(dir, seed, count, |why| wrong.push(format!("{name}: {why}")));
        let Counts { refused, different, equal } = counts;
        println!(
            "{name}: {count} edits, {refused} refused at their place, {different} different there, {equal} the same program"
        );
        all.refused += refused;
        all.different += different;
        all.equal += equal;
    }
    let count = count * shipped.len() as u64;
    assert!(wrong.is_empty(), "{} of {count} edits\n\n{}", wrong.len(), wrong.join("\n\n"));
    // A generator that only breaks, or only comments, would prove nothing.
    let Counts { refused, different, equal } = all;
    assert!(
        refused * 5 > count && different * 20 > count && equal > 0,
        "{refused} refused, {different} different, {equal} equal"
    );
}

/// The directories of the patterns that the project ships, in order.
fn shipped() -> Vec<PathBuf> {
    let below = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let named = below(&root().join("patterns")).into_iter().filter(|path| path.is_dir());
    let mut found: Vec<PathBuf> = named.flat_map(|dir| below(&dir)).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// Edits the pattern so many times, each time as it is shipped; `wrong` is told of edits that nobody notices.
fn edits_of(dir: &Path, seed: u64, count: u64, mut wrong: impl FnMut(String)) -> Counts {
    let mut random = Random(seed);
    let (katalog, crd) = (read(&dir.join("katalog.yaml")), read(&dir.join("crd.yaml")));
    let source = source(&katalog, &crd);
    let (pattern, problems) = check(&source);
    let pattern = pattern.unwrap_or_else(|| panic!("{}", render_all(&problems, &source, Style::Plain)));
    let (model, program) = (model::to_json(&pattern), program(&pattern));
    let original = Original { yaml: parse(&source).unwrap(), model, program, katalog, crd };
    let mut counts = Counts::default();
    for _ in 0..count {
        let edit = edit(&original.katalog, &mut random);
        match judge(&original, &edit) {
            Ok(Outcome::Refused) => counts.refused += 1,
            Ok(Outcome::Different) => counts.different += 1,
            Ok(Outcome::Equal) => counts.equal += 1,
            Err(why) => {
                wrong(format!("{} of line {}:\n  - {}\n  + {}\n{why}", edit.what, edit.line, edit.before, edit.after))
            }
        }
    }
    counts
}

/// The program that the component of a pattern holds beside the engine, in words and without places.
fn program(pattern: &Pattern) -> String {
    let compiled = orkestra_compile::compile(pattern).unwrap_or_else(|error| panic!("{error}"));
    let program = format!("{:?}", orkestra_program::decode(&compiled.program).unwrap());
    let mut pieces = program.split("katalog.yaml:");
    let mut bare = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        bare += "katalog.yaml:";
        bare += piece.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ':');
    }
    bare
}

fn source(katalog: &str, crd: &str) -> Source {
    Source::new().with("katalog.yaml", katalog.as_bytes()).with("crd.yaml", crd.as_bytes())
}

fn parse(source: &Source) -> Option<Node> {
    let (documents, problems) = yaml::parse(source, source.find("katalog.yaml")?, yaml::Bounds::default());
    if problems.is_empty() { documents.into_iter().next() } else { None }
}

fn edit(katalog: &str, random: &mut Random) -> Edit {
    let lines: Vec<&str> = katalog.lines().collect();
    loop {
        let at = random.below(lines.len());
        let before = lines[at];
        if before.trim().is_empty() {
            continue;
        }
        let indent = before.len() - before.trim_start().len();
        let letters = |keep: &dyn Fn(usize, char) -> bool| -> Vec<usize> {
            before.char_indices().filter(|(at, letter)| keep(*at, *letter)).map(|(at, _)| at).collect()
        };
        let colon = before.find(": ").or_else(|| before.strip_suffix(':').map(str::len)).unwrap_or(before.len());
        let replaced = |at: usize, by: &str| format!("{}{by}{}", &before[..at], &before[at + 1..]);
        let word = random.pick(&["x", "7", "q", "Z", "-", ".", "true", "{", "\"", ": "]);
        let (what, after) = match random.below(9) {
            0 => ("deletion", None),
            1 => {
                let key = letters(&|at, letter| at < colon && letter.is_ascii_alphanumeric());
                if key.is_empty() {
                    continue;
                }
                ("another letter in the key", Some(replaced(random.pick(&key), random.pick(&["x", "q", "Z"]))))
            }
            2 => {
                let value = letters(&|at, letter| at > colon && letter.is_ascii_alphanumeric());
                if value.is_empty() {
                    continue;
                }
                ("another letter in the value", Some(replaced(random.pick(&value), random.pick(&["x", "7", "Q"]))))
            }
            3 => ("more indentation", Some(format!("{}{before}", " ".repeat(1 + random.below(3))))),
            4 if indent > 0 => ("less indentation", Some(before[1 + random.below(indent.min(4))..].to_owned())),
            5 => {
                let marks = letters(&|_, letter| "\"'{}[]:,|-".contains(letter));
                if marks.is_empty() {
                    continue;
                }
                ("a mark less", Some(replaced(random.pick(&marks), "")))
            }
            6 => {
                let any = letters(&|at, letter| at >= indent && letter.is_ascii());
                let at = random.pick(&any);
                ("an insertion", Some(format!("{}{word}{}", &before[..at], &before[at..])))
            }
            7 => {
                let any = letters(&|at, letter| at >= indent && at + 1 < before.len() && letter.is_ascii());
                if any.is_empty() || !before.is_ascii() {
                    continue;
                }
                let at = random.pick(&any);
                let mut bytes = before.as_bytes().to_vec();
                bytes.swap(at, at + 1);
                ("two letters swapped", Some(String::from_utf8(bytes).unwrap()))
            }
            8 => {
                let any = letters(&|at, letter| at > colon && letter.is_ascii_alphanumeric());
                let Some(from) = any.first() else { continue };
                let end = before[*from..].find(['"', ',', '}', ' ', ']']).map_or(before.len(), |length| from + length);
                ("another value", Some(format!("{}{word}{}", &before[..*from], &before[end..])))
            }
            _ => continue,
        };
        if after.as_deref() == Some(before) {
            continue;
        }
        let mut edited: Vec<&str> = lines.clone();
        match &after {
            Some(after) => edited[at] = after,
            None => drop(edited.remove(at)),
        }
        return Edit {
            what: what.to_owned(),
            line: u32::try_from(at + 1).unwrap(),
            before: before.to_owned(),
            text: edited.join("\n") + "\n",
            after: after.unwrap_or_default(),
        };
    }
}

enum Outcome {
    Refused,
    Different,
    Equal,
}

fn judge(original: &Original, edit: &Edit) -> Result<Outcome, String> {
    let source = source(&edit.text, &original.crd);
    let (pattern, mut problems) = check(&source);
    problems.drop_notes();
    let shown = || render_all(&problems, &source, Style::Plain);
    if !problems.is_empty() {
        let keys =
            parse(&source).map(|yaml| keys_of_one(&original.yaml.to_json(), &yaml.to_json())).unwrap_or_default();
        let names_a_key = |problem: &Diagnostic| names(problem).iter().any(|name| keys.contains(name));
        return match problems.iter().any(|problem| is_about(problem, edit, &source) || names_a_key(problem)) {
            true => Ok(Outcome::Refused),
            false => Err(format!("no diagnostic is about the edit:\n{}", shown())),
        };
    }
    let pattern = pattern.ok_or("neither pattern nor diagnostics")?;
    let model = model::to_json(&pattern);
    let yaml = parse(&source).ok_or("a checked pattern whose YAML is broken")?;
    let (old, new) = (original.yaml.to_json(), yaml.to_json());
    let written = model::differences(&old, &new);
    let changed = model::differences(&original.model, &model);
    let same_program = || match program(&pattern) == original.program {
        true => Ok(Outcome::Equal),
        false => Err("the same pattern is another program".to_owned()),
    };
    if written.is_empty() {
        return match changed.is_empty() {
            true => same_program(),
            false => Err(format!("the same YAML is another pattern: {changed:?}")),
        };
    }
    if changed.is_empty() {
        let known = written.iter().all(|path| path.iter().any(|key| WITHOUT_EFFECT.contains(&key.as_str())));
        return if known { same_program() } else { Err(format!("ignored: {written:?}")) };
    }
    for path in &changed {
        if !written.iter().any(|written| leads_to(written, path, [&old, &new])) {
            return Err(format!("{path:?} changed, which does not come from {written:?}"));
        }
    }
    Ok(Outcome::Different)
}

/// Whether a diagnostic is on the edited line, or names something that the edit took away or brought in.
fn is_about(problem: &Diagnostic, edit: &Edit, source: &Source) -> bool {
    let near = |span: orkestra_pattern::source::Span| {
        source.file(span.file).filter(|file| file.name() == "katalog.yaml").is_some_and(|file| {
            let (first, last) = (file.position(span.start).line, file.position(span.end).line);
            // What is left of a line that moved, or lost its children, belongs to the lines beside it.
            let moved =
                edit.after.is_empty() || edit.what.contains("indentation") || problem.code.id.starts_with("K00");
            let (above, below) = if moved { (blank_lines(edit, false), blank_lines(edit, true)) } else { (0, 0) };
            first <= edit.line + below && last + above >= edit.line
        })
    };
    // A line between two that are now at odds, as the `-` between two items.
    let between = |note: orkestra_pattern::source::Span| {
        let (Some(span), Some(file)) = (problem.span, source.file(note.file)) else { return false };
        problem.code.id == "K0005"
            && (file.position(note.start).line..=file.position(span.start).line).contains(&edit.line)
    };
    if problem.notes.iter().any(|note| between(note.span)) {
        return true;
    }
    if problem.span.is_some_and(near) || problem.notes.iter().any(|note| near(note.span)) {
        return true;
    }
    let named = names(problem);
    let (before, after): (BTreeSet<_>, BTreeSet<_>) = (words(&edit.before).collect(), words(&edit.after).collect());
    before.symmetric_difference(&after).any(|word| named.contains(word))
}

/// What a diagnostic names.
fn names(problem: &Diagnostic) -> BTreeSet<String> {
    let texts = [Some(&problem.message), problem.found.as_ref(), problem.expected.as_ref()];
    texts.into_iter().flatten().chain(&problem.hints).flat_map(|text| words(text)).collect()
}

/// Keys that only one of two values has: those that an edit took away or brought in.
fn keys_of_one(old: &Value, new: &Value) -> BTreeSet<String> {
    let has = |root: &Value, path: &[String]| {
        path.iter().try_fold(root, |node, key| node.get(key).or_else(|| node.get(key.parse::<usize>().ok()?))).is_some()
    };
    let paths = model::differences(old, new).into_iter().filter(|path| has(old, path) != has(new, path));
    paths.filter_map(|path| path.last().cloned()).collect()
}

/// How far the next line is that holds something, above or below the edit.
fn blank_lines(edit: &Edit, below: bool) -> u32 {
    let lines: Vec<&str> = edit.text.lines().collect();
    let at = edit.line as usize;
    let holds = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let distance = match below {
        true => lines.iter().skip(at).position(holds),
        false => lines.iter().take(at - 1).rev().position(holds),
    };
    u32::try_from(distance.map_or(1, |distance| distance + 1)).unwrap()
}

/// Identifiers of two letters or more.
fn words(text: &str) -> impl Iterator<Item = String> {
    let split = |letter: char| !(letter.is_ascii_alphanumeric() || "_-".contains(letter));
    text.split(split).filter(|word| word.len() > 1).map(str::to_owned)
}

/// Whether a value at that path of the Katalog becomes one at this path of the checked pattern.
fn leads_to(written: &[String], path: &[String], roots: [&Value; 2]) -> bool {
    let written: Vec<&str> = written.iter().map(String::as_str).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match written.as_slice() {
        ["metadata", key, ..] => path == [*key],
        ["spec", "inputs", ..] => path.first() == Some(&"inputs"),
        ["spec", "crds", entry, rest @ ..] => {
            if path.get(..2) != Some(&["entries", *entry]) {
                // A whole entry under another name.
                return rest.is_empty() && path.first() == Some(&"entries");
            }
            match rest {
                ["operatorBox", "vars", name, ..] => path.get(2..4) == Some(&["vars", *name]),
                ["operatorBox", "vars"] => path.get(2) == Some(&"vars"),
                ["operatorBox", "status", ..] => path.get(2) == Some(&"status"),
                ["operatorBox", "onReconcile" | "onCreate", list, index, rest @ ..] => {
                    path.get(2) == Some(&"children") && child(list, index, rest, &path[3..], roots)
                }
                ["operatorBox", "onReconcile" | "onCreate", ..] => path.get(2) == Some(&"children"),
                ["conversion", ..] => path.get(2) == Some(&"conversions"),
                ["workers"] => path.get(2) == Some(&"workers"),
                ["resync"] => path.get(2) == Some(&"resync"),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether a key of one template leads to a place in one child. Both are paths from the template and from `children`.
fn child(list: &str, index: &str, key: &[&str], place: &[&str], roots: [&Value; 2]) -> bool {
    let ids: Vec<String> = roots.iter().filter_map(|root| id(root, list, index)).collect();
    let Some((id, place)) = place.split_first() else { return false };
    let own = ids.iter().any(|known| known == id);
    match key {
        // An id names the child, its pods and its container, and the selectors that lead to them.
        ["id"] => own || place.contains(&"orkestra.orkspace.io/id") || place.contains(&"requires"),
        ["reconcile"] => own && place.contains(&"policy"),
        ["name"] => own && (place.ends_with(&["metadata", "name"]) || place.contains(&"serviceName")),
        ["when"] => own && place.contains(&"when"),
        // With the kind, the types of all its fields are others.
        ["manifest", "apiVersion" | "kind"] => own,
        _ => {
            // The last key of the path by name; list indexes come and go in the rewriting.
            let Some(name) = key.iter().rev().find(|key| key.parse::<usize>().is_err()) else { return own };
            let alias = ALIASES.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, alias)| alias);
            let first = key.first().is_some_and(|key| key == name);
            own && (place.contains(name)
                || place.contains(&"requires")
                || alias.iter().any(|alias| place.contains(alias))
                // A claim's name is also the name of its mount.
                || (*name == "name" && key.contains(&"volumeClaimTemplates") && place.contains(&"volumeMounts"))
                || (first && *name == "volumeClaimTemplates" && place.contains(&"volumeMounts")))
        }
    }
}

fn id(root: &Value, list: &str, index: &str) -> Option<String> {
    let entries = root.get("spec")?.get("crds")?.as_object()?;
    entries.values().find_map(|entry| {
        let on = entry.get("operatorBox")?;
        let lists = on.get("onReconcile").into_iter().chain(on.get("onCreate"));
        lists
            .filter_map(|on| on.get(list)?.get(index.parse::<usize>().ok()?)?.get("id")?.as_str())
            .next()
            .map(str::to_owned)
    })
}

/// The test's own eyes: a diagnostic elsewhere about something else is not taken for one about the edit.
#[test]
fn a_diagnostic_elsewhere_is_not_about_an_edit() {
    let katalog =
        "apiVersion: orkestra.orkspace.io/v1\nkind: Katalog\nmetadata:\n  name: a\n  version: b\nspec: {crds: {}}\n";
    let source = source(katalog, "");
    let mut problems = Diagnostics::default();
    problems.extend(check(&source).1);
    let edit = |line: u32, before: &str| Edit {
        what: "another value".to_owned(),
        line,
        before: before.to_owned(),
        after: "  zz: yy".to_owned(),
        text: katalog.to_owned(),
    };
    let version = problems.iter().find(|problem| problem.code.id == "K0208").unwrap();
    assert!(is_about(version, &edit(5, "  version: b"), &source));
    assert!(!is_about(version, &edit(4, "  name: a"), &source));
}
