//! The one executable; see the library.

/// Requests are many short lives of small things: measured, a fifth of the fleet's CPU time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    bloom::cli::main()
}
