//! Parses frames from client to server. Every form that legacy clients send maps to a typed action; unknown ones are errors by value.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef};
use crate::protocol::actions::{Action, Change};
use crate::protocol::messages::NewMessage;
use crate::protocol::receipts::Mark;
use crate::protocol::uploads::take_file_url;

/// A parsed frame.
#[derive(Debug)]
pub struct Incoming {
    /// The client's `id` of the frame, echoed in the response.
    pub id: Option<Box<RawValue>>,
    /// The `client_id` of the frame, echoed in errors.
    pub client_id: Option<String>,
    /// The action, or why the frame cannot be parsed.
    pub action: Result<Action>,
}

/// Maximum rooms in one `hello`.
const MAX_ROOMS: usize = 100;
/// Maximum length of a frame's `id` as JSON.
const MAX_ID: usize = 80;

/// Parses a frame by its `action`, else `type`. A frame with neither but with `content` is a message.
pub fn read(frame: &str) -> Incoming {
    let value: Value = match serde_json::from_str(frame) {
        Ok(value) => value,
        Err(error) => {
            let detail = format!("The frame is not valid JSON: {error}.");
            return Incoming { id: None, client_id: None, action: Err(Error::Malformed("malformed_json", detail)) };
        }
    };
    let Value::Object(mut fields) = value else {
        let action = Err(Error::Malformed("malformed_frame", "The frame must be a JSON object.".into()));
        return Incoming { id: None, client_id: None, action };
    };
    let id = match fields.get("id") {
        Some(id @ (Value::String(_) | Value::Number(_))) => {
            serde_json::value::to_raw_value(id).ok().filter(|raw| raw.get().len() <= MAX_ID)
        }
        _ => None,
    };
    let client_id = fields.get("client_id").and_then(Value::as_str).filter(|id| id.chars().count() <= 64).map(str::to_owned);
    Incoming { id, client_id, action: action(&mut fields) }
}

/// Parses a message and its room from an HTTP body in the form of a frame, ignoring `action` and `type`.
pub fn read_message(body: Value) -> Result<(Option<RoomRef>, NewMessage)> {
    match body {
        Value::Object(mut fields) => message(&mut fields),
        _ => Err(Error::Malformed("malformed_json", "The body must be a JSON object.".into())),
    }
}

fn action(fields: &mut Map<String, Value>) -> Result<Action> {
    let said = |name| fields.get(name).filter(|value| !value.is_null());
    let verb = match said("action").or_else(|| said("type")) {
        Some(Value::String(verb)) => verb.clone(),
        None if fields.contains_key("content") => "send".to_owned(),
        None => return Err(Error::Malformed("unknown_action", "The frame has no `action`.".into())),
        Some(_) => return Err(Error::invalid("action", "invalid", "must be a string")),
    };
    match verb.as_str() {
        "hello" => hello(fields),
        "send" | "message" | "sendmessage" | "send_message" => {
            let (room, message) = message(fields)?;
            Ok(Action::Send { room, message })
        }
        "edit" => change(fields, Change::Edit(typed(fields)?)),
        "unsend" => change(fields, Change::Unsend),
        "react" => change(fields, Change::React(typed(fields)?)),
        "unreact" => change(fields, Change::Unreact(typed(fields)?)),
        "join" => Ok(Action::Join { room: room(fields)?, invite: field(fields, "invite")? }),
        "leave" => {
            let room = room(fields)?.ok_or_else(|| Error::invalid("room_id", "required", "must name the room to leave"))?;
            Ok(Action::Leave { room, owner: field(fields, "owner")? })
        }
        "read" => Ok(Action::Read { room: room(fields)?, seq: typed::<Mark>(fields)?.seq }),
        "delivered" => Ok(Action::Delivered { room: room(fields)?, seq: typed::<Mark>(fields)?.seq }),
        "typing" => Ok(Action::Typing { room: room(fields)?, active: field(fields, "active")?.unwrap_or(true) }),
        "sync" => Ok(Action::Sync { room: room(fields)?, rev: field(fields, "rev")?.unwrap_or_default() }),
        "ping" => Ok(Action::Ping { since: field(fields, "since")? }),
        "renew" => {
            let token = field(fields, "token")?;
            Ok(Action::Renew { token: token.ok_or_else(|| Error::invalid("token", "required", "must be an access token"))? })
        }
        _ => Err(Error::Malformed("unknown_action", "The action does not exist.".into())),
    }
}

fn hello(fields: &Map<String, Value>) -> Result<Action> {
    let rooms: BTreeMap<RoomId, u64> = field(fields, "rooms")?.unwrap_or_default();
    if rooms.len() > MAX_ROOMS {
        return Err(Error::invalid("rooms", "too_many", "must name at most 100 rooms; use `sync` for others"));
    }
    Ok(Action::Hello { rooms: rooms.into_iter().collect(), packed: field(fields, "packed")?.unwrap_or_default() })
}

