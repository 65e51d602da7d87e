//! Administration: authorization, effects, and the audit log.

use shared::caller::Caller;
use shared::domain::admin::{self, AccountFilter, AdminCaller, AuditFilter, RoomFilter};
use shared::domain::messages::{self, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::reports;
use shared::domain::rooms;
use shared::domain::rooms::invite_codes;
use shared::domain::rooms::settings;
use shared::error::{Error, Result};
use shared::id::{ReportId, RoomRef, Seq, UserId};
use shared::protocol::admin::{AccountRole, AccountState, ReportState};
use shared::protocol::frames::Frame;
use shared::protocol::invite_codes::NewInvite;
use shared::protocol::messages::NewMessage;
use shared::protocol::reports::NewReport;
use shared::protocol::rooms::{ChangeRoom, NewRoom, Role, Room, RoomKind, RoomProfile};
use shared::push::Push;
use shared::store::Db;
use shared::time::Timestamp;

use crate::fixture::{self, limits, person};
use crate::group::Group;

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn asks(caller: &Caller) -> AdminCaller {
    AdminCaller { caller: caller.clone(), ip: "192.0.2.7".into() }
}

async fn operator(db: &Db, name: &str) -> AdminCaller {
    let caller = person(db, name).await;
    admin::appoint(db, name, Timestamp::now()).await.expect("appointed");
    asks(&caller)
}

async fn acts(db: &Db, asking: &AdminCaller) -> Vec<(String, Option<UserId>)> {
    let page = admin::list_audit_entries(db, asking, AuditFilter::default(), PageRequest::default()).await.expect("acts");
    page.items.into_iter().map(|entry| (entry.action, entry.user.map(|user| user.id))).collect()
}

#[tokio::test]
async fn all_others_are_refused_alike() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (asks(&person(&db, "ann").await), person(&db, "bob").await);
    let room = RoomRef::general();
    for refused in [
        code(admin::list_accounts(&db, &ann, AccountFilter::default(), PageRequest::default()).await),
        code(admin::find_account(&db, &ann, bob.user).await),
        code(admin::find_account(&db, &ann, UserId(4711)).await),
        code(admin::set_disabled(&db, &push, &ann, bob.user, true).await),
        code(admin::set_role(&db, &ann, ann.caller.user, AccountRole::Admin).await),
        code(admin::end_sessions(&db, &push, &ann, bob.user).await),
        code(admin::erase(&db, &push, &ann, bob.user).await),
        code(admin::list_reports(&db, &ann, ReportState::Open, PageRequest::default()).await),
        code(admin::close_report(&db, &ann, ReportId(1)).await),
        code(admin::list_rooms(&db, &ann, RoomFilter::default(), PageRequest::default()).await),
        code(admin::find_room(&db, &ann, &room).await),
        code(admin::set_archived(&db, &push, &ann, &room, true).await),
        code(admin::delete_room(&db, &push, &ann, &room).await),
        code(admin::list_audit_entries(&db, &ann, AuditFilter::default(), PageRequest::default()).await),
    ] {
        assert_eq!(refused, "not_allowed");
    }
    let chief = operator(&db, "root").await;
    assert_eq!(acts(&db, &chief).await, [("user.promote".into(), Some(chief.caller.user))], "what is refused is no act");
}

