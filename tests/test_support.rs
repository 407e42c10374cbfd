//! What the tests themselves are built on: how they read reports.

mod support;

#[path = "support/report_tests.rs"]
mod report_tests;
