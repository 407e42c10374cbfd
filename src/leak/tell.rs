//! What is told of leaks, and what counts as an error.

use super::groups::{Findings, Group};
use crate::finding::suppression::KnownBugs;
use crate::finding::{Finding, LeakClass, LeakCounts, LeakGrowth, LeakSummary, VERSION, text};
use crate::ledger;
use crate::options::{LeakCheck, LeakKinds};
use crate::report::leaks::{self, Facts};
use crate::report::resolve::{Names, Resolver};
use crate::report::stages::Told;
use crate::report::{hook, known, news, record, sink};
use crate::runtime::Runtime;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub kinds: LeakKinds,
    /// Nothing, the figures alone, or each allocation site.
    pub check: LeakCheck,
}

/// What a group has more than at an earlier check.
pub type Growth<'a> = &'a dyn Fn(&Group) -> Option<LeakGrowth>;

/// What was told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Sites that are errors: wanted, lost, and news.
    pub errors: usize,
    /// What was found, without what is known.
    pub counts: LeakCounts,
}

/// How many reports are out. If telling was given up, it goes on there.
#[derive(Default)]
pub struct Progress(AtomicUsize);

/// Tells of what was found. With `growth`, only groups that it gives something for are told.
pub fn tell(
    runtime: &Runtime,
    findings: &Findings,
    extent: Extent,
    growth: Option<Growth<'_>>,
    names: Names,
    progress: &Progress,
) -> Outcome {
    if extent.check == LeakCheck::No {
        return Outcome::default();
    }
    let known = known::read(runtime);
    let is_known_unread = known.is_err();
    let known = known.unwrap_or_default();
    let mut teller = Teller {
        runtime,
        resolver: Resolver::new(names),
        progress,
        published: 0,
        process: runtime.full_identity(),
        known,
        is_known_unread,
        counts: findings.counts,
        errors: 0,
        told: 0,
        left_out: 0,
    };
    for group in &findings.groups {
        // They are looked at only if the user wants them told.
        let is_wanted = kind_of(group.class).is_none_or(|kind| extent.kinds.has(kind));
        let is_told = extent.check == LeakCheck::Full && is_wanted;
        let more = growth.map(|growth| growth(group));
        let is_told = is_told && more != Some(None);
        teller.take(group, more.flatten(), is_told);
    }
    teller.finish()
}

/// What the user wants looked up.
pub fn names(runtime: &Runtime) -> Names {
    if runtime.options.symbolize { Names::Symbols } else { Names::ModulesOnly }
}

/// The kind of objects that the user names; `None` for mappings.
fn kind_of(class: LeakClass) -> Option<LeakKinds> {
    match class {
        LeakClass::DefinitelyLost => Some(LeakKinds::DEFINITE),
        LeakClass::IndirectlyLost => Some(LeakKinds::INDIRECT),
        LeakClass::PossiblyLost => Some(LeakKinds::POSSIBLE),
        LeakClass::StillReachable => Some(LeakKinds::REACHABLE),
        LeakClass::Mapping => None,
    }
}

struct Teller<'a> {
    runtime: &'a Runtime,
    resolver: Resolver,
    progress: &'a Progress,
    published: usize,
    process: crate::finding::Process,
    known: Option<KnownBugs>,
    is_known_unread: bool,
    counts: LeakCounts,
    errors: usize,
    told: usize,
    left_out: usize,
}

impl Teller<'_> {
    fn take(&mut self, group: &Group, growth: Option<LeakGrowth>, is_told: bool) {
        let is_told = is_told && group.count.objects > 0;
        let is_too_much = is_told && self.told >= self.runtime.options.max_reports;
        // Without names nothing is known, and to look them up takes long.
        if self.known.is_none() && (!is_told || is_too_much) {
            self.left_out += usize::from(is_too_much);
            self.errors += usize::from(is_too_much && group.class.is_error());
            return;
        }
        let facts = Facts {
            class: group.class,
            allocated: group.allocated,
            count: group.count,
            indirect: group.indirect(),
            owned: &group.owned,
            growth,
            file: group.file,
        };
        let mut finding = leaks::resolve(&facts, self.process.clone(), &mut self.resolver);
        finding.time_ms = record::next_moment();
        finding.known = self.known.as_ref().and_then(|known| known.why(&finding));
        if finding.known.is_some() {
            let counted = self.counts.of_mut(group.class);
            counted.bytes -= group.count.bytes;
            counted.objects -= group.count.objects;
            self.counts.suppressed += group.count;
        }
        if is_told && !is_too_much {
            self.publish(&finding);
            self.told += usize::from(finding.known.is_none());
        } else if finding.known.is_none() {
            self.left_out += usize::from(is_too_much);
            self.errors += usize::from(is_too_much && group.class.is_error());
        }
    }

    fn publish(&mut self, finding: &Finding) {
        let (runtime, is_news) = (self.runtime, finding.known.is_none());
        self.errors += usize::from(is_news && finding.is_error());
        self.published += 1;
        if self.published <= self.progress.0.load(Ordering::Relaxed) {
            return;
        }
        if finding.is_error()
            && let Some(ledger) = ledger::get()
        {
            ledger.note_report();
            if !is_news {
                ledger.note_known();
            }
        }
        record::finding(runtime, finding);
        if is_news || runtime.options.verbose {
            let text = text::to_styled_string(finding, runtime.style);
            let (is_recorded, is_known_unread) = (record::is_wanted(runtime), self.is_known_unread);
            let told = Told { finding, text: &text, is_recorded, is_known_unread };
            news::print(runtime, &told, true, sink::write);
            hook::call(&text);
        }
        self.progress.0.store(self.published, Ordering::Relaxed);
    }

    fn finish(self) -> Outcome {
        let runtime = self.runtime;
        let summary = LeakSummary {
            version: VERSION,
            time_ms: record::next_moment(),
            process: self.process,
            counts: self.counts,
        };
        let mut text = summary.to_string();
        if self.left_out > 0 {
            let count = self.left_out;
            text += &format!("fencepost: {count} more places with leaks (option max-reports)\n");
        }
        record::leaks(runtime, &summary);
        match self.errors {
            // Many programs close standard error as they end. That is no reason to leave a file about.
            0 => {
                sink::write_if_open(runtime, &text);
            }
            _ => sink::write(runtime, &text),
        }
        Outcome { errors: self.errors, counts: self.counts }
    }
}
