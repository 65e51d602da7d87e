//! What only its user sees or sets, and what others see of a profile, reaches devices that are connected by a frame, and those that were away by
//! `GET /api/sync`.

use std::collections::BTreeSet;

use shared::caller::Caller;
use shared::domain::messages::unsend;
use shared::domain::paging::PageRequest;
use shared::domain::people::{blocks, friends, profiles};
use shared::domain::rooms;
use shared::domain::rooms::directs;
use shared::domain::sync;
use shared::domain::uploads::avatars;
use shared::id::{Rev, RoomRef, Seq, UserId};
use shared::protocol::frames::Frame;
use shared::protocol::friends::NewFriend;
use shared::protocol::people::{Notifications, User, Visibility};
use shared::protocol::profiles::{ChangeMe, ChangeMySettings};
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::protocol::sync::RoomsSync;
use shared::push::Push;
use shared::store::Db;
use shared::time::Timestamp;
use sqlx::Executor;

use crate::backend::{Backend, PASSWORD};
use crate::fixture::{self, caller, person};
use crate::group::Group;
use crate::private_routes::{PRIVATE, PrivateChange};
use crate::upload_steps::{FACE, media, ready_as};

/// A user with two devices, of which one is away, and another user.
struct Scene {
    backend: Backend,
    push: Push,
    ann: Caller,
    bob: Caller,
    face: shared::id::UploadId,
}

