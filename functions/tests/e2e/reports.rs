//! Reports: the reported text and image are preserved until the report is closed, whatever the sender does.

use bytes::Bytes;
use local::lambda::Outcome;
use serde_json::{Value, json};

use crate::admin::operator;
use crate::cloud::{World, unlimited_world};
use crate::test_images::{fetch, location, ready_picture};

async fn sweep(world: &World) {
    let swept = world.cloud().lambda().invoke("SweepFunction", Bytes::from("{}")).await.expect("invoked");
    assert!(matches!(swept, Outcome::Success(_)), "{swept:?}");
}

#[tokio::test]
async fn a_reported_picture_is_judged_after_it_was_unsent_and_gone_after_the_judgement() {
    let world = unlimited_world();
    let (api, admin) = (&world.api, operator(&world).await);
    let (owner, writer, reader) = (api.person("owner").await, api.person("writer").await, api.person("reader").await);
    let room = api.group(&owner, &[&writer, &reader]).await;
    let path = format!("/api/rooms/{room}");
    let upload = ready_picture(api, &writer).await;
    let message = json!({ "content": "as it was", "attachments": [upload] });
    let message = api.post(&format!("{path}/messages"), &writer, message).await.is(201);
    let at = format!("{path}/messages/{}", message["seq"]);
    let url = message["attachments"][0]["url"].as_str().expect("a URL").to_owned();
    let before = fetch(&location(&api.get(&url, &reader).await), &[]).await;
    api.post(&format!("{at}/report"), &reader, json!({ "reason": "Look" })).await.is(204);
    api.patch(&at, &writer, json!({ "content": "as it is" })).await.is(200);
    api.delete(&format!("{at}?for=all"), &writer).await.is(204);
    sweep(&world).await;
    api.get(&url, &reader).await.refused(404, "upload_not_found");

    let open = api.get(&format!("{path}/reports"), &owner).await.is(200)["items"][0].clone();
    assert_eq!((&open["content"], &open["kept"]), (&json!("as it was"), &json!(true)));
    assert!(open["deleted_at"].is_string(), "{open}");
    let shown = &open["attachments"][0];
    let (whole, small) = (shown["url"].as_str().expect("a URL"), shown["thumbnail_url"].as_str().expect("a URL"));
    let kept = location(&api.get(whole, &owner).await);
    let seen = fetch(&kept, &[]).await;
    assert_eq!((seen.status.as_u16(), &seen.body), (200, &before.body), "the very picture");
    assert_eq!(fetch(&location(&api.get(small, &admin).await), &[]).await.status.as_u16(), 200);
    let link = api.get(&format!("{whole}?link=true"), &owner).await.is(200);
    assert!(link["url"].as_str().is_some_and(|url| url.starts_with("http")), "{link}");
    let (id, own) = (&open["id"], &shown["upload_id"]);
    let report = format!("/api/reports/{id}");
    let mut told = api.get(&report, &admin).await.is(200);
    assert_eq!(told.as_object_mut().expect("a report").remove("edits"), Some(json!([])), "it had had no other text by then");
    assert_eq!(told, open);
    for who in [&writer, &reader] {
        api.get(&report, who).await.refused(404, "report_not_found");
        api.get(whole, who).await.refused(404, "report_not_found");
    }
    for part in ["", "/content", "/thumbnail"] {
        api.get(&format!("/api/uploads/{own}{part}"), &owner).await.refused(404, "upload_not_found");
    }
    api.get(&format!("{report}/attachments/{upload}"), &owner).await.refused(404, "upload_not_found");
    api.get(&format!("{whole}?size=huge"), &owner).await.refused(400, "malformed_query");

    // The room is deleted; the report stays with the operators until one of them closes it.
    api.delete(&path, &owner).await.is(204);
    sweep(&world).await;
    api.get(&report, &owner).await.refused(404, "report_not_found");
    assert_eq!(fetch(&location(&api.get(whole, &admin).await), &[]).await.status.as_u16(), 200);
    api.post(&format!("/api/admin/reports/{id}/close"), &admin, json!({})).await.is(204);
    for asked in [report.as_str(), whole, small] {
        api.get(asked, &admin).await.refused(404, "report_not_found");
    }
    // The page that starts with this report; other tests close their own.
    let before = id.as_u64().expect("a number") - 1;
    let after = if before == 0 { String::new() } else { format!("&cursor={before}") };
    let closed = api.get(&format!("/api/admin/reports?state=closed&limit=1{after}"), &admin).await.is(200)["items"][0].clone();
    assert_eq!(closed["id"], *id, "it is told that there was one");
    assert_eq!((&closed["content"], &closed["kept"], &closed["attachments"]), (&json!(""), &json!(false), &json!([])));
    sweep(&world).await;
    assert_eq!(fetch(&kept, &[]).await.status.as_u16(), 404, "the bytes are gone");
}

#[tokio::test]
async fn closed_reports_are_not_listed_again() {
    let world = unlimited_world();
    let api = &world.api;
    let (owner, writer) = (api.person("owner").await, api.person("writer").await);
    let room = api.group(&owner, &[&writer]).await;
    let path = format!("/api/rooms/{room}");
    let message = api.post(&format!("{path}/messages"), &writer, json!({ "content": "once" })).await.is(201);
    let report = format!("{path}/messages/{}/report", message["seq"]);
    let again: Vec<_> = (0..8).map(|_| api.post(&report, &owner, json!({}))).collect();
    for answer in futures_util::future::join_all(again).await {
        answer.is(204);
    }
    let open = api.get(&format!("{path}/reports"), &owner).await.is(200);
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1), "{open}");
    let none: Value = api.get("/api/reports/999999999", &owner).await.refused(404, "report_not_found");
    assert_eq!(none["status"], 404);
}
