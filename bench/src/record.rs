//! Reads the statements that the platform sent from PostgreSQL's log: their parameters, their transactions, and which
//! transactions belong to the same purchase.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use uuid::Uuid;

use crate::Outcome;

/// One recorded statement.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Its text, as an index into [`Recording::texts`].
    pub(crate) text: usize,
    pub(crate) parameters: Vec<Option<Box<str>>>,
    /// Sent as plain text, such as `begin` and `commit`.
    pub(crate) simple: bool,
}

/// Statements that belong together: a transaction, or a read with its tenant setting.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) role: usize,
    /// Positions in the log where it began and ended.
    pub(crate) begin: u64,
    /// An explicit transaction, which lasts until a commit.
    pub(crate) transaction: bool,
    pub(crate) end: u64,
    pub(crate) statements: Vec<Statement>,
    /// Ids in it that were created after the recording began: they link it to earlier units.
    pub(crate) ids: Vec<Uuid>,
}

/// The recorded units, in order of beginning.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) texts: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) units: Vec<Unit>,
}

impl Recording {
    /// Reads a part of the log. Ids created before `since_ms` do not link units: all share products and tenants.
    pub(crate) fn read(log: &Path, from: u64, to: u64, since_ms: u64) -> Outcome<Self> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut text = String::new();
        file.take(to.saturating_sub(from)).read_to_string(&mut text)?;
        Ok(Self::parse(&text, from, since_ms))
    }

    pub(crate) fn parse(log: &str, offset: u64, since_ms: u64) -> Self {
        let mut reader = Reader { since_ms, ..Reader::default() };
        for (at, fields) in (Records { log, at: 0 }) {
            reader.record(offset + at as u64, &fields);
        }
        reader.recording.units.extend(reader.open.into_values());
        reader.recording.units.retain(|unit| !unit.statements.is_empty());
        reader.recording.units.sort_by_key(|unit| unit.begin);
        reader.recording
    }
}

/// Columns of a record of `csvlog`.
const USER: usize = 1;
const SESSION: usize = 5;
const MESSAGE: usize = 13;
const DETAIL: usize = 14;

#[derive(Default)]
struct Reader {
    recording: Recording,
    texts: HashMap<String, usize>,
    roles: HashMap<String, usize>,
    /// The unfinished unit of each session.
    open: HashMap<String, Unit>,
    since_ms: u64,
}

impl Reader {
    fn record(&mut self, at: u64, fields: &[String]) {
        let [Some(user), Some(session), Some(message), Some(detail)] =
            [USER, SESSION, MESSAGE, DETAIL].map(|column| fields.get(column))
        else {
            return;
        };
        // Skip the benchmark's own statements, which it runs as the superuser.
        if !user.starts_with("bloom_") {
            return;
        }
        let (text, simple) = if let Some(text) = message.strip_prefix("statement: ") {
            (text, true)
        } else if let Some((_, text)) = message.strip_prefix("execute ").and_then(|rest| rest.split_once(": ")) {
            (text, false)
        } else {
            return;
        };
        let word = text.trim_start().get(..6).unwrap_or(text).to_lowercase();
        let (begins, ends) = (word.starts_with("begin"), word.starts_with("commit") || word.starts_with("rollba"));
        // The setting of a read with several statements, or within the single statement of a page.
        let tenant = text.starts_with("set bloom.tenant") || text.contains("set_config('bloom.tenant'");
        let within = self.open.get(session).is_some_and(|unit| unit.transaction);
        if begins || (tenant && !within) {
            self.close(session);
        }
        let parameters = if simple { Vec::new() } else { parameters(detail) };
        let mut ids = Vec::new();
        for value in parameters.iter().flatten() {
            ids_in(value, self.since_ms, &mut ids);
        }
        let role = place(&mut self.roles, &mut self.recording.roles, user);
        let statement = Statement { text: place(&mut self.texts, &mut self.recording.texts, text), parameters, simple };
        let fresh = || Unit { role, begin: at, end: at, transaction: begins, statements: Vec::new(), ids: Vec::new() };
        let unit = self.open.entry(session.clone()).or_insert_with(fresh);
        unit.end = at;
        unit.statements.push(statement);
        unit.ids.extend(ids);
        if ends {
            self.close(session);
        }
    }

