//! Error responses of many handlers: those that follow from a request's shape, which `complete` adds to every operation, and named ones, which
//! handlers list as types.
//!
//! Responses with a status from 400 on are problem documents unless a handler declares otherwise.

use std::collections::BTreeMap;

use shared::protocol::problem::Problem;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

macro_rules! refusals {
    ($($name:ident: $($status:literal $text:literal),+;)+) => {$(
        #[doc = concat!($("Documents ", $status, ": ", $text, ". "),+)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([$(($status.to_owned(), RefOr::T(Response::new($text)))),+])
            }
        }
    )+};
}

refusals! {
    OperatorsOnly: "403" "`not_allowed`";
    ManagersOnly: "403" "`not_allowed`, `not_a_member`";
    MembersOnly: "403" "`not_a_member`";
    WrongPassword: "403" "`wrong_password`";
    UserNotFound: "404" "`user_not_found`";
    RoomNotFound: "404" "`room_not_found`";
    MessageNotFound: "404" "`room_not_found`, `message_not_found`";
    UploadNotFound: "404" "`upload_not_found`";
    NotForDirectRooms: "409" "`direct_room`";
    MissingParameter: "400" "`missing_parameter`";
    InvalidId: "422" "`invalid_input`: the path contains no id";
    InvalidCursor: "422" "`invalid_input`: the cursor is invalid";
    LoginRefused: "401" "`invalid_credentials`", "429" "`rate_limited`: too many failed attempts";
    RegistrationRefused:
        "409" "`username_taken`",
        "422" "`invalid_input`: lists all invalid fields",
        "429" "`rate_limited`: too many accounts from one address";
}

/// Adds the common error responses to an operation.
pub(crate) fn complete(operation: &mut Operation) {
    let given = |place: &ParameterIn| {
        let places = operation.parameters.iter().flatten().map(|parameter| match parameter {
            RefOr::T(parameter) => Some(&parameter.parameter_in),
            RefOr::Ref(_) => None,
        });
        places.flatten().any(|known| known == place)
    };
    let (path, query) = (given(&ParameterIn::Path), given(&ParameterIn::Query));
    let (body, signed_in) = (operation.request_body.is_some(), operation.security.is_some());
    let shared: [(bool, &str, &[&str]); 7] = [
        (body, "400", &["malformed_json"]),
        (query, "400", &["malformed_query"]),
        (signed_in, "401", &["unauthenticated", "token_expired", "session_ended"]),
        (body, "413", &["too_large"]),
        (body || signed_in && (path || query), "422", &["invalid_input"]),
        (signed_in, "429", &["rate_limited"]),
        (signed_in || body, "503", &["unavailable"]),
    ];
    for (_, status, codes) in shared.into_iter().filter(|(applies, ..)| *applies) {
        let answer = operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(Response::new("")));
        if let RefOr::T(answer) = answer {
            mention(answer, codes);
        }
    }
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer
            && status.as_str() >= "400"
            && answer.content.is_empty()
        {
            let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
            *answer = ResponseBuilder::from(answer.clone()).content("application/problem+json", problem).build();
        }
    }
}

/// Adds codes that the description does not mention yet.
fn mention(answer: &mut Response, codes: &[&str]) {
    let description = std::mem::take(&mut answer.description);
    let codes = codes.iter().map(|code| format!("`{code}`")).filter(|code| !description.contains(code.as_str()));
    answer.description = codes.chain((!description.is_empty()).then(|| description.clone())).collect::<Vec<_>>().join(", ");
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::path::OperationBuilder;
    use utoipa::openapi::request_body::RequestBody;

    use super::*;

    #[test]
    fn own_responses_are_merged_with_common_ones() {
        let own = [("201", "Made"), ("400", "`malformed_json`, `missing_parameter`"), ("422", "`invalid_input`: all at once")];
        let mut operation = OperationBuilder::new().request_body(Some(RequestBody::new()));
        for (status, text) in own {
            operation = operation.response(status, Response::new(text));
        }
        let mut operation = operation.build();
        complete(&mut operation);
        let description: Vec<_> = operation
            .responses
            .responses
            .iter()
            .map(|(status, answer)| {
                let RefOr::T(answer) = answer else { panic!("{status} is a reference") };
                (status.as_str(), answer.description.as_str(), answer.content.contains_key("application/problem+json"))
            })
            .collect();
        assert_eq!(
            description,
            [
                ("201", "Made", false),
                ("400", "`malformed_json`, `missing_parameter`", true),
                ("413", "`too_large`", true),
                ("422", "`invalid_input`: all at once", true),
                ("503", "`unavailable`", true),
            ]
        );
    }
}