impl Scene {
    async fn open() -> Self {
        let backend = Backend::open().await;
        let push = Push::memory();
        let ann = backend.caller(&backend.register("ann").await).await.expect("signed in");
        let bob = person(&backend.db, "bob").await;
        let (room, _) = directs::open(&backend.db, &push, &ann, bob.user).await.expect("opened");
        let group = Group { db: Db::lazy(&backend.url).expect("a URL"), push: Push::memory(), room: RoomRef::Id(room.id) };
        group.said(&ann, "one").await;
        group.said(&ann, "two").await;
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).expect("a picture");
        // S3 judges signatures by the real time.
        let uploader = Caller { now: Timestamp::now(), ..ann.clone() };
        let face = ready_as(&backend, &media(), &uploader, FACE, png.into_inner().leak()).await;
        Self { backend, push, ann, bob, face }
    }

    fn db(&self) -> &Db {
        &self.backend.db
    }

    /// Moves Ann's clock beyond the slack of cursors.
    fn later(&mut self) {
        self.ann.now = self.ann.now.plus_seconds(60);
    }

    async fn room(&self) -> RoomRef {
        RoomRef::Id(directs::find(self.db(), &self.ann, self.bob.user).await.expect("a look").expect("opened"))
    }

    async fn since(&self, cursor: Option<&str>) -> RoomsSync {
        sync::rooms(self.db(), &self.ann, PageRequest { cursor, limit: None }).await.expect("changes")
    }

    async fn patch(&self, change: ChangeMe) {
        profiles::change(self.db(), &self.push, &self.backend.throttle, &self.ann, &change).await.expect("changed");
    }

    async fn make(&self, change: PrivateChange) {
        let (db, push, ann) = (self.db(), &self.push, &self.ann);
        let set = async |settings: ChangeMySettings| self.patch(ChangeMe { settings, ..ChangeMe::default() }).await;
        let none = ChangeMySettings::default();
        match change {
            PrivateChange::DisplayName => self.patch(ChangeMe { display_name: Some("Änne".into()), ..ChangeMe::default() }).await,
            PrivateChange::About => self.patch(ChangeMe { about: Some("Tea".into()), ..ChangeMe::default() }).await,
            PrivateChange::Email => {
                let (email, password) = (Some(Some("ann@example.com".into())), Some(PASSWORD.into()));
                self.patch(ChangeMe { email, password, ..ChangeMe::default() }).await;
            }
            PrivateChange::PresenceSetting => set(ChangeMySettings { presence: Some(Visibility::Friends), ..none }).await,
            PrivateChange::NotificationSetting => {
                set(ChangeMySettings { notifications: Some(Notifications::Mentions), ..none }).await;
            }
            PrivateChange::AddedBySetting => set(ChangeMySettings { added_by: Some(Visibility::Nobody), ..none }).await,
            PrivateChange::SetFace => drop(avatars::set(db, push, ann, Some(self.face)).await.expect("set")),
            PrivateChange::RemoveFace => drop(avatars::set(db, push, ann, None).await.expect("removed")),
            PrivateChange::Hide => unsend::hide(db, push, ann, &self.room().await, Seq(2)).await.expect("hidden"),
            PrivateChange::Mute => {
                let until = Some(ann.now.plus_seconds(3600));
                drop(rooms::mute(db, push, ann, &self.room().await, until).await.expect("muted"));
            }
            PrivateChange::Unmute => drop(rooms::mute(db, push, ann, &self.room().await, None).await.expect("unmuted")),
            PrivateChange::CloseDirect => directs::close(db, push, ann, self.bob.user).await.expect("closed"),
            PrivateChange::ReopenDirect => drop(directs::open(db, push, ann, self.bob.user).await.expect("opened")),
            PrivateChange::Block => blocks::add(db, push, ann, self.bob.user).await.expect("blocked"),
            PrivateChange::Unblock => blocks::remove(db, push, ann, self.bob.user).await.expect("unblocked"),
        }
    }

    /// Whether a device that was away learns of the change.
    async fn is_told(&self, change: PrivateChange, news: &RoomsSync) -> bool {
        let RoomRef::Id(id) = self.room().await else { return false };
        let me = news.private.me.as_ref();
        let room = news.rooms.iter().find(|room| room.id == id);
        match change {
            PrivateChange::DisplayName => me.is_some_and(|me| me.user.display_name == "Änne"),
            PrivateChange::About => me.is_some_and(|me| me.user.about == "Tea"),
            PrivateChange::Email => me.is_some_and(|me| me.email.as_deref() == Some("ann@example.com")),
            PrivateChange::PresenceSetting => me.is_some_and(|me| me.settings.presence == Visibility::Friends),
            PrivateChange::NotificationSetting => me.is_some_and(|me| me.settings.notifications == Notifications::Mentions),
            PrivateChange::AddedBySetting => me.is_some_and(|me| me.settings.added_by == Visibility::Nobody),
            PrivateChange::SetFace => me.is_some_and(|me| me.user.avatar_url.is_some()),
            PrivateChange::RemoveFace => me.is_some_and(|me| me.user.avatar_url.is_none()),
            PrivateChange::Hide => news.private.hidden.iter().any(|hidden| hidden.room_id == id && hidden.seq == Seq(2)),
            PrivateChange::Mute => room.is_some_and(|room| room.muted_until.is_some()),
            PrivateChange::Unmute => room.is_some_and(|room| room.muted_until.is_none()),
            PrivateChange::CloseDirect => !news.joined.as_ref().expect("the last page").contains(&id),
            PrivateChange::ReopenDirect => room.is_some_and(|room| !room.closed),
            PrivateChange::Block => news.private.blocks && room.is_some_and(|room| room.blocked),
            PrivateChange::Unblock => news.private.blocks && room.is_some_and(|room| !room.blocked),
        }
    }
}

/// The private rev that a frame carries.
fn private_rev(frame: &Frame) -> Option<Rev> {
    match frame {
        Frame::MessageHidden { private_rev, .. }
        | Frame::RoomClosed { private_rev, .. }
        | Frame::UserBlocked { private_rev, .. } => Some(*private_rev),
        Frame::RoomSeen { private_rev, .. } | Frame::RoomJoined { private_rev, .. } | Frame::UserUpdated { private_rev, .. } => {
            *private_rev
        }
        _ => None,
    }
}

