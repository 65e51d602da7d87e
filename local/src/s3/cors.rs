//! A bucket's CORS rules, as S3 applies them: the first rule that matches origin, method and headers decides.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use s3s::Body;
use serde::Deserialize;
use serde_json::Value;

use super::refused;

/// The rules of one bucket.
#[derive(Debug)]
pub(super) struct CorsRules {
    rules: Vec<CorsRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CorsRule {
    allowed_origins: Vec<String>,
    allowed_methods: Vec<String>,
    allowed_headers: Vec<String>,
    exposed_headers: Vec<String>,
    max_age: Option<Value>,
}

impl CorsRules {
    /// Parses `CorsConfiguration.CorsRules`; an invalid rule allows nothing.
    pub(super) fn new(rules: &Value) -> Self {
        let rules = rules.as_array().into_iter().flatten();
        Self { rules: rules.map(|rule| CorsRule::deserialize(rule).unwrap_or_default()).collect() }
    }

    /// CORS headers of the response to a request.
    pub(super) fn allowed(&self, method: &Method, headers: &HeaderMap) -> Option<HeaderMap> {
        let origin = text(headers, &header::ORIGIN)?;
        let rule = self.rules.iter().find(|rule| rule.fits(origin, method.as_str(), ""))?;
        Some(rule.headers(origin))
    }
}

/// The response to a preflight.
pub(super) fn preflight(cors: Option<&CorsRules>, headers: &HeaderMap) -> Response<Body> {
    let Some((origin, method)) = text(headers, &header::ORIGIN).zip(text(headers, &header::ACCESS_CONTROL_REQUEST_METHOD)) else {
        return refused(StatusCode::BAD_REQUEST, "BadRequest", "Insufficient information. Origin request header needed.");
    };
    let requested = text(headers, &header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let Some(cors) = cors.filter(|cors| !cors.rules.is_empty()) else {
        return refused(StatusCode::FORBIDDEN, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.");
    };
    let Some(rule) = cors.rules.iter().find(|rule| rule.fits(origin, method, requested)) else {
        return refused(StatusCode::FORBIDDEN, "AccessForbidden", "CORSResponse: This CORS request is not allowed.");
    };
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = rule.headers(origin);
    if let Ok(value) = HeaderValue::from_str(requested)
        && !requested.is_empty()
    {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, value);
    }
    response
}

impl CorsRule {
    fn fits(&self, origin: &str, method: &str, headers: &str) -> bool {
        let mut requested = headers.split(',').map(str::trim).filter(|name| !name.is_empty());
        self.allowed_origins.iter().any(|pattern| matches(pattern, origin))
            && self.allowed_methods.iter().any(|allowed| allowed == method)
            && requested.all(|name| {
                let name = name.to_ascii_lowercase();
                self.allowed_headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &name))
            })
    }

    fn headers(&self, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if self.allowed_origins.iter().any(|pattern| pattern == "*") {
            set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        set(header::ACCESS_CONTROL_ALLOW_METHODS, &self.allowed_methods.join(", "));
        if !self.exposed_headers.is_empty() {
            set(header::ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed_headers.join(", "));
        }
        if let Some(seconds) = &self.max_age {
            set(header::ACCESS_CONTROL_MAX_AGE, seconds.to_string().trim_matches('"'));
        }
        set(header::VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
        headers
    }
}

/// Matches a pattern with at most one `*`.
fn matches(pattern: &str, value: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == value,
        Some((start, end)) => value.len() >= start.len() + end.len() && value.starts_with(start) && value.ends_with(end),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CorsRules, matches};

    #[test]
    fn a_pattern_has_one_star() {
        assert!(matches("https://*.example.com", "https://chat.example.com"));
        assert!(matches("*", "anything") && matches("x-amz-*", "x-amz-date"));
        assert!(!matches("https://*.example.com", "https://example.org") && !matches("ab*ba", "aba"));
    }

    #[test]
    fn a_rule_that_cannot_be_read_allows_nothing() {
        let cors = CorsRules::new(&json!([{ "AllowedOrigins": "not a list" }]));
        assert!(!cors.rules[0].fits("https://a.example", "GET", ""));
    }
}
