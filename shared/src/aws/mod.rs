//! AWS: signing, the HTTP client, and the clients of its services. What they carry is the business of the layers below.

pub mod dynamodb;
pub mod ephemeral_table;
pub(crate) mod http;
pub(crate) mod http2;
pub mod s3;
pub(crate) mod sdk;
pub mod sigv4_client;
pub mod sqs;
pub mod table_probes;

use std::sync::{Arc, LazyLock};

/// A client that is built by its first call: functions start without the clients that a request may need.
pub type Lazy<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

pub(crate) fn lazy<C>(build: impl FnOnce() -> C + Send + 'static) -> Lazy<C> {
    Arc::new(LazyLock::new(Box::new(build)))
}
