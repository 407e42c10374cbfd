//! How a heap behaves, as the options say.

use super::budget::headroom::Shares;
use crate::options::Placement;

/// How the heap behaves.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub placement: Placement,
    /// For [`Placement::Random`].
    pub seed: u64,
    /// Slack on each side of an object that is filled with canaries.
    pub canary_bytes: usize,
    /// What fresh objects are filled with; zeros without it.
    pub fill: Option<u8>,
    /// What freed objects are filled with where they can still be read; see the option `free-fill`.
    pub free_fill: Option<u8>,
    /// Memory that live guarded objects may hold, and what is kept of others.
    pub shares: Shares,
    /// Writable memory that guarded small objects, live or not, may take with their guards.
    pub room_bytes: usize,
    /// Kernel mappings that live guarded objects may cost.
    pub max_mappings: usize,
    /// One in so many allocations is guarded.
    pub sample: u32,
    /// Freed objects that a thread collects before it revokes their pages; 0 revokes at each free.
    pub batch: usize,
    /// Memory for the records of objects freed long ago.
    pub history_bytes: usize,
}
