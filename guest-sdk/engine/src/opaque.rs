//! Values of Kubernetes' libraries. Expressions see them through functions only.

use core::net::IpAddr;

use orkestra_program::function::Function;

use crate::functions::{Cidr, Quantity, Semver, Url};

/// A value that has no parts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Opaque<'a> {
    Ip(IpAddr),
    Cidr(Cidr),
    Quantity(Quantity),
    Semver(Semver<'a>),
    Url(Url<'a>),
    /// A format, by the function that gives it.
    Format(Function),
}

impl Opaque<'_> {
    /// The name of its type, as Kubernetes has it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Opaque::Ip(_) => "net.IP",
            Opaque::Cidr(_) => "net.CIDR",
            Opaque::Quantity(_) => "kubernetes.Quantity",
            Opaque::Semver(_) => "kubernetes.Semver",
            Opaque::Url(_) => "kubernetes.URL",
            Opaque::Format(_) => "kubernetes.NamedFormat",
        }
    }

    /// Whether they are equal: versions without their build, quantities whatever their unit.
    pub(crate) fn same(&self, other: &Opaque<'_>) -> bool {
        match (self, other) {
            (Opaque::Ip(a), Opaque::Ip(b)) => a == b,
            (Opaque::Cidr(a), Opaque::Cidr(b)) => a == b,
            (Opaque::Quantity(a), Opaque::Quantity(b)) => a == b,
            (Opaque::Semver(a), Opaque::Semver(b)) => a.order(b).is_eq(),
            (Opaque::Url(a), Opaque::Url(b)) => a.source == b.source,
            (Opaque::Format(a), Opaque::Format(b)) => a == b,
            _ => false,
        }
    }

    /// Writes its text, if it is of a type that has one.
    pub(crate) fn put(&self, out: &mut Vec<u8>) -> bool {
        match self {
            Opaque::Ip(address) => crate::functions::put_address(out, *address),
            Opaque::Cidr(cidr) => cidr.put(out),
            _ => return false,
        }
        true
    }
}
