//! The function `admin`: administration of the deployment.

use std::sync::Arc;

use functions::{admin, resources};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(admin::State::from_env().await?);
    shared::edge::http::serve_behind(admin::router(state), resources::distribution().await?).await
}
