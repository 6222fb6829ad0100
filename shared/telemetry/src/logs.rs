//! Log lines: one JSON object each, with the trace they belong to.

use std::fmt;

use opentelemetry::trace::TraceContextExt as _;
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::{LogFormat, TelemetryError, TelemetrySettings};

/// The layer that writes log lines to stdout.
pub(crate) fn layer<S>(
    service: &'static str,
    settings: &TelemetrySettings,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = EnvFilter::try_new(&settings.log)?;
    let layer = tracing_subscriber::fmt::layer();
    Ok(match settings.format {
        LogFormat::Json => layer
            .event_format(JsonLine { service })
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => layer.compact().with_filter(filter).boxed(),
    })
}

/// Writes `timestamp, level, message, target, service, trace_id, span_id` and the event's fields.
pub(crate) struct JsonLine {
    pub(crate) service: &'static str,
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        // The wall clock of the process: no test asserts on it.
        let now = OffsetDateTime::from(std::time::SystemTime::now());
        let timestamp = now.format(&Rfc3339).map_err(|_| fmt::Error)?;
        line.insert("timestamp".into(), timestamp.into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("message".into(), Value::Null);
        line.insert("target".into(), event.metadata().target().into());
        line.insert("service".into(), self.service.into());
        let context = opentelemetry::Context::current();
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            line.insert("trace_id".into(), span.trace_id().to_string().into());
            line.insert("span_id".into(), span.span_id().to_string().into());
        }
        event.record(&mut Fields(&mut line));
        let text = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{text}")
    }
}

struct Fields<'l>(&'l mut Map<String, Value>);

impl Fields<'_> {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        self.insert(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn line(log: impl FnOnce()) -> Value {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLine { service: "kettle" })
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = buffer.0.lock().unwrap();
        assert_eq!(bytes.last(), Some(&b'\n'));
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_line_has_message_and_fields_with_their_types() {
        let line = line(|| tracing::warn!(cups = 3, hot = true, tea = "green\n", "poured"));
        assert_eq!(
            (&line["message"], &line["level"]),
            (&"poured".into(), &"WARN".into())
        );
        assert_eq!((&line["cups"], &line["hot"]), (&3.into(), &true.into()));
        assert_eq!(
            (&line["tea"], &line["service"]),
            (&"green\n".into(), &"kettle".into())
        );
    }

    #[test]
    fn an_error_brings_its_sources() {
        let parse = "x".parse::<u8>().unwrap_err();
        let error = std::io::Error::other(parse);
        let line = line(|| tracing::error!(error = &error as &dyn std::error::Error, "spilled"));
        assert_eq!(line["error"], "invalid digit found in string");
    }
}
