//! Unsending and hiding messages: a placeholder remains after unsending, nothing after hiding, and dependent rows are deleted.

use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::pins;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, HistoryRange, MessageAddress, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::sync;
use shared::error::Error;
use shared::id::{MessageId, Rev, RoomRef, Seq};
use shared::protocol::frames::Frame;
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::rooms::Scope;

use crate::fixture::{self, limits, person};
use crate::group::Group;

#[tokio::test]
async fn an_unsent_message_leaves_a_trace_and_nothing_else() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    let said = group.said(&ann, "a secret for @bob").await;
    let new = NewContent { content: "a secret for @bob!".into() };
    edits::edit(db, push, &limits(), &ann, EditRequest { room, seq: said.seq, new: &new }).await.expect("edited");
    reactions::react(db, push, &limits(), &bob, ReactionRequest { room, seq: said.seq, emoji: "👍" }).await.expect("reacted");
    pins::pin(db, push, &ann, room, said.seq).await.expect("pinned");
    let answer = NewMessage { content: Some("Oh".into()), reply_to: Some(said.seq), ..NewMessage::default() };
    let reply = messages::send(db, push, &limits(), &bob, SendRequest { room, new: &answer }).await.expect("sent").message;
    assert!(reply.reply_to.is_some_and(|reply| reply.preview.contains("secret")));
    group.frames().await;
    let trace = unsend::unsend(db, push, &ann, room, said.seq).await.expect("unsent");
    assert_eq!((trace.deleted_at, trace.deleted_by, trace.rev), (Some(ann.now), Some(ann.user), reply.rev.next()));
    let frames = group.frames().await;
    assert_eq!(frames.len(), 2, "one frame each: {frames:?}");
    let matches_frame =
        |frame: &Frame| matches!(frame, Frame::MessageUnsent { seq, rev, .. } if (*seq, *rev) == (trace.seq, trace.rev));
    assert!(frames.iter().all(|(_, frame)| matches_frame(frame)), "{frames:?}");
    let history = group.history(&bob).await;
    assert_eq!(history[0], trace, "what is answered is what is stored");
    assert!(!format!("{history:?}").contains("secret"), "{history:?}");
    assert_eq!(history[1].reply_to.as_ref().map(|reply| reply.preview.as_str()), Some(""));
    assert!(
        edits::list(db, &bob, MessageAddress { room, seq: said.seq }, PageRequest::default())
            .await
            .expect("a page")
            .items
            .is_empty()
    );
    assert!(
        reactions::list(db, &bob, MessageAddress { room, seq: said.seq }, None, PageRequest::default())
            .await
            .expect("a page")
            .items
            .is_empty()
    );
    assert!(pins::list(db, &bob, room).await.expect("pins").items.is_empty());
    for table in ["message_edits", "reactions", "mentions", "pins"] {
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&mut **db.acquire().await.as_mut().expect("a connection"))
            .await
            .expect("a number");
        assert_eq!(count, 0, "{table}");
    }
    let again = unsend::unsend(db, push, &ann, room, said.seq).await.expect("the same");
    assert_eq!(again, trace);
    assert!(group.frames().await.is_empty(), "unsending twice changes nothing");
    let list = rooms::list(db, &bob, Scope::Joined, PageRequest::default()).await.expect("rooms");
    assert_eq!(list.items[0].mentions, 0);
}

#[tokio::test]
async fn moderators_take_back_what_others_wrote_and_members_do_not() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (hers, his) = (group.said(&ann, "hers").await, group.said(&bob, "his").await);
    let unsend = async |who, seq| unsend::unsend(&group.db, &group.push, who, &group.room, seq).await;
    for (who, seq, code) in
        [(&bob, hers.seq, "not_allowed"), (&bob, Seq(99), "message_not_found"), (&eve, his.seq, "room_not_found")]
    {
        assert_eq!(unsend(who, seq).await.err().as_ref().map(Error::code), Some(code));
    }
    let trace = unsend(&ann, his.seq).await.expect("an owner may");
    assert_eq!((trace.sender_id, trace.deleted_by), (Some(bob.user), Some(ann.user)));
}

#[tokio::test]
async fn a_message_is_unsent_by_its_number_too() {
    let db = fixture::database().await;
    let (ann, eve) = (person(&db, "ann").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[]).await;
    let said = group.said(&ann, "one").await;
    for (who, id) in [(&eve, said.id), (&ann, MessageId(4711))] {
        let refused = unsend::unsend_by_id(&group.db, &group.push, who, id).await.err();
        assert!(matches!(refused, Some(Error::NotFound("message_not_found"))), "{refused:?}");
    }
    let trace = unsend::unsend_by_id(&group.db, &group.push, &ann, said.id).await.expect("unsent");
    assert_eq!((trace.id, trace.content.as_str()), (said.id, ""));
}

#[tokio::test]
async fn a_hidden_message_remains_for_others() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    for text in ["one", "two", "three"] {
        group.said(&ann, text).await;
    }
    for _ in 0..2 {
        unsend::hide(db, push, &bob, room, Seq(3)).await.expect("hidden, once and again");
    }
    let frames = group.frames().await;
    assert!(
        frames.iter().all(|(user, frame)| *user == bob.user && matches!(frame, Frame::MessageHidden { seq: Seq(3), .. })),
        "{frames:?}"
    );
    let seqs = async |who| group.history(who).await.iter().map(|message| message.seq.0).collect::<Vec<_>>();
    assert_eq!((seqs(&bob).await, seqs(&ann).await), (vec![1, 2], vec![1, 2, 3]));
    let synced = sync::room(db, &bob, room, Rev(0), None).await.expect("synced").messages;
    assert_eq!(synced.iter().map(|message| message.seq.0).collect::<Vec<_>>(), [1, 2]);
    let last = async |who| rooms::find(db, who, room).await.expect("the room").last_message.map(|message| message.seq);
    assert_eq!((last(&bob).await, last(&ann).await), (Some(Seq(2)), Some(Seq(3))));
    let refused = messages::find(db, &bob, room, Seq(3)).await.err();
    assert!(matches!(refused, Some(Error::NotFound("message_not_found"))), "{refused:?}");
    let page = messages::history(db, &bob, room, HistoryRange::Newest, Some(1)).await.expect("a page");
    assert_eq!((page.items.len(), page.next.as_deref()), (0, Some("3")), "an empty page is not the end");
    for (who, room, seq, code) in [
        (&bob, room, Seq(4), "message_not_found"),
        (&bob, room, Seq(0), "message_not_found"),
        (&bob, &RoomRef::Id(4711.into()), Seq(1), "room_not_found"),
    ] {
        assert_eq!(unsend::hide(db, push, who, room, seq).await.err().as_ref().map(Error::code), Some(code));
    }
}
