//! A mapping that the program made itself, and the calls that made, changed and ended it.

use super::{Address, Event, Side};
use serde::{Deserialize, Serialize};

/// What is known of the mapping that a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Mapping {
    /// Absent where no mapping was made: the call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<MappingPlace>,
    /// The latest first.
    pub calls: Vec<MappingCall>,
}

/// Where a mapping is, or was, and what it maps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MappingPlace {
    pub start: Address,
    pub bytes: u64,
    /// On which side of the mapping the first bad byte is.
    pub side: Side,
    /// Before: from the first bad byte to the mapping. Inside: from its start to the byte. After: from its end to the byte.
    pub distance: u64,
    /// Path of the file, as it was called when it was mapped. Absent for memory without a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether others see what is written to it.
    pub shared: bool,
}

/// A call that has to do with a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MappingCall {
    pub did: MappingDeed,
    /// With its arguments: `munmap(0x7f12, 4096)`.
    pub call: String,
    #[serde(flatten)]
    pub event: Event,
}

/// What a call did to a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MappingDeed {
    Mapped,
    /// It, or its length, is another since.
    Moved,
    Protected,
    /// Its file was cut.
    Truncated,
    Unmapped,
    /// It failed: nothing was mapped.
    Failed,
    /// It took away another mapping, which was there before.
    Earlier,
}

impl MappingDeed {
    /// What stands before `by thread T0 here`.
    pub fn words(self) -> &'static str {
        match self {
            MappingDeed::Mapped => "mapped",
            MappingDeed::Moved => "moved",
            MappingDeed::Protected => "protected",
            MappingDeed::Truncated => "truncated",
            MappingDeed::Unmapped => "unmapped",
            MappingDeed::Failed => "failed call",
            MappingDeed::Earlier => "unmapped before",
        }
    }

    /// The same at the start of a line.
    pub fn title(self) -> &'static str {
        match self {
            MappingDeed::Mapped => "Mapped",
            MappingDeed::Moved => "Moved",
            MappingDeed::Protected => "Protected",
            MappingDeed::Truncated => "Truncated",
            MappingDeed::Unmapped => "Unmapped",
            MappingDeed::Failed => "Failed call",
            MappingDeed::Earlier => "Unmapped before",
        }
    }

    /// The same of a line of the source.
    pub fn of_line(self) -> &'static str {
        match self {
            MappingDeed::Mapped => "the mapping was made here",
            MappingDeed::Moved => "the mapping was moved here",
            MappingDeed::Protected => "it was protected here",
            MappingDeed::Truncated => "its file was cut here",
            MappingDeed::Unmapped => "it was unmapped here",
            MappingDeed::Failed => "this call failed",
            MappingDeed::Earlier => "another mapping was unmapped here before",
        }
    }
}

impl Mapping {
    /// The call that made the mapping, or should have.
    pub fn made(&self) -> Option<&MappingCall> {
        let is_it =
            |call: &&MappingCall| matches!(call.did, MappingDeed::Mapped | MappingDeed::Failed);
        self.calls.iter().find(is_it)
    }

    /// The latest call after which an access was bad that was good before.
    pub fn spoilt(&self) -> Option<&MappingCall> {
        use MappingDeed::{Earlier, Failed, Mapped};
        let is_it = |call: &&MappingCall| !matches!(call.did, Mapped | Failed | Earlier);
        self.calls.iter().find(is_it)
    }
}
