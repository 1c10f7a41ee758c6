//! Traces: spans of requests, sent to an OpenTelemetry collector (OTLP over HTTP).
//!
//! Spans wait in a queue with a bound, and a thread of the SDK's sends them in batches; what does not fit
//! is dropped. A collector that is away costs requests nothing.

use std::{collections::HashMap, fmt, future::ready, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use super::SPANS;
use crate::config::watching::WatchingSettings;

/// How long sending a batch may take, and the end of the program wait for the last one.
const SEND: Duration = Duration::from_secs(5);

/// Who sends spans.
#[derive(Debug)]
pub(super) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// `None` where the settings say nothing of it.
    pub(super) fn start(settings: &WatchingSettings, runtime: &Handle) -> Option<Self> {
        let endpoint = settings.otlp_endpoint.as_ref()?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(HyperClient::with_default_connector(SEND, None))
            .with_headers(HashMap::new())
            .with_endpoint(endpoint.of_spans())
            .with_timeout(SEND)
            .build()
            .expect("the setting's type allows addresses only");
        let sampler =
            Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.trace_sample)));
        let resource = Resource::builder()
            .with_service_name(env!("CARGO_PKG_NAME"))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(OnRuntime { exporter, runtime: runtime.clone() })
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Some(Self { provider })
    }

    /// What makes spans of ours into spans that are sent.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let ours = |metadata: &Metadata<'_>| {
            metadata.is_span() && (metadata.target() == SPANS || metadata.name() == "request")
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_filter(filter_fn(ours))
    }

    /// Sends what is left.
    pub(super) fn end(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SEND) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// The client needs a runtime, which the SDK's thread is not in.
struct OnRuntime {
    exporter: opentelemetry_otlp::SpanExporter,
    runtime: Handle,
}

impl fmt::Debug for OnRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.exporter.fmt(f)
    }
}

impl SpanExporter for OnRuntime {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        ready(self.runtime.block_on(self.exporter.export(batch)))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
