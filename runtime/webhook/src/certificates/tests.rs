//! The timeline, and what is kept, with made-up clocks. What a client believes is asked of the verifier that real clients
//! of this TLS library use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;

use super::kept::Phase;
use super::when::{Life, system, unix};
use super::{CertificateError, Kept, Source, Terms};

pub(super) const NAME: &str = "orkestra.orkestra-system.svc";

/// Some second of 2027.
pub(super) const START: u64 = 1_800_000_000;

pub(super) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Terms of which a whole turn takes little more than a minute.
pub(super) fn short() -> Terms {
    let seconds = Duration::from_secs;
    Terms {
        ca_life: seconds(100),
        ca_renew_before: seconds(40),
        serving_life: seconds(20),
        renew_before: seconds(5),
        grace: seconds(3),
    }
}

pub(super) fn kept() -> Kept {
    Kept::new(&names(&[NAME]), system(START), &short()).unwrap()
}

/// The step that is due at a second; there has to be one.
fn step(kept: &Kept, at: u64) -> Kept {
    kept.next(&names(&[NAME]), system(at), &short()).unwrap().unwrap()
}

/// A state in which another authority has come, and when it came.
fn coming() -> (Kept, u64) {
    coming_of(&kept())
}

/// The same after `first`.
fn coming_of(first: &Kept) -> (Kept, u64) {
    let mut kept = first.clone();
    for at in START..START + 100 {
        kept = kept.next(&names(&[NAME]), system(at), &short()).unwrap().unwrap_or(kept);
        if phase(&kept) == "coming" {
            return (kept, at);
        }
    }
    panic!("no authority came: {kept:?}");
}

/// Whether a client that trusts `bundle` believes `served` to be `name`, at a second. An authority that is over is not
/// trusted: this library would, but the API server's does not.
pub(super) fn believes(bundle: &str, served: &CertifiedKey, name: &str, at: u64) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        let authority = authority.unwrap();
        let life = Life::read(&authority).unwrap();
        if (life.from..=life.until).contains(&at) {
            roots.add(authority).unwrap();
        }
    }
    let provider = Arc::new(ring::default_provider());
    if roots.is_empty() {
        return Err(rustls::CertificateError::UnknownIssuer.into());
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let name = ServerName::try_from(name).unwrap();
    let verifier: &dyn rustls::client::danger::ServerCertVerifier = &*verifier;
    verifier.verify_server_cert(&served.cert[0], &served.cert[1..], &name, &[], unix(at)).map(|_| ())
}

fn authorities(bundle: &str) -> usize {
    bundle.matches("BEGIN CERTIFICATE").count()
}

fn phase(kept: &Kept) -> &'static str {
    match kept.phase {
        Phase::Settled => "settled",
        Phase::Coming { .. } => "coming",
        Phase::Leaving { .. } => "leaving",
    }
}

#[test]
fn whoever_is_behind_by_a_grace_believes_what_is_served_at_every_second_of_five_turns() {
    let (terms, grace) = (short(), 3);
    let mut now = kept();
    // What clients and replicas may still have: every state of the last seconds, with its time.
    let mut recent = vec![(START, now.clone())];
    let mut before = now.clone();
    let mut phases = vec![phase(&now)];
    let mut steps = 0;
    for at in START..START + 400 {
        let due = now.look_again(system(at), &terms);
        let next = now.next(&names(&[NAME]), system(at), &terms).unwrap();
        assert_eq!(due.is_zero(), next.is_some(), "at {}: {now:?}", at - START);
        if let Some(next) = next {
            assert_eq!(Kept::read(&next.data()).unwrap(), next, "it is read as it was stored");
            before = std::mem::replace(&mut now, next);
            steps += 1;
            if phases.last() != Some(&phase(&now)) {
                phases.push(phase(&now));
            }
        } else {
            let early = system(at) + due - Duration::from_secs(1);
            assert_eq!(now.next(&names(&[NAME]), early, &terms).unwrap(), None, "nothing is due before that");
        }
        assert_eq!(authorities(now.bundle()), if phase(&now) == "settled" { 1 } else { 2 });
        let served = now.certified().unwrap();
        believes(now.bundle(), &served, NAME, at).unwrap();
        believes(before.bundle(), &served, NAME, at).unwrap();
        recent.push((at, now.clone()));
        recent.retain(|(since, _)| *since + grace >= at);
        for (_, client) in &recent {
            for (_, replica) in &recent {
                believes(client.bundle(), &replica.certified().unwrap(), NAME, at).unwrap();
            }
        }
    }
    let turn = ["coming", "leaving", "settled"];
    let expected: Vec<_> = ["settled"].into_iter().chain(turn.into_iter().cycle()).take(phases.len()).collect();
    assert_eq!(phases, expected, "one after the other");
    assert!(phases.len() > 3 * 5, "there were five turns: {phases:?}");
    assert!(steps < 60, "and no more steps than needed: {steps}");
}

