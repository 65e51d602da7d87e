//! JSON bodies: what is wrong names its field, and so does a field that the request does not have.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::error::{Error, Violation};

/// Unknown fields that one refusal names.
const MAX_NAMED: usize = 10;
/// Characters of an unknown field's name that a refusal repeats.
const MAX_NAME: usize = 64;
/// Objects within objects whose fields are suggested.
const MAX_DEPTH: usize = 4;

/// A type that a JSON body is read as.
pub trait JsonBody: Sized {
    /// Parses a body. A syntax error is `malformed_json`; a wrong type and an unknown field are named.
    fn from_json(bytes: &[u8]) -> Result<Self, Error>;
}

/// The body of a route of older clients, which ignores unknown fields as their backends did.
pub struct Lenient<T>(pub T);

impl<T: DeserializeOwned + ToSchema> JsonBody for T {
    fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let mut unknown = Vec::new();
        let parsed = parse(bytes, &mut |path: Path<'_>| {
            if unknown.len() < MAX_NAMED {
                unknown.push(place(&path));
            }
        });
        match parsed {
            Ok(_) | Err(Error::Invalid(_)) if !unknown.is_empty() => {
                // A field that is missing may be one of those, misspelled.
                let mut wrong = unknown_fields(unknown, &known_fields::<T>());
                if let Err(Error::Invalid(others)) = parsed {
                    wrong.extend(others);
                }
                Err(Error::Invalid(wrong))
            }
            parsed => parsed,
        }
    }
}

impl<T: DeserializeOwned> JsonBody for Lenient<T> {
    fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        parse(bytes, &mut |_: Path<'_>| {}).map(Self)
    }
}

/// Parses JSON, and reports each field that the type does not have.
fn parse<T: DeserializeOwned, F: FnMut(Path<'_>)>(bytes: &[u8], report: &mut F) -> Result<T, Error> {
    // serde reads an array as a struct's fields in order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Error::Malformed("malformed_json", "The body must be a JSON object.".into()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let reporting = serde_ignored::Deserializer::new(&mut deserializer, report);
    let value = serde_path_to_error::deserialize(reporting).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            let field = if field == "." { missing_field(&inner).unwrap_or_default() } else { field };
            Error::invalid(field, "invalid", without_value(&inner))
        } else {
            Error::Malformed("malformed_json", format!("The body is not valid JSON: {}.", without_value(&inner)))
        }
    })?;
    deserializer.end().map_err(|_| Error::Malformed("malformed_json", "The body continues after its JSON value.".into()))?;
    Ok(value)
}

/// serde reports a missing field on the object, not on the field.
fn missing_field(error: &serde_json::Error) -> Option<String> {
    error.to_string().strip_prefix("missing field `").and_then(|rest| rest.split_once('`')).map(|(field, _)| field.to_owned())
}

/// Removes the offending value from the message, since it can be a secret.
fn without_value(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match (text.find("invalid type: "), text.find(", expected ")) {
        (Some(_), Some(at)) => text[at + 2..].to_owned(),
        _ => match (text.find("invalid value: "), text.find(", expected ")) {
            (Some(_), Some(at)) => text[at + 2..].to_owned(),
            _ if text.starts_with("unknown variant") => {
                text.find(", expected ").map_or_else(|| "unknown value".to_owned(), |at| text[at + 2..].to_owned())
            }
            _ => text,
        },
    }
}

fn unknown_fields(unknown: Vec<String>, known: &[String]) -> Vec<Violation> {
    let wrong = unknown.into_iter().map(|field| {
        let detail = match nearest(&field, known) {
            Some(other) => format!("is not a field of this request; did you mean `{other}`?"),
            None => "is not a field of this request".to_owned(),
        };
        Violation { field, code: "unknown_field", detail }
    });
    wrong.collect()
}

/// Writes a path as violations do: `settings.slow_mode_seconds`.
fn place(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => place(parent),
        Path::Seq { parent, index } => format!("{}[{index}]", place(parent)),
        Path::Map { parent, key } => inside(&place(parent), &key.chars().take(MAX_NAME).collect::<String>()),
    }
}

fn inside(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Returns the fields that the API document lists for a type, also those of objects within it.
fn known_fields<T: ToSchema>() -> Vec<String> {
    let (mut parts, mut known) = (Vec::new(), Vec::new());
    T::schemas(&mut parts);
    collect_fields(&T::schema(), "", &parts.into_iter().collect(), &mut known);
    known
}

fn collect_fields(schema: &RefOr<Schema>, parent: &str, parts: &BTreeMap<String, RefOr<Schema>>, known: &mut Vec<String>) {
    if parent.split('.').count() > MAX_DEPTH {
        return;
    }
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            if let Some(part) = parts.get(name) {
                collect_fields(part, parent, parts, known);
            }
        }
        RefOr::T(Schema::Object(object)) => {
            for (name, property) in &object.properties {
                let field = inside(parent, name);
                collect_fields(property, &field, parts, known);
                known.push(field);
            }
        }
        RefOr::T(Schema::OneOf(choice)) => collect_each(&choice.items, parent, parts, known),
        RefOr::T(Schema::AllOf(sum)) => collect_each(&sum.items, parent, parts, known),
        RefOr::T(Schema::AnyOf(choice)) => collect_each(&choice.items, parent, parts, known),
        RefOr::T(_) => {}
    }
}

