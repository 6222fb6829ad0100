//! The way of an admitted request to its service and back.

use super::{Admitted, Known, refusal, take_body};
use crate::body::{Given, Sent};
use crate::front::Lane;
use crate::headers;
use crate::observe::Trace;
use crate::routes::Route;
use crate::upstream::{self, Answer, Rest, UpstreamError};
use crate::websocket::Upgrade;
use http::uri::PathAndQuery;
use http::{Method, Response};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_service::Problem;
use tracing::{Instrument as _, Span, field::Empty};

/// Asks the service and streams what it answers; also says which address answered.
pub(super) async fn pass(
    lane: &Lane,
    Known {
        trace, id, rare, ..
    }: Known<'_>,
    route: &Route,
    admitted: Admitted<'_>,
) -> (Response<Given>, Option<SocketAddr>) {
    let Admitted {
        request,
        upgrade,
        service,
        client,
        patience,
    } = admitted;
    let body = take_body(request);
    let (method, headers) = (request.method(), request.headers());
    let path = request.uri().path_and_query();
    let mut head = upstream::begin(method, path.map_or("/", PathAndQuery::as_str));
    let span = match trace {
        Trace::Recorded(_) => client_span(method, service),
        Trace::Carried(_) => Span::none(),
    };
    let replaced = span.in_scope(|| trace.tell(&mut head));
    let host = headers::pass_on(&mut head, headers, rare, replaced);
    headers::introduce(&mut head, client, id, host);
    upgrade.ask(&mut head);
    let mut outgoing = upstream::Request {
        method: method.clone(),
        head,
        body: (!body.is_empty()).then(|| Sent::new(body, route.body_limit, lane.gateway.body_idle)),
        client: client.address,
        deadline: patience.deadline,
        is_hurried: patience.limit < route.timeout,
    };
    let outcome = match lane.gateway.upstreams.get(service) {
        Ok(upstream) => {
            let exchange = pin!(upstream.exchange(&lane.pool, &mut outgoing, patience.limit));
            if span.is_none() {
                exchange.await
            } else {
                exchange.instrument(span.clone()).await
            }
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(answer) => {
            let address = answer.address;
            span.record("http.response.status_code", answer.head.status().as_u16());
            if !span.is_none() {
                span.record("network.peer.address", address.to_string());
            }
            (hand_on(lane, trace, answer, upgrade), Some(address))
        }
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            (trace.within(|| refuse(error)), None)
        }
    }
}

fn hand_on(lane: &Lane, trace: &Trace, mut answer: Answer, upgrade: Upgrade) -> Response<Given> {
    headers::toward_client(answer.head.headers_mut());
    if let Rest::Streamed(body) = &mut answer.rest {
        body.belong_to(trace.id());
    }
    match answer.rest {
        Rest::Switched(connection, endpoint) => upgrade
            .join(answer.head, connection, endpoint, &lane.gateway)
            .unwrap_or_else(|problem| trace.within(|| refusal(problem))),
        _ => answer.into_response(),
    }
}

fn refuse(error: UpstreamError) -> Response<Given> {
    let problem = Problem::from(error);
    let is_for_now = matches!(
        problem.code(),
        ErrorCode::Unavailable | ErrorCode::RateLimited
    );
    refusal(if is_for_now {
        problem.retry_after(Duration::from_secs(1))
    } else {
        problem
    })
}

fn client_span(method: &Method, service: &str) -> Span {
    tracing::info_span!(
        "http.call",
        otel.kind = "client",
        otel.name = format!("{method} {service}"),
        otel.status_code = Empty,
        peer.service = service,
        http.request.method = method.as_str(),
        http.response.status_code = Empty,
        network.peer.address = Empty,
    )
}
