//! Push notifications of messages to absent users: recipients, frequency, devices.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::Value;
use shared::caller::Caller;
use shared::config::Secret;
use shared::domain::auth::sessions::{self, SessionOwner};
use shared::domain::export;
use shared::domain::limits::throttle::Throttle;
use shared::domain::messages::receipts::{self, ReadMarker};
use shared::domain::messages::unsend;
use shared::domain::messages::{self, SendRequest};
use shared::domain::notifications::Notifier;
use shared::domain::notifications::subscriptions;
use shared::domain::people::blocks;
use shared::domain::people::profiles;
use shared::domain::rooms;
use shared::domain::rooms::directs;
use shared::error::{Error, Result};
use shared::id::{ConnectionId, RoomId, RoomRef, Seq, SessionId};
use shared::protocol::dialect::Dialect;
use shared::protocol::messages::NewMessage;
use shared::protocol::notifications::{NewSubscription, SubscriptionKeys};
use shared::protocol::people::Notifications;
use shared::protocol::profiles::{ChangeMe, ChangeMySettings};
use shared::protocol::rooms::{NewRoom, RoomKind};
use shared::push::Push;
use shared::push::memory::Memory;
use shared::push::notify::NotifyRequest;
use shared::push::socket_registry::Connection;
use shared::push::web::vapid::VapidKeys;
use shared::push::web::{AllowedHosts, PushOutcome, WebPush};
use shared::store::{self, Db};
use shared::time::Timestamp;

use crate::backend;
use crate::fixture::{self, limits, person, statements};

/// A P-256 point as a browser sends it, and a secret.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// Everything that notifications need.
pub(crate) struct Bench {
    pub(crate) db: Db,
    pub(crate) push: Push,
    pub(crate) web: WebPush,
    pub(crate) pause: Duration,
}

impl Bench {
    pub(crate) async fn open() -> Self {
        Self::with(200, Duration::ZERO).await
    }

    pub(crate) async fn with(members: usize, pause: Duration) -> Self {
        let db = fixture::database().await;
        Self { db, push: Push::Memory(Box::new(Memory::with_notifications(members))), web: WebPush::memory(), pause }
    }

    /// A logged-in user with a subscribed device.
    pub(crate) async fn subscriber(&self, name: &str) -> Caller {
        let mut who = person(&self.db, name).await;
        who.session = self.login(&who).await;
        self.subscribe(&who, name).await.expect("subscribed");
        who
    }

    pub(crate) async fn login(&self, who: &Caller) -> SessionId {
        let mut connection = self.db.acquire().await.expect("a connection");
        let expires_at = who.now.plus_seconds(86_400);
        let new =
            store::sessions::NewSession { user: who.user, refresh_hash: &[0; 32], device: "", ip: "", now: who.now, expires_at };
        store::sessions::insert(&mut connection, &new).await.expect("a session")
    }

    pub(crate) async fn subscribe(&self, who: &Caller, device: &str) -> Result<()> {
        subscriptions::subscribe(&self.db, &keys(), &hosts(), who, &subscription(&url(device))).await
    }

    pub(crate) async fn group(&self, owner: &Caller, others: &[&Caller]) -> RoomId {
        let member_ids = others.iter().map(|other| other.user).collect();
        let new = NewRoom { name: "Lunch".into(), member_ids, ..NewRoom::default() };
        rooms::create(&self.db, &self.push, owner, RoomKind::Group, &new).await.expect("a room").id
    }

    pub(crate) async fn send(&self, by: &Caller, room: RoomId, text: &str) -> Seq {
        let new = NewMessage { content: Some(text.into()), ..NewMessage::default() };
        let sent = messages::send(&self.db, &self.push, &limits(), by, SendRequest { room: &RoomRef::Id(room), new: &new })
            .await
            .expect("sent");
        sent.message.seq
    }

    /// Runs the function on all requests. Returns the endpoints' last parts and the payloads.
    pub(crate) async fn payloads(&self) -> Vec<(String, Value, bool)> {
        let (Push::Memory(push), WebPush::Memory(web)) = (&self.push, &self.web) else { panic!("not in memory") };
        // Serving a request may send another one to the queue.
        loop {
            let requests = push.take_notify_requests().await;
            if requests.is_empty() {
                break;
            }
            // Concurrently, as on Lambda.
            join_all(requests.iter().map(|request| self.serve(request))).await;
        }
        let mut payloads: Vec<_> =
            web.take_sent().await.into_iter().map(|(endpoint, text, urgent)| (device(&endpoint), json(&text), urgent)).collect();
        payloads.sort_by(|a, b| a.0.cmp(&b.0));
        payloads
    }

