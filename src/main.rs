//! The `fencepost` command: runs programs under the guard.
//!
//! `run` replaces this process by the program, which shall find everything as it would without us. So the
//! command has a C `main`: Rust's own start-up would set SIGPIPE to ignored, and the program would inherit that.

#![cfg_attr(not(test), no_main)]
#![deny(unsafe_code)]

mod command;

#[cfg(not(test))]
// SAFETY: the symbol `main` is called once by the C start-up code, and this is its C signature. The
// parameters may be ignored; glibc hands the arguments to `std::env::args` before main.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(
    _argc: std::ffi::c_int,
    _argv: *const *const std::ffi::c_char,
) -> std::ffi::c_int {
    std::ffi::c_int::from(command::main())
}

/// The test harness takes the place of this, but the code of the command stays in use.
#[cfg(test)]
fn main() {
    command::main();
}
