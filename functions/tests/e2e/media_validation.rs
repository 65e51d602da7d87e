//! Uploads that differ from their announcement, misused URLs, and every order of an upload's steps.

use image::ImageFormat;
use serde_json::{Value, json};

use crate::cloud::{Variable, own_world, world};
use crate::socket::Socket;
use crate::test_images::{
    announce, completed, encoded, fetch, location, new_file, phone_picture, picture, png_bomb, ready, ready_picture, send,
    send_as, sent,
};

#[tokio::test]
async fn a_lie_is_rejected_with_its_reason_and_gone() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let png = encoded(&picture(64, 64), ImageFormat::Png);
    let jpeg = phone_picture(64, 64);
    let truncated = &png[..png.len() / 2];
    // The last scan, 200 times more.
    let scan = jpeg.windows(2).rposition(|pair| pair == b"\xff\xda").expect("a scan");
    let (whole, end) = jpeg.split_at(jpeg.len() - 2);
    let scans = [whole, &jpeg[scan..jpeg.len() - 2].repeat(200), end].concat();
    let gif_script = b"GIF89a/*\0\0\0*/=alert(1);".to_vec();
    for (what, bytes, reason) in [
        (
            new_file("image", "a.png", "image/png"),
            &b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..],
            "type_mismatch",
        ),
        (new_file("image", "a.png", "image/png"), b"<!doctype html><script>alert(1)</script>", "type_mismatch"),
        (new_file("image", "a.png", "image/png"), b"MZ\x90\0\x03", "type_mismatch"),
        (new_file("image", "a.heic", "image/heic"), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "type_mismatch"),
        (new_file("avatar", "a.tif", "image/tiff"), b"II*\0\x08\0\0\0", "type_mismatch"),
        (new_file("image", "a.png", "image/png"), b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "not_a_picture"),
        (new_file("image", "a.gif", "image/gif"), &gif_script, "not_a_picture"),
        (new_file("image", "a.png", "image/png"), truncated, "not_a_picture"),
        (new_file("image", "a.webp", "image/webp"), b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0", "not_a_picture"),
        (new_file("image", "a.png", "image/png"), &png_bomb(50_000, 50_000), "too_many_pixels"),
        (new_file("image", "a.png", "image/png"), &png_bomb(16_000, 16_000), "too_many_pixels"),
        (new_file("image", "a.png", "image/png"), &png_bomb(30_000, 30_000), "too_many_pixels"),
        (new_file("avatar", "a.png", "image/png"), &png_bomb(50_000, 1), "too_many_pixels"),
        (new_file("image", "a.jpg", "image/jpeg"), &scans, "too_complex"),
    ] {
        let upload = sent(api, &ann, what, bytes).await;
        for _ in 0..2 {
            let refused = completed(api, &ann, &upload).await.refused(422, "invalid_input");
            assert_eq!(refused["errors"][0]["code"], reason, "{what:?} {refused}");
        }
        let known = api.get(&format!("/api/uploads/{upload}"), &ann).await.is(200);
        assert_eq!((&known["state"], &known["reason"]), (&json!("rejected"), &json!(reason)));
        api.get(&format!("/api/uploads/{upload}/content"), &ann).await.refused(409, "upload_not_ready");
    }
}

#[tokio::test]
async fn a_file_that_lies_is_taken_and_only_saved() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    for (name, declared, bytes) in [
        ("a.pdf", "application/pdf", &b"PK\x03\x04"[..]),
        ("a.txt", "text/plain", b"MZ\x90\0"),
        ("a.txt", "text/plain", b"<!doctype html><script>alert(1)</script>"),
        ("a.png", "image/png", b"<svg onload=alert(1)>"),
        ("a.mp4", "video/mp4", b"<html>"),
        ("a.mp3", "audio/mpeg", b"\xff\xfb<script>alert(1)</script>"),
    ] {
        let upload = ready(api, &ann, new_file("file", name, declared), bytes).await;
        assert_eq!(upload["content_type"], "application/octet-stream", "{name}");
        let got = fetch(&location(&api.get(upload["url"].as_str().expect("a URL"), &ann).await), &[]).await;
        assert_eq!(&got.body[..], bytes, "{name}");
        assert_eq!(got.headers["content-type"], "application/octet-stream", "{name}");
        assert!(got.headers["content-disposition"].to_str().is_ok_and(|how| how.starts_with("attachment; ")), "{name}");
    }
}

