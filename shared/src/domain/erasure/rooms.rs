//! Erasure of a user from one room: ownership passes on, texts lose the name, and members get every change.

use crate::caller::Caller;
use crate::domain::erasure::{DeletedUser, redact};
use crate::domain::messages::push_to_members;
use crate::domain::rooms::changes::RoomChanges;
use crate::domain::rooms::require_member;
use crate::error::{Error, Result};
use crate::id::{Head, MessageRef, Rev, RoomId, RoomRef, Seq};
use crate::protocol::frames::Frame;
use crate::protocol::rooms::{Role, RoomKind};
use crate::push::Push;
use crate::store::erasure::{self as store, DELETED_USER, ErasureRoom};
use crate::store::members::{self, Access, Readable};
use crate::store::redaction::{self, NamedText};
use crate::store::{
    Db, Tx, avatars, invite_codes, membership_changes, report_evidence, room_settings, search_index, transaction,
};

/// Seqs searched per statement.
const SEQS_PER_QUERY: u64 = 20_000;
/// Mentions removed per transaction.
const MENTIONS_PER_BATCH: u32 = 200;

/// Removes the user from a room: membership, name, receipts. A private room without other members is deleted as a whole; any other keeps the
/// avatar that the user uploaded.
pub(super) async fn erase_from_room(db: &Db, push: &Push, user: &DeletedUser, room: RoomId) -> Result<()> {
    let deleted_user = &user.caller;
    let (locked, changes) = transaction!(db, |tx| leave_room(tx, deleted_user, room).await)?;
    changes.push(db, push, deleted_user.now).await?;
    if !locked.shared && locked.kind != RoomKind::Public {
        while store::purge_batch(&mut *db.acquire().await?, room).await? {}
        store::purge_row(&mut *db.acquire().await?, room, deleted_user.now).await?;
    } else {
        redact_system_messages(db, push, user, &locked).await?;
        while redact_mentions(db, push, user, room).await? {}
        redact_edit_history(db, &user.former_name, room).await?;
        redact_evidence(db, &user.former_name, room).await?;
        while redaction::delete_client_ids_and_receipts(&mut *db.acquire().await?, room, deleted_user.user).await? {}
        if locked.alive {
            avatars::leave_to_room(&mut *db.acquire().await?, room, deleted_user.user).await?;
        }
    }
    store::scrub_membership(&mut *db.acquire().await?, &locked, deleted_user.user).await
}

/// Removes the user's name from forwarded messages in one room. Returns false when none are left.
pub(super) async fn anonymize_forwards(db: &Db, push: &Push, deleted_user: &Caller) -> Result<bool> {
    let room = redaction::find_forwarding_room(&mut *db.acquire().await?, deleted_user.user).await?;
    let Some(room) = room else { return Ok(false) };
    let (locked, rev) = transaction!(db, |tx| {
        let locked = lock_room(tx, room, deleted_user).await?;
        let rev = locked.head.rev.next();
        redaction::redact_forwards(tx, room, deleted_user.user, rev).await?;
        redaction::set_rev(tx, room, rev, deleted_user.now).await?;
        Ok((locked, rev))
    })?;
    push_change(db, push, &locked, rev, deleted_user).await.map(|()| true)
}

/// Ends the membership. The last owner's role passes on; a direct room is archived.
async fn leave_room(tx: &mut Tx<'_>, deleted_user: &Caller, room: RoomId) -> Result<(ErasureRoom, RoomChanges)> {
    let locked = lock_room(tx, room, deleted_user).await?;
    let mut changes = RoomChanges::at(room, locked.head);
    let access = if locked.alive { members::lock(tx, &RoomRef::Id(room), deleted_user.user).await? } else { None };
    let Some(Access::Readable(readable)) = access else { return Ok((locked, changes)) };
    let Some(member) = readable.member() else { return Ok((locked, changes)) };
    if locked.kind == RoomKind::Direct {
        archive_direct_room(tx, deleted_user, &locked, &mut changes).await?;
    } else if member.role == Role::Owner {
        transfer_ownership(tx, deleted_user, &locked, &readable, &mut changes).await?;
    }
    let rev = changes.next_rev();
    membership_changes::end(tx, member, deleted_user.user, Head { seq: locked.head.seq, rev }, deleted_user.now).await?;
    changes.add_left(deleted_user.user);
    if locked.kind != RoomKind::Direct {
        changes.add_system_message(tx, deleted_user, "member.left", &format!("{DELETED_USER} left")).await?;
    }
    changes.write(tx, deleted_user.now).await?;
    Ok((locked, changes))
}

async fn archive_direct_room(
    tx: &mut Tx<'_>,
    deleted_user: &Caller,
    locked: &ErasureRoom,
    changes: &mut RoomChanges,
) -> Result<()> {
    let mut facts = room_settings::room_profile(tx, locked.room).await?.ok_or(Error::NotFound("room_not_found"))?;
    if !facts.settings.archived {
        facts.settings.archived = true;
        let rev = changes.next_rev();
        store::archive(tx, locked, deleted_user.now).await?;
        changes.add_frame(Frame::RoomChanged { room_id: locked.room, rev, room: Box::new(facts) });
    }
    Ok(())
}

