//! The API reference: one page that reads `/openapi.json` and loads nothing from elsewhere.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderName, Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::answer::{Body, full};

const PAGE: &str = include_str!("docs.html");

/// The content security policy: the browser may run only the page's own scripts and styles, identified by their
/// digests, and may connect only to this gateway.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let [style, script] = ["style", "script"].map(|element| STANDARD.encode(Sha256::digest(inside(element))));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The page.
pub(crate) fn page() -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(PAGE.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    response
}

/// Redirects a path with a trailing slash to the page, because the page loads the description by a relative path.
pub(crate) fn moved() -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/docs"));
    response
}

/// The content of the page's only element of this name.
fn inside(element: &str) -> &'static str {
    let after = PAGE.split_once(&format!("<{element}>")).map_or("", |(_, after)| after);
    after.split_once(&format!("</{element}>")).map_or("", |(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_in_itself() {
        for element in ["style", "script"] {
            assert_eq!(PAGE.matches(&format!("<{element}")).count(), 1, "one {element}, which the policy names by its digest");
            assert!(!inside(element).is_empty());
        }
        assert_eq!(PAGE.matches("fetch(").count(), 1);
        assert!(PAGE.contains(r#"fetch("openapi.json")"#));
        let addresses = PAGE.replace("xmlns='http://www.w3.org/2000/svg'", "");
        for foreign in ["http://", "https://", " url(", "src=", "@import", "innerHTML", "style=", "onclick"] {
            assert!(!addresses.contains(foreign), "{foreign}: the page would load it from another host");
        }
    }
}
