//! What is in a room without being unread, its preview or its activity: lines of the system, and what the reader hid. Nothing else shows what they hid.

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::pins;
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::rooms;
use shared::domain::rooms::members;
use shared::domain::rooms::settings;
use shared::domain::sync;
use shared::id::{Rev, RoomId, RoomRef, Seq};
use shared::protocol::messages::{Message, NewContent, NewMessage};
use shared::protocol::rooms::{ChangeRoom, ChangeSettings, NewMembers, NewRoom, Room, RoomKind, Scope};
use shared::push::Push;
use shared::store::Db;

use crate::fixture::{self, limits, person, statements};
use crate::group::Group;

/// Returns the room as lists show it, which all views must agree on.
async fn listed(group: &Group, who: &Caller) -> Room {
    let Group { db, room, .. } = group;
    let one = rooms::find(db, who, room).await.expect("the room");
    let list = rooms::list(db, who, Scope::Joined, PageRequest::default()).await.expect("rooms").items;
    let same = list.into_iter().find(|listed| listed.id == one.id).expect("listed");
    let all = receipts::unread(db, who).await.expect("unread").rooms;
    let summed = all.iter().find(|room| room.room_id == one.id).map_or((0, 0), |room| (room.unread, room.mentions));
    let marked = receipts::raise_marker(db, &Push::memory(), who, room, ReadMarker::Read(Seq(0))).await.expect("unchanged");
    let synced = sync::room(db, who, room, Rev(0), None).await.expect("a sync").room;
    for view in [&same, &synced] {
        assert_eq!((view.unread, view.mentions, view.active_at), (one.unread, one.mentions, one.active_at));
        assert_eq!(seq_of(view), seq_of(&one));
    }
    assert_eq!((summed, marked.unread), ((one.unread, one.mentions), Some(one.unread)));
    one
}

fn seq_of(room: &Room) -> Option<u64> {
    room.last_message.as_ref().map(|message| message.seq.0)
}

fn later(who: &Caller, seconds: i64) -> Caller {
    Caller { now: who.now.plus_seconds(seconds), ..who.clone() }
}

async fn rename(group: &Group, who: &Caller, name: &str) {
    let change = ChangeRoom { name: Some(name.into()), ..ChangeRoom::default() };
    settings::update(&group.db, &group.push, who, &group.room, &change).await.expect("renamed");
}

/// Adds a former member, or invites them if they left; then they join.
async fn add(group: &Group, by: &Caller, whom: &Caller) {
    let new = NewMembers { user_ids: vec![whom.user], ..NewMembers::default() };
    members::add(&group.db, &group.push, by, &group.room, &new).await.expect("added or invited");
    rooms::join(&group.db, &group.push, whom, &group.room).await.expect("joined");
}

/// Every act that leaves a line of the system; eve is a member before and after all of them.
async fn all_lines(group: &Group, owner: &Caller, eve: &Caller) -> u64 {
    let Group { db, push, room, .. } = group;
    let before = rooms::find(db, owner, room).await.expect("the room").last_seq;
    rename(group, owner, &format!("Room {}", owner.now.0)).await;
    rooms::leave(db, push, eve, room, None).await.expect("left");
    add(group, owner, eve).await;
    members::remove(db, push, owner, room, eve.user).await.expect("removed");
    add(group, owner, eve).await;
    members::ban(db, push, owner, room, eve.user).await.expect("banned");
    members::unban(db, owner, room, eve.user).await.expect("forgiven");
    add(group, owner, eve).await;
    rooms::find(db, owner, room).await.expect("the room").last_seq.since(before)
}

#[tokio::test]
async fn lines_of_the_system_neither_count_nor_lift_nor_become_the_preview() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob, &eve]).await;
    let empty = listed(&group, &bob).await;
    assert!(all_lines(&group, &later(&ann, 60), &later(&eve, 60)).await >= 7);
    let quiet = listed(&group, &bob).await;
    assert_eq!((quiet.unread, seq_of(&quiet), quiet.active_at), (0, None, empty.active_at), "a room of lines alone");
    let said = group.said(&later(&ann, 120), "Hi @bob").await;
    all_lines(&group, &later(&ann, 180), &later(&eve, 180)).await;
    let room = listed(&group, &bob).await;
    assert_eq!((room.unread, room.mentions, seq_of(&room)), (1, 1, Some(said.seq.0)));
    assert_eq!(room.active_at, ann.now.plus_seconds(120));
    assert!(room.last_seq > said.seq && room.rev > said.rev, "they are messages still, with seq and rev");
    let hers = listed(&group, &eve).await;
    assert_eq!(hers.active_at, eve.now.plus_seconds(180), "joining lifts the room for the one who joined");
    // Reading up to a line between two messages.
    let last = group.said(&later(&ann, 200), "Again").await;
    let read = async |seq| {
        receipts::raise_marker(&group.db, &group.push, &bob, &group.room, ReadMarker::Read(seq)).await.expect("read").unread
    };
    assert_eq!((read(said.seq).await, read(last.seq.minus(1)).await, read(last.seq).await), (Some(1), Some(1), Some(0)));
    assert_eq!(listed(&group, &bob).await.unread, 0);
}

