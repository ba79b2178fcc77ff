//! `Bloom-Version`: the date of the API that the caller was written for.

use bloom_fault::{Code, Fault};
use http::{HeaderMap, HeaderValue};

/// Every version that is served, newest last. There is one shape so far; a change that breaks adds a date here and a
/// transformation beside it, never a second handler.
pub(crate) const VERSIONS: &[&str] = &["2026-11-01"];
const HEADER: &str = "bloom-version";

/// The version asked for, else the newest; unknown ones are refused with the list.
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
