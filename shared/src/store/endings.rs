//! The end of sessions: one door for every way there is. What ends a session notes in the same transaction that its sockets are to be closed, and the
//! note goes once they are.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::protocol::endings::Cause;
use crate::store::Tx;
use crate::time::Timestamp;

/// Which sessions of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// This one.
    One(SessionId),
    /// Every one, with an account that ends as well. Nothing is left to the one that asks but to ask again until all is gone; its row stays for that.
    WithAccount {
        /// The one that asks, if it is one of theirs.
        asking: Option<SessionId>,
    },
}

/// An end of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Whose they are.
    pub user: UserId,
    /// Which of theirs.
    pub which: Which,
    /// Why.
    pub cause: Cause,
    /// When.
    pub now: Timestamp,
}

/// Sessions have ended; once that is committed, their sockets are to be closed (`domain::endings::close`). Should that be forgotten, or not happen, it
/// is done by the clock.
#[derive(Debug)]
#[must_use = "their sockets are still open"]
pub struct Ended {
    user: UserId,
    /// How many were live until then.
    pub sessions: u64,
}

impl Ended {
    /// Whose they were.
    pub fn user(&self) -> UserId {
        self.user
    }
}

/// A session whose sockets are to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The session.
    pub session: SessionId,
    /// Why it ended.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
}

/// A person with sockets to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Who.
    pub user: UserId,
    /// From when on; long ago unless it is an end by time.
    pub at: Timestamp,
}

// Instances' clocks differ, and what ended by an act has ended, whatever they say. Only an end by time can lie ahead: statements here and in
// `recipients` look at the time of those alone.

/// Ends sessions. The only statements that do.
pub async fn end(transaction: &mut Tx<'_>, ending: &Ending) -> Result<Ended> {
    let Ending { user, which, cause, now } = *ending;
    let (one, asking) = match which {
        Which::All => (None, None),
        Which::One(session) => (Some(session.0), None),
        Which::WithAccount { asking } => (None, asking.map(|session| session.0)),
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
        // What ended earlier in this transaction, for another reason, keeps its own. An end that lay ahead is now.
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
    Ok(Ended { user, sessions: done.rows_affected() })
}

/// Notes beforehand that a session will be over at a moment, unless it is refreshed until then.
pub async fn foresee(connection: &mut MySqlConnection, user: UserId, session: SessionId, at: Timestamp) -> Result<()> {
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

/// A person's sessions whose sockets are to be closed by now.
pub async fn pending(connection: &mut MySqlConnection, user: UserId, now: Timestamp) -> Result<Vec<Closing>> {
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
        .map(|row| Closing { session: SessionId(row.session_id), cause: Cause::of(&row.cause), at: Timestamp(row.ended_at) })
        .collect())
}

/// Why a session ended whose sockets are still to be closed.
pub async fn cause(connection: &mut MySqlConnection, session: SessionId) -> Result<Option<Cause>> {
    let name = sqlx::query_scalar!(r#"select cause as "cause: String" from session_closings where session_id = ?"#, session.0)
        .fetch_optional(connection)
        .await?;
    Ok(name.map(|name| Cause::of(&name)))
}

/// A page of those with something due by a moment, in the order of their ids, after `after`.
pub async fn due(connection: &mut MySqlConnection, by: Timestamp, after: UserId, limit: u32) -> Result<Vec<Due>> {
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
    Ok(rows.into_iter().map(|row| Due { user: UserId(row.user_id), at: Timestamp(row.at) }).collect())
}

/// The sockets of these sessions are closed.
pub async fn closed(connection: &mut MySqlConnection, sessions: &[SessionId]) -> Result<()> {
    let mut query = QueryBuilder::new("delete from session_closings where session_id in (0");
    for session in sessions {
        query.push(", ").push_bind(session.0);
    }
    query.push(")").build().execute(connection).await?;
    Ok(())
}
