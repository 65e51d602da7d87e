//! Erasure of an account: messages remain under a deleted user, and no other personal data is found anywhere.

use std::time::{Duration, Instant};

use shared::caller::Caller;
use shared::domain::admin::{self, AdminCaller};
use shared::domain::auth::accounts;
use shared::domain::erasure::{self, ErasureRequester};
use shared::domain::messages::SendRequest;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, HistoryRange};
use shared::domain::paging::PageRequest;
use shared::domain::people::blocks;
use shared::domain::people::friends;
use shared::domain::people::profiles;
use shared::domain::reports;
use shared::domain::rooms;
use shared::domain::rooms::directs;
use shared::domain::rooms::invite_codes;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::sweep;
use shared::domain::sync;
use shared::error::{Error, Result};
use shared::id::RoomRef;
use shared::protocol::accounts::{Authenticated, Register};
use shared::protocol::admin::AccountRole;
use shared::protocol::frames::Frame;
use shared::protocol::friends::NewFriend;
use shared::protocol::invite_codes::NewInvite;
use shared::protocol::messages::{Forward, Message, NewContent, NewMessage};
use shared::protocol::profiles::ChangeMe;
use shared::protocol::reports::NewReport;
use shared::protocol::rooms::{NewMembers, NewRoom, Role, RoomKind};
use shared::push::Push;
use shared::store::Db;
use shared::store::subscriptions::{self, Endpoint};

use crate::backend::{Backend, NOW, PASSWORD, visitor};
use crate::fixture::{self, limits};

/// Stands in every personal field.
const CANARY: &str = "canary";
const ADDRESS: &str = "198.51.100.77";

pub(crate) async fn register(backend: &Backend, name: &str) -> (Authenticated, Caller) {
    let given = Register {
        username: name.into(),
        password: PASSWORD.into(),
        email: Some(format!("{name}@example.com")),
        display_name: Some(format!("The {name}")),
        device: Some(format!("{name}'s phone")),
    };
    let ip = if name.starts_with(CANARY) { ADDRESS } else { "192.0.2.1" };
    let made = accounts::register(&backend.db, backend.sign_in(&visitor(ip)), &[], &given).await.expect("registered");
    let caller = backend.caller(&made).await.expect("signed in");
    (made, caller)
}

pub(crate) async fn erase(backend: &Backend, made: &Authenticated, password: &str) -> Result<()> {
    let keys = &backend.issuer.keys;
    let asker = erasure::authenticate(&backend.db, keys, &made.tokens.access_token, NOW).await?;
    erasure::erase(&backend.db, &backend.push, &backend.throttle, &asker, password).await
}

pub(crate) async fn room(backend: &Backend, owner: &Caller, kind: RoomKind, others: &[&Caller]) -> RoomRef {
    let member_ids = others.iter().map(|other| other.user).collect();
    let new = NewRoom { name: "Room".into(), member_ids, ..NewRoom::default() };
    RoomRef::Id(rooms::create(&backend.db, &backend.push, owner, kind, &new).await.expect("made").id)
}

async fn say(backend: &Backend, who: &Caller, room: &RoomRef, new: NewMessage) -> Message {
    messages::send(&backend.db, &backend.push, &limits(), who, SendRequest { room, new: &new }).await.expect("sent").message
}

pub(crate) async fn said(backend: &Backend, who: &Caller, room: &RoomRef, content: &str) -> Message {
    say(backend, who, room, NewMessage { content: Some(content.into()), ..NewMessage::default() }).await
}

