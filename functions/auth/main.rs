//! The function `auth`: accounts, sessions and tokens.

use std::sync::Arc;

use functions::{auth, resources};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(auth::State::from_env().await?);
    shared::edge::http::serve_behind(auth::router(state), resources::distribution().await?).await
}
