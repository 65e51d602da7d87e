//! Sends push notifications to devices of users who are away. Serves the queue of requests; the only function that calls hosts chosen by users.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use shared::domain::notifications::Notifier;
use shared::edge::queue_events::{self, QueueWork};
use shared::error::Result;
use shared::push::Push;
use shared::push::notify::NotifyRequest;
use shared::push::web::WebPush;
use shared::store::Db;
use shared::time::Timestamp;

use crate::resources;

#[derive(Debug)]
pub struct State {
    db: Db,
    /// Presence and notification leases.
    push: Push,
    /// Sends Web Push messages.
    web: WebPush,
    /// Minimum interval between notifications per user and room.
    pause: Duration,
}

impl State {
    /// Builds the state from the environment.
    pub async fn from_env() -> Result<Self> {
        let (web, pause) = resources::web_push().await?;
        Ok(Self { db: resources::database().await?, push: resources::push()?, web, pause })
    }
}

/// A later notification would be about a message that is read already.
pub const WORK: QueueWork = QueueWork { what: "notify", max_age: Some(Duration::from_mins(20)) };

/// Serves the requests of a batch.
pub async fn handle(state: Arc<State>, event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let State { db, push, web, pause } = &*state;
    let notifier = Notifier { db, push, web, pause: *pause };
    let serve = |request: NotifyRequest| async move { notifier.serve(&request, Timestamp::now()).await.map(drop) };
    queue_events::handle(event, WORK, serve).await
}
