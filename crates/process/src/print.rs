//! Prints lines of a command to standard output and standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use bloom_runtime::StartError;

/// Prints a line on standard output. A closed pipe (`| head`) is not an error.
pub fn print_line(line: impl Display) -> Result<(), StartError> {
    print_to(&mut std::io::stdout().lock(), line)
}

/// Prints a line on standard error. A failure is ignored, because there is nowhere else to report it.
pub fn print_error(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn print_to(out: &mut impl Write, line: impl Display) -> Result<(), StartError> {
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
    fn a_closed_pipe_is_ignored_and_a_full_disk_fails() {
        print_to(&mut Broken(ErrorKind::BrokenPipe), "a line").expect("a closed pipe is not an error");
        let refused = print_to(&mut Broken(ErrorKind::StorageFull), "a line").expect_err("the line is lost");
        assert!(refused.chain().starts_with("standard output cannot be written: "), "{}", refused.chain());
        let mut page = Vec::new();
        print_to(&mut page, format_args!("{} lines", 2)).expect("it is written");
        assert_eq!(page, b"2 lines\n");
    }
}
