//! fencepost: an mmap-based malloc debugger for Linux.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
compile_error!("fencepost supports x86_64 Linux with glibc");

pub mod options;
pub mod report;
pub mod sys;
pub mod trace;
