//! The function `fanout`: delivers frames to large audiences, one shard per invocation.

use std::sync::Arc;

use functions::fanout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(fanout::State::from_env().await?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| fanout::handle(Arc::clone(&state), event))).await
}
