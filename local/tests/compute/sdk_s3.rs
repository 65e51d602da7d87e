//! The SDK for Rust uses a bucket as on AWS: objects, ranges, conditions, presigned URLs, multipart uploads, and names that try to escape the folder.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aws_sdk_s3 as s3;
use http::{Method, Request, Response};
use local::cloud::Cloud;
use s3::Client;
use s3::config::retry::RetryConfig;
use s3::config::{BehaviorVersion, Credentials, Region};
use s3::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use s3::presigning::{PresignedRequest, PresigningConfig};
use s3::primitives::ByteStream;
use s3::types::{CompletedMultipartUpload, CompletedPart, MetadataDirective};

use crate::http_client::send;
use crate::sdk::{cloud, credentials};

fn client(cloud: &Cloud, credentials: Credentials) -> Client {
    let config = s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .force_path_style(true)
        .endpoint_url(cloud.s3_endpoint())
        .build();
    Client::from_conf(config)
}

fn bucket(cloud: &Cloud) -> String {
    cloud.stack().buckets.values().next().unwrap().name.clone()
}

async fn read(stream: ByteStream) -> Vec<u8> {
    stream.collect().await.unwrap().to_vec()
}

/// Sends a presigned request as a browser would.
async fn fetch(presigned: &PresignedRequest, more: &[(&str, &str)], body: &'static str) -> Response<bytes::Bytes> {
    let url: http::Uri = presigned.uri().parse().unwrap();
    let to: SocketAddr = url.authority().unwrap().as_str().parse().unwrap();
    let method: Method = presigned.method().parse().unwrap();
    let mut request = Request::builder().method(method).uri(url.path_and_query().unwrap().as_str());
    for (name, value) in presigned.headers().chain(more.iter().copied()) {
        request = request.header(name, value);
    }
    send(to, request, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_keeps_reads_copies_lists_and_deletes_objects() {
    let cloud = cloud().await;
    let (client, bucket) = (client(&cloud, credentials()), bucket(&cloud));
    let put = client.put_object().bucket(&bucket).key("a/\u{fc} +1.txt").content_type("text/plain").metadata("who", "ann");
    let put = put.body(ByteStream::from_static(b"0123456789")).send().await.unwrap();

    let head = client.head_object().bucket(&bucket).key("a/\u{fc} +1.txt").send().await.unwrap();
    assert_eq!((head.content_length(), head.content_type(), head.e_tag()), (Some(10), Some("text/plain"), put.e_tag()));
    assert_eq!(head.metadata().unwrap()["who"], "ann");
    let got = client.get_object().bucket(&bucket).key("a/\u{fc} +1.txt").range("bytes=2-4").send().await.unwrap();
    assert_eq!(got.content_range(), Some("bytes 2-4/10"));
    assert_eq!(read(got.body).await, b"234");
    let same = client.get_object().bucket(&bucket).key("a/\u{fc} +1.txt").if_match(put.e_tag().unwrap()).send().await.unwrap();
    assert_eq!(read(same.body).await, b"0123456789");
    let other = client.get_object().bucket(&bucket).key("a/\u{fc} +1.txt").if_match("\"0\"").send().await.unwrap_err();
    assert_eq!(other.raw_response().unwrap().status().as_u16(), 412);

    let copy = client.copy_object().bucket(&bucket).key("b.txt").copy_source(format!("{bucket}/a/%C3%BC%20%2B1.txt"));
    let copy = copy.metadata_directive(MetadataDirective::Replace).content_type("text/csv").send().await;
    assert_eq!(copy.unwrap().copy_object_result().unwrap().e_tag(), put.e_tag());
    let copied = client.get_object().bucket(&bucket).key("b.txt").send().await.unwrap();
    assert_eq!(copied.content_type(), Some("text/csv"));
    assert_eq!(read(copied.body).await, b"0123456789");

    let listed = client.list_objects_v2().bucket(&bucket).prefix("a/").send().await.unwrap();
    assert_eq!(listed.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["a/\u{fc} +1.txt"]);
    client.delete_object().bucket(&bucket).key("a/\u{fc} +1.txt").send().await.unwrap();
    client.delete_object().bucket(&bucket).key("a/\u{fc} +1.txt").send().await.expect("what is gone may be deleted again");

    let gone = client.get_object().bucket(&bucket).key("a/\u{fc} +1.txt").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_no_such_key(), "{}", DisplayErrorContext(&gone));
    let gone = client.head_object().bucket(&bucket).key("nothing").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_not_found(), "{}", DisplayErrorContext(&gone));
    let nowhere = client.put_object().bucket("no-such-bucket").key("a").send().await.unwrap_err();
    assert_eq!(nowhere.as_service_error().unwrap().code(), Some("NoSuchBucket"), "{}", DisplayErrorContext(&nowhere));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_sends_large_objects_in_parts() {
    let cloud = cloud().await;
    let (client, bucket) = (client(&cloud, credentials()), bucket(&cloud));
    let begun = client.create_multipart_upload().bucket(&bucket).key("large").content_type("video/mp4").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, part) in [(1, vec![b'a'; 5 << 20]), (2, vec![b'b'; 3])] {
        let sent = client.upload_part().bucket(&bucket).key("large").upload_id(id).part_number(number).body(part.into());
        let etag = sent.send().await.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let whole = client.complete_multipart_upload().bucket(&bucket).key("large").upload_id(id).multipart_upload(all);
    whole.send().await.unwrap();
    let end = client.get_object().bucket(&bucket).key("large").range("bytes=-5").send().await.unwrap();
    assert_eq!(end.content_range(), Some("bytes 5242878-5242882/5242883"));
    assert_eq!(read(end.body).await, b"aabbb");

    // Part copies, if the source is unchanged.
    let etag = client.head_object().bucket(&bucket).key("large").send().await.unwrap().e_tag.unwrap();
    let begun =
        client.create_multipart_upload().bucket(&bucket).key("twice").content_disposition("attachment").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let source = format!("{bucket}/large");
    let part = |number: i32, range: &str| {
        let part = client.upload_part_copy().bucket(&bucket).key("twice").upload_id(id).part_number(number);
        part.copy_source(&source).copy_source_range(range)
    };
    let stale = part(1, "bytes=0-5242879").copy_source_if_match("\"0123456789abcdef0123456789abcdef\"").send().await.unwrap_err();
    assert_eq!(stale.as_service_error().unwrap().code(), Some("PreconditionFailed"), "{}", DisplayErrorContext(&stale));
    let mut parts = Vec::new();
    for (number, range) in [(1, "bytes=0-5242879"), (2, "bytes=5242880-5242882")] {
        let copied = part(number, range).copy_source_if_match(&etag).send().await.unwrap();
        let etag = copied.copy_part_result.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let whole = client.complete_multipart_upload().bucket(&bucket).key("twice").upload_id(id).multipart_upload(all);
    whole.send().await.unwrap();
    let end = client.get_object().bucket(&bucket).key("twice").range("bytes=-5").send().await.unwrap();
    assert_eq!((end.content_range(), end.content_disposition()), (Some("bytes 5242878-5242882/5242883"), Some("attachment")));
    assert_eq!(read(end.body).await, b"aabbb");

    let begun = client.create_multipart_upload().bucket(&bucket).key("never").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    client.abort_multipart_upload().bucket(&bucket).key("never").upload_id(id).send().await.unwrap();
    let late = client.upload_part().bucket(&bucket).key("never").upload_id(id).part_number(1).body(vec![1].into());
    let late = late.send().await.unwrap_err();
    assert!(late.raw_response().unwrap().status().is_client_error(), "{}", DisplayErrorContext(&late));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_presigned_url_is_good_for_what_was_signed_and_for_its_time() {
    let cloud = cloud().await;
    let (mine, bucket) = (client(&cloud, credentials()), bucket(&cloud));
    let day = || PresigningConfig::expires_in(Duration::from_hours(1)).unwrap();
    let put = mine.put_object().bucket(&bucket).key("p.txt").content_type("text/plain").presigned(day()).await.unwrap();
    let page = [("origin", "https://chat.example")];
    let sent = fetch(&put, &page, "hello").await;
    assert_eq!(sent.status(), 200, "{:?}", sent.body());
    assert_eq!(sent.headers()["access-control-allow-origin"], "https://chat.example");
    let get = mine.get_object().bucket(&bucket).key("p.txt").presigned(day()).await.unwrap();
    let got = fetch(&get, &[], "").await;
    assert_eq!((got.status().as_u16(), &got.body()[..]), (200, &b"hello"[..]));
    assert_eq!(got.headers()["content-type"], "text/plain");

    let refused = async |what: &str, url: PresignedRequest, code: &str| {
        let answer = fetch(&url, &[], "").await;
        let told = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(answer.status() == 403 && told.contains(&format!("<Code>{code}</Code>")), "{what}: {} {told}", answer.status());
    };
    let hours_ago = SystemTime::now() - Duration::from_hours(2);
    let over = PresigningConfig::builder().start_time(hours_ago).expires_in(Duration::from_hours(1)).build().unwrap();
    refused("expired", mine.get_object().bucket(&bucket).key("p.txt").presigned(over).await.unwrap(), "AccessDenied").await;
    let stranger = client(&cloud, Credentials::new(local::credentials::ACCESS_KEY, "guessed", None, None, "test"));
    let theirs = stranger.get_object().bucket(&bucket).key("p.txt").presigned(day()).await.unwrap();
    refused("another secret", theirs, "SignatureDoesNotMatch").await;

    let plain = stranger.get_object().bucket(&bucket).key("p.txt").send().await.unwrap_err();
    assert_eq!(plain.as_service_error().unwrap().code(), Some("SignatureDoesNotMatch"), "{}", DisplayErrorContext(&plain));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_leads_out_of_its_bucket() {
    let cloud = cloud().await;
    let (client, bucket) = (client(&cloud, credentials()), bucket(&cloud));
    for key in ["../outside", "../../outside", "a/../../outside", "/outside", "..", "a/..", "a//b", "a\0b"] {
        let put = client.put_object().bucket(&bucket).key(key).body(ByteStream::from_static(b"x")).send().await.unwrap_err();
        assert_eq!(put.as_service_error().unwrap().code(), Some("InvalidURI"), "{key:?}: {}", DisplayErrorContext(&put));
        let got = client.get_object().bucket(&bucket).key(key).send().await.unwrap_err();
        assert_eq!(got.as_service_error().unwrap().code(), Some("InvalidURI"), "{key:?}: {}", DisplayErrorContext(&got));
        let copy = client.copy_object().bucket(&bucket).key("copy").copy_source(format!("{bucket}/{key}")).send().await;
        assert!(copy.is_err(), "{key:?}");
    }
    // These are valid names.
    for key in ["%2e%2e/outside", "..\\outside", "..."] {
        client.put_object().bucket(&bucket).key(key).body(ByteStream::from_static(b"x")).send().await.unwrap();
        let listed = client.list_objects_v2().bucket(&bucket).send().await.unwrap();
        assert!(listed.contents().iter().any(|object| object.key() == Some(key)), "{key:?}");
    }
    cloud.stop().await;
}
