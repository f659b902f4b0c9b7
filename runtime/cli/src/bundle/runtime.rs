//! The runtime's own objects: those of `deploy/manifests`, with what is this Komposer's put into them.

use std::path::Path;

use orkestra_artifact::Digest;
use orkestra_pattern::source::Source;
use orkestra_pattern::yaml;
use serde_json::Value;

use super::Carried;
use crate::error::Error;

/// What the chart makes without values, of which this makes what it makes: there is one source of it.
const MANIFESTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/manifests/orkestra.yaml"));
/// Where the ConfigMap is mounted.
const CONFIGURATION: &str = "/etc/orkestra";
/// The annotation by whose change pods are replaced.
const CHECKSUM: &str = "checksum/configuration";

/// What is this Komposer's, and this cluster's.
#[derive(Debug)]
pub(crate) struct Runtime {
    /// The namespace of all of it.
    pub(crate) namespace: String,
    /// None: as the manifests have it.
    pub(crate) image: Option<String>,
    /// None: as the manifests have it.
    pub(crate) replicas: Option<u16>,
    pub(crate) carried: Carried,
    /// Further arguments of `ork run`.
    pub(crate) arguments: Vec<String>,
}

impl Runtime {
    /// The objects, in the order of the manifests.
    ///
    /// # Errors
    /// The files are more than a ConfigMap holds.
    pub(crate) fn objects(&self) -> Result<Vec<Value>, Error> {
        let (contents, items) = self.carried.config_map()?;
        let checksum = Digest::of(Value::Object(contents.clone()).to_string().as_bytes()).to_string();
        let mut objects = Vec::new();
        for mut object in manifests() {
            object["metadata"]["namespace"] = self.namespace.as_str().into();
            match object["kind"].as_str() {
                Some("ConfigMap") => {
                    if let Some(members) = object.as_object_mut() {
                        members.shift_remove("data");
                        members.extend(contents.clone());
                    }
                }
                Some("Deployment") => self.deployment(&mut object, &checksum, items.as_ref())?,
                // One process alone would be held up for ever by a budget of one.
                Some("PodDisruptionBudget") if self.replicas.is_some_and(|replicas| replicas < 2) => continue,
                _ => {}
            }
            objects.push(object);
        }
        Ok(objects)
    }

    fn deployment(&self, object: &mut Value, checksum: &str, items: Option<&Value>) -> Result<(), Error> {
        if let Some(replicas) = self.replicas {
            *at(object, "/spec/replicas")? = replicas.into();
        }
        let annotations = at(object, "/spec/template/metadata/annotations")?;
        annotations[CHECKSUM] = checksum.into();
        if let Some(items) = items {
            let volumes = at(object, "/spec/template/spec/volumes")?.as_array_mut();
            for volume in volumes.into_iter().flatten().filter(|volume| volume["name"] == "configuration") {
                volume["configMap"]["items"] = items.clone();
            }
        }
        let container = at(object, "/spec/template/spec/containers/0")?;
        if let Some(image) = &self.image {
            *at(container, "/image")? = image.as_str().into();
        }
        let arguments = at(container, "/args")?;
        let before = arguments.as_array().cloned().unwrap_or_default();
        // What follows an object of the cluster reads no file.
        let stored = self.arguments.iter().any(|argument| argument.starts_with("--komposer="));
        let before =
            before.iter().filter_map(Value::as_str).filter(|argument| !stored || !argument.starts_with("--file="));
        let before = before.map(|argument| self.moved(argument));
        *arguments = before.chain(self.arguments.iter().cloned()).collect();
        Ok(())
    }

    /// An argument, in this namespace.
    fn moved(&self, argument: &str) -> String {
        let namespace = &self.namespace;
        match argument.split_once('=') {
            Some((option @ "--system-namespace", _)) => format!("{option}={namespace}"),
            Some((option @ "--webhook-service", service)) => {
                let name = service.rsplit('/').next().unwrap_or(service);
                format!("{option}={namespace}/{name}")
            }
            _ => argument.to_owned(),
        }
    }

    /// Where a file that is carried lies in the container.
    pub(crate) fn place(file: &str) -> String {
        Path::new(CONFIGURATION).join(file).display().to_string()
    }