async fn history(backend: &Backend, who: &Caller, room: &RoomRef) -> Vec<Message> {
    messages::history(&backend.db, who, room, HistoryRange::Newest, Some(100)).await.expect("history").items
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_found_in_any_column() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let (made, canary) = register(&backend, "canary_1").await;
    let ((_, bob), (_, cat)) = (register(&backend, "bob").await, register(&backend, "cat").await);
    let about = ChangeMe { about: Some("A canary among cats".into()), ..ChangeMe::default() };
    profiles::change(db, push, &backend.throttle, &canary, &about).await.expect("changed");
    let (url, hash, keys) = ("https://push.example/canary".into(), [7; 32], (vec![4; 65], vec![5; 16], vec![6; 8]));
    let device = Endpoint { url, hash, public: keys.0, auth: keys.1, vapid: keys.2 };
    subscriptions::upsert(&mut db.acquire().await.expect("a connection"), &canary, &device).await.expect("subscribed");
    // System messages, as actor and as subject.
    let group = room(&backend, &canary, RoomKind::Group, &[&bob]).await;
    let new = NewMembers { user_ids: vec![cat.user], ..NewMembers::default() };
    members::add(db, push, &canary, &group, &new).await.expect("added");
    let his = room(&backend, &bob, RoomKind::Group, &[]).await;
    let new = NewMembers { usernames: vec!["canary_1".into(), "cat".into()], ..NewMembers::default() };
    members::add(db, push, &bob, &his, &new).await.expect("added");
    members::remove(db, push, &bob, &his, canary.user).await.expect("removed");
    rooms::join(db, push, &canary, &RoomRef::general()).await.expect("joined");
    // Mentions, edited and not, and twice-forwarded messages in a room they are not in.
    let words = say(
        &backend,
        &canary,
        &group,
        NewMessage { content: Some("Good words".into()), client_id: Some("canary-key".into()), ..NewMessage::default() },
    )
    .await;
    let mention = said(&backend, &bob, &group, "Ask @Canary_1. She knows").await;
    let other = said(&backend, &bob, &group, "@canary_1 and @cat, @canary_1!").await;
    let new = NewContent { content: "@cat alone".into() };
    edits::edit(db, push, &limits(), &bob, EditRequest { room: &group, seq: other.seq, new: &new }).await.expect("edited");
    let secret = room(&backend, &bob, RoomKind::Group, &[&cat]).await;
    let forward =
        |room: &RoomRef, seq| NewMessage { forward: Some(Forward { room_id: room.clone(), seq }), ..NewMessage::default() };
    let once = say(&backend, &bob, &secret, forward(&group, words.seq)).await;
    let twice = say(&backend, &cat, &secret, forward(&secret, once.seq)).await;
    assert_eq!(twice.forwarded.and_then(|first| first.username).as_deref(), Some("canary_1"));
    // Friendships, direct rooms, reports and other relations.
    let direct = directs::open(db, push, &canary, bob.user).await.expect("opened").0;
    said(&backend, &canary, &RoomRef::Id(direct.id), "Hello Bob").await;
    let notes = directs::open(db, push, &canary, canary.user).await.expect("opened").0;
    said(&backend, &canary, &RoomRef::Id(notes.id), "Dear diary, I am the canary").await;
    friends::send_request(db, push, &canary, &NewFriend { user_id: Some(bob.user), username: None }).await.expect("asked");
    blocks::add(db, push, &canary, cat.user).await.expect("blocked");
    invite_codes::create(db, &canary, &group, &NewInvite::default()).await.expect("made");
    let reason = NewReport { reason: Some("The canary objects".into()) };
    reports::report(db, &canary, &group, mention.seq, &reason).await.expect("reported");
    // Another user reports a message that mentions them: the report keeps it, without the name.
    reports::report(db, &cat, &group, other.seq, &NewReport::default()).await.expect("reported");
    receipts::raise_marker(db, push, &canary, &group, ReadMarker::Read(mention.seq)).await.expect("read");
    backend.set("canary_1", "role = 'admin'").await;
    let asking = AdminCaller { caller: canary.clone(), ip: ADDRESS.into() };
    admin::set_role(db, &asking, cat.user, AccountRole::Admin).await.expect("appointed");
    for (something, places) in [(CANARY, 11), (ADDRESS, 2)] {
        let before = fixture::find_text(db, something).await;
        assert!(before.len() >= places, "the canary sings before: {before:?}");
    }
    push.take_sent().await;

    erase(&backend, &made, PASSWORD).await.expect("erased");

    for something in [CANARY, ADDRESS] {
        assert_eq!(fixture::find_text(db, something).await, Vec::<String>::new(), "{something}");
    }
    let frames = push.take_sent().await;
    assert!(!format!("{frames:?}").to_lowercase().contains(CANARY), "{frames:?}");
    let received = |want: fn(&Frame) -> bool| frames.iter().any(|(user, frame)| *user == bob.user && want(frame));
    assert!(
        received(|frame| matches!(frame, Frame::MemberRemoved { .. }))
            && received(|frame| matches!(frame, Frame::FriendRemoved { .. }))
    );
    // Others' history is complete and has no author.
    let read = history(&backend, &bob, &group).await;
    let texts: Vec<_> = read.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(
        texts,
        ["deleted user added cat", "Good words", "Ask @deleted user. She knows", "@cat alone", "deleted user left"],
        "bob made the second edit"
    );
    assert_eq!(read[1].username, Some(format!("deleted user {}", canary.user)));
    assert!(read[2].mentions.is_empty() && read[3].mentions == [cat.user]);
    let lines: Vec<_> = history(&backend, &bob, &his).await.into_iter().map(|message| message.content).collect();
    assert_eq!(lines, ["bob added deleted user, cat", "bob removed deleted user"]);
    let passed: Vec<_> =
        history(&backend, &cat, &secret).await.into_iter().filter_map(|message| message.forwarded?.username).collect();
    assert_eq!(passed, ["deleted user", "deleted user"]);
    let shown = profiles::find(db, push, &bob, canary.user).await.expect("somebody was there");
    assert_eq!((shown.display_name.as_str(), shown.about.as_str(), shown.avatar_url.as_deref()), ("deleted user", "", None));
    // The other user keeps the direct room, read-only.
    let kept = rooms::find(db, &bob, &RoomRef::Id(direct.id)).await.expect("his");
    assert!(kept.settings.archived && kept.direct_user.is_some_and(|user| user.display_name == "deleted user"));
    assert_eq!(history(&backend, &bob, &RoomRef::Id(direct.id)).await[0].content, "Hello Bob");
    let refused = directs::open(db, push, &bob, canary.user).await.err();
    assert!(matches!(refused, Some(Error::NotFound("user_not_found"))), "{refused:?}");
}

