//! What `guest-sdk/js/examples/team/hook.js` does, in Rust.

use orkestra_hook::{BeforeRender, Call, Error, Kind, export};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// As far as a number of JavaScript holds integers.
const SAFE: i64 = (1 << 53) - 1;

struct Usage;

#[derive(Deserialize)]
struct Team {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    team: String,
}

#[derive(Deserialize)]
struct ConfigMap {
    metadata: Metadata,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "GiB")]
    gib: Option<String>,
}

#[derive(Serialize)]
struct Values {
    usage: Used,
}

#[derive(Serialize)]
struct Used {
    names: Vec<String>,
    #[serde(rename = "GiB")]
    gib: i64,
}

impl BeforeRender for Usage {
    type Resource = Team;
    type Inputs = IgnoredAny;
    type Values = Values;

    fn before_render(call: &Call<Team, IgnoredAny>) -> Result<Values, Error> {
        let team = &call.resource().spec.team;
        let maps: Vec<ConfigMap> = call
            .cluster()
            .list(Kind::core("ConfigMap"))
            .label("team", team)
            .fields(["metadata.name", "data.GiB"])
            .read()?;
        let mut gib: i64 = 0;
        for map in &maps {
            let text = map.data.as_ref().and_then(|data| data.gib.as_deref()).unwrap_or_default();
            // A plus sign is a number's here and not there.
            let number = text.parse().ok().filter(|_| !text.starts_with('+'));
            let number: i64 = number.ok_or_else(|| {
                let shown = serde_json::Value::from(text);
                Error::failed(format!("ConfigMap {}: data.GiB is no integer: {shown}", map.metadata.name))
            })?;
            gib = gib.saturating_add(number);
        }
        if gib.abs() > SAFE {
            return Err(Error::failed(format!("{team}: the sum of data.GiB is beyond what a number holds")));
        }
        call.log().info(format_args!("{team} uses {gib} GiB in {} ConfigMaps", maps.len()));
        let mut names: Vec<String> = maps.into_iter().map(|map| map.metadata.name).collect();
        names.sort();
        Ok(Values { usage: Used { names, gib } })
    }
}

export!(before_render = Usage);
