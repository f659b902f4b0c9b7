//! What an account may see of the cache. The watches are the runtime's own, so before a cached object reaches a pattern the
//! API server is asked whether the pattern's account may read it. An answer lives for a bounded time; while somebody goes by
//! it, it is asked for again before that is over, and who went by it is woken when it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{Api, Call, JSON, read_as};
use crate::discovery::Resource;
use crate::error::{ApiError, Error};
use crate::identity::Identity;
use crate::lock;

/// The longest that an answer may live.
pub(crate) const LONGEST_TIME: Duration = Duration::from_secs(60);
const OTHERS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const OWN: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
/// Namespaces that no pattern touches or sees, whatever RBAC says.
const NEVER: &str = "kube-system";

/// How an object is shown: by its name, or as one of all that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Look {
    /// The account needs `get`, on all objects or on this one.
    Get,
    /// The account needs `list`.
    List,
}

impl Look {
    fn verb(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
        }
    }
}

/// A question to the API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    identity: Identity,
    look: Look,
    group: String,
    version: String,
    resource: String,
    /// Empty: in all namespaces, or outside of them.
    namespace: String,
    /// Empty: all objects.
    name: String,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    allowed: bool,
    /// When it was asked for: the state that it tells of is not older.
    at: Instant,
}

/// One question: who asks while it is being asked waits for the same answer.
#[derive(Default)]
struct Slot {
    answer: tokio::sync::Mutex<Option<Answer>>,
    /// When somebody last went by it.
    used: Mutex<Option<Instant>>,
}

/// Says whether whoever listens is still there.
type Listener = Box<dyn Fn(&Identity, &str) -> bool + Send + Sync>;

/// Asks, and remembers the answers.
pub(crate) struct Reviews {
    api: Api,
    /// How long an answer lives.
    time: Duration,
    /// How long after its last use an answer is kept up to date.
    kept: Mutex<Duration>,
    forbidden: Vec<String>,
    slots: Mutex<HashMap<Question, Arc<Slot>>>,
    listeners: RwLock<Vec<Listener>>,
}

impl Reviews {
    /// Answers live for `time`, at most a minute, and are kept up to date for as long after their last use as `kept`: the
    /// longest time between two reconciles of one object. No pattern sees or touches the `forbidden` namespaces.
    pub(crate) fn new(api: Api, time: Duration, kept: Duration, forbidden: impl IntoIterator<Item = String>) -> Self {
        let mut forbidden: Vec<String> = forbidden.into_iter().filter(|namespace| !namespace.is_empty()).collect();
        forbidden.push(NEVER.to_owned());
        let time = time.min(LONGEST_TIME);
        Self {
            api,
            time,
            kept: Mutex::new(kept + time),
            forbidden,
            slots: Mutex::default(),
            listeners: RwLock::default(),
        }
    }

    /// Keeps answers up to date at least for so long after their last use.
    pub(crate) fn keep_for(&self, kept: Duration) {
        let mut held = lock::lock(&self.kept);
        *held = (*held).max(kept + self.time);
    }

    /// Refuses namespaces that no pattern touches or sees. Empty is outside of namespaces.
    ///
    /// # Errors
    ///
    /// `ForbiddenNamespace`.
    pub(crate) fn namespace(&self, namespace: &str) -> Result<(), Error> {
        match self.forbidden.iter().any(|forbidden| forbidden == namespace) {
            true => Err(Error::ForbiddenNamespace { namespace: namespace.to_owned() }),
            false => Ok(()),
        }
    }

    /// Whether `identity` may be shown objects of `resource` in `namespace`: the one called `name`, or all where that is
    /// empty. A right on more than is asked for is enough.
    ///
    /// # Errors
    ///
    /// `Forbidden` where it may not, `ForbiddenNamespace`, or why there is no answer: then it may not either.
    pub(crate) async fn see(
        &self,
        identity: &Identity,
        look: Look,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), Error> {
        self.namespace(namespace)?;
        let Identity::ServiceAccount { .. } = identity else { return Ok(()) };
        let mut question = Question {
            identity: identity.clone(),
            look,
            group: resource.group.clone(),
            version: resource.version.clone(),
            resource: resource.plural.clone(),
            namespace: String::new(),
            name: String::new(),
        };
        // From the widest right, whose answer serves the most, to the narrowest.
        if self.allowed(&question).await? {
            return Ok(());
        }
        if !namespace.is_empty() {
            question.namespace = namespace.to_owned();
            if self.allowed(&question).await? {
                return Ok(());
            }
        }
        if !name.is_empty() {
            question.name = name.to_owned();
            if self.allowed(&question).await? {
                return Ok(());
            }
        }
        Err(Error::Forbidden {
            verb: look.verb(),
            resource: resource.qualified(),
            namespace: namespace.to_owned(),
            account: identity.to_string(),
        })
    }

