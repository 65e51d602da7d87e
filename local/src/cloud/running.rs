//! Talking to the cloud that is up, from another terminal: it said in its data folder where it is.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use http::Request;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{CloudError, CloudOptions, data};
use crate::{
    custom::error_message,
    logs::{clock, say},
    request::send,
    stack::{Function, Stack},
};

/// How often new invocations are asked for.
const PAUSE: Duration = Duration::from_millis(300);
/// How often in a row a cloud that runs may give no answer.
const PATIENCE: u32 = 40;

/// Invokes a function (by logical id or binary) of the cloud on the data folder; gives its result, or its error as ours.
pub async fn invoke(data: &Path, options: &CloudOptions, function: &str, event: Bytes) -> Result<String, CloudError> {
    let stack = options.stack()?;
    let function = named(&stack, function)?;
    let running = data::running(data).ok_or_else(|| CloudError::NotRunning(data.to_owned()))?;
    let request = Request::post(format!("/2015-03-31/functions/{}/invocations", function.id));
    let answer = send(&running.lambda, request, &[], event).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.failed {
        return Err(CloudError::Failed(format!("{} failed: {}", function.id, error_message(&answer.body))));
    }
    if answer.status == 200 { Ok(text) } else { Err(CloudError::Failed(error_message(&answer.body))) }
}

/// Prints what the functions of the cloud on the data folder printed, oldest first; on and on if it is to follow.
pub async fn logs(data: &Path, options: &CloudOptions, function: Option<&str>, follow: bool) -> Result<(), CloudError> {
    let stack = options.stack()?;
    let function = function.map(|name| named(&stack, name)).transpose()?;
    let filter = function.map(|function| format!("&function={}", function.id)).unwrap_or_default();
    let running = data::running(data).ok_or_else(|| CloudError::NotRunning(data.to_owned()))?;
    let (mut after, mut failures) = (0, 0);
    loop {
        let request = Request::get(format!("/_local/invocations?after={after}&lines=1{filter}"));
        let answer = match send(&running.http, request, &[], Bytes::new()).await {
            Ok(answer) => answer,
            // It is stopping, or has stopped: that is how following ends.
            Err(_) if follow && data::running(data).is_none() => return Ok(()),
            Err(_) if follow && failures < PATIENCE => {
                failures += 1;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        failures = 0;
        if answer.status != 200 {
            return Err(CloudError::Failed(error_message(&answer.body)));
        }
        let page: Page = serde_json::from_slice(&answer.body).map_err(|error| CloudError::Failed(error.to_string()))?;
        for item in &page.invocations {
            say(&item.text());
            after = item.number;
        }
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A function by its logical id or its binary.
pub(super) fn named<'a>(stack: &'a Stack, name: &str) -> Result<&'a Function, CloudError> {
    stack.function(name).ok_or_else(|| CloudError::NoFunction {
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
