//! The function `notify`: sends push notifications to devices of users who are away.

use std::sync::Arc;

use functions::notify;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(notify::State::from_env().await?);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| notify::handle(Arc::clone(&state), event))).await
}
