//! The function `disconnect`: handles a closed socket.

use functions::{disconnect, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = disconnect::State { push: resources::push()? };
    let state = Arc::new(state);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| disconnect::handle(Arc::clone(&state), event))).await
}
