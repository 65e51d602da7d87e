//! The end of sessions: one function, a record until the sockets are closed, and no frames to those sockets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use shared::aws::dynamodb;
use shared::domain::auth::session_closings;
use shared::domain::auth::sessions::{self, SessionOwner};
use shared::domain::people::presence;
use shared::id::{ConnectionId, SessionId};
use shared::protocol::dialect::Dialect;
use shared::protocol::session_end_cause::Cause;
use shared::push::Push;
use shared::push::presence_checks::PresenceCheck;
use shared::push::socket_registry::Connection;
use shared::store::recipients;
use shared::time::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::backend::{self, Backend, NOW, PASSWORD, unreachable_push, visitor};

/// Returns the recorded closings: session, cause, time.
async fn noted(backend: &Backend) -> Vec<(u64, String, i64)> {
    sqlx::query_as("select session_id, cause, ended_at from session_closings order by session_id")
        .fetch_all(&mut *backend.db.acquire().await.expect("a connection"))
        .await
        .expect("read")
}

fn socket(caller: &shared::caller::Caller, name: &str, at: Timestamp) -> Connection {
    Connection {
        user: caller.user,
        id: ConnectionId(name.into()),
        session: caller.session,
        dialect: Dialect::Lean,
        connected_at: at,
    }
}

async fn receives(backend: &Backend, caller: &shared::caller::Caller, now: Timestamp) -> bool {
    let mut connection = backend.db.acquire().await.expect("a connection");
    let recipients = recipients::for_users(&mut connection, &[caller.user]).await.expect("read");
    !recipients.has_ended(caller.session, now)
}

#[tokio::test]
async fn sockets_that_could_not_be_closed_receive_nothing_until_the_next_attempt() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    let other = backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
    let (caller, kept) = (backend.caller(&ann).await.expect("signed in"), backend.caller(&other).await.expect("signed in"));
    let dead = unreachable_push();
    sessions::logout(&backend.db, &dead, &SessionOwner::SignedIn(caller.clone())).await.expect("the end is a fact all the same");
    assert_eq!(noted(&backend).await, [(caller.session.0, "logout".to_owned(), NOW.0)]);
    assert!(!receives(&backend, &caller, Timestamp(0)).await, "whatever the sender's clock says");
    assert!(receives(&backend, &kept, NOW).await);
    // The schedule runs while no gateway answers. It uses the real clock, unlike the fixture.
    let at = Timestamp::now().0;
    let mut connection = backend.db.acquire().await.expect("a connection");
    sqlx::query("update session_closings set ended_at = ?").bind(at).execute(&mut *connection).await.expect("written");
    drop(connection);
    let end = Instant::now() + Duration::from_millis(10);
    assert_eq!(session_closings::close_due(&backend.db, &dead, end).await.expect("ran"), 1);
    assert_eq!(noted(&backend).await.len(), 1);
    // Once the gateway answers, only that session's sockets are closed.
    for (name, whose) in [("his", &caller), ("kept", &kept)] {
        backend.push.register(&socket(whose, name, NOW)).await.expect("open");
    }
    assert_eq!(session_closings::close_due(&backend.db, &backend.push, end).await.expect("ran"), 0);
    assert!(noted(&backend).await.is_empty());
    let left = backend.push.presence_of(&[caller.user], NOW).await.expect("found");
    assert_eq!(left[0].live.iter().map(|one| one.id.0.as_str()).collect::<Vec<_>>(), ["kept"]);
}

#[tokio::test]
async fn closing_sockets_also_pushes_offline() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    let caller = backend.caller(&ann).await.expect("signed in");
    backend.push.register(&socket(&caller, "his", NOW)).await.expect("open");
    sessions::logout_all(&backend.db, &unreachable_push(), &SessionOwner::SignedIn(caller.clone())).await.expect("logged out");
    let check = async |check| presence::serve(&backend.db, &backend.push, check, Duration::ZERO, NOW).await.expect("served");
    let asked = PresenceCheck::Ended { user_id: caller.user.0, attempt: 0 };
    // Queues deliver at least once.
    check(asked).await;
    check(asked).await;
    assert!(noted(&backend).await.is_empty());
    check(PresenceCheck::Left { until: NOW.0, part: 0 }).await;
    let found = backend.push.presence_of(&[caller.user], NOW).await.expect("found");
    assert!(found[0].live.is_empty() && !found[0].is_online(Timestamp::now()), "{found:?}");
}

#[tokio::test]
async fn the_end_of_a_session_by_time_is_noted_for_sockets_that_may_live_to_see_it() {
    let backend = Backend::open().await;
    let ann = backend.register("ann").await;
    let caller = backend.caller(&ann).await.expect("signed in");
    session_closings::check_opened(&backend.db, &socket(&caller, "early", NOW), NOW).await.expect("open");
    assert!(noted(&backend).await.is_empty(), "thirty days are longer than any socket lives");
    let end = NOW.plus_seconds(30 * 86_400);
    let late = end.plus_seconds(-3600);
    session_closings::check_opened(&backend.db, &socket(&caller, "late", late), late).await.expect("open");
    assert_eq!(noted(&backend).await, [(caller.session.0, "expired".to_owned(), end.0)]);
    assert!(receives(&backend, &caller, end.plus_seconds(-1)).await && !receives(&backend, &caller, end).await);
    // A refresh postpones the closing, and logging out makes it due at once.
    let fresh = shared::domain::auth::anonymous::AnonymousCaller { now: late, ..visitor("192.0.2.9") };
    sessions::refresh(&backend.db, backend.sign_in(&fresh), &ann.tokens.refresh_token).await.expect("refreshed");
    assert!(receives(&backend, &caller, end).await);
    assert_eq!(noted(&backend).await[0].2, late.plus_seconds(30 * 86_400).0);
    sessions::logout(&backend.db, &unreachable_push(), &SessionOwner::SignedIn(caller.clone())).await.expect("logged out");
    assert_eq!(noted(&backend).await, [(caller.session.0, "logout".to_owned(), NOW.0)]);
    let ended = session_closings::check_opened(&backend.db, &socket(&caller, "after", NOW), NOW).await.err();
    assert_eq!(ended.map(|error| error.code()), Some("session_ended"));
}

