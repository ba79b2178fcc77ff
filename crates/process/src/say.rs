//! What a command says to whoever reads it.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use bloom_runtime::StartError;

/// Says a line on standard output. Whoever reads may have had enough (`| head`): no failure, and no reason to stop.
pub fn say(line: impl Display) -> Result<(), StartError> {
    say_to(&mut std::io::stdout().lock(), line)
}

/// Says a line on standard error. Where nobody can read it, nobody else can be told.
pub fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn say_to(out: &mut impl Write, line: impl Display) -> Result<(), StartError> {
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(StartError::caused("standard output cannot be written", error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is_one() {
        say_to(&mut Broken(ErrorKind::BrokenPipe), "a line").expect("`| head` has read what it wanted");
        let refused = say_to(&mut Broken(ErrorKind::StorageFull), "a line").expect_err("the line is lost");
        assert!(refused.chain().starts_with("standard output cannot be written: "), "{}", refused.chain());
        let mut page = Vec::new();
        say_to(&mut page, format_args!("{} lines", 2)).expect("it is written");
        assert_eq!(page, b"2 lines\n");
    }
}
