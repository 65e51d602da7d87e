//! Queues: message counts by state, age of the oldest message, and the function that consumes them.

use serde_json::{Value, json};

use super::InspectedCloud;
use crate::sqs::QueueInfo;

pub(super) fn list(inspected: &InspectedCloud) -> Value {
    match inspected.broker.overview() {
        Ok(queues) => queues.iter().map(|queue| queue_json(inspected, queue)).collect(),
        Err(error) => json!([{ "error": error.to_string() }]),
    }
}

fn queue_json(inspected: &InspectedCloud, queue: &QueueInfo) -> Value {
    let (counts, now) = (queue.counts, inspected.broker.clock().now());
    let stack = &inspected.stack;
    let sources = stack.event_sources.iter().filter(|source| source.queue == queue.name);
    let destination = |id: &String| stack.queues.get(id).is_some_and(|own| own.name == queue.name);
    let failing = stack.functions.values().filter(|function| function.event_invoke.on_failure.as_ref().is_some_and(destination));
    // Dead letters come from queues and from functions that failed to process an event.
    let dead_letters_of: Vec<&str> =
        queue.sources.iter().map(String::as_str).chain(failing.map(|function| function.id.as_str())).collect();
    json!({
        "name": queue.name,
        "fifo": queue.fifo,
        "visible": counts.visible,
        "in_flight": counts.in_flight,
        "delayed": counts.delayed,
        "oldest_age_ms": counts.oldest_sent_at.map(|sent_at| now.saturating_sub(sent_at)),
        "dead_letters_of": dead_letters_of,
        "functions": sources.map(|source| source.function.as_str()).collect::<Vec<_>>(),
    })
}
