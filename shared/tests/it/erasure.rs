//! The rules of erasing an account: what was written stays as a deleted user's, and nothing else of its person is found anywhere.

use std::time::{Duration, Instant};

use shared::caller::Caller;
use shared::domain::accounts;
use shared::domain::admin::{self, Asking};
use shared::domain::edits::{self, Editing};
use shared::domain::erasure::{self, Asker};
use shared::domain::messages::{self, Part};
use shared::domain::receipts::{self, Mark};
use shared::domain::{blocks, directs, friends, invites, members, profiles, reports, rooms, sweeping, sync, unsending};
use shared::error::{Error, Result};
use shared::id::RoomRef;
use shared::protocol::accounts::{Authenticated, Register};
use shared::protocol::admin::AccountRole;
use shared::protocol::frames::Frame;
use shared::protocol::friends::NewFriend;
use shared::protocol::invites::NewInvite;
use shared::protocol::messages::{Forward, Message, NewContent, NewMessage};
use shared::protocol::profiles::ChangeMe;
use shared::protocol::reports::NewReport;
use shared::protocol::rooms::{NewMembers, NewRoom, Role, RoomKind};
use shared::push::Push;
use shared::store::Db;
use shared::store::subscriptions::{self, Endpoint};

use crate::desk::{Desk, NOW, PASSWORD, visitor};
use crate::fixture::limits;

/// In every field that says something of the person.
const CANARY: &str = "canary";
const ADDRESS: &str = "198.51.100.77";

pub(crate) async fn register(desk: &Desk, name: &str) -> (Authenticated, Caller) {
    let given = Register {
        username: name.into(),
        password: PASSWORD.into(),
        email: Some(format!("{name}@example.com")),
        display_name: Some(format!("The {name}")),
        device: Some(format!("{name}'s phone")),
    };
    let ip = if name.starts_with(CANARY) { ADDRESS } else { "192.0.2.1" };
    let made = accounts::register(&desk.db, &desk.issuer, &desk.throttle, &visitor(ip), &given).await.expect("registered");
    let caller = desk.caller(&made).await.expect("signed in");
    (made, caller)
}

pub(crate) async fn erase(desk: &Desk, made: &Authenticated, password: &str) -> Result<()> {
    let keys = &desk.issuer.keys;
    let asker = erasure::authenticate(&desk.db, keys, &made.tokens.access_token, NOW).await?;
    erasure::erase(&desk.db, &desk.push, &desk.throttle, &asker, password).await
}

pub(crate) async fn room(desk: &Desk, owner: &Caller, kind: RoomKind, others: &[&Caller]) -> RoomRef {
    let member_ids = others.iter().map(|other| other.user).collect();
    let new = NewRoom { name: "Room".into(), kind: None, topic: None, member_ids };
    RoomRef::Id(rooms::create(&desk.db, &desk.push, owner, kind, &new).await.expect("made").id)
}

async fn say(desk: &Desk, who: &Caller, room: &RoomRef, new: NewMessage) -> Message {
    messages::send(&desk.db, &desk.push, &limits(), who, (room, &new)).await.expect("sent").message
}

pub(crate) async fn said(desk: &Desk, who: &Caller, room: &RoomRef, content: &str) -> Message {
    say(desk, who, room, NewMessage { content: Some(content.into()), ..NewMessage::default() }).await
}

async fn history(desk: &Desk, who: &Caller, room: &RoomRef) -> Vec<Message> {
    messages::history(&desk.db, who, room, Part::Newest, Some(100)).await.expect("history").items
}

