//! Leader election: one process holds the Lease and writes, the others wait for it.
//!
//! Every write of the Lease carries the version that was read, so two that take it at once cannot both have it. Whoever holds
//! it may write for two thirds of its duration after the *sending* of the last renewal that succeeded; another one takes it
//! after the whole duration at the earliest. The third in between is for what is on its way already.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::api::{Api, Call, JSON, MERGE_PATCH, read_as};
use crate::backoff::spread;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::lease::{self, Step, Watch};
use crate::names;
use crate::standing::{Standing, clock};

/// How a process takes part in the election of a leader.
#[derive(Debug, Clone)]
pub struct Election {
    /// Unique among all that take part, also among those that ran before.
    identity: String,
    /// How long a lease holds that is not renewed. Whole seconds.
    duration: Duration,
}

impl Election {
    /// Of a process on `host`, or in the pod of this name, by a lease of 15 s.
    pub fn of(host: &str) -> Self {
        let mut drawn = [0; 8];
        let mine = match rustix::rand::getrandom(&mut drawn, rustix::rand::GetRandomFlags::empty()) {
            Ok(8) => u64::from_le_bytes(drawn),
            // No two of one machine start in the same nanosecond with the same number.
            _ => u64::try_from(clock().as_nanos()).unwrap_or_default() ^ u64::from(std::process::id()).rotate_left(48),
        };
        Self { identity: format!("{host}_{mine:016x}"), duration: Duration::from_secs(15) }
    }

    /// The same with a lease that holds so long, in whole seconds; three at least.
    #[must_use]
    pub fn lasting(self, duration: Duration) -> Self {
        Self { duration: Duration::from_secs(duration.as_secs().max(3)), ..self }
    }

    /// The name under which it holds the lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// For how long a lease holds that is not renewed.
    pub(crate) fn duration(&self) -> Duration {
        self.duration
    }

    /// How long a holder may write after a renewal was sent.
    fn trusted(&self) -> Duration {
        self.duration * 2 / 3
    }

    /// Time between renewals, and half of that between looks of who waits: it sees soon that a lease was released.
    pub(crate) fn every(&self) -> Duration {
        self.duration * 2 / 15
    }

    /// The longest that one request may take: a second one must fit into the time that a holder has.
    pub(crate) fn request_limit(&self) -> Duration {
        self.duration / 3
    }
}

/// The election at work.
pub(crate) struct Elector {
    api: Api,
    /// Name, namespace and labels of the Lease.
    metadata: Value,
    election: Election,
    standing: Arc<Standing>,
    watch: Watch,
    held: Option<Held>,
}

/// A Lease that we hold.
struct Held {
    /// As it was when it was read or written last.
    lease: Value,
    until: Duration,
    /// A renewal had no answer, so the Lease may be another one by now.
    unsure: bool,
}

impl Elector {
    /// Of who leads. `api` must be one whose writes do not ask who does.
    pub(crate) fn new(api: Api, namespace: &str, election: Election, standing: Arc<Standing>) -> Self {
        let metadata = json!({"name": lease::NAME, "namespace": namespace});
        Self { api, metadata, election, standing, watch: Watch::default(), held: None }
    }

    /// Of who holds a part of the primaries, of so many.
    pub(crate) fn of_shard(
        api: Api,
        namespace: &str,
        election: Election,
        standing: Arc<Standing>,
        (number, count): (usize, u16),
    ) -> Self {
        let metadata = json!({"name": lease::shard_name(number, count), "namespace": namespace,
            "labels": {lease::SHARDS_LABEL: count.to_string()}});
        Self { api, metadata, election, standing, watch: Watch::default(), held: None }
    }

    /// The Lease's name.
    pub(crate) fn name(&self) -> &str {
        self.metadata["name"].as_str().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.metadata["namespace"].as_str().unwrap_or_default()
    }

    /// The Lease that we hold, as it was read or written last.
    pub(crate) fn held(&self) -> Option<&Value> {
        self.held.as_ref().map(|held| &held.lease)
    }

    /// Whether the Lease, as it was just read, can be had.
    pub(crate) fn is_free(&mut self, lease: Option<&Value>) -> bool {
        let Election { identity, duration, .. } = &self.election;
        match self.watch.step(lease, identity, *duration, clock()) {
            Step::Create | Step::Take => true,
            Step::Follow(_) | Step::Wait => false,
        }
    }