/// A message's fields are in the frame itself or in an object `data`; a string `data` is the text.
fn message(fields: &mut Map<String, Value>) -> Result<(Option<RoomRef>, NewMessage)> {
    match fields.remove("data") {
        Some(Value::String(text)) => {
            fields.insert("content".into(), Value::String(text));
        }
        Some(Value::Object(data)) => {
            for (name, value) in data {
                fields.entry(name).or_insert(value);
            }
        }
        Some(Value::Null) | None => {}
        Some(_) => return Err(Error::invalid("data", "invalid", "must be an object or a string")),
    }
    if !fields.contains_key("content")
        && let Some(text @ Value::String(_)) = fields.remove("message")
    {
        fields.insert("content".into(), text);
    }
    let room = room(fields)?;
    let url = fields.remove("file_url");
    let mut message: NewMessage = typed(fields)?;
    match url {
        None | Some(Value::Null) => {}
        // Go serialises an unset string like this.
        Some(Value::String(url)) if url.is_empty() => {}
        Some(Value::String(url)) => take_file_url(&url, &mut message)?,
        Some(_) => return Err(Error::invalid("file_url", "invalid", "must be a string")),
    }
    Ok((room, message))
}

fn change(fields: &Map<String, Value>, change: Change) -> Result<Action> {
    #[derive(Deserialize)]
    struct Place {
        seq: u64,
    }
    let room = room(fields)?.ok_or_else(|| Error::invalid("room_id", "required", "must name the room of the message"))?;
    Ok(Action::Change { room, seq: typed::<Place>(fields)?.seq, change })
}

/// Reads a room reference under each of its keys.
fn room(fields: &Map<String, Value>) -> Result<Option<RoomRef>> {
    for name in ["room_id", "roomId", "conversation_id", "conversationId"] {
        match fields.get(name) {
            None | Some(Value::Null) => {}
            // Go serialises unset values like this.
            Some(value) if value == "" || value == 0 => {}
            Some(value) => {
                return RoomRef::deserialize(value).map(Some).map_err(|error| Error::invalid(name, "invalid", error.to_string()));
            }
        }
    }
    Ok(None)
}

/// Reads one field; none when it is absent or null.
fn field<T: DeserializeOwned>(fields: &Map<String, Value>, name: &str) -> Result<Option<T>> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inside = error.path().to_string();
        let field = if inside == "." { name.to_owned() } else { format!("{name}.{inside}") };
        wrong(field, &error.into_inner())
    })
}

/// Reads a type from all fields.
fn typed<T: DeserializeOwned>(fields: &Map<String, Value>) -> Result<T> {
    serde_path_to_error::deserialize(Value::Object(fields.clone())).map_err(|error| {
        let field = error.path().to_string();
        wrong(field, &error.into_inner())
    })
}

