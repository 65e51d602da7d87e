//! Reading: markers, unread counts, receipts.

use shared::caller::Caller;
use shared::domain::messages::SendRequest;
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, Sent};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::error::Error;
use shared::id::{MessageId, RoomId, RoomRef, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::messages::NewMessage;
use shared::protocol::receipts::{Receipt, Receipts};
use shared::protocol::rooms::{NewRoom, RoomKind, Scope};
use shared::push::Push;
use shared::store::{Db, members};
use shared::time::Timestamp;
use sqlx::Executor;

use crate::fixture::{self, caller, limits, person, statements};

async fn room_of(db: &Db, owner: &Caller, others: &[&Caller]) -> RoomRef {
    let member_ids = others.iter().map(|caller| caller.user).collect();
    let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
    RoomRef::Id(rooms::create(db, &Push::memory(), owner, RoomKind::Public, &new).await.expect("made").id)
}

async fn say(db: &Db, who: &Caller, room: &RoomRef, text: &str) -> Sent {
    let new = NewMessage { content: Some(text.into()), ..NewMessage::default() };
    messages::send(db, &Push::memory(), &limits(), who, SendRequest { room, new: &new }).await.expect("sent")
}

async fn read(db: &Db, who: &Caller, room: &RoomRef, seq: Seq) -> Receipt {
    receipts::raise_marker(db, &Push::memory(), who, room, ReadMarker::Read(seq)).await.expect("marked")
}

/// Returns the unread count, which the answer and the room list must agree on.
async fn unread(db: &Db, who: &Caller, room: &RoomRef) -> u64 {
    let list = rooms::list(db, who, Scope::Joined, PageRequest::default()).await.expect("rooms");
    let one = rooms::find(db, who, room).await.expect("the room");
    let all = receipts::unread(db, who).await.expect("unread");
    let listed = list.items.iter().find(|item| item.id == one.id).expect("listed").unread;
    let summed = all.rooms.iter().find(|item| item.room_id == one.id).map_or(0, |item| item.unread);
    let marked =
        receipts::raise_marker(db, &Push::memory(), who, room, ReadMarker::Read(Seq(0))).await.expect("no change").unread;
    assert_eq!((listed, summed, marked), (one.unread, one.unread, Some(one.unread)));
    assert_eq!(all.total, all.rooms.iter().map(|room| room.unread).sum::<u64>());
    one.unread
}

fn at(who: &Caller, seconds: i64) -> Caller {
    Caller { now: who.now.plus_seconds(seconds), ..who.clone() }
}

type Seen = Vec<(UserId, Option<Timestamp>)>;

/// Splits receipts into readers and recipients, each with time.
fn names(receipts: &Receipts) -> (Seen, Seen) {
    let list = |seen: &[shared::protocol::receipts::Seen]| seen.iter().map(|seen| (seen.user.id, seen.at)).collect();
    (list(&receipts.read), list(&receipts.delivered))
}

#[tokio::test]
async fn marks_only_rise_and_never_pass_the_end() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let room = room_of(&db, &ann, &[&bob]).await;
    for text in ["1", "2", "3", "4", "5"] {
        say(&db, &ann, &room, text).await;
    }
    let push = Push::memory();
    for (mark, read_seq, delivered_seq, unread, frames) in [
        (ReadMarker::Delivered(Seq(2)), 0, 2, 5, 2),
        (ReadMarker::Read(Seq(3)), 3, 3, 2, 2),
        (ReadMarker::Read(Seq(1)), 3, 3, 2, 0),
        (ReadMarker::Read(Seq(3)), 3, 3, 2, 0),
        (ReadMarker::Delivered(Seq(1)), 3, 3, 2, 0),
        (ReadMarker::Delivered(Seq(99)), 3, 5, 2, 2),
        (ReadMarker::Read(Seq(4)), 4, 5, 1, 2),
        (ReadMarker::Read(Seq(u64::MAX)), 5, 5, 0, 2),
        (ReadMarker::Read(Seq(0)), 5, 5, 0, 0),
    ] {
        let receipt = receipts::raise_marker(&db, &push, &bob, &room, mark).await.expect("marked");
        assert_eq!(
            (receipt.read_seq, receipt.delivered_seq, receipt.unread),
            (Seq(read_seq), Seq(delivered_seq), Some(unread)),
            "{mark:?}"
        );
        assert_eq!(push.take_sent().await.len(), frames, "{mark:?}");
    }
}

