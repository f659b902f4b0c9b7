//! A Komposer that changes while `ork run` runs: patterns come, change and go without a restart.
//!
//! What cannot be had or does not load changes nothing: the version that ran goes on. What may come right by itself, such as a registry
//! that does not answer, is tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::path::Path;
use std::time::Duration;

use orkestra_artifact::Digest;
use orkestra_komposer::Instance;
use orkestra_operator::Handle;

use super::origin::{Found, Origin};
use super::{Composing, Loader};
use crate::composition::{self, Broken};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::{rbac, webhook};

/// After what time a change is tried again that failed, at first and at most. Each try takes twice as long to come.
const AGAIN: [Duration; 2] = [Duration::from_secs(15), Duration::from_mins(5)];

/// What runs, and where it is said what should.
pub(super) struct Follower<'a> {
    loader: &'a Loader<'a>,
    output: &'a Output,
    origin: Origin<'a>,
    /// What was there when it was read last; none: nothing was read yet.
    read: Option<Digest>,
    /// After what time the last change is tried again; none: it is not.
    again: Option<Duration>,
    /// What each instance was loaded from.
    running: BTreeMap<String, Digest>,
}

impl<'a> Follower<'a> {
    /// Follows what nothing runs of yet.
    pub(super) fn new(loader: &'a Loader<'a>, output: &'a Output, origin: Origin<'a>) -> Self {
        Self { loader, output, origin, read: None, again: None, running: BTreeMap::new() }
    }

    /// Follows what was read and begun already.
    pub(super) async fn begun(mut self, running: BTreeMap<String, Digest>, composing: &Composing) -> Self {
        self.read = Some(self.origin.changed(None, self.policy()).await);
        self.running = running;
        self.try_again(composing.broken.iter().any(|broken| broken.error.may_pass()));
        self
    }

    fn policy(&self) -> Option<&'a Path> {
        self.loader.args.sources.policy.as_deref()
    }

    /// Follows it, and reports in it. Never ends by itself.
    pub(super) async fn run(self, handle: Handle) {
        let report = self.origin.report(handle.clone());
        tokio::select! {
            () = self.follow(handle) => {}
            () = report => {}
        }
    }

    async fn follow(mut self, handle: Handle) {
        loop {
            let (read, policy, again) = (self.read, self.policy(), self.again);
            tokio::select! {
                now = self.origin.changed(read, policy) => {
                    tracing::info!(komposer = %escape(&self.origin.shown()), "the Komposer has changed");
                    (self.read, self.again) = (Some(now), None);
                }
                () = after(again) => tracing::info!("what did not run is tried again"),
            }
            let found = self.origin.read();
            let ended = self.change(&found, &handle).await;
            let may_pass = match &ended {
                Ok(may_pass) => *may_pass,
                Err(error) => {
                    let (reason, said) = (error.reason(), error.chain());
                    tracing::error!(reason, "the change is not made, and what ran goes on: {}", escape(&said));
                    error.may_pass()
                }
            };
            self.origin.tell(&found, ended.as_ref().err());
            self.try_again(may_pass);
            // A process that could not do any of it must not take the place of one that did.
            if ended.is_ok() {
                handle.set_composed();
            }
        }
    }

    fn try_again(&mut self, may_pass: bool) {
        let [first, longest] = AGAIN;
        self.again = may_pass.then(|| self.again.map_or(first, |last| (last * 2).min(longest)));
    }

    /// Does what is said. Gives whether something of it that failed may come right by itself.
    async fn change(&mut self, found: &Found<'_>, handle: &Handle) -> Result<bool, Error> {
        let args = self.loader.args;
        // Patterns are fetched and compiled, which takes its time.
        let composed = tokio::task::block_in_place(|| match found.documents()? {
            None => Ok(Composing::default()),
            Some(documents) => {
                composition::to_run(documents, &args.sources, args.locked, self.output).map(Composing::of)
            }
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
        handle.look_for_rights(rbac::needed(&composing.instances, &self.loader.place(), !args.no_impersonation)).await;
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
        Ok(composing.broken.iter().any(|broken| broken.error.may_pass()))
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

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => pending().await,
    }
}