#[tokio::test]
async fn what_was_reported_of_an_erased_person_is_kept_until_the_report_is_closed_and_no_longer() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let (made, canary) = register(&backend, "canary_2").await;
    let (_, bob) = register(&backend, "bob").await;
    let group = room(&backend, &bob, RoomKind::Group, &[&canary]).await;
    let words = said(&backend, &canary, &group, "Canary words").await;
    let edited = NewContent { content: "Canary words, edited".into() };
    edits::edit(db, push, &limits(), &canary, EditRequest { room: &group, seq: words.seq, new: &edited }).await.expect("edited");
    let picture = crate::permissions::hung(&backend, &canary, words.room_id.0, words.seq).await;
    reports::report(db, &bob, &group, words.seq, &NewReport { reason: Some("Bad".into()) }).await.expect("reported");
    unsend::unsend(db, push, &canary, &group, words.seq).await.expect("unsent");
    erase(&backend, &made, PASSWORD).await.expect("erased");
    sweep::sweep(db, &crate::permissions::media(), NOW, || false).await.expect("swept");
    // While the report is open, it keeps the text and the id of the deleted user, and nothing else.
    assert_eq!(fixture::find_text(db, CANARY).await, ["report_evidence.content", "report_evidence.edits"]);
    let open = reports::list(db, &bob, &group, PageRequest::default()).await.expect("a page").items.remove(0);
    assert_eq!((open.content.as_str(), open.sender), ("Canary words, edited", Some(format!("deleted user {}", canary.user))));
    assert!(open.attachments[0].upload_id != picture && states(db).await == ["doomed", "ready"], "its bytes are shown still");
    reports::close(db, &bob, &group, open.id).await.expect("closed");
    let mut looks = 0;
    let looked = || {
        looks += 1;
        looks < 2
    };
    sweep::sweep(db, &crate::permissions::media(), NOW, looked).await.expect("swept");
    assert_eq!(fixture::find_text(db, CANARY).await, Vec::<String>::new());
    assert_eq!(states(db).await, ["doomed", "doomed"], "the sweep that removes bytes finds both");
}

async fn states(db: &Db) -> Vec<String> {
    let mut connection = db.acquire().await.expect("a connection");
    sqlx::query_scalar("select cast(state as char) from uploads order by id").fetch_all(&mut *connection).await.expect("states")
}

