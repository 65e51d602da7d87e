//! Presence: recipients, timing and visibility. The registry's part runs on a real table.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use shared::aws::dynamodb;
use shared::caller::Caller;
use shared::domain::messages::{self, SendRequest};
use shared::domain::paging::PageRequest;
use shared::domain::people::blocks;
use shared::domain::people::presence;
use shared::domain::rooms;
use shared::domain::rooms::directs;
use shared::domain::sync::welcome;
use shared::id::{ConnectionId, RoomRef, SessionId, UserId};
use shared::protocol::dialect::Dialect;
use shared::protocol::frames::Frame;
use shared::protocol::messages::NewMessage;
use shared::protocol::people::{Presence, User, Visibility};
use shared::push::Push;
use shared::push::presence_checks::{PresenceCheck, ScheduledCheck};
use shared::push::socket_registry::{Connection, Registry};
use shared::store::{Db, users};
use shared::time::Timestamp;

use crate::backend;
use crate::fixture::{self, limits, person, statements};
use crate::friends::befriend;

const GRACE: Duration = Duration::from_secs(5);

fn socket(who: &Caller, name: &str, at: Timestamp) -> Connection {
    let id = ConnectionId(format!("{name}-{}", who.user));
    Connection { user: who.user, id, session: SessionId(1), dialect: Dialect::Lean, connected_at: at }
}

/// Runs the requested presence checks at `now`. Returns the frames.
pub(crate) async fn look(db: &Db, push: &Push, now: Timestamp) -> Vec<(UserId, Presence)> {
    let Push::Memory(memory) = push else { return Vec::new() };
    for user in memory.take_arrivals().await {
        presence::serve(db, push, PresenceCheck::CameOnline { user_id: user.0 }, GRACE, now).await.expect("pushed");
    }
    presence::serve(db, push, PresenceCheck::Left { until: 0, part: 0 }, GRACE, now).await.expect("pushed");
    let pushed = push.take_sent().await;
    let presence = |frame| if let Frame::Presence { presence, .. } = frame { presence } else { panic!("{frame:?}") };
    pushed.into_iter().map(|(to, frame)| (to, presence(frame))).collect()
}

async fn seen(db: &Db, push: &Push, viewer: &Caller, whom: &Caller, now: Timestamp) -> Presence {
    let user = users::find(&mut db.acquire().await.expect("a connection"), whom.user).await.expect("read").expect("somebody");
    let viewer = Caller { now, ..viewer.clone() };
    presence::of_user(db, push, &viewer, user).await.expect("looked").presence.expect("asked for")
}

async fn lets(db: &Db, who: &Caller, visibility: &str) {
    let mut connection = db.acquire().await.expect("a connection");
    let set = sqlx::query("update users set presence_visibility = ? where id = ?").bind(visibility).bind(who.user.0);
    set.execute(&mut *connection).await.expect("set");
}

const ONLINE: Presence = Presence { online: Some(true), last_seen: None };
const HIDDEN: Presence = Presence { online: None, last_seen: None };

fn away(since: Timestamp) -> Presence {
    Presence { online: Some(false), last_seen: Some(since) }
}

#[tokio::test]
async fn presence_is_pushed_for_the_first_socket_only() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    let stranger = person(&db, "eve").await;
    befriend(&db, &push, &ann, &bob).await;
    directs::open(&db, &push, &cat, ann.user).await.expect("opened");
    rooms::join(&db, &push, &stranger, &RoomRef::general()).await.expect("joined");
    rooms::join(&db, &push, &ann, &RoomRef::general()).await.expect("joined");
    push.take_sent().await;
    push.register(&socket(&ann, "laptop", ann.now)).await.expect("open");
    let pushed = look(&db, &push, ann.now).await;
    assert_eq!(pushed.iter().map(|(to, _)| *to).collect::<BTreeSet<_>>(), BTreeSet::from([bob.user, cat.user]));
    assert!(pushed.iter().all(|(_, presence)| *presence == ONLINE), "{pushed:?}");
    let (second, count) = statements(&db, push.register(&socket(&ann, "phone", ann.now))).await;
    second.expect("open");
    assert_eq!(count, 0);
    assert!(look(&db, &push, ann.now).await.is_empty());
    push.unregister(ann.user, &socket(&ann, "laptop", ann.now).id, ann.now).await.expect("closed");
    assert!(look(&db, &push, ann.now.plus_seconds(60)).await.is_empty(), "the other one is open");
}

