//! Events that no attempt could deliver: each can be sent again, once whatever was wrong with it or with its function is mended.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Inspected, document, mask::mask, problem};

/// Characters of an event that are shown.
const SHOWN: usize = 4000;

/// Newest first.
pub(super) fn list(inspected: &Inspected) -> Value {
    let letters: Vec<Value> = inspected.lambda.dead_letters().into_iter().rev().map(shown).collect();
    json!({ "dead_letters": letters })
}

fn shown(mut letter: Value) -> Value {
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
        "event": letter["requestPayload"].to_string().chars().take(SHOWN).collect::<String>(),
    })
}

pub(super) fn send_again(inspected: &Inspected, request_id: &str) -> Answer {
    match inspected.lambda.send_again(request_id) {
        Some(Ok(request_id)) => document(StatusCode::ACCEPTED, &json!({ "request_id": request_id })),
        Some(Err(error)) => problem(StatusCode::CONFLICT, &error.to_string()),
        None => problem(StatusCode::NOT_FOUND, "no such dead letter; it may have been sent again already"),
    }
}
