//! Programs that people use, with work that allocates a lot: each must print the same and end the
//! same way under `fencepost run` as natively, on every backend. None has a bug that we know of,
//! so nothing may be reported either. Children inherit the library.

#[path = "../support/mod.rs"]
mod support;

mod compilers;
mod databases;
mod interpreters;
mod job;
mod leaks;
mod sessions;
mod tools;
