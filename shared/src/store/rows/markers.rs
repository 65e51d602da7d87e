//! Members with their read markers, as far as the reader of a room sees them, by the rule of [`read_marker_visibility`](crate::store::read_marker_visibility).

/// A statement over `members m` joined to `users u`, with the user's columns and the column `shows`: whether the reader of a room sees the markers of
/// `m`. These are inserted between two parts of the text; the values of each part follow that part.
macro_rules! query_with_markers {
    ($before:literal, [$($head:expr),* $(,)?], $room:expr, $after:literal, [$($tail:expr),* $(,)?]) => {
        sqlx::query!(
            $before
                + r#"
               u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at,
               (m.user_id = ? or ? and (? or u.presence_visibility = 'everyone' or u.presence_visibility = 'friends' and exists (
                    select 1 from friendships f
                    where f.user_low = least(m.user_id, ?) and f.user_high = greatest(m.user_id, ?) and f.state = 'accepted'))
                and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = ?)
                and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = m.user_id)) as "shows!: bool"
               "#
                + $after,
            $($head,)*
            $room.user().0,
            $room.member().is_some(),
            $room.kind != crate::protocol::rooms::RoomKind::Public,
            $room.user().0,
            $room.user().0,
            $room.user().0,
            $room.user().0,
            $($tail,)*
        )
    };
}
pub(in crate::store) use query_with_markers;
