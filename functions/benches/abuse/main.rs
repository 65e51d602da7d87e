//! `make bench-abuse`: one account causes the maximum load that the rate limits of a deployment allow, on twenty sockets and as many connections,
//! while another user sends messages. Prints the send times with and without the load, and fails if a send is refused.

#[path = "../../tests/e2e/api.rs"]
#[expect(dead_code, clippy::expect_used, reason = "the client of the tests, which need more of it and may panic")]
mod api;
mod log_lines {
    //! Stubs of the tests' secret tracking, which would distort the measurement.

    pub(crate) fn confide(_: &[u8]) {}

    pub(crate) fn entrusted(_: &[u8]) {}
}
#[path = "../../tests/e2e/socket.rs"]
#[expect(dead_code, clippy::expect_used, reason = "as above")]
mod socket;
#[path = "../figures/times.rs"]
#[expect(dead_code, reason = "the figures need more of it")]
mod times;

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use local::cloud::{Cloud, CloudOptions, DataLocation};
use serde_json::{Value, json};
use shared::config::{Form, SETTINGS};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::api::{Api, Person};
use crate::socket::Socket;
use crate::times::Times;

/// The result of a measurement.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The maximum number of sockets per user, and of parallel connections.
const SOCKETS: usize = 20;
const READERS: usize = 8;
/// The maximum number of rooms in a `hello`; creating each counts against a limit.
const ROOMS: usize = 100;
/// The bystander's send interval, as fast as `RATE_SEND` allows.
const BETWEEN_SENDS: Duration = Duration::from_millis(340);
/// The duration of each phase.
const ALONE: Duration = Duration::from_secs(30);
const BESIDE: Duration = Duration::from_mins(3);
/// Creating rooms costs work, so it stays within the budget.
const BETWEEN_ROOMS: Duration = Duration::from_millis(200);
/// The requests with the most reads per cost.
const READS: [&str; 5] = [
    "/api/users/me/export",
    "/api/sync?limit=100",
    "/api/rooms?scope=all&limit=100",
    "/api/search?q=x",
    "/api/friends?limit=100",
];

/// Responses to the attacking account.
#[derive(Debug, Default)]
struct Got {
    served: AtomicU32,
    refused: AtomicU32,
    errors: AtomicU32,
}

fn main() -> Outcome<()> {
    local::open_files::raise_limit();
    let clouds = Builder::new_multi_thread().enable_all().build()?;
    let clients = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let options = options(folder.path())?;
    let measured = clients.block_on(async {
        let cloud = clouds.spawn(Cloud::start(options)).await?.map_err(|error| error.to_string())?;
        let measured = measure(&cloud.http_url(), &cloud.ws_url()).await;
        clouds.spawn(cloud.stop()).await?;
        measured
    });
    clouds.shutdown_background();
    io::stdout().lock().write_all(measured?.as_bytes())?;
    Ok(())
}

async fn measure(http: &str, ws: &str) -> Outcome<String> {
    let api = Api::new(http);
    let (ann, bob) = (api.person("ann").await, api.person("bob").await);
    let room = api.group(&ann, &[&bob]).await;
    let (mallory, known) = api.person_with_rooms("mallory", ROOMS, BETWEEN_ROOMS).await;
    // Budgets have refilled, and instances are warm.
    sends(&api, &ann, room, Duration::from_secs(35)).await?;
    let alone = sends(&api, &ann, room, ALONE).await?;
    let got = Arc::new(Got::default());
    let mut attack = JoinSet::new();
    let hello = json!({ "action": "hello", "rooms": known });
    // All sockets open before the first `hello`, since the budget refuses tickets afterwards.
    let mut sockets = Vec::with_capacity(SOCKETS);
    for _ in 0..SOCKETS {
        sockets.push(Socket::lean(ws, &mallory).await);
    }
    for socket in sockets {
        attack.spawn(greets(socket, hello.clone(), Arc::clone(&got)));
    }
    for reader in 0..READERS {
        attack.spawn(reads(Api::new(http), mallory.clone(), reader, Arc::clone(&got)));
    }
    let beside = sends(&api, &ann, room, BESIDE).await?;
    attack.abort_all();
    let [served, refused, errors] = [&got.served, &got.refused, &got.errors].map(|count| count.load(Ordering::Relaxed));
    let ratio = beside.p99().as_secs_f64() / alone.p99().as_secs_f64();
    Ok(format!(
        "sends of a bystander, p50 / p99: alone {}, beside the attack {}: p99 {ratio:.2} × (aim ≤ 3)\n\
         no send was refused; of the attack's frames and requests {served} were served, {refused} refused, {errors} failed\n",
        alone.both(),
        beside.both(),
    ))
}

/// Measures send times; a refused send is an error.
async fn sends(api: &Api, who: &Person, room: u64, time: Duration) -> Outcome<Times> {
    let (mut times, until, mut number) = (Times::new()?, Instant::now() + time, 0);
    while Instant::now() < until {
        number += 1;
        let begun = Instant::now();
        let content = json!({ "content": format!("text {number} of {until:?}") });
        let sent = api.post(&format!("/api/rooms/{room}/messages"), who, content).await;
        if sent.status != 201 {
            return Err(format!("a send was answered {}", sent.plain()).into());
        }
        times.add(begun.elapsed());
        tokio::time::sleep(BETWEEN_SENDS.saturating_sub(begun.elapsed())).await;
    }
    Ok(times)
}

/// Sends `hello` as often as the socket may send frames.
async fn greets(mut socket: Socket, hello: Value, got: Arc<Got>) {
    // `RATE_FRAMES` is 300 per minute.
    const BETWEEN: Duration = Duration::from_millis(210);
    while socket.try_send(&hello).await {
        let next = tokio::time::Instant::now() + BETWEEN;
        while let Ok(Some(frame)) = tokio::time::timeout_at(next, socket.next()).await {
            let count = match frame["code"].as_str() {
                _ if frame["type"] == "welcome" => &got.served,
                Some("rate_limited") => &got.refused,
                Some(_) => &got.errors,
                None => continue,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Requests heavy reads back to back; pauses after a refusal, as an attacker would.
async fn reads(api: Api, who: Person, first: usize, got: Arc<Got>) {
    for path in READS.iter().cycle().skip(first) {
        let status = api.get(path, &who).await.status.as_u16();
        let count = match status {
            200 => &got.served,
            429 => &got.refused,
            _ => &got.errors,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if status == 429 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A cloud with the template's rate limits, except for registration.
fn options(folder: &Path) -> Outcome<CloudOptions> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let rates = SETTINGS.iter().filter(|setting| setting.form == Form::Rate && setting.name != "RATE_REGISTER");
    let mut options = CloudOptions::new(workspace.join("template.yaml"));
    options.env = rates.map(|setting| (setting.name.to_owned(), setting.default.to_owned())).collect();
    options.bin_dir = Some(Path::new(env!("CARGO_BIN_EXE_send")).parent().ok_or("no folder")?.to_owned());
    options.data = DataLocation::Persistent(folder.join("data"));
    Ok(options)
}
