//! The function `fanout`: delivers frames to large audiences, one shard per invocation.

use functions::{fanout, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = fanout::State { db: resources::database().await?, push: resources::push()? };
    let state = Arc::new(state);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| fanout::handle(Arc::clone(&state), event))).await
}
