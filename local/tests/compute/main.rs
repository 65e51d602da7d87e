//! Lambda and the stores of the local cloud, against real processes without mocks.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails where it stands")]
#![allow(clippy::disallowed_methods, reason = "tests run on this machine's clock")]

mod cloud;
mod command;
mod dynamodb_cache;
mod event_sources;
mod external;
mod faults;
mod faults_command;
mod http_client;
mod inspection;
mod invocations;
mod invoke_api;
mod mysql;
mod queue;
mod runtime_api;
mod schedules;
mod sdk;
mod sdk_lambda;
mod sdk_s3;
mod sqs;
mod stores;
mod support;
mod watch;
