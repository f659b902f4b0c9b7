//! A run that changes nothing: every resource is looked at once, every write is tried out on the API server.

use std::sync::Arc;
use std::time::Duration;

use crate::api::Api;
use crate::cache::{Selector, Store};
use crate::conditions::UNSETTLED;
use crate::controller::{Controller, EntryState, Shared};
use crate::definition;
use crate::error::{ApiError, StartError};
use crate::events::Events;
use crate::instance::Instance;
use crate::reconcile::reconcile;
use crate::rehearsal::Change;
use crate::run::Options;
use crate::shards::Shards;
use crate::standing::Standing;
use crate::start::{Assembled, Assembling, assemble, check};

/// How long the first list of the resources may take.
const LISTED_WITHIN: Duration = Duration::from_secs(60);

/// What a run would do.
#[derive(Debug, Default)]
pub struct DryRun {
    /// Changes that belong to no resource: definitions.
    pub changes: Vec<Change>,
    /// Each resource that was looked at.
    pub resources: Vec<Looked>,
    /// What could not be looked at, and why: in words, by instance or `instance/entry`.
    pub skipped: Vec<(String, String)>,
}

/// What a run would do for one resource.
#[derive(Debug)]
pub struct Looked {
    /// `instance/entry`
    pub controller: String,
    /// The resource's kind.
    pub kind: String,
    /// Empty for a resource outside of namespaces.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// In the order in which they would be made.
    pub changes: Vec<Change>,
    /// The reason and the message of what stands in the way, or of what is waited for; none where it would be ready.
    pub problem: Option<(String, String)>,
}

/// Looks at every resource once and tries out every write. Nothing is changed in the cluster, and no Event is sent.
///
/// # Errors
///
/// As [`Runtime::start`](crate::Runtime::start): instances that cannot run together, an API server that does not answer.
pub async fn dry_run(client: kube::Client, options: Options, instances: Vec<Instance>) -> Result<DryRun, StartError> {
    check(&instances, &options.namespace)?;
    let api = Api::new(client, options.request_limit).rehearsing();
    // What is only tried out needs no leader.
    let standing = Arc::new(Standing::alone());
    let shards = Arc::new(Shards::whole(api.clone(), standing.clone()));
    // Without its task nothing is sent.
    let (events, _unsent) = Events::new(shards.clone());
    let all = Assembling { api, events, standing, shards, webhook: None };
    let Assembled { shared, instances, refused } = assemble(all, &options, instances).await?;
    let mut result = DryRun { changes: taken(&shared), ..DryRun::default() };
    result.skipped.extend(refused.iter().map(|(instance, error)| (instance.clone(), error.to_string())));
    // All are listed before any is looked at: whose an object is may depend on the resources of another entry.
    let mut listed = Vec::new();
    let entries: Vec<_> = instances.into_iter().flat_map(|(_, entries)| entries).collect();
    for state in entries.iter().filter(|state| !refused.contains_key(&state.instance.name)) {
        match list(&shared, state).await {
            Ok(primaries) => listed.push((state, primaries)),
            Err(why) => result.skipped.push((state.name.clone(), why)),
        }
    }
    for (state, primaries) in listed {
        match look(&shared, state, primaries).await {
            Ok(looked) => result.resources.extend(looked),
            Err(why) => result.skipped.push((state.name.clone(), why)),
        }
    }
    shared.cache.stop();
    Ok(result)
}

fn taken(shared: &Shared) -> Vec<Change> {
    shared.api.rehearsal().map(|rehearsal| rehearsal.take()).unwrap_or_default()
}

/// Lists the resources of one entry; or says why it cannot.
async fn list(shared: &Shared, state: &EntryState) -> Result<Arc<Store>, String> {
    let api = &state.entry.api;
    let api_version = crate::discovery::api_version(&api.group, &api.version);
    let words = |error: ApiError| error.to_string();
    let Some(resource) = shared.discovery.find(&api_version, &api.kind).await.map_err(words)? else {
        return Err(format!("the API server serves no {} in {api_version} yet, so there are no resources", api.kind));
    };
    let primaries = shared.cache.store(&resource, Selector::All);
    if tokio::time::timeout(LISTED_WITHIN, primaries.wait_synced()).await.is_err() {
        return Err(primaries.waits_for().unwrap_or_else(|| format!("{} could not be listed", resource.plural)));
    }
    Ok(primaries)
}

/// Looks at the resources of one entry; or says why it cannot.
async fn look(shared: &Arc<Shared>, state: &Arc<EntryState>, primaries: Arc<Store>) -> Result<Vec<Looked>, String> {
    let api = &state.entry.api;
    let schema = definition::status_schema(&shared.api, &state.entry).await.map_err(|error| error.to_string())?;
    let controller = Controller::new(shared.clone(), state.clone(), primaries.clone(), schema);
    let mut all = Vec::new();
    let mut keys = primaries.keys("");
    keys.sort();
    for key in keys {
        reconcile(&controller, 0, &key).await;
        let identity = &crate::identity::Identity::Process;
        let primary = primaries.get(identity, &key);
        let changes = taken(shared);
        // What is not selected and has nothing to lose is no resource of the pattern.
        if changes.is_empty() && primary.as_ref().is_some_and(|primary| !state.selects(primary)) {
            continue;
        }
        let status = primary.map(|primary| primary.tree());
        all.push(Looked {
            controller: state.name.clone(),
            kind: api.kind.clone(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            changes,
            problem: status.as_ref().and_then(problem),
        });
    }
    Ok(all)
}

/// What the conditions say, as they would be written.
fn problem(primary: &serde_json::Value) -> Option<(String, String)> {
    let conditions = primary.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| {
        let is = |kind: &str, status: &str| condition["type"] == kind && condition["status"] == status;
        is("Ready", "False") || is(UNSETTLED, "True")
    })?;
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    Some((text("reason"), text("message")))
}
