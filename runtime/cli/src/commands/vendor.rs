//! `ork vendor`: everything that a locked Komposer needs, in one directory.

use std::path::Path;

use orkestra_artifact::layout::Directory;
use orkestra_artifact::{Reference, Registry, Silent, copy};
use orkestra_komposer::{Lock, TrustedKey};

use crate::args::Vendor;
use crate::bundle::inside;
use crate::composition::{self, Opened, Store};
use crate::error::Error;
use crate::output::{Output, count};
use crate::pattern_dir::{MAX_FILE, PatternDir, read_whole, shown};
use crate::transport;

/// The image layout in the directory.
const ARTIFACTS: &str = "artifacts";

pub(crate) fn run(args: &Vendor, output: &Output) -> Result<(), Error> {
    let opened = Opened::read(&args.file.file, args.sources.policy.as_deref(), output)?;
    let lock = composition::fitting_lock(&opened)?.clone();
    let target = &args.output;
    super::pull::empty_directory(target)?;
    let write = |path: &Path, bytes: &[u8]| {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        std::fs::create_dir_all(path.parent().unwrap_or(target)).map_err(failed)?;
        super::build::replace(path, bytes)
    };
    for import in &opened.komposer.imports {
        let Some(path) = import.path() else { continue };
        let files = PatternDir::read(&opened.base().join(inside(Path::new(path))?))?;
        files.whole()?;
        for name in files.names() {
            write(&target.join(path).join(name), files.bytes(name).unwrap_or_default())?;
        }
    }
    for key in opened.komposer.trust.iter().flat_map(|trust| &trust.keys).filter_map(TrustedKey::path) {
        write(&target.join(inside(Path::new(key))?), &read_whole(&opened.base().join(key), MAX_FILE)?)?;
    }
    // Last, so that they win over a pattern that lies in the Komposer's own directory.
    write(&target.join("komposer.yaml"), &read_whole(&opened.path, MAX_FILE)?)?;
    write(&target.join("komposer.lock"), &read_whole(&opened.lock_path(), MAX_FILE)?)?;
    let layout = Directory::create(&target.join(ARTIFACTS))?;
    let store = Store::open(&args.sources, &opened)?;
    let number = transport::run(async {
        match &store {
            Store::Cached(registry) => carry(&**registry, &layout, &lock).await,
            Store::Remote(registry) => carry(&**registry, &layout, &lock).await,
            Store::Vendored(source) => carry(source, &layout, &lock).await,
        }
    })?;
    let place = shown(target);
    output.done("Vendored", format_args!("{} and the Komposer to {place}", count(number, "artifact")));
    output.note(format_args!("  ork run --locked -f {place}/komposer.yaml --artifacts {place}/{ARTIFACTS}"));
    output.data(&format!("{place}\n"))
}

/// Copies each artifact with its signatures, by the digest that is locked.
async fn carry(source: &impl Registry, layout: &Directory, lock: &Lock) -> Result<usize, Error> {
    let mut number = 0;
    for locked in &lock.instances {
        let Some(artifact) = &locked.artifact else { continue };
        let name = Reference {
            repository: artifact.repository.clone(),
            tag: artifact.tag.clone(),
            digest: Some(artifact.manifest),
        };
        copy(source, &name, layout, &name, true, &Silent).await?;
        number += 1;
    }
    Ok(number)
}
