//! The `fencepost` command: runs programs under the guard.
//!
//! The program that `run` starts must find everything as it would without us. So the command has a C `main`:
//! Rust's own start-up would ignore SIGPIPE, and the program would inherit that.

#![cfg_attr(not(test), no_main)]
#![deny(unsafe_code)]

mod command;

#[cfg(not(test))]
// SAFETY: the C start-up code calls the symbol `main` once, with this signature. The parameters may be
// ignored: glibc passes the arguments to `std::env::args` before main.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn main(
    _argc: std::ffi::c_int,
    _argv: *const *const std::ffi::c_char,
) -> std::ffi::c_int {
    std::ffi::c_int::from(command::main())
}

/// The test harness replaces this function, which only keeps the command's code in use.
#[cfg(test)]
fn main() {
    command::main();
}
