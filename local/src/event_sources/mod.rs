//! Lambda's event source mappings of SQS: poll queues, collect batches, invoke functions, delete processed messages.

mod batch;
mod event;
mod response;
mod scaling;

use std::sync::Arc;

use tokio::task::JoinSet;

use self::batch::Batch;
use self::scaling::Scaling;
use crate::lambda::Lambda;
use crate::sqs::Broker;
use crate::stack::{EventSource, Stack};

/// One event source mapping.
#[derive(Debug)]
struct EventSourceMapping {
    source: EventSource,
    broker: Broker,
    lambda: Lambda,
}

/// Starts all mappings; dropping the set stops them. Messages of an aborted batch reappear after their visibility timeout.
pub(crate) fn start(stack: &Stack, lambda: &Lambda, broker: &Broker) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for source in &stack.event_sources {
        let mapping = EventSourceMapping { source: source.clone(), broker: broker.clone(), lambda: lambda.clone() };
        running.spawn(run(Arc::new(mapping)));
    }
    running
}

async fn run(mapping: Arc<EventSourceMapping>) {
    let mut batches = JoinSet::new();
    let mut scaling = Scaling::new(mapping.source.maximum_concurrency);
    let clock = mapping.broker.clock();
    loop {
        while batches.try_join_next().is_some() {}
        // Wait for capacity first: receive no message before an invocation can start.
        while batches.len() >= scaling.limit(batches.len(), clock.now()) {
            tokio::select! {
                _ = batches.join_next() => {}
                () = clock.sleep_until(scaling.next_step()) => {}
            }
        }
        match Batch::receive(&mapping).await {
            Some(batch) => drop(batches.spawn(batch.process(Arc::clone(&mapping)))),
            // The queue was deleted; the mapping ends.
            None => break,
        }
    }
    while batches.join_next().await.is_some() {}
}
