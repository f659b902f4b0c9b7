//! A hook that is called at every point but the first. What it does is written in the resource, so that a test can ask it for things that
//! it must not do.

use orkestra_hook::{
    AfterRender, Call, Children, Conversion, Convert, Error, Finalize, Outcome, Validate, Violation, export,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

struct Site;

#[derive(Deserialize)]
struct Resource {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    pages: Vec<String>,
    #[serde(default, rename = "do")]
    what: String,
}

impl AfterRender for Site {
    type Resource = Resource;
    type Inputs = IgnoredAny;

    fn after_render(call: &Call<Resource, IgnoredAny>, children: &mut Children) -> Result<(), Error> {
        let Resource { metadata, spec } = call.resource();
        let map = |name: &str| json!({"metadata": {"name": name}, "data": {"by": "hook"}});
        children.change("config", |config: &mut Value| config["data"]["by"] = json!("hook"))?;
        for page in &spec.pages {
            children.add(("page", page.as_str()), &map(&format!("{}-{page}", metadata.name)))?;
        }
        match spec.what.as_str() {
            "drop" => drop(children.remove("config")),
            "undeclared" => children.add("other", &map("other"))?,
            "unlisted" => children.add("secret", &map("secret"))?,
            "account" => {
                children.change("web", |web: &mut Value| {
                    web["spec"]["template"]["spec"]["serviceAccountName"] = json!("admin");
                })?;
            }
            "image" => {
                children.change("web", |web: &mut Value| {
                    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example.com/web:2");
                })?;
            }
            "elsewhere" => children.add(("page", "x"), &json!({"metadata": {"name": "x", "namespace": "kube-public"}}))?,
            _ => {}
        }
        Ok(())
    }
}

impl Validate for Site {
    type Resource = Resource;
    type Inputs = IgnoredAny;

    fn validate(call: &Call<Resource, IgnoredAny>) -> Result<Vec<Violation>, Error> {
        let pages = call.resource().spec.pages.iter();
        let wrong = pages.filter(|page| page.as_str() == "forbidden");
        Ok(wrong.map(|page| Violation::new("spec.pages", format!("{page} is no page"))).collect())
    }
}

impl Finalize for Site {
    type Resource = Resource;
    type Inputs = IgnoredAny;

    fn finalize(call: &Call<Resource, IgnoredAny>) -> Result<Outcome, Error> {
        match call.resource().metadata.annotations.contains_key("points.example.com/saved") {
            true => Ok(Outcome::Done),
            false => Ok(Outcome::wait("the pages are not saved")),
        }
    }
}

impl Convert for Site {
    type Source = Value;
    type Target = Value;

    fn convert(conversion: &Conversion<Value>, mut target: Value) -> Result<Value, Error> {
        // A rule cannot count.
        let pages = target["spec"]["pages"].as_array().map_or(0, Vec::len);
        if conversion.version() == "v1" {
            target["metadata"]["annotations"]["points.example.com/pages"] = json!(pages.to_string());
        }
        Ok(target)
    }
}

export!(after_render = Site, validate = Site, finalize = Site, convert = Site);
