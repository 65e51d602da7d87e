//! Ended sessions whose sockets are still open. [`end`] is the only way to end a session: it records the closing in the same transaction, and the
//! record is deleted once the sockets are closed.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::protocol::session_end_cause::Cause;
use crate::store::Tx;
use crate::time::Timestamp;

/// Selects sessions of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionSelection {
    All,
    One(SessionId),
    /// All, because the account is deleted. The calling session keeps its row, so that it can repeat the request until erasure completes.
    WithAccount {
        /// The calling session, if it belongs to the user.
        asking: Option<SessionId>,
    },
}

/// A request to end sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnding {
    pub user: UserId,
    pub selection: SessionSelection,
    pub cause: Cause,
    pub now: Timestamp,
}

/// Sessions that ended. After the commit, `domain::session_closings::close` closes their sockets; a scheduled task closes those that remain.
#[derive(Debug)]
#[must_use = "their sockets are still open"]
pub struct EndedSessions {
    user: UserId,
    /// Number of sessions that were live before.
    pub sessions: u64,
}

impl EndedSessions {
    pub fn user(&self) -> UserId {
        self.user
    }
}

/// A session whose sockets are to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionClosing {
    pub session: SessionId,
    pub cause: Cause,
    pub at: Timestamp,
}

/// A user with sockets to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueUser {
    pub user: UserId,
    /// When closing is due; 0 unless the session expires.
    pub at: Timestamp,
}

// Clocks of instances differ, so a session ended by an action counts as ended at any clock reading. Only expiry can lie in the future: statements
// here and in `recipients` compare the time of expiries alone.

/// Ends sessions. No other statement does.
pub async fn end(transaction: &mut Tx<'_>, ending: &SessionEnding) -> Result<EndedSessions> {
    let SessionEnding { user, selection, cause, now } = *ending;
    let (one, asking) = match selection {
        SessionSelection::All => (None, None),
        SessionSelection::One(session) => (Some(session.0), None),
        SessionSelection::WithAccount { asking } => (None, asking.map(|session| session.0)),
    };
    let done = sqlx::query!(
        r#"
        update sessions
        set revoked_at = ?
        where user_id = ? and id = coalesce(?, id) and id <> coalesce(?, 0) and revoked_at is null and expires_at > ?
        "#,
        now.0,
        user.0,
        one,
        asking,
        now.0,
    )
    .execute(&mut **transaction)
    .await?;
    if done.rows_affected() > 0 || asking.is_some() {
        // Sessions that ended earlier in this transaction keep their cause; a scheduled expiry is replaced.
        sqlx::query!(
            r#"
            insert into session_closings (session_id, user_id, cause, ended_at)
            select id, user_id, ?, ?
            from sessions
            where user_id = ? and id = coalesce(?, id) and (revoked_at = ? or id = coalesce(?, 0))
            on duplicate key update cause = if(session_closings.ended_at > values(ended_at), values(cause), session_closings.cause),
                                    ended_at = least(session_closings.ended_at, values(ended_at))
            "#,
            cause.name(),
            now.0,
            user.0,
            one,
            now.0,
            asking,
        )
        .execute(&mut **transaction)
        .await?;
    }
    Ok(EndedSessions { user, sessions: done.rows_affected() })
}

/// Records the expiry of a session in advance; a refresh moves it.
pub async fn schedule_expiry(connection: &mut MySqlConnection, user: UserId, session: SessionId, at: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        insert into session_closings (session_id, user_id, cause, ended_at) values (?, ?, ?, ?)
        on duplicate key update ended_at = least(session_closings.ended_at, values(ended_at))
        "#,
        session.0,
        user.0,
        Cause::Expired.name(),
        at.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns a user's sessions whose sockets are due to be closed.
pub async fn pending(connection: &mut MySqlConnection, user: UserId, now: Timestamp) -> Result<Vec<SessionClosing>> {
    let rows = sqlx::query!(
        r#"
        select session_id, cause as "cause: String", ended_at
        from session_closings
        where user_id = ? and (ended_at <= ? or cause <> 'expired')
        "#,
        user.0,
        now.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SessionClosing {
            session: SessionId(row.session_id),
            cause: Cause::of(&row.cause),
            at: Timestamp(row.ended_at),
        })
        .collect())
}

/// Returns why a session ended, while its sockets are still to be closed.
pub async fn cause(connection: &mut MySqlConnection, session: SessionId) -> Result<Option<Cause>> {
    let name = sqlx::query_scalar!(r#"select cause as "cause: String" from session_closings where session_id = ?"#, session.0)
        .fetch_optional(connection)
        .await?;
    Ok(name.map(|name| Cause::of(&name)))
}

/// Returns a page of users with closings due at `by`, by ascending id, after `after`.
pub async fn list_due(connection: &mut MySqlConnection, by: Timestamp, after: UserId, limit: u32) -> Result<Vec<DueUser>> {
    let rows = sqlx::query!(
        r#"
        select user_id, min(if(cause = 'expired', ended_at, 0)) as "at!: i64"
        from session_closings
        where ended_at <= ? and user_id > ?
        group by user_id
        order by user_id
        limit ?
        "#,
        by.0,
        after.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| DueUser { user: UserId(row.user_id), at: Timestamp(row.at) }).collect())
}

/// Deletes the records of sessions whose sockets are closed.
pub async fn delete(connection: &mut MySqlConnection, sessions: &[SessionId]) -> Result<()> {
    let mut query = QueryBuilder::new("delete from session_closings where session_id in (0");
    for session in sessions {
        query.push(", ").push_bind(session.0);
    }
    query.push(")").build().execute(connection).await?;
    Ok(())
}