#[tokio::test]
async fn a_picture_is_what_its_bytes_are_whatever_it_is_called() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let whole = picture(64, 48);
    let (png, jpeg, gif, webp) = (
        encoded(&whole, ImageFormat::Png),
        encoded(&whole, ImageFormat::Jpeg),
        encoded(&whole, ImageFormat::Gif),
        encoded(&whole, ImageFormat::WebP),
    );
    for (name, declared, bytes, shown, content_type) in [
        ("a.jpg", "image/jpeg", &webp, "a.jpg", "image/jpeg"),
        ("a.jpg", "image/jpeg", &png, "a.png", "image/png"),
        ("a.jpg", "image/jpeg", &gif, "a.gif", "image/gif"),
        ("a.png", "image/png", &jpeg, "a.jpg", "image/jpeg"),
        ("a.jpg", "image/jpg", &jpeg, "a.jpg", "image/jpeg"),
        ("a.jfif", "image/pjpeg", &jpeg, "a.jfif", "image/jpeg"),
        ("a.png", "image/x-png", &png, "a.png", "image/png"),
        ("a.heic", "image/heic", &jpeg, "a.jpg", "image/jpeg"),
        ("a.gif", "IMAGE/GIF; x=1", &png, "a.png", "image/png"),
        ("a.webp", "application/octet-stream", &png, "a.png", "image/png"),
        ("Screenshot 12.34", "", &jpeg, "Screenshot 12.34.jpg", "image/jpeg"),
    ] {
        for purpose in ["image", "avatar"] {
            let upload = sent(api, &ann, new_file(purpose, name, declared), bytes).await;
            let ready = completed(api, &ann, &upload).await.is(200);
            if purpose == "image" {
                assert_eq!(
                    (&ready["file_name"], &ready["content_type"]),
                    (&json!(shown), &json!(content_type)),
                    "{name} {declared}"
                );
                assert_eq!((&ready["width"], &ready["height"]), (&json!(64), &json!(48)), "{name} {declared}");
            }
        }
    }
}

#[tokio::test]
async fn listed_types_are_refused_by_name_and_by_bytes() {
    let world = own_world(&[Variable("UPLOAD_REFUSED_TYPES", "programs, application/zip")]);
    let api = &world.api;
    let ann = api.person("ann").await;
    let new = |name: &str, declared: &str| json!({ "purpose": "file", "file_name": name, "content_type": declared, "size": 4 });
    for (name, declared) in [("a.exe", ""), ("a", "application/x-msdownload"), ("a", "application/x-zip-compressed")] {
        let refused = api.post("/api/uploads", &ann, new(name, declared)).await.refused(422, "invalid_input");
        assert_eq!(
            (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
            (&json!("content_type"), &json!("type_refused"))
        );
    }
    for bytes in [&b"MZ\x90\0"[..], b"PK\x03\x04", b"#!/b"] {
        let upload = sent(api, &ann, new_file("file", "a.png", "image/png"), bytes).await;
        let refused = completed(api, &ann, &upload).await.refused(422, "invalid_input");
        assert_eq!(refused["errors"][0]["code"], "type_refused", "{refused}");
        let known = api.get(&format!("/api/uploads/{upload}"), &ann).await.is(200);
        assert_eq!((&known["state"], &known["reason"]), (&json!("rejected"), &json!("type_refused")));
    }
    ready(api, &ann, new_file("file", "a.txt", "text/plain"), b"MZ is a mark").await;
}

#[tokio::test]
async fn a_picture_sent_as_a_file_loses_its_location_and_nothing_else() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    // One directory with a maker and a location, whose own directory has a latitude of 52 degrees.
    let tiff = [
        &b"II*\0\x08\0\0\0\x02\0"[..],
        b"\x0f\x01\x02\0\x04\0\0\0Mak\0",
        b"\x25\x88\x04\0\x01\0\0\0\x26\0\0\0\0\0\0\0",
        b"\x01\0\x02\0\x05\0\x01\0\0\0\x38\0\0\0\0\0\0\0",
        b"\x34\0\0\0\x01\0\0\0pixels",
    ]
    .concat();
    let after = [&tiff[..38], &[0; 26], b"pixels"].concat();
    let jpeg = encoded(&picture(64, 48), ImageFormat::Jpeg);
    let in_jpeg = |exif: &[u8]| {
        let exif = [&b"Exif\0\0"[..], exif].concat();
        let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
    };
    let in_webp = |exif: &[u8]| [&b"RIFF\x52\0\0\0WEBPEXIF\x46\0\0\0"[..], exif].concat();
    for (name, content_type, before, after) in [
        ("a.tif", "image/tiff", tiff.clone(), after.clone()),
        ("a.dng", "application/octet-stream", tiff.clone(), after.clone()),
        ("a.jpg", "image/jpeg", in_jpeg(&tiff), in_jpeg(&after)),
        ("a.webp", "image/webp", in_webp(&tiff), in_webp(&after)),
        ("without a location.jpg", "image/jpeg", jpeg.clone(), jpeg.clone()),
    ] {
        let upload = sent(api, &ann, new_file("file", name, content_type), &before).await;
        let ready = completed(api, &ann, &upload).await.is(200);
        assert_eq!(ready["size"], before.len(), "{name}");
        let got = fetch(&location(&api.get(&format!("/api/uploads/{upload}/content"), &ann).await), &[]).await;
        assert!(got.body == after, "{name}: {:?}", got.body);
    }
}

