//! A Komposer that changes while `ork run` runs: patterns come, change and go without a restart.
//!
//! Every two seconds the bytes of the Komposer, its lock and the policy are looked at, which also sees how a kubelet swaps a mounted
//! ConfigMap. What cannot be had or does not load changes nothing: the version that ran goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use orkestra_artifact::Digest;
use orkestra_komposer::Instance;
use orkestra_operator::Handle;

use super::{Composing, Loader};
use crate::composition::{self, Broken};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::{rbac, webhook};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What runs, and the file that says what should.
pub(super) struct Follower<'a> {
    loader: &'a Loader<'a>,
    output: &'a Output,
    file: &'a Path,
    /// What the files were when they were read last.
    read: Digest,
    /// What each instance was loaded from.
    running: BTreeMap<String, Digest>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(
        loader: &'a Loader<'a>,
        output: &'a Output,
        file: &'a Path,
        running: BTreeMap<String, Digest>,
    ) -> Self {
        let read = files(file, loader.args.sources.policy.as_deref());
        Self { loader, output, file, read, running }
    }

    /// Follows the file. Never ends by itself.
    pub(super) async fn run(mut self, handle: Handle) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = files(self.file, self.loader.args.sources.policy.as_deref());
            if now == self.read {
                continue;
            }
            self.read = now;
            tracing::info!(file = %self.file.display(), "the Komposer has changed");
            if let Err(error) = self.change(&handle).await {
                let (reason, said) = (error.reason(), error.chain());
                tracing::error!(reason, "the change is not made, and what ran goes on: {}", escape(&said));
            }
        }
    }

    async fn change(&mut self, handle: &Handle) -> Result<(), Error> {
        let args = self.loader.args;
        // Patterns are fetched and compiled, which takes its time.
        let composed = tokio::task::block_in_place(|| {
            composition::to_run(self.file, &args.sources, args.locked, self.output).map(Composing::of)
        });
        let mut composing = composed?.granted(self.output);
        let wanted: BTreeSet<String> = composing.instances.iter().map(|instance| instance.name.clone()).collect();
        let named = |name: &String| wanted.contains(name) || composing.broken.iter().any(|broken| broken.name == *name);
        let gone: Vec<String> = self.running.keys().filter(|name| !named(name)).cloned().collect();
        for name in gone {
            handle.remove(&name).await;
            self.running.remove(&name);
            tracing::info!(pattern = %escape(&name), "runs no longer; what it made stays, and `ork uninstall` takes it away");
        }
        for instance in std::mem::take(&mut composing.instances) {
            match self.put(handle, &instance, &composing).await {
                Ok(()) => composing.instances.push(instance),
                Err(error) => composing.broken.push(Broken { name: instance.name, error }),
            }
        }
        for Broken { name, error } in &composing.broken {
            let (reason, said) = (error.reason(), error.chain());
            let goes_on = if self.running.contains_key(name) { ", and the version that ran goes on" } else { "" };
            tracing::error!(pattern = %escape(name), reason, "does not run{goes_on}: {}", escape(&said));
        }
        handle.set_broken(composing.reasons());
        handle.look_for_rights(rbac::needed(&composing.instances, &self.loader.place(), !args.no_impersonation)).await;
        Ok(())
    }

    /// Lets an instance run as it is now, if it is another one than before.
    async fn put(&mut self, handle: &Handle, instance: &Instance, composing: &Composing) -> Result<(), Error> {
        let loader = self.loader;
        let loaded = tokio::task::block_in_place(|| loader.load(instance, composing.lock.as_ref()))?;
        if self.running.get(&instance.name) == Some(&loaded.digest) {
            return Ok(());
        }
        // Whoever asks for a conversion while the definition changes is answered by the new rules, which know the old versions.
        let before = webhook::serving(&instance.pattern, loader.routes);
        loader.serve(instance, &loaded);
        let digest = loaded.digest;
        if let Err(error) = handle.put(loader.describe(instance, loaded)).await {
            webhook::serve_again(before, loader.routes);
            return Err(Error::Runtime(error.into()));
        }
        let (name, version) = (escape(&instance.name), &instance.pattern.version);
        tracing::info!(pattern = %name, %version, "runs as the Komposer says now");
        self.running.insert(instance.name.clone(), digest);
        Ok(())
    }
}

/// A digest of all that is read; a file that is not there is as one that is empty.
fn files(komposer: &Path, policy: Option<&Path>) -> Digest {
    let lock: PathBuf = composition::lock_path(komposer);
    let paths = [Some(komposer), Some(&*lock), policy];
    let mut all = Vec::new();
    for bytes in paths.into_iter().flatten().map(|path| std::fs::read(path).unwrap_or_default()) {
        all.extend_from_slice(&bytes.len().to_le_bytes());
        all.extend_from_slice(&bytes);
    }
    Digest::of(&all)
}
