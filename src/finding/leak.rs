//! Leaks, as findings tell of them: objects of one allocation stack that are lost in the same way.

use core::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::{Event, Finding, Process};
use crate::printable::printable;

/// The kind of findings that tell of a leak.
pub const LEAK: &str = "leak";

/// What a summary calls mappings to which no pointer leads.
pub const LOST_MAPPINGS: &str = "lost mappings";

/// Whether the program can still get at an object. The order is that of importance, and Memcheck's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeakClass {
    /// No pointer to it is left.
    #[default]
    DefinitelyLost,
    /// The only pointers to it are in lost objects.
    IndirectlyLost,
    /// The only pointers to it, or to what leads to it, are into its middle.
    PossiblyLost,
    /// A pointer to its start can be reached.
    StillReachable,
    /// It is no object, but a mapping that the program made, and no pointer to it is left.
    Mapping,
}

impl LeakClass {
    /// Those of objects.
    pub const ALL: [LeakClass; 4] = [
        LeakClass::DefinitelyLost,
        LeakClass::IndirectlyLost,
        LeakClass::PossiblyLost,
        LeakClass::StillReachable,
    ];

    /// As people read it, and Memcheck writes it: `definitely lost`.
    pub const fn words(self) -> &'static str {
        match self {
            LeakClass::DefinitelyLost => "definitely lost",
            LeakClass::IndirectlyLost => "indirectly lost",
            LeakClass::PossiblyLost => "possibly lost",
            LeakClass::StillReachable => "still reachable",
            LeakClass::Mapping => "lost",
        }
    }

    /// The first of the words, as users name the class: `definite`, `indirect`, `possible`, `reachable`; `mapping`.
    pub const fn name(self) -> &'static str {
        match self {
            LeakClass::DefinitelyLost => "definite",
            LeakClass::IndirectlyLost => "indirect",
            LeakClass::PossiblyLost => "possible",
            LeakClass::StillReachable => "reachable",
            LeakClass::Mapping => "mapping",
        }
    }

    /// Whether it is a mistake of its own. Objects that are indirectly lost go with the one that owns them, and what
    /// can still be reached is perhaps wanted. A mapping may do its work though nobody has its address any more.
    pub const fn is_error(self) -> bool {
        matches!(self, LeakClass::DefinitelyLost | LeakClass::PossiblyLost)
    }
}

/// Objects of one allocation stack and one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Leak {
    pub class: LeakClass,
    /// The objects themselves, without those that only they lead to.
    pub objects: u64,
    /// Of these objects, as the program asked for them.
    pub bytes: u64,
    /// Objects that only these lead to.
    #[serde(default)]
    pub indirect_objects: u64,
    /// Of those objects.
    #[serde(default)]
    pub indirect_bytes: u64,
    /// How much of it is new since an earlier check; absent where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<LeakGrowth>,
    /// The objects that only these lead to, by their allocation stacks; cut after some, the largest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<LeakOwned>,
    /// Of mappings: the path of the file that they all are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What a check has found more, or less, than an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakGrowth {
    pub objects: i64,
    pub bytes: i64,
}

/// Objects of one allocation stack that are lost with those that lead to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakOwned {
    pub objects: u64,
    pub bytes: u64,
    pub allocated: Event,
}

/// What a check for leaks has found in all. Of a process that checks several times, the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakSummary {
    pub version: u32,
    pub time_ms: u64,
    pub process: Process,
    pub counts: LeakCounts,
}

/// Objects and bytes by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakCounts {
    pub definite: LeakCount,
    pub indirect: LeakCount,
    pub possible: LeakCount,
    pub reachable: LeakCount,
    /// Of all classes, where a suppression or the baseline is about them; not among the others.
    pub suppressed: LeakCount,
    /// Mappings that the program made, where they were asked for. They count for nothing above.
    #[serde(default)]
    pub mappings: LeakCount,
}

/// Objects, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakCount {
    pub bytes: u64,
    pub objects: u64,
}

impl Finding {
    /// Whether it is a mistake that should fail a run: every bug is but what is told of memory that is not lost, or
    /// lost with other memory.
    pub fn is_error(&self) -> bool {
        self.leak.as_ref().is_none_or(|leak| leak.class.is_error())
    }
}

