//! Splits a stream of bytes into chunks of lines; holds at most one chunk and one line in memory.

use super::model::{CHUNK_BYTES, CHUNK_LINES, LINE_BYTES_MAX};

/// Lines that are spooled and applied together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Number of its first line, from 1.
    pub(crate) first_line: i64,
    pub(crate) lines: i32,
    /// The lines, each ended by a line feed; an overlong line is empty here.
    pub(crate) body: Vec<u8>,
    /// Numbers of the lines that were too long.
    pub(crate) overlong: Vec<i64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    line: Vec<u8>,
    overlong: bool,
    chunk: Chunk,
    lines: i64,
}

impl Splitter {
    /// Adds bytes; returns the chunks that they complete.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Vec<Chunk> {
        let mut full = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            full.extend(self.end_line());
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
        full
    }

    /// The last chunk, at the end of the stream.
    pub(crate) fn finish(&mut self) -> Option<Chunk> {
        let last = if self.line.is_empty() && !self.overlong { None } else { self.end_line() };
        last.or_else(|| self.cut())
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.overlong || LINE_BYTES_MAX < self.line.len() + bytes.len() {
            self.overlong = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self) -> Option<Chunk> {
        self.lines += 1;
        if self.chunk.lines == 0 {
            self.chunk.first_line = self.lines;
        }
        self.chunk.lines += 1;
        if std::mem::take(&mut self.overlong) {
            self.chunk.overlong.push(self.lines);
        }
        self.chunk.body.append(&mut self.line);
        self.chunk.body.push(b'\n');
        let full = usize::try_from(self.chunk.lines).is_ok_and(|lines| CHUNK_LINES <= lines);
        if full || CHUNK_BYTES <= self.chunk.body.len() { self.cut() } else { None }
    }

    fn cut(&mut self) -> Option<Chunk> {
        (0 < self.chunk.lines).then(|| std::mem::take(&mut self.chunk))
    }
}
