//! The function `authorizer`: authorizes WebSocket handshakes.

use std::sync::Arc;

use functions::authorizer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(authorizer::State::from_env().await?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| authorizer::handle(Arc::clone(&state), event))).await
}