#[test]
fn whoever_is_two_states_behind_does_not_believe_a_new_authority() {
    let first = kept();
    let (coming, at) = coming_of(&first);
    let leaving = step(&coming, at + 3);
    let served = leaving.certified().unwrap();
    believes(coming.bundle(), &served, NAME, at + 3).unwrap();
    believes(first.bundle(), &served, NAME, at + 3).unwrap_err();
    let settled = step(&leaving, at + 6);
    believes(settled.bundle(), &served, NAME, at + 6).unwrap();
    believes(settled.bundle(), &coming.certified().unwrap(), NAME, at + 6).unwrap_err();
}

#[test]
fn a_caller_who_comes_late_finds_all_in_order_after_few_steps() {
    // Gaps from seconds to several lives, in an order that only looks random.
    let mut gap = 1;
    let (mut kept, mut at) = (kept(), START);
    for _ in 0..200 {
        gap = gap * 31 % 127;
        at += gap;
        let mut steps = 0;
        while let Some(next) = kept.next(&names(&[NAME]), system(at), &short()).unwrap() {
            kept = next;
            steps += 1;
            assert!(steps <= 2, "{kept:?}");
        }
        believes(kept.bundle(), &kept.certified().unwrap(), NAME, at).unwrap();
        assert!(kept.look_again(system(at), &short()) > Duration::ZERO);
    }
}

#[test]
fn by_the_ordinary_terms_what_is_served_is_renewed_after_sixty_days_and_its_authority_after_245() {
    let (terms, day) = (Terms::default(), 24 * 60 * 60);
    let all = names(&[NAME]);
    let first = Kept::new(&all, system(START), &terms).unwrap();
    assert_eq!(first.look_again(system(START), &terms), Duration::from_secs(3600), "an hour at most");
    assert_eq!(first.expires(), system(START + 90 * day));
    assert_eq!(first.next(&all, system(START + 60 * day - 1), &terms).unwrap(), None);
    let mut kept = first.next(&all, system(START + 60 * day), &terms).unwrap().unwrap();
    assert_eq!(kept.bundle(), first.bundle());
    assert_ne!(kept.certified().unwrap().cert, first.certified().unwrap().cert);
    for at in (START + 60 * day..START + 245 * day).step_by(day as usize) {
        kept = kept.next(&all, system(at), &terms).unwrap().unwrap_or(kept);
        assert_eq!(kept.bundle(), first.bundle());
    }
    assert_eq!(phase(&kept.next(&all, system(START + 245 * day), &terms).unwrap().unwrap()), "coming");
}

#[test]
fn a_certificate_ends_when_it_says() {
    let kept = kept();
    let served = kept.certified().unwrap();
    assert_eq!(kept.expires(), system(START + 20));
    believes(kept.bundle(), &served, NAME, START + 20).unwrap();
    believes(kept.bundle(), &served, NAME, START + 21).unwrap_err();
    believes(kept.bundle(), &served, NAME, START - 3600).unwrap();
    believes(kept.bundle(), &served, NAME, START - 3601).unwrap_err();
}

#[test]
fn other_names_are_served_at_once_under_the_same_authority() {
    let first = kept();
    let both = names(&[NAME, "10.0.0.7"]);
    let next = first.next(&both, system(START), &short()).unwrap().unwrap();
    assert_eq!(next.bundle(), first.bundle());
    assert_eq!(next.names(), ["10.0.0.7", NAME]);
    for name in [NAME, "10.0.0.7"] {
        believes(first.bundle(), &next.certified().unwrap(), name, START).unwrap();
    }
    believes(first.bundle(), &first.certified().unwrap(), "10.0.0.7", START).unwrap_err();
    // The same names in another order, spelling and number are the same.
    let again = names(&["ORKESTRA.orkestra-system.svc", "10.0.0.7", NAME]);
    assert_eq!(next.next(&again, system(START), &short()).unwrap(), None);
    // One less is another certificate, too: nobody else's name stays in it.
    let less = next.next(&names(&["10.0.0.7"]), system(START), &short()).unwrap().unwrap();
    believes(first.bundle(), &less.certified().unwrap(), NAME, START).unwrap_err();
}

