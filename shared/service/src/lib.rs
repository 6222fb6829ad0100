//! stoa-service
