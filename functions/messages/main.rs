//! The function `messages`: sending and reading messages.

use functions::{messages, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = messages::State {
        db: resources::database().await?,
        keys: resources::keys().await?,
        push: resources::push()?,
        limits: resources::limits()?,
        throttle: resources::throttle()?,
    };
    shared::edge::http::serve(messages::router(Arc::new(state))).await
}
