//! Whether one person may reach another: the rule that stands between two people, asked by whatever lets one reach the other.
//!
//! A block parts two people in both directions, and nothing tells who made it: neither adds or mentions the other, asks for friendship, opens or
//! writes in a direct room, sees whether the other is there, how far they have read or that they write, or has them notified. In rooms that both
//! are in they still see what everybody there sees. Without a block a person says who may add them to rooms; whoever else wants to,
//! asks. And whoever reaches strangers does so within a small budget.

use crate::caller::Caller;
use crate::domain::invitations::MOST_PENDING;
use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::Visibility;
use crate::push::Push;
use crate::push::reach::Reached;
use crate::store::reach::{self as store, Relation};
use crate::store::{Db, Handle, friendships, invitations};
use crate::time::Timestamp;

/// What somebody who cannot be reached is refused with, for whatever reason.
pub(super) const NOT_REACHABLE: &str = "not_reachable";

/// How somebody comes into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// They are a member from now on.
    Added,
    /// They are asked.
    Asked,
    /// Not at all.
    Refused,
}

/// How people stand to the one who wants to reach them.
pub(super) struct Reach(Vec<Relation>);

impl Reach {
    /// Reads it.
    pub(super) async fn of(connection: &mut Handle, caller: &Caller, users: &[UserId]) -> Result<Self> {
        Ok(Self(store::relations(connection, caller.user, users).await?))
    }

    /// How this one comes into a room that they left by themselves, or never did.
    pub(super) fn way(&self, user: UserId, left: bool) -> Way {
        match self.0.iter().find(|relation| relation.user == user) {
            None | Some(Relation { parted: true, .. }) => Way::Refused,
            Some(relation) if !left && admits(relation) => Way::Added,
            Some(relation) if relation.pending >= MOST_PENDING => Way::Refused,
            Some(_) => Way::Asked,
        }
    }
}

fn admits(relation: &Relation) -> bool {
    match relation.added_by {
        Visibility::Everyone => true,
        Visibility::Friends => relation.friends,
        Visibility::Nobody => false,
    }
}

/// Somebody new to the person who wants to reach them. Whom they had put into a room of theirs is no less a stranger for that.
fn is_stranger(relation: &Relation) -> bool {
    !relation.friends && !relation.acquainted && !relation.parted
}

/// Counts an act against what one may reach of strangers: these people, as far as they are, and what the act costs besides.
pub(super) async fn spend(db: &Db, push: &Push, caller: &Caller, users: &[UserId], more: u32) -> Result<()> {
    let others: Vec<_> = users.iter().copied().filter(|user| *user != caller.user).collect();
    let mut connection = db.acquire().await?;
    let relations = store::relations(&mut connection, caller.user, &others).await?;
    drop(connection);
    let strangers: Vec<_> = relations.iter().filter(|relation| is_stranger(relation)).map(|relation| relation.user).collect();
    if strangers.is_empty() && more == 0 {
        return Ok(());
    }
    push.reach(caller.user, Reached { strangers: &strangers, more }, caller.now).await
}

/// Forgets pauses that are over.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<()> {
    while invitations::sweep(&mut *db.acquire().await?, now).await? > 0 {}
    while friendships::sweep(&mut *db.acquire().await?, now).await? > 0 {}
    Ok(())
}
