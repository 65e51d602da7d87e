//! The HTTP/1.1 client of AWS calls except posts, including the SDK's: pooled, with embedded root certificates, so that it reads nothing from the
//! system unless `AWS_CA_BUNDLE` or `LOCAL_CA` names a file.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector as Connects, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::config;

pub(crate) type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// `BatchGetItem` returns at most 16 MB, and S3 an image, for which a deployment can allow 50 MB.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A client with a connect timeout. Opens no connection before the first call.
pub(crate) fn client(connect_within: Duration) -> Client {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connect_within));
    let connector = https().https_or_http().enable_http1().wrap_connector(connector);
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        // Lambda freezes instances, which kills sockets; the pool drops idle ones before that matters.
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(64)
        .build(connector)
}

/// TLS that trusts the public authorities, or those of `AWS_CA_BUNDLE` alone, and the local cloud's beside them (`LOCAL_CA`).
pub(crate) fn https() -> HttpsConnectorBuilder<WantsSchemes> {
    HttpsConnectorBuilder::new().with_tls_config(tls())
}

/// The settings of TLS. Copies share the cache of sessions to resume.
pub(crate) fn tls() -> ClientConfig {
    static TLS: OnceLock<ClientConfig> = OnceLock::new();
    let made = TLS.get_or_init(|| {
        let mut authorities = RootCertStore::empty();
        match config::ca_bundle() {
            None => authorities.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(file) => add_authorities(&mut authorities, &file),
        }
        if let Some(file) = config::local_ca() {
            add_authorities(&mut authorities, &file);
        }
        ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth()
    });
    made.clone()
}

/// Adds the authorities in a file; none if it cannot be read, so that no connection trusts others instead.
fn add_authorities(authorities: &mut RootCertStore, file: &str) {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) => {
            let (added, ignored) = authorities.add_parsable_certificates(certificates);
            if added == 0 || ignored > 0 {
                tracing::error!(file, added, ignored, "a file of authorities has certificates that are not usable");
            }
        }
        Err(error) => tracing::error!(file, %error, "a file of authorities cannot be read: none of them is trusted"),
    }
}

/// A client as the SDK takes it. The SDK's own reads the system's certificates at its first call and adds HTTP/2.
pub(crate) fn sdk_client(client: Client) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(client));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(Client);

impl Connects for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = buffered(request).map_err(ConnectorError::user)?;
            let (parts, body) = client.request(request).await.map_err(|error| ConnectorError::io(error.into()))?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(ConnectorError::io)?.to_bytes();
            HttpResponse::try_from(Response::from_parts(parts, SdkBody::from(body)))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Buffers a request: none streams, and the largest is a picture of this backend's own making.
fn buffered(request: HttpRequest) -> Result<Request<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.try_into_http1x()?.into_parts();
    let body = body.bytes().ok_or("a body that streams")?;
    Ok(Request::from_parts(parts, Full::new(Bytes::copy_from_slice(body))))
}
