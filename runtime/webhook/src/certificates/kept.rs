//! What is kept, and what follows it when time goes by.

use std::fmt;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::identity::{Entries, Identity};
use super::terms::{Terms, names as spelt, whole};
use super::when::{Shown, seconds, system};
use super::{CertificateError, Source, make, pem};

/// Where what is served stands, by the names of `kubernetes.io/tls`.
pub(super) const SERVED: Entries = Entries { certificate: "tls.crt", key: "tls.key", from: Source::Secret };

/// Where the authority stands: the first of the bundle.
pub(super) const AUTHORITY: Entries = Entries { certificate: "ca.crt", key: "ca.key", from: Source::Secret };

/// Where the authority stands that comes: the second of the bundle.
pub(super) const COMING: Entries = Entries { certificate: "ca.crt", key: "next-ca.key", from: Source::Secret };

/// The longest time after which to look again. A sleeping machine's timers sleep, too, and clocks are set.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// What is kept in a Secret: an authority, what is served under it, and the authority that comes after it or went before.
///
/// Every value holds together: its keys belong to its certificates, and who trusts the authority believes what is served.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Sorted, in one spelling.
    pub(super) names: Vec<String>,
    pub(super) authority: Identity,
    pub(super) serving: Identity,
    pub(super) phase: Phase,
    bundle: String,
}

/// Where one authority is on its way to follow another.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is one authority.
    Settled,
    /// Another is in the bundle since a time, and nothing is served under it yet.
    Coming { authority: Identity, since: u64 },
    /// The one before is still in the bundle, and since a time nothing is served under it. Its key is gone.
    Leaving { certificate: CertificateDer<'static>, since: u64 },
}

impl Kept {
    /// Makes an authority and, under it, a certificate for `names` (DNS names and IP addresses).
    ///
    /// # Errors
    ///
    /// Names that no certificate can be for, terms that do not go together, a clock out of all calendars, or no randomness.
    pub fn new(names: &[String], now: SystemTime, terms: &Terms) -> Result<Self, CertificateError> {
        terms.check()?;
        let (names, now) = (spelt(names)?, seconds(now)?);
        let authority = make::authority(now, terms)?;
        let serving = make::serving(&authority, &names, now, terms)?;
        Self::of(names, authority, serving, Phase::Settled)
    }

    /// Puts together what holds together. All values come from here: what is made is checked like what is read, so that
    /// nothing is stored that could not be read again.
    pub(super) fn of(
        names: Vec<String>,
        authority: Identity,
        serving: Identity,
        phase: Phase,
    ) -> Result<Self, CertificateError> {
        serving.trusted(&authority.chain, Source::Secret)?;
        serving.named(&names, Source::Secret)?;
        let other = match &phase {
            Phase::Settled => None,
            Phase::Coming { authority, .. } => authority.chain.first(),
            Phase::Leaving { certificate, .. } => Some(certificate),
        };
        let bundle = pem::write_certificates(authority.chain.iter().chain(other));
        Ok(Self { names, authority, serving, phase, bundle })
    }

    /// PEM of every authority that a client has to trust now: for `caBundle`.
    pub fn bundle(&self) -> &str {
        &self.bundle
    }

    /// What is served, for [`super::Serving::put`].
    ///
    /// # Errors
    ///
    /// None that was not found when it was made or read.
    pub fn certified(&self) -> Result<CertifiedKey, CertificateError> {
        self.serving.certified(SERVED)
    }

    /// The names of what is served, sorted, in lower case.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// When what is served ends, if nothing follows it.
    pub fn expires(&self) -> SystemTime {
        system(self.serving.life.until)
    }

