//! One object, from one version of its kind to another.
//!
//! A conversion is a function of the object alone. Between two versions there is a way to and fro, and the one is the judge
//! of the other: what a way back would not bring back is *kept* in an annotation of the result ([`kept`]), and what is kept is
//! put back only where the version that the object comes from shows no difference ([`restore`]). So nothing that the target
//! cannot hold is lost, and nothing that the source can say is overruled by an annotation, whoever wrote it.
//!
//! A *fragment*, an object without `metadata.uid`, is what server-side apply converts beside whole objects: it has what one
//! manager set. It gains nothing and nothing of it is kept.

mod diff;
mod fits;
mod kept;
mod make;
mod restore;
mod same;

use bumpalo::Bump;
use orkestra_program::{Code, ConversionCode, EntryCode, Program, ReadError};

use crate::cost;
use crate::eval::{EntryEnv, Env, Machine};
use crate::fault::{Fault, Res};
use crate::json::{Document, write_value};
use crate::value::{Key, Value};

use kept::Kept;
pub(crate) use make::Source;

/// The annotation that holds what a version cannot.
pub(crate) const ANNOTATION: &str = "orkestra.orkspace.io/conversion-data";

/// Converts `object` to the version `target`. Gives the object without `apiVersion` and `kind`, of `metadata` labels and
/// annotations alone, and what it cost.
pub(crate) fn convert<'a>(
    arena: &'a Bump,
    program: Program<'a>,
    entry: &EntryCode<'a>,
    target: &str,
    object: &'a [u8],
    budget: u64,
) -> Res<'a, (Vec<u8>, u64)> {
    let document = Document::new("the object", object);
    let root = document.root(arena)?;
    let versions = Versions::read(arena, program, entry)?;
    let from = versions.of_object(root)?;
    let to = versions.named(target)?;
    if from == to {
        return Err(Fault::input(arena, &["the object is of the version ", target, " already"]));
    }
    let mut machine = Machine::new(arena, program, budget, Env::Entry(nothing(document)));
    let fragment = is_fragment(arena, root)?;
    let mut kept = if fragment { Kept::default() } else { Kept::read(arena, root)? };
    let mut root = root;
    // All ways lead through the storage version, which is the first.
    let way = if from == 0 || to == 0 { vec![(from, to)] } else { vec![(from, 0), (0, to)] };
    for (from, to) in way {
        root = machine.hop(&versions.hop(from, to)?, root, fragment, &mut kept)?;
    }
    let root = kept.annotated(arena, root)?;
    // Most are about as long in the other version.
    let mut out = Vec::with_capacity(object.len() + object.len() / 8);
    write_value(arena, &mut out, root)?;
    machine.meter.spend(cost::traversal(out.len()))?;
    Ok((out, machine.meter.spent()))
}

/// A way to, and the way back that judges it.
struct Hop<'a> {
    there: ConversionCode<'a>,
    back: ConversionCode<'a>,
    from: Version<'a>,
    to: Version<'a>,
}

#[derive(Clone, Copy)]
struct Version<'a> {
    name: &'a str,
    schema: Code<'a>,
}

struct Versions<'a> {
    arena: &'a Bump,
    all: Vec<Version<'a>>,
    ways: Vec<ConversionCode<'a>>,
}

impl<'a> Versions<'a> {
    fn read(arena: &'a Bump, program: Program<'a>, entry: &EntryCode<'a>) -> Res<'a, Versions<'a>> {
        let malformed = |error| Fault::program(arena, error);
        let mut versions = Versions { arena, all: Vec::new(), ways: Vec::new() };
        for code in entry.versions {
            let version = program.version(code).map_err(malformed)?;
            versions.all.push(Version { name: version.name, schema: version.schema });
        }
        for code in entry.conversions {
            versions.ways.push(program.conversion(code).map_err(malformed)?);
        }
        Ok(versions)
    }

