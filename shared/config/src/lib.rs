//! stoa-config
