//! Requests through the distribution of the web client. API Gateway sees CloudFront's address on them; the client's is in `X-Forwarded-For`, which
//! anyone can send. Only the distribution knows the secret that makes it believable.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::Request;
use http::{HeaderMap, HeaderValue};

use crate::config::Secret;
use crate::edge::extract::RequestInfo;

/// The header with the secret. The distribution of template.yaml adds it to every request for the HTTP API, in place of a viewer's own.
pub const PROOF: &str = "x-conchat-edge";

/// Recognizes requests of the distribution, if there is one.
#[derive(Debug, Default)]
pub struct Distribution {
    secret: Option<Secret>,
}

impl Distribution {
    pub const fn new(secret: Option<Secret>) -> Self {
        Self { secret }
    }

    /// Attributes a request of the distribution to its client instead of CloudFront. Removes the secret from every request.
    pub fn attribute(&self, request: &mut Request) {
        let Some(proof) = request.headers_mut().remove(PROOF) else { return };
        let Some(secret) = &self.secret else { return };
        if verify_slices_are_equal(secret.expose().trim().as_bytes(), proof.as_bytes()).is_err() {
            return;
        }
        let mut info = RequestInfo::of(request.extensions());
        if let Some(client) = client_address(request.headers(), &info.ip) {
            info.ip = client.to_string();
        }
        request.extensions_mut().insert(info);
    }
}

/// The address that CloudFront appended. What precedes it came from the client; API Gateway appends the address that it sees, `peer`.
fn client_address(headers: &HeaderMap, peer: &str) -> Option<IpAddr> {
    // Of what the client sent, any bytes may precede.
    let lines: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes).collect();
    let addresses = lines.join(&b',');
    let address = |text: &[u8]| str::from_utf8(text).ok()?.trim().parse().ok().map(|ip: IpAddr| ip.to_canonical());
    let mut newest_first = addresses.rsplit(|byte| *byte == b',').map(address);
    let last = newest_first.next()??;
    if last.to_string() == peer { newest_first.next()? } else { Some(last) }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use lambda_http::request::RequestContext;
    use serde_json::json;

    use super::*;

    const CLOUDFRONT: &str = "130.176.1.2";

    /// The address to which a request counts; `forwarded` is the header as a function gets it.
    fn counted(distribution: &Distribution, proof: Option<&str>, forwarded: &[&str]) -> String {
        let context = json!({
            "routeKey": "POST /api/auth/login", "accountId": "0", "stage": "$default", "requestId": "R=", "apiId": "a",
            "domainName": "localhost", "timeEpoch": 1,
            "http": {"method": "POST", "path": "/api/auth/login", "protocol": "HTTP/1.1", "sourceIp": CLOUDFRONT, "userAgent": "x"},
        });
        let mut request = Request::builder().uri("/api/auth/login");
        for line in forwarded {
            request = request.header("x-forwarded-for", *line);
        }
        if let Some(proof) = proof {
            request = request.header(PROOF, proof);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let context = serde_json::from_value(context).unwrap_or_else(|error| panic!("{error}"));
        request.extensions_mut().insert(RequestContext::ApiGatewayV2(context));
        distribution.attribute(&mut request);
        assert!(!request.headers().contains_key(PROOF), "the secret goes no further");
        RequestInfo::of(request.extensions()).ip
    }

    #[test]
    fn a_request_of_the_distribution_counts_for_its_client() {
        let distribution = Distribution::new(Some(Secret::new("a-secret\n")));
        for (forwarded, client) in [
            ("203.0.113.7, 130.176.1.2", "203.0.113.7"),
            // Without the address that API Gateway appends.
            ("203.0.113.7", "203.0.113.7"),
            // The client sent addresses of its own.
            ("198.51.100.1, 130.176.1.2, 203.0.113.7,130.176.1.2", "203.0.113.7"),
            ("2001:DB8:0:0::7, 130.176.1.2", "2001:db8::7"),
            ("::ffff:203.0.113.7, 130.176.1.2", "203.0.113.7"),
            // Without a valid address the peer counts.
            ("unknown, 130.176.1.2", CLOUDFRONT),
            ("130.176.1.2", CLOUDFRONT),
            ("", CLOUDFRONT),
        ] {
            assert_eq!(counted(&distribution, Some("a-secret"), &[forwarded]), client, "{forwarded}");
        }
        assert_eq!(counted(&distribution, Some("a-secret"), &["198.51.100.1", "203.0.113.7, 130.176.1.2"]), "203.0.113.7");
        assert_eq!(counted(&distribution, Some("a-secret"), &[]), CLOUDFRONT);
        for sent in ["\u{e9}, 203.0.113.7, 130.176.1.2", "\u{1f40d},203.0.113.7"] {
            assert_eq!(counted(&distribution, Some("a-secret"), &[sent]), "203.0.113.7", "{sent}");
        }
        assert_eq!(counted(&distribution, Some("a-secret"), &["\u{e9}", "203.0.113.7, 130.176.1.2"]), "203.0.113.7");
    }

    #[test]
    fn without_the_secret_headers_change_nothing() {
        let distribution = Distribution::new(Some(Secret::new("a-secret")));
        for proof in [None, Some(""), Some("a-secre"), Some("a-secret2"), Some("A-SECRET"), Some("a-secret,a-secret")] {
            assert_eq!(counted(&distribution, proof, &["203.0.113.7, 130.176.1.2"]), CLOUDFRONT, "{proof:?}");
        }
        for proof in ["", "a-secret"] {
            assert_eq!(counted(&Distribution::default(), Some(proof), &["203.0.113.7, 130.176.1.2"]), CLOUDFRONT, "{proof:?}");
        }
    }
}
