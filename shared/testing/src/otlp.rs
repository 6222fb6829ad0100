//! A collector that keeps the spans which a process exports, so that tests can look at them.

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;
use prost::Message;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::{net::TcpListener, task::JoinHandle};

/// A span as a test reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What was done: `job.run`.
    pub name: String,
    /// The service that did it (`service.name`).
    pub service: String,
    /// The trace, 32 hex digits.
    pub trace_id: String,
    /// The span, 16 hex digits.
    pub span_id: String,
    /// The span in which it ran; none at the root.
    pub parent_span_id: Option<String>,
    /// `internal`, `server`, `client`, `producer`, `consumer` or `unspecified`.
    pub kind: &'static str,
    /// When it began, in nanoseconds since 1970.
    pub start_nanos: u64,
    /// Whether it ended with an error.
    pub failed: bool,
    /// Its attributes, values as text.
    pub attributes: BTreeMap<String, String>,
}

/// A span and what ran in it, in the order of their start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The span.
    pub span: Span,
    /// The spans that ran in it.
    pub children: Vec<Tree>,
}

/// Receives OTLP over http/protobuf until it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
    server: JoinHandle<()>,
}

impl Collector {
    /// Listens on a free port of this machine.
    pub async fn start() -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Listens on `address`, for processes that were started with a fixed endpoint.
    pub async fn listen(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address)
            .await
            .expect("the collector's address is free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let spans = Arc::default();
        let router = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(Arc::clone(&spans));
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("the collector serves until it is dropped");
        });
        Self {
            address,
            spans,
            server,
        }
    }

    /// Where it listens, as `OTEL_EXPORTER_OTLP_ENDPOINT` takes it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every span received so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The spans of a trace as trees: one root if all of its spans have arrived.
    pub fn trees(&self, trace_id: &str) -> Vec<Tree> {
        let spans = self
            .spans()
            .into_iter()
            .filter(|span| span.trace_id == trace_id)
            .collect();
        grow(spans)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Tree {
    /// The first span with this service and name, in this span or below it.
    pub fn find(&self, service: &str, name: &str) -> Option<&Self> {
        if self.span.service == service && self.span.name == name {
            return Some(self);
        }
        self.children
            .iter()
            .find_map(|child| child.find(service, name))
    }
}

/// One line per span, `service name`, indented by depth.
impl Display for Tree {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fn write(tree: &Tree, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
            writeln!(
                f,
                "{:width$}{} {}",
                "",
                tree.span.service,
                tree.span.name,
                width = depth * 2
            )?;
            tree.children
                .iter()
                .try_for_each(|child| write(child, depth + 1, f))
        }
        write(self, 0, f)
    }
}

fn grow(spans: Vec<Span>) -> Vec<Tree> {
    let known: Vec<String> = spans.iter().map(|span| span.span_id.clone()).collect();
    let mut below: BTreeMap<Option<String>, Vec<Span>> = BTreeMap::new();
    for span in spans {
        let parent = span
            .parent_span_id
            .clone()
            .filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(span);
    }
    take_below(&mut below, None)
}

fn take_below(
    below: &mut BTreeMap<Option<String>, Vec<Span>>,
    parent: Option<&String>,
) -> Vec<Tree> {
    let mut spans = below.remove(&parent.cloned()).unwrap_or_default();
    spans.sort_by_key(|span| span.start_nanos);
    let grown = spans.into_iter().map(|span| {
        let children = take_below(below, Some(&span.span_id));
        Tree { span, children }
    });
    grown.collect()
}

async fn receive(State(spans): State<Arc<Mutex<Vec<Span>>>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    for resource in request.resource_spans {
        let attributes = resource
            .resource
            .map(|resource| resource.attributes)
            .unwrap_or_default();
        let service = text_of(attributes)
            .remove("service.name")
            .unwrap_or_default();
        for span in resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            spans.push(read(span, service.clone()));
        }
    }
    StatusCode::OK
}

fn read(span: WireSpan, service: String) -> Span {
    // By the numbers of opentelemetry/proto/trace/v1/trace.proto.
    let kind = match span.kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "unspecified",
    };
    Span {
        service,
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        kind,
        start_nanos: span.start_time_unix_nano,
        failed: span.status.is_some_and(|status| status.code == 2),
        attributes: text_of(span.attributes),
        name: span.name,
    }
}

fn text_of(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes
        .into_iter()
        .map(|pair| (pair.key, text(pair.value.and_then(|any| any.value))))
        .collect()
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::common::v1::AnyValue;
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

    fn span(id: u8, parent: Option<u8>, name: &str) -> WireSpan {
        WireSpan {
            trace_id: vec![1; 16],
            span_id: vec![id; 8],
            parent_span_id: parent.map(|parent| vec![parent; 8]).unwrap_or_default(),
            name: name.into(),
            kind: 5,
            start_time_unix_nano: id.into(),
            ..WireSpan::default()
        }
    }

    fn export(service: &str, spans: Vec<WireSpan>) -> Bytes {
        let value = AnyValue {
            value: Some(Value::StringValue(service.into())),
        };
        let name = KeyValue {
            key: "service.name".into(),
            value: Some(value),
            ..KeyValue::default()
        };
        let resource = Resource {
            attributes: vec![name],
            ..Resource::default()
        };
        let resource_spans = vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }];
        ExportTraceServiceRequest { resource_spans }
            .encode_to_vec()
            .into()
    }

    #[tokio::test]
    async fn spans_of_several_services_grow_into_one_tree() {
        let collector = Collector::start().await;
        let worker = vec![
            span(3, Some(2), "job.run"),
            span(4, Some(3), "http.request"),
        ];
        let api = vec![
            span(2, Some(1), "job.enqueue"),
            span(1, None, "http.server"),
        ];
        for body in [export("worker", worker), export("api", api)] {
            assert_eq!(
                receive(State(Arc::clone(&collector.spans)), body).await,
                StatusCode::OK
            );
        }
        let trees = collector.trees(&"01".repeat(16));
        assert_eq!(trees.len(), 1);
        let drawn =
            "api http.server\n  api job.enqueue\n    worker job.run\n      worker http.request\n";
        assert_eq!(trees[0].to_string(), drawn);
        assert_eq!(
            trees[0].find("worker", "job.run").unwrap().span.kind,
            "consumer"
        );
    }

    #[tokio::test]
    async fn refuses_what_is_not_otlp() {
        let status = receive(State(Arc::default()), Bytes::from_static(b"{}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}
