//! Commands for the running cloud, located through its data folder.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{CloudError, CloudOptions, data};
use crate::aws_request::send;
use crate::custom_resources::error_message;
use crate::logs::{clock, print_line};
use crate::stack::{Function, Stack};

/// Interval between requests for new invocations.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
/// Consecutive failed requests before giving up.
const MAX_FAILURES: u32 = 40;

/// Invokes a function (by logical id or binary) of the running cloud. Returns its result; a function error becomes a `CloudError`.
pub async fn invoke(data: &Path, options: &CloudOptions, function: &str, event: Bytes) -> Result<String, CloudError> {
    let stack = options.stack()?;
    let function = find_function(&stack, function)?;
    let running = data::find_running(data).ok_or_else(|| CloudError::NotRunning(data.to_owned()))?;
    let request = Request::post(format!("/2015-03-31/functions/{}/invocations", function.id));
    let answer = send(&running.lambda, request, &[], event).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.failed {
        return Err(CloudError::CommandFailed(format!("{} failed: {}", function.id, error_message(&answer.body))));
    }
    if answer.status == 200 { Ok(text) } else { Err(CloudError::CommandFailed(error_message(&answer.body))) }
}

/// Prints the recent output of functions of the running cloud, oldest first; with `follow`, continues until it stops.
pub async fn logs(data: &Path, options: &CloudOptions, function: Option<&str>, follow: bool) -> Result<(), CloudError> {
    let stack = options.stack()?;
    let function = function.map(|name| find_function(&stack, name)).transpose()?;
    let filter = function.map(|function| format!("&function={}", function.id)).unwrap_or_default();
    let running = data::find_running(data).ok_or_else(|| CloudError::NotRunning(data.to_owned()))?;
    let (mut after, mut failures) = (0, 0);
    loop {
        let request = Request::get(format!("/_local/invocations?after={after}&lines=1{filter}"));
        let answer = match send(&running.http, request, &[], Bytes::new()).await {
            Ok(answer) => answer,
            // The cloud has stopped: following ends.
            Err(_) if follow && data::find_running(data).is_none() => return Ok(()),
            Err(_) if follow && failures < MAX_FAILURES => {
                failures += 1;
                tokio::time::sleep(POLL_INTERVAL).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        failures = 0;
        if answer.status != 200 {
            return Err(CloudError::CommandFailed(error_message(&answer.body)));
        }
        let page: Page = serde_json::from_slice(&answer.body).map_err(|error| CloudError::CommandFailed(error.to_string()))?;
        for item in &page.invocations {
            print_line(&item.text());
            after = item.number;
        }
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Finds a function by logical id or binary.
pub(super) fn find_function<'a>(stack: &'a Stack, name: &str) -> Result<&'a Function, CloudError> {
    stack.function(name).ok_or_else(|| CloudError::UnknownFunction {
        name: name.to_owned(),
        known: stack.functions.values().map(|function| function.binary.clone()).collect(),
    })
}

#[derive(Deserialize)]
struct Page {
    invocations: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    number: u64,
    function: String,
    request_id: String,
    what: String,
    at: u64,
    duration_us: u32,
    result: String,
    lines: Vec<String>,
}

impl Item {
    fn text(&self) -> String {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.at) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let milliseconds = f64::from(self.duration_us) / 1000.0;
        let mut text = format!(
            "{}  {:<18}{milliseconds:>9.1} ms  {}  {}  {}",
            clock(at),
            self.function,
            self.result,
            self.what,
            self.request_id
        );
        for line in &self.lines {
            text.push_str("\n      ");
            text.push_str(line);
        }
        text
    }
}
