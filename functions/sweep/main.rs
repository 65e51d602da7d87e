//! The function `sweep`: deletes unreachable objects and resumes interrupted erasures.

use functions::{resources, sweep};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = sweep::State { db: resources::database().await?, push: resources::push()?, media: resources::media()? };
    let state = Arc::new(state);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| sweep::handle(Arc::clone(&state), event))).await
}
