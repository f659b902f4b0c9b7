//! The audit: what each pattern can do, what allows that, and who says so.
//!
//! Everything is derived here, from the YAML that is compiled here; what is only somebody's word is in `claimed`.

pub(crate) mod json;
pub(crate) mod rules;
pub(crate) mod sarif;
pub(crate) mod text;

use orkestra_artifact::Digest;
use orkestra_komposer::{From, Instance, Policy};
use orkestra_pattern::cost::Summary;
use orkestra_pattern::model::{Entry, Hook};
use orkestra_pattern::rights::Rights;
use orkestra_sandbox::Limits;
use orkestra_sandbox::capability::Capability as SandboxCapability;

use crate::composition::grants::{self, Capability};
use crate::error::Error;
use crate::{composition, hooks, instances, rbac};

/// Everything that was looked at.
#[derive(Debug)]
pub(crate) struct Audit {
    /// The Komposer's name and where it is.
    pub(crate) komposer: Option<(String, String)>,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) findings: Vec<Finding>,
}

/// One pattern under its name.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where it came from, as the user sees it.
    pub(crate) path: String,
    /// The manifest of an artifact.
    pub(crate) manifest: Option<Digest>,
    /// The component that runs.
    pub(crate) component: Digest,
    pub(crate) size: usize,
    /// The only import of a component that is a program: its engine.
    pub(crate) engine: String,
    pub(crate) exports: Vec<&'static str>,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) hook: Option<AuditedHook>,
    /// Grants that nothing asks for.
    pub(crate) idle: Vec<String>,
    pub(crate) limits: Limits,
    /// The entries that run, with what they cost at most.
    pub(crate) entries: Vec<(String, Summary)>,
    pub(crate) rights: Rights,
    /// Whose signatures were asked for and found.
    pub(crate) signers: Vec<String>,
    pub(crate) rebuilt: Rebuilt,
    /// Whether a Komposer's overrides changed what is compiled.
    pub(crate) composed: bool,
    /// What is somebody's word and was not derived: what it is, and whose word.
    pub(crate) claimed: Vec<(&'static str, &'static str)>,
}

/// Code beside a Katalog.
#[derive(Debug)]
pub(crate) struct AuditedHook {
    pub(crate) digest: Digest,
    pub(crate) size: usize,
    /// What it imports, with the kind of capability that each belongs to.
    pub(crate) imports: Vec<(String, String)>,
    /// What each entry calls it for.
    pub(crate) called: Vec<(String, Vec<String>)>,
    /// Secrets are among the children that it is shown.
    pub(crate) sees_secrets: bool,
}

impl AuditedHook {
    fn of(instance: &Instance) -> Result<Option<Self>, Error> {
        let Some(bytes) = instance.hook.as_ref().filter(|_| hooks::wanted(instance)) else { return Ok(None) };
        let imports = orkestra_component::hook::imports(bytes);
        let imports = imports.map_err(|error| Error::HookBuild { problem: error.to_string() })?;
        let by = |import: &String| {
            let names: Vec<&str> =
                SandboxCapability::covering(import).into_iter().map(SandboxCapability::name).collect();
            match names.is_empty() {
                true => "every hook's".to_owned(),
                false => names.join(" or "),
            }
        };
        let imports = imports
            .into_iter()
            .map(|import| {
                let by = by(&import);
                (import, by)
            })
            .collect();
        let runs = |entry: &&Entry| instance.entries.iter().any(|settings| settings.name == entry.name);
        let hooked: Vec<(&Entry, &Hook)> = instance
            .pattern
            .entries
            .iter()
            .filter(runs)
            .filter_map(|entry| Some((entry, entry.hook.as_ref()?)))
            .collect();
        let called = hooked.iter().map(|(entry, hook)| (entry.name.clone(), hooks::points_in_words(hook))).collect();
        let sees_secrets = hooked.iter().any(|(entry, _)| {
            entry.child_kinds().any(|(_, api_version, kind)| (api_version, kind) == ("v1", "Secret"))
        });
        Ok(Some(Self { digest: Digest::of(bytes), size: bytes.len(), imports, called, sees_secrets }))
    }
}

/// Whether the author's component is its YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rebuilt {
    /// There is nothing but the YAML: it was compiled here.
    Here,
    /// It was compiled again, and is the same to the byte.
    Same,
    /// It was not compiled again; the lock says that it was when it was written.
    Locked(bool),
    /// It is something else; what this `ork` makes of the YAML is what runs.
    Differs,
}

