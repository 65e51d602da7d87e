//! The function `friends`: friends, friend requests and blocks.

use functions::{friends, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = friends::State {
        db: resources::database().await?,
        keys: resources::keys().await?,
        push: resources::push()?,
        throttle: resources::throttle()?,
    };
    shared::edge::http::serve(friends::router(Arc::new(state))).await
}
