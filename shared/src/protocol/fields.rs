//! Parses the fields of a frame, one at a time, so that an error names its field.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::id::Seq;
use crate::protocol::receipts::Mark;

/// The fields of a frame.
pub(super) type Fields = Map<String, Value>;

/// Parses one field; none when it is absent or null.
pub(super) fn optional<T: DeserializeOwned>(fields: &Fields, name: &str) -> Result<Option<T>> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inside = error.path().to_string();
        let field = if inside == "." { name.to_owned() } else { format!("{name}.{inside}") };
        wrong(field, &error.into_inner())
    })
}

/// Parses one field that must be present.
pub(super) fn required<T: DeserializeOwned>(fields: &Fields, name: &str, detail: &str) -> Result<T> {
    optional(fields, name)?.ok_or_else(|| Error::invalid(name, "required", detail))
}

/// Parses a type whose fields are among those of the frame.
pub(super) fn part<T: DeserializeOwned>(fields: &Fields, _field: &str) -> Result<T> {
    serde_path_to_error::deserialize(Value::Object(fields.clone())).map_err(|error| {
        let field = error.path().to_string();
        wrong(field, &error.into_inner())
    })
}

/// Parses the `seq` of a message.
pub(super) fn seq(fields: &Fields, field: &str) -> Result<Seq> {
    part(fields, field).map(|Mark { seq }| seq)
}

/// Keeps the expected type and drops the value, which serde quotes.
fn wrong(field: String, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let detail = text.find("expected ").map_or("is of the wrong type", |at| &text[at..]).to_owned();
    Error::invalid(field, "invalid", detail)
}
