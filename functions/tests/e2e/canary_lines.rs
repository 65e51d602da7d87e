//! Everything that any function of a local cloud prints while any of these tests runs is read: each line is JSON with fields that a line may have,
//! has nothing of the shape of a secret, and none of the texts that the tests' clients sent or were given in confidence. And nothing that a person
//! asks for costs more statements and posts than the table of prices says.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};
use std::time::Duration;

use local::logs::Invocation;
use serde_json::{Map, Value, json};

use crate::cloud::own_world;

/// What a function printed, as far as it has to be known.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    read: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    tell_all: AtomicBool,
}

impl Lines {
    /// Reads what an invocation printed.
    pub(crate) fn read(&self, invocation: &Invocation) {
        self.read.fetch_add(invocation.lines.len(), Ordering::Relaxed);
        let found = invocation.lines.iter().filter_map(|line| Some((fault(line)?, line)));
        let found = found.map(|(fault, line)| format!("{fault} in a line of {}: {line}", invocation.function));
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }

    /// Fails unless lines were read and none was wrong. What was wrong is told once.
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

/// Fields of requests and frames whose texts are nobody else's business, and those of answers.
const SENT: &str =
    "auth content current data email endpoint invite message new p256dh password reason refresh_token ticket token";
const GIVEN: &str = "access_token refresh_token ticket";
/// Shorter texts stand in a line by chance.
const SHORTEST: usize = 8;

/// Confidential texts, as they would stand in a line, by how they begin.
static TEXTS: LazyLock<RwLock<HashMap<[u8; SHORTEST], BTreeSet<String>>>> = LazyLock::new(RwLock::default);

/// From now on no line may have a confidential text of this JSON, which a client sends.
pub(crate) fn confide(sent: &[u8]) {
    keep(sent, SENT);
}

/// The same of an answer.
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

/// Fields of a line: those of every invocation, what else our code tells, and what the driver of the store tells of a slow statement, whose values
/// it leaves out.
const FIELDS: &str = "_aws ColdStarts DurationMs FanoutMs Gone Messages Pushes Throttled \
    accepted again at attempt charged code connection connections devices duration_ms ended erased error failed failure function gone heard host left level message most posts \
    reason removed request request_id room rows session.id statements status store throttled user user.id what \
    db.statement elapsed elapsed_secs rows_affected rows_returned slow_threshold summary";
/// How secrets look that no test could know before: hashes of passwords, the store's URL, signed URLs, keys.
const SHAPES: [&str; 5] = ["$argon2", "mysql://", "X-Amz-Signature", "Bearer ", "-----BEGIN"];
/// Random texts of ours and signatures of tokens have 43 characters and more; ids of requests and sockets have fewer.
const RANDOM: usize = 40;

fn is_one_of(names: &str, name: &str) -> bool {
    names.split(' ').any(|one| one == name)
}

/// What is wrong with a line, if anything is.
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

/// What an invocation cost beyond what the table of prices says, if it did. A transaction that ran again may have cost as much each time, and a post
/// that a socket did not take is made again.
fn beyond(fields: &Map<String, Value>) -> Option<String> {
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    let (most, heard, again) = (number("most")?, number("heard")?, number("again")?);
    let cost = number("statements")? + number("posts")?.saturating_sub(heard);
    let beyond = cost > most.saturating_mul(again + 1) && number("Throttled").is_none();
    beyond.then(|| format!("{cost} statements and posts, {most} at most"))
}

#[tokio::test]
async fn whoever_prints_what_people_trust_us_with_is_found() {
    let world = own_world(&[("LOG_LEVEL", "lambda_runtime=trace")]);
    world.lines().tell_all.store(true, Ordering::Relaxed);
    let ann = world.api.person("ann").await;
    let room = world.api.group(&ann, &[]).await;
    world.api.post(&format!("/api/rooms/{room}/messages"), &ann, json!({ "content": "between us 5128" })).await.is(201);
    for _ in 0..100 {
        // Lines come a little after the answer.
        if world.lines().take_wrong().iter().any(|line| line.contains("between us 5128")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a function printed a message, and nobody noticed");
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