#[tokio::test]
async fn offline_is_pushed_once_and_only_after_the_grace_period() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    befriend(&db, &push, &ann, &bob).await;
    let at = |seconds| ann.now.plus_seconds(seconds);
    let close = async |name, seconds| {
        push.unregister(ann.user, &socket(&ann, name, ann.now).id, at(seconds)).await.expect("closed");
    };
    push.register(&socket(&ann, "a", at(0))).await.expect("open");
    assert_eq!(look(&db, &push, at(0)).await, [(bob.user, ONLINE)]);
    close("a", 10).await;
    assert_eq!(seen(&db, &push, &bob, &ann, at(12)).await, ONLINE, "within the grace period, reads agree with what was pushed");
    push.register(&socket(&ann, "b", at(13))).await.expect("open");
    assert!(look(&db, &push, at(16)).await.is_empty(), "flapping is not pushed");
    close("b", 20).await;
    assert!(look(&db, &push, at(24)).await.is_empty(), "too early; a later check pushes it");
    close("b", 20).await;
    push.schedule_offline_check(ann.user, at(25)).await;
    assert_eq!(look(&db, &push, at(25)).await, [(bob.user, away(at(20)))]);
    push.schedule_offline_check(ann.user, at(26)).await;
    assert!(look(&db, &push, at(40)).await.is_empty(), "pushed once");
    assert_eq!(seen(&db, &push, &bob, &ann, at(41)).await, away(at(20)));
    push.register(&socket(&ann, "c", at(50))).await.expect("open");
    assert_eq!(look(&db, &push, at(50)).await, [(bob.user, ONLINE)]);
}

#[tokio::test]
async fn checks_may_come_early_twice_or_in_the_wrong_order() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    befriend(&db, &push, &ann, &bob).await;
    let at = |seconds| ann.now.plus_seconds(seconds);
    push.register(&socket(&ann, "a", at(0))).await.expect("open");
    assert_eq!(look(&db, &push, at(0)).await, [(bob.user, ONLINE)]);
    push.unregister(ann.user, &socket(&ann, "a", at(0)).id, at(10)).await.expect("closed");
    let left = PresenceCheck::Left { until: at(12).0, part: 0 };
    let serve = async |check, seconds| presence::serve(&db, &push, check, GRACE, at(seconds)).await.expect("served");
    serve(left, 13).await;
    let Push::Memory(memory) = &push else { panic!("in memory") };
    assert_eq!(
        memory.take_checks().await,
        [ScheduledCheck { check: left, delay: Duration::from_secs(4) }],
        "it waits in the queue"
    );
    assert!(push.take_sent().await.is_empty());
    serve(left, 17).await;
    push.schedule_offline_check(ann.user, at(17)).await;
    serve(left, 18).await;
    serve(PresenceCheck::CameOnline { user_id: ann.user.0 }, 19).await;
    let pushed = push.take_sent().await;
    let [(to, Frame::Presence { presence, .. })] = pushed.as_slice() else { panic!("{pushed:?}") };
    assert_eq!((*to, *presence), (bob.user, away(at(10))), "once, and a check that comes late says nothing wrong");
}

