//! `ork outdated`: which imports have newer versions than the lock.

use orkestra_artifact::{Reference, Registry, versions};
use orkestra_komposer::lock::name_of;
use orkestra_komposer::{Import, Located, Lock};
use semver::{Version, VersionReq};
use serde_json::json;

use crate::args::{self, TextOrJson};
use crate::composition::{Opened, Store};
use crate::error::Error;
use crate::output::{Output, escape, role};
use crate::transport;

/// One import of a registry.
struct Row {
    name: String,
    locked: Option<Version>,
    /// What `ork update` would give.
    fitting: Option<Version>,
    /// The highest that there is.
    newest: Option<Version>,
    /// Why it is not known.
    error: Option<Error>,
}

pub(crate) fn run(args: &args::Outdated, output: &Output) -> Result<(), Error> {
    let opened = Opened::read(&args.file.file, args.sources.policy.as_deref(), output)?;
    let lock = opened.lock.as_ref().ok_or(Error::NotLocked { problems: Vec::new() })?;
    let store = Store::open(&args.sources, &opened)?;
    let rows = transport::run(async {
        Ok(match &store {
            Store::Cached(registry) => rows(&opened.komposer.imports, lock, registry.registry()).await,
            Store::Remote(registry) => rows(&opened.komposer.imports, lock, &**registry).await,
            Store::Vendored(layout) => rows(&opened.komposer.imports, lock, layout).await,
        })
    })?;
    let text = |version: &Option<Version>| version.as_ref().map(Version::to_string);
    if args.format == TextOrJson::Json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({"name": row.name, "locked": text(&row.locked), "fitting": text(&row.fitting), "newest": text(&row.newest)}))
            .collect();
        output.data(&format!("{rows:#}\n", rows = json!(rows)))?;
    } else {
        let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(4);
        let line =
            |name: &str, cells: [&str; 3]| format!("{name:<width$}  {:<12} {:<12} {}\n", cells[0], cells[1], cells[2]);
        let mut table = format!("{s}{}{s:#}", line("NAME", ["LOCKED", "FITTING", "NEWEST"]), s = role::FAINT);
        for row in rows.iter().filter(|row| row.outdated()) {
            let cells =
                [&row.locked, &row.fitting, &row.newest].map(|version| text(version).unwrap_or_else(|| "-".to_owned()));
            table.push_str(&line(&escape(&row.name), [&cells[0], &cells[1], &cells[2]]));
        }
        if rows.iter().any(Row::outdated) {
            output.data(&table)?;
        }
    }
    for row in &rows {
        if let Some(text) = row.error.as_ref().and_then(Error::message) {
            output.problem(&escape(&format!("`{}`: {text}", row.name)), None);
        }
    }
    if rows.iter().any(|row| row.outdated() || row.error.is_some()) {
        return Err(Error::Silent);
    }
    output.done("Checked", "nothing is newer than the lock");
    Ok(())
}

impl Row {
    fn outdated(&self) -> bool {
        self.newest > self.locked
    }
}

async fn rows(imports: &[Import], lock: &Lock, registry: &impl Registry) -> Vec<Row> {
    let mut rows = Vec::new();
    for import in imports {
        let Located::Registry { reference, version, .. } = &import.located else { continue };
        let name = name_of(import).unwrap_or_default().to_owned();
        let mut row = Row {
            locked: lock.get(&name).map(|locked| locked.version.clone()),
            name,
            fitting: None,
            newest: None,
            error: None,
        };
        match registry.tags(&reference.repository).await {
            Ok(tags) => {
                let stable: Vec<_> = tags
                    .iter()
                    .filter(|tag| versions::version_of(tag).is_some_and(|version| version.pre.is_empty()))
                    .cloned()
                    .collect();
                row.newest = versions::best(&VersionReq::STAR, &stable).map(|(version, _)| version);
                row.fitting = fitting(reference, version.as_ref(), &tags).or_else(|| row.locked.clone());
            }
            Err(error) => row.error = Some(error.into()),
        }
        rows.push(row);
    }
    rows
}

/// The highest full version that what is asked for can mean. A digest means what is locked.
fn fitting(reference: &Reference, range: Option<&VersionReq>, tags: &[String]) -> Option<Version> {
    if reference.digest.is_some() {
        return None;
    }
    if let Some(range) = range {
        return versions::best(range, tags).map(|(version, _)| version);
    }
    let tag = reference.tag.as_deref()?;
    tags.iter().filter_map(|other| versions::version_of(other)).filter(|version| versions::fits_tag(version, tag)).max()
}
