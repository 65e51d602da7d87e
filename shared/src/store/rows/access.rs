//! A room with a user's membership, as access checks read them: one column list for every statement, and one conversion, `AccessRow::access`.

use crate::id::{Rev, Seq};

/// Selects the columns of [`AccessRow`] except `blocked` and `last_hidden_seq`, over `rooms r` and `members m`; the parts continue the statement after the last comma. Returns
/// rows for [`access_of`].
macro_rules! query_access {
    ($($part:literal)+, $($value:expr),* $(,)?) => {
        sqlx::query!(
            r#"
            select r.id as room_id, r.kind as "kind: String", r.last_seq, r.rev, r.archived_at, r.slow_mode_seconds,
                   r.last_uncounted_seq as "last_uncounted_seq!: u64",
                   r.who_writes as "who_writes: String", r.who_adds as "who_adds: String",
                   r.past_members_read as "past_members_read: bool",
                   r.count_system_messages as "count_system_messages: bool", m.role as "role?: String", m.state as "state?: String",
                   m.visible_from_seq as "visible_from_seq?", m.left_seq as "left_seq?", m.past_rev as "past_rev?",
                   m.past_at as "past_at?", m.read_seq as "read_seq?", m.delivered_seq as "delivered_seq?",
                   m.allowance as "allowance?", m.allowance_at as "allowance_at?", m.change_allowance as "change_allowance?",
                   m.change_allowance_at as "change_allowance_at?",
            "# $(+ $part)+,
            $($value),*
        )
    };
}
pub(in crate::store) use query_access;

/// Like [`query_access`], with `blocked`: whether a block parts the two users of a direct room; and `last_hidden_seq`: the last message that the user
/// hid in the room, 0 without one.
macro_rules! query_access_and_block {
    ($($part:literal)+, $($value:expr),* $(,)?) => {
        crate::store::rows::access::query_access!(
            r#"
            case when r.kind = 'direct' then exists (
                select 1 from members d
                where d.room_id = r.id and d.user_id <> m.user_id
                  and (exists (select 1 from blocks b where b.user_id = d.user_id and b.blocked_id = m.user_id)
                       or exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = d.user_id))
            ) else 0 end as "blocked!: i64",
            cast(coalesce((select h.seq from hidden_messages h where h.user_id = m.user_id and h.room_id = r.id order by h.seq desc limit 1), 0)
                 as unsigned) as "last_hidden_seq!: u64"
            "# $($part)+,
            $($value),*
        )
    };
}
pub(in crate::store) use query_access_and_block;

/// The columns of [`AccessRow`] for generated statements, except `blocked` and `last_hidden_seq`, which sending does not need.
pub(in crate::store) const ACCESS: &str = "\
    r.id as room_id, r.kind, r.last_seq, r.rev, \
    r.last_uncounted_seq, \
    r.archived_at, r.slow_mode_seconds, r.who_writes, r.who_adds, \
    r.past_members_read, r.count_system_messages, m.role, m.state, m.visible_from_seq, m.left_seq, \
    m.past_rev, m.past_at, m.read_seq, m.delivered_seq, m.allowance, m.allowance_at, m.change_allowance, m.change_allowance_at";

/// The value of `blocked` for generated statements: the same as in [`query_access_and_block`].
pub(in crate::store) const BLOCKED: &str = "\
    cast(case when r.kind = 'direct' then exists ( \
        select 1 from members d \
        where d.room_id = r.id and d.user_id <> m.user_id \
          and (exists (select 1 from blocks b where b.user_id = d.user_id and b.blocked_id = m.user_id) \
               or exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = d.user_id)) \
    ) else 0 end as signed)";

/// Converts a row of [`query_access`] to an [`AccessRow`]; of [`query_access_and_block`] with what the user hid.
macro_rules! access_of {
    ($row:expr) => {
        crate::store::rows::access::access_of!($row, 0)
    };
    ($row:expr, $last_hidden_seq:expr) => {
        crate::store::rows::access::AccessRow {
            last_hidden_seq: $last_hidden_seq,
            room_id: $row.room_id,
            kind: $row.kind,
            last_seq: $row.last_seq.into(),
            rev: $row.rev.into(),
            last_uncounted_seq: $row.last_uncounted_seq.into(),
            archived_at: $row.archived_at,
            slow_mode_seconds: $row.slow_mode_seconds,
            who_writes: $row.who_writes,
            who_adds: $row.who_adds,
            past_members_read: $row.past_members_read,
            count_system_messages: $row.count_system_messages,
            blocked: $row.blocked,
            role: $row.role,
            state: $row.state,
            visible_from_seq: $row.visible_from_seq,
            left_seq: $row.left_seq,
            past_rev: $row.past_rev,
            past_at: $row.past_at,
            read_seq: $row.read_seq,
            delivered_seq: $row.delivered_seq,
            allowance: $row.allowance,
            allowance_at: $row.allowance_at,
            change_allowance: $row.change_allowance,
            change_allowance_at: $row.change_allowance_at,
        }
    };
}
pub(in crate::store) use access_of;

/// A row of `rooms`, left-joined to the user's row of `members`.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct AccessRow {
    pub(in crate::store) room_id: u64,
    pub(in crate::store) kind: String,
    #[sqlx(try_from = "u64")]
    pub(in crate::store) last_seq: Seq,
    #[sqlx(try_from = "u64")]
    pub(in crate::store) rev: Rev,
    #[sqlx(try_from = "u64")]
    pub(in crate::store) last_uncounted_seq: Seq,
    #[sqlx(default)]
    pub(in crate::store) last_hidden_seq: u64,
    pub(in crate::store) archived_at: Option<i64>,
    pub(in crate::store) slow_mode_seconds: u32,
    pub(in crate::store) who_writes: String,
    pub(in crate::store) who_adds: String,
    pub(in crate::store) past_members_read: bool,
    pub(in crate::store) count_system_messages: bool,
    pub(in crate::store) blocked: i64,
    pub(in crate::store) role: Option<String>,
    pub(in crate::store) state: Option<String>,
    pub(in crate::store) visible_from_seq: Option<u64>,
    pub(in crate::store) left_seq: Option<u64>,
    pub(in crate::store) past_rev: Option<u64>,
    pub(in crate::store) past_at: Option<i64>,
    pub(in crate::store) read_seq: Option<u64>,
    pub(in crate::store) delivered_seq: Option<u64>,
    pub(in crate::store) allowance: Option<i32>,
    pub(in crate::store) allowance_at: Option<i64>,
    pub(in crate::store) change_allowance: Option<i32>,
    pub(in crate::store) change_allowance_at: Option<i64>,
}