#[tokio::test]
async fn visibility_settings_and_blocks_hide_presence() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, friend, direct) = (person(&db, "ann").await, person(&db, "friend").await, person(&db, "direct").await);
    let stranger = person(&db, "eve").await;
    befriend(&db, &push, &ann, &friend).await;
    let room = directs::open(&db, &push, &direct, ann.user).await.expect("opened").0.id;
    let hi = NewMessage { content: Some("Hi".into()), ..NewMessage::default() };
    messages::send(&db, &push, &limits(), &direct, SendRequest { room: &RoomRef::Id(room), new: &hi }).await.expect("sent");
    push.take_sent().await;
    push.register(&socket(&ann, "a", ann.now)).await.expect("open");
    look(&db, &push, ann.now).await;
    for (visibility, hear, know) in [
        ("everyone", vec![friend.user, direct.user], vec![friend.user, direct.user, stranger.user]),
        ("friends", vec![friend.user], vec![friend.user]),
        ("nobody", vec![], vec![]),
    ] {
        lets(&db, &ann, visibility).await;
        presence::serve(&db, &push, PresenceCheck::CameOnline { user_id: ann.user.0 }, GRACE, ann.now).await.expect("pushed");
        let pushed: BTreeSet<_> = look(&db, &push, ann.now).await.into_iter().map(|(to, _)| to).collect();
        assert_eq!(pushed, hear.into_iter().collect(), "{visibility}");
        for viewer in [&friend, &direct, &stranger] {
            let expected = if know.contains(&viewer.user) { ONLINE } else { HIDDEN };
            assert_eq!(seen(&db, &push, viewer, &ann, ann.now).await, expected, "{visibility}: {}", viewer.username);
        }
        assert_eq!(seen(&db, &push, &ann, &ann, ann.now).await, ONLINE, "users always see themselves");
    }
    lets(&db, &ann, "everyone").await;
    for (who, whom) in [(&ann, &friend), (&direct, &ann)] {
        blocks::add(&db, &push, who, whom.user).await.expect("blocked");
    }
    let pushed = push.take_sent().await;
    let hidden: BTreeSet<_> = pushed
        .iter()
        .filter(|(_, frame)| matches!(frame, Frame::Presence { presence, .. } if *presence == HIDDEN))
        .map(|(to, _)| *to)
        .collect();
    assert_eq!(hidden, BTreeSet::from([ann.user, friend.user, direct.user]), "what was known is to be forgotten");
    presence::serve(&db, &push, PresenceCheck::CameOnline { user_id: ann.user.0 }, GRACE, ann.now).await.expect("pushed");
    assert!(push.take_sent().await.is_empty());
    for viewer in [&friend, &direct] {
        assert_eq!(seen(&db, &push, viewer, &ann, ann.now).await, HIDDEN);
        assert_eq!(seen(&db, &push, &ann, viewer, ann.now).await, HIDDEN);
    }
    blocks::remove(&db, &push, &direct, ann.user).await.expect("unblocked");
    let pushed = push.take_sent().await;
    assert!(
        pushed
            .iter()
            .any(|(to, frame)| *to == direct.user && matches!(frame, Frame::Presence { presence, .. } if *presence == ONLINE)),
        "{pushed:?}"
    );
}

#[tokio::test]
async fn a_change_of_visibility_is_pushed() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, friend, direct) = (person(&db, "ann").await, person(&db, "friend").await, person(&db, "direct").await);
    befriend(&db, &push, &ann, &friend).await;
    directs::open(&db, &push, &direct, ann.user).await.expect("opened");
    push.register(&socket(&ann, "a", ann.now)).await.expect("open");
    look_away(&push).await;
    for (before, name, expected) in [
        (Visibility::Everyone, "friends", vec![(direct.user, HIDDEN)]),
        (Visibility::Friends, "nobody", vec![(friend.user, HIDDEN)]),
        (Visibility::Nobody, "everyone", vec![(friend.user, ONLINE), (direct.user, ONLINE)]),
        (Visibility::Everyone, "everyone", vec![]),
    ] {
        lets(&db, &ann, name).await;
        presence::visibility_changed(&db, &push, &ann, before).await.expect("pushed");
        let mut pushed = look(&db, &push, ann.now).await;
        pushed.sort_by_key(|(to, _)| *to);
        assert_eq!(pushed, expected, "from {before:?} to {name}");
    }
}

async fn look_away(push: &Push) {
    push.take_sent().await;
    if let Push::Memory(memory) = push {
        memory.take_arrivals().await;
    }
}

#[tokio::test]
async fn new_friends_learn_of_each_other_and_strangers_again_forget() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    push.register(&socket(&ann, "a", ann.now)).await.expect("open");
    look_away(&push).await;
    let of = |pushed: Vec<(UserId, Frame)>, to: UserId| {
        pushed.into_iter().find_map(|(user, frame)| match frame {
            Frame::Presence { presence, .. } if user == to => Some(presence),
            _ => None,
        })
    };
    let new = shared::protocol::friends::NewFriend { user_id: Some(bob.user), username: None };
    shared::domain::people::friends::send_request(&db, &push, &ann, &new).await.expect("asked");
    shared::domain::people::friends::accept(&db, &push, &bob, ann.user).await.expect("agreed");
    assert_eq!(of(push.take_sent().await, bob.user), Some(ONLINE));
    shared::domain::people::friends::remove(&db, &push, &ann, bob.user).await.expect("ended");
    assert_eq!(of(push.take_sent().await, bob.user), Some(HIDDEN));
}