    /// Calls `listener` with the account and the namespace (empty: all of them) for which an answer has changed, until it says `false`.
    pub(crate) fn subscribe(&self, listener: impl Fn(&Identity, &str) -> bool + Send + Sync + 'static) {
        lock::write(&self.listeners).push(Box::new(listener));
    }

    /// Keeps the answers up to date for as long as they are used. Never ends by itself.
    pub(crate) async fn keep(&self) {
        loop {
            tokio::time::sleep(self.time / 4).await;
            self.renew().await;
        }
    }

    /// Asks again what is in use and not young any more, and forgets what is not.
    pub(crate) async fn renew(&self) {
        let now = Instant::now();
        let slots: Vec<_> = {
            let mut slots = lock::lock(&self.slots);
            let kept = *lock::lock(&self.kept);
            let in_use = |slot: &Slot| lock::lock(&slot.used).is_some_and(|used| now - used < kept);
            slots.retain(|_, slot| in_use(slot));
            slots.iter().map(|(question, slot)| (question.clone(), slot.clone())).collect()
        };
        for (question, slot) in slots {
            let mut held = slot.answer.lock().await;
            let Some(before) = *held else { continue };
            if before.at.elapsed() < self.time / 2 {
                continue;
            }
            match self.ask(&question).await {
                Ok(answer) => {
                    *held = Some(answer);
                    drop(held);
                    if answer.allowed != before.allowed {
                        tracing::info!(account = %question.identity, verb = question.look.verb(), resource = %question.resource, namespace = %question.namespace, allowed = answer.allowed, "the account's right has changed");
                        lock::write(&self.listeners)
                            .retain(|listener| listener(&question.identity, &question.namespace));
                    }
                }
                // The old answer dies at its time; who goes by it then asks for itself and is told why there is none.
                Err(error) => tracing::debug!(%error, "review not renewed"),
            }
        }
    }

    async fn allowed(&self, question: &Question) -> Result<bool, ApiError> {
        let slot = lock::lock(&self.slots).entry(question.clone()).or_default().clone();
        *lock::lock(&slot.used) = Some(Instant::now());
        let mut held = slot.answer.lock().await;
        if let Some(answer) = held.filter(|answer| answer.at.elapsed() < self.time) {
            return Ok(answer.allowed);
        }
        let answer = self.ask(question).await?;
        *held = Some(answer);
        Ok(answer.allowed)
    }

    async fn ask(&self, question: &Question) -> Result<Answer, ApiError> {
        let at = Instant::now();
        if question.identity == Identity::Process {
            return Ok(Answer { allowed: true, at });
        }
        let Question { identity, look, group, version, resource, namespace, name } = question;
        let attributes = json!({
            "verb": look.verb(), "group": group, "version": version, "resource": resource,
            "namespace": namespace, "name": name,
        });
        Ok(Answer { allowed: review(&self.api, identity, &attributes).await?, at })
    }
}