async fn transfer_ownership(
    tx: &mut Tx<'_>,
    deleted_user: &Caller,
    locked: &ErasureRoom,
    readable: &Readable,
    changes: &mut RoomChanges,
) -> Result<()> {
    let member = require_member(readable)?;
    if membership_changes::count_others(tx, member, deleted_user.user).await?.owners > 0 {
        return Ok(());
    }
    let Some(successor) = store::find_successor(tx, locked, deleted_user.user).await? else {
        return invite_codes::revoke_all(tx, member, deleted_user.now).await;
    };
    let rev = changes.next_rev();
    membership_changes::set_role(tx, member, successor, Role::Owner, rev).await?;
    let owner = members::find(tx, readable, successor).await?.ok_or(Error::NotFound("member_not_found"))?;
    changes.add_frame(Frame::member_updated(locked.room, rev, owner));
    Ok(())
}

/// Removes the name from system messages, in strides of seqs.
async fn redact_system_messages(db: &Db, push: &Push, user: &DeletedUser, locked: &ErasureRoom) -> Result<()> {
    let DeletedUser { caller: deleted_user, former_name: name } = user;
    let pattern = like_pattern("", name);
    let mut first = Seq(1);
    while first <= locked.head.seq {
        let part = first..=Seq(first.0 + SEQS_PER_QUERY - 1);
        let mut found =
            redaction::system_messages(&mut *db.acquire().await?, locked.room, part, deleted_user.user, &pattern).await?;
        found.retain_mut(|trace| replace_text(trace, |trace| redact::system_message(&trace.content, name, trace.is_actor)));
        if !found.is_empty() {
            // System messages never change otherwise, so the text that was read is current.
            let (locked, rev) = transaction!(db, |tx| write_texts(tx, deleted_user, locked.room, &found).await)?;
            push_change(db, push, &locked, rev, deleted_user).await?;
        }
        first = Seq(first.0 + SEQS_PER_QUERY);
    }
    Ok(())
}

/// Removes one batch of mentions from others' messages. Returns false when none are left.
async fn redact_mentions(db: &Db, push: &Push, user: &DeletedUser, room: RoomId) -> Result<bool> {
    let DeletedUser { caller: deleted_user, former_name: name } = user;
    let (locked, rev, found) = transaction!(db, |tx| {
        let locked = lock_room(tx, room, deleted_user).await?;
        let mut found = redaction::mentions(tx, room, deleted_user.user, MENTIONS_PER_BATCH).await?;
        for trace in &found {
            redaction::unmention(tx, room, trace.seq, deleted_user.user).await?;
        }
        let count = found.len();
        for trace in &mut found {
            trace.content = redact::known_mentions(&trace.content, name);
        }
        let rev = locked.head.rev;
        let (locked, rev) = if found.is_empty() { (locked, rev) } else { write_texts(tx, deleted_user, room, &found).await? };
        Ok((locked, rev, count))
    })?;
    if found > 0 {
        push_change(db, push, &locked, rev, deleted_user).await?;
    }
    Ok(found == MENTIONS_PER_BATCH as usize)
}

/// Removes mentions from the evidence of reports. The user's own reported messages stay until the reports are closed.
async fn redact_evidence(db: &Db, name: &str, room: RoomId) -> Result<()> {
    let found = report_evidence::find_texts(&mut *db.acquire().await?, room, &like_pattern("@", name)).await?;
    for mut texts in found {
        texts.content = redact::mentions(&texts.content, name);
        for edit in &mut texts.edits {
            edit.content = redact::mentions(&edit.content, name);
        }
        report_evidence::update_texts(&mut *db.acquire().await?, &texts).await?;
    }
    Ok(())
}

/// Removes mentions from earlier versions of messages.
async fn redact_edit_history(db: &Db, name: &str, room: RoomId) -> Result<()> {
    let mut found = redaction::previous_versions(&mut *db.acquire().await?, room, &like_pattern("@", name)).await?;
    found.retain_mut(|trace| replace_text(trace, |trace| redact::mentions(&trace.content, name)));
    for trace in &found {
        redaction::rewrite(&mut *db.acquire().await?, room, trace, Rev(0)).await?;
    }
    Ok(())
}

/// Writes changed texts as one change of the room.
async fn write_texts(tx: &mut Tx<'_>, deleted_user: &Caller, room: RoomId, texts: &[NamedText]) -> Result<(ErasureRoom, Rev)> {
    let locked = lock_room(tx, room, deleted_user).await?;
    let rev = locked.head.rev.next();
    for trace in texts {
        redaction::rewrite(tx, room, trace, rev).await?;
        search_index::unseal(tx, MessageRef { room, seq: trace.seq }, locked.head.seq).await?;
    }
    redaction::set_rev(tx, room, rev, deleted_user.now).await?;
    Ok((locked, rev))
}

pub(super) async fn lock_room(tx: &mut Tx<'_>, room: RoomId, deleted_user: &Caller) -> Result<ErasureRoom> {
    store::lock_room(tx, room, deleted_user.user).await?.ok_or(Error::NotFound("room_not_found"))
}

/// Tells members to fetch the change.
pub(super) async fn push_change(db: &Db, push: &Push, locked: &ErasureRoom, rev: Rev, deleted_user: &Caller) -> Result<()> {
    if !locked.alive {
        return Ok(());
    }
    push_to_members(db, push, locked.room, &Frame::Room { room_id: locked.room, rev }, deleted_user.now).await
}

/// Replaces a text. Returns false if it stays the same.
fn replace_text(trace: &mut NamedText, text: impl Fn(&NamedText) -> String) -> bool {
    let new = text(trace);
    let differs = new != trace.content;
    trace.content = new;
    differs
}

/// Builds a LIKE pattern for the name after `before`.
fn like_pattern(before: &str, name: &str) -> String {
    format!("%{before}{}%", name.replace('_', "|_"))
}