#[tokio::test]
async fn the_first_cause_is_the_one_pushed() {
    let backend = Backend::open().await;
    let caller = backend.caller(&backend.register("ann").await).await.expect("signed in");
    sessions::logout(&backend.db, &unreachable_push(), &SessionOwner::SignedIn(caller.clone())).await.expect("logged out");
    let bye = async |session: SessionId| session_closings::bye_frame(&backend.db, session).await.expect("read");
    let code = |frame: &shared::protocol::frames::Frame| match frame {
        shared::protocol::frames::Frame::Bye { code, resume, .. } => (*code, *resume),
        _ => ("", false),
    };
    assert_eq!(code(&bye(caller.session).await), ("session_ended", false));
    assert_eq!(code(&bye(SessionId(4711)).await), ("session_ended", false), "of one that nothing is known of");
}

/// A registry per test, and an `@connections` endpoint that answers every call with this status.
async fn cloud(status: &'static str) -> (Push, String) {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let table = format!("closing-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let client = dynamodb::client_at(&backend::aws(), backend::endpoint().to_owned());
    let key = AttributeDefinition::builder().attribute_name("user_id").attribute_type(ScalarAttributeType::N).build();
    let schema = KeySchemaElement::builder().attribute_name("user_id").key_type(KeyType::Hash).build();
    let made = client.create_table().table_name(&table).attribute_definitions(key.expect("a key"));
    made.key_schema(schema.expect("a schema")).billing_mode(BillingMode::PayPerRequest).send().await.expect("a table");
    (through(&table, status).await, table)
}

/// Another push over the same registry.
async fn through(table: &str, status: &'static str) -> Push {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, status));
        }
    });
    let client = dynamodb::client_at(&backend::aws(), backend::endpoint().to_owned());
    let tables =
        shared::config::TableNames { connections: table.to_owned(), room_sockets: "none".into(), ephemeral: "none".into() };
    Push::cloud_with_client(client, &backend::aws(), &tables, backend::push_config(&endpoint))
}

/// Answers every request of a connection; without a status, leaves them waiting.
async fn answer(stream: TcpStream, status: &'static str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        if status.is_empty() {
            std::future::pending::<()>().await;
        }
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.get_mut().write_all(text.as_bytes()).await.ok()?;
    }
}

#[tokio::test]
async fn sockets_count_as_closed_only_once_api_gateway_says_so() {
    let backend = Backend::open().await;
    backend.register("ann").await;
    // A socket old enough that a 410 means closed, and one that may still be opening.
    for (status, age, closes) in [
        ("200 OK", 60, true),
        ("410 Gone", 60, true),
        ("410 Gone", 5, false),
        ("403 Forbidden", 60, false),
        ("429 Too Many Requests", 60, false),
        ("500 Internal Server Error", 60, false),
        ("", 60, false),
    ] {
        let (push, table) = cloud(status).await;
        let made = backend.login("ann", PASSWORD, "192.0.2.2").await.expect("logged in");
        let own = backend.caller(&made).await.expect("signed in");
        for device in 0..12 {
            push.register(&socket(&own, &format!("{device}"), NOW.plus_seconds(-age))).await.expect("open");
        }
        let begun = Instant::now();
        sessions::logout(&backend.db, &push, &SessionOwner::SignedIn(own.clone())).await.expect("the end is a fact all the same");
        assert!(begun.elapsed() < Duration::from_secs(4), "{status}: twelve sockets at once, {:?}", begun.elapsed());
        assert_eq!(noted(&backend).await.is_empty(), closes, "{status}");
        let left = push.presence_of(&[own.user], NOW).await.expect("found");
        assert_eq!(left.iter().all(|found| found.live.is_empty()), closes, "{status}: {left:?}");
        if !closes {
            let better = through(&table, "200 OK").await;
            session_closings::close_or_retry(&backend.db, &better, own.user, 0, Timestamp::now()).await.expect("tried");
            assert!(noted(&backend).await.is_empty());
        }
    }
}

/// Every cause must be listed here and tested; `functions/tests/e2e/session_ends.rs` has a run for each.
#[test]
fn every_way_to_end_a_session_goes_through_one_door_and_has_a_cause_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for file in sources(&root) {
        let text = fs::read_to_string(&file).expect("a source");
        let code: String = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = file.strip_prefix(&root).expect("inside").display().to_string();
        let ends = code.contains("update sessions set revoked_at") || code.contains("set s.revoked_at");
        assert_eq!(ends, name == "store/session_closings.rs", "{name} ends sessions by itself");
        assert_eq!(code.contains("delete from sessions"), name == "store/erasure.rs", "{name} deletes sessions");
        if name.starts_with("domain/") && name != "domain/auth/session_closings.rs" {
            for cause in Cause::ALL {
                let named = format!("Cause::{cause:?}");
                let whole = |at: usize| !code[at + named.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
                *uses.entry(cause.name()).or_default() += code.match_indices(&named).filter(|(at, _)| whole(*at)).count();
            }
        }
    }
    for cause in Cause::ALL {
        let expected = usize::from(*cause != Cause::Expired);
        assert_eq!(uses[cause.name()], expected, "{cause:?} is the cause of one way to end a session, and of no other");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok).map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
