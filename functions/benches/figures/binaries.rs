//! Each function as file and process, compared with a minimal one that echoes its event.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use local::lambda::{FunctionSpec, Lambda, LambdaOptions};
use local::stack::EventInvoke;
use tokio::runtime::Handle;

use crate::api::Person;
use crate::backend::{self, Backend};
use crate::report::{BenchReport, Binary, Row};
use crate::socket::BenchSocket;
use crate::starts::Resident;
use crate::times::{Times, ms};
use crate::{Effort, Outcome, process};

/// The minimal function, an example of this package.
const BARE: &str = "hello";
/// Its event, the size of a small request.
const EVENT: &[u8] =
    br#"{"version":"2.0","routeKey":"GET /health","rawPath":"/health","headers":{"host":"localhost"},"body":null}"#;

/// All functions, the minimal one first.
pub(crate) async fn measure(
    clouds: &Handle,
    backend: &Backend,
    resident: Resident,
    effort: Effort,
    report: &mut BenchReport,
) -> Outcome<Vec<Binary>> {
    let folder = backend::binaries()?;
    let bare = folder.join("examples").join(BARE);
    if !bare.is_file() {
        return Err(format!("{} is missing; `make bench` builds it first", bare.display()).into());
    }
    let lambda = backend.cloud.lambda().clone();
    let functions: Vec<_> = backend.cloud.stack().functions.values().map(|f| (f.id.clone(), f.binary.clone())).collect();
    let spec = FunctionSpec {
        id: BARE.to_owned(),
        binary: bare.clone(),
        environment: std::collections::BTreeMap::new(),
        memory_size: 128,
        timeout: Duration::from_secs(3),
        reserved_concurrency: None,
        event_invoke: EventInvoke::default(),
    };
    let measured = clouds.spawn(async move {
        let alone = Lambda::start(vec![spec], LambdaOptions::default()).await?;
        let mut all = vec![(&alone, BARE.to_owned(), BARE.to_owned(), Times::new()?)];
        for (id, binary) in functions {
            all.push((&lambda, id, binary, Times::new()?));
        }
        // Interleaved, so that other load on the machine slows all of them equally.
        for _ in 0..effort.starts {
            for (lambda, id, _, times) in &mut all {
                times.add(init(lambda, id).await?);
            }
        }
        let mut warm = Times::new()?;
        for round in 0..30 + effort.rounds {
            let begun = Instant::now();
            let _ = alone.invoke(BARE, Bytes::from_static(EVENT)).await.map_err(|error| error.to_string())?;
            if round >= 30 {
                warm.add(begun.elapsed());
            }
        }
        let pid = alone.instances().first().ok_or("the bare function has ended")?.pid;
        let bare_resident = process::resident(pid)?;
        let inits: Vec<_> = all.iter().map(|(_, _, binary, times)| (binary.clone(), times.p50())).collect();
        alone.stop().await;
        Outcome::Ok((inits, bare_resident, warm))
    });
    let (inits, bare_resident, warm) = measured.await??;
    report.add(Row::new("the Runtime API alone: a bare function and back, p50 / p99", warm.both()));
    let mut binaries = Vec::new();
    for (name, init) in inits {
        let is_bare = name == BARE;
        let path = if is_bare { bare.clone() } else { folder.join(&name) };
        let resident = if is_bare { bare_resident } else { resident.get(&name).copied().unwrap_or_default() };
        let (file, zip) = sizes(&path)?;
        let name = if is_bare { "a bare function".to_owned() } else { format!("`{name}`") };
        binaries.push(Binary { name, init, resident, file, zip });
    }
    Ok(binaries)
}

/// From starting the process of `send` to the ack of its first message, including database and DynamoDB connections, commit and push.
pub(crate) async fn first_answer(backend: &Backend, who: &Person, effort: Effort, report: &mut BenchReport) -> Outcome<()> {
    const SEND: &str = "SendFunction";
    let room = backend.api.group(who, &[]).await;
    let lambda = backend.cloud.lambda();
    let mut socket = BenchSocket::open(&backend.ws, who).await?;
    let (mut seen, mut inside) = (Times::new()?, Times::new()?);
    for _ in 0..effort.starts {
        end(lambda, SEND).await?;
        let begun = Instant::now();
        socket.say(room, "the first words of an instance").await?;
        socket.until("ack").await?;
        seen.add(begun.elapsed());
        let begun = Instant::now();
        loop {
            let last = lambda.journal().recent().into_iter().rev().find(|record| record.function == SEND);
            // Recorded after the function reports completion, which follows its ack.
            let current = lambda.instances().into_iter().find(|instance| instance.function == SEND);
            if let (Some(last), Some(current)) = (last, current)
                && last.pid == current.pid
                && let Some(cold) = last.cold_start
            {
                inside.add(cold + last.duration);
                break;
            }
            patient(begun)?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let kept = inside.p50() <= Duration::from_millis(6);
    report.add(
        Row::new("`send`: exec → first answer (connects, stores, commits, pushes)", ms(inside.p50()))
            .floor("3.9 ms to connect and commit")
            .budget("≤ 6 ms, and a TLS handshake with each service", kept),
    );
    report.add(Row::new("the same as its client sees it: frame → ack", ms(seen.p50())));
    Ok(())
}

/// From exec to the first poll of a new instance.
async fn init(lambda: &Lambda, id: &str) -> Outcome<Duration> {
    end(lambda, id).await?;
    // The event does not matter: the first poll precedes it, even if the function refuses it.
    let _ = lambda.invoke(id, Bytes::from_static(b"{}")).await.map_err(|error| error.to_string())?;
    let instance = lambda.instances().into_iter().find(|instance| instance.function == id);
    Ok(instance.and_then(|instance| instance.cold_start).ok_or_else(|| format!("{id} did not start"))?)
}

/// Stops every instance of a function.
async fn end(lambda: &Lambda, id: &str) -> Outcome<()> {
    let begun = Instant::now();
    loop {
        let running: Vec<_> = lambda.instances().into_iter().filter(|instance| instance.function == id).collect();
        if running.is_empty() {
            return Ok(());
        }
        for instance in running {
            lambda.kill(instance.pid);
        }
        patient(begun)?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn patient(begun: Instant) -> Outcome<()> {
    if begun.elapsed() < Duration::from_secs(5) { Ok(()) } else { Err("an instance does not end as it should".into()) }
}

/// The sizes of a binary and of its zip.
fn sizes(path: &Path) -> Outcome<(u64, u64)> {
    let bytes = fs::read(path)?;
    let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
    zip.write_all(&bytes)?;
    Ok((u64::try_from(bytes.len())?, u64::try_from(zip.finish()?.len())?))
}
