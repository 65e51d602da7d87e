//! Images and files: upload, access control, download and deletion.

use bytes::Bytes;
use image::{GenericImageView, ImageFormat};
use local::lambda::Outcome;
use serde_json::{Value, json};

use crate::api::{Api, Header, Person};
use crate::cloud::{World, own_world, world};
use crate::socket::Socket;
use crate::test_images::{
    announce, completed, encoded, fetch, location, new_file, phone_picture, picture, ready, ready_picture, send, sent,
};

async fn post(api: &Api, who: &Person, room: u64, body: Value) -> Value {
    api.post(&format!("/api/rooms/{room}/messages"), who, body).await.is(201)
}

/// The profile without storage usage, which only `GET /api/users/me` returns.
pub(crate) fn without_storage(mut me: Value) -> Value {
    me.as_object_mut().expect("an object").remove("storage");
    me
}

/// Runs the sweep like the schedule.
pub(crate) async fn sweep(world: &World) {
    let done = outcome_of_sweep(world).await;
    assert!(matches!(done, Outcome::Success(_)), "{done:?}");
}

pub(crate) async fn outcome_of_sweep(world: &World) -> Outcome {
    let functions = &world.cloud().stack().functions;
    let (id, _) = functions.iter().find(|(_, function)| function.binary == "sweep").expect("a function");
    world.cloud().lambda().invoke(id, Bytes::from_static(b"{}")).await.expect("it runs")
}

#[tokio::test]
async fn an_image_is_uploaded_and_displayed_without_its_location() {
    let world = world();
    let api = &world.api;
    let (ann, bob) = (api.person("ann").await, api.person("bob").await);
    let room = api.group(&ann, &[&bob]).await;
    let (mut his, mut older) = (Socket::lean(&world.ws, &bob).await, Socket::of(&world.ws, &bob).await);
    let mut hers = Socket::lean(&world.ws, &ann).await;
    let upload = ready(api, &ann, new_file("image", "beach.jpg", "image/jpeg"), &phone_picture(600, 400)).await;
    assert_eq!((&upload["width"], &upload["height"]), (&json!(400), &json!(600)), "turned upright");
    assert!(upload["placeholder"].as_str().is_some_and(|hash| hash.len() > 20), "{upload}");
    let told = hers.wait("upload.ready").await;
    assert_eq!(told["upload_id"], upload["upload_id"]);
    let sent = post(api, &ann, room, json!({ "attachments": [upload["upload_id"]], "client_id": "p-1" })).await;
    assert_eq!((&sent["kind"], &sent["content"]), (&json!("image"), &json!("")));
    let frame = his.wait("message").await;
    let attachment = &frame["attachments"][0];
    for key in ["upload_id", "file_name", "content_type", "size", "width", "height", "placeholder", "url", "thumbnail_url"] {
        assert_eq!(attachment[key], upload[key], "{key}");
    }
    assert_eq!(attachment["kind"], "image");
    assert_eq!(older.wait("message").await["data"]["file_url"], upload["url"]);
    let history = api.get(&format!("/api/rooms/{room}/messages"), &bob).await.is(200);
    assert_eq!(history["items"][0]["attachments"], sent["attachments"]);

    let answer = api.get(attachment["url"].as_str().expect("a URL"), &bob).await;
    assert_eq!(answer.headers["cache-control"], "private, no-cache");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let shown = fetch(&location(&answer), &[]).await;
    assert_eq!(shown.status.as_u16(), 200);
    assert_eq!(shown.headers["content-type"], "image/jpeg");
    assert!(shown.headers["content-disposition"].to_str().is_ok_and(|how| how.starts_with("inline; filename=\"beach.jpg\"")));
    assert!(!shown.body.windows(4).any(|part| part == b"Exif" || part == b"52.5"), "nothing but pixels");
    let decoded = image::load_from_memory(&shown.body).expect("a picture");
    assert_eq!(decoded.dimensions(), (400, 600));
    assert!(decoded.get_pixel(390, 10).0[0] < 40, "what was its left edge is its top");
    let part = fetch(&location(&answer), &[Header("range", "bytes=0-9")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &shown.body[..10]));
    let small = location(&api.get(attachment["thumbnail_url"].as_str().expect("a URL"), &bob).await);
    let small = image::load_from_memory(&fetch(&small, &[]).await.body).expect("a picture");
    assert_eq!(small.dimensions(), (320, 480));
}

