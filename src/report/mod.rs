//! From a [`Bug`](crate::diagnose::Bug) to what the user reads: everything is looked up and becomes a
//! [`Report`](data::Report), and a format makes text of that.

pub mod data;
pub mod hook;
pub mod notice;
pub mod panics;
pub mod resolve;
pub mod sink;
pub mod stages;
pub mod symbolize;
pub mod text;
mod words;

#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod stack_tests;
