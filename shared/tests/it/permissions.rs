//! Permissions end with their basis. For every permission that outlasts a request or is granted to another user: what remains once its holder leaves
//! the room, loses the role, or loses the account.

use shared::caller::Caller;
use shared::config::{Aws, Secret, UploadSizes};
use shared::domain::admin::{self, AdminCaller};
use shared::domain::erasure::{self, ErasureRequester};
use shared::domain::messages::SendRequest;
use shared::domain::messages::pins;
use shared::domain::messages::reactions;
use shared::domain::messages::{self, HistoryRange};
use shared::domain::paging::PageRequest;
use shared::domain::reports::{self, ReportedAttachment};
use shared::domain::rooms;
use shared::domain::rooms::invite_codes;
use shared::domain::rooms::members::{self, MemberRef};
use shared::domain::rooms::settings;
use shared::domain::search;
use shared::domain::sync;
use shared::domain::uploads;
use shared::domain::uploads::avatars;
use shared::error::Result;
use shared::id::{ReportId, Rev, RoomRef, Seq, UploadId};
use shared::media::{self, Media};
use shared::protocol::admin::ReportState;
use shared::protocol::frames::Frame;
use shared::protocol::invite_codes::NewInvite;
use shared::protocol::messages::{Forward, NewMessage};
use shared::protocol::reports::NewReport;
use shared::protocol::rooms::{AllowedRole, ChangeRoom, ChangeSettings, NewMembers, Role, RoomKind};
use shared::protocol::search::Search;
use shared::store::subscriptions::{self, Endpoint};

use crate::backend::{Backend, NOW, PASSWORD};
use crate::erasure::{register, room, said};
use crate::fixture::limits;

/// Each permission and its outcome: for a holder, outside the room, after demotion, and after the account ended. The last column is empty where
/// authentication already fails.
const TABLE: &str = "
his invitation lets in        | ok | invite_not_found | invite_not_found | invite_not_found
his invitation is listed      | ok | none             | none             | none
takes his invitation back     | ok | ok               | ok               | -
makes an invitation           | ok | room_not_found   | not_allowed      | -
adds people                   | ok | room_not_found   | not_allowed      | -
lists reports                 | ok | room_not_found   | not_allowed      | -
opens a report                | ok | report_not_found | report_not_found | -
fetches what was reported     | ok | report_not_found | report_not_found | -
closes a report               | ok | room_not_found   | not_allowed      | -
pins                          | ok | room_not_found   | not_allowed      | -
renames the room              | ok | room_not_found   | not_allowed      | -
reads on                      | ok | room_not_found   | ok               | -
catches up                    | ok | room_not_found   | ok               | -
fetches a picture             | ok | upload_not_found | ok               | -
fetches the room's picture    | avatar_not_found | room_not_found   | avatar_not_found | -
passes on what was said       | ok | room_not_found   | ok               | -
finds what was said           | ok | none             | ok               | -
writes                        | ok | room_not_found   | ok               | -
reacts                        | ok | room_not_found   | ok               | -
hears                         | ok | none             | ok               | -
is woken                      | ok | none             | ok               | none
";

/// How the holder loses the permission, and the column with the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Kept,
    Removed,
    Banned,
    Left,
    Demoted,
    RuleChanged,
    Disabled,
    Erased,
}

impl Way {
    const ALL: [Self; 8] =
        [Self::Kept, Self::Removed, Self::Banned, Self::Left, Self::Demoted, Self::RuleChanged, Self::Disabled, Self::Erased];

    fn column(self) -> usize {
        match self {
            Self::Kept => 0,
            Self::Removed | Self::Banned | Self::Left => 1,
            Self::Demoted | Self::RuleChanged => 2,
            Self::Disabled | Self::Erased => 3,
        }
    }
}

/// Ann's room, in which Bob has every permission at first.
struct Scene {
    backend: Backend,
    media: Media,
    ann: Caller,
    bob: Caller,
    password: ErasureRequester,
    eve: Caller,
    room: RoomRef,
    own: RoomRef,
    code: String,
    spare: String,
    picture: UploadId,
    report: ReportId,
    kept: UploadId,
    chief: AdminCaller,
}

fn code<T>(outcome: Result<T>) -> &'static str {
    outcome.err().map_or("ok", |error| error.code())
}

fn some(is: bool) -> &'static str {
    if is { "ok" } else { "none" }
}

