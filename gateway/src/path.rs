//! A path must mean the same to every hop, so paths that decode or normalise to something else are refused.

use bloom_fault::{Code, Fault};

/// Maximum length of a path.
const MAX: usize = 2_048;

/// Refuses empty and dot segments, encoded separators and dots, backslashes and control characters.
pub(crate) fn check(path: &str) -> Result<(), Fault> {
    let refused = |why: &str| Err(Fault::new(Code::Invalid, "path_invalid", format!("The path {why}.")));
    if path.len() > MAX {
        return refused("is longer than 2,048 characters");
    }
    if path.contains("//") {
        return refused("has an empty segment (`//`)");
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return refused("has a dot segment");
    }
    if path.bytes().any(|byte| byte == b'\\' || byte.is_ascii_control()) {
        return refused("has a backslash or a control character");
    }
    for (at, _) in path.match_indices('%') {
        let code = path.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            None => return refused("has a `%` that begins no encoded character"),
            Some(b'/' | b'\\' | b'.' | b'%' | 0..=0x1f | 0x7f) => {
                return refused("has an encoded slash, backslash, dot, percent or control character");
            }
            Some(_) => {}
        }
    }
    Ok(())
}
