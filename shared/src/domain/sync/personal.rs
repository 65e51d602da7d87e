//! The parts of the synchronisation that no room has: changed profiles of others, and what only the caller sees or sets.

use crate::caller::Caller;
use crate::domain::auth::sessions::ENDED;
use crate::error::{Error, Result};
use crate::id::Rev;
use crate::protocol::sync::{PrivateChanges, UserChange};
use crate::store::private_state::{self, HiddenAt};
use crate::store::{Handle, profile_changes, users};
use crate::time::Timestamp;

/// Most users whose profiles changed meanwhile, on the whole server; of these the caller's are picked.
const MAX_CHANGED_USERS: u32 = 1000;
/// Hidden messages per page.
const MAX_HIDDEN: u32 = 500;

/// Changed profiles of users that the caller may be showing.
pub(super) struct ChangedUsers {
    pub(super) users: Vec<UserChange>,
    pub(super) complete: bool,
}

impl ChangedUsers {
    /// Of a further page, to which the first has nothing to add.
    pub(super) const NONE: Self = Self { users: Vec::new(), complete: true };
}

/// Reads the changed profiles. Without a time nothing is known of what the caller holds.
pub(super) async fn changed_users(connection: &mut Handle, caller: &Caller, since: Option<Timestamp>) -> Result<ChangedUsers> {
    let unknown = ChangedUsers { users: Vec::new(), complete: false };
    let Some(since) = since else { return Ok(unknown) };
    let found = profile_changes::since(connection, caller.user, since, MAX_CHANGED_USERS).await?;
    Ok(found.map_or(unknown, |users| ChangedUsers { users, complete: true }))
}

/// Private changes, and whether more follow.
pub(super) struct PrivatePage {
    pub(super) changes: PrivateChanges,
    pub(super) more: bool,
}

/// Reads the private changes after a private rev.
pub(super) async fn private_changes(connection: &mut Handle, caller: &Caller, since: Rev) -> Result<PrivatePage> {
    // The counter is read first: rows of later changes come again.
    let account = users::account(connection, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
    let (me, revs) = (account.me, account.revs);
    let mut page = PrivatePage {
        changes: PrivateChanges {
            rev: revs.last,
            hidden: Vec::new(),
            me: (revs.me > since).then_some(me),
            blocks: revs.blocks > since,
        },
        more: false,
    };
    if revs.last > since {
        let mut limit = MAX_HIDDEN;
        let cut = loop {
            let rows = private_state::hidden_since(connection, caller.user, since, limit.saturating_add(1)).await?;
            if let Some(cut) = whole_revs(rows, limit) {
                break cut;
            }
            // Messages hidden before private revs were counted share one.
            limit = limit.saturating_mul(8);
        };
        page.more = cut.more;
        page.changes.rev = cut.hidden.last().filter(|_| cut.more).map_or(revs.last, |last| last.rev);
        page.changes.hidden = cut.hidden.into_iter().map(|hidden| hidden.message).collect();
    }
    Ok(page)
}

/// Hidden messages up to a private rev.
struct WholeRevs {
    hidden: Vec<HiddenAt>,
    more: bool,
}

/// Cuts rows, ascending by rev, to whole revs within the limit. Returns none when all rows share one.
fn whole_revs(mut rows: Vec<HiddenAt>, limit: u32) -> Option<WholeRevs> {
    if rows.len() <= limit as usize {
        return Some(WholeRevs { hidden: rows, more: false });
    }
    let open = rows.last()?.rev;
    rows.retain(|row| row.rev < open);
    (!rows.is_empty()).then_some(WholeRevs { hidden: rows, more: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{RoomId, Seq};
    use crate::protocol::sync::HiddenMessage;

    fn rows(revs: &[u64]) -> Vec<HiddenAt> {
        let message = HiddenMessage { room_id: RoomId(1), seq: Seq(1) };
        revs.iter().map(|rev| HiddenAt { message, rev: Rev(*rev) }).collect()
    }

    #[test]
    fn a_page_splits_no_rev() {
        let kept = |revs: &[u64], limit| {
            whole_revs(rows(revs), limit).map(|cut| (cut.hidden.iter().map(|row| row.rev.0).collect::<Vec<_>>(), cut.more))
        };
        assert_eq!(kept(&[], 2), Some((vec![], false)));
        assert_eq!(kept(&[1, 1], 2), Some((vec![1, 1], false)));
        assert_eq!(kept(&[1, 2, 3], 2), Some((vec![1, 2], true)));
        assert_eq!(kept(&[1, 2, 2], 2), Some((vec![1], true)));
        assert_eq!(kept(&[1, 1, 1], 2), None);
    }
}
