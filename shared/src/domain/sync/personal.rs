//! The parts of the synchronisation that no room has: changed profiles of others, and what only the caller sees or sets.

use crate::caller::Caller;
use crate::domain::auth::sessions::ENDED;
use crate::error::{Error, Result};
use crate::id::Rev;
use crate::protocol::sync::{PrivateChanges, UserChange};
use crate::store::{Handle, private_state, profile_changes, users};
use crate::time::Timestamp;

/// Most users whose profiles changed meanwhile, on the whole server; of these the caller's are picked.
const MAX_CHANGED_USERS: u32 = 200;
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

/// Reads the private changes after a private rev. Without one nothing is known of what the caller holds, and nothing hidden is read anew.
pub(super) async fn private_changes(connection: &mut Handle, caller: &Caller, since: Option<Rev>) -> Result<PrivatePage> {
    // The counter is read first: rows of later changes come again.
    let account = users::account(connection, caller.user).await?.ok_or(Error::Unauthenticated(ENDED))?;
    let (me, revs, known) = (account.me, account.revs, since.unwrap_or(Rev(0)));
    let mut hidden = match since {
        Some(since) if revs.last > since => {
            private_state::hidden_since(connection, caller.user, since, MAX_HIDDEN.saturating_add(1)).await?
        }
        _ => Vec::new(),
    };
    let more = hidden.len() > MAX_HIDDEN as usize;
    hidden.truncate(MAX_HIDDEN as usize);
    let rev = hidden.last().filter(|_| more).map_or(revs.last, |last| last.rev);
    Ok(PrivatePage {
        changes: PrivateChanges {
            rev,
            hidden: hidden.into_iter().map(|hidden| hidden.message).collect(),
            me: (revs.me > known).then_some(me),
            blocks: revs.blocks > known,
        },
        more,
    })
}
