//! Totals of merged records, beside bugs and runs.

use serde::{Deserialize, Serialize};

use super::{Counted, LeakCounts, Test};

/// Everything of merged records that is neither a bug nor a run, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    pub version: u32,
    /// Number of guarded processes that began.
    pub processes: u64,
    /// How many of `processes` ended by themselves.
    pub ended: u64,
    /// Number of findings, those of known bugs too.
    pub findings: u64,
    /// Number of guarded allocations in processes that ended by themselves.
    pub guarded: u64,
    /// Numbers of allocations that were not guarded, by reason, in processes that ended by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unguarded: Vec<Counted>,
    /// Notices, and how many processes gave them; only some, if there are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Counted>,
    /// Tests that processes belonged to; only some, if there are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestCount>,
    /// Absent where no process has looked for leaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaks: Option<LeakTotals>,
}

/// What the last checks for leaks of all processes have found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakTotals {
    /// That have looked for leaks.
    pub processes: u64,
    pub counts: LeakCounts,
}

/// A test, and counts of its processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestCount {
    pub test: Test,
    /// Number of guarded processes that began.
    pub processes: u64,
    /// Number of findings, those of known bugs too.
    pub findings: u64,
}
