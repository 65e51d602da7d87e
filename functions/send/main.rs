//! The function `send`: handles the frames of sockets.

use functions::{resources, send};
use shared::domain::messages::typing::TypingThrottle;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = send::State {
        db: resources::database().await?,
        keys: resources::late_keys()?,
        push: resources::push()?,
        limits: resources::limits()?,
        throttle: resources::throttle()?,
        pace: TypingThrottle::default(),
    };
    let state = Arc::new(state);
    lambda_runtime::run(lambda_runtime::service_fn(move |event| Box::pin(send::handle(Arc::clone(&state), event)))).await
}
