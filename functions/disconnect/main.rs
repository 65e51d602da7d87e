//! The function `disconnect`: handles a closed socket.

use std::sync::Arc;

use functions::disconnect;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(disconnect::State::from_env()?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| disconnect::handle(Arc::clone(&state), event))).await
}
