//! Everything that a cluster needs to run a Komposer: the rights, the definitions where they are wanted, and the runtime.

mod carried;
mod runtime;

use orkestra_komposer::Instance;
use serde_json::Value;

pub(crate) use carried::{Carried, inside};
pub(crate) use runtime::Runtime;

use crate::error::Error;
use crate::rbac;
use crate::yaml;

/// The label and the levels of Pod Security by which only pods that can do no more than the runtime's are admitted.
const POD_SECURITY: [&str; 3] = ["enforce", "warn", "audit"];

/// One file of a bundle. They are applied in this order, which is that of their names.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// The names of all files that a bundle can have.
pub(crate) const FILES: [&str; 4] = ["1-rights.yaml", "2-definitions.yaml", "3-runtime.yaml", "4-komposer.yaml"];

/// The files of a bundle. `head` is the comment at the beginning of each.
pub(crate) fn files(
    rights: rbac::Bundle,
    definitions: &[Value],
    runtime: &[Value],
    komposer: &[Value],
    head: &str,
) -> Result<Vec<File>, Error> {
    let [first, second, third, fourth] = FILES;
    let mut files = vec![File { name: first, text: format!("{head}{}", rbac::as_yaml(&restricted(rights))?) }];
    for (name, objects) in [(second, definitions), (third, runtime), (fourth, komposer)] {
        if !objects.is_empty() {
            files.push(File { name, text: format!("{head}{}", documents(objects)?) });
        }
    }
    Ok(files)
}

/// The definitions of what runs, in its order.
pub(crate) fn definitions(instances: &[Instance]) -> Vec<Value> {
    instances.iter().flat_map(|instance| instance.pattern.crds.iter().cloned()).collect()
}

/// With the runtime's namespace closed to pods that could do more than the runtime's own.
fn restricted(mut rights: rbac::Bundle) -> rbac::Bundle {
    let namespaces = rights.objects.iter_mut().filter(|object| object.head["kind"] == "Namespace");
    for namespace in namespaces {
        for mode in POD_SECURITY {
            namespace.head["metadata"]["labels"][format!("pod-security.kubernetes.io/{mode}")] = "restricted".into();
        }
    }
    rights
}

/// Objects as documents of one file.
pub(crate) fn documents(objects: &[Value]) -> Result<String, Error> {
    objects.iter().map(|object| Ok(format!("---\n{}", yaml::text(object)?))).collect()
}