#[tokio::test]
async fn a_download_url_is_reusable_and_available_as_a_link() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let upload = ready_picture(api, &ann).await;
    let path = format!("/api/uploads/{upload}/content");
    let bearer = format!("Bearer {}", ann.token);
    let first = api.get(&path, &ann).await;
    let etag = first.headers["etag"].to_str().expect("text").to_owned();
    let again = api.raw(hyper::Method::GET, &path, &[Header("authorization", &bearer), Header("if-none-match", &etag)], "").await;
    // The time window may end between the two requests; then URL and ETag change.
    assert!(again.status.as_u16() == 304 || again.headers["etag"] != etag.as_str(), "{again:?}");
    let link = api.get(&format!("{path}?link=true"), &ann).await.is(200);
    assert_eq!(fetch(link["url"].as_str().expect("a URL"), &[]).await.status.as_u16(), 200);
    assert!(link["expires_at"].is_string());
    api.get(&format!("{path}?link=perhaps"), &ann).await.refused(400, "malformed_query");
}

#[tokio::test]
async fn only_readers_of_a_message_can_download_its_files() {
    let world = world();
    let api = &world.api;
    let (ann, bob, eve) = (api.person("ann").await, api.person("bob").await, api.person("eve").await);
    let room = api.group(&ann, &[&bob]).await;
    let upload = ready_picture(api, &ann).await;
    let paths = ["", "/content", "/thumbnail"].map(|end| format!("/api/uploads/{upload}{end}"));
    for path in &paths {
        api.get(path, &bob).await.refused(404, "upload_not_found");
        api.get_public(path).await.refused(401, "unauthenticated");
    }
    let sent = post(api, &ann, room, json!({ "content": "Look", "attachments": [upload] })).await;
    for path in &paths {
        assert!(api.get(path, &bob).await.status.as_u16() < 400, "{path}");
        api.get(path, &eve).await.refused(404, "upload_not_found");
    }
    api.delete(&format!("/api/rooms/{room}/members/{}", bob.id), &ann).await;
    for path in &paths {
        api.get(path, &bob).await.refused(404, "upload_not_found");
    }
    api.delete(&format!("/api/rooms/{room}/messages/{}?for=all", sent["seq"]), &ann).await.is(204);
    for path in &paths {
        api.get(path, &ann).await.refused(404, "upload_not_found");
    }
}

#[tokio::test]
async fn a_file_is_downloaded_under_its_name_and_never_opened_as_a_page() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let room = api.group(&ann, &[]).await;
    let long = "ä".repeat(251) + ".pdf";
    for (name, declared, bytes, shown, told, in_header) in [
        (
            "تقرير.pdf",
            "application/pdf",
            &b"%PDF-1.7 x"[..],
            "تقرير.pdf",
            "application/pdf",
            "filename*=UTF-8''%D8%AA%D9%82%D8%B1%D9%8A%D8%B1.pdf",
        ),
        (
            "../../page.html",
            "text/html",
            b"<script>alert(1)</script>",
            "page.html",
            "application/octet-stream",
            "filename=\"page.html\"",
        ),
        ("x.svg", "image/svg+xml", b"<svg onload=alert(1)>", "x.svg", "application/octet-stream", "filename=\"x.svg\""),
        (&long, "application/pdf", b"%PDF-1.7 x", &long, "application/pdf", "%C3%A4%C3%A4.pdf"),
        (
            "photo\u{202e}gnp.exe",
            "application/octet-stream",
            b"MZ\x90\0",
            "photognp.exe",
            "application/octet-stream",
            "photognp.exe",
        ),
    ] {
        let upload = ready(api, &ann, new_file("file", name, declared), bytes).await;
        assert_eq!((upload["file_name"].as_str(), upload["content_type"].as_str()), (Some(shown), Some(told)), "{name}");
        let sent = post(api, &ann, room, json!({ "attachments": [upload["upload_id"]] })).await;
        assert_eq!((&sent["kind"], &sent["attachments"][0]["thumbnail_url"]), (&json!("file"), &Value::Null));
        let got = fetch(&location(&api.get(upload["url"].as_str().expect("a URL"), &ann).await), &[]).await;
        assert_eq!(&got.body[..], bytes);
        assert_eq!(got.headers["content-type"], told);
        let how = got.headers["content-disposition"].to_str().expect("ASCII");
        assert!(how.starts_with("attachment; ") && how.contains(in_header), "{how}");
        api.get(&format!("/api/uploads/{}/thumbnail", upload["upload_id"]), &ann).await.refused(404, "upload_not_found");
    }
}

