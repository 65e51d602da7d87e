//! Load: messages per second, CPU time per delivery, memory per idle socket.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::api::{Api, Person};
use crate::backend::{Apart, Backend};
use crate::report::{BenchReport, Row};
use crate::socket::BenchSocket;
use crate::times::us;
use crate::{Effort, Outcome, process};

/// Concurrent senders; each receives all messages.
const SENDERS: usize = 16;
/// Members of the room whose deliveries are measured.
const MEMBERS: u32 = 50;
/// Maximum number of sockets per user.
const SOCKETS_EACH: usize = 20;
const CONTENT: &str = "Shall we meet at noon in front of the library? I will bring the books that you asked for.";

/// Everyone sends, waits for the ack and repeats. The rooms have the same members, so each message has equally many recipients.
pub(crate) async fn throughput(
    backend: &Backend,
    people: &[Person],
    rooms: usize,
    effort: Effort,
    report: &mut BenchReport,
) -> Outcome<()> {
    let members: Vec<_> = people[1..SENDERS].iter().collect();
    let mut ids = Vec::new();
    for _ in 0..rooms {
        ids.push(backend.api.group(&people[0], &members).await);
    }
    let mut sockets = Vec::new();
    for (index, person) in people[..SENDERS].iter().enumerate() {
        sockets.push((BenchSocket::open(&backend.ws, person).await?, ids[index % rooms]));
    }
    // Instances start and connect before the measurement.
    let until = Instant::now() + Duration::from_secs(1);
    let warm = try_join_all(sockets.iter_mut().map(|(socket, room)| write_until(socket, *room, until))).await?;
    let begun = Instant::now();
    let until = begun + Duration::from_secs(effort.seconds);
    let counted = try_join_all(sockets.iter_mut().map(|(socket, room)| write_until(socket, *room, until))).await?;
    let took = begun.elapsed();
    let (acked, counted): (u32, u32) = (warm.iter().chain(&counted).sum(), counted.iter().sum());
    let mut stored = 0;
    for room in ids {
        stored += messages(&backend.api, room, &people[0]).await?;
    }
    if stored != u64::from(acked) {
        return Err(format!("{acked} messages were acknowledged, {stored} are in history").into());
    }
    let rate = f64::from(counted) / took.as_secs_f64();
    let place = if rooms == 1 { "one room".to_owned() } else { format!("{rooms} rooms") };
    let what = format!("messages a second in {place}: {SENDERS} write and listen, no error, all in history");
    let (least, budget) = if rooms == 1 { (1200.0, "≥ 1,200") } else { (1500.0, "≥ 1,500") };
    let row = Row::new(what, format!("{rate:.0} ({:.0} deliveries)", rate * f64::from(u32::try_from(SENDERS)?)));
    report.add(row.budget(budget, rate >= least));
    Ok(())
}

/// The CPU time of gateway, functions and database per frame to one of fifty recipients.
pub(crate) async fn deliveries(apart: &Apart, people: &[Person], effort: Effort, report: &mut BenchReport) -> Outcome<()> {
    let members: Vec<_> = people[1..usize::try_from(MEMBERS)?].iter().collect();
    let room = apart.api.group(&people[0], &members).await;
    let mut sender = BenchSocket::open(&apart.ws, &people[0]).await?;
    let mut sockets = Vec::new();
    for member in members {
        sockets.push(BenchSocket::open(&apart.ws, member).await?);
    }
    let messages = effort.rounds / 2;
    let mut before = Spent::by(apart.pid())?;
    for round in 0..10 + messages {
        if round == 10 {
            before = Spent::by(apart.pid())?;
        }
        sender.say(room, CONTENT).await?;
        for socket in &mut sockets {
            socket.until("message").await?;
        }
        sender.until("ack").await?;
    }
    let after = Spent::by(apart.pid())?;
    let each = |from: Duration, to: Duration| to.saturating_sub(from) / (messages * MEMBERS);
    let gateway = each(before.gateway, after.gateway);
    let functions = each(before.functions, after.functions);
    let database = each(before.database, after.database);
    let both = gateway + functions;
    report.add(
        Row::new("processor time of gateway and functions per delivery, room of 50", us(both))
            .floor("12 µs in one write (a post each: 47)")
            .budget("≤ 30 µs", both <= Duration::from_micros(30)),
    );
    let parts = format!("{}, {}; {}", us(gateway), us(functions), us(database));
    report.add(Row::new("of which: gateway with its DynamoDB, functions; database besides", parts));
    Ok(())
}

/// The gateway's memory per idle socket.
pub(crate) async fn idle(apart: &Apart, people: &[Person], effort: Effort, report: &mut BenchReport) -> Outcome<()> {
    let count = effort.idle.min(people.len() * SOCKETS_EACH);
    // Memory allocated by the first sockets is shared by all later ones.
    drop(open(apart, people, count / 4).await?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = process::resident(apart.pid())?;
    let begun = Instant::now();
    let mut sockets = open(apart, people, count).await?;
    let rate = f64::from(u32::try_from(count)?) / begun.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = process::resident(apart.pid())?;
    let each = after.saturating_sub(before) / u64::try_from(sockets.len())?;
    report.add(
        Row::new(
            format!("memory of the gateway per idle socket, {count} open"),
            format!("{}.{} KB", each / 1000, each % 1000 / 100),
        )
        .floor("a few KB")
        .budget("≤ 20 KB", each <= 20_000),
    );
    report.add(Row::new("sockets opened a second (authorizer, connect)", format!("{rate:.0}")));
    // Each socket is still served.
    let begun = Instant::now();
    for socket in &mut sockets {
        socket.ping().await?;
        socket.until("pong").await?;
    }
    let each = begun.elapsed() / u32::try_from(count)?;
    report.add(Row::new(format!("{count} open sockets, each answers a ping: one after the other, per socket"), us(each)));
    Ok(())
}

async fn open(apart: &Apart, people: &[Person], count: usize) -> Outcome<Vec<BenchSocket>> {
    let everyone = people.iter().cycle().take(count);
    stream::iter(everyone).map(|person| BenchSocket::open(&apart.ws, person)).buffer_unordered(SENDERS).try_collect().await
}

/// Returns the number of acknowledged messages.
async fn write_until(socket: &mut BenchSocket, room: u64, until: Instant) -> Outcome<u32> {
    let mut acked = 0;
    while Instant::now() < until {
        socket.say(room, CONTENT).await?;
        socket.until("ack").await?;
        acked += 1;
    }
    Ok(acked)
}

/// The number of messages in a room's history.
async fn messages(api: &Api, room: u64, who: &Person) -> Outcome<u64> {
    let (mut count, mut after) = (0, "0".to_owned());
    loop {
        let page = api.get(&format!("/api/rooms/{room}/messages?after={after}&limit=100"), who).await.is(200);
        count += u64::try_from(page["items"].as_array().ok_or("no items")?.len())?;
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return Ok(count),
        }
    }
}

/// The CPU time so far. Functions that start or end meanwhile count whole.
struct Spent {
    gateway: Duration,
    functions: Duration,
    database: Duration,
}

impl Spent {
    fn by(gateway: u32) -> Outcome<Self> {
        let mut spent = Self {
            gateway: process::processor_time(gateway)?,
            // The database and its watchdog live as long as the gateway.
            functions: process::processor_time_of_ended_children(gateway)?,
            database: Duration::ZERO,
        };
        for child in process::children(gateway)? {
            let time = process::processor_time(child.pid)?;
            match child.name.as_str() {
                "mariadbd" | "mysqld" => spent.database += time,
                _ => spent.functions += time,
            }
        }
        Ok(spent)
    }
}
