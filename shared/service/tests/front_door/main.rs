//! The service kit through the front door: real listeners, real requests.

mod body;
mod drain;
mod guard;
mod identity;
mod observe;
mod routes;
