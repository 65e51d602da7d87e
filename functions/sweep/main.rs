//! The function `sweep`: deletes unreachable objects and resumes interrupted erasures.

use std::sync::Arc;

use functions::sweep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(sweep::State::from_env().await?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| sweep::handle(Arc::clone(&state), event))).await
}
