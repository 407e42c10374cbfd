//! The finding that a leak is: names and lines of its stacks, and its sentences.

use super::resolve::Resolver;
use super::{source, words};
use crate::finding::fingerprint::{self, Places};
use crate::finding::{
    self, Finding, LEAK, Leak, LeakClass, LeakCount, LeakGrowth, LeakOwned, Process, text,
};
use crate::heap::record::Event;
use crate::mappings::PathId;
use crate::trace;

/// Stacks of objects that are lost with others: so many are told, the largest first.
const MOST_OWNED: usize = 10;

/// A leak, with nothing looked up.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub class: LeakClass,
    pub allocated: Event,
    pub count: LeakCount,
    pub indirect: LeakCount,
    /// What only these objects lead to, the most bytes first.
    pub owned: &'a [(Event, LeakCount)],
    pub growth: Option<LeakGrowth>,
    /// Of mappings: their file.
    pub file: PathId,
}

/// The finding that it is, in process `process`.
pub fn resolve(facts: &Facts<'_>, process: Process, resolver: &mut Resolver) -> Finding {
    let thread = resolver.thread(facts.allocated.thread);
    let stack = resolver.kept_stack(facts.allocated.trace).unwrap_or_default();
    let owned = facts.owned.iter().take(MOST_OWNED).map(|&(event, count)| LeakOwned {
        objects: count.objects,
        bytes: count.bytes,
        allocated: finding::Event {
            thread: event.thread.0,
            stack: resolver.kept_stack(event.trace),
        },
    });
    let file = String::from_utf8_lossy(facts.file.text()).into_owned();
    let leak = Leak {
        class: facts.class,
        objects: facts.count.objects,
        bytes: facts.count.bytes,
        indirect_objects: facts.indirect.objects,
        indirect_bytes: facts.indirect.bytes,
        growth: facts.growth,
        owned: owned.collect(),
        file: Some(file).filter(|file| !file.is_empty()),
    };
    let mut finding = Finding {
        version: finding::VERSION,
        kind: LEAK.to_owned(),
        heading: leak.heading(facts.allocated.thread.0),
        place: words::of_others([trace::is_stand_in(facts.allocated.trace), false]).collect(),
        process,
        thread,
        stack,
        threads: resolver.creations([facts.allocated.thread]),
        leak: Some(leak),
        ..Finding::default()
    };
    finding.modules = resolver.take_modules();
    if resolver.has_symbols() {
        finding.sources = source::of(Places::of(&finding).in_order());
    }
    finding.summary = text::summary(&finding);
    fingerprint::set(&mut finding);
    finding
}
