//! Traces of `ork run`, sent to a collector by OTLP over HTTP where the environment names one.
//!
//! Spans are made in the module `trace` of the operator. The subscriber takes them from there and from nowhere else, so
//! that nothing which a library or a log line says gets into a trace.

mod client;
mod settings;

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::error::Error;
use client::Client;
use settings::Settings;
pub(crate) use settings::TracesError;

/// The module whose spans are traces.
const MODULE: &str = "orkestra_operator::trace";
/// What the service is called, where the environment does not say.
const SERVICE: &str = "orkestra";
/// How long the end of the process waits for what was not sent yet.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Whether a span is one of a trace, which is no matter of a log.
pub(crate) fn is_one(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == MODULE
}

/// Spans on their way to a collector.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// What the environment asks for; none where it names no collector. `instance` tells this process from others of its kind.
    pub(crate) fn of_environment(instance: String) -> Result<Option<Self>, Error> {
        let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Settings::read(variable)?.map(|settings| Self::to(settings, instance)).transpose()
    }

    fn to(settings: Settings, instance: String) -> Result<Self, Error> {
        let Settings { endpoint, timeout, service } = settings;
        let host = endpoint.host_str().unwrap_or_default();
        let place = endpoint.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(place, timeout)?)
            .with_endpoint(endpoint)
            .with_timeout(timeout)
            .with_protocol(Protocol::HttpBinary)
            .build()
            .map_err(|error| TracesError::Setup { problem: error.to_string() })?;
        // What is full is bounded, and what finds no room is dropped: a span never waits.
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
        Ok(Self { provider: provider.with_resource(resource(instance, service)).build() })
    }

    /// Takes the spans of traces, and nothing else.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(MODULE, LevelFilter::INFO))
    }

    /// Sends what is left, for a while: a collector that is away does not keep the process from ending.
    pub(crate) fn stop(self) {
        // Whether it was taken has been told.
        let _ = self.provider.shutdown_with_timeout(LAST_WORDS);
    }
}

/// What sends the spans. The environment's word goes before ours.
fn resource(instance: String, service: Option<String>) -> Resource {
    let builder = Resource::builder_empty()
        .with_service_name(SERVICE)
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance),
        ])
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match service {
        Some(service) => builder.with_service_name(service).build(),
        None => builder.build(),
    }
}