#[tokio::test]
async fn the_account_ends_at_once_and_its_name_is_free_again() {
    let backend = Backend::open().await;
    let (made, ann) = register(&backend, "ann").await;
    let wrong = erase(&backend, &made, "not the password").await;
    assert!(matches!(wrong, Err(Error::Forbidden("wrong_password"))), "{wrong:?}");
    backend.caller(&made).await.expect("a wrong password ends nothing");
    let second = backend.login("ann", PASSWORD, "192.0.2.9").await.expect("logged in");
    erase(&backend, &made, PASSWORD).await.expect("erased");
    for session in [&made, &second] {
        assert!(matches!(backend.caller(session).await, Err(Error::Unauthenticated("session_ended"))));
    }
    assert!(matches!(erase(&backend, &made, PASSWORD).await, Err(Error::Unauthenticated("session_ended"))), "once is enough");
    assert!(matches!(backend.login("ann", PASSWORD, "192.0.2.9").await, Err(Error::Unauthenticated("invalid_credentials"))));
    let (_, again) = register(&backend, "ann").await;
    assert_ne!(again.user, ann.user, "the name is free for another user");
    // A caller authenticated before the erasure is refused afterwards.
    let (db, push) = (&backend.db, &backend.push);
    let late = rooms::join(db, push, &ann, &RoomRef::general()).await.err();
    assert!(matches!(late, Some(Error::Unauthenticated("session_ended"))), "{late:?}");
    let new = NewRoom { name: "Late".into(), ..NewRoom::default() };
    let late = rooms::create(db, push, &ann, RoomKind::Group, &new).await.err();
    assert!(matches!(late, Some(Error::Unauthenticated("session_ended"))), "{late:?}");
    let late = directs::open(db, push, &ann, again.user).await.err();
    assert!(matches!(late, Some(Error::Unauthenticated("session_ended"))), "{late:?}");
}

#[tokio::test]
async fn a_room_gets_another_owner_and_stays_what_it_was() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let ((made, ann), (_, bob), (_, cat)) =
        (register(&backend, "ann").await, register(&backend, "bob").await, register(&backend, "cat").await);
    let group = room(&backend, &ann, RoomKind::Group, &[&bob, &cat]).await;
    members::set_role(db, push, &ann, MemberRef { room: &group, user: cat.user }, Role::Admin).await.expect("an admin");
    let alone = room(&backend, &ann, RoomKind::Group, &[]).await;
    said(&backend, &ann, &alone, "to myself").await;
    let before = rooms::find(db, &bob, &group).await.expect("his");
    push.take_sent().await;
    erase(&backend, &made, PASSWORD).await.expect("erased");
    let after = rooms::find(db, &bob, &group).await.expect("his");
    assert_eq!((before.members_count, after.members_count), (3, 2));
    let listed = members::list(db, &bob, &group, PageRequest::default()).await.expect("members").items;
    let roles: Vec<_> = listed.iter().map(|member| (member.user.id, member.role)).collect();
    assert_eq!(roles, [(bob.user, Role::Member), (cat.user, Role::Owner)], "an admin before others");
    let revs: Vec<_> = push
        .take_sent()
        .await
        .into_iter()
        .filter(|(user, _)| *user == bob.user)
        .filter_map(|(_, frame)| frame.change())
        .filter(|change| RoomRef::Id(change.room_id) == group)
        .map(|change| change.rev.0)
        .collect();
    let expected: Vec<_> = (before.rev.0 + 1..=after.rev.0).collect();
    assert_eq!(revs, expected, "every change was pushed, without a gap");
    let synced = sync::room(db, &bob, &group, before.rev, None).await.expect("what changed");
    assert_eq!((synced.rev, synced.members.len()), (after.rev, 2), "the heir, and who left");
    let left: i64 = sqlx::query_scalar("select count(*) from messages where content = 'to myself'")
        .fetch_one(&mut **db.acquire().await.as_mut().expect("a connection"))
        .await
        .expect("a number");
    assert_eq!(left, 0, "a room that was theirs alone goes with them");
}

/// Simulates a function that ended after its first transaction.
const CUT_OFF: &str = "erased_name = username, username = concat('deleted user ', id), deleted_at = 1800000000000, password_hash = '', \
                       email = null, display_name = 'deleted user'";

