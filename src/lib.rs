//! fencepost: an mmap-based malloc debugger for Linux.
//!
//! The crate is three things. As `libfencepost.so` it is preloaded into programs and guards their C
//! heap. As a Rust library it is [`Fencepost`], the same engine as a `#[global_allocator]`. The
//! `fencepost` command starts programs under the preload library.
//!
//! Modules stand in layers, and use only what is listed below them here:
//!
//! - `interpose`, `global_alloc`: the faces;
//! - `allocator`: what all faces do;
//! - `checked`: the checked functions of libc: compares their operands with the bounds of objects;
//! - `fault`: signals and bad calls, up to the fate of the process;
//! - `leak`: which objects can't be reached any more;
//! - `report`: a bug as text, symbols, where reports go;
//! - `diagnose`: from a fault and the objects near it to a bug;
//! - `runtime`: the one heap of the process and its options;
//! - `mappings`: what the program does to its own mappings, as a history;
//! - `heap`: slots, placement, canaries, records, what is not guarded;
//! - `choice`: which objects get pages when there is a budget;
//! - `trace`: stacks;
//! - `pages`: how pages are made to fault;
//! - [`debug_info`]: functions and lines of code, from files;
//! - [`ledger`]: what the processes under one `run` tell it;
//! - [`finding`]: data that is left behind for others: findings, and records of runs;
//! - [`options`]; `sys`: system calls; [`printable`]: names that others chose, fit to print.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
compile_error!("fencepost supports x86_64 Linux with glibc");

mod allocator;
mod checked;
mod choice;
pub mod debug_info;
mod diagnose;
mod fault;
pub mod finding;
mod global_alloc;
mod heap;
mod interpose;
mod leak;
pub mod ledger;
mod mappings;
pub mod options;
mod pages;
pub mod printable;
mod report;
mod runtime;
mod sys;
mod trace;

pub use global_alloc::Fencepost;

/// The stack capture, for `benches/fencepost/capture.rs` only.
#[doc(hidden)]
pub mod stack_capture {
    pub use crate::trace::{Caller, Frames, capture, init, set_depth, walk};
}
