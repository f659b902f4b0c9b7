//! The functions and operators: one file for each library.

mod arithmetic;
mod collections;
mod conversions;
mod digest;
mod encoders;
mod format;
mod formats;
mod lists;
mod math;
mod net;
mod notes;
mod optionals;
mod quantity;
mod random;
mod semver;
mod strings;
mod strings_extension;
mod times;
mod url;

use orkestra_program::Code;
use orkestra_program::function::Function;

use crate::eval::Machine;
use crate::fault::Res;
use crate::value::Value;

pub(crate) use conversions::scalar_text;
pub(crate) use net::{Cidr, put_address};
pub(crate) use quantity::Quantity;
pub(crate) use semver::Semver;
pub(crate) use strings::Patterns;
pub(crate) use url::Url;

/// Calls a function whose arguments are evaluated.
#[inline(never)]
pub(crate) fn call<'a>(m: &mut Machine<'a>, function: Function, arguments: &[Value<'a>]) -> Res<'a, Value<'a>> {
    m.meter.spend(1)?;
    let result = match function {
        Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Divide
        | Function::Modulo
        | Function::Negate
        | Function::Not => arithmetic::call(m, function, arguments)?,
        Function::Equal
        | Function::NotEqual
        | Function::Less
        | Function::LessEqual
        | Function::Greater
        | Function::GreaterEqual
        | Function::In
        | Function::Size => collections::call(m, function, arguments)?,
        Function::Type
        | Function::Dyn
        | Function::Bool
        | Function::Int
        | Function::Uint
        | Function::Double
        | Function::String
        | Function::Bytes
        | Function::Timestamp
        | Function::Duration => conversions::call(m, function, arguments)?,
        Function::Contains
        | Function::StartsWith
        | Function::EndsWith
        | Function::Matches
        | Function::Find
        | Function::FindAll => strings::call(m, function, arguments)?,
        Function::GetFullYear
        | Function::GetMonth
        | Function::GetDayOfYear
        | Function::GetDayOfMonth
        | Function::GetDate
        | Function::GetDayOfWeek
        | Function::GetHours
        | Function::GetMinutes
        | Function::GetSeconds
        | Function::GetMilliseconds => times::call(m, function, arguments)?,
        Function::OptionalOf
        | Function::OptionalNone
        | Function::OptionalOfNonZeroValue
        | Function::HasValue
        | Function::Value
        | Function::Or
        | Function::OrValue => optionals::call(m, function, arguments)?,
        Function::CharAt
        | Function::IndexOf
        | Function::LastIndexOf
        | Function::Join
        | Function::LowerAscii
        | Function::UpperAscii
        | Function::Replace
        | Function::Split
        | Function::Substring
        | Function::Trim
        | Function::Reverse
        | Function::Quote => strings_extension::call(m, function, arguments)?,
        Function::Format => format::call(m, arguments)?,
        Function::Greatest
        | Function::Least
        | Function::Ceil
        | Function::Floor
        | Function::Round
        | Function::Trunc
        | Function::Abs
        | Function::Sign
        | Function::Sqrt
        | Function::IsInf
        | Function::IsNan
        | Function::IsFinite
        | Function::BitAnd
        | Function::BitOr
        | Function::BitXor
        | Function::BitNot
        | Function::BitShiftLeft
        | Function::BitShiftRight => math::call(m, function, arguments)?,
        Function::Base64Encode | Function::Base64Decode => encoders::call(m, function, arguments)?,
        Function::ContentDigest | Function::Reveal => digest::call(m, function, arguments)?,
        Function::IsSorted
        | Function::Sum
        | Function::Min
        | Function::Max
        | Function::SetsContains
        | Function::SetsEquivalent
        | Function::SetsIntersects => lists::call(m, function, arguments)?,
        Function::Url
        | Function::IsUrl
        | Function::GetScheme
        | Function::GetHost
        | Function::GetHostname
        | Function::GetPort
        | Function::GetEscapedPath
        | Function::GetQuery => url::call(m, function, arguments)?,
        Function::Quantity
        | Function::IsQuantity
        | Function::IsInteger
        | Function::AsInteger
        | Function::AsApproximateFloat
        | Function::SignOf
        | Function::AddTo
        | Function::SubtractFrom => quantity::call(m, function, arguments)?,
        Function::IsLessThan | Function::IsGreaterThan | Function::CompareTo => {
            quantity::compared(m, function, arguments)?
        }
        Function::Semver | Function::IsSemver | Function::Major | Function::Minor | Function::Patch => {
            semver::call(m, function, arguments)?
        }
        Function::Ip
        | Function::IsIp
        | Function::IsCanonical
        | Function::Family
        | Function::IsUnspecified
        | Function::IsLoopback
        | Function::IsLinkLocalMulticast
        | Function::IsLinkLocalUnicast
        | Function::IsGlobalUnicast
        | Function::Cidr
        | Function::IsCidr
        | Function::ContainsIp
        | Function::ContainsCidr
        | Function::Masked
        | Function::PrefixLength => net::call(m, function, arguments)?,
        Function::FormatNamed
        | Function::Validate
        | Function::FormatDns1123Label
        | Function::FormatDns1123LabelPrefix
        | Function::FormatDns1123Subdomain
        | Function::FormatDns1123SubdomainPrefix
        | Function::FormatDns1035Label
        | Function::FormatDns1035LabelPrefix
        | Function::FormatQualifiedName
        | Function::FormatLabelValue
        | Function::FormatUri
        | Function::FormatUuid
        | Function::FormatByte
        | Function::FormatDate
        | Function::FormatDatetime => formats::call(m, function, arguments)?,
        Function::Sha256sum | Function::Slugify | Function::TruncateName => notes::call(m, function, arguments)?,
        Function::RandomAlphanumeric | Function::RandomHex => random::call(m, function, arguments)?,
    };
    result.ok_or_else(|| m.no_overload(function.name(), arguments))
}

/// Calls a function that may leave its second argument alone.
#[inline(never)]
pub(crate) fn call_lazy<'a>(
    m: &mut Machine<'a>,
    function: Function,
    first: Code<'a>,
    second: Code<'a>,
) -> Res<'a, Value<'a>> {
    let first = m.block(first)?;
    if let Some(value) = optionals::decided(function, first) {
        m.meter.spend(1)?;
        return Ok(value);
    }
    let second = m.block(second)?;
    call(m, function, &[first, second])
}

/// What a library's file says of a call: a value, or none where it has no overload for these types.
pub(crate) type Called<'a> = Res<'a, Option<Value<'a>>>;
