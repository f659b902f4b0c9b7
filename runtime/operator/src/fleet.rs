//! The instances that run, and how they come, change and go while the process goes on.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::bring_up::bring_up;
use crate::controller::{EntryState, Shared};
use crate::error::StartError;
use crate::instance::Instance;
use crate::inventory::Inventory;
use crate::lock;
use crate::run::Options;
use crate::start::{check, declared, entries_of, install};
use crate::webhook::Asked;

/// One instance at work.
struct Member {
    instance: Arc<Instance>,
    entries: Vec<Arc<EntryState>>,
    tasks: Mutex<JoinSet<()>>,
}

/// All instances of the process.
pub(crate) struct Fleet {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    members: RwLock<Vec<Arc<Member>>>,
    /// What the webhook is asked for.
    asked: watch::Sender<Asked>,
    /// Held by whoever changes something, or writes what all of them need.
    pub(crate) changing: Mutex<()>,
}

impl Fleet {
    pub(crate) fn new(shared: Arc<Shared>, options: Options, asked: Asked) -> Self {
        let asked = watch::Sender::new(asked);
        Self { shared, options, members: RwLock::default(), asked, changing: Mutex::default() }
    }

    /// What the webhook is asked for, from now on.
    pub(crate) fn asked(&self) -> watch::Receiver<Asked> {
        self.asked.subscribe()
    }

    /// In the order in which they were named.
    pub(crate) fn instances(&self) -> Vec<Arc<Instance>> {
        lock::read(&self.members).iter().map(|member| member.instance.clone()).collect()
    }

    /// The entries of all instances.
    pub(crate) fn entries(&self) -> Vec<Arc<EntryState>> {
        lock::read(&self.members).iter().flat_map(|member| member.entries.iter().cloned()).collect()
    }

    /// Lets an instance work whose definitions and kinds are written.
    pub(crate) fn begin(&self, instance: Arc<Instance>, entries: Vec<Arc<EntryState>>) {
        let mut tasks = JoinSet::new();
        for state in &entries {
            let find = |name: &str| entries.iter().find(|other| other.entry.name == *name).cloned();
            let before = &state.entry.running.depends_on;
            // One that is left out keeps nobody back.
            let before = before.iter().filter_map(|(name, awaits)| Some((find(name)?, *awaits))).collect();
            tasks.spawn(bring_up(self.shared.clone(), state.clone(), before));
        }
        let member = Arc::new(Member { instance, entries, tasks: Mutex::new(tasks) });
        let mut members = lock::write(&self.members);
        match members.iter_mut().find(|known| known.instance.name == member.instance.name) {
            Some(known) => *known = member,
            None => members.push(member),
        }
    }

    /// Lets an instance work, instead of the one of its name if there is one, which goes on until the new one's definitions are taken.
    ///
    /// # Errors
    ///
    /// Why it does not: then what was there goes on as before.
    pub(crate) async fn put(&self, instance: Instance) -> Result<(), StartError> {
        let _alone = self.changing.lock().await;
        let others = self.instances();
        let others = others.iter().map(Arc::as_ref).filter(|other| other.name != instance.name);
        check(others.chain([&instance]), &self.options.namespace)?;
        let instance = Arc::new(instance);
        let Self { shared, options, .. } = self;
        let inventory = Inventory::new(shared.api.clone(), options.own_namespace.clone());
        let kinds = declared(std::slice::from_ref(&instance));
        let kinds = match shared.standing.may_write() {
            true => {
                if options.install_crds {
                    install(&shared.api, &instance, shared.webhook.as_deref()).await?;
                }
                inventory.record(&kinds).await?
            }
            // Whoever leads installs them, and they are waited for.
            false => inventory.look(&kinds).await?,
        };
        // The kinds may be new ones, or have new versions.
        shared.discovery.forget().await;
        self.know(&instance);
        self.end(&instance.name).await;
        let entries = entries_of(&instance, options, &kinds, None);
        self.begin(instance, entries);
        self.let_go();
        Ok(())
    }

    /// Ends an instance: its resources, what was made for them and its definitions stay. Says whether there was one.
    pub(crate) async fn remove(&self, name: &str) -> bool {
        let _alone = self.changing.lock().await;
        let was = self.end(name).await;
        lock::write(&self.members).retain(|member| member.instance.name != name);
        self.asked.send_if_modified(|asked| {
            let before = asked.clone();
            asked.let_go(name);
            *asked != before
        });
        self.let_go();
        was
    }

    /// Takes no new work, and lets what runs come to its end. Says whether all of it did in time.
    pub(crate) async fn stop(&self, within: Duration) -> bool {
        let members = lock::read(&self.members).clone();
        for entry in members.iter().flat_map(|member| &member.entries) {
            entry.dismiss();
        }
        let all = async {
            for member in &members {
                member.ended().await;
            }
        };
        let in_time = tokio::time::timeout(within, all).await.is_ok();
        // What did not end in time is dropped before another process may begin.
        for member in &members {
            member.tasks.lock().await.shutdown().await;
        }
        in_time
    }

    /// Ends every task at once.
    pub(crate) fn abort(&self) {
        for member in lock::read(&self.members).iter() {
            if let Ok(mut tasks) = member.tasks.try_lock() {
                tasks.abort_all();
            }
        }
    }

    async fn end(&self, name: &str) -> bool {
        let members = lock::read(&self.members).clone();
        let Some(member) = members.into_iter().find(|member| member.instance.name == name) else { return false };
        for entry in &member.entries {
            entry.dismiss();
        }
        if tokio::time::timeout(self.options.stop_limit, member.ended()).await.is_err() {
            tracing::warn!(pattern = name, "what it did was not done in time, and is dropped");
        }
        member.tasks.lock().await.shutdown().await;
        true
    }

    /// Notes what the process knows of all instances together.
    fn know(&self, instance: &Instance) {
        let kinds = instance.entries.iter().map(|entry| (entry.api.group.clone(), entry.api.kind.clone()));
        let mut primaries = lock::write(&self.shared.primaries);
        for kind in kinds {
            if !primaries.contains(&kind) {
                primaries.push(kind);
            }
        }
        if let Some(resync) = instance.entries.iter().map(|entry| entry.resync).max() {
            self.shared.reviews.keep_for(resync);
        }
        self.asked.send_if_modified(|asked| {
            let before = asked.clone();
            asked.take(instance);
            *asked != before
        });
    }

    /// Ends the watches that nobody needs any more.
    fn let_go(&self) {
        let entries = self.entries();
        self.shared.cache.retain(|resource| entries.iter().any(|entry| entry.uses(resource)));
    }
}

impl Member {
    async fn ended(&self) {
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}
