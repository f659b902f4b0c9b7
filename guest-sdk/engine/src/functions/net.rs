//! Addresses of networks: `ip`, `cidr` and what can be asked about them.
//!
//! An IPv4 address inside of an IPv6 address is not taken where it is written with dots, as in Kubernetes. Written in hexadecimal
//! digits it is the IPv4 address, as CEL's conformance cases want it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use orkestra_program::function::Function;

use super::Called;
use super::conversions::written;
use crate::eval::Machine;
use crate::fault::Res;
use crate::number;
use crate::opaque::Opaque;
use crate::value::Value;

/// An address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: IpAddr,
    length: u8,
}

pub(super) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Called<'a> {
    let first = match arguments {
        [Value::Opaque(first), ..] => **first,
        [Value::String(text)] => return of_text(m, function, text),
        _ => return Ok(None),
    };
    Ok(Some(match (function, first, arguments.get(1)) {
        (Function::Ip, Opaque::Cidr(cidr), None) => opaque(m, Opaque::Ip(cidr.address)),
        (Function::Masked, Opaque::Cidr(cidr), None) => opaque(m, Opaque::Cidr(cidr.masked())),
        (Function::PrefixLength, Opaque::Cidr(cidr), None) => Value::Int(i64::from(cidr.length)),
        (Function::ContainsIp, Opaque::Cidr(cidr), Some(other)) => {
            let address = match *other {
                Value::Opaque(&Opaque::Ip(address)) => address,
                Value::String(text) => parsed(m, text, parse_address)?,
                _ => return Ok(None),
            };
            Value::Bool(cidr.contains(address))
        }
        (Function::ContainsCidr, Opaque::Cidr(cidr), Some(other)) => {
            let other = match *other {
                Value::Opaque(&Opaque::Cidr(other)) => other,
                Value::String(text) => parsed(m, text, parse_cidr)?,
                _ => return Ok(None),
            };
            Value::Bool(cidr.length <= other.length && cidr.contains(other.address))
        }
        (Function::Family, Opaque::Ip(address), None) => Value::Int(if address.is_ipv4() { 4 } else { 6 }),
        (function, Opaque::Ip(address), None) => match kind(function, address) {
            Some(holds) => Value::Bool(holds),
            None => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn of_text<'a>(m: &mut Machine<'a>, function: Function, text: &'a str) -> Called<'a> {
    Ok(Some(match function {
        Function::Ip => {
            let address = parsed(m, text, parse_address)?;
            opaque(m, Opaque::Ip(address))
        }
        Function::Cidr => {
            let cidr = parsed(m, text, parse_cidr)?;
            opaque(m, Opaque::Cidr(cidr))
        }
        Function::IsIp => {
            m.spend_traversal(text.len())?;
            Value::Bool(parse_address(text).is_ok())
        }
        Function::IsCidr => {
            m.spend_traversal(text.len())?;
            Value::Bool(parse_cidr(text).is_ok())
        }
        Function::IsCanonical => {
            let address = parsed(m, text, parse_address)?;
            Value::Bool(written(m.arena, |out| put_address(out, address)) == text)
        }
        _ => return Ok(None),
    }))
}

fn opaque<'a>(m: &Machine<'a>, value: Opaque<'a>) -> Value<'a> {
    Value::Opaque(m.arena.alloc(value))
}

fn parsed<'a, T>(m: &mut Machine<'a>, text: &str, parse: fn(&str) -> Result<T, &'static str>) -> Res<'a, T> {
    m.spend_traversal(text.len())?;
    parse(text).or_else(|message| m.error(message))
}

const MAPPED: &str = "an IPv4 address inside of an IPv6 address is not allowed";

fn parse_address(text: &str) -> Result<IpAddr, &'static str> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(IpAddr::V4(address));
    }
    if text.contains(':') && text.contains('%') {
        return Err("an IP address with a zone is not allowed");
    }
    let Ok(address) = text.parse::<Ipv6Addr>() else { return Err("the string is not an IP address") };
    match address.to_ipv4_mapped() {
        Some(_) if text.contains('.') => Err(MAPPED),
        Some(inner) => Ok(IpAddr::V4(inner)),
        None => Ok(IpAddr::V6(address)),
    }
}

fn parse_cidr(text: &str) -> Result<Cidr, &'static str> {
    const WRONG: &str = "the string is not an IP address and the length of a prefix, as in `10.0.0.0/8`";
    let Some((address, length)) = text.rsplit_once('/') else { return Err(WRONG) };
    let digits = length.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (length.len() > 1 && length.starts_with('0')) {
        return Err(WRONG);
    }
    let is_mapped = address.parse::<Ipv6Addr>().is_ok_and(|address| address.to_ipv4_mapped().is_some());
    if is_mapped {
        return Err(MAPPED);
    }
    let address = parse_address(address)?;
    match length.parse::<u8>() {
        Ok(length) if length <= if address.is_ipv4() { 32 } else { 128 } => Ok(Cidr { address, length }),
        _ => Err(WRONG),
    }
}

/// The bits of an address, from the highest one.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Cidr {
    fn prefix(self, address: IpAddr) -> u128 {
        let rest = 128 - u32::from(self.length);
        bits(address).checked_shr(rest).map_or(0, |bits| bits << rest)
    }

    fn masked(self) -> Cidr {
        let prefix = self.prefix(self.address);
        let address = match self.address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits((prefix >> 96) as u32)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(prefix)),
        };
        Cidr { address, ..self }
    }

    fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.prefix(self.address) == self.prefix(address)
    }

    pub(crate) fn put(self, out: &mut Vec<u8>) {
        put_address(out, self.address);
        out.push(b'/');
        number::put_uint(out, u64::from(self.length));
    }
}