impl Leak {
    /// What was lost, as part of a sentence: `40 bytes in 1 object are definitely lost (+ 80 bytes in 2 objects indirectly)`.
    pub fn words(&self) -> impl Display {
        Words(self)
    }

    /// Of the finding: what its stack shows, for objects that `thread` allocated.
    pub fn heading(&self, thread: u32) -> String {
        let deed = if self.class == LeakClass::Mapping { "mapped" } else { "allocated" };
        format!("{}, {deed} here by thread T{thread}:", self.words())
    }

    /// Bytes of the objects, and of those that only they lead to.
    pub fn all_bytes(&self) -> u64 {
        self.bytes.saturating_add(self.indirect_bytes)
    }
}

impl LeakOwned {
    /// What the stack below shows.
    pub fn heading(&self) -> impl Display {
        Heading(self)
    }
}

struct Words<'a>(&'a Leak);

impl Display for Words<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let &Leak { class, objects, bytes, indirect_objects, indirect_bytes, growth, .. } = self.0;
        let is = if bytes == 1 { "is" } else { "are" };
        let count = LeakCount { bytes, objects };
        match (class, &self.0.file) {
            (LeakClass::Mapping, Some(file)) => {
                let (count, file) = (count.of_mappings(), printable(file.as_bytes()));
                write!(out, "{count} of {file} are {}", class.words())?;
            }
            (LeakClass::Mapping, None) => {
                write!(out, "{} are {}", count.of_mappings(), class.words())?;
            }
            _ => write!(out, "{count} {is} {}", class.words())?,
        }
        if indirect_objects > 0 {
            let more = LeakCount { bytes: indirect_bytes, objects: indirect_objects };
            write!(out, " (+ {more} indirectly)")?;
        }
        match growth {
            Some(LeakGrowth { objects, bytes }) => {
                write!(out, ", {bytes:+} bytes in {objects:+} objects since the earlier check")
            }
            None => Ok(()),
        }
    }
}

struct Heading<'a>(&'a LeakOwned);

impl Display for Heading<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let &LeakOwned { objects, bytes, ref allocated } = self.0;
        let is = if bytes == 1 { "is" } else { "are" };
        let (count, thread) = (LeakCount { bytes, objects }, allocated.thread);
        write!(out, "{count} {is} lost with them, allocated here by thread T{thread}:")
    }
}

impl Display for LeakCount {
    /// `40 bytes in 1 object`.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let &LeakCount { bytes, objects } = self;
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (of_bytes, of_objects) = (plural(bytes), plural(objects));
        write!(out, "{bytes} byte{of_bytes} in {objects} object{of_objects}")
    }
}

impl LeakCount {
    /// `8192 bytes in 1 mapping`.
    pub fn of_mappings(self) -> impl Display {
        struct Text(LeakCount);
        impl Display for Text {
            fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
                let LeakCount { bytes, objects } = self.0;
                let plural = if objects == 1 { "" } else { "s" };
                write!(out, "{bytes} bytes in {objects} mapping{plural}")
            }
        }
        Text(self)
    }
}

impl core::ops::AddAssign for LeakCount {
    fn add_assign(&mut self, other: LeakCount) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.objects = self.objects.saturating_add(other.objects);
    }
}

