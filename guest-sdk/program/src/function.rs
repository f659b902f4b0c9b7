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
}
