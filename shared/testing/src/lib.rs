//! stoa-testing