    /// Tries once to be elected.
    ///
    /// # Errors
    ///
    /// What the API server says, where the Lease cannot even be looked at or made.
    pub(crate) async fn begin(&mut self) -> Result<(), ApiError> {
        self.compete().await
    }

    /// Takes part until `resign` is sent or dropped, and then lets the Lease go.
    pub(crate) async fn run(mut self, mut resign: oneshot::Receiver<()>) {
        loop {
            let pause = match &self.held {
                Some(held) => self.election.every().min(held.until.saturating_sub(clock())),
                None => spread(self.election.every() / 2, 0.2),
            };
            tokio::select! {
                _ = &mut resign => return self.release().await,
                () = tokio::time::sleep(pause) => {}
            }
            if self.held.is_some() {
                self.renew().await;
            } else if let Err(error) = self.compete().await {
                tracing::warn!(reason = error.reason(), %error, "the lease cannot be looked at; trying again");
                // Who is asked for something by others is ready for that also while the API server does not answer.
                if !error.transient() {
                    let lease = format!("{}/{}", self.namespace(), self.name());
                    self.standing.hindered(format!("the lease {lease} cannot be looked at: {error}"));
                }
            }
        }
    }

    /// Looks at the Lease, and takes it where it can be had.
    async fn compete(&mut self) -> Result<(), ApiError> {
        let lease = self.look().await?;
        let Election { identity, duration, .. } = &self.election;
        match self.watch.step(lease.as_ref(), identity, *duration, clock()) {
            Step::Follow(leader) => {
                if self.standing.leader().as_ref() != Some(&leader) {
                    let lease = format!("{}/{}", self.namespace(), self.name());
                    tracing::info!(
                        %leader, lease,
                        "another runtime leads, and this one takes over when that ends; to run other patterns beside it, use another --system-namespace"
                    );
                }
                self.standing.sees(Some(leader));
                return Ok(());
            }
            Step::Wait => {
                self.standing.sees(None);
                return Ok(());
            }
            Step::Create | Step::Take => {}
        }
        if self.take(lease.as_ref()).await? {
            self.begin_term();
            tracing::info!(identity = self.election.identity, "leading");
        }
        Ok(())
    }

