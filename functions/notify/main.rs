//! The function `notify`: sends push notifications to devices of users who are away.

use functions::{notify, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let (web, pause) = resources::web_push().await?;
    let state = notify::State { db: resources::database().await?, push: resources::push()?, web, pause };
    let state = Arc::new(state);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| notify::handle(Arc::clone(&state), event))).await
}
