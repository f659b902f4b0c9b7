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
}
