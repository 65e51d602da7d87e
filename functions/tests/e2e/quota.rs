//! Storage quotas through the deployed functions, and files above the size of a single copy.

use serde_json::{Value, json};

use crate::api::{Api, Person};
use crate::cloud::{Variable, own_world, world};
use crate::media::sweep;
use crate::test_images::{announce, completed, fetch, location, new_file, ready, sent};

const MB: u64 = 1 << 20;

async fn storage(api: &Api, who: &Person) -> Value {
    api.get("/api/users/me", who).await.is(200)["storage"].clone()
}

fn file(size: u64) -> Value {
    json!({ "purpose": "file", "file_name": "a.bin", "content_type": "application/octet-stream", "size": size })
}

#[tokio::test]
async fn the_quota_applies_everywhere_and_unsending_frees_it() {
    let world = own_world(&[Variable("QUOTA_MB", "1"), Variable("QUOTA_FILES", "3")]);
    let api = &world.api;
    let (ann, bob) = (api.person("ann").await, api.person("bob").await);
    let room = api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}/messages");
    assert_eq!(storage(api, &ann).await, json!({ "used_bytes": 0, "limit_bytes": MB, "files": 0, "files_limit": 3 }));

    let binary = new_file("file", "a.bin", "application/octet-stream");
    let half = vec![7; 600_000];
    let first = ready(api, &ann, binary, &half).await["upload_id"].clone();
    let refused = api.post("/api/uploads", &ann, file(600_000)).await.refused(409, "quota_exceeded");
    assert_eq!(refused["left"], json!({ "bytes": MB - 600_000, "files": 2 }));
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("0.4 MB and 2 files")), "{refused}");
    for _ in 0..2 {
        announce(api, &ann, file(1)).await;
    }
    let refused = api.post("/api/uploads", &ann, file(1)).await.refused(409, "quota_exceeded");
    assert_eq!(refused["left"]["files"], 0);
    let shown = api.post(&path, &ann, json!({ "attachments": [first] })).await.is(201);
    assert_eq!(storage(api, &ann).await["used_bytes"], 600_002, "attaching takes no room");

    // A forwarded file counts as the forwarder's own.
    let own = ready(api, &bob, binary, &half).await["upload_id"].clone();
    let kept = api.post(&path, &bob, json!({ "attachments": [own] })).await.is(201);
    let forward = json!({ "forward": { "room_id": room, "seq": shown["seq"] } });
    let refused = api.post(&path, &bob, forward.clone()).await.refused(409, "quota_exceeded");
    assert_eq!(refused["left"]["bytes"], MB - 600_000);
    let again = json!({ "forward": { "room_id": room, "seq": kept["seq"] } });
    let twice = api.post(&path, &bob, again).await.is(201);
    assert_eq!(storage(api, &bob).await["used_bytes"], 600_000, "one's own counts once");
    for seq in [&kept["seq"], &twice["seq"]] {
        api.delete(&format!("{path}/{seq}?for=all"), &bob).await.is(204);
    }
    assert_eq!(storage(api, &bob).await["files"], 0);
    api.post(&path, &bob, forward).await.is(201);
    sweep(&world).await;
    assert_eq!(storage(api, &bob).await, json!({ "used_bytes": 600_000, "limit_bytes": MB, "files": 1, "files_limit": 3 }));
    assert_eq!(api.get("/api/user", &bob).await.is(200)["storage"]["files"], 1);
}

#[tokio::test]
async fn a_file_that_is_copied_in_parts_arrives_whole_under_its_name() {
    let api = &world().api;
    let ann = api.person("ann").await;
    let bytes: Vec<u8> = (0..(65 * MB + 3)).map(|at| (at / 4096 % 251) as u8).collect();
    let upload = sent(api, &ann, new_file("file", "Grüße.bin", "application/octet-stream"), &bytes).await;
    let (one, two) = tokio::join!(completed(api, &ann, &upload), completed(api, &ann, &upload));
    assert_eq!(one.is(200), two.is(200));
    let got = fetch(&location(&api.get(&format!("/api/uploads/{upload}/content"), &ann).await), &[]).await;
    assert!(got.body == bytes, "{} bytes", got.body.len());
    let how = got.headers["content-disposition"].to_str().expect("ASCII");
    assert!(how.starts_with("attachment; filename=\"Gr__e.bin\""), "{how}");
}
