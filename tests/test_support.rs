//! Tests the helpers of the tests: how they read reports.

mod support;

#[path = "support/report_tests.rs"]
mod report_tests;
