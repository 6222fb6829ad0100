//! Sessions: begun with a sign-in, renewed with refresh tokens that are good for one use, ended by
//! their user or by a token that comes twice.

use sqlx::{PgConnection, PgPool};
use stoa_contracts::{Coded, ErrorCode};
use stoa_postgres::{DatabaseError, begin, traced};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{revocations, secrets, throttle, tokens::ACCESS_TTL};

/// How long a refresh token waits to be used.
pub(crate) const REFRESH_TTL: Duration = Duration::days(30);
/// How long a used refresh token buys once more, if what it bought was never used: the answer may
/// have been lost on its way. Longer than a client waits before it tries again.
const GRACE: Duration = Duration::seconds(10);
/// Open sessions of a user: more than anybody has devices and scripts. Those end first that were not renewed when their access
/// token ended, as a script leaves them behind, then those that were used the longest ago.
const MOST: i64 = 100;
/// Characters of a user agent that are kept.
const USER_AGENT: usize = 300;

/// Why a refresh token buys nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefreshError {
    #[error("The refresh token is not valid; sign in again.")]
    Refused,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Coded for RefreshError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused => ErrorCode::Unauthenticated,
            Self::Database(error) => error.code(),
        }
    }
}

/// Where a request came from, as far as it says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) address: Option<&'a str>,
}

/// A session that goes on.
pub(crate) struct Renewed {
    pub(crate) session: Uuid,
    pub(crate) user: Uuid,
    pub(crate) refresh_token: String,
}

/// A session that has begun, and what its user may do.
pub(crate) struct Begun {
    pub(crate) session: Renewed,
    pub(crate) account: Uuid,
    pub(crate) role: String,
}

/// Which sessions of a user are meant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    All,
    One(Uuid),
    These(&'a [Uuid]),
    AllBut(Uuid),
}

/// Begins a session of a user who has signed in, with a password if its hash is given. None, if the user is gone or the
/// password another since then: who changes a user ends the sessions that there are, and this would be one more.
pub(crate) async fn start(
    pool: &PgPool,
    user: Uuid,
    password_hash: Option<&str>,
    origin: Origin<'_>,
    now: OffsetDateTime,
) -> Result<Option<Begun>, DatabaseError> {
    let session = Uuid::now_v7();
    let mut transaction = begin(pool).await?;
    // Held until the session is there, for who changes the user to end, and for the next one to count.
    let select = sqlx::query!(
        "SELECT account_id, role FROM users
         WHERE id = $1 AND ($2::text IS NULL OR password_hash = $2) FOR NO KEY UPDATE",
        user,
        password_hash,
    );
    let found = traced("user.hold", select.fetch_optional(&mut *transaction)).await?;
    let Some(found) = found else { return Ok(None) };
    touch(&mut transaction, session, user, origin, now).await?;
    let refresh_token = issue(&mut transaction, (session, user), None, now).await?;
    end_more(&mut transaction, (session, user), now).await?;
    transaction.commit().await?;
    Ok(Some(Begun {
        session: Renewed {
            session,
            user,
            refresh_token,
        },
        account: found.account_id,
        role: found.role,
    }))
}

/// Uses a refresh token up and gives the next one.
///
/// A token that comes a second time was stolen by one of the two who sent it: the whole session
/// ends. Except within [`GRACE`], if what it bought has not been used: then another is given out in
/// place of that one, which ends the session should it ever come.
pub(crate) async fn renew(
    pool: &PgPool,
    token: &str,
    origin: Origin<'_>,
    now: OffsetDateTime,
) -> Result<Renewed, RefreshError> {
    let hash = secrets::digest(token);
    let mut transaction = begin(pool).await?;
    let spend = sqlx::query!(
        "UPDATE refresh_tokens SET used_at = $2
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
         RETURNING user_id, family",
        hash,
        now,
    );
    let first = traced("refresh_token.use", spend.fetch_optional(&mut *transaction)).await?;
    let owner = match first {
        Some(row) => Some((row.family, row.user_id)),
        None => once_more(&mut transaction, &hash, now).await?,
    };
    let Some((session, user)) = owner else {
        transaction.commit().await.map_err(DatabaseError::from)?;
        return Err(RefreshError::Refused);
    };
    // First: it waits for whoever is ending the session at this moment, and so learns of it.
    if !touch(&mut transaction, session, user, origin, now).await? {
        return Err(RefreshError::Refused);
    }
    let refresh_token = issue(&mut transaction, (session, user), Some(&hash), now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(Renewed {
        session,
        user,
        refresh_token,
    })
}

/// The session and user of a token that was used before, if it may buy once more; otherwise ends the session.
async fn once_more(
    transaction: &mut PgConnection,
    hash: &[u8],
    now: OffsetDateTime,
) -> Result<Option<(Uuid, Uuid)>, DatabaseError> {
    // One after the other, each after what the one before it has given out. No lock of a row: who ends the session locks
    // those of its tokens in any order.
    let lock = sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))",
        hash,
    );
    traced("refresh_token.lock", lock.execute(&mut *transaction)).await?;
    let select = sqlx::query!(
        r#"SELECT family, user_id, used_at AS "used_at!", replaced FROM refresh_tokens
           WHERE token_hash = $1 AND used_at IS NOT NULL"#,
        hash,
    );
    let found = traced(
        "refresh_token.get",
        select.fetch_optional(&mut *transaction),
    )
    .await?;
    let Some(row) = found else { return Ok(None) };
    if !row.replaced && row.used_at + GRACE > now {
        let replace = sqlx::query!(
            "UPDATE refresh_tokens SET used_at = $2, replaced = true
             WHERE parent_hash = $1 AND used_at IS NULL",
            hash,
            now,
        );
        let replaced = traced("refresh_token.replace", replace.execute(&mut *transaction)).await?;
        if replaced.rows_affected() == 1 {
            return Ok(Some((row.family, row.user_id)));
        }
    }
    end(transaction, row.user_id, Which::One(row.family), now).await?;
    tracing::warn!(session = %row.family, "a refresh token was used twice; its session has been ended");
    Ok(None)
}

