//! Where spans go.

use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};

use crate::{TelemetryError, TelemetrySettings, sampling};

/// The provider of tracers; without an endpoint it makes trace ids and exports nothing.
pub(crate) fn provider(
    service: &'static str,
    settings: &TelemetrySettings,
) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.namespace", "stoa"))
        .build();
    let ratio = if settings.otlp_endpoint.is_some() {
        settings.sample_ratio
    } else {
        0.0
    };
    sampling::set_ratio(ratio);
    let sampler = Sampler::ParentBased(Box::new(sampling::Roots(settings.sample_ratio)));
    let builder = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(sampler);
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(builder.build());
    };
    // Its client asks for a TLS provider also for plain HTTP; a second call is no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()?;
    Ok(builder.with_batch_exporter(exporter).build())
}
