//! Content security policies of the documentation pages, and whether the pages exist. Readers try requests in their consoles, so pages may connect to
//! this API, its socket and its bucket, and to nothing else.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use shared::error::Error;

use super::State;

/// In the local cloud everything runs on ports of this machine, which has two names.
const LOOPBACK: &str = "ws://localhost:* ws://127.0.0.1:* http://localhost:* http://127.0.0.1:*";

/// The content security policies of this deployment.
#[derive(Clone, Debug)]
pub(super) struct Policies {
    pages: HeaderValue,
    swagger: HeaderValue,
}

impl Policies {
    /// Builds the policies from the URLs of socket and bucket; `local` is the local cloud.
    pub(super) fn of(socket: &str, bucket: &str, local: bool) -> Self {
        let mut places = vec!["'self'".to_owned()];
        places.extend([socket, bucket].into_iter().filter_map(origin));
        places.extend(local.then(|| LOOPBACK.to_owned()));
        let connect = places.join(" ");
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self {
            // No inline scripts, no inline styles, no other hosts.
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

    /// The policy of the documentation pages.
    pub(super) fn pages(&self) -> (HeaderName, HeaderValue) {
        (header::CONTENT_SECURITY_POLICY, self.pages.clone())
    }

    /// The policy of Swagger UI, which uses inline styles.
    pub(super) fn swagger(&self) -> (HeaderName, HeaderValue) {
        (header::CONTENT_SECURITY_POLICY, self.swagger.clone())
    }
}

/// Extracts the policies; without documentation the route does not exist.
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
    fn pages_may_call_only_this_deployment() {
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
    fn examples_work_in_the_console_of_local_pages() {
        let policies = Policies::of("ws://127.0.0.1:8081/ws", "http://127.0.0.1:7070/media", true);
        for place in ["'self'", "ws://127.0.0.1:8081", "http://127.0.0.1:7070", "ws://localhost:*", "http://127.0.0.1:*"] {
            assert!([&policies.pages, &policies.swagger].iter().all(|policy| connections(policy).contains(&place)), "{place}");
        }
    }
}
