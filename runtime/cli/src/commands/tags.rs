//! `ork tags`: what a repository has.

use orkestra_artifact::versions::version_of;
use orkestra_artifact::{Registry, is_about_another};
use serde_json::json;

use crate::args::{Tags, TextOrJson};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::transport;

pub(crate) fn run(args: &Tags, output: &Output) -> Result<(), Error> {
    let client = transport::client(&args.transport)?;
    let mut tags = transport::run(async { Ok(client.tags(&args.repository).await?) })?;
    tags.retain(|tag| !is_about_another(tag));
    // Newest version first, then what is no version.
    tags.sort_by(|a, b| version_of(b).cmp(&version_of(a)).then_with(|| a.cmp(b)));
    match args.format {
        TextOrJson::Json => {
            output.data(&format!("{:#}\n", json!({"repository": args.repository.to_string(), "tags": tags})))
        }
        TextOrJson::Text => output.data(&tags.iter().map(|tag| format!("{}\n", escape(tag))).collect::<String>()),
    }
}