impl Rebuilt {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Here => "compiled here",
            Self::Same => "same bytes",
            Self::Locked(true) => "same bytes, as the lock says",
            Self::Locked(false) => "not proven",
            Self::Differs => "other bytes",
        }
    }
}

/// What is known of a pattern besides its YAML.
#[derive(Debug, Default)]
pub(crate) struct Provenance {
    pub(crate) signers: Vec<String>,
    /// The author's component.
    pub(crate) theirs: Option<Digest>,
    /// What the lock says of a rebuild.
    pub(crate) locked: Option<bool>,
}

/// Something that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    pub(crate) message: String,
    /// The pattern that it is about.
    pub(crate) pattern: Option<String>,
    /// `patterns/web/katalog.yaml:12:8`
    pub(crate) at: Option<String>,
}

/// What a finding is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    CapabilityDenied,
    CapabilityGranted,
    IdleGrant,
    GrantNotAllowed,
    RightNotGiven,
    Unverified,
    NotProven,
    CanExfiltrate,
    DoesNotRun,
    PolicyViolated,
}

/// How much a finding weighs, in SARIF's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
    Note,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Rule {
    pub(crate) const ALL: [Self; 10] = [
        Self::CapabilityDenied,
        Self::CapabilityGranted,
        Self::IdleGrant,
        Self::GrantNotAllowed,
        Self::RightNotGiven,
        Self::Unverified,
        Self::NotProven,
        Self::CanExfiltrate,
        Self::DoesNotRun,
        Self::PolicyViolated,
    ];

    /// Its id, for machines.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::CapabilityDenied => "CapabilityDenied",
            Self::CapabilityGranted => "CapabilityGranted",
            Self::IdleGrant => "IdleGrant",
            Self::GrantNotAllowed => "GrantNotAllowed",
            Self::RightNotGiven => "RightNotGiven",
            Self::Unverified => "Unverified",
            Self::NotProven => "NotProven",
            Self::CanExfiltrate => "CanExfiltrate",
            Self::DoesNotRun => "DoesNotRun",
            Self::PolicyViolated => "PolicyViolated",
        }
    }

    pub(crate) fn level(self) -> Level {
        match self {
            Self::CapabilityDenied | Self::GrantNotAllowed | Self::DoesNotRun | Self::PolicyViolated => Level::Error,
            Self::IdleGrant | Self::RightNotGiven | Self::Unverified | Self::NotProven | Self::CanExfiltrate => {
                Level::Warning
            }
            Self::CapabilityGranted => Level::Note,
        }
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::CapabilityDenied => "The pattern asks for something that it is not granted, and does not run.",
            Self::CapabilityGranted => "The pattern is granted something beyond computing.",
            Self::IdleGrant => "Something is granted that nothing asks for.",
            Self::GrantNotAllowed => "The policy does not allow what is granted.",
            Self::RightNotGiven => "The templates need a right that no account is given.",
            Self::Unverified => "Nobody's signature of the artifact was asked for.",
            Self::CanExfiltrate => "A hook sees what others must not, and sends requests: it can send that out.",
            Self::NotProven => "It is not proven that the author's component is its YAML.",
            Self::DoesNotRun => "The pattern does not run.",
            Self::PolicyViolated => "A rule of the policy is violated.",
        }
    }

    /// Whether a gate closes at it.
    pub(crate) fn fails(self) -> bool {
        matches!(self, Self::GrantNotAllowed | Self::DoesNotRun | Self::PolicyViolated)
    }
}

impl Subject {
    /// Compiles a pattern and says everything of it.
    pub(crate) fn of(instance: &Instance, provenance: Provenance) -> Result<Self, Error> {
        let component = composition::build(instance)?;
        let decoded = orkestra_component::decode(&component).map_err(|error| Error::Compile(error.into()))?;
        let digest = Digest::of(&component);
        let rebuilt = match (provenance.theirs, provenance.locked) {
            (None, _) => Rebuilt::Here,
            (Some(theirs), _) if !instance.composed && theirs == digest => Rebuilt::Same,
            (Some(_), Some(locked)) if instance.composed => Rebuilt::Locked(locked),
            (Some(_), None) if instance.composed => Rebuilt::Locked(false),
            (Some(_), _) => Rebuilt::Differs,
        };
        let manifest = match &instance.from {
            From::Directory => None,
            From::Registry { digest, .. } => Some(*digest),
        };
        let mut claimed = Vec::new();
        if let Rebuilt::Locked(_) = rebuilt {
            claimed.push(("rebuilt", "the lock"));
        }
        let hook = AuditedHook::of(instance)?;
        if hook.is_some() {
            claimed.push(("what hooks.wasm does with what it is granted", "its author"));
        }
        let runs = |entry: &&Entry| instance.entries.iter().any(|settings| settings.name == entry.name);
        let entries = instance.pattern.entries.iter().filter(runs);
        let entries = entries.map(orkestra_pattern::cost_of).collect();
        Ok(Self {
            name: instance.name.clone(),
            version: instance.pattern.version.to_string(),
            path: instance.path.clone(),
            manifest,
            component: digest,
            size: component.len(),
            engine: decoded.engine,
            exports: decoded.exports.names(),
            capabilities: grants::capabilities(instance),
            hook,
            idle: grants::idle(instance).into_iter().map(str::to_owned).collect(),
            limits: instances::limits(instance),
            entries,
            rights: rbac::of_instance(instance),
            signers: provenance.signers,
            rebuilt,
            composed: instance.composed,
            claimed,
        })
    }

