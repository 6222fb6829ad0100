//! stoa-client
