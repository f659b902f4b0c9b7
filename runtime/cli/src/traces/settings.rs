//! What the environment says of traces, in OpenTelemetry's own variables.

use std::time::Duration;

use reqwest::Url;

/// Where spans go. Without one of these there are none.
const ENDPOINT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const COMPRESSION: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const TIMEOUT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The path below a general endpoint. One for traces is taken as it is.
const PATH: &str = "/v1/traces";
/// How long one attempt may take, where nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Why traces cannot be sent as the environment says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TracesError {
    #[error("InvalidEndpoint: {variable}{problem}")]
    Endpoint { variable: &'static str, problem: String },
    #[error("ProtocolNotSpoken: {variable} is `{found}`, and traces are sent as `http/protobuf` only")]
    Protocol { variable: &'static str, found: String },
    #[error("InvalidVariable: {variable}{problem}")]
    Variable { variable: &'static str, problem: String, mend: &'static str },
    #[error("TracesFailed: {problem}")]
    Setup { problem: String },
}

impl TracesError {
    /// How to mend it.
    pub(crate) fn mend(&self) -> Option<&'static str> {
        match self {
            Self::Endpoint { .. } => Some("write it as `http://collector.example:4318`, or unset it to have no traces"),
            Self::Protocol { .. } => Some(
                "name the collector's port for OTLP over HTTP, which is 4318 by custom, and set the protocol to `http/protobuf` or unset it",
            ),
            Self::Variable { mend, .. } => Some(mend),
            Self::Setup { .. } => None,
        }
    }
}

/// Where traces go, and for how long one attempt may last. Headers and the sampler are read by the library, after they were
/// looked at here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) endpoint: Url,
    pub(super) timeout: Duration,
    /// The service's name, where the environment has one for this alone.
    pub(super) service: Option<String>,
}

impl Settings {
    /// None: no traces are wanted. `variable` gives the value of an environment variable; an empty one is as good as none.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TracesError> {
        let get = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, get(name)?)));
        let Some((name, found)) = first(ENDPOINT) else { return Ok(None) };
        match get("OTEL_TRACES_EXPORTER").as_deref() {
            Some("none") => return Ok(None),
            None | Some("otlp") => {}
            Some(other) => {
                return Err(unknown("OTEL_TRACES_EXPORTER", other, "write `otlp`, or `none` to have no traces"));
            }
        }
        if let Some((variable, found)) = first(PROTOCOL).filter(|(_, found)| found != "http/protobuf") {
            return Err(TracesError::Protocol { variable, found });
        }
        if let Some((variable, found)) = first(COMPRESSION).filter(|(_, found)| found != "none") {
            return Err(unknown(variable, &found, "unset it: traces are sent as they are"));
        }
        let timeout = match first(TIMEOUT) {
            None => DEFAULT_TIMEOUT,
            Some((variable, found)) => {
                let milliseconds = found.parse().ok().filter(|milliseconds| *milliseconds > 0);
                let mend = "write a whole number of milliseconds, as `10000`";
                Duration::from_millis(milliseconds.ok_or_else(|| unknown(variable, &found, mend))?)
            }
        };
        if let Some((variable, found)) = first(HEADERS) {
            check_headers(variable, &found)?;
        }
        check_sampler(&get)?;
        let endpoint = endpoint(name, &found)?;
        Ok(Some(Self { endpoint, timeout, service: get("OTEL_SERVICE_NAME") }))
    }
}

fn unknown(variable: &'static str, found: &str, mend: &'static str) -> TracesError {
    TracesError::Variable { variable, problem: format!(" is `{found}`, which it cannot be"), mend }
}

