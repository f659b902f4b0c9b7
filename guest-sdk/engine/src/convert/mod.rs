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
mod render;
mod restore;
mod same;

use bumpalo::Bump;
use orkestra_program::{Code, ConversionCode, EntryCode, Program, ReadError};

use crate::eval::{EntryEnv, Env, Machine};
use crate::fault::{Fault, Res};
use crate::json::Document;
use crate::value::{Key, Value};

use kept::Kept;
pub(crate) use render::Source;

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
    let mut made: &'a [u8] = &[];
    for (from, to) in way {
        let hop = versions.hop(from, to)?;
        made = machine.hop(&hop, root, fragment, &mut kept)?;
        root = Document::new("the converted object", made).root(arena)?;
    }
    let mut out = Vec::with_capacity(made.len());
    kept.write(arena, root, made, &mut out)?;
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
    fn hop(&mut self, hop: &Hop<'a>, source: Value<'a>, fragment: bool, kept: &mut Kept<'a>) -> Res<'a, &'a [u8]> {
        let plain = self.make(&hop.there, source, fragment)?;
        if fragment {
            return Ok(plain);
        }
        let entries = kept.take(self.arena, hop.to.name)?;
        let mut made = plain;
        let mut seen = self.seen_back(hop, plain)?;
        if !entries.is_empty() {
            (made, seen) = self.put_back(hop, plain, seen, &entries)?;
        }
        let base = Document::new("the object on its way back", seen).root(self.arena)?;
        let lost = self.lost(hop, base, source)?;
        kept.put(self.arena, hop.from.name, lost)?;
        Ok(made)
    }

    /// Puts back what was kept, all of it where the source's version shows no difference then; else what of it can be.
    fn put_back(
        &mut self,
        hop: &Hop<'a>,
        plain: &'a [u8],
        seen: &'a [u8],
        entries: &[kept::Entry<'a>],
    ) -> Res<'a, (&'a [u8], &'a [u8])> {
        /// Above this number a forged entry costs the others.
        const ONE_BY_ONE: usize = 16;
        let whole = self.restored(hop, plain, entries)?;
        if self.seen_back(hop, whole)? == seen {
            return Ok((whole, seen));
        }
        let mut made = plain;
        for entry in entries.iter().take(if entries.len() > ONE_BY_ONE { 0 } else { ONE_BY_ONE }) {
            let next = self.restored(hop, made, core::slice::from_ref(entry))?;
            if self.seen_back(hop, next)? == seen {
                made = next;
            }
        }
        Ok((made, seen))
    }

    fn restored(&mut self, hop: &Hop<'a>, made: &'a [u8], entries: &[kept::Entry<'a>]) -> Res<'a, &'a [u8]> {
        let root = Document::new("the converted object", made).root(self.arena)?;
        let mut out = Vec::with_capacity(made.len());
        restore::restore(self, hop.to.schema, root, entries, &mut out)?;
        Ok(self.arena.alloc_slice_copy(&out))
    }

    /// What the source's version shows of a converted object.
    fn seen_back(&mut self, hop: &Hop<'a>, made: &'a [u8]) -> Res<'a, &'a [u8]> {
        let root = Document::new("the converted object", made).root(self.arena)?;
        self.make(&hop.back, root, false)
    }

    /// Runs one way's template over an object.
    fn make(&mut self, way: &ConversionCode<'a>, source: Value<'a>, fragment: bool) -> Res<'a, &'a [u8]> {
        self.env = Env::Entry(nothing(Document::known("the object", source)));
        self.source = Some(Source { root: source, cursor: source, fragment });
        let mut out = Vec::new();
        let mut code = way.object;
        if !self.render(&mut code, &mut out)? {
            out.extend_from_slice(b"{}");
        }
        Ok(self.arena.alloc_slice_copy(&out))
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
