//! The function `users`: users and the caller's own account.

use std::sync::Arc;

use functions::{resources, users};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(users::State::from_env().await?);
    shared::edge::http::serve_behind(users::router(state), resources::distribution().await?).await
}
