//! The executable; see the library.

fn main() -> std::process::ExitCode {
    bloom::cli::main()
}
