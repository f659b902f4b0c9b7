//! The functions and operators that an engine knows, by number. A number is never used again for something else.

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $number:literal $cel:literal,)*) => {
        /// A function or operator. The engine picks the overload by its arguments' types.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Function { $($(#[$doc])* $name = $number,)* }

        impl Function {
            /// All of them, by number.
            pub const ALL: &'static [Function] = &[$(Function::$name,)*];

            /// The name in CEL's own spelling: `_+_`, `size`, `math.greatest`. For a method the receiver is the first argument.
            pub fn name(self) -> &'static str {
                match self { $(Function::$name => $cel,)* }
            }

            /// Whether the second argument may be left alone: then its failure is not the call's.
            pub fn lazy(self) -> bool {
                matches!(self, Function::Or | Function::OrValue)
            }

            /// The function of a number, if this engine knows it.
            pub fn from_number(number: u16) -> Option<Function> {
                match number { $($number => Some(Function::$name),)* _ => None }
            }

            /// The function of a CEL name.
            pub fn from_name(name: &str) -> Option<Function> {
                match name { $($cel => Some(Function::$name),)* _ => None }
            }
        }
    };
}

functions! {
    /// `a + b`
    Add = 1 "_+_",
    /// `a - b`
    Subtract = 2 "_-_",
    /// `a * b`
    Multiply = 3 "_*_",
    /// `a / b`
    Divide = 4 "_/_",
    /// `a % b`
    Modulo = 5 "_%_",
    /// `-a`
    Negate = 6 "-_",
    /// `!a`
    Not = 7 "!_",
    /// `a == b`
    Equal = 8 "_==_",
    /// `a != b`
    NotEqual = 9 "_!=_",
    /// `a < b`
    Less = 10 "_<_",
    /// `a <= b`
    LessEqual = 11 "_<=_",
    /// `a > b`
    Greater = 12 "_>_",
    /// `a >= b`
    GreaterEqual = 13 "_>=_",
    /// `a in b`
    In = 14 "@in",
    /// Of a string (code points), bytes, list or map.
    Size = 15 "size",
    /// `type(a)`
    Type = 16 "type",
    /// `dyn(a)`
    Dyn = 17 "dyn",
    /// Conversion.
    Bool = 18 "bool",
    /// Conversion.
    Int = 19 "int",
    /// Conversion.
    Uint = 20 "uint",
    /// Conversion.
    Double = 21 "double",
    /// Conversion.
    String = 22 "string",
    /// Conversion.
    Bytes = 23 "bytes",
    /// Conversion from RFC 3339 text or Unix seconds.
    Timestamp = 24 "timestamp",
    /// Conversion from Go's duration text.
    Duration = 25 "duration",
    /// `s.contains(t)`
    Contains = 26 "contains",
    /// `s.startsWith(t)`
    StartsWith = 27 "startsWith",
    /// `s.endsWith(t)`
    EndsWith = 28 "endsWith",
    /// `s.matches(re)`: RE2 syntax, found anywhere.
    Matches = 29 "matches",
    /// Of a timestamp, perhaps in a time zone.
    GetFullYear = 30 "getFullYear",
    /// Zero-based.
    GetMonth = 31 "getMonth",
    /// Zero-based.
    GetDayOfYear = 32 "getDayOfYear",
    /// Zero-based.
    GetDayOfMonth = 33 "getDayOfMonth",
    /// One-based.
    GetDate = 34 "getDate",
    /// Sunday is 0.
    GetDayOfWeek = 35 "getDayOfWeek",
    /// Of a timestamp or a duration.
    GetHours = 36 "getHours",
    /// Of a timestamp or a duration.
    GetMinutes = 37 "getMinutes",
    /// Of a timestamp or a duration.
    GetSeconds = 38 "getSeconds",
    /// Of a timestamp or a duration.
    GetMilliseconds = 39 "getMilliseconds",
    /// `optional.of(a)`
    OptionalOf = 40 "optional.of",
    /// `optional.none()`
    OptionalNone = 41 "optional.none",
    /// `optional.ofNonZeroValue(a)`
    OptionalOfNonZeroValue = 42 "optional.ofNonZeroValue",
    /// `o.hasValue()`
    HasValue = 43 "hasValue",
    /// `o.value()`
    Value = 44 "value",
    /// `o.or(p)`
    Or = 45 "or",
    /// `o.orValue(a)`
    OrValue = 46 "orValue",
    /// `s.charAt(i)`: positions are counted in code points, as in all functions of strings.
    CharAt = 47 "charAt",
    /// `s.indexOf(t)`, `s.indexOf(t, i)`: -1 where it is not found.
    IndexOf = 48 "indexOf",
    /// `s.lastIndexOf(t)`, `s.lastIndexOf(t, i)`
    LastIndexOf = 49 "lastIndexOf",
    /// Of a list of strings: `l.join()`, `l.join(separator)`
    Join = 50 "join",
    /// `s.lowerAscii()`
    LowerAscii = 51 "lowerAscii",
    /// `s.upperAscii()`
    UpperAscii = 52 "upperAscii",
    /// `s.replace(old, new)`, `s.replace(old, new, at_most)`
    Replace = 53 "replace",
    /// `s.split(separator)`, `s.split(separator, at_most)`
    Split = 54 "split",
    /// `s.substring(from)`, `s.substring(from, to)`
    Substring = 55 "substring",
    /// `s.trim()`: white space as Unicode has it.
    Trim = 56 "trim",
    /// `s.reverse()`
    Reverse = 57 "reverse",
    /// `s.format([…])`
    Format = 58 "format",
    /// `strings.quote(s)`
    Quote = 59 "strings.quote",
    /// Of numbers, or of a list of numbers.
    Greatest = 60 "math.greatest",
    /// Of numbers, or of a list of numbers.
    Least = 61 "math.least",
    /// Of a double.
    Ceil = 62 "math.ceil",
    /// Of a double.
    Floor = 63 "math.floor",
    /// Of a double: halves away from zero.
    Round = 64 "math.round",
    /// Of a double: towards zero.
    Trunc = 65 "math.trunc",
    /// Of any number.
    Abs = 66 "math.abs",
    /// Of any number: -1, 0 or 1 of the same type.
    Sign = 67 "math.sign",
    /// Of any number, as a double.
    Sqrt = 68 "math.sqrt",
    /// Of a double.
    IsInf = 69 "math.isInf",
    /// Of a double.
    IsNan = 70 "math.isNaN",
    /// Of a double.
    IsFinite = 71 "math.isFinite",
    /// Of two integers of one type.
    BitAnd = 72 "math.bitAnd",
    /// Of two integers of one type.
    BitOr = 73 "math.bitOr",
    /// Of two integers of one type.
    BitXor = 74 "math.bitXor",
    /// Of an integer.
    BitNot = 75 "math.bitNot",
    /// Of an integer, by a number of bits.
    BitShiftLeft = 76 "math.bitShiftLeft",
    /// Of an integer, by a number of bits: zeros come in from the left, whatever the sign.
    BitShiftRight = 77 "math.bitShiftRight",
    /// Of bytes.
    Base64Encode = 78 "base64.encode",
    /// Of text, with or without padding.
    Base64Decode = 79 "base64.decode",
    /// Of a ConfigMap or Secret: a text that differs where its contents do.
    ContentDigest = 80 "contentDigest",
    /// So many letters and digits, drawn from the request's entropy. Only in a child's manifest.
    RandomAlphanumeric = 81 "randomAlphanumeric",
    /// So many hexadecimal digits, likewise.
    RandomHex = 82 "randomHex",
    /// `reveal(a)` is `a`: the checker then no longer calls it secret.
    Reveal = 83 "reveal",
    /// `l.isSorted()`: of values that have an order.
    IsSorted = 84 "isSorted",
    /// `l.sum()`: of numbers of one type or durations. Its second argument is the sum of an empty list, which has no type of its own.
    Sum = 85 "sum",
    /// `l.min()`: the first of the least.
    Min = 86 "min",
    /// `l.max()`: the first of the greatest.
    Max = 87 "max",
    /// `sets.contains(a, b)`: each item of `b` is one of `a`.
    SetsContains = 88 "sets.contains",
    /// `sets.equivalent(a, b)`: each contains the other.
    SetsEquivalent = 89 "sets.equivalent",
    /// `sets.intersects(a, b)`: some item of `a` is one of `b`.
    SetsIntersects = 90 "sets.intersects",
    /// `s.find(re)`: the first match, or the empty string.
    Find = 91 "find",
    /// `s.findAll(re)`, `s.findAll(re, at_most)`
    FindAll = 92 "findAll",
    /// Of a text: an absolute URI or an absolute path.
    Url = 93 "url",
    /// Whether `url` takes a text.
    IsUrl = 94 "isURL",
    /// Of a URL: empty where there is none, as in the next ones.
    GetScheme = 95 "getScheme",
    /// Of a URL, with its port.
    GetHost = 96 "getHost",
    /// Of a URL, without port and brackets.
    GetHostname = 97 "getHostname",
    /// Of a URL, as text.
    GetPort = 98 "getPort",
    /// Of a URL.
    GetEscapedPath = 99 "getEscapedPath",
    /// Of a URL: lists of values by key.
    GetQuery = 100 "getQuery",
    /// Of a text as resources have it: `1500m`, `2Gi`.
    Quantity = 101 "quantity",
    /// Whether `quantity` takes a text.
    IsQuantity = 102 "isQuantity",
    /// Of a quantity: whether `asInteger` gives a value.
    IsInteger = 103 "isInteger",
    /// Of a quantity.
    AsInteger = 104 "asInteger",
    /// Of a quantity.
    AsApproximateFloat = 105 "asApproximateFloat",
    /// Of a quantity: -1, 0 or 1.
    SignOf = 106 "sign",
    /// Of a quantity and another one or an integer.
    AddTo = 107 "add",
    /// Of a quantity and another one or an integer.
    SubtractFrom = 108 "sub",
    /// Of two quantities or two versions.
    IsLessThan = 109 "isLessThan",
    /// Of two quantities or two versions.
    IsGreaterThan = 110 "isGreaterThan",
    /// Of two quantities or two versions: -1, 0 or 1.
    CompareTo = 111 "compareTo",
    /// Of a text that is a semantic version; with a second argument `true` also of one that is nearly one.
    Semver = 112 "semver",
    /// Whether `semver` takes a text.
    IsSemver = 113 "isSemver",
    /// Of a version.
    Major = 114 "major",
    /// Of a version.
    Minor = 115 "minor",
    /// Of a version.
    Patch = 116 "patch",
    /// Of a text; or the address of a CIDR.
    Ip = 117 "ip",
    /// Whether `ip` takes a text.
    IsIp = 118 "isIP",
    /// Whether the text of an address is the one that `string` gives.
    IsCanonical = 119 "ip.isCanonical",
    /// Of an address: 4 or 6.
    Family = 120 "family",
    /// Of an address.
    IsUnspecified = 121 "isUnspecified",
    /// Of an address.
    IsLoopback = 122 "isLoopback",
    /// Of an address.
    IsLinkLocalMulticast = 123 "isLinkLocalMulticast",
    /// Of an address.
    IsLinkLocalUnicast = 124 "isLinkLocalUnicast",
    /// Of an address.
    IsGlobalUnicast = 125 "isGlobalUnicast",
    /// Of a text: an address and the length of its prefix.
    Cidr = 126 "cidr",
    /// Whether `cidr` takes a text.
    IsCidr = 127 "isCIDR",
    /// Of a CIDR and an address or its text.
    ContainsIp = 128 "containsIP",
    /// Of a CIDR and another one or its text.
    ContainsCidr = 129 "containsCIDR",
    /// Of a CIDR: the same with zeros behind its prefix.
    Masked = 130 "masked",
    /// Of a CIDR.
    PrefixLength = 131 "prefixLength",
    /// The format of a name, as an optional.
    FormatNamed = 132 "format.named",
    /// `f.validate(s)`: none, or what is wrong with a text.
    Validate = 133 "validate",
    /// A format, as in the next ones.
    FormatDns1123Label = 134 "format.dns1123Label",
    /// The start of a label, to which a suffix is added.
    FormatDns1123LabelPrefix = 135 "format.dns1123LabelPrefix",
    /// Labels with dots between them.
    FormatDns1123Subdomain = 136 "format.dns1123Subdomain",
    /// The start of a subdomain.
    FormatDns1123SubdomainPrefix = 137 "format.dns1123SubdomainPrefix",
    /// A label that begins with a letter.
    FormatDns1035Label = 138 "format.dns1035Label",
    /// The start of such a label.
    FormatDns1035LabelPrefix = 139 "format.dns1035LabelPrefix",
    /// The key of a label or annotation.
    FormatQualifiedName = 140 "format.qualifiedName",
    /// The value of a label.
    FormatLabelValue = 141 "format.labelValue",
    /// What `url` takes.
    FormatUri = 142 "format.uri",
    /// A UUID of any version.
    FormatUuid = 143 "format.uuid",
    /// Base64 with padding.
    FormatByte = 144 "format.byte",
    /// A day: `2006-01-02`.
    FormatDate = 145 "format.date",
    /// A time of RFC 3339.
    FormatDatetime = 146 "format.datetime",
    /// Of a text or bytes: the hexadecimal digits of its SHA-256.
    Sha256sum = 147 "sha256sum",
    /// Of a text: what is left of it as a DNS label.
    Slugify = 148 "slugify",
    /// Of a text: its first characters, at most that many.
    TruncateName = 149 "truncateName",
}
