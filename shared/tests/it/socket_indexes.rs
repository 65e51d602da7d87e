//! Socket indexes on DynamoDB: connecting and joining at the same time, removal, many rooms.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use shared::aws::dynamodb::{self, LazyClient};
use shared::caller::Caller;
use shared::config::TableNames;
use shared::domain::rooms::{self, audience};
use shared::id::{RoomId, RoomRef, UserId};
use shared::push::Push;
use shared::push::socket_index::Indexing;
use shared::push::socket_registry::Connection;
use shared::store::Db;

use crate::backend::{self, socket};
use crate::fixture::{self, person};
use crate::large_rooms::Crowd;

/// A key of a table: its name and type.
struct Key(&'static str, ScalarAttributeType);

async fn create(client: &LazyClient, table: &str, keys: [Option<Key>; 2]) {
    let mut made = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (Key(name, kind), place) in keys.into_iter().flatten().zip([KeyType::Hash, KeyType::Range]) {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("an attribute");
        let schema = KeySchemaElement::builder().attribute_name(name).key_type(place).build().expect("a key");
        made = made.attribute_definitions(attribute).key_schema(schema);
    }
    made.send().await.expect("a table");
}

/// Tables of its own, and an `@connections` endpoint that nothing listens at.
async fn cloud() -> Push {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let tables = TableNames {
        connections: format!("indexed-people-{number}"),
        room_sockets: format!("indexed-rooms-{number}"),
        ephemeral: "none".into(),
    };
    let client = dynamodb::client_at(&backend::aws(), backend::endpoint().to_owned());
    create(&client, &tables.connections, [Some(Key("user_id", ScalarAttributeType::N)), None]).await;
    let keys = [Some(Key("room", ScalarAttributeType::S)), Some(Key("socket", ScalarAttributeType::S))];
    create(&client, &tables.room_sockets, keys).await;
    Push::cloud_with_client(client, &backend::aws(), &tables, backend::push_config("http://127.0.0.1:1"))
}

/// The sockets in a room's index, by id.
async fn indexed(push: &Push, room: RoomId, who: &Caller) -> Vec<Connection> {
    let mut sockets = push.indexed_sockets(room, who.now).await.expect("an answer");
    sockets.sort_by(|one, other| one.id.0.cmp(&other.id.0));
    sockets
}

#[tokio::test]
async fn who_connects_while_joining_is_in_the_index() {
    let url = fixture::migrated().await;
    let (here, there) = (Db::lazy(&url).expect("a URL"), Db::lazy(&url).expect("a URL"));
    let push = cloud().await;
    let ann = person(&here, "ann").await;
    let crowd = Crowd::of(&here, &push, &ann, 250).await;
    // Once while the index is not read yet, and once while it is.
    for (name, age) in [("new", 60), ("old", 5 * 3600)] {
        crowd.index_since(Some(ann.now.plus_seconds(-age))).await;
        for round in 0..16_u64 {
            let who = person(&here, &format!("{name}{round}")).await;
            let opened = socket(&who, &format!("{name}-{round}"));
            let connecting = async {
                tokio::time::sleep(Duration::from_micros(700 * (round % 8))).await;
                let noted = push.register(&opened).await.expect("registered");
                audience::add_socket(&there, &push, &opened, &noted).await.expect("open");
            };
            let joining = async {
                tokio::time::sleep(Duration::from_micros(1500 * (round / 8))).await;
                rooms::join(&here, &push, &who, &RoomRef::Id(crowd.room)).await.expect("joined");
            };
            tokio::join!(connecting, joining);
            assert!(indexed(&push, crowd.room, &who).await.contains(&opened), "{name}, round {round}");
        }
    }
}

#[tokio::test]
async fn a_removed_socket_leaves_the_indexes_that_its_user_is_in_also_later() {
    let push = cloud().await;
    let who = fixture::caller(UserId(7), "ann");
    let (one, other) = (socket(&who, "L0SM9cOFvHcCIhw="), socket(&who, "T2xkT2xkT2xkT2w="));
    // More items than one call may write.
    let rooms: Vec<_> = (1..=40).map(RoomId).collect();
    for opened in [&one, &other] {
        let noted = push.register(opened).await.expect("registered");
        assert_eq!(noted.len(), if opened == &one { 0 } else { rooms.len() }, "what the first one noted");
        let adding = Indexing { user: who.user, sockets: std::slice::from_ref(opened), rooms: &rooms, noted: &noted };
        push.index(adding).await.expect("added");
    }
    for room in &rooms {
        assert_eq!(indexed(&push, *room, &who).await, [one.clone(), other.clone()], "{room}");
    }
    push.unregister(who.user, &one.id, who.now).await.expect("removed");
    for room in &rooms {
        assert_eq!(indexed(&push, *room, &who).await, std::slice::from_ref(&other), "{room}");
    }
    // An entry that the removal missed goes when the socket turns out to be gone once more.
    let late = Indexing { user: who.user, sockets: std::slice::from_ref(&one), rooms: &rooms[..1], noted: &rooms };
    push.index(late).await.expect("added");
    push.unregister(who.user, &one.id, who.now).await.expect("removed");
    assert_eq!(indexed(&push, rooms[0], &who).await, std::slice::from_ref(&other));
    // API Gateway has closed what is older than this.
    let old = Caller { now: who.now.plus_seconds(3 * 3600), ..who.clone() };
    assert!(indexed(&push, rooms[0], &old).await.is_empty());
    // Whose rooms are noted is no reason to keep an item.
    push.index(Indexing { user: UserId(8), sockets: &[], rooms: &rooms, noted: &[] }).await.expect("nothing to add");
    assert!(push.presence_of(&[UserId(8)], who.now).await.expect("found").is_empty());
}
