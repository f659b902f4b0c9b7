//! Where the two implementations differ, and what decides.

/// A difference.
pub(crate) struct Decided {
    pub(crate) expression: &'static str,
    /// Our value; none where it fails.
    pub(crate) ours: Option<&'static str>,
    /// That of the other implementation.
    pub(crate) theirs: Option<&'static str>,
    /// What says who is right.
    pub(crate) because: &'static str,
}

pub(crate) const DECIDED: &[Decided] = &[
    Decided {
        expression: "duration('26h2m3.004s').getMilliseconds()",
        ours: Some("int 4"),
        theirs: Some("int 93723004"),
        because: "cel-spec, conformance case timestamps/duration_converters/get_milliseconds: the component of the duration, \
                  which is not the duration in milliseconds",
    },
    Decided {
        expression: "timestamp('2000-01-01T00:00:00+02:00').getDate()",
        ours: Some("int 31"),
        theirs: Some("int 1"),
        because: "langdef, functions of timestamps: without a time zone the parts are those of the date in UTC",
    },
    Decided {
        expression: "timestamp('2000-01-01T00:00:00+02:00').getFullYear()",
        ours: Some("int 1999"),
        theirs: Some("int 2000"),
        because: "langdef, functions of timestamps: without a time zone the parts are those of the date in UTC",
    },
    Decided {
        expression: "1.0 <= 0.0 / 0.0",
        ours: Some("bool false"),
        theirs: None,
        because: "langdef, numeric values: doubles are those of IEEE 754, whose NaN has no order and is no error",
    },
    Decided {
        expression: "string(15000000.0)",
        ours: Some("string \"1.5e+07\""),
        theirs: Some("string \"15000000\""),
        because: "langdef names no form for string(double) but that it can be read back; ours is cel-go's, as in Kubernetes",
    },
    Decided {
        expression: "optional.of(1).orValue(1 / 0)",
        ours: Some("int 1"),
        theirs: None,
        because: "cel-go, optional types: `or` and `orValue` evaluate their argument only where there is no value",
    },
    Decided {
        expression: "duration('0.25sy')",
        ours: None,
        theirs: Some("duration 250000000"),
        because: "langdef, duration(string): numbers, each with a unit, and nothing else",
    },
];