#[test]
fn other_names_while_an_authority_comes_or_leaves_change_nothing_of_its_way() {
    let (coming, at) = coming();
    let other = names(&["other.svc"]);
    let renamed = coming.next(&other, system(at + 1), &short()).unwrap().unwrap();
    assert_eq!(renamed.bundle(), coming.bundle());
    assert_eq!(renamed.next(&other, system(at + 2), &short()).unwrap(), None);
    assert_eq!(phase(&renamed.next(&other, system(at + 3), &short()).unwrap().unwrap()), "leaving");
}

#[test]
fn what_is_over_is_replaced_at_once() {
    // Only the serving certificate: clients need nothing new.
    let first = kept();
    let next = step(&first, START + 30);
    assert_eq!(next.bundle(), first.bundle());
    believes(first.bundle(), &next.certified().unwrap(), NAME, START + 30).unwrap();
    // The authority, too: clients need the new bundle, and the old one is still in it for who is behind.
    let next = step(&first, START + 100);
    assert_eq!((phase(&next), authorities(next.bundle())), ("leaving", 2));
    believes(next.bundle(), &next.certified().unwrap(), NAME, START + 100).unwrap();
    assert_eq!(phase(&step(&next, START + 103)), "settled");
}

#[test]
fn an_authority_that_comes_takes_over_early_when_the_one_before_is_over() {
    // Another came so late that its grace reaches beyond the end of the first.
    let late = step(&kept(), START + 99);
    assert_eq!(phase(&late), "coming");
    assert_eq!(late.expires(), system(START + 100), "what is served ends no later than its authority");
    assert_eq!(late.look_again(system(START + 99), &short()), Duration::from_secs(1));
    let next = step(&late, START + 100);
    assert_eq!(phase(&next), "leaving");
    believes(late.bundle(), &next.certified().unwrap(), NAME, START + 100).unwrap();
}

#[test]
fn what_a_clock_in_the_future_made_is_replaced_when_the_clock_is_right_again() {
    let future = kept();
    let now = START - 7200;
    let next = step(&future, now);
    believes(next.bundle(), &next.certified().unwrap(), NAME, now).unwrap();
    // An hour is no reason: certificates begin that much earlier.
    assert_eq!(future.next(&names(&[NAME]), system(START - 3600), &short()).unwrap(), None);
    // A grace that begins in the future begins now.
    let (coming, at) = coming();
    let again = step(&coming, at - 1);
    assert_eq!(again.bundle(), coming.bundle());
    assert_eq!(again.next(&names(&[NAME]), system(at + 1), &short()).unwrap(), None);
    assert_eq!(phase(&step(&again, at + 2)), "leaving");
}

#[test]
fn a_grace_that_is_begun_again_is_waited_for_once_more() {
    let (coming, at) = coming();
    let again = coming.begin_grace_again(system(at + 2)).unwrap();
    assert_eq!(again.bundle(), coming.bundle());
    assert_eq!(again.next(&names(&[NAME]), system(at + 4), &short()).unwrap(), None);
    assert_eq!(phase(&step(&again, at + 5)), "leaving");
    assert_eq!(phase(&step(&coming, at + 3)), "leaving", "without it, sooner");
    let settled = kept();
    assert_eq!(settled.begin_grace_again(system(START)).unwrap(), settled);
}

#[test]
fn names_are_refused_that_no_certificate_can_be_for() {
    let reason = |all: &[String]| Kept::new(all, system(START), &short()).map_err(|error| error.reason()).map(|_| ());
    assert_eq!(reason(&[]), Err("NoCertificateName"));
    for bad in ["", "a b", "https://a.svc", "a.svc:443", "a.svc.", "*.svc", "ä.svc", "[::1]", "10.0.0.0/8"] {
        assert_eq!(reason(&names(&[NAME, bad])), Err("InvalidCertificateName"), "{bad}");
    }
    for good in ["a", "a.svc", "a-1.b.svc.cluster.local", "10.0.0.1", "::1", "fd00::7"] {
        assert_eq!(reason(&names(&[NAME, good])), Ok(()), "{good}");
    }
    let many = |count: usize| (0..count).map(|number| format!("n{number}.svc")).collect::<Vec<_>>();
    assert_eq!(reason(&many(65)), Err("TooManyCertificateNames"));
    assert_eq!(reason(&many(64)), Ok(()));
}

