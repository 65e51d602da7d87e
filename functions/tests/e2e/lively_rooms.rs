//! A lively room on real sockets: ten messages a second, pushed in windows to clients that take them, and singly to older ones.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::api::Header;
use crate::cloud::own_world;
use crate::crowd::crowd;
use crate::socket::Socket;

/// Members with `conchat.v2`, who talk in turn.
const MEMBERS: usize = 50;
const MESSAGES: usize = 120;
const PAUSE: Duration = Duration::from_millis(100);
/// Longer than a window and its delivery take.
const QUIET: Duration = Duration::from_secs(3);

/// What a socket got.
#[derive(Default)]
struct Heard {
    /// The seqs of each frame with messages.
    frames: Vec<Vec<u64>>,
    acked: Vec<u64>,
    packed: bool,
}

impl Heard {
    fn take(&mut self, frame: &Value) {
        let seq = |message: &Value| message["seq"].as_u64().expect("a seq");
        match frame["type"].as_str() {
            Some("ack") => self.acked.push(seq(frame)),
            Some("message") => self.frames.push(vec![seq(frame)]),
            Some("messages") => {
                self.packed = true;
                self.frames.push(frame["messages"].as_array().expect("messages").iter().map(seq).collect());
            }
            _ => panic!("{frame}"),
        }
    }

    fn seqs(&self) -> BTreeSet<u64> {
        self.frames.iter().flatten().copied().collect()
    }
}

/// Sends at these times and listens until nothing comes any more after the last message of all.
async fn talk(mut socket: Socket, room: u64, times: Vec<Duration>, begun: Instant) -> Heard {
    let mut heard = Heard::default();
    let mut times = times.into_iter().peekable();
    let end = begun + PAUSE * u32::try_from(MESSAGES).expect("a number") + QUIET;
    loop {
        let until = times.peek().map_or(end, |time| begun + *time);
        let wait = until.saturating_duration_since(Instant::now());
        match (socket.next_within(wait).await, times.peek()) {
            (Some(frame), _) => heard.take(&frame),
            (None, None) => break heard,
            (None, Some(time)) => {
                socket
                    .send(&json!({ "action": "send", "room_id": room, "content": format!("turn {time:?} of a lively talk") }))
                    .await;
                times.next();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_ten_messages_a_second_windows_take_a_quarter_of_the_frames_and_older_clients_miss_nothing() {
    let world = own_world(&[]);
    let (room, people) = crowd(&world.api, MEMBERS + 2).await;
    let mut sockets = Vec::new();
    for person in &people[..MEMBERS] {
        let offer = Header("sec-websocket-protocol", "conchat.v2, conchat.v1");
        let mut socket = Socket::open(&world.ws, &[Header("authorization", &person.token), offer]).await.expect("a socket");
        assert_eq!(socket.protocol.as_deref(), Some("conchat.v2"));
        socket.send(&json!({ "action": "hello" })).await;
        socket.wait("welcome").await;
        sockets.push(socket);
    }
    sockets.push(Socket::lean(&world.ws, &people[MEMBERS]).await);
    sockets.push(Socket::of(&world.ws, &people[MEMBERS + 1]).await);
    let begun = Instant::now();
    let turns = |member: usize| -> Vec<Duration> {
        (0..MESSAGES).filter(|turn| turn % MEMBERS == member).map(|turn| PAUSE * u32::try_from(turn).expect("a number")).collect()
    };
    let talking = sockets.into_iter().enumerate().map(|(member, socket)| {
        let times = if member < MEMBERS { turns(member) } else { Vec::new() };
        tokio::spawn(talk(socket, room, times, begun))
    });
    let talking: Vec<_> = talking.collect();
    let heard: Vec<_> = join_all(talking).await.into_iter().map(|heard| heard.expect("talks")).collect();
    let sent: BTreeSet<u64> = heard.iter().flat_map(|one| &one.acked).copied().collect();
    assert_eq!(sent.len(), MESSAGES, "each has its ack");
    for (member, one) in heard.iter().enumerate() {
        assert_eq!(one.seqs(), sent, "member {member} has every message");
        assert_eq!(one.packed, member < MEMBERS, "member {member}");
        assert!(one.frames.iter().all(|frame| frame.is_sorted()), "in order: {:?}", one.frames);
    }
    let frames: usize = heard[..MEMBERS].iter().map(|one| one.frames.len()).sum();
    let (bill, single) = (2 * MESSAGES + frames, MESSAGES * (2 + MEMBERS));
    assert!(4 * bill <= single, "{bill} billed frames instead of {single}: {:?}", heard[0].frames);
    for older in &heard[MEMBERS..] {
        assert!(older.frames.iter().all(|frame| frame.len() == 1));
    }
}
