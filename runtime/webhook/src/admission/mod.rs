//! `/mutate` and `/validate`: objects are given their values, and refused where they break a rule, before they are stored.
//!
//! The form of reviews is that of `admission.k8s.io/v1`, <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>.

mod repair;
mod review;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::routes::Routes;
use review::{Told, change, judge};

/// Why a body is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is no AdmissionReview of admission.k8s.io/v1 with a request: {0}")]
pub struct NotAnAdmission(String);

impl NotAnAdmission {
    /// One word for metric and log.
    pub fn reason(&self) -> &'static str {
        "NotAnAdmission"
    }
}

/// An `AdmissionReview`, and what was said of it in one word for a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The body of the answer.
    pub body: Vec<u8>,
    /// `Allowed`, `Invalid`, or why it could not be reviewed.
    pub result: &'static str,
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    uid: String,
    kind: Kind,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    old_object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind {
    group: String,
    kind: String,
}

impl Request<'_> {
    fn read(body: &[u8]) -> Result<Request<'_>, NotAnAdmission> {
        let review: Result<Review<'_>, _> = serde_json::from_slice(body);
        review.map(|review| review.request).map_err(|error| NotAnAdmission(error.to_string()))
    }

    fn value(raw: Option<&RawValue>) -> Result<Value, NotAnAdmission> {
        let value = raw.map(|raw| serde_json::from_str(raw.get())).transpose();
        Ok(value.map_err(|error| NotAnAdmission(error.to_string()))?.unwrap_or_default())
    }

    fn answer(&self, told: Told) -> Answered {
        let Told { allowed, patch, status, warnings, result } = told;
        let mut response = json!({"uid": self.uid, "allowed": allowed});
        if !patch.is_empty() {
            response["patchType"] = "JSONPatch".into();
            response["patch"] = STANDARD.encode(Value::from(patch).to_string()).into();
        }
        if let Some(status) = status {
            response["status"] = status;
        }
        if !warnings.is_empty() {
            response["warnings"] = warnings.into();
        }
        let answer = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        Answered { body: answer.to_string().into_bytes(), result }
    }
}

/// Gives an object its values (JSON Patch, RFC 6902): those of its pattern, and what an old client dropped of it.
///
/// # Errors
///
/// A body that is no review.
pub fn mutate(body: &[u8], routes: &Routes) -> Result<Answered, NotAnAdmission> {
    let request = Request::read(body)?;
    let (mut new, old) = (Request::value(request.object)?, Request::value(request.old_object)?);
    let mut patch = repair::patch(&new, &old);
    let told = match routes.admit.find(&request.kind.group, &request.kind.kind).zip(request.object) {
        Some((admit, object)) if !leaves(&new) => match change(&*admit, object.get().as_bytes(), &mut new) {
            Ok(given) => {
                patch.extend(given);
                Told::allowed()
            }
            Err(refused) => Told::failed(&refused),
        },
        _ => Told::allowed(),
    };
    let patch = if told.allowed { patch } else { Vec::new() };
    Ok(request.answer(Told { patch, ..told }))
}

/// Says which rules of its pattern an object breaks.
///
/// What is changed of an object that broke a rule before, outside of what rules are about (its metadata and its status), is not
/// refused for that: a finalizer must come off it, whatever rules a later version of the pattern has.
///
/// # Errors
///
/// A body that is no review.
pub fn validate(body: &[u8], routes: &Routes) -> Result<Answered, NotAnAdmission> {
    let request = Request::read(body)?;
    let Some((admit, object)) = routes.admit.find(&request.kind.group, &request.kind.kind).zip(request.object) else {
        return Ok(request.answer(Told::allowed()));
    };
    let new = Request::value(Some(object))?;
    if leaves(&new) {
        return Ok(request.answer(Told::allowed()));
    }
    let told = judge(&*admit, object.get().as_bytes());
    if let (false, Some(text)) = (told.allowed, request.old_object) {
        let mut old = Request::value(Some(text))?;
        // It may have been stored before it was given anything.
        if change(&*admit, text.get().as_bytes(), &mut old).is_err() || !same(new, old) {
            return Ok(request.answer(told));
        }
        let message = told.status.iter().filter_map(|status| status["message"].as_str()).map(str::to_owned);
        let warnings = message.chain(told.warnings.iter().cloned()).collect();
        return Ok(request.answer(Told { warnings, ..Told::allowed() }));
    }
    Ok(request.answer(told))
}

/// Whether an object is being deleted: then nothing holds it up.
fn leaves(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Whether two objects are the same but for their metadata and status.
fn same(mut new: Value, mut old: Value) -> bool {
    for object in [&mut new, &mut old] {
        let Some(members) = object.as_object_mut() else { return false };
        members.retain(|key, _| key != "metadata" && key != "status");
    }
    new == old
}

#[cfg(test)]
mod tests;