/// Ends sessions of a user; their access tokens are refused from now on, too. Returns how many there were.
pub(crate) async fn end(
    transaction: &mut PgConnection,
    user: Uuid,
    which: Which<'_>,
    now: OffsetDateTime,
) -> Result<usize, DatabaseError> {
    let (these, but) = match &which {
        Which::All => (None, None),
        Which::One(session) => (Some(std::slice::from_ref(session)), None),
        Which::These(sessions) => (Some(*sessions), None),
        Which::AllBut(session) => (None, Some(*session)),
    };
    let delete = sqlx::query!(
        "DELETE FROM refresh_tokens WHERE user_id = $1
             AND ($2::uuid[] IS NULL OR family = ANY($2)) AND ($3::uuid IS NULL OR family <> $3)",
        user,
        these,
        but,
    );
    traced("refresh_token.delete", delete.execute(&mut *transaction)).await?;
    let update = sqlx::query_scalar!(
        "UPDATE sessions SET ended_at = $4 WHERE user_id = $1 AND ended_at IS NULL
             AND ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::uuid IS NULL OR id <> $3)
         RETURNING id",
        user,
        these,
        but,
        now,
    );
    let ended = traced("session.end", update.fetch_all(&mut *transaction)).await?;
    revocations::tell(transaction, &ended, now).await?;
    Ok(ended.len())
}

/// Ends the sessions of a user that are too many beside this new one.
async fn end_more(
    transaction: &mut PgConnection,
    (session, user): (Uuid, Uuid),
    now: OffsetDateTime,
) -> Result<(), DatabaseError> {
    let select = sqlx::query_scalar!(
        "SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND id <> $2
         ORDER BY (last_used_at > created_at OR created_at > $3) DESC, last_used_at DESC, id DESC OFFSET $4",
        user,
        session,
        now - ACCESS_TTL,
        MOST - 1,
    );
    let more = traced("session.more", select.fetch_all(&mut *transaction)).await?;
    if more.is_empty() {
        return Ok(());
    }
    end(transaction, user, Which::These(&more), now).await?;
    Ok(())
}

/// Stores that the session was used, and from where; false if it has ended. A replica of an earlier release may have begun
/// it without a row.
async fn touch(
    transaction: &mut PgConnection,
    session: Uuid,
    user: Uuid,
    origin: Origin<'_>,
    now: OffsetDateTime,
) -> Result<bool, DatabaseError> {
    let agent = origin
        .user_agent
        .map(|agent| agent.chars().take(USER_AGENT));
    let upsert = sqlx::query!(
        "INSERT INTO sessions (id, user_id, created_at, last_used_at, user_agent, address, first_network, network)
         VALUES ($1, $2, $3, $3, $4, $5, $6, $6)
         ON CONFLICT (id) DO UPDATE SET last_used_at = $3,
             user_agent = coalesce($4, sessions.user_agent), address = coalesce($5, sessions.address),
             network = coalesce($6, sessions.network)
         WHERE sessions.ended_at IS NULL",
        session,
        user,
        now,
        agent.map(String::from_iter),
        origin.address,
        origin.address.map(throttle::network),
    );
    let touched = traced("session.touch", upsert.execute(transaction)).await?;
    Ok(touched.rows_affected() == 1)
}

/// Stores a new refresh token of a session of a user, bought with `parent`, and returns it.
async fn issue(
    transaction: &mut PgConnection,
    (session, user): (Uuid, Uuid),
    parent: Option<&[u8]>,
    now: OffsetDateTime,
) -> Result<String, DatabaseError> {
    let token = secrets::random_token();
    let insert = sqlx::query!(
        "INSERT INTO refresh_tokens (token_hash, family, user_id, created_at, expires_at, parent_hash)
         VALUES ($1, $2, $3, $4, $5, $6)",
        secrets::digest(&token),
        session,
        user,
        now,
        now + REFRESH_TTL,
        parent,
    );
    traced("refresh_token.insert", insert.execute(transaction)).await?;
    Ok(token)
}