    pub(crate) async fn serve(&self, request: &NotifyRequest) -> usize {
        let notifier = Notifier { db: &self.db, push: &self.push, web: &self.web, pause: self.pause };
        notifier.serve(request, Timestamp::now()).await.expect("served")
    }

    /// Takes the requests in the queue.
    pub(crate) async fn requests(&self) -> Vec<NotifyRequest> {
        let Push::Memory(push) = &self.push else { panic!("not in memory") };
        push.take_notify_requests().await
    }

    /// Takes what devices were sent, in that order.
    pub(crate) async fn previews(&self) -> Vec<String> {
        let WebPush::Memory(web) = &self.web else { panic!("not in memory") };
        let sent = web.take_sent().await;
        sent.iter().map(|(_, text, _)| json(text)["preview"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        self.payloads().await.into_iter().map(|(device, ..)| device).collect()
    }

    /// Sends a text. Returns the users whose devices are notified.
    pub(crate) async fn notified(&self, by: &Caller, room: RoomId, text: &str) -> Vec<String> {
        self.send(by, room, text).await;
        self.names().await
    }

    pub(crate) async fn connect(&self, who: &Caller) {
        let id = ConnectionId(format!("c-{}", who.user));
        let connection =
            Connection { user: who.user, id, session: who.session, dialect: Dialect::Lean, connected_at: Timestamp::now() };
        self.push.register(&connection).await.expect("registered");
    }

    async fn wish(&self, who: &Caller, wish: Notifications) {
        let settings = ChangeMySettings { notifications: Some(wish), ..ChangeMySettings::default() };
        let change = ChangeMe { settings, ..ChangeMe::default() };
        let throttle = Throttle::new(backend::ephemeral().await, limits());
        let me = profiles::change(&self.db, &self.push, &throttle, who, &change).await.expect("changed");
        assert_eq!(me.settings.notifications, wish);
    }
}

fn keys() -> VapidKeys {
    VapidKeys::new(&Secret::new("a-secret-of-push-notifications"), false).expect("keys")
}

fn hosts() -> AllowedHosts {
    AllowedHosts::new(&["push.example".into()], false)
}

pub(crate) fn url(device: &str) -> String {
    format!("https://push.example/{device}")
}

fn device(endpoint: &str) -> String {
    endpoint.rsplit('/').next().unwrap_or_default().to_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn subscription(endpoint: &str) -> NewSubscription {
    let keys = SubscriptionKeys { p256dh: P256DH.into(), auth: AUTH.into() };
    NewSubscription { endpoint: endpoint.into(), keys, application_server_key: None, expiration_time: None }
}

#[tokio::test]
async fn only_absent_users_are_notified() {
    let bench = Bench::open().await;
    let (ann, bob, cat) = (bench.subscriber("ann").await, bench.subscriber("bob").await, bench.subscriber("cat").await);
    let dan = person(&bench.db, "dan").await;
    let room = bench.group(&ann, &[&bob, &cat, &dan]).await;
    assert!(bench.names().await.is_empty(), "what the system says is no news");
    bench.connect(&cat).await;
    let seq = bench.send(&ann, room, "Soup today").await;
    let payloads = bench.payloads().await;
    assert_eq!(payloads.len(), 1, "{payloads:?}");
    let (device, news, urgent) = &payloads[0];
    assert_eq!((device.as_str(), *urgent), ("bob", false));
    let expected = serde_json::json!({
        "type": "message", "room_id": room, "room_kind": "group", "room": "Lunch", "seq": seq, "kind": "text", "sender_id": ann.user,
        "sender": "ann", "preview": "Soup today", "unread": news["unread"], "mentioned": false, "url": format!("/#/rooms/{room}"),
    });
    assert_eq!(*news, expected);
    receipts::raise_marker(&bench.db, &bench.push, &bob, &RoomRef::Id(room), ReadMarker::Read(seq)).await.expect("read");
    bench.send(&ann, room, "Or salad").await;
    assert_eq!(bench.payloads().await[0].1["unread"], 1);
}

#[tokio::test]
async fn a_badge_leaves_out_what_does_not_count_among_the_latest_thousand() {
    let bench = Bench::open().await;
    let (ann, bob) = (person(&bench.db, "ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    for sql in [
        format!(
            "insert into messages (room_id, seq, sender_id, content, created_at, rev, deleted_at)
             select {room}, s.seq, {}, '', 0, s.seq, if(s.seq in (500, 1500), 1, null) from {} s",
            ann.user,
            fixture::numbers(2000)
        ),
        format!("update rooms set last_seq = 2000, rev = 2000, last_unsent_seq = 1500, last_member_seq = 2000 where id = {room}"),
    ] {
        let mut connection = bench.db.acquire().await.expect("a connection");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.expect("a long absence");
    }
    bench.send(&ann, room, "Hi").await;
    assert_eq!(bench.payloads().await[0].1["unread"], 2000);
}

#[tokio::test]
async fn users_choose_what_they_are_notified_of() {
    let bench = Bench::open().await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    let direct = directs::open(&bench.db, &bench.push, &ann, bob.user).await.expect("opened").0.id;
    for (wish, of_all, of_mentions, of_direct) in
        [(Notifications::All, 1, 1, 1), (Notifications::Mentions, 0, 1, 1), (Notifications::None, 0, 0, 0)]
    {
        bench.wish(&bob, wish).await;
        assert_eq!(bench.notified(&ann, room, "Hi").await.len(), of_all, "{wish:?}");
        assert_eq!(bench.notified(&ann, room, "Hi @bob").await.len(), of_mentions, "{wish:?}");
        assert_eq!(bench.notified(&ann, direct, "Psst").await.len(), of_direct, "{wish:?}");
    }
    bench.wish(&bob, Notifications::All).await;
    bench.send(&ann, direct, "Psst").await;
    let (_, news, urgent) = bench.payloads().await.remove(0);
    assert_eq!((&news["room"], &news["room_kind"], urgent), (&serde_json::json!("ann"), &serde_json::json!("direct"), true));
    bench.send(&ann, room, "Hi @bob").await;
    let (_, news, urgent) = bench.payloads().await.remove(0);
    assert_eq!((&news["mentioned"], urgent), (&serde_json::json!(true), true));
}

#[tokio::test]
async fn a_muted_room_is_silent_until_then_and_a_block_parts_in_every_room() {
    let bench = Bench::open().await;
    let (ann, bob, cat) = (bench.subscriber("ann").await, bench.subscriber("bob").await, bench.subscriber("cat").await);
    let room = bench.group(&ann, &[&bob, &cat]).await;
    let here = RoomRef::Id(room);
    let mute = |until| rooms::mute(&bench.db, &bench.push, &bob, &here, until);
    mute(Some(bob.now.plus_seconds(3600))).await.expect("muted");
    assert_eq!(bench.notified(&ann, room, "Hi @bob").await, ["cat"]);
    mute(None).await.expect("unmuted");
    blocks::add(&bench.db, &bench.push, &cat, ann.user).await.expect("blocked");
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"]);
    blocks::remove(&bench.db, &bench.push, &cat, ann.user).await.expect("unblocked");
    blocks::add(&bench.db, &bench.push, &ann, cat.user).await.expect("blocked");
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"], "whichever of the two it was");
}

#[tokio::test]
async fn read_unsent_left_or_logged_out_is_not_notified() {
    let bench = Bench::open().await;
    let (ann, bob, cat) = (bench.subscriber("ann").await, bench.subscriber("bob").await, bench.subscriber("cat").await);
    let (dan, eve) = (bench.subscriber("dan").await, bench.subscriber("eve").await);
    let room = bench.group(&ann, &[&bob, &cat, &dan, &eve]).await;
    let here = RoomRef::Id(room);
    let seq = bench.send(&ann, room, "Hi").await;
    receipts::raise_marker(&bench.db, &bench.push, &bob, &here, ReadMarker::Read(seq)).await.expect("read");
    rooms::leave(&bench.db, &bench.push, &cat, &here, None).await.expect("left");
    sessions::logout(&bench.db, &bench.push, &SessionOwner::SignedIn(dan)).await.expect("logged out");
    assert_eq!(bench.names().await, ["eve"]);
    let seq = bench.send(&ann, room, "Oops").await;
    unsend::unsend(&bench.db, &bench.push, &ann, &here, seq).await.expect("unsent");
    assert!(bench.names().await.is_empty());
}

#[tokio::test]
async fn in_a_large_room_only_mentioned_users_are_notified() {
    let bench = Bench::with(2, Duration::ZERO).await;
    let (ann, bob, cat) = (bench.subscriber("ann").await, bench.subscriber("bob").await, bench.subscriber("cat").await);
    let room = bench.group(&ann, &[&bob, &cat]).await;
    assert!(bench.notified(&ann, room, "Hi").await.is_empty());
    assert_eq!(bench.notified(&ann, room, "Hi @cat").await, ["cat"]);
    let moderate = bench.group(&ann, &[&bob]).await;
    assert_eq!(bench.notified(&ann, moderate, "Hi").await, ["bob"]);
}

#[tokio::test]
async fn a_login_has_one_device_and_a_device_one_login() {
    let bench = Bench::open().await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    bench.subscribe(&bob, "other").await.expect("subscribed");
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["other"]);
    let mut phone = bob.clone();
    phone.session = bench.login(&bob).await;
    bench.subscribe(&phone, "phone").await.expect("subscribed");
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["other", "phone"]);
    let cat = person(&bench.db, "cat").await;
    let cat = Caller { session: bench.login(&cat).await, ..cat };
    bench.subscribe(&cat, "phone").await.expect("subscribed");
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["other"], "cat uses the phone now, and is not in the room");
    for _ in 0..2 {
        subscriptions::unsubscribe(&bench.db, &bob).await.expect("done");
        assert!(bench.notified(&ann, room, "Hi").await.is_empty());
    }
}

#[tokio::test]
async fn a_device_that_is_gone_is_forgotten_and_one_that_fails_for_a_week_too() {
    let bench = Bench::open().await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    let WebPush::Memory(web) = &bench.web else { panic!("not in memory") };
    web.set_outcome(&url("bob"), PushOutcome::Failed).await;
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"]);
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"], "a failure is a failure of today");
    web.set_outcome(&url("bob"), PushOutcome::Accepted).await;
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"]);
    web.set_outcome(&url("bob"), PushOutcome::Failed).await;
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"]);
    let mut connection = bench.db.acquire().await.expect("a connection");
    let aged = "update push_subscriptions set failed_at = failed_at - 7 * 24 * 3600 * 1000 where failed_at is not null";
    let aged = sqlx::query(aged).execute(&mut *connection).await.expect("aged");
    assert_eq!(aged.rows_affected(), 1);
    drop(connection);
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"]);
    assert!(bench.notified(&ann, room, "Hi").await.is_empty());
    bench.subscribe(&bob, "bob").await.expect("subscribed");
    web.set_outcome(&url("bob"), PushOutcome::Gone).await;
    assert_eq!(bench.notified(&ann, room, "Hi").await, ["bob"]);
    assert!(bench.notified(&ann, room, "Hi").await.is_empty());
}

#[tokio::test]
async fn what_is_no_subscription_is_refused_field_by_field() {
    let bench = Bench::open().await;
    let ann = bench.subscriber("ann").await;
    let good = || subscription(&url("ann"));
    let with_key = |key: &str| NewSubscription { application_server_key: Some(key.into()), ..good() };
    let keyed = |p256dh: &str, auth: &str| NewSubscription {
        keys: SubscriptionKeys { p256dh: p256dh.into(), auth: auth.into() },
        ..good()
    };
    let padded =
        URL_SAFE_NO_PAD.decode(AUTH).map(|bytes| base64::engine::general_purpose::URL_SAFE.encode(bytes)).expect("base64");
    for (new, fields) in [
        (with_key(keys().public_key()), &[][..]),
        (keyed(P256DH, &padded), &[]),
        (subscription("http://push.example/x"), &["endpoint"]),
        (subscription("https://169.254.169.254/x"), &["endpoint"]),
        (with_key(P256DH), &["application_server_key"]),
        (keyed("", "short"), &["keys.auth", "keys.p256dh"]),
        (keyed(&P256DH.replace("BCV", "BCW"), AUTH), &["keys.p256dh"]),
    ] {
        let done = subscriptions::subscribe(&bench.db, &keys(), &hosts(), &ann, &new).await;
        let wrong = match done {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(violations)) => violations.into_iter().map(|violation| violation.field).collect(),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(wrong, fields, "{new:?}");
    }
}

#[tokio::test]
async fn sending_costs_one_more_statement_only_where_a_member_is_absent() {
    let bench = Bench::open().await;
    let (ann, bob) = (bench.subscriber("ann").await, bench.subscriber("bob").await);
    let room = bench.group(&ann, &[&bob]).await;
    bench.send(&ann, room, "prepared").await;
    assert_eq!(statements(&bench.db, bench.send(&ann, room, "Hi")).await.1, 7);
    bench.connect(&bob).await;
    assert_eq!(statements(&bench.db, bench.send(&ann, room, "Hi")).await.1, 6);
}

#[tokio::test]
async fn a_person_finds_their_devices_in_what_is_kept_of_them() {
    let bench = Bench::open().await;
    let ann = bench.subscriber("ann").await;
    let part = export::export(&bench.db, &ann, None).await.expect("exported");
    let devices: Vec<_> = part.subscriptions.iter().map(|device| (device.session_id, device.endpoint.clone())).collect();
    assert_eq!(devices, [(ann.session, url("ann"))]);
}