fn collect_each(items: &[RefOr<Schema>], parent: &str, parts: &BTreeMap<String, RefOr<Schema>>, known: &mut Vec<String>) {
    for item in items {
        collect_fields(item, parent, parts, known);
    }
}

/// Returns the known field whose own name is most like that of the unknown one, wherever it is. None is like a name that differs in more than a third.
fn nearest<'a>(unknown: &str, known: &'a [String]) -> Option<&'a str> {
    let name = spelling(unknown);
    let distances = known.iter().map(|field| (distance(&name, &spelling(field)), field.as_str()));
    let like = distances.filter(|(distance, _)| distance * 3 <= name.chars().count());
    like.min_by_key(|(distance, field)| (*distance, field.len())).map(|(_, field)| field)
}

/// Returns the last part of a path in one spelling: `slowModeSeconds` is `slow_mode_seconds`.
fn spelling(field: &str) -> String {
    let name = field.rsplit('.').next().unwrap_or_default();
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Counts the letters to insert, delete or change between two names.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (index, expected) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *expected);
            diagonal = row[index + 1];
            row[index + 1] = changed.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::NewMessage;
    use crate::protocol::rooms::{ChangeRoom, NewRoom};

    fn violations<T: JsonBody>(body: &str) -> Vec<Violation> {
        match T::from_json(body.as_bytes()) {
            Err(Error::Invalid(violations)) => violations,
            Err(error) => panic!("{body}: {error:?}"),
            Ok(_) => panic!("{body} is taken"),
        }
    }

    #[test]
    fn a_wrong_type_names_its_field_and_not_its_value() {
        let wrong = violations::<NewMessage>(r#"{"content": 4711}"#);
        assert_eq!(wrong[0].field, "content");
        assert!(!wrong[0].detail.contains("4711"), "{wrong:?}");
    }

    #[test]
    fn invalid_json_is_malformed() {
        for body in
            [&b""[..], b"{", b"{}x", b"\xff", b"nul", b"[\"positional\",[],null,null,null]", b" []", b"{\"content\":\"\\ud800\"}"]
        {
            assert!(matches!(NewMessage::from_json(body), Err(Error::Malformed("malformed_json", _))), "{body:?}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_with_the_one_that_was_meant() {
        for (body, field, meant) in [
            (r#"{"slow_mode_seconds":60}"#, "slow_mode_seconds", Some("settings.slow_mode_seconds")),
            (r#"{"slowModeSeconds":60}"#, "slowModeSeconds", Some("settings.slow_mode_seconds")),
            (r#"{"settings":{"slow_mode_second":60}}"#, "settings.slow_mode_second", Some("settings.slow_mode_seconds")),
            (r#"{"settings":{"archived":true}}"#, "settings.archived", Some("archived")),
            (r#"{"nmae":"Lunch"}"#, "nmae", None),
            (r#"{"names":"Lunch"}"#, "names", Some("name")),
            (r#"{"something":{"else":[{"s3cret":1}]}}"#, "something", None),
        ] {
            let wrong = violations::<ChangeRoom>(body);
            let named = meant.map(|meant| format!("`{meant}`"));
            assert_eq!((wrong[0].field.as_str(), wrong[0].code), (field, "unknown_field"), "{body}");
            match named {
                Some(named) => assert!(wrong[0].detail.contains(&named), "{body}: {}", wrong[0].detail),
                None => assert!(!wrong[0].detail.contains('`'), "{body}: {}", wrong[0].detail),
            }
            assert!(!wrong[0].detail.contains("s3cret"), "{body}");
        }
        let wrong = violations::<NewRoom>(r#"{"nam":"Lunch"}"#);
        let found: Vec<_> = wrong.iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect();
        assert_eq!(found, [("nam", "unknown_field"), ("name", "invalid")], "a misspelled field that is missing: both are named");
        let many: Vec<_> = (0..50).map(|number| format!("\"{}{number}\":1", "x".repeat(500))).collect();
        let wrong = violations::<ChangeRoom>(&format!("{{{}}}", many.join(",")));
        assert!(wrong.len() == MAX_NAMED && wrong.iter().all(|wrong| wrong.field.len() == MAX_NAME), "{wrong:?}");
    }

    #[test]
    fn older_clients_may_send_what_nothing_reads() {
        let body = br#"{"name":"Lunch","colour":"red","settings":{}}"#;
        assert!(Lenient::<NewRoom>::from_json(body).is_ok_and(|Lenient(room)| room.name == "Lunch"));
        assert!(NewRoom::from_json(body).is_err());
    }

    #[test]
    fn a_distance_counts_changed_letters() {
        for (one, other, expected) in
            [("", "", 0), ("name", "name", 0), ("nmae", "name", 2), ("topics", "topic", 1), ("", "abc", 3)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