#[tokio::test]
async fn each_private_change_reaches_the_users_other_devices_whether_they_are_connected_or_away() {
    let mut scene = Scene::open().await;
    scene.later();
    let mut news = scene.since(None).await;
    for change in PRIVATE.iter().flat_map(|(_, changes)| changes.iter().copied()) {
        scene.later();
        let quiet = scene.since(Some(&news.cursor)).await;
        assert_eq!((quiet.private.rev, quiet.private.blocks), (news.private.rev, false));
        assert!(quiet.private.hidden.is_empty());
        assert!(quiet.private.me.is_none() && quiet.users.is_empty(), "nothing changed before {change:?}");
        scene.push.take_sent().await;
        scene.make(change).await;
        let frames = scene.push.take_sent().await;
        let own: Vec<_> =
            frames.iter().filter(|(user, _)| *user == scene.ann.user).filter_map(|(_, frame)| private_rev(frame)).collect();
        let others = frames.iter().filter(|(user, _)| *user != scene.ann.user).find_map(|(_, frame)| private_rev(frame));
        assert_eq!((own, others), (vec![quiet.private.rev.next()], None), "{change:?}: {frames:?}");
        scene.later();
        let told = scene.since(Some(&quiet.cursor)).await;
        assert!(scene.is_told(change, &told).await, "{change:?}: {told:?}");
        assert_eq!(told.private.rev, quiet.private.rev.next(), "{change:?}");
        let pong = rooms::changed_since(scene.db(), &scene.ann, scene.ann.now).await.expect("a pong");
        assert_eq!(pong.private_rev, told.private.rev);
        let rest = sync::without_rooms(scene.db(), &scene.ann, PageRequest { cursor: Some(&quiet.cursor), limit: None }).await;
        let rest = rest.expect("the rest");
        assert_eq!((&rest.private, rest.rooms.len(), rest.joined), (&told.private, 0, None), "{change:?}");
        news = told;
    }
}

#[tokio::test]
async fn what_changes_nothing_is_no_change() {
    let mut scene = Scene::open().await;
    scene.make(PrivateChange::DisplayName).await;
    scene.make(PrivateChange::NotificationSetting).await;
    scene.make(PrivateChange::RemoveFace).await;
    scene.later();
    let before = scene.since(None).await.private.rev;
    scene.push.take_sent().await;
    for change in [PrivateChange::DisplayName, PrivateChange::NotificationSetting, PrivateChange::RemoveFace] {
        scene.make(change).await;
    }
    assert_eq!(scene.push.take_sent().await.len(), 0);
    assert_eq!(scene.since(None).await.private.rev, before);
}

/// Those who received the public profile.
fn receivers(frames: impl IntoIterator<Item = (UserId, Frame)>) -> BTreeSet<UserId> {
    let public = |frame: &Frame| matches!(frame, Frame::UserUpdated { me: None, private_rev: None, .. });
    frames.into_iter().filter(|(_, frame)| public(frame)).map(|(user, _)| user).collect()
}

#[tokio::test]
async fn a_changed_profile_reaches_friends_direct_rooms_and_small_rooms_at_once_and_larger_ones_by_sync() {
    let backend = Backend::open().await;
    let (db, push) = (&backend.db, Push::memory());
    let ann = backend.caller(&backend.register("ann").await).await.expect("signed in");
    let mut people = Vec::new();
    for name in ["friend", "direct", "small", "large", "blocked", "stranger"] {
        people.push(Caller { now: ann.now, ..person(db, name).await });
    }
    let [friend, direct, small, large, blocked, stranger] = &people[..] else { panic!("six") };
    let ask = NewFriend { user_id: Some(ann.user), username: None };
    friends::send_request(db, &push, friend, &ask).await.expect("asked");
    friends::accept(db, &push, &ann, friend.user).await.expect("accepted");
    let (room, _) = directs::open(db, &push, &ann, direct.user).await.expect("opened");
    Group { db: Db::lazy(&backend.url).expect("a URL"), push: Push::memory(), room: RoomRef::Id(room.id) }.said(&ann, "Hi").await;
    let of = |others: &[&Caller]| NewRoom {
        name: "Room".into(),
        member_ids: others.iter().map(|other| other.user).collect(),
        ..NewRoom::default()
    };
    rooms::create(db, &push, &ann, RoomKind::Group, &of(&[small, blocked])).await.expect("made");
    let beyond = rooms::create(db, &push, &ann, RoomKind::Group, &of(&[large])).await.expect("made");
    let sql = format!("update rooms set members_count = 101 where id = {}", beyond.id);
    db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(sql)).await.expect("a large room");
    blocks::add(db, &push, blocked, ann.user).await.expect("blocked");
    let later = |who: &Caller, seconds| Caller { now: ann.now.plus_seconds(seconds), ..who.clone() };
    let mut cursors = Vec::new();
    for who in &people {
        cursors.push(sync::rooms(db, &later(who, 60), PageRequest::default()).await.expect("changes").cursor);
    }
    push.take_sent().await;
    let named = |name: &str| ChangeMe { display_name: Some(name.into()), ..ChangeMe::default() };
    profiles::change(db, &push, &backend.throttle, &later(&ann, 120), &named("Änne")).await.expect("renamed");
    let frames = push.take_sent().await;
    let own = frames.iter().filter(|(user, _)| *user == ann.user).count();
    assert_eq!(own, 1, "and her own devices");
    assert_eq!(receivers(frames), BTreeSet::from([friend.user, direct.user, small.user]));
    for (who, cursor) in people.iter().zip(&cursors) {
        let page = PageRequest { cursor: Some(cursor), limit: None };
        let news = sync::rooms(db, &later(who, 180), page).await.expect("changes");
        let seen: Vec<_> = news.users.iter().map(|changed| changed.user.display_name.as_str()).collect();
        let expected: &[&str] = if who.user == stranger.user { &[] } else { &["Änne"] };
        assert_eq!((&seen[..], news.users_complete), (expected, true), "{}", who.username);
    }
    // Others get no frame of a private change.
    let settings = ChangeMySettings { notifications: Some(Notifications::None), ..ChangeMySettings::default() };
    let change = ChangeMe { settings, ..ChangeMe::default() };
    profiles::change(db, &push, &backend.throttle, &later(&ann, 240), &change).await.expect("changed");
    assert_eq!(receivers(push.take_sent().await), BTreeSet::new());
}

