//! What is generated in a Secret: values that are made once, a certificate, and when they are made anew. The Secret itself says when
//! they were made, so that a restart, or another process, goes on where this one was.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use orkestra_sandbox::ChildRef;
use orkestra_webhook::certificates;
use serde_json::{Map, Value};

use crate::desired::declaration;
use crate::error::Error;
use crate::evaluate::ShownChild;
use crate::instance::{DeclaredChild, Entry};
use crate::json::digest64;
use crate::names;
use crate::object::Object;
use crate::secret::{base64, keep_generated};

/// Behind the key of a value that was made anew, the key of the one before it.
const PREVIOUS: &str = ".previous";
/// The keys of a Secret of the type `kubernetes.io/tls`, and the authority beside them.
const CERTIFICATE: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

/// What of a child the runtime generates, or lets the pattern generate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Generated {
    /// Data keys that the live object has keep their values.
    pub(crate) once: bool,
    /// How long they live.
    rotate_after: Option<Duration>,
    /// The values in the plan are new ones, because those that were made at this time have had theirs.
    pub(crate) renews: Option<Box<str>>,
    certificate: Option<Certificate>,
}

/// A certificate that is to be.
#[derive(Debug, Clone)]
struct Certificate {
    common_name: String,
    names: Vec<String>,
    life: Duration,
    made: Made,
}

/// What was made for this plan: at most once, however often it is applied. Its values are shown to nobody.
#[derive(Clone, Default)]
struct Made(OnceLock<BTreeMap<&'static str, String>>);

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.get().is_some() { "made" } else { "not made" })
    }
}

impl Generated {
    /// Of a Secret whose values are made once and stay.
    #[cfg(test)]
    pub(crate) fn once() -> Self {
        Self { once: true, ..Self::default() }
    }

    /// Takes what a plan says of a certificate out of a child's members.
    ///
    /// # Errors
    ///
    /// In words: what is not what the host asks for.
    pub(crate) fn take(declared: &DeclaredChild, members: &mut Map<String, Value>) -> Result<Self, String> {
        let certificate = match (members.shift_remove("tls"), declared.certified_for) {
            (None, None) => None,
            (Some(wanted), Some(life)) => Some(Certificate::read(&wanted, life)?),
            (Some(_), None) => return Err("tls: no certificate is declared".to_owned()),
            (None, Some(_)) => return Err("tls: missing; a certificate is declared".to_owned()),
        };
        Ok(Self { once: declared.once, rotate_after: declared.rotate_after, renews: None, certificate })
    }

    /// Whether what is applied holds values that were read before: it is tied to the state that they were read from.
    pub(crate) fn binds(&self) -> bool {
        self.once || self.certificate.is_some()
    }

    /// Whether an object that exists is to be written to, though the pattern would leave it alone.
    pub(crate) fn is_due(&self, live: &Object, now: Timestamp) -> bool {
        self.renews(live) || self.certificate.as_ref().is_some_and(|certificate| certificate.is_due(live, now))
    }

    /// Whether the plan's values take the place of those that `live` has.
    fn renews(&self, live: &Object) -> bool {
        self.renews.is_some() && self.renews == live.made
    }

    /// Completes what is applied to `live`, or, where there is nothing, what is created: values that were generated stay until
    /// they have had their time.
    ///
    /// # Errors
    ///
    /// A certificate that cannot be made.
    pub(crate) fn complete(&self, body: &mut Value, live: Option<&Object>, now: Timestamp) -> Result<(), Error> {
        if self.once {
            self.keep_or_renew(body, live, now);
        }
        match &self.certificate {
            Some(certificate) => certificate.complete(body, live, now),
            None => Ok(()),
        }
    }

    fn keep_or_renew(&self, body: &mut Value, live: Option<&Object>, now: Timestamp) {
        let renews = live.is_some_and(|live| self.renews(live));
        if let Some(live) = live {
            let tree = live.tree();
            let mut kept = Map::new();
            for (key, new) in body.get("data").and_then(Value::as_object).into_iter().flatten() {
                let before = format!("{key}{PREVIOUS}");
                let old = match renews {
                    true => tree["data"].get(key).filter(|old| *old != new),
                    false => tree["data"].get(&before),
                };
                if let (Some(old), Some(_)) = (old, self.rotate_after) {
                    kept.insert(before, old.clone());
                }
            }
            if !renews {
                keep_generated(body, &tree);
            }
            if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
                data.extend(kept);
            }
        }
        if self.rotate_after.is_some() {
            let made = live.filter(|_| !renews).and_then(|live| live.made.as_deref().map(str::to_owned));
            body["metadata"]["annotations"][names::MADE] = made.unwrap_or_else(|| shown(now)).into();
        }
    }
}

