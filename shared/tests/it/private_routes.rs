//! Every route that changes something, by how a device that was away learns of it: a new route fails here until it is in a table.

use std::collections::BTreeSet;

/// A change of what only its user sees or sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrivateChange {
    DisplayName,
    About,
    Email,
    PresenceSetting,
    NotificationSetting,
    AddedBySetting,
    SetFace,
    RemoveFace,
    Hide,
    Mute,
    Unmute,
    CloseDirect,
    ReopenDirect,
    Block,
    Unblock,
}

/// Private changes by the route that makes them.
pub(crate) const PRIVATE: &[(&str, &[PrivateChange])] = &[
    (
        "PATCH /api/users/me",
        &[
            PrivateChange::DisplayName,
            PrivateChange::About,
            PrivateChange::Email,
            PrivateChange::PresenceSetting,
            PrivateChange::NotificationSetting,
            PrivateChange::AddedBySetting,
        ],
    ),
    ("PUT /api/users/me/avatar", &[PrivateChange::SetFace]),
    ("DELETE /api/users/me/avatar", &[PrivateChange::RemoveFace]),
    ("DELETE /api/rooms/{room_id}/messages/{seq}", &[PrivateChange::Hide]),
    ("PUT /api/rooms/{room_id}/mute", &[PrivateChange::Mute, PrivateChange::Unmute]),
    ("DELETE /api/rooms/direct/{user_id}", &[PrivateChange::CloseDirect]),
    ("PUT /api/rooms/direct/{user_id}", &[PrivateChange::ReopenDirect]),
    ("PUT /api/blocks/{user_id}", &[PrivateChange::Block]),
    ("DELETE /api/blocks/{user_id}", &[PrivateChange::Unblock]),
];

/// Routes whose changes reach devices that were away in another way.
const OTHERS: &[(&str, &[&str])] = &[
    (
        "the room's rev",
        &[
            "DELETE /api/rooms/{room_id}",
            "PATCH /api/rooms/{room_id}",
            "PUT /api/rooms/{room_id}/bans/{user_id}",
            "DELETE /api/rooms/{room_id}/bans/{user_id}",
            "POST /api/rooms/{room_id}/join",
            "POST /api/rooms/{room_id}/leave",
            "POST /api/rooms/{room_id}/members",
            "DELETE /api/rooms/{room_id}/members/{user_id}",
            "PATCH /api/rooms/{room_id}/members/{user_id}",
            "POST /api/rooms/{room_id}/messages",
            "PATCH /api/rooms/{room_id}/messages/{seq}",
            "PUT /api/rooms/{room_id}/messages/{seq}/pin",
            "DELETE /api/rooms/{room_id}/messages/{seq}/pin",
            "PUT /api/rooms/{room_id}/messages/{seq}/reactions",
            "DELETE /api/rooms/{room_id}/messages/{seq}/reactions",
            "POST /api/rooms",
            "POST /api/rooms/create",
            "POST /api/messages/send",
            "POST /api/participant/{conversationId}",
            "PUT /api/messages/unsent/{messageId}",
            "DELETE /api/admin/rooms/{room_id}",
            "PATCH /api/admin/rooms/{room_id}",
        ],
    ),
    ("the time of the marker", &["PUT /api/rooms/{room_id}/read", "PUT /api/rooms/{room_id}/delivered"]),
    (
        "lists that clients read anew",
        &[
            "POST /api/friends/requests",
            "DELETE /api/friends/requests/{user_id}",
            "POST /api/friends/requests/{user_id}/accept",
            "POST /api/friends/requests/{user_id}/reject",
            "DELETE /api/friends/{user_id}",
            "DELETE /api/rooms/{room_id}/invitation",
            "DELETE /api/rooms/{room_id}/invitations/{user_id}",
            "POST /api/rooms/{room_id}/invites",
            "DELETE /api/rooms/{room_id}/invites/{code}",
            "POST /api/rooms/{room_id}/messages/{seq}/report",
            "POST /api/rooms/{room_id}/reports/{report_id}/close",
            "POST /api/admin/reports/{report_id}/close",
        ],
    ),
    (
        "the session, which is of one device, or its end",
        &[
            "POST /api/auth/login",
            "POST /api/auth/logout",
            "POST /api/auth/logout-all",
            "PUT /api/auth/password",
            "POST /api/auth/refresh",
            "POST /api/auth/register",
            "DELETE /api/auth/sessions/{session_id}",
            "POST /api/auth/ticket",
            "POST /api/login",
            "POST /api/register",
            "POST /api/users/login",
            "POST /api/users/register",
            "PUT /api/push/subscription",
            "DELETE /api/push/subscription",
            "DELETE /api/users/me",
            "DELETE /api/admin/users/{user_id}",
            "POST /api/admin/users/{user_id}/disable",
            "POST /api/admin/users/{user_id}/enable",
            "DELETE /api/admin/users/{user_id}/sessions",
        ],
    ),
    ("the private rev, without a frame", &["PUT /api/admin/users/{user_id}/role"]),
    ("the private rev, by the function of PATCH /api/users/me", &["PUT /api/user", "PUT /api/user/"]),
    (
        "uploads, which a message or an avatar shows",
        &["POST /api/uploads", "DELETE /api/uploads/{upload_id}", "POST /api/uploads/{upload_id}/complete"],
    ),
];

#[test]
fn every_route_that_changes_something_is_in_a_table() {
    let document: serde_json::Value = serde_json::from_str(include_str!("../../openapi.json")).expect("a document");
    let paths = document["paths"].as_object().expect("paths");
    let routes: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().expect("methods").keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .filter(|route| !route.starts_with("GET "))
        .collect();
    let listed = PRIVATE.iter().map(|(route, _)| *route).chain(OTHERS.iter().flat_map(|(_, routes)| routes.iter().copied()));
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    assert_eq!(routes, listed);
}