    /// Writes ourselves into a Lease that is free, as it was read. Says whether it is ours; it is not yet written by it.
    pub(crate) async fn take(&mut self, lease: Option<&Value>) -> Result<bool, ApiError> {
        let Election { identity, duration, .. } = &self.election;
        let now = lease::micro_time(jiff::Timestamp::now());
        // What is sent holds from now on, not from when the answer came.
        let sent = clock();
        let written = match lease {
            Some(lease) => self.put(&lease::held(lease, identity, *duration, &now)).await,
            None => self.create(&lease::made(&self.metadata, identity, *duration, &now)).await,
        };
        match written {
            Ok(lease) => {
                self.held = Some(Held { lease, until: sent + self.election.trusted(), unsure: false });
                Ok(true)
            }
            // Another one was faster.
            Err(error) if error.code() == Some(409) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lets be written by the Lease that we hold.
    pub(crate) fn begin_term(&self) {
        if let Some(held) = &self.held {
            self.standing.elected(held.until);
        }
    }

    /// Renews the Lease that we hold. What could not be renewed in time is lost.
    pub(crate) async fn renew(&mut self) {
        let Some(mut held) = self.held.take() else { return };
        self.watch.saw(&held.lease, clock());
        match self.try_renew(&mut held).await {
            Ok(true) => self.standing.renewed(held.until),
            Ok(false) => {
                tracing::warn!(lease = self.name(), "no longer leading: the lease is another's, or gone");
                return self.standing.lost();
            }
            Err(error) => {
                held.unsure = true;
                tracing::warn!(lease = self.name(), reason = error.reason(), %error, "the lease was not renewed; trying again");
            }
        }
        if clock() >= held.until {
            tracing::warn!(lease = self.name(), "no longer leading: the lease could not be renewed in time");
            return self.standing.lost();
        }
        self.held = Some(held);
    }

    /// Whether it is still ours.
    async fn try_renew(&self, held: &mut Held) -> Result<bool, ApiError> {
        let Election { identity, duration, .. } = &self.election;
        let left = held.until.saturating_sub(clock());
        let renewing = async {
            // A second look, where somebody else wrote: a label, perhaps.
            for look in [held.unsure, true] {
                if look {
                    match self.look().await? {
                        Some(lease) if lease::holder(&lease) == Some(identity) => held.lease = lease,
                        _ => return Ok(false),
                    }
                }
                let now = lease::micro_time(jiff::Timestamp::now());
                let sent = clock();
                match self.put(&lease::held(&held.lease, identity, *duration, &now)).await {
                    Ok(lease) => {
                        *held = Held { lease, until: sent + self.election.trusted(), unsure: false };
                        return Ok(true);
                    }
                    Err(error) if error.code() == Some(404) => return Ok(false),
                    Err(error) if error.code() == Some(409) => {}
                    Err(error) => return Err(error),
                }
            }
            let (what, message) =
                (format!("PATCH {}", self.path()), "it changes faster than it can be read".to_owned());
            Err(ApiError::Unreachable { what, message })
        };
        match tokio::time::timeout(left, renewing).await {
            Ok(result) => result,
            Err(_) => Err(ApiError::TimedOut { what: format!("PATCH {}", self.path()), after: left }),
        }
    }

    /// Lets others have the Lease at once.
    pub(crate) async fn release(&mut self) {
        self.standing.lost();
        let Some(mut held) = self.held.take() else { return };
        // A second try, where somebody else wrote: a label, perhaps.
        for last in [false, true] {
            let now = lease::micro_time(jiff::Timestamp::now());
            match self.put(&lease::released(&held.lease, &now)).await {
                Ok(_) => return tracing::info!(lease = self.name(), "the lease is released"),
                Err(error) if error.code() == Some(409) && !last => match self.look().await {
                    Ok(Some(lease)) if lease::holder(&lease) == Some(&self.election.identity) => held.lease = lease,
                    _ => return,
                },
                Err(error) => {
                    tracing::warn!(reason = error.reason(), %error, "the lease is not released; it runs out by itself");
                    return;
                }
            }
        }
    }

    fn path(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/{}", self.namespace(), self.name())
    }

    async fn look(&self) -> Result<Option<Value>, ApiError> {
        let path = self.path();
        let answer = self.limited(self.api.get_optional(&Identity::Process, &path), &path).await?;
        answer.map(|answer| read_as(&answer.body, || format!("GET {path}"))).transpose()
    }

    /// Writes the Lease where it is the one, and the version of it, that was read.
    async fn put(&self, lease: &Value) -> Result<Value, ApiError> {
        let read = &lease["metadata"];
        let body = json!({"metadata": {"uid": read["uid"], "resourceVersion": read["resourceVersion"]}, "spec": lease["spec"]});
        self.send(Method::PATCH, &self.path(), MERGE_PATCH, &body).await
    }

    /// Makes the Lease, and the namespace where that is missing.
    async fn create(&self, lease: &Value) -> Result<Value, ApiError> {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace());
        match self.send(Method::POST, &path, JSON, lease).await {
            Err(error) if error.code() == Some(404) => {}
            other => return other,
        }
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace()}});
        match self.send(Method::POST, "/api/v1/namespaces", JSON, &namespace).await {
            Err(error) if error.code() != Some(409) => Err(error),
            _ => self.send(Method::POST, &path, JSON, lease).await,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={}", names::RUNTIME_MANAGER);
        let (identity, body) = (&Identity::Process, body.to_string().into_bytes());
        let call = self.api.call(Call { identity, method, path: &path, content_type, body });
        let answer = self.limited(call, &path).await?;
        read_as(&answer.body, || path.clone())
    }

    async fn limited<T>(&self, request: impl Future<Output = Result<T, ApiError>>, what: &str) -> Result<T, ApiError> {
        let after = self.election.request_limit();
        match tokio::time::timeout(after, request).await {
            Ok(result) => result,
            Err(_) => Err(ApiError::TimedOut { what: what.to_owned(), after }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;
    use crate::standing::Role;

    fn elector(server: &Scripted) -> (Elector, Arc<Standing>) {
        let standing = Arc::new(Standing::follower());
        let election = Election { identity: "me".to_owned(), duration: Duration::from_secs(15) };
        (Elector::new(server.api(), "own", election, standing.clone()), standing)
    }

    fn lease(holder: &str, version: &str) -> Value {
        json!({"metadata": {"name": lease::NAME, "uid": "u", "resourceVersion": version},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": version}})
    }

    fn verbs(server: &Scripted) -> Vec<String> {
        server.asked().into_iter().map(|(line, _)| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_free_lease_is_taken_with_the_version_that_was_read() {
        let server = Scripted::new([(200, lease("", "7")), (200, lease("me", "8"))]);
        let (mut elector, standing) = elector(&server);
        elector.begin().await.unwrap();
        assert_eq!(standing.role(), Role::Elected);
        let asked = server.asked();
        let (line, body) = &asked[1];
        assert!(line.starts_with("PATCH ") && line.contains("/namespaces/own/leases/orkestra-runtime"), "{line}");
        assert_eq!(
            (&body["metadata"]["resourceVersion"], &body["spec"]["holderIdentity"]),
            (&json!("7"), &json!("me"))
        );
    }

    #[tokio::test]
    async fn who_is_second_follows() {
        for answers in [
            vec![(200, lease("other", "7"))],
            // Free when it was looked at, taken when it was written.
            vec![(200, lease("", "7")), (409, json!({}))],
        ] {
            let server = Scripted::new(answers);
            let (mut elector, standing) = elector(&server);
            elector.begin().await.unwrap();
            assert_eq!(standing.role(), Role::Following);
            assert!(!standing.may_write());
        }
    }

    #[tokio::test]
    async fn the_namespace_is_made_where_it_is_missing() {
        let server = Scripted::new([(404, json!({})), (404, json!({})), (201, json!({})), (201, lease("me", "1"))]);
        let (mut elector, standing) = elector(&server);
        elector.begin().await.unwrap();
        assert_eq!(verbs(&server), ["GET", "POST", "POST", "POST"]);
        assert!(standing.may_write());
    }

    #[tokio::test]
    async fn a_lease_that_may_not_be_read_is_an_error() {
        let server = Scripted::new([(403, json!({}))]);
        assert_eq!(elector(&server).0.begin().await.unwrap_err().reason(), "Forbidden");
    }

    async fn renewed(answers: Vec<(u16, Value)>) -> (Role, bool, Vec<String>) {
        let server = Scripted::new([(200, lease("", "7")), (200, lease("me", "8"))].into_iter().chain(answers));
        let (mut elector, standing) = elector(&server);
        elector.begin().await.unwrap();
        elector.renew().await;
        (standing.role(), elector.held.is_some_and(|held| held.unsure), verbs(&server)[2..].to_vec())
    }

    #[tokio::test]
    async fn what_somebody_else_wrote_meanwhile_decides() {
        let ours = lease("me", "9");
        assert_eq!(renewed(vec![(200, ours.clone())]).await, (Role::Elected, false, vec!["PATCH".to_owned()]));
        let labelled = vec![(409, json!({})), (200, ours.clone()), (200, ours)];
        let asked = ["PATCH", "GET", "PATCH"].map(str::to_owned).to_vec();
        assert_eq!(renewed(labelled).await, (Role::Elected, false, asked));
        let taken = vec![(409, json!({})), (200, lease("other", "9"))];
        assert_eq!(renewed(taken).await.0, Role::Following);
        let deleted = vec![(404, json!({}))];
        assert_eq!(renewed(deleted).await.0, Role::Following);
        // The API server's own trouble: the lease is ours until its time has come.
        assert_eq!(renewed(vec![(503, json!({}))]).await, (Role::Elected, true, vec!["PATCH".to_owned()]));
    }

    #[tokio::test]
    async fn who_resigns_lets_the_lease_go() {
        let server = Scripted::new([(200, lease("", "7")), (200, lease("me", "8")), (200, lease("", "9"))]);
        let (mut elector, standing) = elector(&server);
        elector.begin().await.unwrap();
        let (resign, resigned) = oneshot::channel();
        drop(resign);
        elector.run(resigned).await;
        assert_eq!(standing.role(), Role::Following);
        assert_eq!(server.asked()[2].1["spec"]["holderIdentity"], "");
    }

    #[tokio::test]
    async fn a_label_on_the_lease_does_not_keep_it_from_being_released() {
        let answers = [
            (200, lease("", "7")),
            (200, lease("me", "8")),
            (409, json!({})),
            (200, lease("me", "9")),
            (200, lease("", "10")),
        ];
        let server = Scripted::new(answers);
        let (mut elector, _) = elector(&server);
        elector.begin().await.unwrap();
        elector.release().await;
        assert_eq!(server.asked()[4].1["metadata"]["resourceVersion"], "9");
    }

    #[test]
    fn no_two_processes_have_one_name() {
        assert_ne!(Election::of("a").identity(), Election::of("a").identity());
        assert!(Election::of("a").identity().starts_with("a_"));
    }
}
