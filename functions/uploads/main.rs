//! The function `uploads`: images and files.

use functions::{resources, uploads};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = uploads::State {
        db: resources::database().await?,
        keys: resources::keys().await?,
        push: resources::push()?,
        media: resources::media()?,
        throttle: resources::throttle()?,
    };
    shared::edge::http::serve_with_slow_route(uploads::router(Arc::new(state)), uploads::COMPLETING).await
}