#[tokio::test]
async fn audio_and_video_are_played_where_they_are_shown() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let room = api.group(&ann, &[]).await;
    // 128 kilobits for one second.
    let song = [&b"\xff\xfb\x90\x64"[..], &vec![0; 15_996]].concat();
    let absent = json!({ "purpose": "file", "file_name": "song.mp3", "size": song.len() });
    let ticket = announce(api, &ann, absent).await;
    assert_eq!(send(&ticket, &song).await.status.as_u16(), 200);
    let upload = completed(api, &ann, &ticket["upload_id"]).await.is(200);
    assert_eq!((&upload["content_type"], &upload["duration"]), (&json!("audio/mpeg"), &json!(1000)), "as the bytes show");
    let sent = post(api, &ann, room, json!({ "attachments": [upload["upload_id"]] })).await;
    let attachment = &sent["attachments"][0];
    assert_eq!(
        (&attachment["kind"], &attachment["duration"], &attachment["width"]),
        (&json!("file"), &json!(1000), &Value::Null)
    );
    let url = location(&api.get(attachment["url"].as_str().expect("a URL"), &ann).await);
    let part = fetch(&url, &[Header("range", "bytes=15990-")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &song[15_990..]));
    assert_eq!(part.headers["content-type"], "audio/mpeg");
    assert_eq!(part.headers["content-range"], "bytes 15990-15999/16000");
    assert!(part.headers["content-disposition"].to_str().is_ok_and(|how| how.starts_with("inline; filename=\"song.mp3\"")));
}

#[tokio::test]
async fn an_upload_is_attached_once_and_stays_through_retries_edits_and_forwards() {
    let world = world();
    let api = &world.api;
    let (ann, bob) = (api.person("ann").await, api.person("bob").await);
    let room = api.group(&ann, &[&bob]).await;
    let (one, two) = (ready_picture(api, &ann).await, ready_picture(api, &ann).await);
    let body = json!({ "content": "Look", "attachments": [two, one], "client_id": "c-1" });
    let sent = post(api, &ann, room, body.clone()).await;
    let path = format!("/api/rooms/{room}/messages");
    assert_eq!(api.post(&path, &ann, body).await.is(200), sent, "a retry is the same message");
    let other = json!({ "content": "Look", "attachments": [one], "client_id": "c-1" });
    api.post(&path, &ann, other).await.refused(409, "client_id_reused");
    api.post(&path, &ann, json!({ "attachments": [one] })).await.refused(409, "upload_in_use");
    let place = format!("{path}/{}", sent["seq"]);
    let edited = api.patch(&place, &ann, json!({ "content": "" })).await.is(200);
    assert_eq!((&edited["content"], &edited["attachments"]), (&json!(""), &sent["attachments"]), "words may go, pictures stay");
    let answer = post(api, &bob, room, json!({ "content": "Nice", "reply_to": sent["seq"] })).await;
    assert_eq!((&answer["reply_to"]["kind"], &answer["reply_to"]["preview"]), (&json!("image"), &json!("")));
    let elsewhere = api.group(&bob, &[]).await;
    let passed = post(api, &bob, elsewhere, json!({ "forward": { "room_id": room, "seq": sent["seq"] } })).await;
    assert_eq!(passed["attachments"].as_array().map(Vec::len), Some(2));
    assert_eq!(passed["attachments"][0]["placeholder"], sent["attachments"][0]["placeholder"], "in the same order");
    api.delete(&format!("{place}?for=all"), &ann).await.is(204);
    sweep(&world).await;
    let copy = api.get(passed["attachments"][0]["url"].as_str().expect("a URL"), &bob).await;
    assert_eq!(fetch(&location(&copy), &[]).await.status.as_u16(), 200, "a forward outlives the first message");
    let gone = api.get(&place, &ann).await.is(200);
    assert_eq!((&gone["attachments"], &gone["kind"]), (&json!([]), &json!("text")));
}

#[tokio::test]
async fn the_sweep_deletes_unreachable_objects() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let room = api.group(&ann, &[]).await;
    let upload = ready_picture(api, &ann).await;
    let sent = post(api, &ann, room, json!({ "attachments": [upload] })).await;
    let urls = ["content", "thumbnail"].map(|part| format!("/api/uploads/{upload}/{part}"));
    let urls = [location(&api.get(&urls[0], &ann).await), location(&api.get(&urls[1], &ann).await)];
    sweep(&world).await;
    for url in &urls {
        assert_eq!(fetch(url, &[]).await.status.as_u16(), 200, "what is shown stays");
    }
    api.delete(&format!("/api/rooms/{room}/messages/{}?for=all", sent["seq"]), &ann).await.is(204);
    sweep(&world).await;
    for url in &urls {
        assert_eq!(fetch(url, &[]).await.status.as_u16(), 404);
    }
}

