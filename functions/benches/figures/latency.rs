//! Latency without other load: a request, a page of history, a message to its last recipient.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Answer, Person};
use crate::backend::Backend;
use crate::report::{BenchReport, Row};
use crate::socket::BenchSocket;
use crate::times::{Times, ms, us};
use crate::{Effort, Outcome};

/// Warm-up requests: instances start, connections open, caches fill.
const WARM_UP: u32 = 30;
/// The length of a typical message.
const CONTENT: &str = "Shall we meet at noon in front of the library? I will bring the books that you asked for.";

/// The overhead of gateway and Runtime API over a handler.
pub(crate) async fn http(backend: &Backend, effort: Effort, report: &mut BenchReport) -> Outcome<()> {
    let health = timed(effort, async || answered(&backend.api.get_public("/health").await, 200)).await?;
    let (invocation, handler) = inside(backend, "SystemFunction")?;
    let gateway = timed(effort, async || answered(&backend.api.get_public("/no-such-route").await, 404)).await?;
    let added = health.p50().saturating_sub(handler.p50());
    report.add(
        Row::new("gateway and Runtime API on top of a handler, per HTTP call, p50", us(added))
            .floor("75 µs")
            .budget("≤ 300 µs", added <= Duration::from_micros(300)),
    );
    let parts = format!(
        "{} = {} client and gateway, {} Runtime API, {} handler",
        us(health.p50()),
        us(health.p50().saturating_sub(invocation.p50())),
        us(invocation.p50().saturating_sub(handler.p50())),
        us(handler.p50()),
    );
    report.add(Row::new("of which: `GET /health`, p50", parts).floor(format!("{} a route that is not there", us(gateway.p50()))));
    Ok(())
}

/// A page of history through all layers.
pub(crate) async fn history(backend: &Backend, people: &[Person], effort: Effort, report: &mut BenchReport) -> Outcome<()> {
    let room = backend.api.group(&people[0], &[&people[1]]).await;
    let path = format!("/api/rooms/{room}/messages");
    for number in 0..60 {
        backend.api.post(&path, &people[number % 2], json!({ "content": CONTENT })).await.is(201);
    }
    let page = format!("{path}?limit=50");
    let items = backend.api.get(&page, &people[0]).await.is(200)["items"].as_array().map_or(0, Vec::len);
    if items != 50 {
        return Err(format!("a page of {items} messages").into());
    }
    let times = timed(effort, async || answered(&backend.api.get(&page, &people[0]).await, 200)).await?;
    let (invocation, handler) = inside(backend, "MessagesFunction")?;
    report.add(
        Row::new("page of 50 messages over HTTP, p50 / p99", times.both())
            .floor("0.15–0.30 ms of SQL")
            .budget("≤ 0.73 ms", times.p50() <= Duration::from_micros(730)),
    );
    report.add(Row::new(
        "of which: function with its SQL, Runtime API, p50",
        format!("{}, {}", ms(handler.p50()), ms(invocation.p50().saturating_sub(handler.p50()))),
    ));
    Ok(())
}

/// The duration of an fsync, which every commit waits for. The file is preallocated like a database log.
pub(crate) fn disk(folder: &Path, report: &mut BenchReport) -> Outcome<()> {
    let mut times = Times::new()?;
    let mut file = File::create(folder.join("disk"))?;
    file.write_all(&vec![0; 64 << 10])?;
    file.sync_all()?;
    file.rewind()?;
    for _ in 0..100 {
        // Without pauses some kernels delay each call until their next tick.
        std::thread::sleep(Duration::from_millis(5));
        let begun = Instant::now();
        file.write_all(&[7; 512])?;
        file.sync_data()?;
        times.add(begun.elapsed());
    }
    report.add(Row::new("the disk alone: 512 bytes and `fdatasync`, p50 / p99", times.both()));
    Ok(())
}

/// From sending a frame to its arrival at the last recipient, with a durable commit.
pub(crate) async fn heard(
    backend: &Backend,
    people: &[Person],
    listeners: usize,
    effort: Effort,
    report: &mut BenchReport,
) -> Outcome<()> {
    let members: Vec<_> = people[1..=listeners].iter().collect();
    let room = backend.api.group(&people[0], &members).await;
    let mut sender = BenchSocket::open(&backend.ws, &people[0]).await?;
    let mut sockets = Vec::new();
    for member in members {
        sockets.push(BenchSocket::open(&backend.ws, member).await?);
    }
    let mut times = Times::new()?;
    let (mut begun, mut acked) = (Instant::now(), Times::new()?);
    for round in 0..WARM_UP + effort.rounds {
        let sent = Instant::now();
        sender.say(room, CONTENT).await?;
        for socket in &mut sockets {
            socket.until("message").await?;
        }
        let heard = sent.elapsed();
        sender.until("ack").await?;
        if round >= WARM_UP {
            times.add(heard);
            acked.add(sent.elapsed());
        } else {
            begun = Instant::now();
        }
    }
    let rate = f64::from(effort.rounds) / begun.elapsed().as_secs_f64();
    let (invocation, handler) = inside(backend, "SendFunction")?;
    let who =
        if listeners == 1 { "the other one in a room of 2".to_owned() } else { format!("the last of {listeners} listeners") };
    let row = Row::new(format!("sent → heard by {who}, durable, p50 / p99"), times.both());
    report.add(match listeners {
        50 => row.floor("1.8 ms (a post each: 3.4)").budget("≤ 2 ms", times.p50() <= Duration::from_millis(2)),
        _ => row,
    });
    report.add(Row::new(
        "of which: function, Runtime API, p50 of the last 200; sent → ack, p50 / p99; messages a second, one after the other",
        format!("{}, {}; {}; {rate:.0}", ms(handler.p50()), ms(invocation.p50().saturating_sub(handler.p50())), acked.both()),
    ));
    Ok(())
}

/// Does not parse the body: that is the client's work.
fn answered(answer: &Answer, status: u16) -> Outcome<()> {
    if answer.status.as_u16() == status { Ok(()) } else { Err(format!("{}, not {status}", answer.status).into()) }
}

/// Sends requests one after the other.
async fn timed(effort: Effort, request: impl AsyncFn() -> Outcome<()>) -> Outcome<Times> {
    let mut times = Times::new()?;
    for round in 0..WARM_UP + effort.rounds {
        let begun = Instant::now();
        request().await?;
        if round >= WARM_UP {
            times.add(begun.elapsed());
        }
    }
    Ok(times)
}

/// The last invocations of a function: from event to result, and the function's own duration.
fn inside(backend: &Backend, function: &str) -> Outcome<(Times, Times)> {
    let (mut whole, mut handler) = (Times::new()?, Times::new()?);
    for record in backend.cloud.lambda().journal().recent().iter().filter(|record| record.function == function) {
        whole.add(record.duration);
        let logs = record.lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for log in logs {
            if let Some(time) = log["duration_ms"].as_f64() {
                handler.add(Duration::from_secs_f64(time / 1000.0));
            }
        }
    }
    Ok((whole, handler))
}
