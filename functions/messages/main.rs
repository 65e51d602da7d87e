//! The function `messages`: sending and history.

use functions::{messages, resources};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start();
    let state = messages::State {
        db: resources::database().await?,
        keys: resources::keys().await?,
        push: resources::push()?,
        limits: resources::limits()?,
    };
    shared::edge::http::serve(messages::router(Arc::new(state)).into()).await
}