    /// The image of the manifests.
    pub(crate) fn usual_image() -> Option<String> {
        let deployment = manifests().into_iter().find(|object| object["kind"] == "Deployment")?;
        Some(deployment.pointer("/spec/template/spec/containers/0/image")?.as_str()?.to_owned())
    }
}

/// The objects of the manifests as they are.
fn manifests() -> Vec<Value> {
    let source = Source::new().with("orkestra.yaml", MANIFESTS.as_bytes());
    let Some(file) = source.find("orkestra.yaml") else { return Vec::new() };
    let (documents, _) = yaml::parse(&source, file, yaml::Bounds::default());
    documents.iter().map(yaml::Node::to_json).filter(|object| !object.is_null()).collect()
}

/// A place of a manifest, which a test holds to be there.
fn at<'a>(object: &'a mut Value, pointer: &'static str) -> Result<&'a mut Value, Error> {
    object.pointer_mut(pointer).ok_or(Error::Manifest { pointer })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn runtime() -> Runtime {
        let mut carried = Carried::default();
        carried.add(Path::new("komposer.yaml"), b"kind: Komposer\n".to_vec()).unwrap();
        let namespace = "orkestra-system".to_owned();
        Runtime { namespace, image: None, replicas: None, carried, arguments: Vec::new() }
    }

    fn of_kind(objects: &[Value], kind: &str) -> Value {
        objects.iter().find(|object| object["kind"] == kind).unwrap().clone()
    }

    #[test]
    fn what_is_not_asked_for_stays_as_the_manifests_have_it() {
        let mut objects = runtime().objects().unwrap();
        let mut before = manifests();
        assert_eq!(objects.len(), before.len());
        for object in objects.iter_mut().chain(&mut before) {
            if object["kind"] == "ConfigMap" {
                object["data"] = json!({});
            }
            if object["kind"] == "Deployment" {
                object["spec"]["template"]["metadata"]["annotations"] = json!({});
            }
        }
        assert_eq!(objects, before);
    }

    #[test]
    fn what_is_this_clusters_is_put_in_its_place() {
        let mut runtime = Runtime {
            namespace: "platform".to_owned(),
            image: Some("mirror.example.com/ork@sha256:00".to_owned()),
            replicas: Some(1),
            arguments: vec!["--locked".to_owned()],
            ..runtime()
        };
        runtime.carried.add(Path::new("web/crd.yaml"), b"x".to_vec()).unwrap();
        let objects = runtime.objects().unwrap();
        assert!(objects.iter().all(|object| object["metadata"]["namespace"] == "platform"));
        assert!(objects.iter().all(|object| object["kind"] != "PodDisruptionBudget"));
        let deployment = of_kind(&objects, "Deployment");
        let spec = &deployment["spec"]["template"]["spec"];
        assert_eq!(
            (&deployment["spec"]["replicas"], &spec["containers"][0]["image"]),
            (&json!(1), &json!("mirror.example.com/ork@sha256:00"))
        );
        let arguments: Vec<&str> = spec["containers"][0]["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|argument| argument.as_str().unwrap())
            .collect();
        for argument in [
            "--file=/etc/orkestra/komposer.yaml",
            "--system-namespace=platform",
            "--webhook-service=platform/orkestra",
            "--locked",
        ] {
            assert!(arguments.contains(&argument), "{argument}: {arguments:?}");
        }
        assert_eq!(spec["volumes"][0]["configMap"]["items"][1]["path"], "web/crd.yaml");
        let text = Value::from(objects).to_string();
        assert!(!text.contains("orkestra-system"), "nothing is left of the namespace of the manifests: {text}");
    }

    #[test]
    fn what_runs_is_in_the_checksum_and_what_does_not_is_not() {
        let sum = |runtime: &Runtime| {
            let deployment = of_kind(&runtime.objects().unwrap(), "Deployment");
            deployment["spec"]["template"]["metadata"]["annotations"][CHECKSUM].as_str().unwrap().to_owned()
        };
        let mut other = runtime();
        other.replicas = Some(5);
        assert_eq!(sum(&other), sum(&runtime()));
        other.carried.add(Path::new("komposer.lock"), b"x".to_vec()).unwrap();
        assert_ne!(sum(&other), sum(&runtime()));
    }

    #[test]
    fn the_image_of_the_manifests_is_known() {
        assert!(Runtime::usual_image().unwrap().starts_with("ghcr.io/orkestra-sh/ork:"));
    }
}
