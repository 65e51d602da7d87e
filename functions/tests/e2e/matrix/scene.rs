//! Fixtures of the matrix: one cast of users, and a room with the relations that their names describe. A room is recreated after a case changed it.

use serde_json::{Value, json};

use crate::api::{Api, PASSWORD, Person};
use crate::friends::befriend;
use crate::test_images::{encoded, new_file, picture, ready, ready_picture, sent};

/// Callers in the order of the table's columns; the first has no credential.
pub(super) const ROLES: [&str; 8] = ["anonymous", "stranger", "invited", "left", "banned", "member", "admin", "owner"];

/// Resources that a room gets only for lines that name them.
pub(super) const NAMED_SELDOM: [&str; 5] = ["{code}", "{report_id}", "{upload_id:attached}", "/avatar", "{user_id:pending}"];
/// An id that never existed.
const ABSENT: &str = "999999999";

/// All users by their relation to the room; `guest` is a passive member.
pub(super) struct Cast(Vec<(&'static str, Person)>);

impl Cast {
    pub(super) async fn new(api: &Api) -> Self {
        let mut people = Vec::new();
        for role in ROLES.into_iter().skip(1).chain(["guest"]) {
            people.push((role, api.person(role).await));
        }
        Self(people)
    }

    /// The user of this name; none for anonymous.
    pub(super) fn get(&self, role: &str) -> Option<&Person> {
        self.0.iter().find(|(known, _)| *known == role).map(|(_, person)| person)
    }

    fn of(&self, role: &str) -> &Person {
        self.get(role).expect("one of the cast")
    }
}

/// Resources by their names in the table.
#[derive(Default)]
pub(super) struct Things(Vec<(String, String)>);

impl Things {
    pub(super) fn add(&mut self, name: &str, value: &Value) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.0.push((format!("{{{name}}}"), value));
    }

    /// The same as a role knows them: codes are guessed by those who did not receive them.
    pub(super) fn as_known_to(&self, role: &str) -> Self {
        let hides = |name: &str| match role {
            "nobody" => true,
            "stranger" | "left" | "banned" => name == "{code}",
            _ => false,
        };
        let known =
            |(name, value): &(String, String)| (name.clone(), if hides(name) { ABSENT.to_owned() } else { value.clone() });
        Self(self.0.iter().map(known).collect())
    }

    /// Whether the resource of this name has this id.
    pub(super) fn is(&self, name: &str, value: &Value) -> bool {
        value.as_u64().is_some_and(|id| self.put_into(&format!("{{{name}}}")) == id.to_string())
    }

    /// Replaces the names in a table line by ids.
    pub(super) fn put_into(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// Creates a room of this kind with the cast, and everything else that the line names.
pub(super) async fn room(api: &Api, cast: &Cast, kind: &str, line: &str) -> Things {
    let owner = cast.of("owner");
    let members: Vec<_> = ["member", "admin", "left", "banned", "guest"].map(|role| cast.of(role).id).into();
    let body = json!({ "name": "Room", "kind": kind, "member_ids": members });
    let room = api.post("/api/rooms", owner, body).await.is(201)["id"].clone();
    let path = format!("/api/rooms/{room}");
    let mut things = Things::default();
    for (role, person) in &cast.0 {
        things.add(&format!("user_id:{role}"), &json!(person.id));
    }
    things.add("token:owner", &json!(owner.token));
    for name in ["room_id", "conversationId"] {
        things.add(name, &room);
    }
    for author in ["member", "owner"] {
        let mut message = json!({ "content": format!("A message of the {author}") });
        if author == "member" && line.contains("{upload_id:kept}") {
            message["attachments"] = json!([ready_picture(api, cast.of(author)).await]);
        }
        let message = api.post(&format!("{path}/messages"), cast.of(author), message).await.is(201);
        things.add(&format!("seq:{author}"), &message["seq"]);
        things.add(&format!("messageId:{author}"), &message["id"]);
        if author == "member" && line.contains("{report_id}") {
            api.post(&format!("{path}/messages/{}/report", message["seq"]), cast.of("guest"), json!({})).await.is(204);
            let reports = api.get(&format!("{path}/reports"), owner).await.is(200);
            things.add("report_id", &reports["items"][0]["id"]);
            things.add("upload_id:kept", &reports["items"][0]["attachments"][0]["upload_id"]);
        }
    }
    if line.contains("{code}") {
        things.add("code", &api.post(&format!("{path}/invites"), owner, json!({})).await.is(201)["code"]);
    }
    if line.contains("{user_id:pending}") {
        let asked = api.person("asked").await;
        api.patch("/api/users/me", &asked, json!({ "settings": { "added_by": "nobody" } })).await.is(200);
        api.post(&format!("{path}/members"), owner, json!({ "user_id": asked.id })).await.is(200);
        things.add("user_id:pending", &json!(asked.id));
    }
    if line.contains("{upload_id:attached}") {
        let upload = ready_picture(api, cast.of("member")).await;
        things.add("upload_id:attached", &upload);
        api.post(&format!("{path}/messages"), cast.of("member"), json!({ "attachments": [upload] })).await.is(201);
    }
    if line.contains("/avatar") {
        let face = avatar(api, owner).await;
        api.patch(&path, owner, json!({ "avatar_upload_id": face })).await.is(200);
    }
    let admin = cast.of("admin").id;
    api.patch(&format!("{path}/members/{admin}"), owner, json!({ "role": "admin" })).await.is(200);
    api.delete(&format!("{path}/members/{}", cast.of("left").id), owner).await.is(204);
    api.put(&format!("{path}/bans/{}", cast.of("banned").id), owner, Value::Null).await.is(204);
    things
}

/// A new user with the resources that the line names.
pub(super) async fn somebody(api: &Api, line: &str) -> (Person, Things) {
    let (oneself, nobody) = (api.person("oneself").await, api.person("nobody").await);
    let mut things = Things::default();
    things.add("user_id:oneself", &json!(oneself.id));
    things.add("user_id:nobody", &json!(nobody.id));
    things.add("password", &json!(PASSWORD));
    let named = |name: &str| line.contains(&format!("{{{name}}}"));
    if named("session_id") {
        things.add("session_id", &api.get("/api/auth/sessions", &oneself).await.is(200)["items"][0]["id"]);
    }
    if named("user_id:friend") {
        befriend(api, &oneself, &nobody).await;
        things.add("user_id:friend", &json!(nobody.id));
    }
    if named("user_id:direct") {
        api.put(&format!("/api/rooms/direct/{}", nobody.id), &oneself, Value::Null).await.is(201);
        things.add("user_id:direct", &json!(nobody.id));
    }
    for (name, asking, asked) in [("user_id:asking", &nobody, &oneself), ("user_id:asked", &oneself, &nobody)] {
        if named(name) {
            api.post("/api/friends/requests", asking, json!({ "user_id": asked.id })).await.is(201);
            things.add(name, &json!(nobody.id));
        }
    }
    if named("upload_id:sent") {
        let bytes = encoded(&picture(30, 20), image::ImageFormat::Png);
        things.add("upload_id:sent", &sent(api, &oneself, new_file("image", "a.png", "image/png"), &bytes).await);
    }
    if named("upload_id:ready") {
        things.add("upload_id:ready", &ready_picture(api, &oneself).await);
    }
    if named("upload_id:avatar") {
        things.add("upload_id:avatar", &avatar(api, &oneself).await);
    }
    if named("user_id:pictured") {
        let face = avatar(api, &oneself).await;
        api.put("/api/users/me/avatar", &oneself, json!({ "upload_id": face })).await.is(200);
        things.add("user_id:pictured", &json!(oneself.id));
    }
    if named("room_id") || named("report_id") {
        let room = api.group(&oneself, &[&nobody]).await;
        let path = format!("/api/rooms/{room}");
        api.post(&format!("{path}/messages"), &nobody, json!({ "content": "Buy" })).await.is(201);
        api.post(&format!("{path}/messages/1/report"), &oneself, json!({})).await.is(204);
        things.add("report_id", &api.get(&format!("{path}/reports"), &oneself).await.is(200)["items"][0]["id"]);
        things.add("room_id", &json!(room));
    }
    (oneself, things)
}

async fn avatar(api: &Api, who: &Person) -> Value {
    let bytes = encoded(&picture(30, 30), image::ImageFormat::Png);
    ready(api, who, new_file("avatar", "face.png", "image/png"), &bytes).await["upload_id"].clone()
}