/// What kind of address it is; none if the function asks for something else.
fn kind(function: Function, address: IpAddr) -> Option<bool> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    Some(match function {
        Function::IsUnspecified => address.is_unspecified(),
        Function::IsLoopback => address.is_loopback(),
        Function::IsLinkLocalUnicast => link_local,
        Function::IsLinkLocalMulticast => match address {
            IpAddr::V4(address) => address.to_bits() >> 8 == 0x00e0_0000,
            IpAddr::V6(address) => address.to_bits() >> 112 & 0xff0f == 0xff02,
        },
        Function::IsGlobalUnicast => {
            let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
            !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || link_local || broadcast)
        }
        _ => return None,
    })
}

/// Writes an address in its one canonical form (RFC 5952).
pub(crate) fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (at, byte) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                number::put_uint(out, u64::from(byte));
            }
        }
        IpAddr::V6(address) => put_groups(out, &address.segments()),
    }
}

fn put_groups(out: &mut Vec<u8>, groups: &[u16; 8]) {
    let zeros = |from: usize| groups.iter().skip(from).take_while(|group| **group == 0).count();
    // Of several longest runs of zeros the first one is left out, if it is longer than one group.
    let (mut start, mut length) = (8, 1);
    for from in 0..8 {
        if zeros(from) > length {
            (start, length) = (from, zeros(from));
        }
    }
    for (at, group) in groups.iter().enumerate() {
        if at == start {
            out.extend_from_slice(b"::");
        }
        if at >= start && at < start + length {
            continue;
        }
        if at > 0 && at != start + length {
            out.push(b':');
        }
        let mut shift = 12;
        while shift > 0 && group >> shift == 0 {
            shift -= 4;
        }
        loop {
            let digit = (group >> shift & 15) as u8;
            out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
            if shift == 0 {
                break;
            }
            shift -= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        put_address(&mut out, parse_address(text).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_have_one_text() {
        for (text, canonical) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::", "::"),
            ("::1", "::1"),
            ("1::", "1::"),
            ("2001:DB8:0:0:0:0:0:68", "2001:db8::68"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
            ("0:0:2:3:4:5:0:0", "::2:3:4:5:0:0"),
            ("::ffff:c0a8:1", "192.168.0.1"),
        ] {
            assert_eq!(shown(text), canonical);
        }
    }

    #[test]
    fn every_address_is_what_its_text_says() {
        for seed in 0..2000_u64 {
            let mut groups = [0_u16; 8];
            for (at, group) in groups.iter_mut().enumerate() {
                let mixed = (seed * 8 + at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 17;
                *group = if mixed.is_multiple_of(3) { (mixed >> 8) as u16 } else { 0 };
            }
            let address = Ipv6Addr::from(groups);
            let mut out = Vec::new();
            put_address(&mut out, IpAddr::V6(address));
            assert_eq!(core::str::from_utf8(&out).unwrap().parse::<Ipv6Addr>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in
            ["", "1.2.3", "01.2.3.4", "1.2.3.256", "1.2.3.4.5", "12345::", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9"]
        {
            assert_eq!(parse_address(text), Err("the string is not an IP address"), "{text}");
        }
        assert!(parse_address("fe80::1%en0").unwrap_err().contains("zone"));
        assert_eq!(parse_address("::ffff:1.2.3.4"), Err(MAPPED));
    }

    #[test]
    fn what_is_no_cidr() {
        for text in
            ["", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "::/129", "::/256", "a/8"]
        {
            assert!(parse_cidr(text).is_err(), "{text}");
        }
        assert_eq!(parse_cidr("::ffff:c0a8:1/120"), Err(MAPPED));
    }

    #[test]
    fn a_prefix_of_no_bits_contains_all_of_its_family() {
        let all = parse_cidr("10.1.2.3/0").unwrap();
        assert!(all.contains(parse_address("255.255.255.255").unwrap()));
        assert!(!all.contains(parse_address("::1").unwrap()));
        assert_eq!(all.masked(), parse_cidr("0.0.0.0/0").unwrap());
        let one = parse_cidr("::1/128").unwrap();
        assert!(one.contains(parse_address("::1").unwrap()) && !one.contains(parse_address("::2").unwrap()));
    }

    #[test]
    fn kinds_of_addresses() {
        use Function::*;
        let yes = |function, text: &str| kind(function, parse_address(text).unwrap()).unwrap();
        assert!(yes(IsLoopback, "127.8.8.8") && yes(IsLoopback, "::1") && !yes(IsLoopback, "128.0.0.1"));
        assert!(yes(IsLinkLocalMulticast, "224.0.0.255") && !yes(IsLinkLocalMulticast, "224.0.1.1"));
        assert!(yes(IsLinkLocalMulticast, "ff12::1") && !yes(IsLinkLocalMulticast, "ff05::1"));
        assert!(yes(IsLinkLocalUnicast, "fe80::1") && !yes(IsLinkLocalUnicast, "fec0::1"));
        assert!(yes(IsGlobalUnicast, "10.0.0.1") && yes(IsGlobalUnicast, "fd00::1"));
        for text in ["255.255.255.255", "0.0.0.0", "::", "127.0.0.1", "169.254.0.1", "239.0.0.1", "ff0e::1", "fe80::1"]
        {
            assert!(!yes(IsGlobalUnicast, text), "{text}");
        }
    }
}
