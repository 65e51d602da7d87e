//! Both APIs on one loopback listener: `/i/<instance>/…` is the Runtime API of one instance, everything else the Invoke API.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::async_invocations::DeadLetters;
use super::pool::InstancePool;
use super::{invoke_api, runtime_api};
use crate::http_server::HttpServer;

#[derive(Debug)]
pub(super) struct Server {
    loopback: HttpServer,
    reaping: AbortHandle,
}

impl Server {
    pub(super) fn start(listener: TcpListener, pool: &Arc<InstancePool>, dead_letters: &Arc<DeadLetters>) -> io::Result<Self> {
        let reaping = tokio::spawn(InstancePool::reap(Arc::downgrade(pool), pool.idle())).abort_handle();
        let (pool, dead_letters) = (pool.clone(), dead_letters.clone());
        let loopback = HttpServer::serve(listener, move |request| answer(pool.clone(), dead_letters.clone(), request))?;
        Ok(Self { loopback, reaping })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    pub(super) fn stop(&self) {
        self.loopback.stop();
        self.reaping.abort();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn answer(pool: Arc<InstancePool>, dead_letters: Arc<DeadLetters>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let instance =
        request.uri().path().strip_prefix("/i/").and_then(|rest| rest.split_once('/')).map(|(number, _)| number.parse::<u64>());
    match instance {
        Some(Ok(number)) => runtime_api::answer(&pool, number, request).await,
        Some(Err(_)) => json(StatusCode::NOT_FOUND, "{}"),
        None => invoke_api::answer(&pool, &dead_letters, request).await,
    }
}

/// Reads the body; `None` if it is too large or incomplete.
pub(super) async fn body(request: Request<Incoming>, most: usize) -> Option<Bytes> {
    Some(Limited::new(request.into_body(), most).collect().await.ok()?.to_bytes())
}

pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
