//! Changes to messages in direct rooms, across blocks, in archived rooms, and where only admins write.

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::pins;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::domain::rooms::directs;
use shared::domain::rooms::members;
use shared::domain::rooms::settings;
use shared::error::Result;
use shared::id::RoomRef;
use shared::protocol::messages::NewContent;
use shared::protocol::rooms::{AllowedRole, ChangeRoom, ChangeSettings};
use shared::push::Push;
use shared::store::{Db, blocks};

use crate::fixture::{self, limits, person};
use crate::group::Group;

/// Outcomes of editing, reacting, removing the reaction, pinning, and unsending.
async fn outcomes(group: &Group, who: &Caller, seq: u64) -> [&'static str; 5] {
    let Group { db, push, room } = group;
    let new = NewContent { content: "changed".into() };
    let reacting = ReactionRequest { room, seq, emoji: "👍" };
    [
        code(edits::edit(db, push, &limits(), who, EditRequest { room, seq, new: &new }).await),
        code(reactions::react(db, push, &limits(), who, reacting).await),
        code(reactions::unreact(db, push, &limits(), who, reacting).await),
        code(pins::pin(db, push, who, room, seq).await),
        code(unsend::unsend(db, push, who, room, seq).await),
    ]
}

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

async fn direct(db: Db, ann: &Caller, bob: &Caller) -> Group {
    let push = Push::memory();
    let (room, _) = directs::open(&db, &push, ann, bob.user).await.expect("opened");
    Group { db, push, room: RoomRef::Id(room.id) }
}

#[tokio::test]
async fn in_a_direct_room_both_pin_and_neither_takes_back_what_the_other_wrote() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = direct(db, &ann, &bob).await;
    for (writer, other) in [(&ann, &bob), (&bob, &ann)] {
        let seq = group.said(writer, "one").await.seq;
        assert_eq!(outcomes(&group, other, seq).await, ["not_allowed", "ok", "ok", "ok", "not_allowed"]);
        assert_eq!(outcomes(&group, writer, seq).await, ["ok"; 5]);
    }
}

#[tokio::test]
async fn across_a_block_nothing_changes_except_that_authors_unsend() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = direct(db, &ann, &bob).await;
    let seqs = [group.said(&ann, "hers").await.seq, group.said(&bob, "his").await.seq];
    let mut connection = group.db.acquire().await.expect("a connection");
    blocks::insert(&mut connection, ann.user, bob.user, ann.now).await.expect("blocked");
    drop(connection);
    for (who, seq) in [(&ann, seqs[0]), (&bob, seqs[1])] {
        assert_eq!(outcomes(&group, who, seq).await, ["blocked", "blocked", "blocked", "blocked", "ok"]);
    }
}

#[tokio::test]
async fn in_an_archived_room_messages_are_only_taken_back() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let seq = group.said(&ann, "one").await.seq;
    let archive = ChangeRoom { archived: Some(true), ..ChangeRoom::default() };
    settings::update(&group.db, &group.push, &ann, &group.room, &archive).await.expect("archived");
    let archived = "room_archived";
    assert_eq!(outcomes(&group, &ann, seq).await, [archived, archived, archived, archived, "ok"]);
}

#[tokio::test]
async fn where_only_admins_write_an_old_message_is_no_way_around_it() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let seq = group.said(&bob, "one").await.seq;
    let admins = ChangeSettings { who_writes: Some(AllowedRole::Admins), ..ChangeSettings::default() };
    let change = ChangeRoom { settings: admins, ..ChangeRoom::default() };
    settings::update(&group.db, &group.push, &ann, &group.room, &change).await.expect("changed");
    assert_eq!(outcomes(&group, &bob, seq).await, ["not_allowed", "ok", "ok", "not_allowed", "ok"], "reactions are no words");
}

#[tokio::test]
async fn former_members_change_nothing() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room } = &group;
    let seq = group.said(&bob, "one").await.seq;
    let past = ChangeSettings { past_members_read: Some(true), ..ChangeSettings::default() };
    let change = ChangeRoom { settings: past, ..ChangeRoom::default() };
    settings::update(db, push, &ann, room, &change).await.expect("changed");
    members::remove(db, push, &ann, room, bob.user).await.expect("removed");
    assert_eq!(group.shown(&bob, seq).await.content, "one", "past members of this room may read");
    assert_eq!(outcomes(&group, &bob, seq).await, ["not_a_member"; 5]);
}
