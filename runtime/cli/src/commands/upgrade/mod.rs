//! `ork upgrade plan`: what a newer version of a pattern does to what the older one made.

mod conversion;
mod judge;
mod live;
mod open;
mod print;
mod refuses;
mod templates;

use std::collections::BTreeMap;

use orkestra_operator::Verdict;
use orkestra_operator::upgrade::Onlooker;
use orkestra_pattern::model::Entry;
use serde_json::Value;

use crate::args::{TextOrJson, Upgrade, UpgradePlan, UpgradeWhat};
use crate::error::Error;
use crate::output::Output;
use crate::{instances, kube_access, sandbox};
use judge::Judged;
use live::{Converter, Live};
pub(super) use open::{fetch, files};

/// Everything that is known of an upgrade.
struct Plan {
    changes: Vec<Judged>,
    /// By definition; none where no cluster was looked at.
    live: Option<Vec<Live>>,
}

pub(crate) fn run(args: &Upgrade, output: &Output) -> Result<(), Error> {
    match &args.what {
        UpgradeWhat::Plan(args) => plan(args, output),
    }
}

fn plan(args: &UpgradePlan, output: &Output) -> Result<(), Error> {
    let old = open::open(&args.old, &args.transport, output)?;
    let new = open::open(&args.new, &args.transport, output)?;
    let named = args.access.context.is_some() || args.access.kubeconfig.is_some();
    let found = match args.live || named {
        true => {
            let converts = new.pattern.entries.iter().any(|entry| !entry.conversions.is_empty());
            let loaded = match converts {
                true => Some(instances::load(&new.pattern, &sandbox::start(None, output)?)?),
                false => None,
            };
            Some(kube_access::runtime()?.block_on(look(args, &new, loaded.as_ref()))?)
        }
        false => None,
    };
    let (definitions, live) = found.unzip();
    let plan = Plan { changes: judge::judge(&old, &new, &definitions.unwrap_or_default()), live };
    match args.format {
        TextOrJson::Text => output.data(&print::text(&old, &new, &plan))?,
        TextOrJson::Json => output.bytes(format!("{:#}\n", print::json_of(&old, &new, &plan)).as_bytes())?,
    }
    let refused = plan.changes.iter().any(|change| change.verdict == Verdict::Refused)
        || plan.live.iter().flatten().any(|live| live.refused > 0);
    if refused { Err(Error::Silent) } else { Ok(()) }
}

/// The live definitions by name, and what the new ones would refuse.
async fn look(
    args: &UpgradePlan,
    new: &open::Opened,
    loaded: Option<&orkestra_sandbox::Pattern>,
) -> Result<(BTreeMap<String, Value>, Vec<Live>), Error> {
    let cluster = kube_access::connect(&args.access).await?;
    let onlooker = Onlooker::new(cluster.client);
    let (mut definitions, mut live) = (BTreeMap::new(), Vec::new());
    for crd in &new.pattern.crds {
        let name = judge::name_of(crd);
        let found = onlooker.definition(&name).await.map_err(|error| Error::Cluster(error.into()))?;
        let Some(found) = found else { continue };
        let of = |entry: &&Entry| format!("{}.{}", entry.api.plural, entry.api.group) == name;
        let entry = new.pattern.entries.iter().find(of).filter(|entry| !entry.conversions.is_empty());
        let converter = loaded.zip(entry).map(|(pattern, entry)| Converter { pattern, entry });
        live.push(live::look(&onlooker, &found, crd, converter.as_ref()).await?);
        definitions.insert(name, found);
    }
    Ok((definitions, live))
}
