//! Dead letters: failed events, which can be sent again after the cause is fixed.

use http::StatusCode;
use serde_json::{Value, json};

use super::mask::mask;
use super::{HttpResponse, InspectedCloud, document, problem};

/// Characters of an event in the list.
const MAX_EVENT_CHARS: usize = 4000;

/// Lists the dead letters, newest first.
pub(super) fn list(inspected: &InspectedCloud) -> Value {
    let letters: Vec<Value> = inspected.lambda.dead_letters().into_iter().rev().map(masked).collect();
    json!({ "dead_letters": letters })
}

fn masked(mut letter: Value) -> Value {
    mask(&mut letter);
    let context = &letter["requestContext"];
    let arn = context["functionArn"].as_str().unwrap_or_default();
    let error = &letter["responsePayload"];
    json!({
        "request_id": context["requestId"],
        "function": arn.split(':').nth(6),
        "at": letter["timestamp"],
        "condition": context["condition"],
        "attempts": context["approximateInvokeCount"],
        "error": error["errorMessage"].as_str().or(error.as_str()),
        "event": letter["requestPayload"].to_string().chars().take(MAX_EVENT_CHARS).collect::<String>(),
    })
}

pub(super) fn send_again(inspected: &InspectedCloud, request_id: &str) -> HttpResponse {
    match inspected.lambda.send_again(request_id) {
        Some(Ok(request_id)) => document(StatusCode::ACCEPTED, &json!({ "request_id": request_id })),
        Some(Err(error)) => problem(StatusCode::CONFLICT, &error.to_string()),
        None => problem(StatusCode::NOT_FOUND, "the dead letter does not exist; it may have been sent again already"),
    }
}