#[tokio::test]
async fn a_mark_is_pushed_to_the_senders_it_passes_and_unread_counts_only_to_oneself() {
    let db = fixture::database().await;
    let (ann, bob, carl) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "carl").await);
    let room = room_of(&db, &ann, &[&bob, &carl]).await;
    for (who, text) in [(&ann, "1"), (&carl, "2"), (&ann, "3"), (&ann, "4")] {
        say(&db, who, &room, text).await;
    }
    for (mark, senders) in [
        (ReadMarker::Delivered(Seq(1)), vec![ann.user]),
        (ReadMarker::Read(Seq(1)), vec![ann.user]),
        (ReadMarker::Delivered(Seq(2)), vec![carl.user]),
        (ReadMarker::Read(Seq(3)), vec![ann.user, carl.user]),
    ] {
        let push = Push::memory();
        let receipt = receipts::raise_marker(&db, &push, &bob, &room, mark).await.expect("marked");
        let mut expected: Vec<_> = senders.into_iter().map(|sender| (sender, None)).collect();
        expected.push((bob.user, receipt.unread));
        expected.sort_unstable();
        assert_eq!(receipts_of(&push, &receipt).await, expected, "{mark:?}");
    }
}

/// Returns who got this receipt, with what unread count.
async fn receipts_of(push: &Push, expected: &Receipt) -> Vec<(UserId, Option<u64>)> {
    let mut pushed: Vec<_> = push
        .take_sent()
        .await
        .into_iter()
        .map(|(user, frame)| match frame {
            Frame::Receipt(receipt) => {
                assert_eq!(Receipt { unread: expected.unread, ..receipt }, *expected);
                (user, receipt.unread)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    pushed.sort_unstable();
    pushed
}

#[tokio::test]
async fn system_messages_and_ones_own_have_no_receipts() {
    let db = fixture::database().await;
    let (ann, bob, carl) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "carl").await);
    let room = room_of(&db, &ann, &[&bob]).await;
    let push = Push::memory();
    rooms::join(&db, &Push::memory(), &carl, &room).await.expect("joined");
    say(&db, &bob, &room, "mine").await;
    rooms::leave(&db, &Push::memory(), &carl, &room, None).await.expect("left");
    let receipt = receipts::raise_marker(&db, &push, &bob, &room, ReadMarker::Read(Seq(u64::MAX))).await.expect("marked");
    assert_eq!(receipts_of(&push, &receipt).await, [(bob.user, Some(0))]);
}

#[tokio::test]
async fn a_mark_that_passes_many_messages_reaches_the_newest_senders() {
    let db = fixture::database().await;
    let (ann, bob, carl) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "carl").await);
    let room = room_of(&db, &ann, &[&bob, &carl]).await;
    say(&db, &carl, &room, "first").await;
    for number in 0..100 {
        say(&db, &ann, &room, &format!("{number}")).await;
    }
    let push = Push::memory();
    let receipt = receipts::raise_marker(&db, &push, &bob, &room, ReadMarker::Read(Seq(101))).await.expect("marked");
    assert_eq!(receipts_of(&push, &receipt).await, [(ann.user, None), (bob.user, Some(0))], "a hundred messages are looked at");
    let exact = receipts::of_message(&db, &carl, &room, Seq(1)).await.expect("receipts");
    assert_eq!(names(&exact).0, [(ann.user, Some(ann.now)), (bob.user, Some(bob.now))], "the answer to a request is exact");
}

#[tokio::test]
async fn in_a_room_of_more_than_a_hundred_a_mark_is_pushed_only_to_oneself() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let mut others = Vec::new();
    for number in 0..receipts::MAX_MEMBERS_SHARED {
        others.push(person(&db, &format!("person{number}")).await);
    }
    let room = room_of(&db, &ann, &others.iter().collect::<Vec<_>>()).await;
    say(&db, &ann, &room, "Hi").await;
    let push = Push::memory();
    receipts::raise_marker(&db, &push, &others[0], &room, ReadMarker::Read(Seq(1))).await.expect("marked");
    let pushed: Vec<_> = push.take_sent().await.into_iter().map(|(user, _)| user).collect();
    assert_eq!(pushed, [others[0].user], "101 members");
    rooms::leave(&db, &Push::memory(), &others[1], &room, None).await.expect("left");
    let seq = say(&db, &ann, &room, "Hi again").await.message.seq;
    let receipt = receipts::raise_marker(&db, &push, &others[0], &room, ReadMarker::Read(seq)).await.expect("marked");
    assert_eq!(receipts_of(&push, &receipt).await, [(ann.user, None), (others[0].user, Some(0))], "a hundred members");
}

