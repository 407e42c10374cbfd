//! Tests the helpers of the tests: how they read reports and leaks.

mod support;

#[path = "support/report_tests.rs"]
mod report_tests;

#[path = "support/leaks_tests.rs"]
mod leaks_tests;
