//! `ork init`: a pattern to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::args::Init;
use crate::error::Error;
use crate::output::{Output, escape, role};
use crate::pattern_dir::shown;

/// The files, each with its text. `__NAME__`, `__GROUP__`, `__KIND__`, `__SINGULAR__` and `__PLURAL__` are replaced.
const FILES: [(&str, &str); 6] = [
    ("katalog.yaml", include_str!("../../assets/init/katalog.yaml")),
    ("crd.yaml", include_str!("../../assets/init/crd.yaml")),
    ("cr.yaml", include_str!("../../assets/init/cr.yaml")),
    ("komposer.yaml", include_str!("../../assets/init/komposer.yaml")),
    ("README.md", include_str!("../../assets/init/README.md")),
    ("tests/basic.yaml", include_str!("../../assets/init/tests/basic.yaml")),
];

/// What comes beside them with a hook. `__SDK__` is where the SDK is.
const HOOK_FILES: [(&str, &str); 3] = [
    ("hooks/Cargo.toml", include_str!("../../assets/init/hooks/Cargo.toml")),
    ("hooks/src/lib.rs", include_str!("../../assets/init/hooks/src/lib.rs")),
    ("hook.yaml", include_str!("../../assets/init/hooks/hook.yaml")),
];

/// How lines begin that are written with a hook only, and without one only.
const WITH_HOOK: &str = "%hook%";
const WITHOUT_HOOK: &str = "%plain%";

/// A name is part of names of children, with a suffix.
const LONGEST_NAME: usize = 40;

pub(crate) fn run(args: &Init, output: &Output) -> Result<(), Error> {
    let names = Names::of(args)?;
    // Looked for before anything is written, so that a refusal leaves nothing behind.
    let hooked = args.hook.is_some();
    let files: Vec<(&str, &str)> = FILES.into_iter().chain(HOOK_FILES.into_iter().filter(|_| hooked)).collect();
    none_there(&args.dir, files.iter().map(|(file, _)| *file))?;
    let sdk = match &args.sdk {
        Some(path) => format!("{{ path = {:?} }}", sdk(path)?),
        None => format!("{:?}", env!("CARGO_PKG_VERSION")),
    };
    for (file, text) in files {
        write(&args.dir.join(file), &names.fill(&chosen(text, hooked)).replace("__SDK__", &sdk))?;
    }
    let dir = shown(&args.dir);
    let place = if dir.is_empty() { ".".to_owned() } else { dir };
    output.done("Created", format_args!("{b}{}{b:#} in {}", names.name, escape(&place), b = role::NAME));
    output.note("");
    let quoted = quoted(&place);
    let given = if hooked { format!(" --hook {}/hook.yaml", quoted.trim_end_matches('/')) } else { String::new() };
    let mut commands = vec![
        (format!("ork check --strict {quoted}"), "is it right?"),
        (format!("ork render {quoted}{given}"), "what would it make of cr.yaml?"),
        (format!("ork test {quoted}"), "does it do what tests/basic.yaml expects?"),
        (format!("ork explain {quoted}"), "why is each child there, and which rights does it need?"),
        (format!("ork dev {quoted}"), "run it, and see every save at work"),
    ];
    if hooked {
        commands.insert(1, (format!("ork build --hooks {quoted}"), "the crate in hooks/ to hooks.wasm"));
    }
    next(&commands, output);
    Ok(())
}

/// Says what can be done now.
pub(super) fn next(commands: &[(String, &str)], output: &Output) {
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    for (command, what) in commands {
        output.note(format_args!("  {command:<width$}  {s}{what}{s:#}", s = role::FAINT));
    }
}

/// A text's lines, without those of the other choice.
fn chosen(text: &str, hooked: bool) -> String {
    let (with, without) = if hooked { (WITH_HOOK, WITHOUT_HOOK) } else { (WITHOUT_HOOK, WITH_HOOK) };
    let lines = text.split_inclusive('\n').filter(|line| !line.starts_with(without));
    lines.map(|line| line.strip_prefix(with).unwrap_or(line)).collect()
}

