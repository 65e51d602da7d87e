//! Limits per address behind the web client's distribution: its requests come from CloudFront, and only its word on the client's address counts.

use hyper::Method;
use local::mysql::{MySql, MySqlOptions};
use serde_json::{Value, json};
use shared::edge::distribution::PROOF;

use crate::api::{Answer, Api, Header};
use crate::cloud::{Variable, own_world};
use crate::fake_aws::play;

const SECRET: &str = "what-only-the-distribution-knows";

/// A failing login, as the functions get it from the distribution or from someone who imitates it.
async fn login(api: &Api, name: &str, forwarded: &str, proof: Option<&str>) -> Answer {
    let mut headers = vec![Header("content-type", "application/json"), Header("x-forwarded-for", forwarded)];
    headers.extend(proof.map(|proof| Header(PROOF, proof)));
    let body = json!({ "username": name, "password": "not the password" }).to_string();
    api.raw(Method::POST, "/api/auth/login", &headers, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_count_for_the_address_that_the_distribution_saw() {
    let server = MySql::temporary(MySqlOptions { durable: false, ..MySqlOptions::default() }).await.expect("MariaDB starts");
    let store = server.url();
    let url = store.clone();
    let endpoint = play(move |asked| {
        let asked: Value = serde_json::from_slice(asked).expect("JSON");
        let arn = asked["SecretId"].as_str().expect("an ARN");
        let text = match arn {
            arn if arn.ends_with(":edge-000000") => SECRET,
            arn if arn.contains(":database-") => url.as_str(),
            _ => "k1:a-secret-of-more-than-thirty-two-bytes",
        };
        json!({ "ARN": arn, "SecretString": text }).to_string()
    })
    .await;
    let begin = move || {
        own_world(&[
            Variable("AWS_ENDPOINT_URL_SECRETSMANAGER", &endpoint),
            Variable("DATABASE_URL", &store),
            Variable("EDGE_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:000000000000:secret:edge-000000"),
            Variable("RATE_LOGIN", "2/300"),
        ])
    };
    let world = tokio::task::spawn_blocking(begin).await.expect("a cloud");
    let api = &world.api;

    for (client, name) in [("203.0.113.7", "ann"), ("2001:db8::7", "bob")] {
        for _ in 0..2 {
            login(api, name, client, Some(SECRET)).await.refused(401, "invalid_credentials");
        }
        // Addresses that the client sends itself precede the one that CloudFront appends.
        let invented = format!("198.51.100.1, {client}");
        login(api, name, &invented, Some(SECRET)).await.refused(429, "rate_limited");
    }
    login(api, "ann", "203.0.113.8", Some(SECRET)).await.refused(401, "invalid_credentials");

    // Without the secret, all count for the address that API Gateway saw.
    for (at, proof) in [None, Some("what-only-the-distribution-know")].into_iter().enumerate() {
        login(api, "cleo", &format!("192.0.2.{at}"), proof).await.refused(401, "invalid_credentials");
    }
    for proof in [None, Some("a guess")] {
        login(api, "cleo", "192.0.2.77", proof).await.refused(429, "rate_limited");
    }
}