#[tokio::test]
async fn unread_is_exact_after_unsending_own_messages_and_coming_back() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let room = room_of(&db, &ann, &[&bob]).await;
    for text in ["1", "2", "3", "4"] {
        say(&db, &ann, &room, text).await;
    }
    assert_eq!((unread(&db, &ann, &room).await, unread(&db, &bob, &room).await), (0, 4), "one's own are read");
    unsend::unsend(&db, &push, &ann, &room, Seq(3)).await.expect("unsent");
    assert_eq!(unread(&db, &bob, &room).await, 3, "an unsent message is not unread");
    assert_eq!(read(&db, &bob, &room, Seq(2)).await.unread, Some(1));
    unsend::unsend(&db, &push, &ann, &room, Seq(1)).await.expect("unsent");
    assert_eq!(unread(&db, &bob, &room).await, 1, "one that was read before changes nothing");
    say(&db, &bob, &room, "5").await;
    assert_eq!((unread(&db, &ann, &room).await, unread(&db, &bob, &room).await), (1, 0), "who writes has read");
    rooms::leave(&db, &push, &bob, &room, None).await.expect("left");
    say(&db, &ann, &room, "while Bob is away").await;
    rooms::join(&db, &push, &bob, &room).await.expect("back");
    assert_eq!(unread(&db, &bob, &room).await, 0, "what was written meanwhile, and that one is back, is not news");
    say(&db, &ann, &room, "after that").await;
    assert_eq!(unread(&db, &bob, &room).await, 1);
}

#[tokio::test]
async fn receipts_have_the_time_of_reading() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let (carl, dora) = (person(&db, "carl").await, person(&db, "dora").await);
    let room = room_of(&db, &ann, &[&bob, &carl, &dora]).await;
    for text in ["1", "2", "3", "4"] {
        say(&db, &ann, &room, text).await;
    }
    let eve = person(&db, "eve").await;
    rooms::join(&db, &Push::memory(), &eve, &room).await.expect("joined");
    let (first, second) = (at(&bob, 10), at(&bob, 20));
    read(&db, &first, &room, Seq(2)).await;
    read(&db, &second, &room, Seq(4)).await;
    let written = at(&carl, 30);
    say(&db, &written, &room, "I have read it all by now").await;
    let arrived = at(&dora, 40);
    receipts::raise_marker(&db, &Push::memory(), &arrived, &room, ReadMarker::Delivered(Seq(3))).await.expect("marked");
    let seen = async |seq| names(&receipts::of_message(&db, &bob, &room, seq).await.expect("receipts"));
    let some = |who: &Caller| (who.user, Some(who.now));
    assert_eq!(seen(Seq(2)).await, (vec![some(&first), some(&written)], vec![some(&first), some(&written), some(&arrived)]));
    assert_eq!(seen(Seq(3)).await.0, [some(&second), some(&written)], "each act of reading has its time");
    assert_eq!(seen(Seq(4)).await, (vec![some(&second), some(&written)], vec![some(&second), some(&written)]));
    let after = seen(Seq(6)).await;
    assert_eq!(after, (vec![], vec![]), "Carl wrote it, and it is unread: Eve joined after the others");
    for seq in [0, 7, u64::MAX].map(Seq) {
        let refused = receipts::of_message(&db, &bob, &room, seq).await.err();
        assert!(matches!(refused, Some(Error::NotFound("message_not_found"))), "{seq}: {refused:?}");
    }
}

#[tokio::test]
async fn returning_members_have_not_read_what_they_missed() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let room = room_of(&db, &ann, &[&bob]).await;
    say(&db, &ann, &room, "1").await;
    read(&db, &bob, &room, Seq(1)).await;
    rooms::leave(&db, &push, &bob, &room, None).await.expect("left");
    let missed = say(&db, &ann, &room, "missed").await.message.seq;
    let gone = receipts::of_message(&db, &ann, &room, Seq(1)).await.expect("receipts");
    assert_eq!(names(&gone), (vec![], vec![]), "who left is no reader any longer");
    rooms::join(&db, &push, &bob, &room).await.expect("back");
    let last = say(&db, &ann, &room, "news").await.message.seq;
    read(&db, &bob, &room, last).await;
    for (seq, readers) in [(Seq(1), vec![bob.user]), (missed, vec![]), (last, vec![bob.user])] {
        let receipts = receipts::of_message(&db, &ann, &room, seq).await.expect("receipts");
        assert_eq!(receipts.read.iter().map(|seen| seen.user.id).collect::<Vec<_>>(), readers, "{seq}");
    }
}