impl Certificate {
    fn read(wanted: &Value, life: Duration) -> Result<Self, String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let common_name = wanted.get("commonName").and_then(text);
        let listed = wanted.get("dnsNames").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<String> = listed.iter().filter_map(text).collect();
        if names.len() != listed.len() {
            return Err("tls.dnsNames: a list of strings was expected".to_owned());
        }
        if names.is_empty() {
            names.extend(common_name.clone());
        }
        let common_name = common_name.or_else(|| names.first().cloned()).ok_or("tls: it is for no name")?;
        Ok(Self { common_name, names, life, made: Made::default() })
    }

    /// Of all that it is made for: another one is made when that changes.
    fn digest(&self) -> String {
        let all = [std::slice::from_ref(&self.common_name), &self.names].concat().join("\n");
        format!("{:016x}", digest64(format!("{all}\n{}", self.life.as_secs()).as_bytes()))
    }

    fn is_due(&self, live: &Object, now: Timestamp) -> bool {
        let tree = live.tree();
        let whole = CERTIFICATE.iter().all(|key| tree["data"].get(key).is_some());
        let other = live.certified.as_deref() != Some(&*self.digest());
        !whole || other || ends(live, renewal(self.life)).is_none_or(|ends| ends <= now)
    }

    fn complete(&self, body: &mut Value, live: Option<&Object>, now: Timestamp) -> Result<(), Error> {
        match live.filter(|live| !self.is_due(live, now)) {
            Some(live) => {
                let tree = live.tree();
                for key in CERTIFICATE {
                    body["data"][key] = tree["data"][key].clone();
                }
                body["metadata"]["annotations"][names::MADE] = live.made.as_deref().into();
            }
            None => {
                for (key, value) in self.make(now)? {
                    body["data"][key] = value.into();
                }
                body["metadata"]["annotations"][names::MADE] = shown(now).into();
            }
        }
        body["metadata"]["annotations"][names::CERTIFIED] = self.digest().into();
        Ok(())
    }

    fn make(&self, now: Timestamp) -> Result<BTreeMap<&'static str, String>, Error> {
        if let Some(made) = self.made.0.get() {
            return Ok(made.clone());
        }
        let issued = certificates::issue(&self.common_name, &self.names, self.life, SystemTime::from(now))
            .map_err(|error| Error::NotCertified(error.to_string()))?;
        let texts = [issued.certificate, issued.key, issued.authority].map(|text| base64(text.as_bytes()));
        let data: BTreeMap<_, _> = CERTIFICATE.into_iter().zip(texts).collect();
        Ok(self.made.0.get_or_init(|| data).clone())
    }
}

/// When a certificate is made anew: a client or server that is late has a third of its time for that.
fn renewal(life: Duration) -> Duration {
    life / 3 * 2
}

/// When the generated values of an object have had their time; none: it does not say when they were made.
fn ends(live: &Object, after: Duration) -> Option<Timestamp> {
    let made: Timestamp = live.made.as_deref()?.parse().ok()?;
    made.checked_add(SignedDuration::try_from(after).ok()?).ok()
}

/// The children whose values of `once` have had their time, each with the time at which they were made.
pub(crate) fn ended(entry: &Entry, shown: &[ShownChild], now: Timestamp) -> HashMap<ChildRef, Box<str>> {
    let one = |(child, live): &ShownChild| {
        let after = declaration(entry, &child.id).ok()?.rotate_after?;
        let made = live.made.clone().filter(|_| ends(live, after).is_some_and(|ends| ends <= now))?;
        Some((child.clone(), made))
    };
    shown.iter().filter_map(one).collect()
}

/// How long it is until something of the children is made anew. What is due already is for the plan at hand; where that may not be
/// applied, nothing is gained by looking again at once.
pub(crate) fn next(entry: &Entry, shown: &[ShownChild], now: Timestamp) -> Option<Duration> {
    let one = |(child, live): &ShownChild| {
        let declared = declaration(entry, &child.id).ok()?;
        let after = declared.rotate_after.or(declared.certified_for.map(renewal))?;
        Duration::try_from(ends(live, after)?.duration_since(now)).ok().filter(|left| !left.is_zero())
    };
    shown.iter().filter_map(one).min()
}