impl LeakCounts {
    /// The count of a class.
    pub fn of(&self, class: LeakClass) -> LeakCount {
        match class {
            LeakClass::DefinitelyLost => self.definite,
            LeakClass::IndirectlyLost => self.indirect,
            LeakClass::PossiblyLost => self.possible,
            LeakClass::StillReachable => self.reachable,
            LeakClass::Mapping => self.mappings,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, class: LeakClass) -> &mut LeakCount {
        match class {
            LeakClass::DefinitelyLost => &mut self.definite,
            LeakClass::IndirectlyLost => &mut self.indirect,
            LeakClass::PossiblyLost => &mut self.possible,
            LeakClass::StillReachable => &mut self.reachable,
            LeakClass::Mapping => &mut self.mappings,
        }
    }

    /// The lines of a summary: what is counted, and how much of it there is.
    pub fn lines(&self) -> [(&'static str, LeakCount); 5] {
        let of = |class: LeakClass| (class.words(), self.of(class));
        let [definite, indirect, possible, reachable] = LeakClass::ALL.map(of);
        [definite, indirect, possible, reachable, ("suppressed", self.suppressed)]
    }
}

impl core::ops::AddAssign for LeakCounts {
    fn add_assign(&mut self, other: LeakCounts) {
        for class in LeakClass::ALL {
            *self.of_mut(class) += other.of(class);
        }
        self.suppressed += other.suppressed;
        self.mappings += other.mappings;
    }
}

impl Display for LeakSummary {
    /// A block of lines, each with its end, in Memcheck's order. Allocates nothing.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let pid = self.process.pid;
        writeln!(out, "=={pid}== LEAK SUMMARY:")?;
        (self.counts.lines().iter())
            .try_for_each(|(words, count)| writeln!(out, "=={pid}== {words:>18}: {count}"))?;
        match self.counts.mappings {
            LeakCount { objects: 0, .. } => Ok(()),
            lost => writeln!(out, "=={pid}== {:>18}: {}", LOST_MAPPINGS, lost.of_mappings()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak() -> Leak {
        Leak { objects: 1, bytes: 40, ..Leak::default() }
    }

    #[test]
    fn words_tell_of_owners_and_growth() {
        assert_eq!(
            leak().heading(2),
            "40 bytes in 1 object are definitely lost, allocated here by thread T2:"
        );
        let owner = Leak { indirect_objects: 2, indirect_bytes: 80, ..leak() };
        assert_eq!(
            owner.words().to_string(),
            "40 bytes in 1 object are definitely lost (+ 80 bytes in 2 objects indirectly)"
        );
        let class = LeakClass::PossiblyLost;
        let growth = Some(LeakGrowth { objects: 1, bytes: -3 });
        assert_eq!(
            Leak { class, bytes: 1, growth, ..leak() }.words().to_string(),
            "1 byte in 1 object is possibly lost, -3 bytes in +1 objects since the earlier check"
        );
    }

    #[test]
    fn mappings_are_told_as_such() {
        let class = LeakClass::Mapping;
        let lost = Leak { class, bytes: 8192, file: Some("/tmp/x".to_owned()), ..leak() };
        let text = "8192 bytes in 1 mapping of /tmp/x are lost, mapped here by thread T0:";
        assert_eq!(lost.heading(0), text);
        let lost = Leak { objects: 2, file: None, ..lost };
        assert_eq!(lost.words().to_string(), "8192 bytes in 2 mappings are lost");
        let mut summary = LeakSummary::default();
        *summary.counts.of_mut(class) += LeakCount { bytes: 8192, objects: 2 };
        let last = "==0==      lost mappings: 8192 bytes in 2 mappings\n";
        assert!(summary.to_string().ends_with(last));
    }

    #[test]
    fn a_summary_has_the_order_of_memcheck() {
        let mut summary = LeakSummary::default();
        summary.process.pid = 7;
        let mut counts = LeakCounts::default();
        *counts.of_mut(LeakClass::DefinitelyLost) += LeakCount { bytes: 40, objects: 1 };
        summary.counts += counts;
        summary.counts.suppressed = LeakCount { bytes: 1, objects: 1 };
        assert_eq!(
            summary.to_string(),
            "==7== LEAK SUMMARY:\n\
             ==7==    definitely lost: 40 bytes in 1 object\n\
             ==7==    indirectly lost: 0 bytes in 0 objects\n\
             ==7==      possibly lost: 0 bytes in 0 objects\n\
             ==7==    still reachable: 0 bytes in 0 objects\n\
             ==7==         suppressed: 1 byte in 1 object\n"
        );
    }

    #[test]
    fn what_is_reached_or_owned_fails_no_run() {
        let finding =
            |class| Finding { leak: Some(Leak { class, ..leak() }), ..Finding::default() };
        assert!(!finding(LeakClass::Mapping).is_error());
        let errors = LeakClass::ALL.map(|class| finding(class).is_error());
        assert_eq!(errors, [true, false, true, false]);
        assert!(Finding::default().is_error());
    }
}
