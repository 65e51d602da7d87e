//! What pages of the documentation may load and call, and whether there are any. Readers try what the pages teach in their consoles, so the
//! pages may call what they teach: this API, its socket and its bucket, and nobody else's.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use shared::error::Error;

use super::State;

/// On a developer's machine everything is at ports of this one, and a page may come by either of its names.
const LOOPBACK: &str = "ws://localhost:* ws://127.0.0.1:* http://localhost:* http://127.0.0.1:*";

/// The policies of this deployment's pages.
#[derive(Clone, Debug)]
pub(super) struct Policies {
    pages: HeaderValue,
    swagger: HeaderValue,
}

impl Policies {
    /// With the socket's URL, the bucket's, and whether this is the local cloud.
    pub(super) fn of(socket: &str, bucket: &str, local: bool) -> Self {
        let mut places = vec!["'self'".to_owned()];
        places.extend([socket, bucket].into_iter().filter_map(origin));
        places.extend(local.then(|| LOOPBACK.to_owned()));
        let connect = places.join(" ");
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self {
            // No inline code, no inline style, nothing from another host.
            pages: value(format!(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
            )),
            swagger: value(format!(
                "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; connect-src {connect}; \
                 frame-ancestors 'none'; base-uri 'none'"
            )),
        }
    }

    /// Of the pages for people who write clients.
    pub(super) fn pages(&self) -> (HeaderName, HeaderValue) {
        (header::CONTENT_SECURITY_POLICY, self.pages.clone())
    }

    /// Of Swagger UI, which styles itself.
    pub(super) fn swagger(&self) -> (HeaderName, HeaderValue) {
        (header::CONTENT_SECURITY_POLICY, self.swagger.clone())
    }
}

/// Where it may be shown, a handler gets the policies; where not, its route is one that never was.
impl FromRequestParts<Arc<State>> for Policies {
    type Rejection = Error;

    async fn from_request_parts(_: &mut Parts, state: &Arc<State>) -> Result<Self, Error> {
        state.policies.clone().ok_or(Error::NotFound("route_not_found"))
    }
}

fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(policy: &HeaderValue) -> Vec<&str> {
        let text = policy.to_str().unwrap_or_default();
        let given = text.split("; ").find_map(|part| part.strip_prefix("connect-src ")).unwrap_or_default();
        given.split(' ').collect()
    }

    #[test]
    fn pages_may_call_this_deployment_and_nobody_elses() {
        let (socket, bucket) =
            ("wss://abc.execute-api.eu-central-1.amazonaws.com/ws", "https://media.s3.eu-central-1.amazonaws.com");
        let policies = Policies::of(socket, bucket, false);
        let expected = ["'self'", "wss://abc.execute-api.eu-central-1.amazonaws.com", bucket];
        for policy in [&policies.pages, &policies.swagger] {
            assert_eq!(connections(policy), expected);
            assert!(!policy.to_str().unwrap_or_default().contains('*'), "{policy:?}");
        }
    }

    #[test]
    fn what_the_pages_teach_may_be_tried_in_their_consoles_on_ones_own_machine() {
        let policies = Policies::of("ws://127.0.0.1:8081/ws", "http://127.0.0.1:7070/media", true);
        for place in ["'self'", "ws://127.0.0.1:8081", "http://127.0.0.1:7070", "ws://localhost:*", "http://127.0.0.1:*"] {
            assert!([&policies.pages, &policies.swagger].iter().all(|policy| connections(policy).contains(&place)), "{place}");
        }
    }
}
