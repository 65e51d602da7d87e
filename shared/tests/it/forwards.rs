//! Forwarding from a readable room to a writable one, under the first author's name.

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, MessageAddress, SendRequest, Sent};
use shared::error::{Error, Result};
use shared::id::{RoomRef, Seq};
use shared::protocol::messages::{Forward, NewContent, NewMessage};
use shared::protocol::rooms::{NewRoom, RoomKind};

use crate::fixture::{self, limits, person};
use crate::group::Group;

async fn forward(group: &Group, who: &Caller, to: &RoomRef, from: MessageAddress<'_>) -> Result<Sent> {
    let MessageAddress { room, seq } = from;
    let forward = Some(Forward { room_id: room.clone(), seq });
    let new = NewMessage { forward, client_id: Some(format!("{room:?}-{seq}")), ..NewMessage::default() };
    messages::send(&group.db, &group.push, &limits(), who, SendRequest { room: to, new: &new }).await
}

async fn other_room(group: &Group, owner: &Caller) -> RoomRef {
    let new = NewRoom { name: "Other".into(), ..NewRoom::default() };
    let room = shared::domain::rooms::create(&group.db, &group.push, owner, RoomKind::Group, &new).await.expect("made");
    RoomRef::Id(room.id)
}

#[tokio::test]
async fn a_forwarded_message_names_its_first_writer_however_often_it_is_passed_on() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let said = group.said(&ann, "Hello @bob").await;
    let there = other_room(&group, &bob).await;
    let once =
        forward(&group, &bob, &there, MessageAddress { room: &group.room, seq: said.seq }).await.expect("forwarded").message;
    let shown = once.forwarded.clone().expect("read");
    assert_eq!((shown.username.as_deref(), shown.created_at), (Some("ann"), said.created_at));
    assert_eq!((once.content.as_str(), once.username.as_deref()), ("Hello @bob", Some("bob")));
    assert!(once.mentions.is_empty(), "who was mentioned there is not called here");
    assert_eq!(messages::find(&group.db, &bob, &there, once.seq).await.expect("stored"), once);
    let again = forward(&group, &bob, &there, MessageAddress { room: &group.room, seq: said.seq }).await.expect("replayed");
    assert!(again.replayed, "the same client_id");
    let back =
        forward(&group, &bob, &group.room, MessageAddress { room: &there, seq: once.seq }).await.expect("forwarded").message;
    assert_eq!(back.forwarded, Some(shown));
    let new = NewContent { content: "not her words".into() };
    let editing = EditRequest { room: &group.room, seq: back.seq, new: &new };
    let refused = edits::edit(&group.db, &group.push, &limits(), &bob, editing).await.err();
    assert!(matches!(refused, Some(Error::Conflict("forwarded_message"))), "{refused:?}");
    let trace = unsend::unsend(&group.db, &group.push, &bob, &group.room, back.seq).await.expect("unsent");
    assert_eq!(trace.forwarded, None);
}

#[tokio::test]
async fn only_what_one_may_read_is_passed_on_and_only_to_where_one_may_write() {
    let db = fixture::database().await;
    let (ann, eve) = (person(&db, "ann").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[]).await;
    let (stands, gone) = (group.said(&ann, "one").await.seq, group.said(&ann, "two").await.seq);
    unsend::unsend(&group.db, &group.push, &ann, &group.room, gone).await.expect("unsent");
    let hers = other_room(&group, &eve).await;
    for (who, to, from, code) in [
        (&eve, &hers, (&group.room, stands), "room_not_found"),
        (&ann, &hers, (&group.room, stands), "room_not_found"),
        (&ann, &group.room, (&group.room, gone), "message_unsent"),
        (&ann, &group.room, (&group.room, Seq(99)), "message_not_found"),
        (&ann, &group.room, (&RoomRef::Id(4711.into()), Seq(1)), "room_not_found"),
    ] {
        let (room, seq) = from;
        assert_eq!(
            forward(&group, who, to, MessageAddress { room, seq }).await.err().as_ref().map(Error::code),
            Some(code),
            "{from:?}"
        );
    }
    let both = NewMessage {
        content: Some("x".into()),
        forward: Some(Forward { room_id: group.room.clone(), seq: stands }),
        ..NewMessage::default()
    };
    let refused =
        messages::send(&group.db, &group.push, &limits(), &ann, SendRequest { room: &group.room, new: &both }).await.err();
    assert!(matches!(&refused, Some(Error::Invalid(wrong)) if wrong[0].code == "conflicting"), "{refused:?}");
}
