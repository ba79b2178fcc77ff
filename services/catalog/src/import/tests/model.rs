//! Chunks, lines and bisection.

use serde_json::json;

use crate::import::bisect::Parts;
use crate::import::line::ImportLine;
use crate::import::model::{CHUNK_LINES, LINE_BYTES_MAX};
use crate::import::splitter::{Chunk, Splitter};

fn split(pieces: &[&[u8]]) -> Vec<Chunk> {
    let mut splitter = Splitter::default();
    let mut chunks: Vec<Chunk> = pieces.iter().flat_map(|piece| splitter.feed(piece)).collect();
    chunks.extend(splitter.finish());
    chunks
}

#[test]
fn chunks_do_not_depend_on_how_bytes_arrive() {
    let text: Vec<u8> = (0..CHUNK_LINES * 2 + 3).flat_map(|nr| format!("line {nr}\n").into_bytes()).collect();
    let whole = split(&[&text]);
    assert_eq!(whole.iter().map(|chunk| chunk.lines).collect::<Vec<_>>(), [500, 500, 3]);
    assert_eq!(whole.iter().map(|chunk| chunk.first_line).collect::<Vec<_>>(), [1, 501, 1_001]);
    for size in [1, 7, 64, 4_096] {
        assert_eq!(split(&text.chunks(size).collect::<Vec<_>>()), whole, "in pieces of {size}");
    }
    let without_end = split(&[&text[..text.len() - 1]]);
    assert_eq!(without_end, whole, "the last line needs no line feed");
    assert_eq!(split(&[b""]), Vec::new());
    assert_eq!(split(&[b"\n\nx"])[0].lines, 3);
}

#[test]
fn an_overlong_line_is_skipped_and_numbered() {
    let mut text = b"{}\n".to_vec();
    text.extend(std::iter::repeat_n(b'x', LINE_BYTES_MAX + 1));
    text.extend_from_slice(b"\n{}\n");
    for size in [1_000, text.len()] {
        let chunks = split(&text.chunks(size).collect::<Vec<_>>());
        assert_eq!(chunks.len(), 1);
        assert_eq!(
            (chunks[0].body.as_slice(), chunks[0].lines, chunks[0].overlong.as_slice()),
            (&b"{}\n\n{}\n"[..], 3, &[2][..])
        );
    }
}

#[test]
fn a_parse_error_has_a_pointer() {
    for (text, pointer, code) in [
        (r#"{"variants":[{"sku":"a","prices":[{"amount":"1","currency":"INR"}]}]}"#, "/variants/0/prices/0/amount", "type"),
        (r#"{"variants":[{"sku":"a","stock":[{"location":"x","on_hand":1.5}]}]}"#, "/variants/0/stock/0/on_hand", "type"),
        (r#"{"colour":"red"}"#, "/colour", "unknown_field"),
        (r#"["a"]"#, "", "type"),
        (r#"{"variants":[["a"]]}"#, "/variants/0", "type"),
        (r#"{"title""#, "", "json_malformed"),
        ("{} {}", "", "json_malformed"),
    ] {
        let violations = ImportLine::parse(text.as_bytes()).unwrap_err();
        assert_eq!(violations.len(), 1, "{text}: {violations:?}");
        assert_eq!((violations[0].pointer.as_str(), violations[0].code.as_str()), (pointer, code), "{text}");
    }
}

#[test]
fn bad_lines_are_found_by_bisection() {
    for bad in [vec![], vec![0], vec![499], vec![3, 250, 251], (0..500).collect()] {
        let (mut parts, mut tries) = (Parts::new(500), 0);
        let (mut good, mut found) = (Vec::new(), Vec::new());
        while let Some(part) = parts.pop() {
            tries += 1;
            if bad.iter().any(|line| part.contains(line)) {
                found.extend(parts.refused(part));
            } else {
                good.extend(part);
            }
        }
        assert_eq!(found, bad);
        assert!(good.is_sorted() && good.len() + found.len() == 500, "every line once, in order");
        assert!(tries <= 1 + bad.len() * 2 * 9, "{tries} tries for {} bad lines", bad.len());
    }
    assert_eq!(Parts::new(0).pop(), None);
}

#[test]
fn serde_and_schema_agree_about_inputs() {
    bloom_testkit::assert_schema_agrees::<ImportLine>([json!({ "external_id": "E", "product_type": "brake", "title": "T",
        "categories": ["Parts/Brakes"], "channels": ["web"], "variants": [{ "sku": "S", "weight_grams": 1,
        "prices": [{ "amount": 1, "currency": "INR" }], "stock": [{ "location": "BLR-1", "on_hand": 1 }] }] })]);
}