#[tokio::test]
async fn after_many_changed_profiles_a_client_reads_them_anew() {
    let db = fixture::database().await;
    let ann = person(&db, "ann").await;
    let at = |seconds| Caller { now: ann.now.plus_seconds(seconds), ..ann.clone() };
    let first = sync::rooms(&db, &at(60), PageRequest::default()).await.expect("changes");
    assert!(!first.users_complete && first.users.is_empty(), "nothing is known of what a client without a cursor holds");
    let sql = format!(
        "insert into users (username, display_name, password_hash, created_at, profile_changed_at) \
         select concat('u', s.seq), 'U', 'x', 0, {} from {} s",
        ann.now.0 + 120_000,
        fixture::numbers(200)
    );
    db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(sql)).await.expect("many users");
    let since = async |now| {
        let page = PageRequest { cursor: Some(&first.cursor), limit: None };
        sync::rooms(&db, &at(now), page).await.expect("changes")
    };
    let news = since(180).await;
    assert!(news.users_complete && news.users.is_empty(), "two hundred strangers");
    let one = person(&db, "one").await;
    let sql = format!("update users set profile_changed_at = {} where id = {}", ann.now.0 + 120_000, one.user);
    db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(sql)).await.expect("one more");
    assert!(!since(180).await.users_complete);
}

/// A device that knows a rev takes a later frame with the same one for a repetition, so no two changes have one.
#[tokio::test]
async fn a_frame_of_the_account_does_not_take_the_rev_of_another_change() {
    let scene = Scene::open().await;
    let Scene { push, ann, .. } = &scene;
    let room = scene.room().await;
    push.take_sent().await;
    for (round, wish) in [Notifications::None, Notifications::All].into_iter().cycle().take(20).enumerate() {
        let settings = ChangeMySettings { notifications: Some(wish), ..ChangeMySettings::default() };
        let hidden = unsend::hide(scene.db(), push, ann, &room, if round % 4 < 2 { Seq(1) } else { Seq(2) });
        let ((), hidden) = tokio::join!(scene.patch(ChangeMe { settings, ..ChangeMe::default() }), hidden);
        hidden.expect("hidden");
    }
    let (mut of_account, mut of_messages) = (BTreeSet::new(), BTreeSet::new());
    for (_, frame) in push.take_sent().await {
        match frame {
            Frame::UserUpdated { private_rev: Some(rev), .. } => of_account.insert(rev),
            Frame::MessageHidden { private_rev, .. } => of_messages.insert(private_rev),
            _ => continue,
        };
    }
    assert_eq!((of_account.is_empty(), of_messages.len()), (false, 20));
    assert!(of_account.is_disjoint(&of_messages), "{of_account:?} {of_messages:?}");
}