#[tokio::test]
async fn a_face_is_square_comes_in_two_sizes_and_makes_room_for_the_next() {
    let world = world();
    let api = &world.api;
    let (ann, bob) = (api.person("ann").await, api.person("bob").await);
    api.get(&format!("/api/users/{}/avatar", ann.id), &bob).await.refused(404, "avatar_not_found");
    let bytes = encoded(&picture(900, 600), ImageFormat::WebP);
    let face = ready(api, &ann, new_file("avatar", "me.webp", "image/webp"), &bytes).await;
    let me = api.put("/api/users/me/avatar", &ann, json!({ "upload_id": face["upload_id"] })).await.is(200);
    let url = me["avatar_url"].as_str().expect("a URL").to_owned();
    for (query, side) in [("", 512), ("&size=small", 128)] {
        let got = fetch(&location(&api.get(&format!("{url}{query}"), &bob).await), &[]).await;
        assert_eq!(image::load_from_memory(&got.body).expect("a picture").dimensions(), (side, side));
    }
    let room = api.group(&ann, &[&bob]).await;
    let path = format!("/api/rooms/{room}");
    api.patch(&path, &ann, json!({ "avatar_upload_id": face["upload_id"] })).await.refused(409, "upload_in_use");
    let other = ready(api, &ann, new_file("avatar", "room.webp", "image/webp"), &bytes).await;
    let mut his = Socket::lean(&world.ws, &bob).await;
    let changed = api.patch(&path, &ann, json!({ "avatar_upload_id": other["upload_id"] })).await.is(200);
    assert_eq!(his.wait("room").await["room"]["avatar_url"], changed["avatar_url"]);
    let got = api.get(changed["avatar_url"].as_str().expect("a URL"), &bob).await;
    assert_eq!(fetch(&location(&got), &[]).await.status.as_u16(), 200);
    let eve = api.person("eve").await;
    api.get(&format!("{path}/avatar"), &eve).await.refused(404, "room_not_found");
    let members = api.get(&format!("{path}/members"), &bob).await.is(200);
    assert!(members.to_string().contains(&url), "{members}");
    assert_eq!(api.patch(&path, &ann, json!({ "avatar_upload_id": null })).await.is(200)["avatar_url"], Value::Null);
    assert_eq!(api.delete("/api/users/me/avatar", &ann).await.is(200)["avatar_url"], Value::Null);
    api.get(&url, &bob).await.refused(404, "avatar_not_found");
    let picture = ready_picture(api, &ann).await;
    api.put("/api/users/me/avatar", &ann, json!({ "upload_id": picture })).await.refused(422, "invalid_input");
}

#[tokio::test]
async fn without_the_object_store_words_still_flow_and_uploads_say_when_to_come_back() {
    let world = own_world(&[]);
    world.cloud().faults().set_json(&json!({ "s3": { "mode": "refuse" } })).expect("it breaks");
    let api = &world.api;
    let ann = api.person("ann").await;
    let room = api.group(&ann, &[]).await;
    let announced = json!({ "purpose": "image", "file_name": "a.png", "content_type": "image/png", "size": 10 });
    let ticket = api.post("/api/uploads", &ann, announced).await.is(201);
    let refused = completed(api, &ann, &ticket["upload_id"]).await;
    refused.refused(503, "unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    let path = format!("/api/rooms/{room}/messages");
    let dead = json!({ "content": "x", "attachments": [ticket["upload_id"]] });
    api.post(&path, &ann, dead).await.refused(409, "upload_not_ready");
    post(api, &ann, room, json!({ "content": "Words" })).await;
    let ready = api.get_public("/health/ready").await.refused(503, "not_ready");
    assert!(ready["detail"].as_str().is_some_and(|detail| detail.contains("media_bucket")), "{ready}");
}

#[tokio::test]
async fn concurrent_verifications_give_one_result() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let upload = sent(api, &ann, new_file("image", "a.jpg", "image/jpeg"), &phone_picture(800, 600)).await;
    let looks = four_at_once(api, &ann, &upload).await;
    for look in &looks {
        assert_eq!(look, &looks[0]);
    }
    let got = fetch(&location(&api.get(&format!("/api/uploads/{upload}/content"), &ann).await), &[]).await;
    assert_eq!(u64::try_from(got.body.len()).ok(), looks[0]["size"].as_u64());
}

/// Four concurrent completions.
async fn four_at_once(api: &Api, who: &Person, upload: &Value) -> Vec<Value> {
    let (a, b, c, d) = tokio::join!(
        completed(api, who, upload),
        completed(api, who, upload),
        completed(api, who, upload),
        completed(api, who, upload)
    );
    [a, b, c, d].iter().map(|answer| answer.is(200)).collect()
}
