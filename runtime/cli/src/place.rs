//! Where an artifact is, as it is typed: in a registry, in an image layout's directory or in its tar.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use orkestra_artifact::layout::{Archive, Directory, Entry};
use orkestra_artifact::versions::version_of;
use orkestra_artifact::{Reference, Repository};

use crate::error::Error;
use crate::pattern_dir::shown;

/// A place that is named on the command line. The prefixes are those of skopeo.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// `ghcr.io/example/postgres:v14`
    Registry(Reference),
    /// `oci:DIR`
    Directory(PathBuf),
    /// `oci-archive:FILE`
    Archive(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = |rest: &str| match rest {
            "" => Err("after the colon a path is expected".to_owned()),
            rest => Ok(PathBuf::from(rest)),
        };
        // `oci://` before a reference is Helm's way of writing it.
        match text.strip_prefix("oci:").filter(|rest| !rest.starts_with("//")) {
            Some(rest) => path(rest).map(Self::Directory),
            None => match text.strip_prefix("oci-archive:") {
                Some(rest) => path(rest).map(Self::Archive),
                None => text
                    .parse()
                    .map(Self::Registry)
                    .map_err(|error: orkestra_artifact::reference::NotAReference| error.to_string()),
            },
        }
    }
}

/// The one artifact of a layout's directory.
pub(crate) fn in_directory(path: &Path) -> Result<(Directory, Reference), Error> {
    let layout = Directory::open(path)?;
    let reference = the_only(path, &layout.entries()?)?;
    Ok((layout, reference))
}

/// The one artifact of a layout's tar.
pub(crate) fn in_archive(path: &Path) -> Result<(Archive, Reference), Error> {
    let layout = Archive::open(path)?;
    let reference = the_only(path, &layout.entries())?;
    Ok((layout, reference))
}

/// The artifact that a layout names. Floating tags are further names of the same one; what has no tag (a signature) is none.
fn the_only(path: &Path, entries: &[Entry]) -> Result<Reference, Error> {
    let unusable = |problem: String, hint: &str| Error::Unusable { problem, hint: Some(hint.to_owned()) };
    let mut found: Vec<(&Repository, &str, &Entry)> = Vec::new();
    for entry in entries {
        let (Some(repository), Some(tag)) = (&entry.repository, &entry.tag) else { continue };
        let same = |(other, _, earlier): &(&Repository, &str, &Entry)| {
            *other == repository && earlier.descriptor.digest == entry.descriptor.digest
        };
        match found.iter_mut().find(|known| same(known)) {
            Some(known) if version_of(tag).is_some() => known.1 = tag,
            Some(_) => {}
            None => found.push((repository, tag, entry)),
        }
    }
    match found.as_slice() {
        [(repository, tag, entry)] => Ok(Reference {
            repository: (*repository).clone(),
            tag: Some((*tag).to_owned()),
            digest: Some(entry.descriptor.digest),
        }),
        [] => Err(unusable(
            format!("`{}` names no artifact with its repository and tag", shown(path)),
            "`ork copy` and `ork push` write layouts that do",
        )),
        several => {
            let names: Vec<_> = several.iter().map(|(repository, tag, _)| format!("{repository}:{tag}")).collect();
            Err(unusable(
                format!("`{}` holds several artifacts: {}", shown(path), names.join(", ")),
                "keep each in a layout of its own",
            ))
        }
    }
}
