//! Finding the programs of a control plane.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Error, Options, go_build};

/// Every program that a control plane is started with.
#[cfg(test)]
pub(crate) const PROGRAMS: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok"];

/// A directory that holds every program.
#[derive(Debug, Clone)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Finds the programs in the assets directory or the cache, or builds the missing ones into the cache.
///
/// All programs come from one directory: parts of two releases that happen to be at hand may refuse each other. For the
/// same reason `setup-envtest` is of no use here, its archives hold neither controllers nor a scheduler.
///
/// `report` gets one line at a time of what a person should know: before a build that it takes ten minutes, then how far it
/// is.
///
/// # Errors
///
/// [`Error::ProgramsMissing`] where a build is not allowed, [`Error::GoMissing`] and [`Error::BuildFailed`] where it does
/// not succeed, [`Error::File`] where the cache cannot be written.
pub fn find_or_build(options: &Options, report: &dyn Fn(&str)) -> Result<Binaries, Error> {
    let cache = options.programs();
    if let Some(assets) = &options.assets {
        let missing = missing_from(assets);
        if missing.is_empty() {
            return Ok(Binaries { directory: assets.clone() });
        }
        report(&format!("{} lacks {}: not used", assets.display(), missing.join(", ")));
    }
    let missing = missing_from(&cache);
    if missing.is_empty() {
        return Ok(Binaries { directory: cache });
    }
    if !options.build {
        let searched = options.assets.iter().cloned().chain([cache]).collect();
        return Err(Error::ProgramsMissing { missing, searched });
    }
    go_build::build_into(&go_build::CONTROL_PLANE, &cache, report)?;
    Ok(Binaries { directory: cache })
}

/// The programs that `directory` does not hold as executable files.
pub(crate) fn missing_from(directory: &Path) -> Vec<&'static str> {
    go_build::CONTROL_PLANE.missing_from(directory)
}

pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Finds the registries and their clients in `cache/orkestra/registries/<version>/`, or builds the missing ones there.
///
/// The directory holds `registry`, `referrers-registry`, `oras`, `crane` and `cosign`. `report` gets lines as in
/// [`find_or_build`].
///
/// # Errors
///
/// [`Error::GoMissing`], [`Error::BuildFailed`] and [`Error::File`].
pub fn find_or_build_registries(cache: &Path, report: &dyn Fn(&str)) -> Result<PathBuf, Error> {
    let directory = cache.join("orkestra/registries").join(crate::versions::REGISTRIES);
    if !go_build::REGISTRIES.missing_from(&directory).is_empty() {
        go_build::build_into(&go_build::REGISTRIES, &directory, report)?;
    }
    Ok(directory)
}

/// Finds `helm` and `promtool` in `cache/orkestra/deployment/<version>/`, or builds the missing ones there. `report` gets lines
/// as in [`find_or_build`].
///
/// # Errors
///
/// [`Error::GoMissing`], [`Error::BuildFailed`] and [`Error::File`].
pub fn find_or_build_deployment(cache: &Path, report: &dyn Fn(&str)) -> Result<PathBuf, Error> {
    let directory = cache.join("orkestra/deployment").join(crate::versions::DEPLOYMENT);
    if !go_build::DEPLOYMENT.missing_from(&directory).is_empty() {
        go_build::build_into(&go_build::DEPLOYMENT, &directory, report)?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::random_hex;

    fn directory_with(programs: &[&str]) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("devcluster-test-{}", random_hex().unwrap()));
        std::fs::create_dir(&directory).unwrap();
        for program in programs {
            let path = directory.join(program);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        directory
    }

    fn options(assets: Option<&Path>, cache: &Path) -> Options {
        Options { assets: assets.map(Path::to_owned), build: false, ..Options::new(cache, cache) }
    }

    #[test]
    fn assets_with_every_program_are_used() {
        let assets = directory_with(&PROGRAMS);
        let cache = directory_with(&[]);
        let found = find_or_build(&options(Some(&assets), &cache), &|_| ()).unwrap();
        assert_eq!(found.directory(), assets);
        std::fs::remove_dir_all(assets).unwrap();
        std::fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn programs_of_two_directories_are_not_mixed() {
        let assets = directory_with(&PROGRAMS[..3]);
        let cache = directory_with(&[]);
        let programs = options(None, &cache).programs();
        std::fs::create_dir_all(programs.parent().unwrap()).unwrap();
        std::fs::rename(directory_with(&PROGRAMS[3..]), &programs).unwrap();
        match find_or_build(&options(Some(&assets), &cache), &|_| ()) {
            Err(Error::ProgramsMissing { missing, searched }) => {
                assert_eq!(missing, PROGRAMS[..3]);
                assert_eq!(searched, [assets.clone(), programs]);
            }
            other => panic!("expected ProgramsMissing, got {other:?}"),
        }
        std::fs::remove_dir_all(assets).unwrap();
        std::fs::remove_dir_all(cache).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_executed_is_missing() {
        let directory = directory_with(&PROGRAMS);
        std::fs::set_permissions(directory.join("kwok"), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(missing_from(&directory), ["kwok"]);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
