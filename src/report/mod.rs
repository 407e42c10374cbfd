//! From a bug to something a person can read.

pub mod symbolize;
