//! The gateway through its front door: a real listener before a real upstream.

mod balancing;
mod coalescing;
mod credentials;
mod differential;
mod docs;
mod document;
mod files;
mod http2;
mod limits;
mod malformed;
mod one_connection;
mod proxying;
mod reload;
mod routes;
mod slow;
mod smuggling;
mod start;
mod support;
mod tls;
mod websocket;
