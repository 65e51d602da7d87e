//! Start times with an empty and an existing database, and the memory of each function after its first work.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Handle;

use crate::Outcome;
use crate::backend::Backend;
use crate::process;
use crate::report::{BenchReport, Row};
use crate::socket::BenchSocket;
use crate::times::ms;

/// Memory in bytes by binary.
pub(crate) type Resident = BTreeMap<String, u64>;

/// Measures both and leaves a backend running.
pub(crate) async fn measure(clouds: &Handle, folder: &Path, report: &mut BenchReport) -> Outcome<(Backend, Resident)> {
    // Two sockets count as a large audience here, so that `fanout` has work.
    let fresh = Backend::start(clouds, folder, &[("PUSH_INLINE", "1")]).await?;
    let row = Row::new("start on an empty data folder: stores, schema, gateway", ms(fresh.started_in));
    report.add(row);
    let resident = first_work(&fresh).await?;
    fresh.stop().await?;
    let mut times = Vec::new();
    for _ in 0..2 {
        let backend = Backend::start(clouds, folder, &[]).await?;
        times.push(backend.started_in);
        backend.stop().await?;
    }
    let backend = Backend::start(clouds, folder, &[]).await?;
    times.push(backend.started_in);
    times.sort();
    report.add(Row::new("start on an existing data folder, median of 3", ms(times[1])));
    Ok((backend, resident))
}

/// Makes every function do some of its work.
async fn first_work(backend: &Backend) -> Outcome<Resident> {
    let (ann, bob) = (backend.api.person("ann").await, backend.api.person("bob").await);
    let room = backend.api.group(&ann, &[&bob]).await;
    let mut hers = BenchSocket::open(&backend.ws, &ann).await?;
    let mut his = BenchSocket::open(&backend.ws, &bob).await?;
    hers.say(room, "Hello").await?;
    hers.until("ack").await?;
    his.until("message").await?;
    let path = format!("/api/rooms/{room}/messages");
    backend.api.post(&path, &ann, json!({ "content": "Hello again" })).await.is(201);
    backend.api.get(&path, &ann).await.is(200);
    backend.api.get_public("/health/ready").await.is(200);
    backend.api.get("/api/friends", &ann).await.is(200);
    backend.api.get("/api/users/me", &ann).await.is(200);
    backend.api.get("/api/uploads/1", &ann).await.is(404);
    backend.api.get("/api/admin/users", &ann).await.is(403);
    // No user has a device here, and the schedule is slow.
    for (function, event) in [("NotifyFunction", json!({ "room_id": room, "seq": 1 })), ("SweepFunction", json!({}))] {
        backend.cloud.lambda().invoke_event(function, event.to_string().into()).map_err(|error| error.to_string())?;
    }
    drop(his);
    let binaries: BTreeMap<_, _> = backend.cloud.stack().functions.iter().map(|(id, function)| (id, &function.binary)).collect();
    let begun = Instant::now();
    loop {
        let mut resident = Resident::new();
        for instance in backend.cloud.lambda().instances().iter().filter(|instance| instance.invocations > 0) {
            let binary = binaries.get(&instance.function).ok_or("an unknown function")?;
            let used = process::resident(instance.pid)?;
            let most = resident.entry((*binary).clone()).or_default();
            *most = used.max(*most);
        }
        if resident.len() == binaries.len() {
            return Ok(resident);
        }
        if begun.elapsed() > Duration::from_secs(5) {
            return Err(format!("only {:?} had work to do", resident.keys()).into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
