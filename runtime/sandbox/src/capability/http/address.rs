//! Which addresses a hook may reach: those of the public internet, and private ones where a rule says so.
//!
//! Source: the IANA registries of special-purpose addresses
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Globally reachable.
    Public,
    /// Of a private network: RFC 1918, shared address space (RFC 6598), unique local (RFC 4193).
    Private,
    /// This host, this link (cloud metadata is there), groups, documentation, and all else that is no place on a network.
    Never,
}

/// What an address is, whatever it is wrapped in: IPv4 in IPv6 (`::ffff:0:0/96`), and through NAT64 (`64:ff9b::/96`, RFC 6052).
pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => match inner(address) {
            Some(inner) => v4(inner),
            None => v6(address),
        },
    }
}

/// The IPv4 address that a connection to an IPv6 address would end at.
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let mapped = [a, b, c, d, e, f] == [0, 0, 0, 0, 0, 0xffff];
    let translated = [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0];
    (mapped || translated).then(|| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    })
}

fn v4(address: Ipv4Addr) -> Reach {
    let within = |base: [u8; 4], bits: u32| {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        (address.to_bits() ^ Ipv4Addr::from(base).to_bits()) & mask == 0
    };
    let private = [([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];
    let never = [
        ([0, 0, 0, 0], 8),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ];
    if private.iter().any(|(base, bits)| within(*base, *bits)) {
        Reach::Private
    } else if never.iter().any(|(base, bits)| within(*base, *bits)) {
        Reach::Never
    } else {
        Reach::Public
    }
}

fn v6(address: Ipv6Addr) -> Reach {
    let within = |base: [u16; 8], bits: u32| {
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        (address.to_bits() ^ Ipv6Addr::from(base).to_bits()) & mask == 0
    };
    if within([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7) {
        return Reach::Private;
    }
    // Global unicast is 2000::/3. Of it protocol assignments (Teredo among them), documentation and 6to4 are no places.
    let special = [
        ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
        ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
        ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
        ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    ];
    let global = within([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
    if global && !special.iter().any(|(base, bits)| within(*base, *bits)) { Reach::Public } else { Reach::Never }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_whatever_they_are_wrapped_in() {
        for (text, wanted) in [
            ("1.1.1.1", Reach::Public),
            ("172.32.0.1", Reach::Public),
            ("100.128.0.1", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("::ffff:1.1.1.1", Reach::Public),
            ("64:ff9b::101:101", Reach::Public),
            ("10.1.2.3", Reach::Private),
            ("172.31.255.255", Reach::Private),
            ("192.168.0.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("fd00::1", Reach::Private),
            ("::ffff:10.0.0.1", Reach::Private),
            ("64:ff9b::a00:1", Reach::Private),
            ("0.0.0.0", Reach::Never),
            ("127.0.0.1", Reach::Never),
            ("127.255.255.255", Reach::Never),
            ("169.254.169.254", Reach::Never),
            ("192.0.0.1", Reach::Never),
            ("198.19.255.255", Reach::Never),
            ("224.0.0.1", Reach::Never),
            ("255.255.255.255", Reach::Never),
            ("::", Reach::Never),
            ("::1", Reach::Never),
            ("::127.0.0.1", Reach::Never),
            ("::ffff:127.0.0.1", Reach::Never),
            ("::ffff:169.254.169.254", Reach::Never),
            ("64:ff9b::a9fe:a9fe", Reach::Never),
            ("64:ff9b:1::a00:1", Reach::Never),
            ("fe80::1", Reach::Never),
            ("ff02::1", Reach::Never),
            ("2001:db8::1", Reach::Never),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Reach::Never),
            ("2002:7f00:1::1", Reach::Never),
            ("100::1", Reach::Never),
        ] {
            assert_eq!(reach(text.parse().unwrap()), wanted, "{text}");
        }
    }
}
