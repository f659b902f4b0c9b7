//! How long things last, and by which names a webhook is called.

use std::net::IpAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;

use super::CertificateError;

/// How many names a certificate may have.
const NAMES: usize = 64;

/// The longest of all times: a hundred years. Beyond it, the arithmetic of calendars would have to be watched.
const LONGEST: Duration = Duration::from_secs(100 * 365 * DAY);

const DAY: u64 = 24 * 60 * 60;

/// How long certificates are valid, and when they are followed by others. Certificates count seconds: parts of one are
/// rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// For how long an authority is valid.
    pub ca_life: Duration,
    /// How long before its end another one comes. More than `grace`, so that it is served in time.
    pub ca_renew_before: Duration,
    /// For how long a serving certificate is valid; less when its authority ends sooner.
    pub serving_life: Duration,
    /// How long before its end another one is made.
    pub renew_before: Duration,
    /// How long a new authority stands in the bundle before anything under it is served, and how long an old one stays
    /// after nothing under it is. Every replica and every client has to have seen a change within it.
    pub grace: Duration,
}

impl Default for Terms {
    /// A year for the authority, ninety days for what is served: so short that what happens rarely happens.
    fn default() -> Self {
        Self {
            ca_life: Duration::from_secs(365 * DAY),
            ca_renew_before: Duration::from_secs(120 * DAY),
            serving_life: Duration::from_secs(90 * DAY),
            renew_before: Duration::from_secs(30 * DAY),
            grace: Duration::from_secs(DAY),
        }
    }
}

impl Terms {
    /// Refuses terms under which there would be a time without a certificate, or a new one all the time.
    pub(super) fn check(&self) -> Result<(), CertificateError> {
        let Self { ca_life, ca_renew_before, serving_life, renew_before, grace } = *self;
        let refused = if [ca_life, ca_renew_before, serving_life, renew_before, grace]
            .iter()
            .any(|time| *time > LONGEST)
        {
            "a time is longer than 100 years; expected less"
        } else if renew_before >= serving_life {
            "a serving certificate would be renewed all the time; expected `renew_before` to be less than `serving_life`"
        } else if ca_renew_before <= grace {
            "an authority would end before its successor is served; expected `ca_renew_before` to be more than `grace`"
        } else if ca_life < ca_renew_before + 2 * grace {
            "an authority would be due before its predecessor has left; expected `ca_life` to be at least \
             `ca_renew_before` and twice `grace`"
        } else {
            return Ok(());
        };
        Err(CertificateError::Terms(refused))
    }
}

/// A time in whole seconds, rounded up: a grace of half a second is not none.
pub(super) fn whole(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Names in one spelling, one order, and each once, so that they can be compared.
pub(super) fn names(names: &[String]) -> Result<Vec<String>, CertificateError> {
    if names.is_empty() {
        return Err(CertificateError::NoName);
    }
    if names.len() > NAMES {
        return Err(CertificateError::TooManyNames { found: names.len(), most: NAMES });
    }
    let mut spelt = names.iter().map(|name| spell(name)).collect::<Result<Vec<_>, _>>()?;
    spelt.sort();
    spelt.dedup();
    Ok(spelt)
}

fn spell(name: &str) -> Result<String, CertificateError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    match ServerName::try_from(name) {
        // A name in a certificate is always whole: it has no dot at its end (RFC 5280, 4.2.1.6).
        Ok(ServerName::DnsName(_)) if !name.ends_with('.') => Ok(name.to_ascii_lowercase()),
        _ => Err(CertificateError::NotAName { name: name.chars().take(253).collect() }),
    }
}
