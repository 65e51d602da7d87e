//! Extractors: the typed inputs of handlers. Every rejection is a [`crate::error::Error`].

use std::net::IpAddr;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use lambda_http::request::RequestContext;
use serde::de::DeserializeOwned;

use crate::edge::json_body::JsonBody;
use crate::error::Error;
use crate::time::Timestamp;

/// Lambda accepts 6 MB; bodies of this API are small.
const MAX_BODY: usize = 256 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where and when a request came from.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The client's address as API Gateway saw it, or as a proven [`crate::edge::distribution`] did, in canonical form; headers cannot forge it.
    pub ip: String,
    /// API Gateway's request id; errors quote it.
    pub request_id: String,
    /// When the request arrived. The whole request uses this time.
    pub now: Timestamp,
}

impl RequestInfo {
    /// Reads the request context of an HTTP API.
    pub fn of(extensions: &Extensions) -> Self {
        if let Some(known) = extensions.get::<Self>() {
            return known.clone();
        }
        let (ip, request_id) = match extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => (context.http.source_ip.clone(), context.request_id.clone()),
            _ => (None, None),
        };
        let ip = ip.map_or_else(String::new, |ip| ip.parse::<IpAddr>().map_or(ip, |address| address.to_canonical().to_string()));
        Self { ip, request_id: request_id.unwrap_or_default(), now: Timestamp::now() }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let origin = Self::of(&parts.extensions);
        parts.extensions.insert(origin.clone());
        Ok(origin)
    }
}

/// The access token of the `Authorization` header, with or without `Bearer`.
#[derive(Clone)]
pub struct Credential(pub String);

impl<S: Sync> FromRequestParts<S> for Credential {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(value), None) => {
                bearer(value).map(|token| Self(token.to_owned())).ok_or(Error::Unauthenticated("unauthenticated"))
            }
            _ => Err(Error::Unauthenticated("unauthenticated")),
        }
    }
}

/// Returns the token of an `Authorization` header: bare, or after `Bearer` in any case.
pub fn bearer(value: &str) -> Option<&str> {
    let value = value.trim();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => return None,
        None if value.eq_ignore_ascii_case("bearer") => return None,
        None => value,
    };
    (!token.is_empty() && !token.contains([' ', ','])).then_some(token)
}

pub struct Body<T>(pub T);

impl<T: JsonBody, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let bytes = bytes(request).await?;
        T::from_json(&bytes).map(Self)
    }
}

/// An optional JSON body.
pub struct MaybeBody<T>(pub T);

impl<T: JsonBody + Default, S: Sync> FromRequest<S> for MaybeBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let bytes = bytes(request).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { T::from_json(&bytes).map(Self) }
    }
}

/// A JSON body, with the idempotency data of requests that have an `Idempotency-Key` header.
pub struct KeyedBody<T>(pub T, pub Option<IdempotentRequest>);

/// The same with an optional body.
pub struct MaybeKeyedBody<T>(pub T, pub Option<IdempotentRequest>);

/// A request that its client can repeat safely.
pub struct IdempotentRequest {
    pub route: String,
    /// The client's idempotency key.
    pub key: String,
    pub body: Bytes,
}

impl<T: JsonBody, S: Sync> FromRequest<S> for KeyedBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let (body, idempotent) = read_keyed(request).await?;
        Ok(Self(T::from_json(&body)?, idempotent))
    }
}

impl<T: JsonBody + Default, S: Sync> FromRequest<S> for MaybeKeyedBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let (body, idempotent) = read_keyed(request).await?;
        Ok(Self(if body.is_empty() { T::default() } else { T::from_json(&body)? }, idempotent))
    }
}

async fn read_keyed(request: Request) -> Result<(Bytes, Option<IdempotentRequest>), Error> {
    let route = format!("{} {}", request.method(), request.uri().path());
    let key = idempotency_key(request.headers()).map(|key| key.map(str::to_owned))?;
    let body = bytes(request).await?;
    Ok((body.clone(), key.map(|key| IdempotentRequest { route, key, body })))
}

/// The value of the `Idempotency-Key` header.
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        idempotency_key(&parts.headers).map(|key| Self(key.map(str::to_owned)))
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let key = headers.get("idempotency-key").map(HeaderValue::to_str).transpose();
    key.map_err(|_| Error::invalid("idempotency-key", "invalid", "must have 1 to 255 visible ASCII characters"))
}

/// Reads the body, without the mark that some programs put before UTF-8.
async fn bytes(request: Request) -> Result<Bytes, Error> {
    let body = http_body_util::Limited::new(request.into_body(), MAX_BODY);
    let bytes = body.collect().await.map_err(|_| Error::TooLarge)?.to_bytes();
    Ok(if bytes.starts_with(BYTE_ORDER_MARK) { bytes.slice(BYTE_ORDER_MARK.len()..) } else { bytes })
}

pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection| path_error(&rejection))
    }
}

pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| query_error(&rejection))
    }
}

/// Names the parameter and the expected type, not the value.
fn path_error(rejection: &PathRejection) -> Error {
    let PathRejection::FailedToDeserializePathParams(failure) = rejection else {
        return Error::invalid("path", "invalid", "must be as the route says");
    };
    match failure.kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            let detail = if expected_type.starts_with('u') {
                "must be a whole number".into()
            } else {
                format!("must be a {expected_type}")
            };
            Error::invalid(key, "invalid", detail)
        }
        ErrorKind::DeserializeError { key, message, .. } => Error::invalid(key, "invalid", message),
        _ => Error::invalid("path", "invalid", "must be as the route says"),
    }
}

fn query_error(rejection: &QueryRejection) -> Error {
    let text = rejection.body_text();
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
    let detail = match text.split_once(": ") {
        Some((parameter, why)) if !parameter.contains(' ') => {
            let why = why.find("expected ").map_or("must be as the route says", |at| &why[at..]);
            format!("{parameter}: {why}")
        }
        _ => text.to_owned(),
    };
    Error::Malformed("malformed_query", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_bare_or_after_bearer() {
        for value in ["t.o.k", "Bearer t.o.k", "bearer  t.o.k", " Bearer t.o.k "] {
            assert_eq!(bearer(value), Some("t.o.k"), "{value}");
        }
        for value in ["", "Bearer", "Bearer ", "Basic dTpw", "a b c", "x,y"] {
            assert_eq!(bearer(value), None, "{value}");
        }
    }
}
