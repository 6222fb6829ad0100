//! The gateway through its front door: a real listener before a real upstream.

mod balancing;
mod coalescing;
mod credentials;
mod docs;
mod document;
mod limits;
mod proxying;
mod reload;
mod routes;
mod smuggling;
mod start;
mod support;
mod websocket;