#[tokio::test]
async fn room_lists_and_welcome_include_presence_for_one_more_statement() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob, cat) = (person(&db, "ann").await, person(&db, "bob").await, person(&db, "cat").await);
    directs::open(&db, &push, &ann, bob.user).await.expect("opened");
    directs::open(&db, &push, &ann, cat.user).await.expect("opened");
    push.register(&socket(&bob, "a", bob.now)).await.expect("open");
    let mut page = rooms::list(&db, &ann, shared::protocol::rooms::Scope::Joined, PageRequest::default()).await.expect("rooms");
    presence::fill_rooms(&db, &push, ann.user, &mut page.items, ann.now).await.expect("filled");
    let (filled, count) = statements(&db, presence::fill_rooms(&db, &push, ann.user, &mut page.items, ann.now)).await;
    filled.expect("filled");
    assert_eq!(count, 1);
    let there: Vec<_> =
        page.items.iter().filter_map(|room| room.direct_user.as_ref()).map(|other| (other.id, other.presence)).collect();
    assert!(there.contains(&(bob.user, Some(ONLINE))), "{there:?}");
    assert!(there.contains(&(cat.user, Some(Presence { online: Some(false), last_seen: None }))), "{there:?}");
    let (none, count) = statements(&db, presence::fill_rooms(&db, &push, ann.user, &mut [], ann.now)).await;
    none.expect("nothing to fill");
    assert_eq!(count, 0, "without direct rooms nothing is asked");
    let mine = socket(&ann, "a", ann.now);
    let hello = || welcome::welcome(&db, &push, &ann, &mine, None);
    hello().await.expect("prepared");
    let (frame, count) = statements(&db, hello()).await;
    assert!(count <= 4, "{count}");
    let Frame::Welcome { online, .. } = frame.expect("welcome") else { panic!("no welcome") };
    assert_eq!(online, Some(vec![bob.user]));
}

#[tokio::test]
async fn a_lost_disconnect_ends_at_the_next_read() {
    let db = fixture::database().await;
    let push = Push::memory();
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    befriend(&db, &push, &ann, &bob).await;
    push.register(&socket(&ann, "a", ann.now)).await.expect("open");
    push.unregister(ann.user, &socket(&ann, "a", ann.now).id, ann.now).await.expect("closed");
    look_away(&push).await;
    let Push::Memory(memory) = &push else { panic!("in memory") };
    // The checks requested here are lost.
    assert_eq!(push.departed_users(0, 0).await.expect("some"), [ann.user]);
    assert!(memory.take_arrivals().await.is_empty());
    let later = ann.now.plus_seconds(120);
    assert_eq!(seen(&db, &push, &bob, &ann, later).await, away(ann.now), "an absent user is not shown");
    assert_eq!(look(&db, &push, later).await, [(bob.user, away(ann.now))], "and users who saw them online are updated");
}

