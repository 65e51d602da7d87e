//! S3 in this process: one folder per bucket, verified signatures, and the buckets' CORS rules.

pub(crate) mod buckets;
mod checks;
mod cors;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;

use self::cors::CorsRules;
use crate::credentials;
use crate::http_server::HttpServer;
use crate::stack::Bucket;

#[derive(Debug)]
pub struct S3 {
    loopback: HttpServer,
}

impl S3 {
    /// Serves the folder. Creates missing buckets of the template and keeps others.
    pub async fn start(folder: &Path, buckets: impl IntoIterator<Item = &Bucket>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut rules = BTreeMap::new();
        for bucket in buckets {
            fs::create_dir_all(folder.join(&bucket.name))?;
            rules.insert(bucket.name.clone(), CorsRules::new(&bucket.cors_rules));
        }
        let files = FileSystem::new(folder).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(credentials::ACCESS_KEY, credentials::SECRET_KEY));
        let (service, buckets) = (builder.build(), Buckets { rules: Arc::new(rules), folder: Arc::from(folder) });
        let listener = HttpServer::bind().await?;
        let loopback = HttpServer::serve(listener, move |request| answer(service.clone(), buckets.clone(), request))?;
        Ok(Self { loopback })
    }

    /// Value of `AWS_ENDPOINT_URL_S3`; URLs are path-style.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    /// Closes the listener and every connection.
    pub fn stop(&self) {
        self.loopback.stop();
    }
}

/// Rules of the buckets by name, and their folder.
#[derive(Clone)]
struct Buckets {
    rules: Arc<BTreeMap<String, CorsRules>>,
    folder: Arc<Path>,
}

async fn answer(service: S3Service, buckets: Buckets, request: Request<Incoming>) -> Response<Body> {
    let Buckets { rules, folder } = buckets;
    let bucket = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
    let cors = rules.get(bucket);
    if request.method() == http::Method::OPTIONS {
        return cors::preflight(cors, request.headers());
    }
    let allowed = cors.and_then(|cors| cors.allowed(request.method(), request.headers()));
    let if_match = checks::if_match_header(request.method(), request.headers());
    let refusal = match (checks::refuse_unsafe_name(&request, &folder), checks::conditional_copy_source(&request)) {
        (None, Some(source)) => checks::check_copy_source(&service, source).await,
        (refusal, _) => refusal,
    };
    let answered = match refusal {
        None => service.call(request.map(Body::from)).await.unwrap_or_else(|error| {
            tracing::warn!(?error, "S3 could not answer");
            refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "We encountered an internal error. Please try again.")
        }),
        Some(refusal) => refusal,
    };
    let mut response = checks::check_if_match(answered, if_match.as_deref());
    if let Some(allowed) = allowed {
        response.headers_mut().extend(allowed);
    }
    response
}

/// An S3 error in XML.
fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