    fn close(&mut self, session: &str) {
        if let Some(mut unit) = self.open.remove(session) {
            unit.ids.sort_unstable();
            unit.ids.dedup();
            self.recording.units.push(unit);
        }
    }
}

fn place(known: &mut HashMap<String, usize>, all: &mut Vec<String>, text: &str) -> usize {
    if let Some(index) = known.get(text) {
        return *index;
    }
    known.insert(text.to_owned(), all.len());
    all.push(text.to_owned());
    all.len() - 1
}

/// `parameters: $1 = 'it''s', $2 = NULL`
fn parameters(detail: &str) -> Vec<Option<Box<str>>> {
    let mut values = Vec::new();
    let mut rest = detail;
    while let Some((_, after)) = rest.split_once(&format!("${} = ", values.len() + 1)) {
        let Some(quoted) = after.strip_prefix('\'') else {
            values.push(None);
            rest = after;
            continue;
        };
        let mut value = String::new();
        let mut left = quoted;
        loop {
            let Some((part, behind)) = left.split_once('\'') else { return values };
            value.push_str(part);
            left = behind;
            let Some(more) = left.strip_prefix('\'') else { break };
            value.push('\'');
            left = more;
        }
        values.push(Some(value.into()));
        rest = left;
    }
    values
}

/// Every `UUIDv7` in a value that was created at or after this time, as UUID or as typed id.
fn ids_in(value: &str, since_ms: u64, found: &mut Vec<Uuid>) {
    let young = |id: &Uuid| id.get_version_num() == 7 && u64::try_from(id.as_u128() >> 80).is_ok_and(|ms| since_ms <= ms);
    let bytes = value.as_bytes();
    let mut at = 0;
    while at + 26 <= bytes.len() {
        let uuid = || value.get(at..at + 36).filter(|_| bytes[at + 8] == b'-').and_then(|text| Uuid::try_parse(text).ok());
        if let Some(id) = uuid() {
            found.extend(Some(id).filter(young));
            at += 36;
        } else if bytes[at] == b'_'
            && let Some(id) = value.get(at + 1..at + 27).and_then(crockford)
        {
            found.extend(Some(id).filter(young));
            at += 27;
        } else {
            at += 1;
        }
    }
}

/// 26 characters of lower-case Crockford base32.
fn crockford(text: &str) -> Option<Uuid> {
    const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";
    let mut value = 0_u128;
    for letter in text.chars() {
        value = (value << 5) | ALPHABET.find(letter)? as u128;
    }
    Some(Uuid::from_u128(value))
}

/// CSV records: fields may contain commas, quotes and line breaks.
struct Records<'a> {
    log: &'a str,
    at: usize,
}

impl Iterator for Records<'_> {
    type Item = (usize, Vec<String>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let mut fields = vec![String::new()];
        let mut quoted = false;
        let bytes = self.log.as_bytes();
        let mut from = self.at;
        while let Some(byte) = bytes.get(self.at) {
            let special = matches!(byte, b'"') || (!quoted && matches!(byte, b',' | b'\n'));
            self.at += 1;
            if !special {
                continue;
            }
            if let Some(field) = fields.last_mut() {
                field.push_str(&self.log[from..self.at - 1]);
            }
            from = self.at;
            match byte {
                // A doubled quote within quotes is one quote.
                b'"' if quoted && bytes.get(self.at) == Some(&b'"') => self.at += 1,
                b'"' => quoted = !quoted,
                b',' => fields.push(String::new()),
                _ => return Some((start, fields)),
            }
        }
        // A truncated record at the end is ignored.
        None
    }
}
