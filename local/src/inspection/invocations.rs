//! Recent invocations without secrets: a list with a cursor, and the details of each.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::InspectedCloud;
use super::mask::{MaskedEvent, masked_text};
use crate::lambda::Outcome;
use crate::logs::{Invocation, result};

/// Parameters of the list.
#[derive(Debug, Default)]
pub(super) struct InvocationQuery {
    /// Only invocations with a higher number.
    after: u64,
    /// Only this function, by logical id or binary.
    function: Option<String>,
    /// Whether to include log lines.
    lines: bool,
}

impl InvocationQuery {
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        for (name, value) in
            query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        {
            match name {
                "after" => filter.after = value.parse().map_err(|_| "after: expected a number")?,
                "function" => filter.function = Some(value.to_owned()),
                "lines" => filter.lines = value == "1",
                other => return Err(format!("{other}: unknown parameter; supported are after, function and lines")),
            }
        }
        Ok(filter)
    }
}

/// Lists invocations, oldest first.
pub(super) fn list(inspected: &InspectedCloud, filter: &InvocationQuery) -> Value {
    let function =
        filter.function.as_deref().map(|name| inspected.stack.function(name).map_or(name, |function| function.id.as_str()));
    let items = inspected.lambda.journal().since(filter.after);
    let items = items.iter().filter(|(_, invocation)| function.is_none_or(|function| function == invocation.function));
    let items: Vec<Value> = items
        .map(|(number, invocation)| {
            let mut item = summary(*number, invocation);
            if filter.lines {
                item["lines"] = lines(invocation);
            }
            item
        })
        .collect();
    json!({ "invocations": items })
}

/// Finds an invocation by its number.
pub(super) fn find(inspected: &InspectedCloud, number: u64) -> Option<Value> {
    let (_, invocation) = inspected.lambda.journal().since(number.checked_sub(1)?).into_iter().find(|(own, _)| *own == number)?;
    let mut item = summary(number, &invocation);
    let (Outcome::Success(body) | Outcome::FunctionError(body)) = &invocation.outcome;
    // A payload too large to be kept is empty.
    let shown = MaskedEvent::of(&invocation.event);
    item["event"] = if invocation.event.is_empty() { Value::Null } else { shown.event().clone() };
    item["response"] = if body.is_empty() { Value::Null } else { shown.answer(body) };
    item["lines"] = lines(&invocation);
    Some(item)
}

fn lines(invocation: &Invocation) -> Value {
    invocation.lines.iter().map(|line| masked_text(line)).collect()
}

fn summary(number: u64, invocation: &Invocation) -> Value {
    let failed = matches!(invocation.outcome, Outcome::FunctionError(_));
    json!({
        "number": number,
        "request_id": invocation.request_id,
        "function": invocation.function,
        "what": describe_event(MaskedEvent::of(&invocation.event).event()),
        "pid": invocation.pid,
        "at": millis(invocation.at),
        "duration_us": u64::try_from(invocation.duration.as_micros()).unwrap_or(u64::MAX),
        "cold_start_us": invocation.cold_start.map(|start| u64::try_from(start.as_micros()).unwrap_or(u64::MAX)),
        "failed": failed,
        "result": masked_text(&result(&invocation.outcome)),
    })
}

/// Describes an event in a few words: a request, a frame, messages of a queue.
fn describe_event(event: &Value) -> String {
    let context = &event["requestContext"];
    let words = match (context["http"]["method"].as_str(), context["routeKey"].as_str(), event["RequestType"].as_str()) {
        (Some(method), _, _) => format!("{method} {}", event["rawPath"].as_str().unwrap_or_default()),
        (None, Some(route), _) => match event["type"].as_str() {
            Some("REQUEST") => format!("authorize {route}"),
            _ => route.to_owned(),
        },
        (None, None, None) if event["Records"][0]["eventSource"] == "aws:sqs" => {
            let (arn, count) = (event["Records"][0]["eventSourceARN"].as_str(), event["Records"].as_array().map_or(0, Vec::len));
            format!("{count} of {}", arn.and_then(|arn| arn.rsplit(':').next()).unwrap_or_default())
        }
        (None, None, Some(kind)) => format!("{kind} {}", event["LogicalResourceId"].as_str().unwrap_or_default()),
        _ => String::new(),
    };
    masked_text(&words.chars().take(120).collect::<String>())
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