    fn named(&self, name: &str) -> Res<'a, usize> {
        let found = self.all.iter().position(|version| version.name == name);
        found.ok_or_else(|| Fault::input(self.arena, &["the pattern converts nothing to or from the version ", name]))
    }

    /// The version of an object, behind the slash of its `apiVersion`.
    fn of_object(&self, root: Value<'a>) -> Res<'a, usize> {
        let Value::Map(object) = root else { return Err(Fault::input(self.arena, &["the object is no JSON object"])) };
        match object.get(self.arena, Key::Text("apiVersion"))? {
            Some(Value::String(text)) => self.named(text.rsplit('/').next().unwrap_or(text)),
            _ => Err(Fault::input(self.arena, &["the object has no `apiVersion`"])),
        }
    }

    fn hop(&self, from: usize, to: usize) -> Res<'a, Hop<'a>> {
        let way = |from: usize, to: usize| {
            let fits = |way: &&ConversionCode<'_>| (usize::from(way.from), usize::from(way.to)) == (from, to);
            self.ways.iter().find(fits).copied()
        };
        let version = |number: usize| self.all.get(number).copied();
        match (way(from, to), way(to, from), version(from), version(to)) {
            (Some(there), Some(back), Some(from), Some(to)) => Ok(Hop { there, back, from, to }),
            _ => Err(Fault::program(self.arena, ReadError::Reference)),
        }
    }
}

impl<'a> Machine<'a> {
    /// One way: the object, with what was kept for its version put back; what it cannot hold goes into `kept`.
    fn hop(&mut self, hop: &Hop<'a>, source: Value<'a>, fragment: bool, kept: &mut Kept<'a>) -> Res<'a, Value<'a>> {
        let plain = self.make(&hop.there, source, fragment)?;
        if fragment {
            return Ok(plain);
        }
        let entries = kept.take(self.arena, hop.to.name)?;
        // What the source's version shows of it.
        let seen = self.make(&hop.back, plain, false)?;
        let made = if entries.is_empty() { plain } else { self.put_back(hop, plain, seen, &entries)? };
        let lost = self.lost(hop, seen, source)?;
        kept.put(self.arena, hop.from.name, lost)?;
        Ok(made)
    }

    /// Puts back what was kept, all of it where the source's version shows no difference then; else what of it can be.
    fn put_back(
        &mut self,
        hop: &Hop<'a>,
        plain: Value<'a>,
        seen: Value<'a>,
        entries: &[kept::Entry<'a>],
    ) -> Res<'a, Value<'a>> {
        /// Above this number a forged entry costs the others.
        const ONE_BY_ONE: usize = 16;
        let whole = restore::restore(self, hop.to.schema, plain, entries)?;
        if self.shows(hop, whole, seen)? {
            return Ok(whole);
        }
        let mut made = plain;
        for entry in entries.iter().take(if entries.len() > ONE_BY_ONE { 0 } else { ONE_BY_ONE }) {
            let next = restore::restore(self, hop.to.schema, made, core::slice::from_ref(entry))?;
            if self.shows(hop, next, seen)? {
                made = next;
            }
        }
        Ok(made)
    }

    /// Whether the source's version shows `seen` of a converted object.
    fn shows(&mut self, hop: &Hop<'a>, made: Value<'a>, seen: Value<'a>) -> Res<'a, bool> {
        let shown = self.make(&hop.back, made, false)?;
        same::same(self, Some(shown), Some(seen))
    }

    /// One way, over an object.
    fn make(&mut self, way: &ConversionCode<'a>, source: Value<'a>, fragment: bool) -> Res<'a, Value<'a>> {
        self.env = Env::Entry(nothing(Document::known("the object", source)));
        self.source = Some(Source { root: source, cursor: source, fragment });
        self.made_whole(way.object)
    }

    fn lost(&mut self, hop: &Hop<'a>, base: Value<'a>, source: Value<'a>) -> Res<'a, Vec<u8>> {
        let mut lossy = Vec::new();
        let (count, mut code) = hop.there.lossy;
        for _ in 0..count {
            let keys = self.program.next_keys(&mut code).map_err(|error| self.malformed(error))?;
            lossy.push(self.keys(keys)?);
        }
        diff::lost(self, hop.from.schema, &lossy, base, source)
    }
}

fn is_fragment<'a>(arena: &'a Bump, root: Value<'a>) -> Res<'a, bool> {
    let Value::Map(object) = root else { return Ok(true) };
    let Some(Value::Map(metadata)) = object.get(arena, Key::Text("metadata"))? else { return Ok(true) };
    Ok(!matches!(metadata.get(arena, Key::Text("uid"))?, Some(Value::String(uid)) if !uid.is_empty()))
}

/// A conversion knows its object and nothing else.
fn nothing(primary: Document<'_>) -> EntryEnv<'_> {
    EntryEnv {
        primary,
        inputs: Document::new("inputs", b"{}"),
        hooks: Document::new("hooks", b"{}"),
        now: 0,
        entropy: &[],
        children: Vec::new(),
        reads: Vec::new(),
        vars: Vec::new(),
    }
}
