//! The function that brings the schema up to date: only the store's secret, and no connection before it is asked.

use lambda_runtime::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::telemetry::start(env!("CARGO_BIN_NAME"));
    lambda_runtime::run(service_fn(functions::migrate::handle)).await
}
