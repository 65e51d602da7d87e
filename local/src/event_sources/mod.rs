//! Plays Lambda's event source mappings of SQS: they wait for messages, gather them into batches, invoke functions, and delete what was processed.

mod batch;
mod event;
mod response;
mod scaling;

use std::sync::Arc;

use tokio::task::JoinSet;

use self::{batch::Batch, scaling::Scaling};
use crate::{
    lambda::Lambda,
    sqs::Broker,
    stack::{EventSource, Stack},
};

/// One mapping at work.
#[derive(Debug)]
struct Mapping {
    source: EventSource,
    broker: Broker,
    lambda: Lambda,
}

/// Starts all mappings; dropping them stops them. Messages of a batch that is stopped become visible again after their visibility timeout.
pub(crate) fn start(stack: &Stack, lambda: &Lambda, broker: &Broker) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for source in &stack.event_sources {
        let mapping = Mapping { source: source.clone(), broker: broker.clone(), lambda: lambda.clone() };
        running.spawn(run(Arc::new(mapping)));
    }
    running
}

async fn run(mapping: Arc<Mapping>) {
    let mut batches = JoinSet::new();
    let mut scaling = Scaling::new(mapping.source.maximum_concurrency);
    let clock = mapping.broker.clock();
    loop {
        while batches.try_join_next().is_some() {}
        // A place first: no message is taken before somebody can work on it.
        while batches.len() >= scaling.limit(batches.len(), clock.now()) {
            tokio::select! {
                _ = batches.join_next() => {}
                () = clock.sleep_until(scaling.next_step()) => {}
            }
        }
        match Batch::gather(&mapping).await {
            Some(batch) => drop(batches.spawn(batch.process(Arc::clone(&mapping)))),
            // The queue was deleted, and with it what the mapping is for.
            None => break,
        }
    }
    while batches.join_next().await.is_some() {}
}
