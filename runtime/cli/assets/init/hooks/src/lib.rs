//! Values for the templates of __NAME__.

use orkestra_hook::{BeforeRender, Call, Error, Kind, ReadFailure, export};
use serde::{Deserialize, Serialize};

struct Hook;

/// What it uses of the resource.
#[derive(Deserialize)]
struct __KIND__ {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    replicas: i64,
}

/// What it uses of the ConfigMap `limits`.
#[derive(Deserialize)]
struct Limits {
    data: Option<LimitsData>,
}

#[derive(Deserialize)]
struct LimitsData {
    replicas: Option<String>,
}

/// A field for each name below `hooks.beforeRender` in katalog.yaml.
#[derive(Debug, PartialEq, Serialize)]
struct Values {
    replicas: i64,
}

impl BeforeRender for Hook {
    type Resource = __KIND__;
    type Inputs = serde::de::IgnoredAny;
    type Values = Values;

    fn before_render(call: &Call<__KIND__, serde::de::IgnoredAny>) -> Result<Values, Error> {
        let wanted = call.resource().spec.replicas;
        let limits: Limits = match call.cluster().get(Kind::core("ConfigMap"), "limits").fields(["data.replicas"]).read() {
            Ok(limits) => limits,
            Err(error) if matches!(error.failure(), ReadFailure::NotFound) => return Ok(Values { replicas: wanted }),
            Err(error) => return Err(error.into()),
        };
        let Some(limit) = limits.data.and_then(|data| data.replicas) else { return Ok(Values { replicas: wanted }) };
        let limit: i64 = limit.parse().map_err(|_| Error::failed("ConfigMap limits: data.replicas is no number"))?;
        Ok(Values { replicas: wanted.min(limit) })
    }
}

export!(before_render = Hook);

#[cfg(test)]
mod tests {
    use orkestra_hook::testing::FakeHost;
    use serde_json::{Value, json};

    use super::*;

    fn run(host: &FakeHost) -> Result<Value, Error> {
        let resource = json!({"metadata": {"name": "a", "namespace": "team"}, "spec": {"image": "i", "replicas": 3}});
        host.call(resource).before_render::<Hook>()
    }

    fn limits(replicas: &str) -> FakeHost {
        FakeHost::new().object(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "limits", "namespace": "team"}, "data": {"replicas": replicas},
        }))
    }

    #[test]
    fn a_limit_is_kept() {
        assert_eq!(run(&limits("2")), Ok(json!({"replicas": 2})));
        assert_eq!(run(&limits("5")), Ok(json!({"replicas": 3})));
        assert!(run(&limits("many")).is_err());
    }
}
