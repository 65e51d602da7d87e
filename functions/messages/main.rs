//! The function `messages`: sending and reading messages.

use std::sync::Arc;

use functions::messages;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(messages::State::from_env().await?);
    shared::edge::http::serve(messages::router(state)).await
}