#[tokio::test]
async fn rooms_of_earlier_releases_count_the_same() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob, &eve]).await;
    let forget = "update rooms set last_system_seq = null, last_member_seq = null";
    let counts = async |unread, seq| {
        let room = listed(&group, &bob).await;
        assert_eq!((room.unread, seq_of(&room)), (unread, seq));
    };
    all_lines(&group, &later(&ann, 1), &later(&eve, 1)).await;
    execute(&group.db, forget).await;
    counts(0, None).await;
    let said = group.said(&ann, "one").await.seq.0;
    all_lines(&group, &later(&ann, 2), &later(&eve, 2)).await;
    counts(1, Some(said)).await;
    execute(&group.db, forget).await;
    counts(1, Some(said)).await;
    rename(&group, &later(&ann, 3), "Known in part").await;
    counts(1, Some(said)).await;
}

/// A release that does not know the columns writes during a deployment or after a return to it: they stay as they were.
#[tokio::test]
async fn what_an_earlier_release_writes_meanwhile_counts_the_same() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (mut unread, mut last, mut names) = (0, None, 0);
    let mut write = async |by_member: bool| {
        if by_member {
            (unread, last) = (unread + 1, Some(group.said(&ann, "Hi").await.seq.0));
        } else {
            names += 1;
            rename(&group, &ann, &format!("Name {names}")).await;
        }
        (unread, last)
    };
    let seen = async || {
        let room = listed(&group, &bob).await;
        (room.unread, seq_of(&room))
    };
    let column = |value: Option<u64>| value.map_or_else(|| "null".to_owned(), |value| value.to_string());
    for case in 0..16 {
        let is_member = |bit: u32| (case >> bit) & 1 == 1;
        let mut connection = group.db.acquire().await.expect("a connection");
        let (system, member): (Option<u64>, Option<u64>) =
            sqlx::query_as("select last_system_seq, last_member_seq from rooms where slug is null")
                .fetch_one(&mut *connection)
                .await
                .expect("the room");
        drop(connection);
        write(is_member(0)).await;
        let expected = write(is_member(1)).await;
        let (system, member) = (column(system), column(member));
        execute(&group.db, &format!("update rooms set last_system_seq = {system}, last_member_seq = {member}")).await;
        assert_eq!(seen().await, expected, "{case}: theirs");
        for bit in [2, 3] {
            let expected = write(is_member(bit)).await;
            assert_eq!(seen().await, expected, "{case}: ours after it, {bit}");
        }
    }
    // Both kinds were written since: nothing is left that is not known.
    write(true).await;
    write(false).await;
    let expected = write(true).await;
    assert_eq!(seen().await, expected);
    let mut connection = group.db.acquire().await.expect("a connection");
    let known: i64 = sqlx::query_scalar("select count(*) from rooms where slug is null and last_uncounted_seq = last_seq - 1")
        .fetch_one(&mut *connection)
        .await
        .expect("a count");
    assert_eq!(known, 1);
}

#[tokio::test]
async fn in_a_direct_room_every_message_counts_until_one_is_unsent() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let push = Push::memory();
    let room = RoomRef::Id(rooms::directs::open(&db, &push, &ann, bob.user).await.expect("open").0.id);
    let send = async || {
        let new = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
        messages::send(&db, &push, &limits(), &ann, SendRequest { room: &room, new: &new }).await.expect("sent").message.seq
    };
    let (first, _, _) = (send().await, send().await, send().await);
    let read = async || {
        let mark = ReadMarker::Read(first);
        let (receipt, count) = statements(&db, receipts::raise_marker(&db, &push, &bob, &room, mark)).await;
        (receipt.expect("read").unread, count)
    };
    read().await;
    let (unread, without) = read().await;
    assert_eq!(unread, Some(2));
    execute(&db, "update rooms set last_system_seq = null, last_member_seq = null").await;
    assert_eq!(read().await, (Some(2), without), "a room of an earlier release");
    unsend::unsend(&db, &push, &ann, &room, Seq(3)).await.expect("unsent");
    assert_eq!(read().await, (Some(1), without + 1));
}

