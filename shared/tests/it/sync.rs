//! Sync: all changes since a `rev`, in pages, for one room and for all.

use std::collections::BTreeSet;

use shared::caller::Caller;
use shared::config::Limits;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::sync;
use shared::domain::sync::catch_up;
use shared::error::Error;
use shared::id::{Rev, RoomId, RoomRef, Seq};
use shared::protocol::dialect::Dialect;
use shared::protocol::frames::{Changed, Frame, MAX_FRAME};
use shared::protocol::messages::{NewContent, NewMessage};
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::protocol::sync::{MemberState, RoomSync};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, limits, person, statements};

async fn room_of(db: &Db, owner: &Caller, others: &[&Caller]) -> RoomId {
    let member_ids = others.iter().map(|caller| caller.user).collect();
    let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
    rooms::create(db, &Push::memory(), owner, RoomKind::Public, &new).await.expect("made").id
}

async fn say(db: &Db, who: &Caller, room: RoomId, text: &str) {
    let new = NewMessage { content: Some(text.into()), ..NewMessage::default() };
    messages::send(db, &Push::memory(), &limits(), who, SendRequest { room: &RoomRef::Id(room), new: &new }).await.expect("sent");
}

async fn since(db: &Db, who: &Caller, room: RoomId, rev: Rev) -> RoomSync {
    sync::room(db, who, &RoomRef::Id(room), rev, None).await.expect("a sync")
}

fn seqs(sync: &RoomSync) -> Vec<u64> {
    sync.messages.iter().map(|message| message.seq.0).collect()
}

#[tokio::test]
async fn a_sync_holds_what_changed_since_and_nothing_else() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, carl) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "carl").await);
    let id = room_of(&db, &ann, &[&bob]).await;
    let room = RoomRef::Id(id);
    for text in ["1", "2", "3", "4", "5"] {
        say(&db, &ann, id, text).await;
    }
    let whole = since(&db, &bob, id, Rev(0)).await;
    assert_eq!((seqs(&whole), whole.members.len(), whole.more), (vec![1, 2, 3, 4, 5], 2, false));
    assert_eq!((whole.rev, whole.room.rev, whole.room.unread), (Rev(6), Rev(6), 5));
    let quiet = since(&db, &bob, id, whole.rev).await;
    assert!(quiet.messages.is_empty() && quiet.members.is_empty() && quiet.rev == whole.rev && !quiet.more);
    let new = NewContent { content: "two".into() };
    edits::edit(&db, &push, &limits(), &ann, EditRequest { room: &room, seq: Seq(2), new: &new }).await.expect("edited");
    unsend::unsend(&db, &push, &ann, &room, Seq(3)).await.expect("unsent");
    reactions::react(&db, &push, &limits(), &bob, ReactionRequest { room: &room, seq: Seq(5), emoji: "👍" })
        .await
        .expect("reacted");
    unsend::hide(&db, &push, &bob, &room, Seq(4)).await.expect("hidden");
    rooms::join(&db, &push, &carl, &room).await.expect("joined");
    rooms::leave(&db, &push, &carl, &room, None).await.expect("left");
    let news = since(&db, &bob, id, whole.rev).await;
    assert_eq!(seqs(&news), [2, 3, 5, 6, 7], "edited, unsent, reacted to; and that Carl came and went");
    assert_eq!(news.messages[0].content, "two");
    assert!(news.messages[1].deleted_at.is_some() && news.messages[1].content.is_empty(), "a tombstone");
    let thumb = &news.messages[2].reactions[0];
    assert_eq!((thumb.emoji.as_str(), thumb.count, thumb.mine), ("👍", 1, Some(true)));
    assert_eq!(since(&db, &ann, id, whole.rev).await.messages[2].reactions[0].mine, Some(false));
    let members: Vec<_> = news.members.iter().map(|member| (member.user_id, member.state)).collect();
    assert_eq!(members, [(carl.user, MemberState::Left)]);
    assert_eq!(news.rev, news.room.rev);
    assert!(!seqs(&since(&db, &bob, id, Rev(0)).await).contains(&4), "what one hid stays hidden");
    assert!(seqs(&since(&db, &ann, id, Rev(0)).await).contains(&4));
    assert!(since(&db, &bob, id, Rev(u64::MAX)).await.messages.is_empty(), "beyond the end is nothing");
}

