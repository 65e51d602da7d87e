//! The function `send`: handles the frames of sockets.

use std::sync::Arc;

use functions::send;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(send::State::from_env().await?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| Box::pin(send::handle(Arc::clone(&state), event)))).await
}