    /// What is to be kept instead, at this time and for these names: none while there is nothing to do. It is to be stored
    /// first; then its bundle goes to the clients, and what it serves is served. A caller who must not change a bundle at
    /// the moment (a migration of stored objects would be spoilt) calls this later.
    ///
    /// One call takes one step. [`Kept::look_again`] of what it gives says when the following is due.
    ///
    /// # Errors
    ///
    /// As [`Kept::new`]. What is kept stays good as long as it was.
    pub fn next(&self, names: &[String], now: SystemTime, terms: &Terms) -> Result<Option<Self>, CertificateError> {
        terms.check()?;
        let (names, now) = (spelt(names)?, seconds(now)?);
        let grace = whole(terms.grace);
        // Nobody believes anything under an authority that is over, or that a wrong clock put into the future: there is
        // nothing to be gained by waiting.
        if !self.authority.life.holds(now) {
            let successor = match &self.phase {
                Phase::Coming { authority, .. } if authority.life.holds(now) => authority.clone(),
                _ => make::authority(now, terms)?,
            };
            return self.under(successor, names, now, terms).map(Some);
        }
        let phase = match &self.phase {
            Phase::Settled if now < self.authority_due(terms) => None,
            Phase::Settled => Some(Phase::Coming { authority: make::authority(now, terms)?, since: now }),
            Phase::Coming { authority, .. } if !authority.life.holds(now) => {
                Some(Phase::Coming { authority: make::authority(now, terms)?, since: now })
            }
            Phase::Coming { since, .. } | Phase::Leaving { since, .. } if *since > now => Some(self.phase.at(now)),
            Phase::Coming { since, .. } | Phase::Leaving { since, .. } if now - since < grace => None,
            Phase::Coming { authority, .. } => return self.under(authority.clone(), names, now, terms).map(Some),
            Phase::Leaving { .. } => Some(Phase::Settled),
        };
        let renew = names != self.names || now >= self.serving_due(now, terms);
        if phase.is_none() && !renew {
            return Ok(None);
        }
        let serving = if renew { make::serving(&self.authority, &names, now, terms)? } else { self.serving.clone() };
        let phase = phase.unwrap_or_else(|| self.phase.clone());
        Self::of(names, self.authority.clone(), serving, phase).map(Some)
    }

    /// When [`Kept::next`] has something to do again, if the names stay: zero when it has now, and an hour at most, because
    /// clocks are set.
    pub fn look_again(&self, now: SystemTime, terms: &Terms) -> Duration {
        let Ok(now) = seconds(now) else { return LOOK };
        let phase = match &self.phase {
            Phase::Settled => self.authority_due(terms),
            Phase::Coming { authority, .. } if !authority.life.holds(now) => now,
            Phase::Coming { since, .. } | Phase::Leaving { since, .. } if *since > now => now,
            Phase::Coming { since, .. } | Phase::Leaving { since, .. } => since + whole(terms.grace),
        };
        let authority = if self.authority.life.holds(now) { self.authority.life.until } else { now };
        let due = phase.min(authority).min(self.serving_due(now, terms));
        Duration::from_secs(due.saturating_sub(now)).min(LOOK)
    }

    /// The same, with its grace begun anew: for a caller who finds that a client, or another replica, did not have this
    /// state until now. Where no grace runs, it is the same altogether.
    ///
    /// # Errors
    ///
    /// A clock out of all calendars.
    pub fn begin_grace_again(&self, now: SystemTime) -> Result<Self, CertificateError> {
        Ok(Self { phase: self.phase.at(seconds(now)?), ..self.clone() })
    }

    /// What is kept when everything is served under `successor` at once, and the authority before it leaves.
    fn under(
        &self,
        successor: Identity,
        names: Vec<String>,
        now: u64,
        terms: &Terms,
    ) -> Result<Self, CertificateError> {
        let serving = make::serving(&successor, &names, now, terms)?;
        let certificate = self.authority.chain[0].clone();
        Self::of(names, successor, serving, Phase::Leaving { certificate, since: now })
    }

    /// When another authority is due.
    fn authority_due(&self, terms: &Terms) -> u64 {
        self.authority.life.until.saturating_sub(whole(terms.ca_renew_before))
    }

    /// When another serving certificate is due: a while before its end, unless the other would end no later, because their
    /// authority does.
    fn serving_due(&self, now: u64, terms: &Terms) -> u64 {
        let life = self.serving.life;
        if !life.holds(now) {
            return now;
        }
        let due = life.until.saturating_sub(whole(terms.renew_before)).max(now);
        if make::serving_end(&self.authority, due, terms) > life.until { due } else { life.until }
    }
}

impl Phase {
    /// The same, as if it had begun now.
    fn at(&self, now: u64) -> Self {
        match self.clone() {
            Self::Settled => Self::Settled,
            Self::Coming { authority, .. } => Self::Coming { authority, since: now },
            Self::Leaving { certificate, .. } => Self::Leaving { certificate, since: now },
        }
    }
}

/// Without keys.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |seconds: u64| Shown(seconds).to_string();
        let (phase, since) = match &self.phase {
            Phase::Settled => ("settled", None),
            Phase::Coming { since, .. } => ("coming", Some(shown(*since))),
            Phase::Leaving { since, .. } => ("leaving", Some(shown(*since))),
        };
        f.debug_struct("Kept")
            .field("names", &self.names)
            .field("authority_until", &shown(self.authority.life.until))
            .field("serving_until", &shown(self.serving.life.until))
            .field("phase", &phase)
            .field("since", &since)
            .finish_non_exhaustive()
    }
}
