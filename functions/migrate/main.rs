//! The function `migrate`: migrates the schema. Opens no connection before it needs one.

use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    lambda_runtime::run(service_fn(functions::migrate::handle)).await
}
