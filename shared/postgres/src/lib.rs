//! stoa-postgres