#[tokio::test]
async fn operators_change_accounts_except_their_own() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (chief, ann) = (operator(&db, "root").await, person(&db, "ann").await);
    let me = chief.caller.user;
    for own in [
        code(admin::set_disabled(&db, &push, &chief, me, true).await),
        code(admin::set_role(&db, &chief, me, AccountRole::User).await),
        code(admin::erase(&db, &push, &chief, me).await),
    ] {
        assert_eq!(own, "own_account");
    }
    for _ in 0..2 {
        let account = admin::set_disabled(&db, &push, &chief, ann.user, true).await.expect("disabled");
        assert_eq!((account.state, account.sessions), (AccountState::Disabled, 0));
    }
    let disabled = AccountFilter { state: Some(AccountState::Disabled), ..AccountFilter::default() };
    let listed = admin::list_accounts(&db, &chief, disabled, PageRequest::default()).await.expect("a page").items;
    assert_eq!(listed.iter().map(|account| account.user.id).collect::<Vec<_>>(), [ann.user]);
    assert_eq!(admin::set_disabled(&db, &push, &chief, ann.user, false).await.expect("enabled").state, AccountState::Active);
    let account = admin::set_role(&db, &chief, ann.user, AccountRole::Admin).await.expect("promoted");
    assert_eq!(account.role, AccountRole::Admin);
    let hers = asks(&ann);
    admin::set_role(&db, &hers, me, AccountRole::User).await.expect("one operator deposes another");
    assert_eq!(code(admin::find_account(&db, &chief, ann.user).await), "not_allowed", "at once");
    admin::end_sessions(&db, &push, &hers, me).await.expect("ended");
    assert_eq!(code(admin::set_disabled(&db, &push, &hers, UserId(4711), true).await), "user_not_found");
    let expected = [
        ("user.sessions", me),
        ("user.demote", me),
        ("user.promote", ann.user),
        ("user.enable", ann.user),
        ("user.disable", ann.user),
        ("user.promote", me),
    ];
    let noted = acts(&db, &hers).await;
    assert_eq!(noted, expected.map(|(action, user)| (action.to_owned(), Some(user))), "once each, latest first");
    let page = admin::list_audit_entries(
        &db,
        &hers,
        AuditFilter { actor: Some(me), user: None },
        PageRequest { cursor: None, limit: Some(1) },
    )
    .await
    .expect("a page");
    let entry = &page.items[0];
    assert_eq!((entry.action.as_str(), entry.ip.as_str(), entry.at), ("user.promote", "192.0.2.7", chief.caller.now));
    assert_eq!((entry.actor.as_ref().map(|user| user.id), page.next.is_some()), (Some(me), true));
}

#[tokio::test]
async fn two_operators_who_demote_each_other_leave_one() {
    let url = fixture::migrated().await;
    let db = Db::lazy(&url).expect("a URL");
    let (one, other) = (operator(&db, "one").await, operator(&db, "other").await);
    let depose = |by: AdminCaller, whom: UserId| {
        let url = url.clone();
        tokio::spawn(async move {
            let db = Db::lazy(&url).expect("a URL");
            code(admin::set_role(&db, &by, whom, AccountRole::User).await)
        })
    };
    let outcomes =
        [depose(one.clone(), other.caller.user).await.expect("ran"), depose(other.clone(), one.caller.user).await.expect("ran")];
    assert!(outcomes.contains(&"not_allowed"), "{outcomes:?}");
    let which = AccountFilter { role: Some(AccountRole::Admin), ..AccountFilter::default() };
    let left = [
        admin::list_accounts(&db, &one, which, PageRequest::default()).await.map(|page| page.items.len()),
        admin::list_accounts(&db, &other, which, PageRequest::default()).await.map(|page| page.items.len()),
    ];
    assert!(left.iter().any(|count| matches!(count, Ok(1))), "{left:?}");
}

#[tokio::test]
async fn accounts_are_found_by_name_and_address_page_by_page() {
    let db = fixture::database().await;
    let chief = operator(&db, "root").await;
    for name in ["ann", "anna", "bob"] {
        person(&db, name).await;
    }
    let which = AccountFilter { prefix: Some("an"), ..AccountFilter::default() };
    let first = admin::list_accounts(&db, &chief, which, PageRequest { cursor: None, limit: Some(1) }).await.expect("a page");
    let second = admin::list_accounts(&db, &chief, which, PageRequest { cursor: first.next.as_deref(), limit: Some(1) })
        .await
        .expect("a page");
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|account| account.user.username.as_str()).collect();
    assert_eq!((names, second.next), (vec!["ann", "anna"], None));
    let all = admin::list_accounts(&db, &chief, AccountFilter::default(), PageRequest::default()).await.expect("a page").items;
    assert_eq!(all.len(), 4);
    assert_eq!(
        code(admin::list_accounts(&db, &chief, which, PageRequest { cursor: Some("x"), limit: None }).await),
        "invalid_input"
    );
    let long = "x".repeat(101);
    let which = AccountFilter { prefix: Some(&long), ..AccountFilter::default() };
    assert_eq!(code(admin::list_accounts(&db, &chief, which, PageRequest::default()).await), "invalid_input");
}

