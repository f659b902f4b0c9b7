//! What the webhook is asked, answered by a pattern's component in the sandbox.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use orkestra_komposer::Instance;
use orkestra_operator::{Admitting, Certificates, Converting, Reach, Webhook, trace};
use orkestra_pattern::model;
use orkestra_sandbox::{self as sandbox, Failure, Hook, HookConversion, Pattern, Review};
use orkestra_webhook::certificates::{Serving, Terms};
use orkestra_webhook::{Admission, Admit, Convert, Options, Refused, Routes, Server, Violation};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::args::Serve;
use crate::error::Error;

/// Lets a pattern answer for its kinds. `runtime` is where its hook runs.
pub(crate) fn routes(instance: &Instance, loaded: &Pattern, hook: Option<&Hook>, runtime: &Handle, routes: &Routes) {
    // The kinds of others are answered for by others.
    for entry in instance.pattern.entries.iter().filter(|entry| !entry.foreign) {
        let (api, name) = (&entry.api, &entry.name);
        if !entry.conversions.is_empty() {
            let hook = hook.filter(|_| entry.hook.as_ref().is_some_and(|hook| hook.convert));
            let hook = hook.map(|hook| Refined { hook: hook.clone(), runtime: runtime.clone() });
            let (instance, pattern) = (instance.name.clone(), loaded.clone());
            let convert = Arc::new(Sandboxed { instance, pattern, entry: name.clone(), hook });
            routes.convert.set(&api.group, &api.kind, Some(convert));
        }
        let admit = has_rules(entry).then(|| -> Arc<dyn Admit> {
            let inputs = Value::Object(instance.inputs.clone()).to_string().into_bytes();
            let (instance, pattern) = (instance.name.clone(), loaded.clone());
            Arc::new(Reviewer { instance, pattern, entry: name.clone(), selector: entry.selector.clone(), inputs })
        });
        routes.admit.set(&api.group, &api.kind, admit);
    }
}

/// Who answers for one kind.
pub(crate) struct Answering {
    group: String,
    kind: String,
    convert: Option<Arc<dyn Convert>>,
    admit: Option<Arc<dyn Admit>>,
}

/// Who answers for the kinds of a pattern at the moment.
pub(crate) fn serving(pattern: &model::Pattern, routes: &Routes) -> Vec<Answering> {
    let one = |entry: &model::Entry| {
        let (group, kind) = (entry.api.group.clone(), entry.api.kind.clone());
        Answering { convert: routes.convert.find(&group, &kind), admit: routes.admit.find(&group, &kind), group, kind }
    };
    pattern.entries.iter().filter(|entry| !entry.foreign).map(one).collect()
}

/// Lets those answer that did before.
pub(crate) fn serve_again(before: Vec<Answering>, routes: &Routes) {
    for Answering { group, kind, convert, admit } in before {
        // What nobody converted before, no definition asks for yet.
        if convert.is_some() {
            routes.convert.set(&group, &kind, convert);
        }
        routes.admit.set(&group, &kind, admit);
    }
}

/// The kinds of a pattern that have rules for their objects.
pub(crate) fn admitted(pattern: &model::Pattern) -> Vec<Admitting> {
    let one = |entry: &model::Entry| Admitting {
        group: entry.api.group.clone(),
        version: entry.api.version.clone(),
        plural: entry.api.plural.clone(),
        mutates: !entry.mutations.is_empty(),
        validates: !entry.rules.is_empty(),
    };
    pattern.entries.iter().filter(|entry| has_rules(entry)).map(one).collect()
}

fn has_rules(entry: &model::Entry) -> bool {
    !entry.mutations.is_empty() || !entry.rules.is_empty()
}

/// The rules of one entry of a loaded pattern.
struct Reviewer {
    instance: String,
    pattern: Pattern,
    entry: String,
    /// The rules are for the objects that are reconciled.
    selector: Option<model::Selector<String>>,
    inputs: Vec<u8>,
}

impl Admit for Reviewer {
    fn admit(&self, object: &[u8]) -> Result<Admission, Refused> {
        if let Some(selector) = &self.selector {
            let read: Value = serde_json::from_slice(object)
                .map_err(|error| Refused { reason: "InvalidObject", message: error.to_string() })?;
            if !selector.selects(&read) {
                return Ok(Admission::default());
            }
        }
        let span = trace::admit(&self.instance, &self.entry);
        let reviewed = span.in_scope(|| self.pattern.admit(&self.entry, object, &self.inputs));
        let review = reviewed.map_err(|failure| {
            trace::failed(&span, failure.reason());
            refused(&failure)
        })?;
        let denied = review.violations.iter().filter(|violation| violation.deny).count();
        trace::admitted(&span, review.changes.len(), denied, review.violations.len() - denied);
        let Review { changes, violations, cost: _ } = review;
        let violation = |violation: sandbox::Violation| Violation {
            field: violation.field,
            message: violation.message,
            deny: violation.deny,
        };
        Ok(Admission {
            changes: changes.into_iter().map(|change| (change.path, change.value)).collect(),
            violations: violations.into_iter().map(violation).collect(),
        })
    }
}

/// The definitions whose versions a pattern converts into each other.
pub(crate) fn definitions(pattern: &model::Pattern) -> Vec<Converting> {
    let converting = pattern.entries.iter().filter(|entry| !entry.conversions.is_empty());
    let one = |entry: &model::Entry| Converting {
        group: entry.api.group.clone(),
        plural: entry.api.plural.clone(),
        others: entry.versions.iter().skip(1).map(|version| version.name.clone()).collect(),
    };
    converting.map(one).collect()
}