#[tokio::test]
async fn a_message_is_named_by_its_number_too_and_strangers_learn_nothing() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let new = NewRoom { name: "Room".into(), member_ids: vec![bob.user], ..NewRoom::default() };
    let group = rooms::create(&db, &Push::memory(), &ann, RoomKind::Group, &new).await.expect("made");
    let group = RoomRef::Id(group.id);
    let message = say(&db, &ann, &group, "Hi").await.message;
    read(&db, &bob, &group, Seq(1)).await;
    let receipts = receipts::of_message_id(&db, &ann, message.id).await.expect("receipts");
    assert_eq!(names(&receipts).0, [(bob.user, Some(bob.now))]);
    for id in [message.id, MessageId(4711)] {
        let refused = receipts::of_message_id(&db, &eve, id).await.err();
        assert!(matches!(refused, Some(Error::NotFound("message_not_found"))), "{refused:?}");
    }
    let hidden = [
        receipts::raise_marker(&db, &Push::memory(), &eve, &group, ReadMarker::Read(Seq(1))).await.err(),
        receipts::of_message(&db, &eve, &group, Seq(1)).await.err(),
    ];
    for refused in hidden {
        assert!(matches!(refused, Some(Error::NotFound("room_not_found"))), "{refused:?}");
    }
    let public = room_of(&db, &ann, &[]).await;
    say(&db, &ann, &public, "Hi").await;
    let reader = [
        receipts::raise_marker(&db, &Push::memory(), &eve, &public, ReadMarker::Read(Seq(1))).await.err(),
        receipts::of_message(&db, &eve, &public, Seq(1)).await.err(),
    ];
    for refused in reader {
        assert!(matches!(refused, Some(Error::Forbidden("not_a_member"))), "{refused:?}");
    }
}

#[tokio::test]
async fn marking_read_in_a_room_of_a_thousand_blocks_no_sender_and_no_sender_blocks_it() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let ann = person(&db, "ann").await;
    let room = room_of(&db, &ann, &[]).await;
    let RoomRef::Id(RoomId(id)) = room else { panic!("an id") };
    let crowd = format!(
        "insert into users (username, display_name, password_hash, created_at) select concat('u', seq), 'U', 'x', 0 from {} s;
         insert into members (room_id, user_id, joined_at) select {id}, id, 0 from users where username <> 'ann'",
        fixture::numbers(1000)
    );
    for statement in crowd.split(';') {
        db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect("a crowd");
    }
    say(&db, &ann, &room, "Hi, everyone").await;
    let ids: Vec<u64> = sqlx::query_scalar("select id from users where username <> 'ann'")
        .fetch_all(&mut *db.acquire().await.expect("a connection"))
        .await
        .expect("ids");
    // A sender holds the room's row; a reader that needed it would wait 3 s and fail.
    let mut held = db.begin().await.expect("a transaction");
    members::lock(&mut held, &room, ann.user).await.expect("locked");
    let readers = ids.chunks(250).map(|ids| {
        let (db, ids, room) = (Db::lazy(&url).expect("a URL"), ids.to_vec(), room.clone());
        tokio::spawn(async move {
            for id in ids {
                let reader = caller(UserId(id), "reader");
                assert_eq!(read(&db, &reader, &room, Seq(1)).await.read_seq, Seq(1));
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for reader in readers {
        reader.await.expect("every mark was set");
    }
    held.finish(Ok(())).await.expect("let go");
    // Conversely, senders meet no lock while a thousand users read.
    let (other, same) = (Db::lazy(&url).expect("a URL"), room.clone());
    let reading = tokio::spawn(async move {
        for id in ids {
            read(&other, &caller(UserId(id), "reader"), &same, Seq(1 + id % 20)).await;
        }
    });
    for number in 2..=20 {
        assert_eq!(say(&db, &ann, &room, "and on").await.message.seq, Seq(number));
    }
    reading.await.expect("read");
    assert_eq!(receipts::of_message(&db, &ann, &room, Seq(1)).await.expect("receipts").read.len(), 1000);
}

#[tokio::test]
async fn reading_keeps_to_its_statements() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let room = room_of(&db, &ann, &[&bob]).await;
    for text in ["1", "2", "3", "4", "5", "6"] {
        say(&db, &ann, &room, text).await;
    }
    let mark = async |mark| {
        let (outcome, count) = statements(&db, receipts::raise_marker(&db, &push, &bob, &room, mark)).await;
        outcome.expect("marked");
        count
    };
    mark(ReadMarker::Delivered(Seq(1))).await;
    mark(ReadMarker::Read(Seq(1))).await;
    assert_eq!(mark(ReadMarker::Delivered(Seq(2))).await, 3, "how one stands, the mark; and the audience");
    assert_eq!(mark(ReadMarker::Read(Seq(3))).await, 4, "how one stands, the act, the marks; and the audience");
    assert_eq!(mark(ReadMarker::Read(Seq(3))).await, 1, "nothing is new");
    unsend::unsend(&db, &push, &ann, &room, Seq(5)).await.expect("unsent");
    mark(ReadMarker::Read(Seq(3))).await;
    assert_eq!(mark(ReadMarker::Read(Seq(4))).await, 5, "and what was unsent after it");
    assert_eq!(mark(ReadMarker::Read(Seq(6))).await, 4);
    let of_message = || receipts::of_message(&db, &ann, &room, Seq(3));
    of_message().await.expect("prepared");
    assert_eq!(statements(&db, of_message()).await.1, 2);
    let all = || receipts::unread(&db, &ann);
    all().await.expect("prepared");
    assert_eq!(statements(&db, all()).await.1, 1);
}
