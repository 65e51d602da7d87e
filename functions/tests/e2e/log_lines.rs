//! Reads every line that any function of a local cloud prints during these tests. Each line must be JSON with known fields and contain neither
//! secrets nor texts that the tests' clients sent or received confidentially. No user action may exceed the statements and posts in the cost table.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

use local::logs::Invocation;
use serde_json::{Map, Value, json};

use crate::cloud::{Variable, own_world};
use crate::wait::until;

/// A printed line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    read: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    tell_all: AtomicBool,
}

impl Lines {
    /// Reads the lines of an invocation.
    pub(crate) fn read(&self, invocation: &Invocation) {
        self.read.fetch_add(invocation.lines.len(), Ordering::Relaxed);
        let found = invocation.lines.iter().filter_map(|line| Some((fault(line)?, line)));
        let found = found.map(|(fault, line)| format!("{fault} in a line of {}: {line}", invocation.function));
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }

    /// Fails unless lines were read and all were valid. Reports each violation once.
    pub(crate) fn assert_clean(&self) {
        let wrong = self.take_wrong();
        let is_clean = wrong.is_empty() || self.tell_all.load(Ordering::Relaxed);
        assert!(is_clean, "{} lines tell too much: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
        assert!(self.read.load(Ordering::Relaxed) > 0, "the functions' lines do not come here");
    }

    fn take_wrong(&self) -> Vec<String> {
        std::mem::take(&mut self.wrong.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Fields of requests, frames and responses with confidential texts.
const SENT: &str =
    "auth content current data email endpoint invite message new p256dh password reason refresh_token ticket token";
const GIVEN: &str = "access_token refresh_token ticket";
/// Shorter texts occur in lines by chance.
const SHORTEST: usize = 8;

/// Confidential texts as they would appear in a line, by their first characters.
static TEXTS: LazyLock<RwLock<HashMap<[u8; SHORTEST], BTreeSet<String>>>> = LazyLock::new(RwLock::default);

/// Registers the confidential texts of a JSON that a client sends.
pub(crate) fn confide(sent: &[u8]) {
    keep(sent, SENT);
}

/// The same for a response.
pub(crate) fn entrusted(given: &[u8]) {
    keep(given, GIVEN);
}

fn keep(body: &[u8], names: &str) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
    let mut found = Vec::new();
    collect(&body, names, false, &mut found);
    let beginnings = |text: String| Some((beginning(text.as_bytes())?, text));
    let found: Vec<_> = found.into_iter().filter_map(beginnings).collect();
    let is_known = |(begin, text): &([u8; SHORTEST], String)| {
        TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(begin).is_some_and(|known| known.contains(text))
    };
    for (begin, text) in found.into_iter().filter(|text| !is_known(text)).collect::<Vec<_>>() {
        TEXTS.write().unwrap_or_else(PoisonError::into_inner).entry(begin).or_default().insert(text);
    }
}

fn collect(value: &Value, names: &str, confidential: bool, into: &mut Vec<String>) {
    match value {
        Value::String(text) if confidential => into.push(json!(text).to_string().trim_matches('"').to_owned()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, names, confidential, into)),
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, names, is_one_of(names, name), into);
            }
        }
        _ => {}
    }
}

fn beginning(text: &[u8]) -> Option<[u8; SHORTEST]> {
    text.first_chunk().copied()
}

/// Fields of a line: those of every invocation, those of other log events, and those of the driver's slow-statement events, which omit the values.
const FIELDS: &str = "_aws ColdStarts DurationMs FanoutMs Gone Messages Pushes Throttled \
    accepted age_ms again at attempt charged code connection connections devices duration_ms ended erased error failed failure function gone heard host left level message most posts \
    reason removed request request_id room rows session.id statements status store throttled user user.id what \
    db.statement elapsed elapsed_secs rows_affected rows_returned slow_threshold summary";
/// Patterns of secrets that tests cannot know in advance: password hashes, the database URL, signed URLs, keys.
const SHAPES: [&str; 5] = ["$argon2", "mysql://", "X-Amz-Signature", "Bearer ", "-----BEGIN"];
/// Random values and token signatures have at least 43 characters; request and socket ids have fewer.
const RANDOM: usize = 40;

