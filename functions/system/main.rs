//! The function `system`: health checks and documentation.

use std::sync::Arc;

use functions::system;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(system::State::from_env()?);
    shared::edge::http::serve(system::router(state)).await
}
