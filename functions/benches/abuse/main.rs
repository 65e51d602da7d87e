//! `make bench-abuse`: one account does the worst that its limits allow, with the rates of a deployment, on twenty sockets and as many connections;
//! somebody else sends meanwhile. It prints how long their sends take alone and beside that, and fails if one of them is refused.

#[path = "../../tests/e2e/api.rs"]
#[expect(dead_code, clippy::expect_used, reason = "the client of the tests, which need more of it and may panic")]
mod api;
mod canary_lines {
    //! What the tests remember of what they send and get; here it would be measured with the rest.

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

use local::cloud::{Cloud, CloudOptions, Data};
use serde_json::{Map, Value, json};
use shared::config::{Form, SETTINGS};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::api::{Api, Person};
use crate::socket::Socket;
use crate::times::Times;

/// What a measurement gives.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Sockets that a person may have, and connections beside them.
const SOCKETS: usize = 20;
const READERS: usize = 8;
/// Rooms that a `hello` may name; making them is an act each.
const ROOMS: usize = 100;
/// A send of the bystander: as often as `RATE_SEND` allows.
const BETWEEN_SENDS: Duration = Duration::from_millis(340);
/// How long each part takes.
const ALONE: Duration = Duration::from_secs(30);
const BESIDE: Duration = Duration::from_mins(3);
/// Making rooms is work, too: not more of it than the budget gives.
const BETWEEN_ROOMS: Duration = Duration::from_millis(200);
/// What reads most for what it costs its client.
const READS: [&str; 5] = [
    "/api/users/me/export",
    "/api/sync?limit=100",
    "/api/rooms?scope=all&limit=100",
    "/api/search?q=x",
    "/api/friends?limit=100",
];

/// What the account got.
#[derive(Debug, Default)]
struct Got {
    served: AtomicU32,
    refused: AtomicU32,
    errors: AtomicU32,
}

fn main() -> Outcome<()> {
    local::open_files::raise();
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
    let (mallory, known) = with_rooms(&api).await;
    // Budgets are whole again, and instances warm.
    sends(&api, &ann, room, Duration::from_secs(35)).await?;
    let alone = sends(&api, &ann, room, ALONE).await?;
    let got = Arc::new(Got::default());
    let mut attack = JoinSet::new();
    let hello = json!({ "action": "hello", "rooms": known });
    // All are open before the first `hello`: afterwards the budget would refuse their tickets.
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

/// Somebody with as many rooms as a `hello` may name, each with a long message.
async fn with_rooms(api: &Api) -> (Person, Value) {
    let who = api.person("mallory").await;
    let mut known = Map::new();
    for _ in 0..ROOMS {
        let room = api.group(&who, &[]).await;
        api.post(&format!("/api/rooms/{room}/messages"), &who, json!({ "content": "x".repeat(900) })).await.is(201);
        known.insert(room.to_string(), json!(0));
        tokio::time::sleep(BETWEEN_ROOMS).await;
    }
    (who, Value::Object(known))
}

/// How long sends take; one that is refused is an error.
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

/// Says `hello` as often as the socket may send frames, whatever comes back.
async fn greets(mut socket: Socket, hello: Value, got: Arc<Got>) {
    // `RATE_FRAMES` is 300 a minute.
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

/// Reads what is heavy, as soon as the last answer is there; after a refusal a little later, as who attacks would to find the end of it.
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

/// A cloud with a deployment's rates, but for that of new accounts.
fn options(folder: &Path) -> Outcome<CloudOptions> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let rates = SETTINGS.iter().filter(|setting| setting.form == Form::Rate && setting.name != "RATE_REGISTER");
    let mut options = CloudOptions::new(workspace.join("template.yaml"));
    options.env = rates.map(|setting| (setting.name.to_owned(), setting.default.to_owned())).collect();
    options.bin_dir = Some(Path::new(env!("CARGO_BIN_EXE_send")).parent().ok_or("no folder")?.to_owned());
    options.data = Data::Persistent(folder.join("data"));
    Ok(options)
}
