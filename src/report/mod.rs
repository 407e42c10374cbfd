//! From a [`Bug`](crate::diagnose::Bug) to what the user reads.

pub mod hook;
pub mod notice;
pub mod panics;
pub mod sink;
pub mod stages;
pub mod symbolize;
pub mod text;
mod words;

#[cfg(test)]
mod stack_tests;