#[tokio::test]
async fn a_room_may_count_lines_of_the_system() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob, &eve]).await;
    let count = async |on| {
        let rules = ChangeSettings { count_system_messages: Some(on), ..ChangeSettings::default() };
        let change = ChangeRoom { settings: rules, ..ChangeRoom::default() };
        let room = settings::update(&group.db, &group.push, &ann, &group.room, &change).await.expect("changed");
        assert_eq!(room.settings.count_system_messages, on);
    };
    let said = group.said(&ann, "one").await;
    let lines = all_lines(&group, &later(&ann, 60), &later(&eve, 60)).await;
    count(true).await;
    let room = listed(&group, &bob).await;
    assert_eq!((room.unread, seq_of(&room)), (1 + lines, Some(said.seq.0 + lines)), "also those from before");
    rename(&group, &later(&ann, 120), "New").await;
    assert_eq!(listed(&group, &bob).await.active_at, ann.now.plus_seconds(120));
    unsend::hide(&group.db, &group.push, &bob, &group.room, said.seq.next()).await.expect("hidden");
    assert_eq!(listed(&group, &bob).await.unread, 1 + lines, "one more line, one hidden");
    count(false).await;
    let room = listed(&group, &bob).await;
    assert_eq!((room.unread, seq_of(&room)), (1, Some(said.seq.0)));
}

#[tokio::test]
async fn a_room_that_one_joins_is_first_in_ones_list_alone_and_pages_join_up() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let mut all = Vec::new();
    for number in 0..6_i64 {
        let new = NewRoom { name: format!("Room {number}"), ..NewRoom::default() };
        all.push(rooms::create(&db, &push, &later(&ann, number), RoomKind::Public, &new).await.expect("made").id);
    }
    for (at, room) in [(60, all[1]), (61, all[4]), (62, all[0])] {
        rooms::join(&db, &push, &later(&bob, at), &RoomRef::Id(room)).await.expect("joined");
    }
    let own = [all[0], all[4], all[1]];
    let everything = [&own[..], &[all[5], all[3], all[2]]].concat();
    for size in 1..=8 {
        assert_eq!(pages(&db, &bob, Scope::All, size).await, everything, "pages of {size}");
        assert_eq!(pages(&db, &bob, Scope::Joined, size).await, own, "pages of {size}");
    }
    let hers: Vec<_> = all.iter().rev().copied().collect();
    assert_eq!(pages(&db, &ann, Scope::Joined, 100).await, hers, "others see no difference");
}

/// Lists all rooms but the default one in pages.
async fn pages(db: &Db, who: &Caller, scope: Scope, size: u32) -> Vec<RoomId> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let paging = PageRequest { cursor: cursor.as_deref(), limit: Some(size) };
        let page = rooms::list(db, who, scope, paging).await.expect("a page");
        found.extend(page.items.into_iter().filter(|room| room.slug.is_none()).map(|room| room.id));
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn what_one_hid_is_not_unread_and_the_preview_is_what_is_left() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    for text in ["one", "@bob two", "@bob three", "four"] {
        group.said(&ann, text).await;
    }
    let expect = async |unread, mentions, seq| {
        let view = listed(&group, &bob).await;
        assert_eq!((view.unread, view.mentions, seq_of(&view)), (unread, mentions, seq));
    };
    let hide = async |seq| unsend::hide(db, push, &bob, room, Seq(seq)).await.expect("hidden");
    expect(4, 2, Some(4)).await;
    hide(2).await;
    hide(2).await;
    expect(3, 1, Some(4)).await;
    hide(4).await;
    expect(2, 1, Some(3)).await;
    unsend::unsend(db, push, &ann, room, Seq(2)).await.expect("unsent");
    expect(2, 1, Some(3)).await;
    let read = async |seq| receipts::raise_marker(db, push, &bob, room, ReadMarker::Read(Seq(seq))).await.expect("read");
    let receipt = read(1).await;
    assert_eq!((receipt.read_seq, receipt.unread), (Seq(1), Some(1)), "the marker is where it was set");
    hide(3).await;
    expect(0, 0, Some(1)).await;
    hide(1).await;
    expect(0, 0, None).await;
    let hers = listed(&group, &ann).await;
    assert_eq!((hers.unread, seq_of(&hers)), (0, Some(4)), "for others nothing changed");
    group.said(&ann, "@bob five").await;
    expect(1, 1, Some(5)).await;
}

