//! Parses frames from client to server. Every form that legacy clients send maps to a typed action; unknown ones are errors by value.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::id::RoomRef;
use crate::protocol::actions::{Action, SendMessage};
use crate::protocol::fields::Fields;
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

impl Incoming {
    /// Whether success is answered. Marks and typing are sent often and heal by themselves: only with an `id`.
    pub fn is_answered(&self) -> bool {
        self.id.is_some() || !matches!(self.action, Ok(Action::Read(_) | Action::Delivered(_) | Action::Typing(_)))
    }
}

/// Maximum rooms in one `hello`.
const MAX_ROOMS: usize = 100;
/// Maximum length of a frame's `id` as JSON.
const MAX_ID: usize = 80;
/// Actions that ignore a room.
const WITHOUT_ROOM: [&str; 3] = ["hello", "ping", "renew"];

/// Parses a frame by its `action`, else `type`. A frame with neither but with `content` is a message.
pub fn read(frame: &str) -> Incoming {
    // Some programs put a byte order mark before UTF-8.
    let frame = frame.strip_prefix('\u{feff}').unwrap_or(frame);
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

/// Parses a message from an HTTP body in the form of a frame, ignoring `action` and `type`.
pub fn read_message(body: Value) -> Result<SendMessage> {
    match body {
        Value::Object(mut fields) => send(&mut fields),
        _ => Err(Error::Malformed("malformed_json", "The body must be a JSON object.".into())),
    }
}

/// Rewrites the frame in its canonical form and parses it.
fn action(fields: &mut Fields) -> Result<Action> {
    let said = |name| fields.get(name).filter(|value| !value.is_null());
    let name = match said("action").or_else(|| said("type")) {
        Some(Value::String(name)) => name.clone(),
        None if fields.contains_key("content") => "send".to_owned(),
        None => return Err(Error::Malformed("unknown_action", "The frame has no `action`.".into())),
        Some(_) => return Err(Error::invalid("action", "invalid", "must be a string")),
    };
    if matches!(name.as_str(), "send" | "message" | "sendmessage" | "send_message") {
        return send(fields).map(Action::Send);
    }
    let parse = Action::parser(&name).ok_or_else(|| Error::Malformed("unknown_action", "The action does not exist.".into()))?;
    if !WITHOUT_ROOM.contains(&name.as_str()) {
        normalize_room(fields)?;
    }
    let action = parse(fields)?;
    match &action {
        Action::Hello(hello) if hello.rooms.as_ref().is_some_and(|rooms| rooms.len() > MAX_ROOMS) => {
            Err(Error::invalid("rooms", "too_many", "must name at most 100 rooms; use `sync` for others"))
        }
        _ => Ok(action),
    }
}

/// Rewrites a legacy message as `send` and parses it. Its fields are in the frame itself or in an object `data`; a string `data` is the text.
fn send(fields: &mut Fields) -> Result<SendMessage> {
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
    normalize_room(fields)?;
    let url = fields.remove("file_url");
    let mut send = SendMessage::read(fields)?;
    match url {
        None | Some(Value::Null) => {}
        // Go serialises an unset string like this.
        Some(Value::String(url)) if url.is_empty() => {}
        Some(Value::String(url)) => take_file_url(&url, &mut send.message)?,
        Some(_) => return Err(Error::invalid("file_url", "invalid", "must be a string")),
    }
    Ok(send)
}

/// Moves the room from any of its keys to `room_id`; null when none is set.
fn normalize_room(fields: &mut Fields) -> Result<()> {
    let canonical = match room(fields)? {
        Some(RoomRef::Id(id)) => Value::from(id.0),
        Some(RoomRef::Slug(slug)) => Value::from(slug),
        None => Value::Null,
    };
    fields.insert("room_id".into(), canonical);
    Ok(())
}

/// Reads a room reference under each of its keys.
fn room(fields: &Fields) -> Result<Option<RoomRef>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Rev, RoomId, Seq};
    use crate::protocol::actions::{EditMessage, Hello, MessageTarget, React};
    use crate::protocol::messages::{NewContent, NewReaction};

    fn sent(frame: &str) -> (Option<RoomRef>, Option<String>) {
        match read(frame).action {
            Ok(Action::Send(send)) => (send.room_id, send.message.content),
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
    fn an_error_names_the_field_as_the_client_spelled_it() {
        for (frame, field, code) in [
            (r#"{"action":"join","roomId":{"x":1}}"#, "roomId", "invalid"),
            (r#"{"content":"x","conversation_id":"a b"}"#, "conversation_id", "invalid"),
            (r#"{"action":"leave","room_id":""}"#, "room_id", "required"),
            (r#"{"action":"edit","content":"x","seq":1}"#, "room_id", "required"),
            (r#"{"action":"read","room_id":7,"seq":"x"}"#, "seq", "invalid"),
            (r#"{"action":"hello","rooms":{"7":-1}}"#, "rooms.7", "invalid"),
            (r#"{"action":"send","attachments":[1,"x"]}"#, "attachments[1]", "invalid"),
            (r#"{"action":"renew","token":null}"#, "token", "required"),
        ] {
            let Some(Error::Invalid(wrong)) = read(frame).action.err() else { panic!("{frame}") };
            assert_eq!((wrong[0].field.as_str(), wrong[0].code), (field, code), "{frame}");
        }
        assert!(read(r#"{"action":"ping","room_id":{"x":1}}"#).action.is_ok(), "it takes no room");
    }

    #[test]
    fn a_change_names_its_message_and_what_becomes_of_it() {
        let read = |frame: &str| read(frame).action.ok();
        let target = || MessageTarget { room_id: RoomRef::Id(RoomId(7)), seq: Seq(3) };
        let react = || React { target: target(), reaction: NewReaction { emoji: "👍".into() } };
        let edit = EditMessage { target: target(), content: NewContent { content: "Ho".into() } };
        assert_eq!(read(r#"{"action":"edit","room_id":7,"seq":3,"content":"Ho"}"#), Some(Action::Edit(edit)));
        assert_eq!(read(r#"{"action":"unsend","roomId":"room-7","seq":3}"#), Some(Action::Unsend(target())));
        assert_eq!(read(r#"{"type":"react","room_id":7,"seq":3,"emoji":"👍"}"#), Some(Action::React(react())));
        assert_eq!(read(r#"{"action":"unreact","room_id":"7","seq":3,"emoji":"👍"}"#), Some(Action::Unreact(react())));
    }

    #[test]
    fn a_hello_names_rooms_and_how_far_they_are_known() {
        let hello = |frame: &str| read(frame).action.ok();
        assert_eq!(hello(r#"{"action":"hello"}"#), Some(Action::Hello(Hello { rooms: None, packed: None })));
        let known = [(RoomId(7), Rev(3)), (RoomId(12), Rev(0))];
        let alone = Hello { rooms: Some(known.into()), packed: None };
        assert_eq!(hello(r#"{"action":"hello","rooms":{"12":0,"7":3},"packed":null}"#), Some(Action::Hello(alone)));
        let packed = Hello { rooms: Some(known.into()), packed: Some(true) };
        assert_eq!(hello(r#"{"action":"hello","rooms":{"12":0,"7":3},"packed":true}"#), Some(Action::Hello(packed)));
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
