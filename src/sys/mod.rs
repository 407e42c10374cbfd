//! Everything that talks to the kernel or to libc.

pub mod loader;
pub mod probe;
