//! Lists the ConfigMaps with one label again and again, and tells how long each list took.

use orkestra_hook::{BeforeRender, Call, Error, Kind, export};
use serde::Serialize;
use serde::de::IgnoredAny;
use wasip2::clocks::monotonic_clock::now;

/// As many as a call has host calls, but for some that are left.
const LISTS: usize = 95;

struct Lister;

#[derive(Serialize)]
struct Values {
    times: Vec<u64>,
}

impl BeforeRender for Lister {
    type Resource = IgnoredAny;
    type Inputs = IgnoredAny;
    type Values = Values;

    fn before_render(call: &Call<IgnoredAny, IgnoredAny>) -> Result<Values, Error> {
        let mut times = Vec::with_capacity(LISTS);
        for _ in 0..LISTS {
            let start = now();
            let found: Vec<IgnoredAny> =
                call.cluster().list(Kind::core("ConfigMap")).label("wanted", "yes").fields(["metadata.name"]).read()?;
            times.push(now() - start);
            if found.len() != 1 {
                return Err(Error::failed(format!("{} ConfigMaps were found, not the one", found.len())));
            }
        }
        Ok(Values { times })
    }
}

export!(before_render = Lister);
