//! The hook of the pattern `database`: how much storage a team may have, asked of the service that keeps quotas.

#[cfg(test)]
mod tests;

use orkestra_hook::{Base64, BeforeRender, Call, Error, Kind, export};
use serde::{Deserialize, Serialize};

/// The hook.
struct Quota;

/// What it uses of the resource.
#[derive(Deserialize)]
struct Database {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(rename = "storageGiB")]
    storage: u64,
    team: String,
    token_secret: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inputs {
    quota_url: String,
}

/// `hook.quota`, as the Katalog declares it.
#[derive(Serialize)]
struct Values {
    quota: Granted,
}

#[derive(Serialize)]
struct Granted {
    /// GiB.
    granted: u64,
    /// Why it is less than what was asked for; empty where it is not.
    reason: String,
}

/// What it uses of the Secret.
#[derive(Deserialize)]
struct TokenSecret {
    data: Option<TokenData>,
}

#[derive(Deserialize)]
struct TokenData {
    token: Option<Base64>,
}

/// The service's answer for a team.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Team {
    #[serde(rename = "leftGiB")]
    left: u64,
}

impl BeforeRender for Quota {
    type Resource = Database;
    type Inputs = Inputs;
    type Values = Values;

    fn before_render(call: &Call<Database, Inputs>) -> Result<Values, Error> {
        let Spec { storage, team, .. } = &call.resource().spec;
        let left = left(call, team)?;
        let granted = left.min(*storage);
        let reason = match granted < *storage {
            true => format!("team {team} has {left} GiB left"),
            false => String::new(),
        };
        call.log().debug(format_args!("{granted} of {storage} GiB for {team}"));
        Ok(Values { quota: Granted { granted, reason } })
    }
}

/// GiB that a team has left.
fn left(call: &Call<Database, Inputs>, team: &str) -> Result<u64, Error> {
    // It becomes part of a path, where `..` would lead elsewhere. The definition says the same of new resources, but not of those that
    // are older than its rule.
    if !is_name(team) {
        return Err(Error::failed("spec.team may have lower-case letters, digits and hyphens only"));
    }
    let token = token(call)?;
    let url = format!("{}/teams/{team}", call.inputs().quota_url);
    let answer = call.http().get(url).bearer(token.text()?).send()?;
    match answer.status() {
        404 => Err(Error::failed(format!("team {team} has no quota"))),
        503 => Err(Error::unavailable("the quota service is not available").retry_after(answer.retry_after())),
        _ => Ok(answer.successful()?.json::<Team>()?.left),
    }
}

/// The token for the service. No other field of the Secret enters the hook.
fn token(call: &Call<Database, Inputs>) -> Result<Base64, Error> {
    let name = &call.resource().spec.token_secret;
    let secret: TokenSecret = call.cluster().get(Kind::core("Secret"), name).fields(["data.token"]).read()?;
    let token = secret.data.and_then(|data| data.token);
    token.ok_or_else(|| Error::failed(format!("Secret {name} has no data.token")))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

export!(before_render = Quota);