/// Every value of every column of text in which something stands.
async fn found(db: &Db, something: &str) -> Vec<String> {
    let mut connection = db.acquire().await.expect("a connection");
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select table_name, column_name from information_schema.columns
         where table_schema = database() and table_name <> '_sqlx_migrations'
           and data_type in ('char', 'varchar', 'text', 'mediumtext', 'longtext', 'binary', 'varbinary', 'blob', 'json')",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("the columns");
    assert!(columns.len() > 20, "{columns:?}");
    let mut places = Vec::new();
    for (table, column) in columns {
        let text = format!("select count(*) from {table} where locate(?, lower(convert({column} using utf8mb4))) > 0");
        let count: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(something).fetch_one(&mut *connection).await.expect("a number");
        if count > 0 {
            places.push(format!("{table}.{column}"));
        }
    }
    places
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_found_in_any_column() {
    let desk = Desk::open().await;
    let Desk { db, push, .. } = &desk;
    let (made, canary) = register(&desk, "canary_1").await;
    let ((_, bob), (_, cat)) = (register(&desk, "bob").await, register(&desk, "cat").await);
    let about = ChangeMe { about: Some("A canary among cats".into()), ..ChangeMe::default() };
    profiles::change(db, push, &desk.throttle, &canary, &about).await.expect("changed");
    let (url, hash, keys) = ("https://push.example/canary".into(), [7; 32], (vec![4; 65], vec![5; 16], vec![6; 8]));
    let device = Endpoint { url, hash, public: keys.0, auth: keys.1, vapid: keys.2 };
    subscriptions::put(&mut db.acquire().await.expect("a connection"), &canary, &device).await.expect("subscribed");
    // Lines of the system: as who does, and to whom it is done.
    let group = room(&desk, &canary, RoomKind::Group, &[&bob]).await;
    let new = NewMembers { user_ids: vec![cat.user], ..NewMembers::default() };
    members::add(db, push, &canary, &group, &new).await.expect("added");
    let his = room(&desk, &bob, RoomKind::Group, &[]).await;
    let new = NewMembers { usernames: vec!["canary_1".into(), "cat".into()], ..NewMembers::default() };
    members::add(db, push, &bob, &his, &new).await.expect("added");
    members::remove(db, push, &bob, &his, canary.user).await.expect("removed");
    rooms::join(db, push, &canary, &RoomRef::general()).await.expect("joined");
    // Mentions, edited and not, and words that were passed on, twice, to a room that is not theirs.
    let words = say(
        &desk,
        &canary,
        &group,
        NewMessage { content: Some("Good words".into()), client_id: Some("canary-key".into()), ..NewMessage::default() },
    )
    .await;
    let mention = said(&desk, &bob, &group, "Ask @Canary_1. She knows").await;
    let other = said(&desk, &bob, &group, "@canary_1 and @cat, @canary_1!").await;
    let new = NewContent { content: "@cat alone".into() };
    edits::edit(db, push, &limits(), &bob, Editing { room: &group, seq: other.seq, new: &new }).await.expect("edited");
    let secret = room(&desk, &bob, RoomKind::Group, &[&cat]).await;
    let forward =
        |room: &RoomRef, seq| NewMessage { forward: Some(Forward { room_id: room.clone(), seq }), ..NewMessage::default() };
    let once = say(&desk, &bob, &secret, forward(&group, words.seq)).await;
    let twice = say(&desk, &cat, &secret, forward(&secret, once.seq)).await;
    assert_eq!(twice.forwarded.and_then(|first| first.username).as_deref(), Some("canary_1"));
    // What stands between people, and what they leave behind.
    let direct = directs::open(db, push, &canary, bob.user).await.expect("opened").0;
    said(&desk, &canary, &RoomRef::Id(direct.id), "Hello Bob").await;
    let notes = directs::open(db, push, &canary, canary.user).await.expect("opened").0;
    said(&desk, &canary, &RoomRef::Id(notes.id), "Dear diary, I am the canary").await;
    friends::ask(db, push, &canary, &NewFriend { user_id: Some(bob.user), username: None }).await.expect("asked");
    blocks::add(db, push, &canary, cat.user).await.expect("blocked");
    invites::create(db, &canary, &group, &NewInvite::default()).await.expect("made");
    let reason = NewReport { reason: Some("The canary objects".into()) };
    reports::report(db, &canary, &group, mention.seq, &reason).await.expect("reported");
    // Somebody else reports what mentions them: the report keeps it, without their name.
    reports::report(db, &cat, &group, other.seq, &NewReport::default()).await.expect("reported");
    receipts::mark(db, push, &canary, &group, Mark::Read(mention.seq)).await.expect("read");
    desk.set("canary_1", "role = 'admin'").await;
    let asking = Asking { caller: canary.clone(), ip: ADDRESS.into() };
    admin::set_role(db, &asking, cat.user, AccountRole::Admin).await.expect("appointed");
    for (something, places) in [(CANARY, 11), (ADDRESS, 2)] {
        let before = found(db, something).await;
        assert!(before.len() >= places, "the canary sings before: {before:?}");
    }
    push.taken().await;

    erase(&desk, &made, PASSWORD).await.expect("erased");

    for something in [CANARY, ADDRESS] {
        assert_eq!(found(db, something).await, Vec::<String>::new(), "{something}");
    }
    let heard = push.taken().await;
    assert!(!format!("{heard:?}").to_lowercase().contains(CANARY), "{heard:?}");
    let told = |want: fn(&Frame) -> bool| heard.iter().any(|(user, frame)| *user == bob.user && want(frame));
    assert!(
        told(|frame| matches!(frame, Frame::MemberRemoved { .. })) && told(|frame| matches!(frame, Frame::FriendRemoved { .. }))
    );
    // What others read is whole, and nobody's.
    let read = history(&desk, &bob, &group).await;
    let texts: Vec<_> = read.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(
        texts,
        ["deleted user added cat", "Good words", "Ask @deleted user. She knows", "@cat alone", "deleted user left"],
        "bob made the second edit"
    );
    assert_eq!(read[1].username, Some(format!("deleted user {}", canary.user)));
    assert!(read[2].mentions.is_empty() && read[3].mentions == [cat.user]);
    let lines: Vec<_> = history(&desk, &bob, &his).await.into_iter().map(|message| message.content).collect();
    assert_eq!(lines, ["bob added deleted user, cat", "bob removed deleted user"]);
    let passed: Vec<_> =
        history(&desk, &cat, &secret).await.into_iter().filter_map(|message| message.forwarded?.username).collect();
    assert_eq!(passed, ["deleted user", "deleted user"]);
    let shown = profiles::find(db, push, &bob, canary.user).await.expect("somebody was there");
    assert_eq!((shown.display_name.as_str(), shown.about.as_str(), shown.avatar_url.as_deref()), ("deleted user", "", None));
    // The other one keeps the direct room, to read.
    let kept = rooms::find(db, &bob, &RoomRef::Id(direct.id)).await.expect("his");
    assert!(kept.settings.archived && kept.direct_user.is_some_and(|user| user.display_name == "deleted user"));
    assert_eq!(history(&desk, &bob, &RoomRef::Id(direct.id)).await[0].content, "Hello Bob");
    let refused = directs::open(db, push, &bob, canary.user).await.err();
    assert!(matches!(refused, Some(Error::NotFound("user_not_found"))), "{refused:?}");
}

#[tokio::test]
async fn what_was_reported_of_an_erased_person_is_kept_until_the_report_is_closed_and_no_longer() {
    let desk = Desk::open().await;
    let Desk { db, push, .. } = &desk;
    let (made, canary) = register(&desk, "canary_2").await;
    let (_, bob) = register(&desk, "bob").await;
    let group = room(&desk, &bob, RoomKind::Group, &[&canary]).await;
    let words = said(&desk, &canary, &group, "Canary words").await;
    let edited = NewContent { content: "Canary words, edited".into() };
    edits::edit(db, push, &limits(), &canary, Editing { room: &group, seq: words.seq, new: &edited }).await.expect("edited");
    let picture = crate::rights::hung(&desk, &canary, words.room_id.0, words.seq).await;
    reports::report(db, &bob, &group, words.seq, &NewReport { reason: Some("Bad".into()) }).await.expect("reported");
    unsending::unsend(db, push, &canary, &group, words.seq).await.expect("unsent");
    erase(&desk, &made, PASSWORD).await.expect("erased");
    sweeping::sweep(db, &crate::rights::media(), NOW, || false).await.expect("swept");
    // Open: the words and who said them, as the number of a deleted user; nothing else of the person.
    assert_eq!(found(db, CANARY).await, ["report_evidence.content", "report_evidence.edits"]);
    let open = reports::list(db, &bob, &group, (None, None)).await.expect("a page").items.remove(0);
    assert_eq!((open.content.as_str(), open.sender), ("Canary words, edited", Some(format!("deleted user {}", canary.user))));
    assert!(open.attachments[0].upload_id != picture && states(db).await == ["doomed", "ready"], "its bytes are shown still");
    reports::close(db, &bob, &group, open.id).await.expect("closed");
    let mut looks = 0;
    let looked = || {
        looks += 1;
        looks < 2
    };
    sweeping::sweep(db, &crate::rights::media(), NOW, looked).await.expect("swept");
    assert_eq!(found(db, CANARY).await, Vec::<String>::new());
    assert_eq!(states(db).await, ["doomed", "doomed"], "the sweep that removes bytes finds both");
}

async fn states(db: &Db) -> Vec<String> {
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query_scalar("select cast(state as char) from uploads order by id").fetch_all(&mut *connection).await.expect("states")
}

#[tokio::test]
async fn the_account_ends_at_once_and_its_name_is_free_again() {
    let desk = Desk::open().await;
    let (made, ann) = register(&desk, "ann").await;
    let wrong = erase(&desk, &made, "not the password").await;
    assert!(matches!(wrong, Err(Error::Forbidden("wrong_password"))), "{wrong:?}");
    desk.caller(&made).await.expect("a wrong password ends nothing");
    let second = desk.login("ann", PASSWORD, "192.0.2.9").await.expect("logged in");
    erase(&desk, &made, PASSWORD).await.expect("erased");
    for session in [&made, &second] {
        assert!(matches!(desk.caller(session).await, Err(Error::Unauthenticated("session_ended"))));
    }
    assert!(matches!(erase(&desk, &made, PASSWORD).await, Err(Error::Unauthenticated("session_ended"))), "once is enough");
    assert!(matches!(desk.login("ann", PASSWORD, "192.0.2.9").await, Err(Error::Unauthenticated("invalid_credentials"))));
    let (_, again) = register(&desk, "ann").await;
    assert_ne!(again.user, ann.user, "the name is free, and somebody else's");
    // Whoever was let through before and comes late finds no door.
    let (db, push) = (&desk.db, &desk.push);
    let late = rooms::join(db, push, &ann, &RoomRef::general()).await.err();
    assert!(matches!(late, Some(Error::Unauthenticated("session_ended"))), "{late:?}");
    let new = NewRoom { name: "Late".into(), kind: None, topic: None, member_ids: Vec::new() };
    let late = rooms::create(db, push, &ann, RoomKind::Group, &new).await.err();
    assert!(matches!(late, Some(Error::Unauthenticated("session_ended"))), "{late:?}");
    let late = directs::open(db, push, &ann, again.user).await.err();
    assert!(matches!(late, Some(Error::Unauthenticated("session_ended"))), "{late:?}");
}

#[tokio::test]
async fn a_room_gets_another_owner_and_stays_what_it_was() {
    let desk = Desk::open().await;
    let Desk { db, push, .. } = &desk;
    let ((made, ann), (_, bob), (_, cat)) =
        (register(&desk, "ann").await, register(&desk, "bob").await, register(&desk, "cat").await);
    let group = room(&desk, &ann, RoomKind::Group, &[&bob, &cat]).await;
    members::set_role(db, push, &ann, (&group, cat.user), Role::Admin).await.expect("an admin");
    let alone = room(&desk, &ann, RoomKind::Group, &[]).await;
    said(&desk, &ann, &alone, "to myself").await;
    let before = rooms::find(db, &bob, &group).await.expect("his");
    push.taken().await;
    erase(&desk, &made, PASSWORD).await.expect("erased");
    let after = rooms::find(db, &bob, &group).await.expect("his");
    assert_eq!((before.members_count, after.members_count), (3, 2));
    let listed = members::list(db, &bob, &group, (None, None)).await.expect("members").items;
    let roles: Vec<_> = listed.iter().map(|member| (member.user.id, member.role)).collect();
    assert_eq!(roles, [(bob.user, Role::Member), (cat.user, Role::Owner)], "an admin before others");
    let revs: Vec<_> = push
        .taken()
        .await
        .into_iter()
        .filter(|(user, _)| *user == bob.user)
        .filter_map(|(_, frame)| frame.change())
        .filter(|(room, _)| RoomRef::Id(*room) == group)
        .map(|(_, rev)| rev)
        .collect();
    let expected: Vec<_> = (before.rev + 1..=after.rev).collect();
    assert_eq!(revs, expected, "every change was told, without a hole");
    let synced = sync::room(db, &bob, &group, before.rev, None).await.expect("what changed");
    assert_eq!((synced.rev, synced.members.len()), (after.rev, 2), "the heir, and who left");
    let left: i64 = sqlx::query_scalar("select count(*) from messages where content = 'to myself'")
        .fetch_one(&mut **db.acquire().await.as_mut().expect("a connection"))
        .await
        .expect("a number");
    assert_eq!(left, 0, "a room that was theirs alone goes with them");
}

/// As if the function had ended after its first transaction.
const CUT_OFF: &str = "erased_name = username, username = concat('deleted user ', id), deleted_at = 1800000000000, password_hash = '', \
                       email = null, display_name = 'deleted user'";

#[tokio::test]
async fn erasing_that_was_cut_off_goes_on_when_asked_again() {
    let desk = Desk::open().await;
    let ((made, canary), (_, bob)) = (register(&desk, "canary_2").await, register(&desk, "bob").await);
    let group = room(&desk, &canary, RoomKind::Group, &[&bob]).await;
    said(&desk, &bob, &group, "@canary_2 hi").await;
    desk.set("canary_2", CUT_OFF).await;
    assert!(matches!(desk.caller(&made).await, Err(Error::Unauthenticated("session_ended"))), "it is good for nothing else");
    let keys = &desk.issuer.keys;
    let asker = erasure::authenticate(&desk.db, keys, &made.tokens.access_token, NOW).await.expect("known");
    assert!(matches!(asker, Asker::Again(_)), "{asker:?}");
    erase(&desk, &made, "").await.expect("erased");
    assert_eq!(found(&desk.db, CANARY).await, Vec::<String>::new());
    assert_eq!(history(&desk, &bob, &group).await[0].content, "@deleted user hi");
}

#[tokio::test]
async fn erasing_that_nobody_goes_on_with_goes_on_by_the_clock() {
    let desk = Desk::open().await;
    let Desk { db, push, .. } = &desk;
    let ((_, canary), (_, bob)) = (register(&desk, "canary_3").await, register(&desk, "bob").await);
    let group = room(&desk, &canary, RoomKind::Group, &[&bob]).await;
    said(&desk, &bob, &group, "@canary_3 hi").await;
    desk.set("canary_3", CUT_OFF).await;
    push.taken().await;
    let late = Instant::now() + Duration::from_secs(30);
    let go_on = async |seconds, end| erasure::go_on(db, push, NOW.plus_seconds(seconds), end).await.expect("no failure");
    assert_eq!(go_on(59, late).await, 0, "whoever asked may still be at it");
    assert_eq!(go_on(60, Instant::now()).await, 0, "without time nothing is done, and nothing fails");
    assert_eq!(go_on(60, late).await, 1);
    assert_eq!(found(db, CANARY).await, Vec::<String>::new());
    assert_eq!(history(&desk, &bob, &group).await[0].content, "@deleted user hi");
    assert!(push.taken().await.iter().any(|(user, frame)| *user == bob.user && matches!(frame, Frame::MemberRemoved { .. })));
    assert_eq!(go_on(600, late).await, 0, "once is enough");
}

#[tokio::test]
async fn an_erasure_that_fails_hinders_no_other() {
    let desk = Desk::open().await;
    let Desk { db, push, .. } = &desk;
    for name in ["canary_4", "ann"] {
        register(&desk, name).await;
    }
    let (first, second) = ("erased_name = username, deleted_at = 1", "erased_name = username, deleted_at = 2");
    for (name, cut_off) in [("ann", first), ("canary_4", second)] {
        desk.set(name, cut_off).await;
    }
    // In a room that is not there.
    let astray = "insert into members (room_id, user_id, joined_at) select 4711, id, 1 from users where username = 'ann'";
    sqlx::query(astray).execute(&mut *db.acquire().await.expect("a connection")).await.expect("astray");
    let end = Instant::now() + Duration::from_secs(30);
    let failed = erasure::go_on(db, push, NOW, end).await.err();
    assert!(matches!(failed, Some(Error::NotFound("room_not_found"))), "{failed:?}");
    let left: Vec<String> = sqlx::query_scalar("select erased_name from users where erased_name is not null")
        .fetch_all(&mut *db.acquire().await.expect("a connection"))
        .await
        .expect("a list");
    assert_eq!(left, ["ann"]);
}

#[tokio::test]
async fn a_person_who_joins_while_they_are_erased_is_found_or_refused() {
    let desk = Desk::open().await;
    let (made, ann) = register(&desk, "ann").await;
    let (_, bob) = register(&desk, "bob").await;
    let public = room(&desk, &bob, RoomKind::Public, &[]).await;
    let joining: Vec<_> = (0..10)
        .map(|_| {
            let (url, ann, public) = (desk.url.clone(), ann.clone(), public.clone());
            tokio::spawn(async move {
                let db = Db::lazy(&url).expect("a URL");
                for _ in 0..20 {
                    let _ = rooms::join(&db, &Push::memory(), &ann, &public).await;
                    let _ = rooms::leave(&db, &Push::memory(), &ann, &public, None).await;
                }
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    erase(&desk, &made, PASSWORD).await.expect("erased");
    for join in joining {
        join.await.expect("ran");
    }
    assert_eq!(rooms::find(&desk.db, &bob, &public).await.expect("his").members_count, 1);
    let named = history(&desk, &bob, &public).await.into_iter().filter(|message| message.content.contains("ann")).count();
    assert_eq!(named, 0);
    let kept: i64 = sqlx::query_scalar("select count(*) from members where user_id = ? and state = 'joined'")
        .bind(ann.user.0)
        .fetch_one(&mut **desk.db.acquire().await.as_mut().expect("a connection"))
        .await
        .expect("a number");
    assert_eq!(kept, 0);
}