/// Asks the API server whether an account, or the process itself, has a right.
pub(crate) async fn review(api: &Api, identity: &Identity, attributes: &Value) -> Result<bool, ApiError> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        allowed: bool,
    }
    let (path, kind, spec) = match identity.user() {
        None => (OWN, "SelfSubjectAccessReview", json!({"resourceAttributes": attributes})),
        Some((user, groups)) => {
            (OTHERS, "SubjectAccessReview", json!({"user": user, "groups": groups, "resourceAttributes": attributes}))
        }
    };
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
    let call = Call {
        identity: &Identity::Process,
        method: Method::POST,
        path,
        content_type: JSON,
        body: review.to_string().into_bytes(),
    };
    let answer = api.ask(call).await?;
    let review: Review = read_as(&answer.body, || format!("POST {path}"))?;
    Ok(review.status.allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    const TIME: Duration = Duration::from_secs(60);

    fn resource() -> Resource {
        Resource {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            plural: "configmaps".to_owned(),
            namespaced: true,
            has_status: false,
        }
    }

    fn account() -> Identity {
        Identity::ServiceAccount { namespace: "sys".to_owned(), name: "orkestra-web".to_owned() }
    }

    fn answer(allowed: bool) -> (u16, Value) {
        (201, json!({"status": {"allowed": allowed}}))
    }

    fn reviews(server: &Scripted) -> Reviews {
        Reviews::new(server.api(), TIME, TIME, ["sys".to_owned()])
    }

    async fn see(reviews: &Reviews, namespace: &str, name: &str) -> Result<(), Error> {
        reviews.see(&account(), Look::Get, &resource(), namespace, name).await
    }

    /// The attributes that were asked for: namespace and name.
    fn asked(server: &Scripted) -> Vec<(String, String)> {
        let attributes = server.asked().into_iter().map(|(_, body)| body["spec"]["resourceAttributes"].clone());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        attributes.map(|attributes| (text(&attributes["namespace"]), text(&attributes["name"]))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_in_all_namespaces_is_asked_for_once() {
        let server = Scripted::new([answer(true)]);
        let reviews = reviews(&server);
        for namespace in ["a", "b", "a"] {
            see(&reviews, namespace, "x").await.unwrap();
        }
        assert_eq!(asked(&server), pairs(&[("", "")]));
        let spec = &server.asked()[0].1["spec"];
        assert_eq!(spec["user"], "system:serviceaccount:sys:orkestra-web");
        assert_eq!(
            spec["groups"],
            json!(["system:serviceaccounts", "system:serviceaccounts:sys", "system:authenticated"])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn narrower_rights_are_asked_for_where_wider_ones_are_not_given() {
        let server = Scripted::new([answer(false), answer(false), answer(true), answer(false)]);
        let reviews = reviews(&server);
        see(&reviews, "a", "x").await.unwrap();
        let error = see(&reviews, "a", "y").await.unwrap_err();
        assert_eq!(asked(&server), pairs(&[("", ""), ("a", ""), ("a", "x"), ("a", "y")]));
        let text = error.to_string();
        for part in ["get", "configmaps", "\"a\"", "sys/orkestra-web", "ork generate rbac"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(error.reason(), "Forbidden");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_dies_within_a_minute() {
        let server = Scripted::new([answer(true), answer(false), answer(false)]);
        let reviews = reviews(&server);
        see(&reviews, "a", "").await.unwrap();
        tokio::time::advance(TIME).await;
        assert_eq!(see(&reviews, "a", "").await.unwrap_err().reason(), "Forbidden");
        assert_eq!(asked(&server).len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_is_no_right() {
        let broken = json!({"kind": "Status", "code": 500, "message": "broken"});
        let odd = json!({"status": {}});
        let server = Scripted::new([(500, broken), (201, odd), answer(false)]);
        let reviews = reviews(&server);
        assert_eq!(see(&reviews, "a", "").await.unwrap_err().reason(), "ApiError");
        assert_eq!(see(&reviews, "a", "").await.unwrap_err().reason(), "Forbidden");
        assert_eq!(asked(&server).len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_by_an_answer_is_woken_when_it_changes() {
        let server = Scripted::new([answer(true), answer(true), answer(false)]);
        let reviews = reviews(&server);
        let woken = Arc::new(Mutex::new(Vec::new()));
        let names = woken.clone();
        reviews.subscribe(move |identity, namespace| {
            names.lock().unwrap().push(format!("{identity} in {namespace:?}"));
            true
        });
        see(&reviews, "a", "").await.unwrap();
        reviews.renew().await;
        for _ in 0..2 {
            tokio::time::advance(TIME / 2).await;
            reviews.renew().await;
        }
        assert_eq!(*woken.lock().unwrap(), ["sys/orkestra-web in \"\""]);
        assert_eq!(asked(&server).len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_asks_for_any_more_is_not_kept() {
        let server = Scripted::new([answer(true)]);
        let reviews = reviews(&server);
        see(&reviews, "a", "").await.unwrap();
        tokio::time::advance(2 * TIME).await;
        reviews.renew().await;
        assert_eq!(asked(&server).len(), 1);
        assert!(lock::lock(&reviews.slots).is_empty());
    }

    #[tokio::test]
    async fn some_namespaces_are_nobodys_and_the_process_is_not_asked_about() {
        let server = Scripted::new([]);
        let reviews = reviews(&server);
        for namespace in ["kube-system", "sys"] {
            for identity in [Identity::Process, account()] {
                let error = reviews.see(&identity, Look::List, &resource(), namespace, "").await.unwrap_err();
                assert_eq!(error.reason(), "ForbiddenNamespace");
            }
        }
        assert!(reviews.see(&Identity::Process, Look::List, &resource(), "a", "").await.is_ok());
        assert!(server.asked().is_empty());
    }
}
