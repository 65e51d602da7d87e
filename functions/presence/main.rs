//! The function `presence`: announces users who come online or go offline.

use std::sync::Arc;

use functions::presence;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(presence::State::from_env().await?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| presence::handle(Arc::clone(&state), event))).await
}
