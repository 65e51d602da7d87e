//! The function `system`: health checks and documentation.

use std::sync::Arc;

use functions::system::{State, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(State::from_env()?);
    shared::edge::http::serve(router(state)).await
}
