//! The rules of a composition as `ValidatingAdmissionPolicy` and binding, which API servers keep by themselves.

use std::fmt::Write as _;

use orkestra_compile::{Left, Policy, Validation, Variable, policy, selected};
use orkestra_komposer::Instance;
use orkestra_pattern::model::{Api, Entry, Hook};
use serde_json::{Value, json};

use crate::error::Error;
use crate::rbac::Place;
use crate::yaml;

/// What an update changes beside metadata and status. As at the webhook, an object that broke a rule before that was known may
/// have its metadata changed: a finalizer must come off it.
const CHANGED: &str = "request.operation == \"CREATE\" || \
    dyn(object).exists(k, !(k in [\"metadata\", \"status\"]) && !(k in dyn(oldObject) && dyn(object)[k] == dyn(oldObject)[k])) || \
    dyn(oldObject).exists(k, !(k in [\"metadata\", \"status\"]) && !(k in dyn(object)))";
/// What goes is held up by nobody.
const STAYS: &str = "!has(object.metadata.deletionTimestamp)";

/// What is applied, and what is not said in it.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    /// Each policy before its binding.
    documents: Vec<Document>,
    /// One line for each rule that is left to the webhook.
    pub(crate) left: Vec<String>,
}

#[derive(Debug)]
struct Document {
    /// What is not in it.
    notes: Vec<String>,
    object: Value,
}

impl Policies {
    /// Whether there is nothing to apply.
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.iter().all(|document| document.object.is_null())
    }

    /// One YAML document for each object; what was left out is a comment where it would stand.
    pub(crate) fn as_yaml(&self) -> Result<String, Error> {
        let mut text = String::new();
        for Document { notes, object } in &self.documents {
            if !object.is_null() {
                text.push_str("---\n");
            }
            for note in notes {
                // It holds text out of files: nothing in it may end the comment.
                let _ = writeln!(text, "# {}", crate::rbac::one_line(note));
            }
            if !object.is_null() {
                text.push_str(&yaml::text(object)?);
            }
        }
        Ok(text)
    }
}

/// The policies of all entries that run.
pub(crate) fn of(instances: &[Instance], place: &Place) -> Policies {
    let mut all = Policies::default();
    for instance in instances {
        let runs = |entry: &&Entry| instance.entries.iter().any(|settings| settings.name == entry.name);
        for entry in instance.pattern.entries.iter().filter(runs) {
            let said = policy(entry, &instance.inputs);
            let notes = notes(instance, entry, &said);
            all.left.extend(notes.iter().cloned());
            all.documents.extend(documents(instance, entry, said, notes, place));
        }
    }
    all
}

fn notes(instance: &Instance, entry: &Entry, said: &Policy) -> Vec<String> {
    let of = format!("{}/{}", instance.name, entry.name);
    let left = said
        .left
        .iter()
        .map(|Left { at, rule, why }| format!("{of}: {at}: `{rule}` is left to the webhook: {why} ({})", why.reason()));
    let mut notes: Vec<String> = left.collect();
    if entry.hook.as_ref().is_some_and(|Hook { validate, .. }| *validate) {
        notes.push(format!("{of}: what the hook finds wrong is left to the webhook: it is code (Hook)"));
    }
    notes
}

/// Two policies at most: what one refuses, the other one warns of where that was so before.
fn documents(instance: &Instance, entry: &Entry, said: Policy, notes: Vec<String>, place: &Place) -> Vec<Document> {
    let Policy { variables, validations, left: _ } = said;
    let variable = |Variable { name, expression }: &Variable| json!({"name": name, "expression": expression});
    let variables: Vec<Value> = variables.iter().map(variable).collect();
    let mut stays = vec![json!({"name": "stays", "expression": STAYS})];
    if let Some(selector) = &entry.selector {
        stays.push(json!({"name": "selected", "expression": selected(selector)}));
    }
    let mut documents = Vec::new();
    let mut notes = Some(notes);
    let denied: Vec<Value> =
        validations.iter().filter(|rule| rule.deny).map(|rule| validation(rule, &rule.expression)).collect();
    let head = |what: &str| format!("orkestra-{}.{}.{what}", instance.name, entry.name);
    if !denied.is_empty() {
        let mut conditions = stays.clone();
        conditions.push(json!({"name": "changed", "expression": CHANGED}));
        let object = object(&head("deny"), &entry.api, place, conditions.into(), &variables, denied);
        documents.push(Document { notes: notes.take().unwrap_or_default(), object });
        documents.push(Document { notes: Vec::new(), object: binding(&head("deny"), "Deny") });
    }
    if !validations.is_empty() {
        let mut name = "changed".to_owned();
        while variables.iter().any(|variable| variable["name"] == *name) {
            name.push('_');
        }
        let warned: Vec<Value> = validations
            .iter()
            .map(|rule| match rule.deny {
                true => validation(rule, &format!("variables.{name} || ({})", rule.expression)),
                false => validation(rule, &rule.expression),
            })
            .collect();
        let changed = json!({"name": name, "expression": CHANGED});
        let denies = validations.iter().any(|rule| rule.deny);
        let variables: Vec<Value> = denies.then_some(changed).into_iter().chain(variables).collect();
        let object = object(&head("warn"), &entry.api, place, stays.into(), &variables, warned);
        documents.push(Document { notes: notes.take().unwrap_or_default(), object });
        documents.push(Document { notes: Vec::new(), object: binding(&head("warn"), "Warn") });
    }
    if let Some(notes) = notes.filter(|notes| !notes.is_empty()) {
        documents.push(Document { notes, object: Value::Null });
    }
    documents
}

fn validation(rule: &Validation, expression: &str) -> Value {
    let mut validation = json!({"expression": expression, "message": rule.message, "reason": "Invalid"});
    if let Some(message) = &rule.message_expression {
        validation["messageExpression"] = message.as_str().into();
    }
    validation
}

fn object(
    name: &str,
    api: &Api,
    place: &Place,
    conditions: Value,
    variables: &[Value],
    validations: Vec<Value>,
) -> Value {
    // Namespaces without which a cluster does not work, and the runtime's own, are held up by nobody.
    let mut namespaces = vec![json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn",
        "values": ["kube-system", place.system]})];
    if !place.namespaces.is_empty() {
        namespaces.push(json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": place.namespaces}));
    }
    let mut spec = json!({
        // A rule that is not looked at would be none.
        "failurePolicy": "Fail",
        "matchConstraints": {
            // Whatever version a client writes, the rules see the one that they are written for.
            "matchPolicy": "Equivalent",
            "namespaceSelector": {"matchExpressions": namespaces},
            "resourceRules": [{"apiGroups": [api.group], "apiVersions": [api.version], "operations": ["CREATE", "UPDATE"],
                "resources": [api.plural], "scope": "*"}],
        },
        "matchConditions": conditions,
        "validations": validations,
    });
    if !variables.is_empty() {
        spec["variables"] = variables.into();
    }
    let metadata = json!({"name": name, "labels": {"app.kubernetes.io/part-of": "orkestra"}});
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata, "spec": spec})
}

fn binding(policy: &str, action: &str) -> Value {
    let metadata = json!({"name": policy, "labels": {"app.kubernetes.io/part-of": "orkestra"}});
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata, "spec": {"policyName": policy, "validationActions": [action]}})
}
