//! What was found, by allocation stack.

use super::objects::{Objects, Reach};
use crate::finding::{LeakClass, LeakCount, LeakCounts};
use crate::heap::record::{Event, ThreadId};
use crate::sys::hash::Hash;
use crate::trace::{self, Frames, TraceId};
use std::collections::BTreeMap;

/// Objects of one class that were allocated from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub class: LeakClass,
    /// Of the first of them.
    pub allocated: Event,
    /// What tells the stack from others, in this process.
    pub site: u64,
    pub count: LeakCount,
    /// What only these lead to, by allocation stack, the most bytes first.
    pub owned: Vec<(Event, LeakCount)>,
}

impl Group {
    /// All that only these lead to.
    pub fn indirect(&self) -> LeakCount {
        let mut all = LeakCount::default();
        self.owned.iter().for_each(|(_, count)| all += *count);
        all
    }

    fn all_bytes(&self) -> u64 {
        self.count.bytes + self.indirect().bytes
    }
}

/// What a check has found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// By class, and the most bytes first.
    pub groups: Vec<Group>,
    pub counts: LeakCounts,
}

type Owned = BTreeMap<u64, (Event, LeakCount)>;

/// Groups objects whose reachability is known.
pub fn group(mut objects: Objects<'_>) -> Findings {
    let mut stacks = Stacks::default();
    let mut groups: BTreeMap<(LeakClass, u64), (Event, LeakCount, Owned)> = BTreeMap::new();
    let mut counts = LeakCounts::default();
    for number in 0..objects.entries().len() {
        let entry = objects.entries()[number];
        if entry.is_ending() {
            continue;
        }
        let class = class_of(entry.reach());
        let count = LeakCount { bytes: entry.size() as u64, objects: 1 };
        *counts.of_mut(class) += count;
        let event = Event { thread: ThreadId(entry.thread), trace: TraceId::from_raw(entry.trace) };
        let site = stacks.site(entry.trace);
        let group =
            groups.entry((class, site)).or_insert((event, LeakCount::default(), Owned::new()));
        group.1 += count;
        if class == LeakClass::IndirectlyLost {
            let leader = objects.leader(number);
            let leader = objects.entries()[leader];
            let key = (LeakClass::DefinitelyLost, stacks.site(leader.trace));
            let of_leader =
                Event { thread: ThreadId(leader.thread), trace: TraceId::from_raw(leader.trace) };
            let owner =
                groups.entry(key).or_insert((of_leader, LeakCount::default(), Owned::new()));
            owner.2.entry(site).or_insert((event, LeakCount::default())).1 += count;
        }
    }
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|((class, site), (allocated, count, owned))| {
            let mut owned: Vec<(Event, LeakCount)> = owned.into_values().collect();
            owned.sort_by_key(|(_, count)| core::cmp::Reverse(count.bytes));
            Group { class, allocated, site, count, owned }
        })
        .collect();
    groups.sort_by_key(|group| (group.class, core::cmp::Reverse(group.all_bytes())));
    Findings { groups, counts }
}

fn class_of(reach: Reach) -> LeakClass {
    match reach {
        Reach::Unreached => LeakClass::DefinitelyLost,
        Reach::Indirect => LeakClass::IndirectlyLost,
        Reach::Possible => LeakClass::PossiblyLost,
        Reach::Reachable => LeakClass::StillReachable,
    }
}

/// Stacks that look the same, by their frames, may have several names.
#[derive(Default)]
struct Stacks(BTreeMap<u32, u64>);

impl Stacks {
    /// A hash of the frames.
    fn site(&mut self, trace: u32) -> u64 {
        *self.0.entry(trace).or_insert_with(|| {
            let mut frames = Frames::new();
            trace::frames(TraceId::from_raw(trace), &mut frames);
            let mut hash = Hash::new();
            frames.as_slice().iter().for_each(|pc| hash.add(&pc.address().to_le_bytes()));
            hash.get()
        })
    }
}
