//! The audit log. An [`Operator`] proves the right to act, and each action writes its row in its own transaction.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{AuditId, ReportId, RoomId, UserId};
use crate::protocol::admin::AuditEntry;
use crate::store::rows::user::joined_user_of;
use crate::time::Timestamp;

/// Proof that the caller operates this deployment.
#[derive(Clone, Debug)]
pub struct Operator {
    user: Option<UserId>,
    ip: String,
    now: Timestamp,
}

impl Operator {
    /// The operator behind the command line or a direct function call, who appoints the first admin.
    pub fn console(now: Timestamp) -> Self {
        Self { user: None, ip: String::new(), now }
    }

    /// Returns the account; the console has none.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// Returns when the request was received.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// An action and its targets.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditRecord {
    pub action: &'static str,
    pub user: Option<UserId>,
    pub room: Option<RoomId>,
    pub report: Option<ReportId>,
}

/// Restricts the log to one operator, one target account, or both.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditFilter {
    pub actor: Option<UserId>,
    pub user: Option<UserId>,
}

/// Returns the caller as an operator if they have the role.
pub async fn find_operator(connection: &mut MySqlConnection, caller: &Caller, ip: &str) -> Result<Option<Operator>> {
    let found = sqlx::query_scalar!(
        "select id from users where id = ? and role = 'admin' and disabled_at is null and deleted_at is null",
        caller.user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|_| Operator { user: Some(caller.user), ip: ip.to_owned(), now: caller.now }))
}

/// Like [`find_operator`], with the operator's row locked: when two operators demote each other, the second fails.
pub async fn lock_operator(transaction: &mut MySqlConnection, caller: &Caller, ip: &str) -> Result<Option<Operator>> {
    let found = sqlx::query_scalar!(
        "select id from users where id = ? and role = 'admin' and disabled_at is null and deleted_at is null for update",
        caller.user.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(found.map(|_| Operator { user: Some(caller.user), ip: ip.to_owned(), now: caller.now }))
}

/// Writes an action to the log.
pub async fn insert(transaction: &mut MySqlConnection, by: &Operator, act: &AuditRecord) -> Result<()> {
    let AuditRecord { action, user, room, report } = *act;
    sqlx::query!(
        "insert into audit (at, actor_id, action, user_id, room_id, report_id, ip) values (?, ?, ?, ?, ?, ?, ?)",
        by.now.0,
        by.user.map(|user| user.0),
        action,
        user.map(|user| user.0),
        room.map(|room| room.0),
        report.map(|report| report.0),
        // The column holds 45 ASCII characters, the longest form of an address.
        by.ip.chars().filter(char::is_ascii).take(45).collect::<String>(),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Returns a page of entries before `before`, newest first.
pub async fn list(
    connection: &mut MySqlConnection,
    _: &Operator,
    filter: AuditFilter,
    before: AuditId,
    limit: u32,
) -> Result<Vec<AuditEntry>> {
    let rows = sqlx::query!(
        r#"
        select a.id, a.at, a.action as "action: String", a.room_id, a.report_id, a.ip as "ip: String",
               u.id as "u_id?", u.username as "u_username?", u.display_name as "u_display_name?", u.about as "u_about?",
               u.avatar_upload as "u_avatar?", u.created_at as "u_created_at?",
               t.id as "t_id?", t.username as "t_username?", t.display_name as "t_display_name?", t.about as "t_about?",
               t.avatar_upload as "t_avatar?", t.created_at as "t_created_at?"
        from audit a
        left join users u on u.id = a.actor_id
        left join users t on t.id = a.user_id
        where a.id < ? and (? is null or a.actor_id = ?) and (? is null or a.user_id = ?)
        order by a.id desc
        limit ?
        "#,
        before.0,
        filter.actor.map(|user| user.0),
        filter.actor.map(|user| user.0),
        filter.user.map(|user| user.0),
        filter.user.map(|user| user.0),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AuditEntry {
            id: AuditId(row.id),
            at: Timestamp(row.at),
            actor: joined_user_of!(row, u_id, u_username, u_display_name, u_about, u_avatar, u_created_at),
            action: row.action,
            user: joined_user_of!(row, t_id, t_username, t_display_name, t_about, t_avatar, t_created_at),
            room_id: row.room_id.map(RoomId),
            report_id: row.report_id.map(ReportId),
            ip: row.ip,
        })
        .collect())
}
