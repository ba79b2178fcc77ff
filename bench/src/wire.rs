//! A minimal PostgreSQL client that sends what the platform's driver sends: named prepared statements, each bound,
//! executed and synced in one message; responses are read and discarded. Like `pgbench`, it needs almost no CPU.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use bloom_pgdev::Address;

use crate::Outcome;
use crate::cluster::planner;
use crate::record::Statement;

/// One connection.
pub(crate) struct Wire {
    stream: UnixStream,
    /// Statements that this connection has prepared.
    prepared: HashSet<usize>,
    message: Vec<u8>,
    buffer: Vec<u8>,
    filled: usize,
    read: usize,
    /// In a transaction, according to the server's last ready message.
    open: bool,
}

impl Wire {
    /// Connects as a role through the private socket, which needs no password.
    pub(crate) fn connect(address: &Address, role: &str, database: &str, schema: &str) -> Outcome<Self> {
        let path = address.socket_dir.join(format!(".s.PGSQL.{}", address.port));
        let stream = UnixStream::connect(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut wire = Self {
            stream,
            prepared: HashSet::new(),
            message: Vec::new(),
            buffer: vec![0; 64 * 1024],
            filled: 0,
            read: 0,
            open: false,
        };
        let options = format!("-c search_path={schema} {}", planner(role));
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for text in ["user", role, "database", database, "options", &options, "TimeZone", "UTC", "DateStyle", "ISO, MDY", ""] {
            body.extend(text.as_bytes());
            body.push(0);
        }
        wire.message.extend(length(body.len() + 4).to_be_bytes());
        wire.message.extend(body);
        match wire.exchange()? {
            None => Ok(wire),
            Some(refusal) => Err(format!("{role}: {refusal}").into()),
        }
    }

    /// Runs one statement; returns the server's refusal as a value, not as an error.
    pub(crate) fn run(&mut self, statement: &Statement, text: &str) -> Outcome<Option<String>> {
        if statement.simple {
            self.put(b'Q', |body| cstring(body, text));
            return self.exchange();
        }
        let name = format!("s{}", statement.text);
        if self.prepared.insert(statement.text) {
            self.put(b'P', |body| {
                cstring(body, &name);
                cstring(body, text);
                body.extend([0, 0]);
            });
        }
        self.put(b'B', |body| {
            cstring(body, "");
            cstring(body, &name);
            // Parameters as text, results as binary.
            body.extend([0, 0]);
            body.extend(i16::try_from(statement.parameters.len()).unwrap_or_default().to_be_bytes());
            for value in &statement.parameters {
                match value {
                    None => body.extend((-1_i32).to_be_bytes()),
                    Some(value) => {
                        body.extend(length(value.len()).to_be_bytes());
                        body.extend(value.as_bytes());
                    }
                }
            }
            body.extend([0, 1, 0, 1]);
        });
        self.put(b'E', |body| {
            cstring(body, "");
            body.extend([0, 0, 0, 0]);
        });
        self.put(b'S', |_| {});
        let refusal = self.exchange()?;
        if refusal.is_some() {
            // The preparation may have failed.
            self.prepared.remove(&statement.text);
        }
        Ok(refusal)
    }

    /// Rolls back a transaction whose end was not recorded, as the server does when a client disconnects; otherwise its
    /// locks would never be released.
    pub(crate) fn settle(&mut self) -> Outcome {
        if self.open {
            self.put(b'Q', |body| cstring(body, "rollback"));
            self.exchange()?;
        }
        Ok(())
    }

    fn put(&mut self, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
        self.message.push(kind);
        let start = self.message.len();
        self.message.extend([0; 4]);
        fill(&mut self.message);
        let size = length(self.message.len() - start);
        self.message[start..start + 4].copy_from_slice(&size.to_be_bytes());
    }

    /// Sends the buffered messages, and reads until the server is ready.
    fn exchange(&mut self) -> Outcome<Option<String>> {
        self.stream.write_all(&self.message)?;
        self.message.clear();
        let mut refusal = None;
        loop {
            let head = self.take(5)?;
            let size = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
            let body = self.take(size)?;
            match head[0] {
                b'Z' => {
                    self.open = body != *b"I";
                    return Ok(refusal);
                }
                b'E' => refusal = Some(said(&body)),
                b'R' if body != [0; 4] => return Err("the server asks for a password".into()),
                _ => {}
            }
        }
    }

    fn take(&mut self, size: usize) -> Outcome<Vec<u8>> {
        while self.filled - self.read < size {
            if self.read > 0 {
                self.buffer.copy_within(self.read..self.filled, 0);
                self.filled -= self.read;
                self.read = 0;
            }
            if self.buffer.len() < size {
                self.buffer.resize(size, 0);
            }
            let count = self.stream.read(&mut self.buffer[self.filled..])?;
            if count == 0 {
                return Err("the server closed the connection".into());
            }
            self.filled += count;
        }
        let bytes = self.buffer[self.read..self.read + size].to_vec();
        self.read += size;
        Ok(bytes)
    }
}

/// The message of an error response.
fn said(body: &[u8]) -> String {
    let mut fields = body.split(|byte| *byte == 0);
    let message = fields.find_map(|field| field.strip_prefix(b"M")).unwrap_or_default();
    String::from_utf8_lossy(message).into_owned()
}

fn cstring(body: &mut Vec<u8>, text: &str) {
    body.extend(text.as_bytes());
    body.push(0);
}

fn length(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}
