//! `make bench`: cost of a page of history at message 1,000 and at message 1,000,000 of the same room. Budget: a ratio of 1.2.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench that cannot go on ends there; printing is what it is for")]

use std::time::{Duration, Instant};

use local::mysql::{MySql, MySqlOptions};
use shared::caller::Caller;
use shared::config::Secret;
use shared::domain::messages::{self, HistoryRange};
use shared::id::{RoomRef, Seq, SessionId};
use shared::store::users::NewUser;
use shared::store::{Db, migrations, users};
use shared::time::Timestamp;
use sqlx::Executor;

const MESSAGES: u64 = 1_000_000;
const ROUNDS: usize = 400;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = MySql::temporary(MySqlOptions { durable: false, ..MySqlOptions::default() }).await.expect("MariaDB starts");
        measure(&Secret::new(server.url())).await;
        server.stop().await;
    });
}

async fn measure(url: &Secret) {
    migrations::up(url).await.expect("the schema");
    let db = Db::lazy(url).expect("a URL");
    let caller = person(&db).await;
    fill(url, &caller).await;
    let room = RoomRef::general();
    let page = async |before: u64| {
        let begun = Instant::now();
        let page = messages::history(&db, &caller, &room, HistoryRange::Before(Seq(before)), Some(50)).await.expect("a page");
        assert_eq!((page.items.len(), page.items[49].seq), (50, Seq(before - 1)));
        begun.elapsed()
    };
    let (mut early, mut late) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    // Alternates, so that other load affects both alike, and varies the pages around each position.
    for round in 0..ROUNDS as u64 {
        early.push(page(1_000 - round % 200).await);
        late.push(page(MESSAGES - round % 200).await);
    }
    let (early, late) = (median(early), median(late));
    println!("| page of 50 messages, p50 of {ROUNDS} | at message 1,000 | at message {MESSAGES} | ratio (budget ≤ 1.2) |");
    println!("|---|--:|--:|--:|");
    println!("| rules and SQL, one connection | {early:.2?} | {late:.2?} | {:.2} |", late.as_secs_f64() / early.as_secs_f64());
}

async fn person(db: &Db) -> Caller {
    let now = Timestamp::now();
    let new = NewUser { username: "ann", email: None, display_name: "Ann", password_hash: "x", created_at: now };
    let user = users::insert(&mut db.acquire().await.expect("a connection"), &new).await.expect("a person");
    Caller { user, username: "ann".into(), session: SessionId(1), connection: None, now }
}

/// Inserts a million messages on the server itself; sending them one by one would take minutes.
async fn fill(url: &Secret, caller: &Caller) {
    use sqlx::ConnectOptions;
    let options: sqlx::mysql::MySqlConnectOptions = url.expose().parse().expect("a URL");
    let mut connection = options.connect().await.expect("a connection");
    let insert = format!(
        "insert into messages (room_id, seq, sender_id, kind, content, created_at, rev) \
         select 1, seq, {}, 'text', concat('message ', seq, ' of a long conversation'), {} + seq, seq from seq_1_to_{MESSAGES}",
        caller.user, caller.now.0
    );
    let begun = Instant::now();
    connection.execute(sqlx::AssertSqlSafe(insert)).await.expect("the messages");
    let room = format!("update rooms set last_seq = {MESSAGES}, rev = {MESSAGES} where id = 1");
    connection.execute(sqlx::AssertSqlSafe(room)).await.expect("the room");
    assert!(begun.elapsed() < Duration::from_mins(5));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
