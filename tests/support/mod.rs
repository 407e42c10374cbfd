//! What the integration tests share. Each test target uses a part of it.
#![allow(dead_code)]

pub mod backend;
pub mod built;
pub mod compile;
pub mod elf;
pub mod expectation;
pub mod process;
pub mod report;
pub mod source;