#[tokio::test]
async fn archiving_and_deleting_rooms_is_pushed_to_members() {
    let db = fixture::database().await;
    let (chief, ann, bob) = (operator(&db, "root").await, person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    let before = rooms::find(db, &bob, room).await.expect("his");
    for _ in 0..2 {
        assert!(admin::set_archived(db, push, &chief, room, true).await.expect("archived").archived);
    }
    let frames = group.frames().await;
    let matches_frame = |frame: &Frame| matches!(frame, Frame::RoomChanged { rev, room, .. } if *rev == before.rev.next() && room.settings.archived);
    assert!(frames.len() == 2 && frames.iter().all(|(_, frame)| matches_frame(frame)), "{frames:?}");
    let new = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
    assert_eq!(code(messages::send(db, push, &limits(), &ann, SendRequest { room, new: &new }).await), "room_archived");
    assert!(!admin::set_archived(db, push, &chief, room, false).await.expect("taken back").archived);
    messages::send(db, push, &limits(), &ann, SendRequest { room, new: &new }).await.expect("sent");
    group.frames().await;
    let seen = admin::find_room(db, &chief, room).await.expect("a room");
    assert_eq!((seen.name.as_str(), seen.members_count, seen.last_seq, seen.created_by), ("Group", 2, Seq(1), Some(ann.user)));
    admin::delete_room(db, push, &chief, room).await.expect("ended");
    let frames: Vec<_> =
        group.frames().await.into_iter().map(|(user, frame)| (user, matches!(frame, Frame::RoomDeleted { .. }))).collect();
    assert_eq!(frames, [(ann.user, true), (bob.user, true)]);
    assert_eq!(code(rooms::find(db, &ann, room).await), "room_not_found");
    assert_eq!(code(admin::delete_room(db, push, &chief, room).await), "room_not_found");
    assert_eq!(code(admin::delete_room(db, push, &chief, &RoomRef::general()).await), "default_room");
    let listed = admin::list_rooms(db, &chief, RoomFilter { prefix: Some("gen"), kind: None }, PageRequest::default())
        .await
        .expect("a page");
    assert_eq!(listed.items.iter().map(|room| room.name.as_str()).collect::<Vec<_>>(), ["General"]);
    let none = RoomFilter { prefix: None, kind: Some(RoomKind::Direct) };
    assert!(admin::list_rooms(db, &chief, none, PageRequest::default()).await.expect("a page").items.is_empty());
    let actions: Vec<_> = acts(db, &chief).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["room.delete", "room.unarchive", "room.archive", "user.promote"]);
}

#[tokio::test]
async fn every_change_of_a_room_pushes_its_complete_profile() {
    let db = fixture::database().await;
    let (chief, ann) = (operator(&db, "root").await, person(&db, "ann").await);
    let group = Group::of(db, &ann, &[]).await;
    let (db, push, room) = (&group.db, &group.push, &group.room);
    sqlx::query(
        "update rooms set topic = 'Faces', avatar_upload = 7, slow_mode_seconds = 5, who_adds = 'members' where name = 'Group'",
    )
    .execute(&mut *db.acquire().await.expect("a connection"))
    .await
    .expect("a face");
    for what in ["by an operator", "back by an operator", "by an admin", "back by an admin", "renamed"] {
        let archived = what.starts_with("by");
        if what.ends_with("operator") {
            admin::set_archived(db, push, &chief, room, archived).await.expect("changed");
        } else {
            let name = (what == "renamed").then(|| "Faces".to_owned());
            let change = ChangeRoom { archived: name.is_none().then_some(archived), name, ..ChangeRoom::default() };
            settings::update(db, push, &ann, room, &change).await.expect("changed");
        }
        let frames = group.frames().await;
        let changed = frames.iter().find_map(|(_, frame)| match frame {
            Frame::RoomChanged { room, .. } => Some(room.as_ref().clone()),
            _ => None,
        });
        let seen = rooms::find(db, &ann, room).await.expect("hers");
        let Room { name, topic, avatar_url, settings, .. } = seen;
        assert!(avatar_url.is_some());
        assert_eq!(changed, Some(RoomProfile { name, topic, avatar_url, settings }), "{what}");
    }
}

