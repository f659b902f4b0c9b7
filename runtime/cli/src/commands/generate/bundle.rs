//! `ork generate bundle`: all that a cluster needs to run a Komposer, as files for GitOps.

use std::path::Path;

use orkestra_komposer::{Auth, Located, TrustedKey};
use serde_json::Value;

use crate::args::Bundle;
use crate::bundle::{self, Carried, File, Runtime};
use crate::composition::{self, Composed, Documents, Opened};
use crate::documents::end_on_errors;
use crate::error::Error;
use crate::output::{Output, count, escape};
use crate::pattern_dir::{MAX_FILE, PatternDir, read_whole, shown};
use crate::{hooks, rbac};

/// Where the runtime finds what it was given.
const KOMPOSER: &str = "komposer.yaml";
const LOCK: &str = "komposer.lock";
const POLICY: &str = "policy.yaml";
const AUTHORITIES: &str = "registry-ca.pem";
/// The files of a pattern directory that a runtime reads.
const PATTERN: [&str; 2] = ["katalog.yaml", "crd.yaml"];
/// The most bytes of certificate authorities.
const MAX_AUTHORITIES: usize = 1 << 20;

pub(super) fn run(args: &Bundle, output: &Output) -> Result<(), Error> {
    let mut place = rbac::Place {
        definitions: !args.crds,
        shards: args.shards.is_some(),
        ..super::place(&args.system_namespace, args.namespace.as_slice())?
    };
    let image = image(args.image.as_deref(), output)?;
    let (composed, _) = composition::to_run(Documents::read(&args.file)?, &args.sources, true, output)?;
    let mut composed = composed.granted(output).whole(output)?;
    as_locked(&composed)?;
    from_the_komposer(&mut composed);
    let instances = &composed.composition.instances;
    place.komposer = args.resource.then(|| composed.opened.komposer.name.clone());
    let komposer = if args.resource { as_resources(&composed.opened, output)? } else { Vec::new() };
    let carried = carried(args, &composed.opened)?;
    let arguments = arguments(args, &carried, place.komposer.as_deref());
    warn_of_credentials(&composed.opened, output);
    let rights = rbac::bundle(instances, &place);
    for note in &rights.notes {
        output.warning(escape(&note.text));
    }
    let mut definitions = if args.crds { bundle::definitions(instances) } else { Vec::new() };
    if args.resource {
        definitions.extend(orkestra_komposer::definitions());
    }
    let runtime = Runtime { namespace: place.system, image, replicas: args.replicas, carried, arguments };
    let files = bundle::files(rights, &definitions, &runtime.objects()?, &komposer, &head(&args.file))?;
    match &args.output {
        None => output.bytes(files.into_iter().map(|file| file.text).collect::<String>().as_bytes()),
        Some(directory) => write(directory, &files, output),
    }
}