fn endpoint(variable: &'static str, found: &str) -> Result<Url, TracesError> {
    let wrong = |problem: String| TracesError::Endpoint { variable, problem };
    let mut url = Url::parse(found).map_err(|error| wrong(format!(" is `{found}`, which is no URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        // It is not repeated: a log is no place for it.
        return Err(wrong(" has a name or a password in it, whose place is OTEL_EXPORTER_OTLP_HEADERS".to_owned()));
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong(format!(" is `{found}`, and only `http://` and `https://` are spoken")));
    }
    if variable == ENDPOINT[1] {
        let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

/// What the library would leave out without a word. Values are not repeated: they are what one logs in with.
fn check_headers(variable: &'static str, found: &str) -> Result<(), TracesError> {
    let lacks = |entry: &&str| entry.split_once('=').is_none_or(|(name, _)| name.trim().is_empty());
    match found.split(',').filter(|entry| !entry.trim().is_empty()).position(|entry| lacks(&entry)) {
        None => Ok(()),
        Some(at) => Err(TracesError::Variable {
            variable,
            problem: format!(": header {} has no name or no `=`", at + 1),
            mend: "write `name=value`, several with commas between them",
        }),
    }
}

/// What the library would replace by its default without a word.
fn check_sampler(get: &impl Fn(&str) -> Option<String>) -> Result<(), TracesError> {
    let Some(sampler) = get(SAMPLER) else { return Ok(()) };
    if !SAMPLERS.contains(&sampler.as_str()) {
        let mend = "write one of always_on, always_off, traceidratio and the same with `parentbased_` before it";
        return Err(unknown(SAMPLER, &sampler, mend));
    }
    if !sampler.ends_with("traceidratio") {
        return Ok(());
    }
    let mend = "write which share of traces is sent, from 0.0 to 1.0";
    let ratio = get(SAMPLER_ARGUMENT).ok_or_else(|| TracesError::Variable {
        variable: SAMPLER_ARGUMENT,
        problem: format!(" is not set, and {SAMPLER} is `{sampler}`"),
        mend,
    })?;
    match ratio.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(()),
        _ => Err(unknown(SAMPLER_ARGUMENT, &ratio, mend)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, TracesError> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::read(find)
    }

    fn reads(variables: &[(&str, &str)]) -> Option<Settings> {
        read(variables).unwrap()
    }

    #[test]
    fn without_an_endpoint_there_are_no_traces() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
        assert_eq!(reads(&[]), None);
        assert_eq!(reads(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), None);
        assert_eq!(reads(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_SAMPLER", "some")]), None);
        assert_eq!(reads(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]), None);
        assert_eq!(reads(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]), None);
        assert!(reads(&[endpoint, ("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]).is_some());
    }

    #[test]
    fn a_general_endpoint_is_a_base_and_one_for_traces_is_the_whole() {
        let to = |name: &str, value: &str| reads(&[(name, value)]).unwrap().endpoint.to_string();
        for (value, whole) in [
            ("http://c:4318", "http://c:4318/v1/traces"),
            ("http://c:4318/", "http://c:4318/v1/traces"),
            ("https://c/otlp/?key=a", "https://c/otlp/v1/traces?key=a"),
        ] {
            assert_eq!(to("OTEL_EXPORTER_OTLP_ENDPOINT", value), whole);
        }
        assert_eq!(to("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/own"), "http://c:4318/own");
        let both = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://special/"),
        ];
        assert_eq!(reads(&both).unwrap().endpoint.as_str(), "http://special/");
    }

    #[test]
    fn a_bad_endpoint_is_told_without_what_one_logs_in_with() {
        for value in ["collector", "collector:4318", "ftp://c", "http://", "unix:///run/c"] {
            let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", value)]).unwrap_err();
            let said = error.to_string();
            assert!(said.starts_with("InvalidEndpoint: OTEL_EXPORTER_OTLP_ENDPOINT is `"), "{said}");
            assert!(said.contains(value) && error.mend().unwrap().contains("4318"), "{said}");
        }
        let said = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@c")]).unwrap_err().to_string();
        assert!(said.contains("OTEL_EXPORTER_OTLP_HEADERS") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn what_is_not_spoken_is_told_with_what_is() {
        let with = |name, value| read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"), (name, value)]);
        for (name, value, reason) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "ProtocolNotSpoken"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "ProtocolNotSpoken"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "InvalidVariable"),
            ("OTEL_TRACES_EXPORTER", "zipkin", "InvalidVariable"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "InvalidVariable"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "InvalidVariable"),
            ("OTEL_TRACES_SAMPLER", "xray", "InvalidVariable"),
            ("OTEL_TRACES_SAMPLER", "traceidratio", "InvalidVariable"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,secret", "InvalidVariable"),
        ] {
            let error = with(name, value).unwrap_err();
            let said = error.to_string();
            assert!(said.starts_with(&format!("{reason}: OTEL_")) && error.mend().is_some(), "{name}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, tenant = a,"),
        ] {
            assert!(with(name, value).is_ok_and(|settings| settings.is_some()), "{name}={value}");
        }
    }

    #[test]
    fn a_share_is_between_none_and_all() {
        let with = |share| {
            read(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
                ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", share),
            ])
        };
        assert!(with("0.25").is_ok() && with("1").is_ok());
        for share in ["2", "-0.1", "NaN", "a half", ""] {
            assert!(with(share).is_err(), "{share}");
        }
    }

    #[test]
    fn the_value_for_traces_goes_before_the_general_one() {
        let settings = reads(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "700"),
            ("OTEL_SERVICE_NAME", "staging"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(settings.timeout, Duration::from_millis(700));
        assert_eq!(settings.service.as_deref(), Some("staging"));
    }
}