fn is_one_of(names: &str, name: &str) -> bool {
    names.split(' ').any(|one| one == name)
}

/// Returns the violation of a line, if any.
fn fault(line: &str) -> Option<String> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return Some("no JSON".into()) };
    if let Some(unknown) = fields.keys().find(|name| !is_one_of(FIELDS, name)) {
        return Some(format!("a field {unknown:?}"));
    }
    if let Some(shape) = SHAPES.iter().find(|shape| line.contains(**shape)) {
        return Some(format!("something like {shape}…"));
    }
    if let Some(random) =
        line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').find(|part| part.len() >= RANDOM)
    {
        return Some(format!("a random text {random:?}"));
    }
    if let Some(beyond) = beyond(&fields) {
        return Some(beyond);
    }
    let texts = TEXTS.read().unwrap_or_else(PoisonError::into_inner);
    let bytes = line.as_bytes();
    let begins = |at: &usize| *at == 0 || !bytes[*at - 1].is_ascii_alphanumeric();
    (0..bytes.len()).filter(begins).find_map(|at| {
        let rest = &bytes[at..];
        let found = texts.get(&beginning(rest)?)?.iter().find(|text| rest.starts_with(text.as_bytes()))?;
        Some(format!("the confidential text {found:?}"))
    })
}

/// Returns the excess of an invocation over the cost table, if any. Repeated transactions multiply the cost, and rejected posts are retried.
fn beyond(fields: &Map<String, Value>) -> Option<String> {
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    let (most, heard, again) = (number("most")?, number("heard")?, number("again")?);
    let cost = number("statements")? + number("posts")?.saturating_sub(heard);
    let beyond = cost > most.saturating_mul(again + 1) && number("Throttled").is_none();
    beyond.then(|| format!("{cost} statements and posts, {most} at most"))
}

#[tokio::test]
async fn printed_secrets_are_detected() {
    let world = own_world(&[Variable("LOG_LEVEL", "lambda_runtime=trace")]);
    world.lines().tell_all.store(true, Ordering::Relaxed);
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "between us 5128" })).await.is(201);
    // Lines arrive shortly after the response.
    let is_noticed = async || world.lines().take_wrong().iter().any(|line| line.contains("between us 5128"));
    until("the printed message is noticed", is_noticed).await;
}

#[test]
fn a_line_is_wrong_for_what_it_says() {
    confide(br#"{"messages":[{"content":"a canary of 4711"}],"password":"it is \"4712\" here","reason":"short","name":"not confidential"}"#);
    entrusted(br#"{"ticket":"a ticket of 4713","content":"an answer of 4714"}"#);
    let line = |error: &str| fault(&json!({ "level": "WARN", "message": "it failed", "error": error }).to_string());
    for innocent in ["a canary", "short", "not confidential", "an answer of 4714", "01234567-89ab-cdef-0123-456789abcdef"] {
        assert_eq!(line(innocent), None, "{innocent}");
    }
    for secret in [
        "a canary of 4711",
        r#"column "a canary of 4711" is too long"#,
        r#"body=it is "4712" here"#,
        "?ticket=a ticket of 4713",
        "mysql://ann@host/db",
        "?X-Amz-Signature=0",
        "eyJhbGciOiJIUzI1NiJ9.e30.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    ] {
        assert!(line(secret).is_some(), "{secret}");
    }
    assert!(fault(r#"{"level":"INFO","message":"sent","content":"x"}"#).is_some_and(|fault| fault.contains("content")));
    assert!(fault("thread 'main' panicked").is_some());
    let costs = |statements: u64, again: u64| {
        let line = json!({ "statements": statements, "posts": 9, "heard": 8, "again": again, "charged": 4, "most": 10 });
        fault(&line.to_string())
    };
    assert_eq!((costs(9, 0), costs(19, 1)), (None, None));
    assert!(costs(10, 0).is_some_and(|fault| fault.contains("11 statements")));
}
