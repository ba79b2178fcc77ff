//! `Bloom-Version`: the API version, a date, that the client was written for.

use bloom_fault::{Code, Fault};
use http::{HeaderMap, HeaderValue};

/// Every supported version, newest last. There is only one so far; a breaking change adds a date here and a
/// transformation, never a second handler.
pub(crate) const VERSIONS: &[&str] = &["2026-11-01"];
const HEADER: &str = "bloom-version";

/// The requested version, or the newest; an unknown one is refused with the list.
pub(crate) fn negotiate(headers: &HeaderMap) -> Result<HeaderValue, Fault> {
    let newest = VERSIONS[VERSIONS.len() - 1];
    let Some(asked) = headers.get(HEADER) else { return Ok(HeaderValue::from_static(newest)) };
    VERSIONS
        .iter()
        .find(|version| version.as_bytes() == asked.as_bytes())
        .map(|version| HeaderValue::from_static(version))
        .ok_or_else(|| {
            Fault::new(
                Code::Invalid,
                "version_unknown",
                format!(
                    "Bloom-Version names no version of this API. Known are: {}. Leave it out for the newest.",
                    VERSIONS.join(", ")
                ),
            )
        })
}
