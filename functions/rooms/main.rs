//! The function `rooms`: rooms and their members.

use std::sync::Arc;

use functions::rooms;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = Arc::new(rooms::State::from_env().await?);
    shared::edge::http::serve(rooms::router(state)).await
}
