//! The function `uploads`: images and files.

use std::sync::Arc;

use functions::uploads;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(uploads::State::from_env().await?);
    shared::edge::http::serve_with_slow_route(uploads::router(state), uploads::COMPLETING).await
}
