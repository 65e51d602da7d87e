//! The function `users`: users and the caller's own account.

use functions::{resources, users};
use std::sync::Arc;
use tokio::sync::OnceCell;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    let state = users::State {
        db: resources::database().await?,
        keys: resources::keys().await?,
        push: resources::push()?,
        throttle: resources::throttle()?,
        hosts: resources::push_hosts()?,
        vapid: OnceCell::new(),
    };
    shared::edge::http::serve(users::router(Arc::new(state))).await
}
