//! Documentation for client developers, embedded in the binary. Pages load only their own files.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use shared::edge::extract::Path;
use shared::error::Error;

use super::policy::Policies;

const HEADERS: [(HeaderName, &str); 2] = [
    (REFERRER_POLICY, "no-referrer"),
    // Deployments change these files, so they are cached for a few minutes.
    (CACHE_CONTROL, "public, max-age=300"),
];

/// Name, content type and content of each file.
const FILES: [(&str, &str, &str); 7] = [
    ("index.html", HTML, include_str!("pages/index.html")),
    ("socket", HTML, include_str!("pages/socket.html")),
    ("style.css", "text/css; charset=utf-8", include_str!("pages/style.css")),
    ("code.js", SCRIPT, include_str!("pages/code.js")),
    ("socket.js", SCRIPT, include_str!("pages/socket.js")),
    ("icon.svg", "image/svg+xml", include_str!("pages/icon.svg")),
    ("collection.json", "application/json", include_str!("../../shared/collection.json")),
];
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Serves the start page of the documentation.
#[utoipa::path(get, path = "/docs", tag = "system", responses((status = 200, description = "A page.", content_type = "text/html")))]
pub(super) async fn index(policies: Policies) -> Result<Response, Error> {
    file(&policies, "index.html")
}

/// Serves the other pages: `socket` documents every action and frame, `collection.json` contains every request for Postman and Bruno.
#[utoipa::path(
    get, path = "/docs/{file}", tag = "system", params(("file" = String, Path, example = "socket")),
    responses((status = 200, description = "The file."), (status = 404, description = "`route_not_found`"))
)]
pub(super) async fn page(policies: Policies, Path(name): Path<String>) -> Result<Response, Error> {
    file(&policies, &name)
}

fn file(policies: &Policies, name: &str) -> Result<Response, Error> {
    let (_, kind, text) = FILES.iter().find(|(known, ..)| *known == name).ok_or(Error::NotFound("route_not_found"))?;
    Ok(([(CONTENT_TYPE, *kind)], [policies.pages()], HEADERS, *text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_page_refers_to_is_served() {
        let (mut references, policies) = (0, Policies::of("", "", true));
        for (page, _, text) in FILES.iter().filter(|(_, kind, _)| *kind == HTML) {
            for attribute in ["href=\"", "src=\""] {
                for reference in text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
                    references += 1;
                    let known = if let Some(name) = reference.strip_prefix("/docs/") {
                        file(&policies, name.split('#').next().unwrap_or_default()).is_ok()
                    } else {
                        ["/docs", "/swagger/index.html", "/openapi.json", "/asyncapi.json"].contains(&reference)
                            || reference.strip_prefix('#').is_some_and(|id| text.contains(&format!("id=\"{id}\"")))
                    };
                    assert!(known, "{page} refers to {reference}");
                }
            }
            for inline in ["<style", " style=", " onclick=", "javascript:", "<script>"] {
                assert!(!text.contains(inline), "{page} has {inline}, which its policy forbids");
            }
        }
        assert!(references > 20, "{references}");
    }
}