#[tokio::test]
async fn what_an_earlier_release_hid_is_not_unread_either() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    for text in ["one", "two", "three"] {
        group.said(&ann, text).await;
    }
    let hide = "insert into hidden_messages (user_id, room_id, seq, created_at) select";
    execute(&group.db, &format!("{hide} {}, id, last_seq, 0 from rooms where slug is null", bob.user)).await;
    let room = listed(&group, &bob).await;
    assert_eq!((room.unread, seq_of(&room)), (2, Some(2)));
}

#[tokio::test]
async fn hiding_nothing_costs_no_statement() {
    let db = fixture::database().await;
    let (ann, bob, eve) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "eve").await);
    let group = Group::of(db, &ann, &[&bob, &eve]).await;
    let Group { db, push, room, .. } = &group;
    for number in 0..8 {
        group.said(&ann, &format!("text {number}")).await;
    }
    let read = async |who: &Caller, seq| {
        let mark = ReadMarker::Read(Seq(seq));
        statements(db, receipts::raise_marker(db, push, who, room, mark)).await.1
    };
    unsend::hide(db, push, &eve, room, Seq(4)).await.expect("hidden");
    for who in [&bob, &eve] {
        read(who, 1).await;
    }
    let (without, with) = (read(&bob, 2).await, read(&eve, 2).await);
    assert_eq!((without, with), (4, 5));
    assert_eq!((read(&bob, 5).await, read(&eve, 5).await), (4, 4), "what was hidden is read");
    let list = async |who| statements(db, rooms::list(db, who, Scope::Joined, PageRequest::default())).await.1;
    list(&bob).await;
    assert_eq!((list(&bob).await, list(&eve).await), (2, 2), "the rooms, and their mentions");
}

#[tokio::test]
async fn no_quote_shows_what_the_reader_hid() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let Group { db, push, room, .. } = &group;
    let quoted = group.said(&ann, "a secret").await;
    let reply = async |who: &Caller, text: &str| {
        let new = NewMessage { content: Some(text.into()), reply_to: Some(quoted.seq), ..NewMessage::default() };
        messages::send(db, push, &limits(), who, SendRequest { room, new: &new }).await.expect("sent").message
    };
    let first = reply(&ann, "about it").await;
    pins::pin(db, push, &ann, room, first.seq).await.expect("pinned");
    unsend::hide(db, push, &bob, room, quoted.seq).await.expect("hidden");
    let last = reply(&ann, "about it again").await;
    let seen = async |who: &Caller| {
        let mut seen: Vec<Message> = group.history(who).await;
        seen.extend(sync::room(db, who, room, Rev(0), None).await.expect("a sync").messages);
        seen.extend(pins::list(db, who, room).await.expect("pins").items);
        seen.push(group.shown(who, first.seq).await);
        seen.extend(rooms::find(db, who, room).await.expect("the room").last_message);
        let replies = seen.into_iter().filter_map(|message| message.reply_to).collect::<Vec<_>>();
        assert_eq!(replies.len(), 7, "two in the history, two in the sync, a pin, the message, and the preview");
        assert!(replies.iter().all(|reply| reply.seq == quoted.seq));
        replies.into_iter().map(|reply| (reply.username, reply.preview)).collect::<Vec<_>>()
    };
    assert!(seen(&bob).await.iter().all(|shown| *shown == (None, String::new())));
    let whole = (Some("ann".to_owned()), "a secret".to_owned());
    assert!(seen(&ann).await.iter().all(|shown| *shown == whole));
    // What is pushed to all is whole, whatever its author hid.
    unsend::hide(db, push, &ann, room, quoted.seq).await.expect("hidden");
    group.frames().await;
    let new = NewContent { content: "about it, edited".into() };
    edits::edit(db, push, &limits(), &ann, EditRequest { room, seq: last.seq, new: &new }).await.expect("edited");
    let frames = group.frames().await;
    assert!(!frames.is_empty() && frames.iter().all(|(_, frame)| format!("{frame:?}").contains("a secret")), "{frames:?}");
}

async fn execute(db: &Db, sql: &str) {
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *connection).await.expect("done");
}
