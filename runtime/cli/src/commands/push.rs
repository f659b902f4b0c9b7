//! `ork push`: a pattern directory becomes an artifact.

use orkestra_artifact::config::Tests;
use orkestra_artifact::layout::Directory;
use orkestra_artifact::{Listing, Package, Progress, PushOptions, Pushed, Registry, Repository, push};
use orkestra_pattern::Diagnostics;
use orkestra_pattern::model::Pattern;
use serde_json::json;

use super::test;
use crate::args::{Push, TextOrJson};
use crate::error::Error;
use crate::example_komposer;
use crate::output::{Output, escape, role};
use crate::package::package;
use crate::pattern_dir::PatternDir;
use crate::place::Place;
use crate::progress::Transfers;
use crate::{proof, transport};

/// The registry of artifacts that were never in one. No host can have this name (RFC 2606).
const NOWHERE: &str = "layout.invalid";

pub(crate) fn run(args: &Push, output: &Output) -> Result<(), Error> {
    let files = PatternDir::read(&args.dir)?;
    let pattern = files.checked(output)?;
    complete(&files, &pattern, output)?;
    let tests = match args.no_test {
        true => {
            output.warning("the pattern's cases were not run (--no-test), and the artifact says so");
            Tests { passed: 0, skipped: Some("--no-test".to_owned()) }
        }
        false => {
            let passed = test::all_pass(&args.dir, &files, &pattern, output)?;
            Tests { passed: u32::try_from(passed).unwrap_or(u32::MAX), skipped: None }
        }
    };
    let listing = listing(args, output)?;
    let package = package(&files, &pattern, tests, &listing)?;
    let mut options = PushOptions { tag: None, force: args.force, float: args.float };
    let (repository, pushed) = match &args.target {
        Place::Registry(reference) => {
            if reference.digest.is_some() {
                return Err(unusable(
                    "a digest says what an artifact is, not where to put one",
                    "write a tag, or none",
                ));
            }
            options.tag.clone_from(&reference.tag);
            let repository = reference.repository.clone();
            let client = transport::client(&args.transport)?;
            let pushed = transport::run(into(&client, &repository, &package, &options, &Transfers::new(output)))?;
            (repository, pushed)
        }
        Place::Directory(path) => {
            let path_of = format!("patterns/{}", package.config.name);
            let repository = Repository::at(NOWHERE, &path_of)
                .map_err(|error| unusable(&error.to_string(), "the name of the pattern must be one of a repository"))?;
            let layout = Directory::create(path)?;
            let pushed = transport::run(into(&layout, &repository, &package, &options, &Transfers::new(output)))?;
            (repository, pushed)
        }
        Place::Archive(_) => {
            return Err(unusable(
                "a tar is written as a whole",
                "push to `oci:DIR`, then `ork copy oci:DIR oci-archive:FILE`",
            ));
        }
    };
    tell(args, &repository, &package, &pushed, output)
}

/// What is said to catalogues. Who says something to them wants to be in them.
fn listing(args: &Push, output: &Output) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for (key, value) in &args.annotations {
        listing.set(key, value).map_err(|error| unusable(&error.to_string(), "see `ork push --help`"))?;
    }
    if !listing.is_empty() && !listing.missing().is_empty() {
        output.warning(format_args!("Artifact Hub lists nothing without {}", listing.missing().join(" and ")));
    }
    Ok(listing)
}

async fn into(
    registry: &impl Registry,
    repository: &Repository,
    package: &Package,
    options: &PushOptions,
    progress: &impl Progress,
) -> Result<Pushed, Error> {
    Ok(push(registry, repository, package, options, progress).await?)
}

/// Every file that a published pattern has must be there and not be empty, and its example must be one.
fn complete(files: &PatternDir, pattern: &Pattern, output: &Output) -> Result<(), Error> {
    let mut problems = Diagnostics::default();
    problems.extend(orkestra_pattern::required_files(&files.source));
    problems.extend(example_komposer::problems(files, Some(pattern)));
    problems.extend(proof::of(pattern, output)?);
    problems.sort();
    if problems.has_errors() {
        output.message(files.render(&problems, output.stderr_colored()).trim_end());
        return Err(Error::problems(&problems, &files.source));
    }
    Ok(())
}

fn tell(
    args: &Push,
    repository: &Repository,
    package: &Package,
    pushed: &Pushed,
    output: &Output,
) -> Result<(), Error> {
    let Pushed { tag, digest, replaced, moved, stayed } = pushed;
    if args.format == TextOrJson::Json {
        let stayed: Vec<_> = stayed.iter().map(|(tag, at)| json!({"tag": tag, "version": at.to_string()})).collect();
        return output.data(&format!(
            "{:#}\n",
            json!({
                "repository": repository.to_string(), "tag": tag, "digest": digest, "replaced": replaced,
                "moved": moved, "stayed": stayed, "tests": package.config.tests,
            })
        ));
    }
    let name = escape(&package.config.name);
    output.done(
        "Pushed",
        format_args!("{b}{name} {}{b:#} to {repository}:{tag}", package.config.version, b = role::NAME),
    );
    if let Some(replaced) = replaced {
        output.warning(format_args!("{tag} was {replaced} before"));
    }
    for tag in moved {
        output.note(format_args!("{tag} moved"));
    }
    for (tag, at) in stayed {
        output.note(format_args!("{tag} stays at {at}, which is later"));
    }
    output.data(&format!("{repository}@{digest}\n"))
}

fn unusable(problem: &str, hint: &str) -> Error {
    Error::Unusable { problem: problem.to_owned(), hint: Some(hint.to_owned()) }
}