/// Keeps the expected type and drops the value, which serde quotes.
fn wrong(field: String, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let detail = text.find("expected ").map_or("is of the wrong type", |at| &text[at..]).to_owned();
    Error::invalid(field, "invalid", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::{NewContent, NewReaction};

    fn sent(frame: &str) -> (Option<RoomRef>, Option<String>) {
        match read(frame).action {
            Ok(Action::Send { room, message }) => (room, message.content),
            other => panic!("{frame}: {other:?}"),
        }
    }

    #[test]
    fn a_message_is_read_in_every_shape_that_older_clients_print() {
        let seven = || Some(RoomRef::Id(RoomId(7)));
        let hello = || Some("Hello".to_owned());
        assert_eq!(sent(r#"{"action":"send","room_id":7,"content":"Hello"}"#), (seven(), hello()));
        assert_eq!(sent(r#"{"content":"Hello"}"#), (None, hello()));
        // Go serialises unset fields like this.
        assert_eq!(
            sent(r#"{"action":null,"type":"message","room_id":0,"roomId":"","content":"Hello","attachments":null}"#),
            (None, hello())
        );
        assert_eq!(
            sent(r#"{"type":"message","data":{"room_id":"room-7","content":"Hello","file_url":null}}"#),
            (seven(), hello())
        );
        assert_eq!(sent(r#"{"type":"message","data":"Hello"}"#), (None, hello()));
        assert_eq!(sent(r#"{"action":"sendmessage","data":"Hello"}"#), (None, hello()));
        assert_eq!(sent(r#"{"type":"message","roomId":"7","message":"Hello"}"#), (seven(), hello()));
    }

    #[test]
    fn a_message_without_data_has_no_content_and_is_not_lost() {
        for frame in [r#"{"type":"message"}"#, r#"{"type":"message","data":null}"#] {
            assert_eq!(sent(frame), (None, None), "{frame}");
        }
    }

    #[test]
    fn unreadable_frames_report_the_reason() {
        for (frame, code) in [
            ("", "malformed_json"),
            ("{", "malformed_json"),
            ("[]", "malformed_frame"),
            ("7", "malformed_frame"),
            ("{}", "unknown_action"),
            (r#"{"action":"fly"}"#, "unknown_action"),
            (r#"{"action":7}"#, "invalid_input"),
            (r#"{"action":"send","room_id":{"$gt":0},"content":"x"}"#, "invalid_input"),
            (r#"{"action":"send","content":7}"#, "invalid_input"),
            (r#"{"action":"send","data":[1]}"#, "invalid_input"),
            (r#"{"action":"ping","since":"soon"}"#, "invalid_input"),
            (r#"{"action":"leave"}"#, "invalid_input"),
            (r#"{"action":"renew"}"#, "invalid_input"),
            (r#"{"action":"renew","token":7}"#, "invalid_input"),
            (r#"{"action":"read","room_id":7}"#, "invalid_input"),
            (r#"{"action":"read","room_id":7,"seq":-1}"#, "invalid_input"),
            (r#"{"action":"delivered","room_id":7,"seq":"end"}"#, "invalid_input"),
            (r#"{"action":"typing","room_id":7,"active":"yes"}"#, "invalid_input"),
            (r#"{"action":"sync","room_id":7,"rev":1.5}"#, "invalid_input"),
            (r#"{"action":"hello","rooms":[7]}"#, "invalid_input"),
            (r#"{"action":"hello","rooms":{"seven":1}}"#, "invalid_input"),
            (r#"{"action":"hello","rooms":{"7":-1}}"#, "invalid_input"),
            (r#"{"action":"hello","packed":"yes"}"#, "invalid_input"),
            (r#"{"action":"unsend","seq":1}"#, "invalid_input"),
            (r#"{"action":"unsend","room_id":7}"#, "invalid_input"),
            (r#"{"action":"unsend","room_id":7,"seq":-1}"#, "invalid_input"),
            (r#"{"action":"edit","room_id":7,"seq":1}"#, "invalid_input"),
            (r#"{"action":"edit","room_id":7,"seq":1,"content":7}"#, "invalid_input"),
            (r#"{"action":"react","room_id":7,"seq":1}"#, "invalid_input"),
        ] {
            let error = read(frame).action.err();
            assert_eq!(error.as_ref().map(Error::code), Some(code), "{frame}");
        }
    }

    #[test]
    fn a_change_names_its_message_and_what_becomes_of_it() {
        let read = |frame: &str| read(frame).action.ok();
        let change = |change| Some(Action::Change { room: RoomRef::Id(RoomId(7)), seq: 3, change });
        let emoji = || NewReaction { emoji: "👍".into() };
        let edit = Change::Edit(NewContent { content: "Ho".into() });
        assert_eq!(read(r#"{"action":"edit","room_id":7,"seq":3,"content":"Ho"}"#), change(edit));
        assert_eq!(read(r#"{"action":"unsend","roomId":"room-7","seq":3}"#), change(Change::Unsend));
        assert_eq!(read(r#"{"type":"react","room_id":7,"seq":3,"emoji":"👍"}"#), change(Change::React(emoji())));
        assert_eq!(read(r#"{"action":"unreact","room_id":"7","seq":3,"emoji":"👍"}"#), change(Change::Unreact(emoji())));
    }

    #[test]
    fn a_hello_names_rooms_and_how_far_they_are_known() {
        let hello = |frame: &str| read(frame).action.ok();
        assert_eq!(hello(r#"{"action":"hello"}"#), Some(Action::Hello { rooms: Vec::new(), packed: false }));
        let known = vec![(RoomId(7), 3), (RoomId(12), 0)];
        let alone = Action::Hello { rooms: known.clone(), packed: false };
        assert_eq!(hello(r#"{"action":"hello","rooms":{"12":0,"7":3},"packed":null}"#), Some(alone));
        let packed = Action::Hello { rooms: known, packed: true };
        assert_eq!(hello(r#"{"action":"hello","rooms":{"12":0,"7":3},"packed":true}"#), Some(packed));
        let many: Vec<_> = (1..=101).map(|room| format!("\"{room}\":1")).collect();
        let error = read(&format!(r#"{{"action":"hello","rooms":{{{}}}}}"#, many.join(","))).action.err();
        assert!(matches!(&error, Some(Error::Invalid(wrong)) if wrong[0].code == "too_many"), "{error:?}");
    }

    #[test]
    fn a_frames_name_is_echoed_as_it_was_written() {
        let id = |frame: &str| read(frame).id.map(|raw| raw.get().to_owned());
        assert_eq!(id(r#"{"action":"ping","id":"a-1"}"#).as_deref(), Some("\"a-1\""));
        assert_eq!(id(r#"{"action":"fly","id":7}"#).as_deref(), Some("7"));
        assert_eq!(id(r#"{"action":"ping","id":{"x":1}}"#), None);
    }
}