/// A registry with its own table.
async fn registry() -> (Registry, aws_sdk_dynamodb::Client, String) {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let table = format!("connections-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let client = dynamodb::client_at(&backend::aws(), backend::endpoint().to_owned());
    let key = AttributeDefinition::builder().attribute_name("user_id").attribute_type(ScalarAttributeType::N).build();
    let schema = KeySchemaElement::builder().attribute_name("user_id").key_type(KeyType::Hash).build();
    let made = client.create_table().table_name(&table).attribute_definitions(key.expect("a key"));
    let made = made.key_schema(schema.expect("a schema")).billing_mode(BillingMode::PayPerRequest);
    made.send().await.expect("a table");
    (Registry::new(client.clone(), table.clone()), (**client).clone(), table)
}

fn connection(user: u64, name: &str, at: i64) -> Connection {
    let id = ConnectionId(name.into());
    Connection { user: UserId(user), id, session: SessionId(1), dialect: Dialect::Lean, connected_at: Timestamp(at) }
}

#[tokio::test]
async fn the_registry_knows_the_first_socket_from_the_second_and_the_last_from_the_others() {
    let (registry, client, table) = registry().await;
    let now = Timestamp(1_800_000_000_000);
    let (a, b) = (connection(7, "a", now.0), connection(7, "b", now.0));
    assert!(registry.register(&a).await.expect("open").should_announce_online(now));
    assert!(!registry.register(&b).await.expect("open").should_announce_online(now));
    assert!(!registry.unregister(UserId(7), std::slice::from_ref(&a.id), now).await.expect("closed").was_last, "one is left");
    assert!(registry.unregister(UserId(7), std::slice::from_ref(&b.id), now).await.expect("closed").was_last, "the last one");
    assert!(
        !registry.unregister(UserId(7), std::slice::from_ref(&b.id), now).await.expect("again").was_last,
        "it was gone before"
    );
    assert!(!registry.register(&a).await.expect("open").should_announce_online(now), "back within the grace");
    assert!(!registry.unregister(UserId(8), &[b.id], now).await.expect("unknown").was_last);
    let none = client.get_item().table_name(&table).key("user_id", AttributeValue::N("8".into())).send().await.expect("read");
    assert!(none.item.is_none(), "forgetting makes no item");
}

#[tokio::test]
async fn a_new_socket_prevents_offline_and_concurrent_checks_push_once() {
    let (registry, client, table) = registry().await;
    let now = Timestamp(1_800_000_000_000);
    let later = now.plus_seconds(30);
    // A closed socket, and one whose `$disconnect` never arrived.
    let (a, dead) = (connection(7, "a", now.0), connection(7, "dead", now.plus_seconds(-3 * 3600).0));
    registry.register(&dead).await.expect("open");
    registry.register(&a).await.expect("open");
    registry.unregister(UserId(7), std::slice::from_ref(&a.id), now).await.expect("closed");
    let found = registry.presence_of(&[UserId(7)], later).await.expect("read").remove(0);
    assert!(found.should_announce_offline(5000, later) && found.live.is_empty());
    registry.register(&connection(7, "b", later.0)).await.expect("open");
    assert!(!registry.mark_offline(&found).await.expect("asked"), "a socket opened since");
    registry.unregister(UserId(7), &[ConnectionId("b".into())], later).await.expect("closed");
    let found = registry.presence_of(&[UserId(7)], later.plus_seconds(30)).await.expect("read").remove(0);
    let mut settled = 0;
    for outcome in futures_util::future::join_all((0..8).map(|_| registry.mark_offline(&found))).await {
        settled += u32::from(outcome.expect("asked"));
    }
    assert_eq!(settled, 1);
    let item = client.get_item().table_name(&table).key("user_id", AttributeValue::N("7".into())).send().await.expect("read");
    let item = item.item.expect("an item");
    assert!(!item.keys().any(|name| name.starts_with("c#")), "what was dead went with it: {item:?}");
    assert!(
        registry.register(&a).await.expect("open").should_announce_online(later.plus_seconds(31)),
        "who comes back now is news"
    );
}

#[tokio::test]
async fn an_expired_entry_is_noticed_by_the_next_read() {
    let (registry, ..) = registry().await;
    let now = Timestamp(1_800_000_000_000);
    registry.register(&connection(7, "a", now.0)).await.expect("open");
    let later = now.plus_seconds(3 * 3600);
    let found = registry.presence_of(&[UserId(7)], later).await.expect("read").remove(0);
    assert!(found.is_overdue(later) && !found.is_online(later));
    assert_eq!(found.last_seen(), Some(now), "the last time the user was known to be online");
    assert!(
        registry.register(&connection(7, "b", later.0)).await.expect("open").should_announce_online(later),
        "users who may have seen it are updated"
    );
}

#[tokio::test]
async fn an_unreachable_registry_hides_presence_and_fails_nothing() {
    let db = fixture::database().await;
    let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
    let user =
        User { ..users::find(&mut db.acquire().await.expect("a connection"), bob.user).await.expect("read").expect("bob") };
    let push = backend::unreachable_push();
    let begun = std::time::Instant::now();
    let bob = presence::of_user(&db, &push, &ann, user).await.expect("answered");
    assert_eq!(bob.presence, Some(HIDDEN));
    assert_eq!(presence::online(&db, &push, &ann).await.expect("answered"), Some(vec![]), "no user to check");
    assert!(begun.elapsed() < Duration::from_secs(2));
}
