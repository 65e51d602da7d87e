//! The function `friends`: friends, friend requests and blocks.

use std::sync::Arc;

use functions::friends;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(friends::State::from_env().await?);
    shared::edge::http::serve(friends::router(state)).await
}