    /// A place of its files as the user sees it; the Komposer's own file is where the Komposer is.
    fn at(&self, at: &str, komposer: Option<&str>) -> Option<String> {
        if at.is_empty() {
            return None;
        }
        Some(match (at.strip_prefix("komposer.yaml"), komposer) {
            (Some(rest), Some(komposer)) => format!("{komposer}{rest}"),
            _ => format!("{}/{at}", self.path.trim_end_matches('/')),
        })
    }

    fn findings(&self, komposer: Option<&str>, policy: Option<&Policy>) -> Vec<Finding> {
        let mut all = Vec::new();
        let mut find = |rule, message: String, at: &str| {
            all.push(Finding { rule, message, pattern: Some(self.name.clone()), at: self.at(at, komposer) });
        };
        for capability in &self.capabilities {
            let (rule, said) = match capability.granted {
                true => (Rule::CapabilityGranted, "is granted"),
                false => (Rule::CapabilityDenied, "is not granted"),
            };
            for reason in &capability.reasons {
                find(rule, format!("`{}` {said} `{}`: {}", self.name, capability.name, reason.text), &reason.at);
            }
            if let Some(policy) = policy
                && capability.granted
                && !policy.allows_grant(&capability.name)
            {
                let message = format!("the policy `{}` does not allow the grant `{}`", policy.name, capability.name);
                find(Rule::GrantNotAllowed, message, "");
            }
        }
        let granted = |stem: &str| self.capabilities.iter().any(|one| one.granted && one.name.starts_with(stem));
        let reads = match (granted("cluster-read:"), self.hook.as_ref().is_some_and(|hook| hook.sees_secrets)) {
            (true, _) => Some("reads the cluster"),
            (false, true) => Some("is shown the Secrets among its children"),
            (false, false) => None,
        };
        if let Some(reads) = reads.filter(|_| granted("http")) {
            let message =
                format!("the hook of `{}` {reads} and sends requests: it can send out what it sees", self.name);
            find(Rule::CanExfiltrate, message, "");
        }
        for grant in &self.idle {
            find(Rule::IdleGrant, format!("`{}` is granted `{grant}`, and does not ask for it", self.name), "");
        }
        for refused in &self.rights.refused {
            find(Rule::RightNotGiven, refused.text.clone(), &refused.at);
        }
        if self.manifest.is_some() && self.signers.is_empty() {
            find(Rule::Unverified, format!("`{}` is UNVERIFIED: nobody's signature was asked for", self.name), "");
        }
        if matches!(self.rebuilt, Rebuilt::Differs | Rebuilt::Locked(false)) {
            find(Rule::NotProven, format!("the author's component of `{}`: {}", self.name, self.rebuilt.word()), "");
        }
        all
    }
}

impl Audit {
    /// The audit of subjects, with what is broken besides.
    pub(crate) fn of(
        komposer: Option<(String, String)>,
        subjects: Vec<Subject>,
        broken: &[composition::Broken],
        policy: Option<&Policy>,
    ) -> Self {
        let at = komposer.as_ref().map(|(_, path)| path.as_str());
        let mut findings: Vec<Finding> = subjects.iter().flat_map(|subject| subject.findings(at, policy)).collect();
        findings.extend(broken.iter().map(|broken| Finding {
            rule: Rule::DoesNotRun,
            message: format!("`{}` does not run: {}", broken.name, broken.error.chain()),
            pattern: Some(broken.name.clone()),
            at: None,
        }));
        let mut audit = Self { komposer, subjects, findings };
        if let Some(policy) = policy {
            let document = json::of(&audit);
            audit.findings.extend(rules::violations(&policy.rules, &document));
        }
        audit
    }

    /// Whether a gate closes.
    pub(crate) fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule.fails())
    }
}