#[tokio::test]
async fn parts_join_up_to_the_whole_and_none_splits_a_change() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let mut others = Vec::new();
    for number in 0..30 {
        others.push(person(&db, &format!("person{number}")).await);
    }
    let id = room_of(&db, &ann, &others.iter().collect::<Vec<_>>()).await;
    for (number, other) in others.iter().enumerate().take(25) {
        say(&db, &ann, id, &number.to_string()).await;
        if number % 5 == 0 {
            rooms::leave(&db, &Push::memory(), other, &RoomRef::Id(id), None).await.expect("left");
        }
    }
    let whole = since(&db, &ann, id, Rev(0)).await;
    assert!(!whole.more);
    for limit in [1, 2, 7, 100] {
        let (mut messages, mut members, mut rev) = (Vec::new(), BTreeSet::new(), Rev(0));
        loop {
            let part = sync::room(&db, &ann, &RoomRef::Id(id), rev, Some(limit)).await.expect("a part");
            assert!(part.rev > rev, "each part goes on");
            assert!(part.messages.iter().all(|message| message.rev > rev && message.rev <= part.rev));
            messages.extend(part.messages);
            members.extend(part.members.iter().map(|member| (member.user_id, member.rev)));
            rev = part.rev;
            if !part.more {
                break;
            }
        }
        messages.sort_by_key(|message| message.seq);
        assert_eq!((messages == whole.messages, rev), (true, whole.rev), "limit {limit}");
        assert_eq!(members, whole.members.iter().map(|member| (member.user_id, member.rev)).collect());
    }
}

#[tokio::test]
async fn what_does_not_fit_a_frame_comes_in_several() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let id = room_of(&db, &ann, &[]).await;
    for _ in 0..30 {
        say(&db, &ann, id, &"😀".repeat(1000)).await;
    }
    let (mut seen, mut rev, mut frames) = (Vec::new(), Rev(0), 0);
    loop {
        let frame = sync::frame(&db, &ann, &RoomRef::Id(id), rev, None).await.expect("a frame");
        assert!(frame.encode(Dialect::Lean).len() <= MAX_FRAME);
        let Frame::Sync { sync, .. } = frame else { panic!("{frame:?}") };
        seen.extend(seqs(&sync));
        (rev, frames) = (sync.rev, frames + 1);
        if !sync.more {
            break;
        }
    }
    assert_eq!(seen, (1..=30).collect::<Vec<_>>());
    assert!(frames > 3, "{frames}");
    let long = Limits { message_length: 10_000, ..limits() };
    let new = NewMessage { content: Some("😀".repeat(10_000)), ..NewMessage::default() };
    messages::send(&db, &Push::memory(), &long, &ann, SendRequest { room: &RoomRef::Id(id), new: &new }).await.expect("sent");
    let frame = sync::frame(&db, &ann, &RoomRef::Id(id), rev, None).await.expect("a frame");
    assert!(frame.encode(Dialect::Lean).len() <= MAX_FRAME);
    let Frame::Sync { sync, .. } = frame else { panic!("{frame:?}") };
    assert_eq!((sync.rev, sync.more, sync.messages.len()), (rev, true, 0), "what no frame holds is asked for over HTTP");
    assert_eq!(seqs(&since(&db, &ann, id, rev).await), [31]);
}

#[tokio::test]
async fn a_hello_is_followed_by_what_changed_in_the_rooms_that_it_names() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let (quiet, busy) = (room_of(&db, &ann, &[&bob]).await, room_of(&db, &ann, &[&bob]).await);
    let new = NewRoom { name: "Room".into(), member_ids: vec![bob.user], ..NewRoom::default() };
    let left = rooms::create(&db, &Push::memory(), &ann, RoomKind::Group, &new).await.expect("made").id;
    rooms::leave(&db, &Push::memory(), &bob, &RoomRef::Id(left), None).await.expect("left");
    say(&db, &ann, busy, "Hi").await;
    let known = [quiet, busy, left, RoomId(4711)].map(|room_id| Changed { room_id, rev: Rev(1) });
    let frames = catch_up::single_frames(&db, &bob, &known).await.expect("frames");
    assert_eq!(frames.len(), 3, "{frames:?}");
    assert!(matches!(&frames[0], Frame::Sync { sync, .. } if sync.room_id == busy && seqs(sync) == [1]));
    assert!(matches!(&frames[1], Frame::RoomLeft { room_id, .. } if *room_id == left));
    assert!(matches!(&frames[2], Frame::RoomLeft { room_id, .. } if *room_id == RoomId(4711)));
}