#[tokio::test]
async fn erasing_that_was_cut_off_goes_on_when_asked_again() {
    let backend = Backend::open().await;
    let ((made, canary), (_, bob)) = (register(&backend, "canary_2").await, register(&backend, "bob").await);
    let group = room(&backend, &canary, RoomKind::Group, &[&bob]).await;
    said(&backend, &bob, &group, "@canary_2 hi").await;
    backend.set("canary_2", CUT_OFF).await;
    assert!(matches!(backend.caller(&made).await, Err(Error::Unauthenticated("session_ended"))), "it is good for nothing else");
    let keys = &backend.issuer.keys;
    let asker = erasure::authenticate(&backend.db, keys, &made.tokens.access_token, NOW).await.expect("known");
    assert!(matches!(asker, ErasureRequester::Resuming(_)), "{asker:?}");
    erase(&backend, &made, "").await.expect("erased");
    assert_eq!(fixture::find_text(&backend.db, CANARY).await, Vec::<String>::new());
    assert_eq!(history(&backend, &bob, &group).await[0].content, "@deleted user hi");
}

#[tokio::test]
async fn an_abandoned_erasure_continues_on_schedule() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    let ((_, canary), (_, bob)) = (register(&backend, "canary_3").await, register(&backend, "bob").await);
    let group = room(&backend, &canary, RoomKind::Group, &[&bob]).await;
    said(&backend, &bob, &group, "@canary_3 hi").await;
    backend.set("canary_3", CUT_OFF).await;
    push.take_sent().await;
    let late = Instant::now() + Duration::from_secs(30);
    let go_on =
        async |seconds, end| erasure::resume_abandoned(db, push, NOW.plus_seconds(seconds), end).await.expect("no failure");
    assert_eq!(go_on(59, late).await, 0, "the first request may still be running");
    assert_eq!(go_on(60, Instant::now()).await, 0, "without time nothing is done, and nothing fails");
    assert_eq!(go_on(60, late).await, 1);
    assert_eq!(fixture::find_text(db, CANARY).await, Vec::<String>::new());
    assert_eq!(history(&backend, &bob, &group).await[0].content, "@deleted user hi");
    assert!(push.take_sent().await.iter().any(|(user, frame)| *user == bob.user && matches!(frame, Frame::MemberRemoved { .. })));
    assert_eq!(go_on(600, late).await, 0, "once is enough");
}

#[tokio::test]
async fn an_erasure_that_fails_hinders_no_other() {
    let backend = Backend::open().await;
    let Backend { db, push, .. } = &backend;
    for name in ["canary_4", "ann"] {
        register(&backend, name).await;
    }
    let (first, second) = ("erased_name = username, deleted_at = 1", "erased_name = username, deleted_at = 2");
    for (name, cut_off) in [("ann", first), ("canary_4", second)] {
        backend.set(name, cut_off).await;
    }
    // Refers to a room that does not exist.
    let astray = "insert into members (room_id, user_id, joined_at) select 4711, id, 1 from users where username = 'ann'";
    sqlx::query(astray).execute(&mut *db.acquire().await.expect("a connection")).await.expect("astray");
    let end = Instant::now() + Duration::from_secs(30);
    let failed = erasure::resume_abandoned(db, push, NOW, end).await.err();
    assert!(matches!(failed, Some(Error::NotFound("room_not_found"))), "{failed:?}");
    let left: Vec<String> = sqlx::query_scalar("select erased_name from users where erased_name is not null")
        .fetch_all(&mut *db.acquire().await.expect("a connection"))
        .await
        .expect("a list");
    assert_eq!(left, ["ann"]);
}

#[tokio::test]
async fn a_join_during_erasure_is_erased_or_refused() {
    let backend = Backend::open().await;
    let (made, ann) = register(&backend, "ann").await;
    let (_, bob) = register(&backend, "bob").await;
    let public = room(&backend, &bob, RoomKind::Public, &[]).await;
    let joining: Vec<_> = (0..10)
        .map(|_| {
            let (url, ann, public) = (backend.url.clone(), ann.clone(), public.clone());
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
    erase(&backend, &made, PASSWORD).await.expect("erased");
    for join in joining {
        join.await.expect("ran");
    }
    assert_eq!(rooms::find(&backend.db, &bob, &public).await.expect("his").members_count, 1);
    let named = history(&backend, &bob, &public).await.into_iter().filter(|message| message.content.contains("ann")).count();
    assert_eq!(named, 0);
    let kept: i64 = sqlx::query_scalar("select count(*) from members where user_id = ? and state = 'joined'")
        .bind(ann.user.0)
        .fetch_one(&mut **backend.db.acquire().await.as_mut().expect("a connection"))
        .await
        .expect("a number");
    assert_eq!(kept, 0);
}