fn rules(change: ChangeSettings) -> ChangeRoom {
    ChangeRoom { settings: change, ..ChangeRoom::default() }
}

/// Media without objects.
pub(crate) fn media() -> Media {
    let aws = Aws {
        region: "us-east-1".into(),
        access_key_id: "key".into(),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        is_real: false,
    };
    Media::at(&aws, "http://127.0.0.1:1/media", UploadSizes { avatar: 1, image: 1, file: 1 })
}

impl Scene {
    async fn set(way: Way) -> Self {
        let backend = Backend::open().await;
        let ((_, ann), (made, bob), (_, eve), (_, admin)) = (
            register(&backend, "ann").await,
            register(&backend, "bob").await,
            register(&backend, "eve").await,
            register(&backend, "chief").await,
        );
        backend.set("chief", "role = 'admin'").await;
        let room = room(&backend, &ann, RoomKind::Group, &[&bob]).await;
        let own = self::room(&backend, &bob, RoomKind::Group, &[]).await;
        let (db, push) = (&backend.db, &backend.push);
        if way == Way::RuleChanged {
            let all = ChangeSettings { who_adds: Some(AllowedRole::Members), ..ChangeSettings::default() };
            settings::update(db, push, &ann, &room, &rules(all)).await.expect("changed");
        } else {
            members::set_role(db, push, &ann, MemberRef { room: &room, user: bob.user }, Role::Admin).await.expect("an admin");
        }
        let words = said(&backend, &ann, &room, "Needle in the hay").await;
        let picture = hung(&backend, &ann, words.room_id.0, words.seq).await;
        reports::report(db, &bob, &room, words.seq, &NewReport::default()).await.expect("reported");
        let asking = AdminCaller { caller: admin.clone(), ip: String::new() };
        let open = admin::list_reports(db, &asking, ReportState::Open, PageRequest::default()).await.expect("a list").items;
        let found = open.into_iter().next().expect("one").report;
        let (report, kept) = (found.id, found.attachments[0].upload_id);
        let code = invite_codes::create(db, &bob, &room, &NewInvite::default()).await.expect("made").code;
        let spare = invite_codes::create(db, &bob, &room, &NewInvite::default()).await.expect("made").code;
        let (hash, keys) = ([7; 32], (vec![4; 65], vec![5; 16], vec![6; 8]));
        let device = Endpoint { url: "https://push.example/bob".into(), hash, public: keys.0, auth: keys.1, vapid: keys.2 };
        subscriptions::upsert(&mut db.acquire().await.expect("a connection"), &bob, &device).await.expect("subscribed");
        let asker = erasure::authenticate(db, &backend.issuer.keys, &made.tokens.access_token, NOW).await.expect("signed in");
        let chief = AdminCaller { caller: admin, ip: "192.0.2.1".into() };
        Self { media: media(), ann, bob, password: asker, eve, room, own, code, spare, picture, report, kept, chief, backend }
    }

    async fn happen(&self, way: Way) {
        let (db, push, room) = (&self.backend.db, &self.backend.push, &self.room);
        match way {
            Way::Kept => {}
            Way::Removed => members::remove(db, push, &self.ann, room, self.bob.user).await.expect("removed"),
            Way::Banned => members::ban(db, push, &self.ann, room, self.bob.user).await.expect("banned"),
            Way::Left => drop(rooms::leave(db, push, &self.bob, room, None).await.expect("left")),
            Way::Demoted => {
                members::set_role(db, push, &self.ann, MemberRef { room, user: self.bob.user }, Role::Member)
                    .await
                    .expect("demoted");
            }
            Way::RuleChanged => {
                let admins = ChangeSettings { who_adds: Some(AllowedRole::Admins), ..ChangeSettings::default() };
                settings::update(db, push, &self.ann, room, &rules(admins)).await.expect("changed");
            }
            Way::Disabled => drop(admin::set_disabled(db, push, &self.chief, self.bob.user, true).await.expect("disabled")),
            Way::Erased => {
                erasure::erase(db, push, &self.backend.throttle, &self.password, PASSWORD).await.expect("erased");
            }
        }
        push.take_sent().await;
    }