#[tokio::test]
async fn a_cursor_over_all_rooms_lists_changed_and_left_rooms() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(room_of(&db, &ann, &[&bob]).await);
    }
    let began = ann.now;
    let at = |who: &Caller, seconds| Caller { now: began.plus_seconds(seconds), ..who.clone() };
    let (mut rooms, mut cursor, mut pages) = (Vec::new(), None, 0);
    let first = loop {
        let page =
            sync::rooms(&db, &at(&bob, 60), PageRequest { cursor: cursor.as_deref(), limit: Some(2) }).await.expect("a page");
        rooms.extend(page.rooms.iter().map(|room| room.id));
        pages += 1;
        assert_eq!(page.joined.is_some(), !page.more);
        if !page.more {
            break page;
        }
        cursor = Some(page.cursor);
    };
    assert_eq!((rooms.len(), rooms.iter().collect::<BTreeSet<_>>().len(), pages), (5, 5, 3), "each once");
    let next = async |who: &Caller, cursor: &str| {
        let page = sync::rooms(&db, who, PageRequest { cursor: Some(cursor), limit: None }).await.expect("a page");
        (page.rooms.iter().map(|room| room.id).collect::<Vec<_>>(), page.joined.expect("the last page"), page.cursor)
    };
    assert_eq!(next(&at(&bob, 100), &first.cursor).await.0, [], "nothing moved");
    // Carries an earlier time than the last read, because it committed late.
    say(&db, &at(&ann, 55), ids[1], "Hi").await;
    say(&db, &at(&ann, 115), ids[0], "Hi").await;
    rooms::leave(&db, &Push::memory(), &at(&bob, 115), &RoomRef::Id(ids[4]), None).await.expect("left");
    let (moved, joined, cursor) = next(&at(&bob, 120), &first.cursor).await;
    assert_eq!((moved, joined.len(), joined.contains(&ids[4])), (vec![ids[1], ids[0]], 4, false));
    let (again, _, cursor) = next(&at(&bob, 200), &cursor).await;
    assert_eq!(again, [ids[0]], "within the slack it comes twice");
    assert_eq!(next(&at(&bob, 250), &cursor).await.0, [], "and nothing more");
    let mark = ReadMarker::Read(Seq(1));
    receipts::raise_marker(&db, &Push::memory(), &at(&bob, 300), &RoomRef::Id(ids[0]), mark).await.expect("marked");
    assert_eq!(next(&at(&bob, 310), &cursor).await.0, [ids[0]], "reading on another device is news, too");
    let refused = sync::rooms(&db, &bob, PageRequest { cursor: Some("nonsense"), limit: None }).await.err();
    assert!(matches!(refused, Some(Error::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn a_room_that_one_may_not_see_is_not_synced() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let new = NewRoom { name: "Room".into(), member_ids: vec![bob.user], ..NewRoom::default() };
    let group = rooms::create(&db, &Push::memory(), &ann, RoomKind::Group, &new).await.expect("made").id;
    rooms::leave(&db, &Push::memory(), &bob, &RoomRef::Id(group), None).await.expect("left");
    for (who, room) in [(&eve, group), (&bob, group), (&ann, RoomId(4711))] {
        let refused = sync::room(&db, who, &RoomRef::Id(room), Rev(0), None).await.err();
        assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "{refused:?}");
    }
    let public = room_of(&db, &ann, &[]).await;
    say(&db, &ann, public, "Hi").await;
    assert_eq!(seqs(&since(&db, &eve, public, Rev(0)).await), [1], "a public room is read by anyone");
}

#[tokio::test]
async fn catching_up_keeps_to_its_statements() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let id = room_of(&db, &ann, &[&bob]).await;
    for _ in 0..20 {
        say(&db, &ann, id, "Hi").await;
    }
    let count = async |who: &Caller, rev| {
        let (outcome, count) = statements(&db, sync::room(&db, who, &RoomRef::Id(id), rev, None)).await;
        outcome.expect("a sync");
        count
    };
    count(&bob, Rev(0)).await;
    assert_eq!(count(&ann, Rev(0)).await, 5, "how one stands, the room; messages, members, reactions");
    assert_eq!(count(&bob, Rev(0)).await, 6, "and unread mentions, while anything is unread");
    assert_eq!(count(&ann, Rev(21)).await, 2, "nothing changed");
    let all = || sync::rooms(&db, &ann, PageRequest::default());
    all().await.expect("prepared");
    assert_eq!(statements(&db, all()).await.1, 3, "the account, activity, the rooms");
    let cursor = all().await.expect("all").cursor;
    let news = || sync::rooms(&db, &ann, PageRequest { cursor: Some(&cursor), limit: None });
    news().await.expect("prepared");
    assert_eq!(statements(&db, news()).await.1, 4, "the same, and whose profile changed, without hidden messages");
    let rest = || sync::without_rooms(&db, &ann, PageRequest { cursor: Some(&cursor), limit: None });
    rest().await.expect("prepared");
    assert_eq!(statements(&db, rest()).await.1, 2);
}
