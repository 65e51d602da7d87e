//! Past members: no response reveals anything that happens in a room after they left.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api, Person};
use crate::cloud::{World, unlimited_world};
use crate::socket::Socket;
use crate::test_images::{encoded, new_file, picture, ready, ready_picture};

/// Part of every text, name and value given after the member left.
const CANARY: &str = "zcanaryz";

/// A room with a past member.
struct Scene {
    owner: Person,
    stayed: Person,
    past: Person,
    room: u64,
    /// Edited once before the end; replies to nothing.
    edited: u64,
    plain: u64,
    mention: u64,
    shown: u64,
    pinned: u64,
    upload: Value,
    report: Value,
    last: u64,
}

impl Scene {
    async fn set(api: &Api) -> Self {
        let (owner, stayed, past) = (api.person("owner").await, api.person("stayed").await, api.person("past").await);
        let room = api.group(&owner, &[&stayed, &past]).await;
        let path = format!("/api/rooms/{room}");
        let face =
            ready(api, &owner, new_file("avatar", "face.png", "image/png"), &encoded(&picture(64, 64), image::ImageFormat::Png))
                .await;
        let change =
            json!({ "topic": "As it was", "avatar_upload_id": face["upload_id"], "settings": { "past_members_read": true } });
        api.patch(&path, &owner, change).await.is(200);
        let say = async |who: &Person, body: Value| {
            let message = api.post(&format!("{path}/messages"), who, body).await.is(201);
            message["seq"].as_u64().expect("a seq")
        };
        let edited = say(&owner, json!({ "content": "alpha first" })).await;
        api.patch(&format!("{path}/messages/{edited}"), &owner, json!({ "content": "alpha words" })).await.is(200);
        let plain = say(&stayed, json!({ "content": "beta words", "reply_to": edited })).await;
        let mention = say(&owner, json!({ "content": format!("gamma for @{}", past.name) })).await;
        let upload = ready_picture(api, &owner).await;
        let shown = say(&owner, json!({ "content": "delta picture", "attachments": [upload] })).await;
        let pinned = say(&past, json!({ "content": "epsilon words", "reply_to": plain })).await;
        api.put(&format!("{path}/messages/{pinned}/pin"), &owner, json!({})).await.is(200);
        for seq in [edited, plain, shown] {
            api.put(&format!("{path}/messages/{seq}/reactions"), &stayed, json!({ "emoji": "👍" })).await.is(200);
        }
        api.post(&format!("{path}/messages/{plain}/report"), &past, json!({ "reason": "x" })).await.is(204);
        let report = api.get(&format!("{path}/reports"), &owner).await.is(200)["items"][0]["id"].clone();
        Self { owner, stayed, past, room, edited, plain, mention, shown, pinned, upload, report, last: pinned }
    }

    async fn end(&self, api: &Api, how: &str) {
        let (path, past) = (format!("/api/rooms/{}", self.room), self.past.id);
        match how {
            "left" => api.post(&format!("{path}/leave"), &self.past, json!({})).await.is(204),
            "removed" => api.delete(&format!("{path}/members/{past}"), &self.owner).await.is(204),
            _ => {
                api.put(&format!("{path}/bans/{past}"), &self.owner, Value::Null).await.is(204);
                api.delete(&format!("{path}/bans/{past}"), &self.owner).await.is(204)
            }
        };
    }

    /// Makes every possible change in a room, except unsending.
    async fn change(&self, api: &Api) {
        let (path, owner) = (format!("/api/rooms/{}", self.room), &self.owner);
        let newcomer = api.person(CANARY).await;
        api.post(&format!("{path}/members"), owner, json!({ "user_ids": [newcomer.id] })).await.is(200);
        for (seq, who) in [(self.edited, owner), (self.plain, &self.stayed), (self.mention, owner), (self.shown, owner)] {
            for time in ["once", "twice"] {
                let text = format!("{CANARY} {time} @{}", newcomer.name);
                api.patch(&format!("{path}/messages/{seq}"), who, json!({ "content": text })).await.is(200);
            }
        }
        for seq in 1..=self.last {
            for emoji in ["👍", "🎉"] {
                api.put(&format!("{path}/messages/{seq}/reactions"), &newcomer, json!({ "emoji": emoji })).await.is(200);
            }
            api.put(&format!("{path}/messages/{seq}/pin"), owner, json!({})).await.is(200);
        }
        api.delete(&format!("{path}/messages/{}/pin", self.pinned), owner).await.is(200);
        api.post(&format!("{path}/messages"), &newcomer, json!({ "content": CANARY, "reply_to": self.plain })).await.is(201);
        let upload = ready_picture(api, owner).await;
        api.post(&format!("{path}/messages"), owner, json!({ "content": CANARY, "attachments": [upload] })).await.is(201);
        api.post(&format!("{path}/messages/{}/report", self.mention), &newcomer, json!({ "reason": CANARY })).await.is(204);
        api.post(&format!("{path}/invites"), owner, json!({})).await.is(201);
        api.put(&format!("{path}/read"), &self.stayed, json!({ "seq": self.last })).await.is(200);
        let face =
            ready(api, owner, new_file("avatar", "face.png", "image/png"), &encoded(&picture(90, 90), image::ImageFormat::Png))
                .await;
        let change = json!({
            "name": format!("{CANARY} name"), "topic": format!("{CANARY} topic"), "avatar_upload_id": face["upload_id"],
            "settings": { "who_writes": "admins", "who_adds": "members", "slow_mode_seconds": 60 },
        });
        api.patch(&path, owner, change).await.is(200);
        api.patch(&format!("{path}/members/{}", self.stayed.id), owner, json!({ "role": "admin" })).await.is(200);
        api.patch(&path, owner, json!({ "archived": true })).await.is(200);
    }