#[test]
fn terms_are_refused_under_which_there_would_be_gaps() {
    let seconds = Duration::from_secs;
    let made =
        |terms: Terms| Kept::new(&names(&[NAME]), system(START), &terms).map_err(|error| error.reason()).map(|_| ());
    for (bad, good) in [
        (Terms { renew_before: seconds(20), ..short() }, Terms { renew_before: seconds(19), ..short() }),
        (Terms { ca_renew_before: seconds(3), ..short() }, Terms { ca_renew_before: seconds(4), ..short() }),
        (Terms { ca_life: seconds(45), ..short() }, Terms { ca_life: seconds(46), ..short() }),
        (Terms { ca_life: Duration::MAX, ..short() }, Terms { ca_life: seconds(3_153_600_000), ..short() }),
        (Terms { grace: Duration::MAX, ..short() }, Terms { grace: Duration::ZERO, ..short() }),
    ] {
        assert_eq!(made(bad), Err("InvalidCertificateTerms"), "{bad:?}");
        assert_eq!(made(good), Ok(()), "{good:?}");
    }
    made(Terms::default()).unwrap();
}

#[test]
fn clocks_are_refused_that_are_out_of_all_calendars() {
    let made = |now: SystemTime| Kept::new(&names(&[NAME]), now, &short()).map_err(|error| error.reason()).map(|_| ());
    assert_eq!(made(system(0) - Duration::from_secs(1)), Err("InvalidClock"));
    assert_eq!(made(system(250_000_000_001)), Err("InvalidClock"));
    for good in [0, 1, 2_524_608_000, 250_000_000_000] {
        assert_eq!(made(system(good)), Ok(()), "{good}");
    }
}

type Data = BTreeMap<String, Vec<u8>>;

/// Why data is refused after a change of it.
fn refused(kept: &Kept, change: impl FnOnce(&mut Data)) -> &'static str {
    let mut data = kept.data();
    assert_eq!(&Kept::read(&data).unwrap(), kept, "without the change, it is read");
    change(&mut data);
    Kept::read(&data).unwrap_err().reason()
}

#[test]
fn a_secret_with_something_missing_is_refused() {
    let (coming, _) = coming();
    for entry in ["tls.crt", "tls.key", "ca.crt", "ca.key", "next-ca.key", "state.json"] {
        assert_eq!(refused(&coming, |data| drop(data.remove(entry))), "CertificateMissing", "{entry}");
    }
    assert!(!kept().data().contains_key("next-ca.key"));
    assert_eq!(Kept::read(&Data::new()).unwrap_err().reason(), "CertificateMissing");
}

#[test]
fn a_secret_with_something_damaged_is_refused() {
    let (coming, _) = coming();
    for entry in ["tls.crt", "tls.key", "ca.crt", "ca.key", "next-ca.key", "state.json"] {
        for damage in [&b""[..], b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let reason = refused(&coming, |data| drop(data.insert(entry.to_owned(), damage.to_vec())));
            assert_eq!(reason, "CertificateUnreadable", "{entry}");
        }
        let half = |data: &mut Data| {
            let value = data.get_mut(entry).unwrap();
            value.truncate(value.len() / 2);
        };
        // Half of a bundle is one authority of two.
        assert_eq!(refused(&coming, half), "CertificateUnreadable", "half of {entry}");
    }
}

#[test]
fn a_secret_with_parts_of_another_is_refused() {
    let (coming, _) = coming();
    let other = coming_of(&Kept::new(&names(&[NAME]), system(START), &short()).unwrap()).0.data();
    for (entries, reason) in [
        (&["tls.key"][..], "CertificateKeyMismatch"),
        (&["ca.key"], "CertificateKeyMismatch"),
        (&["next-ca.key"], "CertificateKeyMismatch"),
        (&["ca.crt"], "CertificateKeyMismatch"),
        (&["tls.crt"], "CertificateKeyMismatch"),
        (&["tls.crt", "tls.key"], "CertificateNotTrusted"),
        (&["ca.crt", "ca.key", "next-ca.key"], "CertificateNotTrusted"),
    ] {
        let take = |data: &mut Data| {
            for entry in entries {
                data.insert((*entry).to_owned(), other[*entry].clone());
            }
        };
        assert_eq!(refused(&coming, take), reason, "{entries:?}");
    }
    Kept::read(&other).unwrap();
}

