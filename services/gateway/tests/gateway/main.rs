//! The gateway through its front door: a real listener before a real upstream.

mod balancing;
mod credentials;
mod document;
mod files;
mod http2;
mod limits;
mod malformed;
mod proxying;
mod slow;
mod smuggling;
mod start;
mod support;
mod tls;
mod websocket;
