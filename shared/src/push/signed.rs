//! Signed requests to AWS (`SigV4`) over a pooled HTTP/1.1 client: `@connections`, Invoke and `GetSecretValue` need no SDK of their own.

use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::config;
use crate::error::{Error, Result};
use crate::time::Timestamp;

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// An answer of these services is small.
const MAX_ANSWER: usize = 256 * 1024;

/// Calls AWS as the function's role.
#[derive(Debug)]
pub struct Signed {
    region: String,
    credentials: Credentials,
    http: OnceLock<Http>,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The service's signing name, for example `execute-api`.
    pub service: &'static str,
    /// The HTTP method.
    pub method: http::Method,
    /// The whole URL, its path percent-encoded.
    pub url: String,
    /// Headers besides the signature's own.
    pub headers: &'a [(&'static str, &'static str)],
    /// The body.
    pub body: Bytes,
}

impl Signed {
    /// Prepares to call AWS; nothing is opened yet.
    pub fn new(aws: &config::Aws) -> Self {
        let token = aws.session_token.as_ref().map(|token| token.expose().to_owned());
        let credentials = Credentials::new(&aws.access_key_id, aws.secret_access_key.expose(), token, None, "environment");
        Self { region: aws.region.clone(), credentials, http: OnceLock::new() }
    }

    /// Signs, sends, and waits for the whole answer.
    pub async fn call(&self, call: Call<'_>, now: Timestamp, within: Duration) -> Result<Response<Bytes>> {
        let request = self.request(call, now)?;
        let exchange = async {
            let (parts, body) = self.http().request(request).await.map_err(Error::unavailable)?.into_parts();
            let bytes = Limited::new(body, MAX_ANSWER).collect().await.map_err(Error::unavailable)?.to_bytes();
            Ok(Response::from_parts(parts, bytes))
        };
        tokio::time::timeout(within, exchange).await.map_err(Error::unavailable)?
    }

    fn request(&self, call: Call<'_>, now: Timestamp) -> Result<Request<Full<Bytes>>> {
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(call.service)
            .time(UNIX_EPOCH + Duration::from_millis(now.0.unsigned_abs()))
            .settings(SigningSettings::default())
            .build()
            .map_err(Error::internal)?
            .into();
        let signable =
            SignableRequest::new(call.method.as_str(), &call.url, call.headers.iter().copied(), SignableBody::Bytes(&call.body))
                .map_err(Error::internal)?;
        let (instructions, _) = sign(signable, &params).map_err(Error::internal)?.into_parts();
        let mut request =
            Request::builder().method(call.method).uri(call.url).body(Full::new(call.body)).map_err(Error::internal)?;
        for (name, value) in call.headers {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn http(&self) -> &Http {
        self.http.get_or_init(|| {
            let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                // A frozen instance wakes up with dead sockets; the pool forgets idle ones before that matters.
                .pool_idle_timeout(Duration::from_secs(20))
                .pool_max_idle_per_host(64)
                .build(connector)
        })
    }
}
