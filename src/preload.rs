//! The preload library as a file that `cargo install` installs beside the command: it installs programs only.
//!
//! build.rs has the linker make a shared library of this. What is in it is all in the crate.

#![no_main]

use fencepost as _;