#[test]
fn a_secret_whose_state_says_something_else_is_refused() {
    let (kept, (coming, _)) = (kept(), coming());
    let state = |text: &str| {
        let text = text.as_bytes().to_vec();
        move |data: &mut Data| drop(data.insert("state.json".to_owned(), text))
    };
    let settled = r#"{"format":1,"names":["orkestra.orkestra-system.svc"],"phase":"settled"}"#;
    assert_eq!(String::from_utf8(kept.data()["state.json"].clone()).unwrap(), settled);
    assert_eq!(refused(&coming, state(settled)), "CertificateUnreadable");
    let later = r#"{"format":2,"what":["ever"]}"#;
    assert_eq!(refused(&kept, state(later)), "CertificateUnreadable");
    assert_eq!(refused(&kept, state(&settled.replace("orkestra.", "other."))), "CertificateNameMismatch");
    assert_eq!(refused(&kept, state(&settled.replace("orkestra.", "o r."))), "InvalidCertificateName");
    assert_eq!(
        refused(&kept, state(r#"{"format":1,"names":["a.svc"],"phase":{"coming":{"since":1}}}"#)),
        "CertificateUnreadable"
    );
    let error = Kept::read(&{
        let mut data = kept.data();
        state(later)(&mut data);
        data
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "`state.json`: format 2; expected `format` 1 with `names` and `phase`, as this version of the runtime writes it; \
         delete the Secret, and new certificates are made"
    );
}

#[test]
fn a_secret_that_is_too_large_is_refused_before_it_is_looked_into() {
    let kept = kept();
    let put = |size: usize| move |data: &mut Data| drop(data.insert("notes".to_owned(), vec![b'x'; size]));
    assert_eq!(refused(&kept, put((64 << 10) + 1)), "CertificateTooLarge");
    let mut data = kept.data();
    put(64 << 10)(&mut data);
    assert_eq!(Kept::read(&data).unwrap(), kept, "what others put beside is left alone");
    for number in data.len()..16 {
        data.insert(format!("n{number}"), Vec::new());
    }
    Kept::read(&data).unwrap();
    data.insert("last".to_owned(), Vec::new());
    assert_eq!(Kept::read(&data).unwrap_err().reason(), "TooManyCertificateEntries");
}

#[test]
fn a_state_in_which_a_grace_never_ends_is_read_and_mended() {
    let (coming, at) = coming();
    let mut data = coming.data();
    let text = String::from_utf8(data["state.json"].clone()).unwrap().replace(&at.to_string(), &u64::MAX.to_string());
    data.insert("state.json".to_owned(), text.into_bytes());
    let kept = Kept::read(&data).unwrap();
    assert!(kept.look_again(system(at), &short()).is_zero());
    assert!(format!("{kept:?}").contains("coming"), "and shown");
    assert_eq!(step(&kept, at), coming);
}

#[test]
fn a_key_beside_the_certificates_is_not_passed_on() {
    let kept = kept();
    let mut data = kept.data();
    let both = [&data["ca.crt"][..], &data["ca.key"][..]].concat();
    data.insert("ca.crt".to_owned(), both);
    assert_eq!(Kept::read(&data).unwrap().bundle(), kept.bundle());
}

#[test]
fn the_key_of_an_authority_that_leaves_is_gone_and_no_key_is_shown() {
    let (coming, at) = coming();
    let leaving = step(&coming, at + 3).data();
    let old = &coming.data()["ca.key"];
    assert!(leaving.values().all(|value| value != old));
    assert_eq!(leaving["ca.key"], coming.data()["next-ca.key"]);
    let shown = format!("{coming:?}");
    let key = String::from_utf8(old.clone()).unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(shown.contains(NAME) && shown.contains("2027-01-15T"), "{shown}");
    assert!(!shown.contains("KEY") && !shown.contains(key.lines().nth(1).unwrap()), "{shown}");
}

#[test]
fn an_error_says_how_to_mend_it() {
    let error = CertificateError::Missing { entry: "ca.crt", from: Source::Mounted };
    assert_eq!(
        error.to_string(),
        "`ca.crt` is missing; let its issuer write `tls.crt`, `tls.key` and `ca.crt` again (cert-manager: `cmctl renew`, \
         with an issuer of kind CA or SelfSigned)"
    );
}
