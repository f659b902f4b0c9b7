//! Logs of `ork run`: lines for a person on a terminal, JSON elsewhere. Always on stderr.

use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::args::TextOrJson;
use crate::error::Error;
use crate::output::Output;
use crate::traces::{self, Traces};

/// Starts logging. `ORK_LOG` takes a filter in the form of tracing's `EnvFilter`, such as `info,orkestra_operator=debug`.
///
/// Where nothing is `done` but tried, only warnings are told: a line that something was applied would not be true.
/// Spans of traces go their own way, and no line has any of them.
pub(crate) fn start(
    output: &Output,
    format: Option<TextOrJson>,
    done: bool,
    traces: Option<&Traces>,
) -> Result<(), Error> {
    let default = match (output.quiet(), output.verbose()) {
        (true, _) => "warn",
        (_, 0) if !done => "warn",
        (_, 0) => "info",
        (_, 1) => "info,orkestra_operator=debug,orkestra_sandbox=debug",
        _ => "debug",
    };
    let filter = match std::env::var("ORK_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|source| Error::LogFilter { text, source })?,
        Err(_) => EnvFilter::new(default),
    };
    let filter = filter.and(filter_fn(|metadata| !traces::is_one(metadata)));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let format = format.unwrap_or(if output.interactive() { TextOrJson::Text } else { TextOrJson::Json });
    let lines = match format {
        TextOrJson::Text => lines.with_ansi(output.stderr_colored()).with_target(false).boxed(),
        TextOrJson::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.map(Traces::layer)).init();
    Ok(())
}

/// Starts logging into something that keeps lines, of what is worth a look while objects are shown as well.
pub(crate) fn keep<W>(lines: &W) -> Result<(), Error>
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let filter = match std::env::var("ORK_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|source| Error::LogFilter { text, source })?,
        Err(_) => EnvFilter::new("warn"),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines.clone());
    builder.with_ansi(false).with_target(false).init();
    Ok(())
}
