//! `make bench`: cost of a search in a room of a million messages, sealed, and of sealing it. Budget: a page within 100 ms.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench that cannot go on ends there; printing is what it is for")]

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use local::dynamodb::DynamoDb;
use local::mysql::{MySql, MySqlOptions};
use shared::aws::dynamodb;
use shared::aws::ephemeral_table::Ephemeral;
use shared::caller::Caller;
use shared::config::{Aws, Limits, Secret};
use shared::domain::limits::throttle::Throttle;
use shared::domain::search;
use shared::error::Limit;
use shared::id::SessionId;
use shared::protocol::search::Search;
use shared::store::users::NewUser;
use shared::store::{Db, migrations, users};
use shared::time::Timestamp;
use sqlx::Executor;

const MESSAGES: u64 = 1_000_000;
const ROUNDS: usize = 30;
const QUERIES: [(&str, &str); 9] = [
    ("a word of every fifth message", "schiff"),
    ("a word that one message has", "xylophon"),
    ("the same, by a part of it", "lophon"),
    ("two common words that no message has both of", "schiff garten"),
    ("a phrase of the oldest thousand", "\"sehr alte nachricht\""),
    ("Chinese, two characters", "上海"),
    ("an emoji of one message", "🦀"),
    ("a word and its writer", "schiff from:bob"),
    ("a word, far back in time", "schiff before:2026-01-05"),
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = MySql::temporary(MySqlOptions { durable: false, ..MySqlOptions::default() }).await.expect("MariaDB starts");
        let counters = DynamoDb::start(None, Duration::from_hours(1)).await.expect("DynamoDB starts");
        measure(&Secret::new(server.url()), &throttle(&counters.endpoint()).await).await;
        server.stop().await;
    });
}

async fn measure(url: &Secret, throttle: &Throttle) {
    migrations::up(url).await.expect("the schema");
    let db = Db::lazy(url).expect("a URL");
    let ann = person(&db, "ann").await;
    person(&db, "bob").await;
    fill(&db).await;
    let begun = Instant::now();
    let mut requests = 0;
    let mut wanted = Search { q: Some("nothing-like-that".into()), ..Search::default() };
    loop {
        let page = search::search(&db, throttle, &ann, &wanted).await.expect("a page");
        requests += 1;
        wanted.cursor = page.next;
        if wanted.cursor.is_none() {
            break;
        }
    }
    println!("sealing {MESSAGES} messages: {:.1?} in {requests} requests, on the way of the first search", begun.elapsed());
    println!(
        "| search in a room of {MESSAGES}, p50 of {ROUNDS} | first page | items | requests to the end, or 20 items | all of them |"
    );
    println!("|---|--:|--:|--:|--:|");
    for (what, q) in QUERIES {
        let (mut first, mut all, mut seen) = (Vec::new(), Vec::new(), (0, 0));
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let mut wanted = Search { q: Some(q.into()), ..Search::default() };
            seen = (0, 0);
            loop {
                let page = search::search(&db, throttle, &ann, &wanted).await.expect("a page");
                seen = (seen.0 + page.items.len(), seen.1 + 1);
                if seen.1 == 1 {
                    first.push(begun.elapsed());
                }
                wanted.cursor = page.next;
                if wanted.cursor.is_none() || seen.0 >= 20 {
                    break;
                }
            }
            all.push(begun.elapsed());
        }
        println!("| {what}: `{q}` | {:.1?} | {} | {} | {:.1?} |", median(first), seen.0, seen.1, median(all));
    }
    let (rows, bytes): (i64, i64) = sqlx::query_as(
        "select cast(count(*) as signed), cast((select data_length from information_schema.tables
         where table_schema = database() and table_name = 'search_slices') as signed) from search_slices",
    )
    .fetch_one(&mut *db.acquire().await.expect("a connection"))
    .await
    .expect("a size");
    println!("the index: {rows} rows, {} bytes a message", bytes / i64::try_from(MESSAGES).unwrap_or(i64::MAX));
}

async fn person(db: &Db, name: &str) -> Caller {
    let now = Timestamp::now();
    let new = NewUser { username: name, email: None, display_name: name, password_hash: "x", created_at: now };
    let user = users::insert(&mut db.acquire().await.expect("a connection"), &new).await.expect("a person");
    Caller { user, username: name.into(), session: SessionId(1), connection: None, now }
}

/// Inserts a million messages on the server itself, one a second, each of a few German and sometimes Chinese words.
async fn fill(db: &Db) {
    let statements = [
        "set max_statement_time = 300".to_owned(),
        "insert into members (room_id, user_id, joined_at) values (1, 1, 0)".to_owned(),
        format!(
            "insert into messages (room_id, seq, sender_id, kind, content, created_at, rev)
             select 1, seq, if(seq % 1000 = 7, 2, 1), 'text', concat(
                 elt(1 + seq % 5, 'Das Schiff', 'Der Garten', 'Ein Brief', 'Die Zeitung', 'Unser Haus'), ' ',
                 elt(1 + (seq div 5) % 7, 'kommt', 'bleibt', 'wartet', 'verschwindet', 'leuchtet', 'schläft', 'singt'), ' ',
                 elt(1 + (seq div 35) % 6, 'am Morgen', 'um Mitternacht', 'bei Regen', 'ohne Grund', 'mit Musik', 'in Bremen'),
                 ' Nummer ', seq, if(seq = 4711, ' Xylophon 🦀', ''), if(seq <= 1000, ', sehr alte Nachricht', ''),
                 if(seq % 5000 = 11, ' 我们在上海见面', '')),
                 1767225600000 + seq * 1000, seq from seq_1_to_{MESSAGES}"
        ),
        format!(
            "update rooms set last_seq = {MESSAGES}, rev = {MESSAGES}, active_at = 1767225600000 + {MESSAGES} * 1000 where id = 1"
        ),
        "update _sqlx_migrations set installed_on = now() - interval 1 day".to_owned(),
        "set max_statement_time = 3".to_owned(),
    ];
    for sql in statements {
        db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(sql)).await.expect("filled");
    }
}

async fn throttle(endpoint: &str) -> Throttle {
    let aws = Aws {
        region: "us-east-1".into(),
        access_key_id: "bench".into(),
        secret_access_key: Secret::new("bench"),
        session_token: None,
        is_real: false,
    };
    let client = dynamodb::client_at(&aws, endpoint.to_owned());
    let key = AttributeDefinition::builder().attribute_name("key").attribute_type(ScalarAttributeType::S).build().expect("a key");
    let schema = KeySchemaElement::builder().attribute_name("key").key_type(KeyType::Hash).build().expect("a schema");
    let made = client.create_table().table_name("ephemeral").attribute_definitions(key).key_schema(schema);
    made.billing_mode(BillingMode::PayPerRequest).send().await.expect("a table");
    let wide = Limit { quota: 1_000_000, window: 60 };
    Throttle::new(Ephemeral::new(client, "ephemeral".into()), limits(wide))
}

fn limits(wide: Limit) -> Limits {
    Limits { search: wide, ..Limits::from_env().expect("the defaults") }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
