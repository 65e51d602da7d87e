//! S3 in this process: a folder with a folder for each bucket, signatures verified, and each bucket's CORS rules answered in front of it.

pub(crate) mod buckets;
mod checks;
mod cors;

use std::{collections::BTreeMap, fs, io, net::SocketAddr, path::Path, sync::Arc};

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use s3s::{
    Body,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;

use self::cors::Cors;
use crate::{credentials, loopback::Loopback, stack::Bucket};

/// A running S3.
#[derive(Debug)]
pub struct S3 {
    loopback: Loopback,
}

impl S3 {
    /// Serves the folder. Buckets of the template that are absent are made; others are left alone.
    pub async fn start(folder: &Path, buckets: impl IntoIterator<Item = &Bucket>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut rules = BTreeMap::new();
        for bucket in buckets {
            fs::create_dir_all(folder.join(&bucket.name))?;
            rules.insert(bucket.name.clone(), Cors::new(&bucket.cors_rules));
        }
        let files = FileSystem::new(folder).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(credentials::ACCESS_KEY, credentials::SECRET_KEY));
        let (service, rules, folder) = (builder.build(), Arc::new(rules), Arc::<Path>::from(folder));
        let listener = Loopback::bind().await?;
        let loopback =
            Loopback::serve(listener, move |request| answer(service.clone(), (rules.clone(), folder.clone()), request))?;
        Ok(Self { loopback })
    }

    /// For `AWS_ENDPOINT_URL_S3`; buckets are the first part of the path.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    /// Closes the listener and every connection.
    pub fn stop(&self) {
        self.loopback.stop();
    }
}

type Buckets = (Arc<BTreeMap<String, Cors>>, Arc<Path>);

async fn answer(service: S3Service, (rules, folder): Buckets, request: Request<Incoming>) -> Response<Body> {
    let bucket = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
    let cors = rules.get(bucket);
    if request.method() == http::Method::OPTIONS {
        return cors::preflight(cors, request.headers());
    }
    let allowed = cors.and_then(|cors| cors.allowed(request.method(), request.headers()));
    let wanted = checks::condition(request.method(), request.headers());
    let refusal = match (checks::names(&request, &folder), checks::source(&request)) {
        (None, Some(source)) => checks::changed(&service, source).await,
        (refusal, _) => refusal,
    };
    let answered = match refusal {
        None => service.call(request.map(Body::from)).await.unwrap_or_else(|error| {
            tracing::warn!(?error, "S3 could not answer");
            refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "We encountered an internal error. Please try again.")
        }),
        Some(refusal) => refusal,
    };
    let mut response = checks::matching(answered, wanted.as_deref());
    if let Some(allowed) = allowed {
        response.headers_mut().extend(allowed);
    }
    response
}

/// An error as S3 writes it.
fn refused(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let xml =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