/// What each file says of itself. It is the same from whatever directory the command is run in.
fn head(komposer: &Path) -> String {
    let name = komposer.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    format!(
        "# Made of {name} by `ork generate bundle` of ork {}: change that, and make it anew.\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Lets reasons name places as they are seen from the Komposer, so that it does not matter from where the command is run.
fn from_the_komposer(composed: &mut Composed) {
    let base = shown(composed.opened.base());
    for instance in &mut composed.composition.instances {
        if let Ok(rest) = Path::new(&instance.path).strip_prefix(&base) {
            instance.path = rest.display().to_string();
        }
    }
}

/// Each pattern gives the component that is locked, or nothing would run of it.
fn as_locked(composed: &Composed) -> Result<(), Error> {
    let lock = composition::fitting_lock(&composed.opened)?;
    let mut problems = Vec::new();
    for instance in &composed.composition.instances {
        problems.extend(composition::stale(lock, instance, &composition::build(instance)?));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::NotLocked { problems }) }
}

/// The Komposer and its lock as objects.
fn as_resources(opened: &Opened, output: &Output) -> Result<Vec<Value>, Error> {
    end_on_errors(&opened.komposer.as_resource(), &opened.source, output)?;
    let lock = composition::fitting_lock(opened)?;
    Ok(vec![opened.komposer.root.to_json(), lock.to_json()])
}

/// The Komposer with all files that it and the policy refer to.
fn carried(args: &Bundle, opened: &Opened) -> Result<Carried, Error> {
    let mut carried = Carried::default();
    for import in &opened.komposer.imports {
        let Some(path) = import.path() else { continue };
        let directory = opened.base().join(path);
        let files = PatternDir::read(&directory)?;
        files.whole()?;
        for name in PATTERN {
            if let Some(bytes) = files.bytes(name) {
                carried.add(&Path::new(path).join(name), bytes.to_vec())?;
            }
        }
        if let Some(hook) = files.hook() {
            carried.add(&Path::new(path).join(hooks::FILE), hook.to_vec())?;
        }
    }
    let mut add = |path: &Path, from: &Path| carried.add(path, read_whole(from, MAX_FILE)?);
    // As an object it has no files.
    for key in opened.komposer.trust.iter().flat_map(|trust| &trust.keys).filter_map(TrustedKey::path) {
        add(Path::new(key), &opened.base().join(key))?;
    }
    if let (Some(policy), Some(path)) = (opened.policy(), &args.sources.policy) {
        for key in policy.trust.iter().flat_map(|trust| &trust.keys).filter_map(TrustedKey::path) {
            add(Path::new(key), &path.parent().unwrap_or(Path::new("")).join(key))?;
        }
        add(Path::new(POLICY), path)?;
    }
    if !args.resource {
        add(Path::new(KOMPOSER), &opened.path)?;
        add(Path::new(LOCK), &opened.lock_path())?;
    }
    let mut authorities = Vec::new();
    for path in &args.sources.transport.ca_files {
        authorities.extend(read_whole(path, MAX_AUTHORITIES)?);
        authorities.push(b'\n');
    }
    if !authorities.is_empty() {
        carried.add(Path::new(AUTHORITIES), authorities)?;
    }
    Ok(carried)
}

/// What `ork run` is told beside what the manifests tell it.
fn arguments(args: &Bundle, carried: &Carried, komposer: Option<&str>) -> Vec<String> {
    let mut arguments = vec![match komposer {
        Some(name) => format!("--komposer={name}"),
        None => "--locked".to_owned(),
    }];
    for (option, file) in [("--policy", POLICY), ("--ca-file", AUTHORITIES)] {
        if carried.has(file) {
            arguments.push(format!("{option}={}", Runtime::place(file)));
        }
    }
    arguments.extend(args.namespace.iter().map(|namespace| format!("--namespace={namespace}")));
    arguments.extend(args.shards.map(|shards| format!("--shards={shards}")));
    if args.crds {
        arguments.push("--no-crds".to_owned());
    }
    let transport = &args.sources.transport;
    arguments.extend(transport.mirrors.iter().map(|(prefix, mirror)| format!("--mirror={prefix}={mirror}")));
    arguments.extend(transport.realms.iter().map(|realm| format!("--realm={realm}")));
    if transport.plain_http {
        arguments.push("--plain-http".to_owned());
    }
    arguments
}

/// The image that was named. A tag may be another image tomorrow, which is said.
fn image(named: Option<&str>, output: &Output) -> Result<Option<String>, Error> {
    let usual = Runtime::usual_image();
    let Some(image) = named.or(usual.as_deref()) else { return Ok(None) };
    let wrong = |why: &str| Error::Unusable {
        problem: format!("`{}` is no image: {why}", escape(image)),
        hint: Some("write it as registry/repository@sha256:…".to_owned()),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "./:@_-".contains(c);
    if image.is_empty() || !image.chars().all(allowed) || !image.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(wrong("a name has letters, digits and `. / : @ _ -`"));
    }
    match image.split_once('@') {
        None => output.warning(format_args!(
            "NotPinned: the image `{image}` is named by its tag, which may be another image tomorrow; name its digest with --image"
        )),
        Some((name, digest)) => {
            let hex = digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64);
            if name.is_empty() || !hex.is_some_and(|hex| hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))) {
                return Err(wrong("behind `@` is a digest, sha256: and 64 hexadecimal digits"));
            }
        }
    }
    Ok(named.map(str::to_owned))
}

/// What lies on the machine that makes the bundle, and must not be in it.
fn warn_of_credentials(opened: &Opened, output: &Output) {
    for import in &opened.komposer.imports {
        let Located::Registry { reference, auth: Some(auth), .. } = &import.located else { continue };
        let variables = match auth {
            Auth::Basic { username, password } => format!("{username} and {password}"),
            Auth::Bearer { token } => token.clone(),
        };
        output.warning(format_args!(
            "`{}` is fetched with {variables}: give the container of the Deployment these variables, from a Secret",
            escape(&reference.to_string())
        ));
    }
}

fn write(directory: &Path, files: &[File], output: &Output) -> Result<(), Error> {
    std::fs::create_dir_all(directory).map_err(|source| Error::Write { path: directory.to_owned(), source })?;
    let made = |name: &str| files.iter().any(|file| file.name == name);
    if let Some(left) = bundle::FILES.into_iter().find(|name| !made(name) && directory.join(name).exists()) {
        return Err(Error::Unusable {
            problem: format!(
                "`{}` is from before, and would be applied with what is made now",
                shown(&directory.join(left))
            ),
            hint: Some("take it away, or make the bundle with the options of before".to_owned()),
        });
    }
    for file in files {
        crate::commands::build::replace(&directory.join(file.name), file.text.as_bytes())?;
    }
    let place = shown(directory);
    output.done("Wrote", format_args!("{} to {place}", count(files.len(), "file")));
    output.note(format_args!("  kubectl apply --server-side -f {place}"));
    output.data(&format!("{place}\n"))
}
