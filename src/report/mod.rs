//! From a [`Bug`](crate::diagnose::Bug) to what the user reads: everything about the bug is looked up and becomes a
//! [`Finding`](crate::finding::Finding), which is then written as text.

pub mod address;
pub mod failure;
pub mod hook;
pub mod known;
pub mod leaks;
mod mapping_words;
mod memory;
pub mod news;
pub mod notice;
mod own_file;
pub mod panics;
pub mod record;
pub mod resolve;
pub mod sink;
mod source;
pub mod stages;
pub mod symbolize;
mod tell;
pub mod words;

#[cfg(test)]
mod mapping_examples;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod stack_tests;
