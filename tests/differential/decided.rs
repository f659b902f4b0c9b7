//! Where the two implementations differ, and what decides.

/// A difference.
pub(crate) struct Decided {
    pub(crate) expression: &'static str,
    /// Our value; none where it fails.
    pub(crate) ours: Option<&'static str>,
    /// That of the other implementation.
    pub(crate) theirs: Option<&'static str>,
    /// The section of CEL's language definition that decides, or what decides where it is silent.
    pub(crate) clause: &'static str,
    /// What it says.
    pub(crate) because: &'static str,
}

pub(crate) const DECIDED: &[Decided] = &[
    Decided {
        expression: "duration('26h2m3.004s').getMilliseconds()",
        ours: Some("int 4"),
        theirs: Some("int 93723004"),
        clause: "Standard Definitions, getMilliseconds",
        because: "milliseconds from duration, 0-999",
    },
    Decided {
        expression: "timestamp('2000-01-01T00:00:00+02:00').getDate()",
        ours: Some("int 31"),
        theirs: Some("int 1"),
        clause: "Standard Definitions, getDate",
        because: "without a time zone it is of the date in UTC",
    },
    Decided {
        expression: "timestamp('2000-01-01T00:00:00+02:00').getFullYear()",
        ours: Some("int 1999"),
        theirs: Some("int 2000"),
        clause: "Standard Definitions, getFullYear",
        because: "without a time zone it is of the date in UTC",
    },
    Decided {
        expression: "1.0 <= 0.0 / 0.0",
        ours: Some("bool false"),
        theirs: None,
        clause: "Values, Numeric Values",
        because: "doubles are those of IEEE 754, whose NaN has no order and is no error",
    },
    Decided {
        expression: "string(15000000.0)",
        ours: Some("string \"1.5e+07\""),
        theirs: Some("string \"15000000\""),
        clause: "Standard Definitions, string",
        because: "of the conversion from double it says no form; ours is that of cel-go, as in Kubernetes",
    },
    Decided {
        expression: "optional.of(1).orValue(1 / 0)",
        ours: Some("int 1"),
        theirs: None,
        clause: "optional types of cel-go: the language definition has none",
        because: "`or` and `orValue` evaluate their argument only where there is no value",
    },
    Decided {
        expression: "duration('0.25sy')",
        ours: None,
        theirs: Some("duration 250000000"),
        clause: "Standard Definitions, duration",
        because: "the text ends with its unit",
    },
];
