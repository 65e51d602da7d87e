//! The function `connect`: opens a socket.

use std::sync::Arc;

use functions::connect;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(connect::State::from_env().await?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| connect::handle(Arc::clone(&state), event))).await
}
