//! WebSockets: the credential of a browser, and the agreement of both sides.

use crate::Gateway;
use crate::body::{Given, Received};
use crate::front::Switch;
use crate::headers::asks_for_websocket;
use crate::lines;
use crate::revoked::Revoked;
use crate::tunnel::{self, End};
use crate::upstream::Connection;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{Request, Response};
use stoa_client::InFlight;
use stoa_contracts::ErrorCode;
use stoa_service::Problem;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Browsers cannot set headers on a WebSocket: the credential may be this query parameter ...
const TOKEN_PARAMETER: &str = "access_token=";
/// ... or a subprotocol with this prefix, beside the one that is then selected.
const TOKEN_PROTOCOL: &str = "stoa.bearer.";
const PROTOCOL: &str = "stoa";

/// What a request asks for beside an answer.
#[derive(Default)]
pub(crate) struct Upgrade {
    client: Option<Switch>,
    /// The session or key of who asks.
    session: Option<Uuid>,
    selects_protocol: bool,
}

impl Upgrade {
    /// Takes the upgrade out of a request, and moves its credential to where all others are.
    pub(crate) fn take(request: &mut Request<Received>, allowed: bool) -> Result<Self, Problem> {
        let switch = request.extensions_mut().remove::<Switch>();
        let Some(switch) = switch.filter(|_| asks_for_websocket(request.headers())) else {
            return Ok(Self::default());
        };
        if !allowed {
            let detail = "There is no WebSocket at this path.";
            let problem = Problem::new(ErrorCode::Invalid, detail);
            return Err(problem.with_status(http::StatusCode::BAD_REQUEST));
        }
        if let Some(token) = query_token(request) {
            authorize(request.headers_mut(), &token)?;
        }
        let selects_protocol = protocol_token(request.headers_mut())?;
        Ok(Self {
            client: Some(switch),
            session: None,
            selects_protocol,
        })
    }

    /// Ends with this session or key.
    pub(crate) fn belong_to(&mut self, session: Option<Uuid>) {
        self.session = session;
    }

    /// Whether there is something.
    pub(crate) fn is_some(&self) -> bool {
        self.client.is_some()
    }

    /// Asks the upstream for the same.
    pub(crate) fn ask(&self, lines: &mut Vec<u8>) {
        if self.is_some() {
            lines::put(lines, CONNECTION, "upgrade");
            lines::put(lines, UPGRADE, "websocket");
        }
    }

    /// Joins the two connections when the upstream has agreed; the answer tells the client so.
    pub(crate) fn join(
        self,
        answer: Response<()>,
        upstream: Connection,
        endpoint: InFlight,
        gateway: &Gateway,
    ) -> Result<Response<Given>, Problem> {
        let Some(client) = self.client else {
            let detail = "The service switched protocols without being asked.";
            let problem = Problem::new(ErrorCode::Unavailable, detail);
            return Err(problem.with_status(http::StatusCode::BAD_GATEWAY));
        };
        let context = &gateway.context;
        let end = end(
            context.shutdown.clone(),
            gateway.door.revoked(),
            self.session,
        );
        context.spawn(async move {
            if let Err(error) = tunnel::run(client, upstream, end).await {
                tracing::debug!(%error, "a WebSocket ended");
            }
            drop(endpoint);
        });
        let mut response = answer.map(|()| Given::whole(Bytes::new()));
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if self.selects_protocol && !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        Ok(response)
    }
}

/// Waits for what ends a WebSocket that neither side ends.
async fn end(shutdown: CancellationToken, revoked: Revoked, session: Option<Uuid>) -> End {
    let revoked = async {
        match session {
            Some(session) => revoked.comes_to(session).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => End::Restart,
        () = revoked => End::Revoked,
    }
}

/// Takes the token out of the query, so that no log and no upstream sees it there.
fn query_token(request: &mut Request<Received>) -> Option<String> {
    let query = request.uri().query()?;
    let (tokens, rest): (Vec<_>, Vec<_>) = query
        .split('&')
        .partition(|pair| pair.starts_with(TOKEN_PARAMETER));
    let token = tokens.first()?.strip_prefix(TOKEN_PARAMETER)?.to_owned();
    let path = request.uri().path();
    let bare = if rest.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", rest.join("&"))
    };
    *request.uri_mut() = bare.parse().ok()?;
    Some(token)
}

/// Takes the token out of the subprotocols; whether one of ours was offered.
fn protocol_token(headers: &mut HeaderMap) -> Result<bool, Problem> {
    let offered: Vec<String> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|protocol| protocol.trim().to_owned())
        .collect();
    let ours = |protocol: &&String| *protocol == PROTOCOL || protocol.starts_with(TOKEN_PROTOCOL);
    if !offered.iter().any(|protocol| ours(&protocol)) {
        return Ok(false);
    }
    if let Some(token) = offered
        .iter()
        .find_map(|protocol| protocol.strip_prefix(TOKEN_PROTOCOL))
    {
        authorize(headers, token)?;
    }
    let others: Vec<_> = offered
        .iter()
        .filter(|protocol| !ours(protocol))
        .cloned()
        .collect();
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if let Ok(value) = HeaderValue::try_from(others.join(", "))
        && !others.is_empty()
    {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    Ok(offered.iter().any(|protocol| protocol == PROTOCOL))
}

fn authorize(headers: &mut HeaderMap, token: &str) -> Result<(), Problem> {
    if headers.contains_key(AUTHORIZATION) {
        return Ok(());
    }
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value
        .map_err(|_| Problem::new(ErrorCode::Unauthenticated, "The access token is not valid."))?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}
