//! `make bench`: what the project costs on this machine, beside floors and budgets. It measures and prints; a budget that is missed is marked
//! and fails nothing, because a machine may be busy. What must not happen at all (an error, a lost message) ends it with an error.

#[path = "../../tests/e2e/api.rs"]
#[expect(dead_code, clippy::expect_used, reason = "the client of the tests, which need more of it and may panic")]
mod api;
mod canary_lines {
    //! What the tests remember of what they send and get; here it would be measured with the rest.

    pub(crate) fn confide(_: &[u8]) {}

    pub(crate) fn entrusted(_: &[u8]) {}
}
mod backend;
mod binaries;
mod latency;
mod load;
mod process;
mod report;
mod socket;
mod starts;
mod times;

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};

use crate::api::Person;
use crate::backend::Backend;
use crate::report::Report;

/// What a measurement gives.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How often things are done.
#[derive(Clone, Copy)]
struct Effort {
    /// Cold starts of each function.
    starts: u32,
    /// Requests and messages of each latency.
    rounds: u32,
    /// How long throughput is watched.
    seconds: u64,
    /// Sockets that do nothing.
    idle: usize,
}

const FULL: Effort = Effort { starts: 20, rounds: 1000, seconds: 8, idle: 2000 };
/// To see that everything works, in a few seconds.
const QUICK: Effort = Effort { starts: 3, rounds: 50, seconds: 1, idle: 200 };

/// As many as the largest room and the idle sockets (twenty a person at most) need.
const PEOPLE: usize = 100;

fn main() -> Outcome<()> {
    local::open_files::raise();
    let arguments: Vec<String> = std::env::args().collect();
    // What is measured runs in threads of its own; the clients share this one, so that they wait for no other.
    let clouds = Builder::new_multi_thread().enable_all().build()?;
    if let Some(at) = arguments.iter().position(|argument| argument == backend::SERVE) {
        let folder = arguments.get(at + 1).ok_or("no data folder was named")?;
        return clouds.block_on(backend::serve(Path::new(folder)));
    }
    let effort = if arguments.iter().any(|argument| argument == "--quick") { QUICK } else { FULL };
    let clients = Builder::new_current_thread().enable_all().build()?;
    let measured = clients.block_on(measure(clouds.handle(), effort));
    clouds.shutdown_background();
    let text = measured?.to_string();
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

async fn measure(clouds: &Handle, effort: Effort) -> Outcome<Report> {
    let begun = Instant::now();
    let mut report = Report::new();
    // On the disk that the project is on: in memory, a commit that waits for the disk would wait for nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;

    progress("starts");
    let (backend, resident) = starts::measure(clouds, folder.path(), &mut report).await?;
    progress("functions");
    let binaries = binaries::measure(clouds, &backend, resident, effort, &mut report).await?;
    report.binaries = binaries;
    progress("people");
    let people = people(&backend).await?;
    binaries::first_answer(&backend, &people[0], effort, &mut report).await?;
    progress("latencies");
    latency::http(&backend, effort, &mut report).await?;
    latency::history(&backend, &people, effort, &mut report).await?;
    latency::disk(folder.path(), &mut report)?;
    for listeners in [1, 50] {
        latency::heard(&backend, &people, listeners, effort, &mut report).await?;
    }
    progress("throughput");
    for rooms in [1, 10] {
        load::throughput(&backend, &people, rooms, effort, &mut report).await?;
    }
    backend.stop().await?;

    progress("processor time and memory");
    // In a process of its own, so that its time and memory are told from the clients'.
    let apart = backend::Apart::start(folder.path())?;
    load::deliveries(&apart, &people, effort, &mut report).await?;
    load::idle(&apart, &people, effort, &mut report).await?;
    apart.stop()?;
    report.end(begun.elapsed());
    Ok(report)
}

async fn people(backend: &Backend) -> Outcome<Vec<Person>> {
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(backend.api.person("figure").await);
    }
    Ok(people)
}

/// Says on standard error what is being done; standard output is for the tables.
fn progress(what: &str) {
    let _ = writeln!(io::stderr(), "measuring: {what}");
}
