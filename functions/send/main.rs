//! The function `send`: every frame that a socket sends.

use functions::{resources, send};
use shared::domain::typing::Pace;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start();
    let state = send::State {
        db: resources::database().await?,
        push: resources::push()?,
        limits: resources::limits()?,
        pace: Pace::default(),
    };
    let state = Arc::new(state);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| send::handle(Arc::clone(&state), event))).await
}
