//! `ork explain`: what a pattern will do, and why.

mod facts;
mod graph;
#[cfg(test)]
mod hostile;
mod mermaid;
mod svg;
mod text;
mod values;

use orkestra_pattern::schema::nearest;

use crate::args::{Explain, ExplainFormat};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::pattern_dir::{PatternDir, shown};

use facts::Facts;

pub(crate) fn run(args: &Explain, output: &Output) -> Result<(), Error> {
    if let Some(file) = &args.file {
        return values::run(args, file, output);
    }
    let pattern = PatternDir::read(&args.dir)?.checked(output)?;
    if let Some(id) = &args.id {
        let known = pattern.entries.iter().flat_map(|entry| {
            entry.children.iter().map(|child| child.id.as_str()).chain(entry.reads.iter().map(|read| read.id.as_str()))
        });
        let known: Vec<&str> = known.collect();
        if !known.contains(&id.as_str()) {
            return Err(Error::Unusable {
                problem: format!("pattern `{}` has no child or read `{id}`", pattern.name),
                hint: Some(match nearest(id, known.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("it has {}", known.join(", ")),
                }),
            });
        }
    }
    let facts = Facts::of(args, &pattern, output)?;
    let file = |at: &str| shown(&args.dir.join(at));
    match args.format {
        ExplainFormat::Text => output.data(&text::of(&facts, file)),
        ExplainFormat::Json => output.bytes(format!("{:#}\n", facts.json()).as_bytes()),
        ExplainFormat::Mermaid => output.data(&escape(&mermaid::of(&facts))),
        ExplainFormat::Svg => output.bytes(svg::of(&facts).as_bytes()),
    }
}
