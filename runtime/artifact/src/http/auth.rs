//! Logging in: what a registry asks for, and what it gets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;

use super::challenge::{self, Challenge};
use super::endpoint::Endpoint;
use super::send::Ask;
use super::{Action, HttpError, Inner};
use crate::credentials::Credential;
use crate::error::Error;

/// The largest answer with a token, in bytes.
const MAX_TOKEN: u64 = 64 << 10;

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Inner {
    /// A header that the registry took before.
    pub(super) async fn known_authorization(&self, endpoint: &Endpoint, action: Action) -> Option<HeaderValue> {
        self.tokens.lock().await.get(&(endpoint.host.clone(), endpoint.path.clone(), action)).cloned()
    }

    /// The header that answers a challenge; none where there is nothing to answer with.
    pub(super) async fn authorize(&self, ask: &Ask<'_>, challenges: &[&str]) -> Result<Option<HeaderValue>, Error> {
        let (Some(action), endpoint) = (ask.action, ask.endpoint) else { return Ok(None) };
        let host = &endpoint.host;
        let challenge = challenge::read(challenges.iter().copied()).ok_or_else(|| HttpError::UnknownChallenge {
            host: host.clone(),
            said: challenges.join(", ").chars().take(300).collect(),
        })?;
        let credential = self.options.credentials.lookup(host, &endpoint.path).await?;
        if credential.is_some() && !endpoint.is_private() {
            return Err(HttpError::InsecureCredentials { host: host.clone() }.into());
        }
        // A given token goes to the registry itself; for all others the realm is looked at before anything is made of a credential.
        let realm = match &challenge {
            Challenge::Bearer { realm, .. } if !matches!(credential, Some(Credential::Bearer { .. })) => {
                Some(endpoint.check_realm(realm, &self.options.realms)?)
            }
            _ => None,
        };
        let header = match (challenge, credential) {
            (_, Some(Credential::Bearer { token })) => bearer(endpoint, "the given token", token.reveal())?,
            (Challenge::Basic, Some(Credential::Basic { username, password })) => {
                basic(endpoint, &username, password.reveal())?
            }
            (Challenge::Basic, _) => return Ok(None),
            (Challenge::Bearer { service, .. }, credential) => match realm {
                // Boxed, because fetching a token is a request as well; that one never logs in.
                Some(realm) => Box::pin(self.token(endpoint, action, realm, service, credential)).await?,
                None => return Ok(None),
            },
        };
        let key = (host.clone(), endpoint.path.clone(), action);
        self.tokens.lock().await.insert(key, header.clone());
        Ok(Some(header))
    }

    /// Fetches a token for one repository, and for no more than is done with it, whatever scope the registry names.
    async fn token(
        &self,
        endpoint: &Endpoint,
        action: Action,
        mut realm: Url,
        service: Option<String>,
        credential: Option<Credential>,
    ) -> Result<HeaderValue, Error> {
        let actions = match action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
        };
        let name = realm.host_str().unwrap_or_default().to_owned();
        let (mut parameters, what) = match endpoint.path.as_str() {
            // One that opens nothing, and tells whether the credentials are good.
            "" => (Vec::new(), format!("a token from {name}")),
            path => {
                let scope = format!("repository:{path}:{actions}");
                let what = format!("a token for {scope} from {name}");
                (vec![("scope", scope)], what)
            }
        };
        parameters.extend(service.map(|service| ("service", service)));
        let mut ask = Ask::new(endpoint, action, Method::GET, realm.clone(), what);
        ask.action = None;
        match credential {
            Some(Credential::Identity { token }) => {
                parameters.extend([
                    ("grant_type", "refresh_token".to_owned()),
                    ("client_id", "orkestra".to_owned()),
                    ("refresh_token", token.reveal().to_owned()),
                ]);
                // The library's encoder for queries is that of forms.
                let mut form = realm.clone();
                form.query_pairs_mut().clear().extend_pairs(&parameters);
                ask.method = Method::POST;
                ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
                ask.body = Some(form.query().unwrap_or_default().to_owned().into());
            }
            credential => {
                realm.query_pairs_mut().extend_pairs(&parameters);
                ask.url = realm;
                if let Some(Credential::Basic { username, password }) = credential {
                    ask.headers.insert(AUTHORIZATION, basic(endpoint, &username, password.reveal())?);
                }
            }
        }
        let answer = self.fetch(&ask, MAX_TOKEN).await?.success(&ask)?;
        let missing = || HttpError::NoToken { host: endpoint.host.clone(), realm: name.clone() };
        let read: Token = crate::json::read(&answer.body).map_err(|_| missing())?;
        match [read.token, read.access_token].into_iter().find(|token| !token.is_empty()) {
            Some(token) => bearer(endpoint, &name, &token),
            None => Err(missing().into()),
        }
    }
}

fn basic(endpoint: &Endpoint, username: &str, password: &str) -> Result<HeaderValue, Error> {
    let text = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
    sensitive(&text).ok_or_else(|| HttpError::NoToken { host: endpoint.host.clone(), realm: String::new() }.into())
}

fn bearer(endpoint: &Endpoint, realm: &str, token: &str) -> Result<HeaderValue, Error> {
    let wrong = || HttpError::NoToken { host: endpoint.host.clone(), realm: realm.to_owned() };
    sensitive(&format!("Bearer {token}")).ok_or_else(|| wrong().into())
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
