//! The function `rooms`: rooms and their members.

use functions::{resources, rooms};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = rooms::State {
        db: resources::database().await?,
        keys: resources::keys().await?,
        push: resources::push()?,
        throttle: resources::throttle()?,
    };
    shared::edge::http::serve(rooms::router(Arc::new(state))).await
}