/// Where the SDK is, for a manifest in another directory.
fn sdk(path: &Path) -> Result<String, Error> {
    let found = path.canonicalize().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    match found.join("Cargo.toml").is_file() {
        true => Ok(found.display().to_string()),
        false => Err(Error::Unusable {
            problem: format!("there is no crate in `{}`", shown(path)),
            hint: Some("--sdk is the directory of the crate orkestra-hook".to_owned()),
        }),
    }
}

/// Refuses a directory in which one of the files is there.
pub(super) fn none_there<'a>(dir: &Path, files: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
    match files.into_iter().find(|file| dir.join(file).symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(file) => Err(Error::Unusable {
            problem: format!("`{}` is there already", shown(&dir.join(file))),
            hint: Some("choose another directory; nothing is overwritten".to_owned()),
        }),
    }
}

/// Writes a file that must not be there yet.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// The names of a new pattern.
#[derive(Debug)]
struct Names {
    name: String,
    group: String,
    kind: String,
    singular: String,
    plural: String,
}

impl Names {
    fn of(args: &Init) -> Result<Self, Error> {
        let given = match &args.name {
            Some(name) => name.clone(),
            None => directory_name(&args.dir)?,
        };
        let name = if args.name.is_some() { given.clone() } else { given.to_lowercase() };
        check("--name", &given, is_label(&name) && name.len() <= LONGEST_NAME, "a DNS label of at most 40 characters")?;
        let group = args.group.clone().unwrap_or_else(|| format!("{name}.example.com"));
        let domain = group.len() <= 200 && group.contains('.') && group.split('.').all(is_label);
        check("--group", &group, domain, "a domain name in lower case, such as db.example.com")?;
        let kind = args.kind.clone().unwrap_or_else(|| camel_case(&name));
        let mut letters = kind.chars();
        let camel = letters.next().is_some_and(|first| first.is_ascii_uppercase())
            && letters.all(|c| c.is_ascii_alphanumeric())
            && kind.len() <= LONGEST_NAME;
        check("--kind", &kind, camel, "letters and digits, the first in upper case, such as Guestbook")?;
        let singular = kind.to_ascii_lowercase();
        Ok(Self { plural: plural(&singular), name, group, singular, kind })
    }

    fn fill(&self, text: &str) -> String {
        text.replace("__NAME__", &self.name)
            .replace("__GROUP__", &self.group)
            .replace("__KIND__", &self.kind)
            .replace("__SINGULAR__", &self.singular)
            .replace("__PLURAL__", &self.plural)
    }
}

fn check(option: &str, value: &str, fits: bool, expected: &str) -> Result<(), Error> {
    if fits {
        return Ok(());
    }
    Err(Error::Unusable {
        problem: format!("`{value}` cannot be used: {expected} is expected"),
        hint: Some(format!("give one with {option}")),
    })
}

/// The name of a directory that may not be there yet.
fn directory_name(dir: &Path) -> Result<String, Error> {
    let whole = match dir.canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound => dir.to_owned(),
        Err(source) => return Err(Error::Read { path: dir.to_owned(), source }),
    };
    Ok(whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
}

fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.len() <= 63
        && text.chars().all(inner)
}

/// `my-db` is `MyDb`.
fn camel_case(name: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split('-').map(upper).collect()
}

/// As kubebuilder and others guess it.
fn plural(singular: &str) -> String {
    let vowel_before_y = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match singular.strip_suffix('y') {
        Some(stem) if !vowel_before_y(stem) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|end| singular.ends_with(end)) => format!("{singular}es"),
        _ => format!("{singular}s"),
    }
}

/// A path as a shell takes it for one word.
pub(super) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_directory() {
        assert_eq!(camel_case("my-db"), "MyDb");
        let words = ["guestbook", "policy", "gateway", "proxy", "class", "batch"];
        let plurals = ["guestbooks", "policies", "gateways", "proxies", "classes", "batches"];
        assert_eq!(words.map(plural), plurals);
    }

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b"), "a/b");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