#[tokio::test]
async fn hidden_messages_come_in_pages_unless_nothing_is_known_of_the_client() {
    let db = fixture::database().await;
    let (ann, push) = (person(&db, "ann").await, Push::memory());
    let new = NewRoom { name: "Room".into(), ..NewRoom::default() };
    let room = rooms::create(&db, &push, &ann, RoomKind::Group, &new).await.expect("made").id;
    for sql in [
        format!(
            "insert into hidden_messages (user_id, room_id, seq, created_at) select {}, {room}, s.seq, 0 from {} s",
            ann.user,
            fixture::numbers(600)
        ),
        format!(
            "insert into hidden_messages (user_id, room_id, seq, created_at, rev) select {}, {room}, 1000 + s.seq, 0, 1 + s.seq from {} s",
            ann.user,
            fixture::numbers(5000)
        ),
        format!("update users set private_rev = 5001 where id = {}", ann.user),
    ] {
        db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(sql)).await.expect("hidden");
    }
    let first = sync::rooms(&db, &caller(ann.user, "ann"), PageRequest::default()).await.expect("a page");
    assert!(first.private.hidden.is_empty() && !first.more, "without a cursor all is read anew");
    assert_eq!(first.private.rev, Rev(5001));
    // A cursor of release 0.2.0: `1.0` in the alphabet of cursors.
    let (mut cursor, mut hidden, mut pages) = ("MS4w".to_owned(), Vec::new(), 0);
    loop {
        let page = PageRequest { cursor: Some(&cursor), limit: None };
        let part = sync::rooms(&db, &caller(ann.user, "ann"), page).await.expect("a page");
        assert!(part.private.hidden.len() <= 500);
        hidden.extend(part.private.hidden.iter().map(|hidden| hidden.seq.0));
        pages += 1;
        assert_eq!(part.joined.is_some(), !part.more, "only the last page lists the rooms");
        cursor = part.cursor;
        if !part.more {
            assert_eq!(part.private.rev, Rev(5001));
            break;
        }
    }
    let expected: Vec<u64> = (1001..=6000).collect();
    assert_eq!((hidden == expected, pages > 1), (true, true), "each once, in order");
}

#[tokio::test]
async fn an_erased_account_loses_its_name_on_open_clients() {
    let backend = Backend::open().await;
    let made = backend.register("ann").await;
    let ann = backend.caller(&made).await.expect("signed in");
    let bob = person(&backend.db, "bob").await;
    let new = NewRoom { name: "Room".into(), member_ids: vec![bob.user], ..NewRoom::default() };
    rooms::create(&backend.db, &backend.push, &ann, RoomKind::Group, &new).await.expect("made");
    let at = |seconds| Caller { now: ann.now.plus_seconds(seconds), ..bob.clone() };
    let cursor = sync::rooms(&backend.db, &at(-60), PageRequest::default()).await.expect("changes").cursor;
    backend.push.take_sent().await;
    let asker = shared::domain::erasure::ErasureRequester::Active(ann.clone());
    shared::domain::erasure::erase(&backend.db, &backend.push, &backend.throttle, &asker, PASSWORD).await.expect("erased");
    let frames = backend.push.take_sent().await;
    let named = |user: &User| (user.id, user.display_name.clone(), user.username.clone());
    let deleted = (ann.user, "deleted user".to_owned(), format!("deleted user {}", ann.user));
    let seen = frames.iter().find_map(|(user, frame)| match frame {
        Frame::UserUpdated { profile: changed, .. } if *user == bob.user => Some(named(changed)),
        _ => None,
    });
    assert_eq!(seen.as_ref(), Some(&deleted), "{frames:?}");
    let page = PageRequest { cursor: Some(&cursor), limit: None };
    let news = sync::rooms(&backend.db, &at(60), page).await.expect("changes");
    assert_eq!(news.users.iter().map(|changed| named(&changed.user)).collect::<Vec<_>>(), [deleted]);
}
