//! Frames on real sockets in rooms whose members are all online and read every message: as many as `make cost` computes with.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::api::Person;
use crate::cloud::{World, world};
use crate::socket::Socket;

/// The counts of the same acts, without sockets.
const COUNTS: &str = include_str!("../../examples/cost_counts.json");
/// Longer than any frame takes.
const QUIET: Duration = Duration::from_millis(1500);

/// Frames of one act: from clients, and to them by type.
#[derive(Debug, Default, PartialEq, Eq)]
struct Frames {
    incoming: usize,
    acks: usize,
    others: usize,
}

impl Frames {
    /// The counts of acts in a room of this size.
    fn counted(size: usize, acts: &[&str]) -> Self {
        let counts: Value = serde_json::from_str(COUNTS).expect("JSON");
        let rooms = counts["rooms"].as_array().expect("rooms");
        let room = rooms.iter().find(|room| room["members"] == size).expect("a played room");
        let sum = |name: &str| {
            let each = acts.iter().map(|act| room[act][name].as_u64().expect("a count"));
            usize::try_from(each.sum::<u64>()).expect("a count")
        };
        Self { incoming: sum("in"), acks: sum("acks"), others: sum("posts") }
    }

    fn billed(&self) -> usize {
        self.incoming + self.acks + self.others
    }
}

/// An attentive member: reads each message of others at once, without asking for an answer.
struct Member {
    socket: Socket,
    id: u64,
    sent: usize,
}

impl Member {
    async fn send(&mut self, frame: Value) {
        self.socket.send(&frame).await;
        self.sent += 1;
    }

    /// Listens until nothing comes any more.
    async fn listen(&mut self) -> Frames {
        let mut frames = Frames::default();
        while let Some(frame) = self.socket.next_within(QUIET).await {
            match frame["type"].as_str().expect("a type") {
                "ack" => frames.acks += 1,
                // The other one of a direct room came a moment ago.
                "presence" => {}
                "message" if frame["sender_id"] != self.id => {
                    frames.others += 1;
                    self.send(json!({ "action": "read", "room_id": frame["room_id"], "seq": frame["seq"] })).await;
                }
                "message" | "receipt" | "typing" | "reaction" => frames.others += 1,
                _ => panic!("{frame}"),
            }
        }
        frames.incoming = std::mem::take(&mut self.sent);
        frames
    }
}

async fn heard(members: &mut [Member]) -> Frames {
    let all = join_all(members.iter_mut().map(Member::listen)).await;
    all.into_iter().fold(Frames::default(), |sum, one| Frames {
        incoming: sum.incoming + one.incoming,
        acks: sum.acks + one.acks,
        others: sum.others + one.others,
    })
}

async fn room_of(world: &World, people: &[Person]) -> u64 {
    let (owner, others) = people.split_first().expect("an owner");
    if let [other] = others {
        let direct = world.api.put(&format!("/api/rooms/direct/{}", other.id), owner, json!({})).await.is(201);
        return direct["id"].as_u64().expect("an id");
    }
    world.api.group(owner, &others.iter().collect::<Vec<_>>()).await
}

#[tokio::test]
async fn real_sockets_carry_the_frames_that_costs_are_computed_from() {
    let world = world();
    for size in [2, 10] {
        let mut people = Vec::new();
        for number in 0..size {
            people.push(world.api.person(&format!("reader{number}")).await);
        }
        let room = room_of(&world, &people).await;
        // The first message of a direct room also brings the room into the other's list.
        world.api.post(&format!("/api/rooms/{room}/messages"), &people[0], json!({ "content": "Hi" })).await.is(201);
        let mut members = Vec::new();
        for person in &people {
            members.push(Member { socket: Socket::lean(&world.ws, person).await, id: person.id, sent: 0 });
        }
        heard(&mut members).await;
        let send = json!({ "action": "send", "room_id": room, "content": "All read this", "client_id": "c-1", "id": 1 });
        members[0].send(send).await;
        let read = heard(&mut members).await;
        assert_eq!(read, Frames::counted(size, &["message", "reads"]), "room of {size}");
        assert_eq!(read.billed(), 3 * size);
        members[0].send(json!({ "action": "typing", "room_id": room, "active": true })).await;
        assert_eq!(heard(&mut members).await, Frames::counted(size, &["typing"]), "room of {size}");
        for member in &mut members {
            member.send(json!({ "action": "typing", "room_id": room, "active": true })).await;
        }
        // An interval may end meanwhile.
        let most = 2 * Frames::counted(size, &["all_type"]).others;
        let typed = heard(&mut members).await.others;
        assert!((1..=most.min(size * (size - 1))).contains(&typed), "room of {size}: {typed}");
        members[1].send(json!({ "action": "react", "room_id": room, "seq": 2, "emoji": "👍", "id": 2 })).await;
        assert_eq!(heard(&mut members).await, Frames::counted(size, &["reaction"]), "room of {size}");
        members[1].send(json!({ "action": "read", "room_id": room, "seq": 1, "id": "asked" })).await;
        let expected = Frames { incoming: 1, acks: 1, others: 0 };
        assert_eq!(heard(&mut members).await, expected, "a mark with an `id` has its ack, one that does not rise no receipt");
    }
}