    /// Every reading route of the API document about the room, its messages and their attachments.
    fn asks(&self) -> Vec<String> {
        let document: Value = serde_json::from_str(&functions::openapi::text().expect("a document")).expect("JSON");
        let (room, seqs) = (self.room, 1..=self.last + 1);
        let mut asks = Vec::new();
        let reading = document["paths"].as_object().expect("paths").iter().filter(|(_, item)| item.get("get").is_some());
        for path in reading.map(|(path, _)| path.as_str()).filter(|path| path.starts_with("/api/")) {
            let named = path
                .replace("{room_id}", &room.to_string())
                .replace("{conversationId}", &room.to_string())
                .replace("{upload_id}", &self.upload.to_string())
                .replace("{report_id}", &self.report.to_string());
            match path {
                // Routes about users, not rooms.
                _ if ["/api/users", "/api/user", "/api/auth/", "/api/push/", "/api/friends", "/api/blocks", "/api/admin/"]
                    .iter()
                    .any(|of| path.starts_with(of) && path != "/api/users/me/export") => {}
                "/api/rooms" => asks.extend(["joined", "all"].map(|scope| format!("{named}?scope={scope}"))),
                "/api/messages" => asks.extend(["", "&before=3"].map(|more| format!("{named}?roomId={room}{more}"))),
                "/api/messages/member" => asks.push(format!("{named}?conversationId={room}")),
                "/api/search" => {
                    for q in ["alpha", "first", "words", CANARY, "has:image", "picture"] {
                        asks.extend([String::new(), format!("&room_id={room}")].map(|more| format!("{named}?q={q}{more}")));
                    }
                }
                "/api/rooms/{room_id}/messages" => {
                    asks.extend(
                        ["", "?before=4&limit=2", "?after=1&limit=2", "?around=3&limit=3"].map(|more| format!("{named}{more}")),
                    );
                }
                "/api/rooms/{room_id}/sync" => asks.extend([0, 5].map(|rev| format!("{named}?rev={rev}"))),
                _ if path.contains("{seq}") => {
                    asks.extend(seqs.clone().map(|seq| named.replace("{seq}", &seq.to_string())));
                }
                // Message ids cannot be excluded for certain: their sequence spans all rooms.
                "/api/messages/read/{messageId}" => {}
                _ if named.contains('{') => panic!("how is {path} asked?"),
                _ => asks.push(named),
            }
        }
        assert!(asks.len() > 50, "{asks:?}");
        asks
    }

    /// The past member's responses, without values that differ each time.
    async fn answers(&self, api: &Api) -> BTreeMap<String, String> {
        let mut answers = BTreeMap::new();
        for ask in self.asks() {
            let answer = api.get(&ask, &self.past).await;
            answers.insert(ask, settled(&answer));
        }
        answers
    }
}

/// A response without request id, signatures and time.
fn settled(answer: &Answer) -> String {
    let location = answer.headers.get("location").map(|url| url.to_str().expect("a URL").split('?').next().unwrap_or_default());
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        for name in ["request_id", "cursor", "sessions"] {
            fields.remove(name);
        }
        // Rooms of other tests.
        if let Some(items) = fields.get_mut("items").and_then(Value::as_array_mut) {
            items.retain(|room| room["kind"] != "public");
        }
        if fields.contains_key("items") {
            fields.remove("next");
        }
    }
    format!("{} {location:?} {body}", answer.status)
}

fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let differs = before.iter().filter(|(ask, answer)| after[*ask] != **answer);
    differs.map(|(ask, answer)| format!("{ask}\n  was {answer}\n  is  {}", after[ask])).collect()
}

#[tokio::test]
async fn past_members_learn_nothing_of_later_changes() {
    let world = unlimited_world();
    for how in ["left", "removed", "banned and forgiven"] {
        let scene = Scene::set(&world.api).await;
        let mut socket = Socket::lean(&world.ws, &scene.past).await;
        scene.end(&world.api, how).await;
        socket.wait("room.left").await;
        let before = scene.answers(&world.api).await;
        assert!(before.values().any(|answer| answer.contains("alpha words")), "{how}: the past is there to read");
        assert!(before.values().any(|answer| answer.contains("👍")), "{how}: with its reactions");
        scene.change(&world.api).await;
        let after = scene.answers(&world.api).await;
        let told = differences(&before, &after);
        assert!(told.is_empty(), "{how}:\n{}", told.join("\n"));
        let canary: Vec<_> = after.iter().filter(|(ask, answer)| !ask.contains(CANARY) && answer.contains(CANARY)).collect();
        assert!(canary.is_empty(), "{how}: {canary:?}");
        // The same requests over a socket.
        for (ask, expected) in [
            (json!({ "action": "sync", "room_id": scene.room, "rev": 0 }), "error"),
            (json!({ "action": "ping", "since": 1 }), "pong"),
        ] {
            let answer = socket.ask(ask).await;
            assert_eq!(answer["type"], expected, "{how}: {answer}");
            let rooms = answer["changed"].as_array().into_iter().flatten();
            assert!(
                rooms.into_iter().all(|room| room["room_id"] != scene.room) && !answer.to_string().contains(CANARY),
                "{answer}"
            );
        }
        takes_back(&world, &scene, how, &after).await;
    }
}

#[tokio::test]
async fn a_past_member_forwards_only_readable_messages() {
    let world = unlimited_world();
    let scene = Scene::set(&world.api).await;
    scene.end(&world.api, "removed").await;
    scene.change(&world.api).await;
    let own = world.api.group(&scene.past, &[]).await;
    for (seq, words) in [(scene.edited, "alpha words"), (scene.shown, "delta picture")] {
        let forward = json!({ "forward": { "room_id": scene.room, "seq": seq } });
        let message = world.api.post(&format!("/api/rooms/{own}/messages"), &scene.past, forward).await.is(201);
        assert_eq!((&message["content"], &message["mentions"]), (&json!(words), &json!([])), "{message}");
    }
    let later = json!({ "forward": { "room_id": scene.room, "seq": scene.last + 2 } });
    world.api.post(&format!("/api/rooms/{own}/messages"), &scene.past, later).await.refused(404, "message_not_found");
}

/// Unsending applies to past members, too, and leaves no trace.
async fn takes_back(world: &World, scene: &Scene, how: &str, before: &BTreeMap<String, String>) {
    let (api, path, past) = (&world.api, format!("/api/rooms/{}", scene.room), &scene.past);
    api.patch(&path, &scene.owner, json!({ "archived": false })).await.is(200);
    for seq in [scene.edited, scene.shown] {
        api.delete(&format!("{path}/messages/{seq}?for=all"), &scene.owner).await.is(204);
        for part in ["", "/edits", "/reactions"] {
            api.get(&format!("{path}/messages/{seq}{part}"), past).await.refused(404, "message_not_found");
        }
    }
    let emoji = format!("{path}/messages/{}/reactions?emoji=%F0%9F%91%8D", scene.plain);
    api.raw_as(&scene.stayed, Method::DELETE, &emoji, "").await.is(200);
    for part in ["", "/content", "/thumbnail"] {
        api.get(&format!("/api/uploads/{}{part}", scene.upload), past).await.refused(404, "upload_not_found");
    }
    for (ask, answer) in scene.answers(api).await {
        assert!(
            !answer.contains("deleted_at\":\"") && !answer.contains("alpha") && !answer.contains("delta"),
            "{how}: {ask}: {answer}"
        );
        assert!(ask.contains(CANARY) || !answer.contains(CANARY), "{how}: {ask}: {answer}");
    }
    // Unrelated messages are unchanged.
    for ask in [path.clone(), format!("{path}/messages/{}", scene.mention), format!("{path}/members"), format!("{path}/pins")] {
        assert_eq!(settled(&api.get(&ask, past).await), before[&ask], "{how}: {ask}");
    }
}