#[tokio::test]
async fn reports_of_all_rooms_come_to_operators_and_are_closed_once() {
    let db = fixture::database().await;
    let (chief, ann, bob) = (operator(&db, "root").await, person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[&bob]).await;
    let db = &group.db;
    let said = group.said(&ann, "Buy now").await;
    let new = NewReport { reason: Some("Spam".into()) };
    reports::report(db, &bob, &group.room, said.seq, &new).await.expect("reported");
    let open = admin::list_reports(db, &chief, ReportState::Open, PageRequest::default()).await.expect("a page").items;
    let report = &open[0].report;
    assert_eq!((open.len(), report.content.as_str(), report.reason.as_str()), (1, "Buy now", "Spam"));
    for _ in 0..2 {
        admin::close_report(db, &chief, report.id).await.expect("closed");
    }
    assert!(admin::list_reports(db, &chief, ReportState::Open, PageRequest::default()).await.expect("a page").items.is_empty());
    let closed = admin::list_reports(db, &chief, ReportState::Closed, PageRequest::default()).await.expect("a page").items;
    assert_eq!((closed.len(), closed[0].closed_by), (1, Some(chief.caller.user)));
    assert_eq!(code(admin::close_report(db, &chief, ReportId(4711)).await), "report_not_found");
    let actions: Vec<_> = acts(db, &chief).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["report.close", "user.promote"]);
}

#[tokio::test]
async fn an_operators_erasure_is_idempotent() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (chief, ann) = (operator(&db, "root").await, person(&db, "ann").await);
    rooms::join(&db, &push, &ann, &RoomRef::general()).await.expect("joined");
    for _ in 0..2 {
        admin::erase(&db, &push, &chief, ann.user).await.expect("erased");
    }
    let account = admin::find_account(&db, &chief, ann.user).await.expect("a trace");
    assert_eq!((account.state, account.user.username), (AccountState::Erased, format!("deleted user {}", ann.user)));
    assert_eq!(code(admin::set_disabled(&db, &push, &chief, ann.user, true).await), "account_erased");
    assert_eq!(code(admin::appoint(&db, "ann", Timestamp::now()).await), "user_not_found");
    let actions: Vec<_> = acts(&db, &chief).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["user.erase", "user.promote"]);
}

#[tokio::test]
async fn an_abandoned_room_refuses_old_invites_and_belongs_to_the_next_member() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let group = Group::of(db, &ann, &[]).await;
    let (db, push) = (&group.db, &group.push);
    let invite = invite_codes::create(db, &ann, &group.room, &NewInvite::default()).await.expect("made");
    rooms::leave(db, push, &ann, &group.room, None).await.expect("left");
    assert_eq!(code(invite_codes::join(db, push, &bob, &group.room, Some(&invite.code)).await), "invite_not_found");
    let new = NewRoom { name: "Open".into(), ..NewRoom::default() };
    let open = RoomRef::Id(rooms::create(db, push, &ann, RoomKind::Public, &new).await.expect("made").id);
    rooms::leave(db, push, &ann, &open, None).await.expect("left");
    assert_eq!(rooms::join(db, push, &bob, &open).await.expect("joined").role, Some(Role::Owner));
    assert_eq!(rooms::join(db, push, &ann, &open).await.expect("joined").role, Some(Role::Member));
    assert_eq!(
        rooms::join(db, push, &bob, &RoomRef::general()).await.expect("joined").role,
        Some(Role::Member),
        "General has no owner"
    );
    let seen = matches!(rooms::find(db, &ann, &group.room).await, Err(Error::NotFound(_)));
    assert!(seen, "abandoned rooms are hidden");
}