    async fn ask(&self, right: &str) -> &'static str {
        let (db, push, room, bob) = (&self.backend.db, &self.backend.push, &self.room, &self.bob);
        let (seq, report, picture) = (Seq(1), self.report, self.picture);
        match right {
            "his invitation lets in" => code(invite_codes::join(db, push, &self.eve, room, Some(&self.code)).await),
            "his invitation is listed" => {
                let listed = invite_codes::list(db, &self.ann, room).await.expect("a list").items;
                some(listed.iter().any(|invite| invite.code == self.spare))
            }
            "takes his invitation back" => code(invite_codes::revoke(db, bob, room, &self.spare).await),
            "makes an invitation" => code(invite_codes::create(db, bob, room, &NewInvite::default()).await),
            "adds people" => {
                let new = NewMembers { user_ids: vec![self.chief.caller.user], ..NewMembers::default() };
                code(members::add(db, push, bob, room, &new).await)
            }
            "lists reports" => code(reports::list(db, bob, room, PageRequest::default()).await),
            "opens a report" => code(reports::find(db, bob, report).await),
            "fetches what was reported" => code(
                reports::link(db, &self.media, bob, ReportedAttachment { report, upload: self.kept }, media::Rendition::Original)
                    .await,
            ),
            "closes a report" => code(reports::close(db, bob, room, report).await),
            "pins" => code(pins::pin(db, push, bob, room, seq).await),
            "renames the room" => {
                let name = ChangeRoom { name: Some("Bob's".into()), ..ChangeRoom::default() };
                code(settings::update(db, push, bob, room, &name).await)
            }
            "reads on" => code(messages::history(db, bob, room, HistoryRange::Newest, None).await),
            "catches up" => code(sync::room(db, bob, room, Rev(0), None).await),
            "fetches a picture" => code(uploads::link(db, &self.media, bob, picture, media::Rendition::Original).await),
            "fetches the room's picture" => {
                code(avatars::room_link(db, &self.media, bob, room, media::Rendition::Original).await)
            }
            "passes on what was said" => {
                let forward = Some(Forward { room_id: room.clone(), seq });
                let new = NewMessage { forward, ..NewMessage::default() };
                code(messages::send(db, push, &limits(), bob, SendRequest { room: &self.own, new: &new }).await)
            }
            "finds what was said" => {
                let wanted = Search { q: Some("needle".into()), room_id: None, ..Search::default() };
                let found = search::search(db, &self.backend.throttle, bob, &wanted).await.expect("a page").items;
                some(found.iter().any(|found| RoomRef::Id(found.message.room_id) == *room))
            }
            "writes" => {
                let new = NewMessage { content: Some("Hello".into()), ..NewMessage::default() };
                code(messages::send(db, push, &limits(), bob, SendRequest { room, new: &new }).await)
            }
            "reacts" => {
                let reacting = reactions::ReactionRequest { room, seq, emoji: "👍" };
                code(reactions::react(db, push, &limits(), bob, reacting).await)
            }
            "hears" => {
                push.take_sent().await;
                said(&self.backend, &self.ann, room, "Who is there?").await;
                let pushed = push.take_sent().await;
                some(pushed.iter().any(|(user, frame)| *user == bob.user && matches!(frame, Frame::Message { .. })))
            }
            "is woken" => {
                let message = said(&self.backend, &self.ann, room, "Wake up").await;
                let mut connection = db.acquire().await.expect("a connection");
                let news = subscriptions::find_source(&mut connection, message.room_id, message.seq).await.expect("news");
                let news = news.expect("a message to notify of");
                some(!subscriptions::list_targets(&mut connection, &news, &[bob.user], NOW).await.expect("a list").is_empty())
            }
            _ => panic!("no check for the permission {right}"),
        }
    }
}

/// Attaches an image to a message without verification.
pub(crate) async fn hung(backend: &Backend, who: &Caller, room: u64, seq: Seq) -> UploadId {
    let mut connection = backend.db.acquire().await.expect("a connection");
    let id = sqlx::query(
        "insert into uploads (owner_id, purpose, state, file_name, content_type, size, attempts, object_id, object_attempt, room_id, seq, created_at)
         values (?, 'image', 'ready', 'a.png', 'image/png', 9, 1, 1, 1, ?, ?, 1)",
    )
    .bind(who.user.0)
    .bind(room)
    .bind(seq.0)
    .execute(&mut *connection)
    .await
    .expect("a row")
    .last_insert_id();
    let hanging = format!(
        r#"[{{"id":{id},"image":true,"name":"a.png","type":"image/png","size":9,"width":3,"height":2,"placeholder":null}}]"#
    );
    sqlx::query("update messages set kind = 'image', attachments = ? where room_id = ? and seq = ?")
        .bind(hanging)
        .bind(room)
        .bind(seq.0)
        .execute(&mut *connection)
        .await
        .expect("hangs");
    UploadId(id)
}

