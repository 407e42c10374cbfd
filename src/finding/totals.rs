//! What merged records say beside bugs and runs.

use serde::{Deserialize, Serialize};

use super::{Counted, Test};

/// Everything of merged records that is neither a bug nor a run, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    pub version: u32,
    /// Guarded processes that began.
    pub processes: u64,
    /// Of these, the ones that ended by themselves.
    pub ended: u64,
    /// Findings of all bugs, those of known ones too.
    pub findings: u64,
    /// Allocations that were guarded, in processes that ended by themselves.
    pub guarded: u64,
    /// Allocations that were not, by reason; there too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unguarded: Vec<Counted>,
    /// Sentences of processes, and how many said them; cut after some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Counted>,
    /// Tests that processes belonged to; cut after some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestCount>,
}

/// A test, and what its processes did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestCount {
    pub test: Test,
    /// Guarded processes that began.
    pub processes: u64,
    /// Findings, those of known bugs too.
    pub findings: u64,
}
