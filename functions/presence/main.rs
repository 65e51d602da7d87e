//! The function `presence`: announces users who come online or go offline.

use functions::{presence, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state =
        presence::State { db: resources::database().await?, push: resources::push()?, grace: resources::presence_grace()? };
    let state = Arc::new(state);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| presence::handle(Arc::clone(&state), event))).await
}
