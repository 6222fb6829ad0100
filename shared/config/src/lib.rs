//! Configuration from the environment, read once at start.
//!
//! A part of the configuration is a struct that implements [`Settings`]. Reading it declares each
//! key with its help text, so the same code gives the values, the list of everything that is wrong,
//! and the reference that `BINARY --help` prints:
//!
//! ```
//! use std::time::Duration;
//! use stoa_config::{Env, Settings};
//!
//! struct Cache { url: String, ttl: Duration }
//!
//! impl Settings for Cache {
//!     fn read(env: &mut Env) -> Option<Self> {
//!         let url = env.text("CACHE_URL", "where the cache answers").required();
//!         let ttl = env.duration("CACHE_TTL", "how long an entry lives").default("30s").read();
//!         Some(Self { url: url?, ttl: ttl? })
//!     }
//! }
//!
//! let cache = Env::from_pairs([("CACHE_URL", "redis://cache")]).load::<Cache>()?;
//! assert_eq!(cache.ttl, Duration::from_secs(30));
//! # Ok::<(), stoa_config::Problems>(())
//! ```
//!
//! Read every key first and use `?` only when the struct is put together: this is what lets all
//! the problems come at once.

mod env;
mod internal_token;
mod parse;
mod problems;
mod reference;
mod setting;

pub use env::Env;
pub use internal_token::InternalToken;
pub use parse::{duration as parse_duration, size as parse_size};
pub use problems::Problems;
pub use secrecy::{ExposeSecret, SecretString};
pub use setting::{Defaulted, Setting};

/// The exit code of a process whose configuration is wrong (`EX_USAGE` of `sysexits.h`).
pub const EXIT_CODE: u8 = 64;

/// A part of the configuration that knows how to read itself.
pub trait Settings: Sized {
    /// Reads every key; `None` when a key had a problem, which `env` then holds.
    fn read(env: &mut Env) -> Option<Self>;
}

/// Nothing to configure.
impl Settings for () {
    fn read(_: &mut Env) -> Option<Self> {
        Some(())
    }
}

/// Reads `S` from the environment of this process.
pub fn load<S: Settings>() -> Result<S, Problems> {
    Env::from_process().load()
}

/// The table of every key that `S` reads, for `--help`.
pub fn reference<S: Settings>() -> String {
    reference::table::<S>()
}
