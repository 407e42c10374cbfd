//! Groups of options, by which help and documents list them.

/// The subject of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What is found, and how early.
    Finding,
    /// What is guarded, and how.
    Guarding,
    /// What is reported, where, and how the program ends.
    Reports,
    /// How much time it takes.
    Performance,
}

impl Group {
    /// Every group, in the order of the lists.
    pub const ALL: [Group; 4] =
        [Group::Finding, Group::Guarding, Group::Reports, Group::Performance];

    /// The heading of the group's list.
    pub fn heading(self) -> &'static str {
        match self {
            Group::Finding => "Finding",
            Group::Guarding => "Guarding",
            Group::Reports => "Reports",
            Group::Performance => "Performance",
        }
    }
}
