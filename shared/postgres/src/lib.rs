//! PostgreSQL for a service that owns a database: pool, migrations, readiness, spans, cursors.
//!
//! A query goes through [`traced`], which gives it a `db.query` span and turns its error into a
//! [`DatabaseError`] with a meaning:
//!
//! ```no_run
//! # async fn f(pool: sqlx::PgPool) -> Result<(), stoa_postgres::DatabaseError> {
//! use stoa_postgres::traced;
//! let row = traced("note.count", sqlx::query("SELECT count(*) FROM notes").fetch_one(&pool)).await?;
//! # Ok(()) }
//! ```
//!
//! A transaction begins with [`begin`], which may be dropped at any moment.

mod cursor;
mod error;
mod migrate;
mod pool;
mod query;
mod readiness;
mod transaction;

pub use cursor::{Cursor, CursorError, into_page};
pub use error::DatabaseError;
pub use migrate::{MigrateError, migrate, refuse_pending};
pub use pool::{PostgresSettings, connect};
pub use query::traced;
pub use readiness::readiness;
pub use transaction::begin;
