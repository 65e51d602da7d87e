//! Contact rules: whether one user may reach another, used by every operation that lets them.
//!
//! A block separates two users in both directions without revealing who made it. Neither can add or mention the other, request friendship, open
//! or write in a direct room, notify, or see presence, receipts and typing. In shared rooms they still see the messages. Without a block, a
//! user's settings say who may add them to rooms; others can only invite them. Contacting strangers takes from a small budget.

use crate::caller::Caller;
use crate::domain::rooms::invitations::{MAX_PENDING, MAX_PENDING_OF_INVITER};
use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::Visibility;
use crate::push::Push;
use crate::push::contact_counters::Contacts;
use crate::store::contact_relations::{self as store, Relation};
use crate::store::{Db, Handle, friendships, invitations};
use crate::time::Timestamp;

/// The refusal, which is the same for every reason.
pub(crate) const NOT_REACHABLE: &str = "not_reachable";

/// How a user can be brought into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContactKind {
    Added,
    Invited,
    Refused,
}

/// The relations between the caller and other users.
pub(crate) struct ContactPolicy(Vec<Relation>);

impl ContactPolicy {
    pub(crate) async fn of(connection: &mut Handle, caller: &Caller, users: &[UserId]) -> Result<Self> {
        Ok(Self(store::relations(connection, caller.user, users).await?))
    }

    /// Returns how a user can be brought into a room. `left` means that they left it themselves.
    pub(crate) fn kind_for(&self, user: UserId, left: bool) -> ContactKind {
        match self.0.iter().find(|relation| relation.user == user) {
            None | Some(Relation { blocked: true, .. }) => ContactKind::Refused,
            Some(relation) if !left && accepts_additions(relation) => ContactKind::Added,
            Some(relation) if relation.pending >= MAX_PENDING || relation.pending_of_user >= MAX_PENDING_OF_INVITER => {
                ContactKind::Refused
            }
            Some(_) => ContactKind::Invited,
        }
    }
}

fn accepts_additions(relation: &Relation) -> bool {
    match relation.added_by {
        Visibility::Everyone => true,
        Visibility::Friends => relation.friends,
        Visibility::Nobody => false,
    }
}

/// Returns whether a user is new to the caller. Sharing a room that the caller created does not count as acquaintance.
fn is_stranger(relation: &Relation) -> bool {
    !relation.friends && !relation.acquainted && !relation.blocked
}

/// Charges the contact budget for the strangers among `users`, and for `more`.
pub(crate) async fn charge(db: &Db, push: &Push, caller: &Caller, users: &[UserId], more: u32) -> Result<()> {
    let others: Vec<_> = users.iter().copied().filter(|user| *user != caller.user).collect();
    let mut connection = db.acquire().await?;
    let relations = store::relations(&mut connection, caller.user, &others).await?;
    drop(connection);
    let strangers: Vec<_> = relations.iter().filter(|relation| is_stranger(relation)).map(|relation| relation.user).collect();
    if strangers.is_empty() && more == 0 {
        return Ok(());
    }
    push.count_contacts(caller.user, Contacts { strangers: &strangers, extra: more }, caller.now).await
}

/// Deletes expired pauses.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<()> {
    while invitations::sweep(&mut *db.acquire().await?, now).await? > 0 {}
    while friendships::sweep(&mut *db.acquire().await?, now).await? > 0 {}
    Ok(())
}