#[tokio::test]
async fn a_right_ends_with_what_it_stands_on() {
    let mut wrong = Vec::new();
    for way in Way::ALL {
        let scene = Scene::set(way).await;
        scene.happen(way).await;
        for line in TABLE.lines().filter(|line| !line.is_empty()) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let expected = cells[way.column() + 1];
            if expected == "-" {
                continue;
            }
            let seen = scene.ask(cells[0]).await;
            if seen != expected {
                wrong.push(format!("{way:?}: {} is {seen}, not {expected}", cells[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_invitation_is_as_good_as_its_maker_is_at_its_use() {
    let scene = Scene::set(Way::Demoted).await;
    let Backend { db, push, .. } = &scene.backend;
    let role = async |role| {
        let target = MemberRef { room: &scene.room, user: scene.bob.user };
        members::set_role(db, push, &scene.ann, target, role).await.expect("set");
    };
    role(Role::Member).await;
    assert_eq!(code(invite_codes::join(db, push, &scene.eve, &scene.room, Some(&scene.code)).await), "invite_not_found");
    // Outcomes after regaining the role equal those before.
    role(Role::Admin).await;
    assert_eq!(code(invite_codes::join(db, push, &scene.eve, &scene.room, Some(&scene.code)).await), "ok");
    // He revokes his own invite from outside for good, but no other.
    members::remove(db, push, &scene.ann, &scene.room, scene.bob.user).await.expect("removed");
    let hers = invite_codes::create(db, &scene.ann, &scene.room, &NewInvite::default()).await.expect("made").code;
    assert_eq!(code(invite_codes::revoke(db, &scene.bob, &scene.room, &scene.code).await), "ok");
    assert_eq!(code(invite_codes::revoke(db, &scene.bob, &scene.room, &scene.code).await), "room_not_found");
    assert_eq!(code(invite_codes::revoke(db, &scene.bob, &scene.room, &hers).await), "room_not_found");
    let new = NewMembers { user_ids: vec![scene.bob.user], ..NewMembers::default() };
    members::add(db, push, &scene.ann, &scene.room, &new).await.expect("added");
    role(Role::Admin).await;
    assert_eq!(code(invite_codes::join(db, push, &scene.chief.caller, &scene.room, Some(&scene.code)).await), "invite_not_found");
    assert_eq!(code(invite_codes::join(db, push, &scene.chief.caller, &scene.room, Some(&hers)).await), "ok");
}

#[tokio::test]
async fn joining_while_the_maker_is_banned_is_before_or_after_and_nothing_between() {
    let scene = Scene::set(Way::Banned).await;
    let Backend { db, push, url, .. } = &scene.backend;
    let mut coming = Vec::new();
    for number in 0..8 {
        let (_, caller) = register(&scene.backend, &format!("late{number}")).await;
        let (url, room, key) = (url.clone(), scene.room.clone(), scene.code.clone());
        coming.push(tokio::spawn(async move {
            let db = shared::store::Db::lazy(&url).expect("a URL");
            (caller.user, code(invite_codes::join(&db, &shared::push::Push::memory(), &caller, &room, Some(&key)).await))
        }));
    }
    members::ban(db, push, &scene.ann, &scene.room, scene.bob.user).await.expect("banned");
    let banned = rooms::find(db, &scene.ann, &scene.room).await.expect("hers").last_seq;
    for come in coming {
        let (user, outcome) = come.await.expect("ran");
        assert!(matches!(outcome, "ok" | "invite_not_found"), "{outcome}");
        let joined: Option<u64> = sqlx::query_scalar("select joined_seq from members where room_id = ? and user_id = ?")
            .bind(match &scene.room {
                RoomRef::Id(id) => id.0,
                RoomRef::Slug(_) => 0,
            })
            .bind(user.0)
            .fetch_optional(&mut *db.acquire().await.expect("a connection"))
            .await
            .expect("a row");
        assert_eq!(joined.is_some(), outcome == "ok");
        assert!(joined.is_none_or(|seq| seq <= banned.0), "joined at {joined:?}, after the ban of message {banned}");
    }
}