#[tokio::test]
async fn a_picture_that_is_something_else_besides_is_only_a_picture_afterwards() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let script = b"<script>alert(document.domain)</script>";
    for (format, content_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::WebP, "image/webp"),
    ] {
        let both = [&encoded(&picture(64, 64), format)[..], script, b"PK\x03\x04"].concat();
        let upload = sent(api, &ann, new_file("image", "both", content_type), &both).await;
        completed(api, &ann, &upload).await.is(200);
        let got = fetch(&location(&api.get(&format!("/api/uploads/{upload}/content"), &ann).await), &[]).await;
        assert!(!got.body.windows(script.len()).any(|part| part == script), "{content_type}");
        image::load_from_memory(&got.body).expect("a picture");
    }
}

#[tokio::test]
async fn a_url_is_good_for_its_own_bytes_alone() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let png = encoded(&picture(64, 64), ImageFormat::Png);
    let new = json!({ "purpose": "image", "file_name": "a.png", "content_type": "image/png", "size": png.len() });
    let (ticket, other) = (announce(api, &ann, new.clone()).await, announce(api, &ann, new).await);
    let url = ticket["url"].as_str().expect("a URL");
    let refused = async |url: &str, content_type: &str, bytes: &[u8]| {
        let status = send_as(url, content_type, bytes).await.status;
        assert!(status.is_client_error(), "{status}");
    };
    refused(url, "image/png", &png[1..]).await;
    refused(url, "image/png", &[&png[..], b"x"].concat()).await;
    refused(url, "text/html", &png).await;
    refused(&url.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"), "image/png", &png).await;
    let key = |ticket: &Value| format!("pending/{}", ticket["upload_id"]);
    refused(&url.replace(&key(&ticket), &key(&other)), "image/png", &png).await;
    refused(&url.replace(&key(&ticket), &format!("uploads/{}/1", ticket["upload_id"])), "image/png", &png).await;
    assert!(fetch(url, &[]).await.status.is_client_error(), "it is for sending only");
    completed(api, &ann, &ticket["upload_id"]).await.refused(409, "upload_missing");
    assert_eq!(send(&ticket, &png).await.status.as_u16(), 200);
    completed(api, &ann, &ticket["upload_id"]).await.is(200);
}

#[tokio::test]
async fn bytes_sent_after_verification_change_nothing() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let (first, second) = (b"BM what was looked at".to_vec(), b"BM what came too late".to_vec());
    let new = json!({ "purpose": "file", "file_name": "a.bmp", "content_type": "image/bmp", "size": first.len() });
    let ticket = announce(api, &ann, new).await;
    send(&ticket, &first).await;
    let ready = completed(api, &ann, &ticket["upload_id"]).await.is(200);
    assert_eq!(send(&ticket, &second).await.status.as_u16(), 200, "the URL still takes bytes");
    assert_eq!(completed(api, &ann, &ticket["upload_id"]).await.is(200), ready);
    let got = fetch(&location(&api.get(ready["url"].as_str().expect("a URL"), &ann).await), &[]).await;
    assert!(got.body == first, "and shows the ones that were looked at");
}