/// To the second, as Kubernetes writes times.
fn shown(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::instance::ChildPolicy;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn declared(edit: impl Fn(&mut DeclaredChild)) -> DeclaredChild {
        let mut declared = DeclaredChild::new("auth", "v1", "Secret", ChildPolicy::Apply);
        edit(&mut declared);
        declared
    }

    fn live(body: &Value) -> Object {
        Object::parse(body.to_string().as_bytes(), "v1", "Secret").unwrap()
    }

    /// Whether the values of a child have ended, and how long they still have.
    fn left(declared: &DeclaredChild, object: &Value, now: Timestamp) -> (bool, Option<Duration>) {
        let entry = Entry::of_webs(vec![declared.clone()]);
        let child = ChildRef { id: declared.id.clone(), key: None };
        let shown = [(child.clone(), Arc::new(live(object)))];
        (ended(&entry, &shown, now).contains_key(&child), next(&entry, &shown, now))
    }

    #[test]
    fn a_value_lives_as_long_as_is_said_and_the_one_before_it_as_long_again() {
        let declared = declared(|child| (child.once, child.rotate_after) = (true, Some(Duration::from_secs(86_400))));
        let mut generated = Generated::take(&declared, &mut Map::new()).unwrap();
        let plan = |value: &str| json!({"metadata": {"name": "a"}, "data": {"password": value, "user": "eA=="}});
        let mut first = plan("b25l");
        generated.complete(&mut first, None, at("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(first["metadata"]["annotations"][names::MADE], "2026-01-01T00:00:00Z");
        let object = live(&first);
        let before = at("2026-01-01T23:59:59Z");
        assert!(!generated.is_due(&object, before));
        assert_eq!(left(&declared, &first, before), (false, Some(Duration::from_secs(1))));
        let mut kept = plan("dHdv");
        generated.complete(&mut kept, Some(&object), before).unwrap();
        assert_eq!(kept, first);

        let after = at("2026-01-02T00:00:00Z");
        // Where it may not be written to, as while writes are paused, it is not asked about again and again.
        assert_eq!(left(&declared, &first, after), (true, None));
        generated.renews.clone_from(&object.made);
        assert!(generated.is_due(&object, after));
        let mut second = plan("dHdv");
        generated.complete(&mut second, Some(&object), after).unwrap();
        // What has not changed has no value before it.
        assert_eq!(second["data"], json!({"password": "dHdv", "user": "eA==", "password.previous": "b25l"}));
        assert_eq!(second["metadata"]["annotations"][names::MADE], "2026-01-02T00:00:00Z");
        // The object is another one now: what was planned for the first is not done to it.
        let object = live(&second);
        assert!(!generated.is_due(&object, after));
        let mut kept = plan("dGhyZWU=");
        generated.complete(&mut kept, Some(&object), after).unwrap();
        assert_eq!(kept["data"], second["data"]);
    }

    #[test]
    fn a_certificate_is_kept_until_two_thirds_of_its_time_are_over_or_its_names_change() {
        let declared = declared(|child| child.certified_for = Some(Duration::from_secs(90 * 86_400)));
        let wants = |name: &str| {
            let mut members = json!({"tls": {"dnsNames": [name]}}).as_object().unwrap().clone();
            Generated::take(&declared, &mut members).unwrap()
        };
        let now = at("2026-01-01T00:00:00Z");
        let mut made = json!({"metadata": {"name": "a"}, "type": "kubernetes.io/tls"});
        wants("db").complete(&mut made, None, now).unwrap();
        for key in CERTIFICATE {
            assert!(made["data"][key].as_str().unwrap().starts_with("LS0tLS1CRUdJTi"), "{key}");
        }
        let object = live(&made);
        for (name, time, same) in [
            ("db", "2026-03-01T00:00:00Z", true),
            ("db", "2026-03-02T00:00:00Z", false),
            ("web", "2026-01-01T00:00:00Z", false),
        ] {
            let generated = wants(name);
            assert_eq!(!generated.is_due(&object, at(time)), same, "{name} {time}");
            let mut body = json!({"metadata": {"name": "a"}, "type": "kubernetes.io/tls"});
            generated.complete(&mut body, Some(&object), at(time)).unwrap();
            assert_eq!(body == made, same, "{name} {time}");
            // However often it is applied.
            let mut again = json!({"metadata": {"name": "a"}, "type": "kubernetes.io/tls"});
            generated.complete(&mut again, Some(&object), at(time)).unwrap();
            assert_eq!(body, again);
        }
    }

    #[test]
    fn a_plan_asks_for_a_certificate_where_one_is_declared_and_nowhere_else() {
        let tls = json!({"tls": {"dnsNames": ["a"]}}).as_object().unwrap().clone();
        assert!(Generated::take(&declared(|_| ()), &mut tls.clone()).is_err());
        let declared = declared(|child| child.certified_for = Some(Duration::from_secs(3_600)));
        assert!(Generated::take(&declared, &mut Map::new()).is_err());
        let nobody = json!({"tls": {"dnsNames": []}}).as_object().unwrap().clone();
        assert!(Generated::take(&declared, &mut nobody.clone()).is_err());
        let generated = Generated::take(&declared, &mut tls.clone()).unwrap();
        assert!(!format!("{generated:?}").contains("BEGIN"));
    }
}
