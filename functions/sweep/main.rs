//! The function `sweep`: removes bytes that nobody may see any more.

use functions::{resources, sweep};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(sweep::State { db: resources::database().await?, media: resources::media()? });
    lambda_runtime::run(lambda_runtime::service_fn(move |event| sweep::handle(Arc::clone(&state), event))).await
}