#[tokio::test]
async fn an_upload_is_its_owners_until_it_is_attached() {
    let world = world();
    let api = &world.api;
    let (ann, eve) = (api.person("ann").await, api.person("eve").await);
    let room = api.group(&eve, &[]).await;
    let path = format!("/api/rooms/{room}/messages");
    let picture = ready_picture(api, &ann).await;
    completed(api, &eve, &picture).await.refused(404, "upload_not_found");
    api.post(&path, &eve, json!({ "attachments": [picture] })).await.refused(404, "upload_not_found");
    api.put("/api/users/me/avatar", &eve, json!({ "upload_id": picture })).await.refused(404, "upload_not_found");
    api.patch(&format!("/api/rooms/{room}"), &eve, json!({ "avatar_upload_id": picture })).await.refused(404, "upload_not_found");
    let mut socket = Socket::of(&world.ws, &eve).await;
    let hers = format!("/api/uploads/{picture}/content");
    let frame = json!({ "type": "message", "data": { "room_id": room, "content": "Mine", "file_url": hers } });
    assert_eq!(socket.ask(frame).await["code"], "upload_not_found");
    let foreign = json!({ "type": "message", "data": { "room_id": room, "content": "See", "file_url": "https://cloudinary.com/file.jpg" } });
    socket.send(&foreign).await;
    assert_eq!(socket.wait("message").await["content"], "See\nhttps://cloudinary.com/file.jpg");
    let own = ready_picture(api, &eve).await;
    let frame = json!({ "type": "message", "data": { "room_id": room, "content": "Mine", "file_url": format!("/api/uploads/{own}/content") } });
    socket.send(&frame).await;
    let told = socket.wait("message").await;
    assert_eq!((&told["attachments"][0]["upload_id"], &told["kind"]), (&own, &json!("image")));
}

#[tokio::test]
async fn invalid_uploads_are_refused_with_the_field() {
    let world = world();
    let api = &world.api;
    let ann = api.person("ann").await;
    let room = api.group(&ann, &[]).await;
    let good = json!({ "purpose": "image", "file_name": "a.png", "content_type": "image/png", "size": 10 });
    for (key, value, field) in [
        ("purpose", json!("virus"), "purpose"),
        ("file_name", json!(""), "file_name"),
        ("file_name", json!("x".repeat(256)), "file_name"),
        ("content_type", json!("image/svg+xml"), "content_type"),
        ("content_type", json!("text/html"), "content_type"),
        ("content_type", json!("video/mp4"), "content_type"),
        ("content_type", json!("image/png\r\nx-evil: 1"), "content_type"),
        ("size", json!(0), "size"),
        ("size", json!(-1), "size"),
        ("size", json!(20 * 1024 * 1024 + 1), "size"),
        ("size", json!(u64::MAX), "size"),
        ("size", json!("large"), "size"),
    ] {
        let mut body = good.clone();
        body[key] = value;
        let refused = api.post("/api/uploads", &ann, body).await.refused(422, "invalid_input");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let path = format!("/api/rooms/{room}/messages");
    let picture = ready_picture(api, &ann).await;
    let ticket = announce(api, &ann, good).await;
    for (attachments, status, code) in [
        (json!([picture, picture]), 422, "invalid_input"),
        (json!((1..=11).collect::<Vec<_>>()), 422, "invalid_input"),
        (json!(["x"]), 422, "invalid_input"),
        (json!({}), 422, "invalid_input"),
        (json!([999_999_999]), 404, "upload_not_found"),
        (json!([picture, 999_999_999]), 404, "upload_not_found"),
        (json!([picture, ticket["upload_id"]]), 409, "upload_not_ready"),
    ] {
        api.post(&path, &ann, json!({ "content": "x", "attachments": attachments })).await.refused(status, code);
    }
    let forward = json!({ "attachments": [picture], "forward": { "room_id": room, "seq": 1 } });
    api.post(&path, &ann, forward).await.refused(422, "invalid_input");
    api.post(&path, &ann, json!({ "attachments": [picture], "content": "\0" })).await.refused(422, "invalid_input");
    let sent = api.post(&path, &ann, json!({ "attachments": [picture] })).await.is(201);
    assert_eq!(sent["attachments"][0]["upload_id"], picture, "what was refused before used nothing up");
    for path in ["/api/uploads/0", "/api/uploads/x/content", "/api/uploads/..%2f..%2fetc/thumbnail"] {
        api.get(path, &ann).await.refused(422, "invalid_input");
    }
    api.get("/api/uploads/999999999", &ann).await.refused(404, "upload_not_found");
}
