//! Groups of options, as help and documents list them.

/// What an option is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What is found, and how early.
    Finding,
    /// What is guarded, and with what.
    Guarding,
    /// What is said, where, and how the program ends.
    Reports,
    /// What time it takes.
    Performance,
}

impl Group {
    /// Every group, in the order of the lists.
    pub const ALL: [Group; 4] =
        [Group::Finding, Group::Guarding, Group::Reports, Group::Performance];

    /// The heading of its list.
    pub fn heading(self) -> &'static str {
        match self {
            Group::Finding => "Finding",
            Group::Guarding => "Guarding",
            Group::Reports => "Reports",
            Group::Performance => "Performance",
        }
    }
}
