//! What whoever looks at a running runtime is told of an instance: where it is from, and what it may touch.

use orkestra_artifact::Digest;
use orkestra_komposer::{From, Instance};
use orkestra_operator::{self as operator, About, Digests};
use orkestra_pattern::rights;

use crate::composition::Broken;
use crate::composition::grants;
use crate::{hooks, rbac};

/// What is known of an instance whose component has this digest.
pub(crate) fn of(instance: &Instance, component: Digest) -> About {
    let rights = rbac::of_instance(instance);
    let manifest = match &instance.from {
        From::Directory => None,
        From::Registry { digest, .. } => Some(digest.to_string()),
    };
    let hook = instance.hook.as_ref().filter(|_| hooks::wanted(instance)).map(|hook| Digest::of(hook).to_string());
    let entries = instance.pattern.entries.iter();
    About {
        version: instance.pattern.version.to_string().into(),
        from: instance.path.as_str().into(),
        digests: Digests { component: Some(component.to_string()), manifest, hook },
        capabilities: grants::capabilities(instance).into_iter().map(capability).collect(),
        rights: rights.rights.iter().map(right).collect(),
        not_given: rights.refused.iter().map(|refused| reason(&refused.text, &refused.at)).collect(),
        hook_points: entries.filter_map(|entry| Some((entry.name.clone(), entry.hook.as_ref()?.points()))).collect(),
    }
}

/// What is told of an import that does not run.
pub(crate) fn broken(broken: &Broken) -> operator::Broken {
    let (reason, said) = (broken.error.reason(), broken.error.chain());
    // In text for a terminal each line begins with the reason, which stands by itself here.
    let lines =
        said.lines().map(|line| line.strip_prefix(reason).and_then(|line| line.strip_prefix(": ")).unwrap_or(line));
    operator::Broken {
        name: broken.name.clone(),
        reason,
        message: lines.collect::<Vec<_>>().join("; ").into(),
        mend: broken.error.hint().map(operator::Text::from),
        denied: broken.error.denied().iter().cloned().map(capability).collect(),
    }
}

fn capability(capability: grants::Capability) -> operator::Capability {
    operator::Capability {
        name: capability.name.into(),
        granted: capability.granted,
        reasons: capability.reasons.iter().map(|said| reason(&said.text, &said.at)).collect(),
    }
}

fn right(right: &rights::Right) -> operator::Right {
    let texts = |all: &[String]| all.iter().map(|text| text.as_str().into()).collect();
    operator::Right {
        group: right.resource.group.as_str().into(),
        resource: right.resource.name.as_str().into(),
        scope: match &right.scope {
            rights::Scope::Namespaces => operator::Scope::Namespaces,
            rights::Scope::Named(namespace) => operator::Scope::Named(namespace.as_str().into()),
            rights::Scope::Cluster => operator::Scope::Cluster,
        },
        names: texts(&right.names),
        verbs: texts(&right.verbs),
        reasons: right.reasons.iter().map(|said| reason(&said.text, &said.at)).collect(),
    }
}

fn reason(text: &str, at: &str) -> operator::Text {
    match at {
        "" => text.into(),
        at => format!("{text} ({at})").into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use orkestra_pattern::codes::example;
    use orkestra_pattern::source::Source;
    use serde_json::Map;

    use super::*;
    use crate::error::Error;

    fn instance() -> Instance {
        let source =
            Source::new().with("katalog.yaml", example::KATALOG.as_bytes()).with("crd.yaml", example::CRD.as_bytes());
        let pattern = orkestra_pattern::check(&source).0.unwrap();
        Instance::new("patterns/shop", pattern, Map::new()).unwrap()
    }

    #[test]
    fn it_tells_the_rights_that_generate_rbac_gives() {
        let instance = instance();
        let about = of(&instance, Digest::of(b"component"));
        assert_eq!(about.from.as_str(), "patterns/shop");
        assert_eq!(about.digests.component.as_deref(), Some(&*Digest::of(b"component").to_string()));
        assert_eq!((&about.digests.manifest, &about.digests.hook), (&None, &None));
        let derived = rbac::of_instance(&instance).rights;
        assert!(!derived.is_empty());
        let told: Vec<_> = about.rights.iter().map(|right| right.resource.as_str()).collect();
        assert_eq!(told, derived.iter().map(|right| right.resource.name.as_str()).collect::<Vec<_>>());
        for (told, derived) in about.rights.iter().zip(&derived) {
            assert_eq!(told.verbs.iter().map(operator::Text::as_str).collect::<Vec<_>>(), derived.verbs);
            assert_eq!(told.reasons.len(), derived.reasons.len());
        }
    }

    #[test]
    fn what_does_not_run_is_told_with_its_reason_and_how_to_mend_it() {
        let told = broken(&Broken { name: "shop".to_owned(), error: Error::HookMissing { name: "shop".to_owned() } });
        assert_eq!((told.name.as_str(), told.reason), ("shop", "HookMissing"));
        assert_eq!(told.message.as_str(), "`shop` calls a hook, and there is no hooks.wasm");
        assert_eq!(told.mend.unwrap().as_str(), "build it with `ork build --hooks`");
    }
}
