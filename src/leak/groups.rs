//! What was found, by allocation stack.

use super::Seen;
use super::mapped::Mapped;
use super::objects::Reach;
use crate::finding::{LeakClass, LeakCount, LeakCounts};
use crate::heap::record::{Event, ThreadId};
use crate::mappings::PathId;
use crate::sys::hash::Hash;
use crate::trace::{self, Frames, TraceId};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Of mappings: the file that they all are of.
    pub file: PathId,
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

/// Groups objects and mappings whose reachability is known.
pub fn group(seen: Seen<'_>) -> Findings {
    let mut objects = seen.objects;
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
            Group { class, allocated, site, count, owned, file: PathId::default() }
        })
        .collect();
    groups.extend(group_mappings(&seen.mapped, &mut stacks));
    for group in groups.iter().filter(|group| group.class == LeakClass::Mapping) {
        *counts.of_mut(group.class) += group.count;
    }
    groups.sort_by_key(|group| (group.class, core::cmp::Reverse(group.all_bytes())));
    Findings { groups, counts }
}

/// Mappings that nothing leads to. What is left of one after it was cut in two is one.
fn group_mappings(mapped: &Mapped, stacks: &mut Stacks) -> impl Iterator<Item = Group> {
    let mut groups: BTreeMap<u64, Group> = BTreeMap::new();
    let mut moments = BTreeSet::new();
    for (range, origin) in mapped.lost() {
        let site = stacks.site(origin.event.trace.get());
        let file = origin.file.map(|file| file.path).unwrap_or_default();
        let group = groups.entry(site).or_insert_with(|| Group {
            class: LeakClass::Mapping,
            allocated: origin.event,
            site,
            count: LeakCount::default(),
            owned: Vec::new(),
            file,
        });
        let objects = u64::from(moments.insert(origin.moment));
        group.count += LeakCount { bytes: range.len() as u64, objects };
        if group.file != file {
            group.file = PathId::default();
        }
    }
    groups.into_values()
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
