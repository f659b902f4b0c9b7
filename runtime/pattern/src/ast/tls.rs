//! `tls` and `rotateAfter`: what is generated in a Secret, and made anew.

use std::time::Duration;

use super::fields::{Fields, list};
use super::scalars::duration_within;
use super::tables::children::TLS;
use super::{Spanned, Tls};
use crate::codes::keys;
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::yaml::Node;

const DAY: Duration = Duration::from_secs(86_400);
/// How long a certificate lives where nobody says so.
const VALID_FOR: Duration = Duration::from_secs(90 * 86_400);

/// Reads `tls`.
pub(super) fn parse(node: &Node, span: Span, problems: &mut Diagnostics) -> Option<Tls> {
    let fields = Fields::open(node, &TLS, problems)?;
    let common_name = fields.take("commonName").cloned();
    let dns_names = fields.take("dnsNames").map(|node| list(node, "`dnsNames`", problems));
    let valid_for = fields.take("validFor").map(|node| {
        let (least, most) = (Duration::from_secs(3_600), DAY * 3_650);
        duration_within(node, "`validFor`", (least, most), "1h to 3650d", problems)
    });
    let head = fields.head();
    fields.finish(problems);
    let dns_names = dns_names.unwrap_or(Some(&[]))?.to_vec();
    if common_name.is_none() && dns_names.is_empty() {
        problems.push(keys::missing(head, "dnsNames", "`tls`").hint("or `commonName`"));
        return None;
    }
    Some(Tls { common_name, dns_names, valid_for: valid_for.unwrap_or(Some(VALID_FOR))?, span })
}

/// Reads `rotateAfter`.
pub(super) fn rotate_after(node: &Node, span: Span, problems: &mut Diagnostics) -> Option<Spanned<Duration>> {
    let (least, most) = (Duration::from_secs(60), DAY * 3_650);
    let value = duration_within(node, "`rotateAfter`", (least, most), "1m to 3650d", problems)?;
    Some(Spanned { value, span })
}