/// One entry of a loaded pattern.
struct Sandboxed {
    instance: String,
    pattern: Pattern,
    entry: String,
    hook: Option<Refined>,
}

/// A hook that changes what the rules made.
pub(crate) struct Refined {
    pub(crate) hook: Hook,
    pub(crate) runtime: Handle,
}

impl Refined {
    /// The targets as the hook wants them. Must not be called where futures run.
    pub(crate) fn convert(
        &self,
        entry: &str,
        version: &str,
        objects: Vec<HookConversion>,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        match objects.is_empty() {
            true => Ok(Vec::new()),
            false => self.runtime.block_on(self.hook.convert(entry, version, objects)),
        }
    }
}

impl Convert for Sandboxed {
    fn convert(&self, version: &str, objects: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused> {
        let span = trace::convert(&self.instance, &self.entry, version, objects.len());
        let results = span.in_scope(|| self.converted(version, objects));
        match &results {
            Ok(results) => {
                let mut refused =
                    results.iter().filter_map(|result| result.as_ref().err()).map(|refused| refused.reason);
                let first = refused.next();
                trace::converted(&span, usize::from(first.is_some()) + refused.count(), first);
            }
            Err(refused) => trace::converted(&span, objects.len(), Some(refused.reason)),
        }
        results
    }
}

impl Sandboxed {
    fn converted(&self, version: &str, objects: &[&[u8]]) -> Result<Vec<Result<Vec<u8>, Refused>>, Refused> {
        let results = self.pattern.convert(&self.entry, version, objects).map_err(|failure| refused(&failure))?;
        let one = |result: Result<orkestra_sandbox::Conversion, Failure>| match result {
            Ok(conversion) => Ok(conversion.object),
            Err(failure) => Err(refused(&failure)),
        };
        let mut results: Vec<Result<Vec<u8>, Refused>> = results.into_iter().map(one).collect();
        if let Some(refined) = &self.hook {
            let made = objects.iter().zip(&results);
            let made = made.filter_map(|(source, target)| {
                Some(HookConversion { source: source.to_vec(), target: target.as_ref().ok()?.clone() })
            });
            let made: Vec<HookConversion> = made.collect();
            // A short review is converted where futures run: others go on elsewhere meanwhile.
            let refine = || refined.convert(&self.entry, version, made);
            let targets = tokio::task::block_in_place(refine).map_err(|failure| refused(&failure))?;
            for (result, target) in results.iter_mut().filter(|result| result.is_ok()).zip(targets) {
                *result = Ok(target);
            }
        }
        Ok(results)
    }
}

fn refused(failure: &Failure) -> Refused {
    Refused { reason: failure.reason(), message: failure.to_string() }
}

/// Starts the webhook, and says how API servers reach it. `local`: the API server is on this machine.
pub(crate) fn serve(args: &Serve, local: bool, routes: Arc<Routes>) -> Result<(Server, Webhook), Error> {
    let failed = |source| Error::Listen { address: args.webhook_listen, source };
    let listener = TcpListener::bind(args.webhook_listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let reach = reach(args, local, address)?;
    let certificates = match &args.webhook_certificates {
        Some(directory) => Certificates::Mounted(directory.clone()),
        None => Certificates::Own { names: names(&reach, address), terms: terms() },
    };
    let serving = Arc::new(Serving::default());
    let server = Server::start(listener, Options::default(), routes, serving.clone())
        .map_err(|error| Error::Webhook(error.into()))?;
    let served = server.served();
    Ok((server, Webhook { reach, certificates, serving, served }))
}

/// When certificates are renewed. A test that cannot wait for a year says `ORK_CERTIFICATES_GRACE=SECONDS`, and the authority is
/// replaced after eight times as long.
fn terms() -> Terms {
    #[cfg(debug_assertions)]
    if let Some(grace) = std::env::var("ORK_CERTIFICATES_GRACE").ok().and_then(|text| text.parse::<u64>().ok()) {
        let times = |n: u64| std::time::Duration::from_secs(n * grace);
        return Terms {
            ca_life: times(16),
            ca_renew_before: times(8),
            serving_life: times(6),
            renew_before: times(3),
            grace: times(1),
        };
    }
    Terms::default()
}

fn reach(args: &Serve, local: bool, address: SocketAddr) -> Result<Reach, Error> {
    if let Some(url) = &args.webhook_url {
        return Ok(Reach::Url(url.clone()));
    }
    if let Some((namespace, name, port)) = &args.webhook_service {
        return Ok(Reach::Service { namespace: namespace.clone(), name: name.clone(), port: *port });
    }
    match local && address.ip().is_loopback() {
        true => Ok(Reach::Url(format!("https://{address}/convert"))),
        false => Err(Error::Unusable {
            problem: "a pattern converts between versions or has rules for what is stored, and it is not known how API servers reach this process"
                .to_owned(),
            hint: Some("say it with --webhook-service NAMESPACE/NAME or --webhook-url URL".to_owned()),
        }),
    }
}

/// The names that the certificate has.
fn names(reach: &Reach, address: SocketAddr) -> Vec<String> {
    match reach {
        Reach::Service { namespace, name, port: _ } => vec![format!("{name}.{namespace}.svc")],
        Reach::Url(url) => {
            let rest = url.strip_prefix("https://").unwrap_or(url);
            let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
            let host = match authority.strip_prefix('[') {
                Some(rest) => rest.split(']').next().unwrap_or(rest),
                None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
            };
            match host.is_empty() {
                true => vec![address.ip().to_string()],
                false => vec![host.to_owned()],
            }
        }
    }
}
