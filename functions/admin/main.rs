//! The function `admin`: administration of the deployment.

use functions::{admin, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = admin::State {
        db: resources::database().await?,
        keys: resources::keys().await?,
        push: resources::push()?,
        throttle: resources::throttle()?,
    };
    shared::edge::http::serve(admin::router(Arc::new(state))).await
}
