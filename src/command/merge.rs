//! Merges records in bounded memory: findings by fingerprint, and late findings with those that were found at once.
//!
//! A run has many findings of few bugs. So only a few fields of most lines are read ([`Glance`]); a finding is read in
//! full if it has more information than all before it. The result does not depend on the order of the lines.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use fencepost::finding::{
    Bug, Finding, Leak, LeakClass, LeakCounts, LeakSummary, LeakTotals, Process, Record, Run,
    RunEnd, Test, TestCount, Totals, VERSION,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::collection::{Collection, RunTold, Skipped, command_line};
use super::names::Names;
use tally::Tally;

/// Most bugs that are kept. More of them can't be from one program, or their fingerprints are broken.
const MOST_BUGS: usize = 10_000;
/// Most names that are counted in each list of a bug.
const MOST_COUNTED: usize = 64;
/// Most names of a list that are kept at the end.
const MOST_TOLD: usize = 20;
/// Most tests of a bug. Each fails because of the bug, so as many as possible are kept.
const MOST_TESTS_OF_A_BUG: usize = 500;
const MOST_RUNS_OF_A_BUG: usize = 20;
const MOST_NOTICES: usize = 1_000;
const MOST_TESTS: usize = 100_000;

/// The state of merging.
#[derive(Default)]
pub struct Merge {
    /// Where names that records lack are looked up.
    names: Arc<Names>,
    runs: BTreeMap<String, RunTold>,
    /// Bugs by [`key`].
    bugs: HashMap<String, Gathered>,
    /// Bare findings as lines, by a hash of process and time: the full findings may follow.
    bare: HashMap<u64, Vec<u8>>,
    /// Full findings that came before their bare one in this merge, by a hash of process and time.
    full: HashSet<u64>,
    totals: Totals,
    unguarded: Tally,
    notices: Tally,
    tests: BTreeMap<Test, TestCount>,
    /// By process: when it last looked for leaks, and what it found.
    leaks: HashMap<u64, (u64, LeakCounts)>,
    skipped: Skipped,
}

/// The findings of one bug that were merged so far.
#[derive(Default)]
struct Gathered {
    also: BTreeSet<String>,
    count: u64,
    /// Hashes of the processes of findings. For bugs that were merged before, `more_processes` counts theirs.
    processes: HashSet<u64>,
    more_processes: u64,
    first_ms: u64,
    last_ms: u64,
    runs: BTreeSet<String>,
    places: Tally,
    commands: Tally,
    tests: Tally,
    /// Whether any finding was of a new bug.
    is_news: bool,
    example: Finding,
}

/// The fields that are read of every finding.
#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow, rename = "type")]
    record: Cow<'a, str>,
    #[serde(default)]
    version: u32,
    #[serde(default)]
    time_ms: u64,
    #[serde(default)]
    bare: bool,
    #[serde(default, borrow)]
    fingerprint: Cow<'a, str>,
    #[serde(default)]
    late: bool,
    #[serde(default, borrow)]
    summary: Cow<'a, str>,
    #[serde(default, borrow)]
    process: Option<Who<'a>>,
    names_missing: Option<IgnoredAny>,
    known: Option<IgnoredAny>,
    leak: Option<Lost>,
}

/// Of a leak, what is compared.
#[derive(Clone, Copy, Deserialize)]
struct Lost {
    class: LeakClass,
    bytes: u64,
    #[serde(default)]
    indirect_bytes: u64,
}

impl Lost {
    /// The most bytes first: each process has its own, so a sum would grow with their number.
    fn rank(self) -> Reverse<u64> {
        Reverse(self.bytes.saturating_add(self.indirect_bytes))
    }
}

#[derive(Deserialize)]
struct Who<'a> {
    #[serde(borrow)]
    run: Cow<'a, str>,
    #[serde(borrow)]
    host: Cow<'a, str>,
    pid: u32,
    command: Vec<Cow<'a, str>>,
    #[serde(default)]
    test: Option<Test>,
}

/// Orders findings: those with more information first, then earlier ones.
type Rank<'a> = (bool, bool, bool, Option<Reverse<u64>>, u64, &'a str, u32);

fn rank(finding: &Finding) -> Rank<'_> {
    let Finding { late, bare, names_missing, time_ms, process, leak, .. } = finding;
    let lost = |leak: &Leak| {
        let Leak { class, bytes, indirect_bytes, .. } = *leak;
        Lost { class, bytes, indirect_bytes }.rank()
    };
    let lost = leak.as_ref().map(lost);
    (*late, *bare, names_missing.is_some(), lost, *time_ms, &process.host, process.pid)
}

impl Glance<'_> {
    fn rank(&self) -> Rank<'_> {
        let (host, pid) = self.process.as_ref().map_or(("", 0), |who| (&*who.host, who.pid));
        let lost = self.leak.map(Lost::rank);
        (self.late, self.bare, self.names_missing.is_some(), lost, self.time_ms, host, pid)
    }

    /// A hash of the process and the time.
    fn moment(&self) -> u64 {
        hash(&(self.process.as_ref().map(Who::key), self.time_ms))
    }
}

impl Who<'_> {
    fn key(&self) -> u64 {
        hash(&(&*self.run, &*self.host, self.pid))
    }
}

/// Stands behind the fingerprint in a [`key`].
const BEHIND_FINGERPRINT: char = '\n';

/// What findings of one bug have in common: the fingerprint. A function that allocates several objects may leak each for a
/// reason of its own, so of leaks it is the class and the line, too.
fn key<'a>(fingerprint: &'a str, summary: &str, class: Option<LeakClass>) -> Cow<'a, str> {
    match class {
        Some(class) => {
            format!("{fingerprint}{BEHIND_FINGERPRINT}{} {summary}", class.name()).into()
        }
        None => fingerprint.into(),
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Merge {
    /// Of nothing yet; names that records lack are looked up in `names`.
    pub fn with(names: &Arc<Names>) -> Merge {
        Merge { names: Arc::clone(names), ..Merge::default() }
    }

    /// Adds a line, without its newline. `is_last` says that the file had no newline there.
    pub fn add_line(&mut self, line: &[u8], is_last: bool) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Ok(glance) = serde_json::from_slice::<Glance>(line) else {
            *if is_last { &mut self.skipped.torn } else { &mut self.skipped.broken } += 1;
            return;
        };
        if glance.version > VERSION {
            self.skipped.unknown += 1;
        } else if glance.record != "finding" {
            match Record::from_line(line) {
                Ok(record) => self.add(record),
                Err(_) if is_known_type(&glance.record) => self.skipped.broken += 1,
                Err(_) => self.skipped.unknown += 1,
            }
        } else if glance.bare {
            let moment = glance.moment();
            if !self.full.contains(&moment) {
                self.bare.insert(moment, line.to_vec());
            }
        } else {
            let moment = glance.moment();
            if self.bare.remove(&moment).is_none() {
                self.full.insert(moment);
            }
            self.add_finding(&glance, line);
        }
    }

    /// Counts a line that was too long to be kept.
    pub fn skip_line(&mut self) {
        self.skipped.broken += 1;
    }

    /// Adds a record that is not a finding.
    pub fn add(&mut self, record: Record) {
        match record {
            Record::Run(run) => self.add_run(run),
            Record::RunEnd(end) => self.add_run_end(end),
            Record::Process(start) => {
                self.totals.processes += 1;
                self.count_test(start.process.test, 1, 0);
            }
            Record::ProcessEnd(end) => {
                self.totals.ended += 1;
                self.totals.guarded += end.guarded;
                self.unguarded.add_all(end.unguarded, MOST_NOTICES);
            }
            Record::Notice(notice) => self.notices.add(&notice.text, 1, MOST_NOTICES),
            Record::Leaks(summary) => self.add_leaks(&summary),
            Record::Bug(bug) => self.add_bug(*bug),
            Record::Totals(totals) => self.add_totals(totals),
            Record::Finding(finding) => {
                self.add_line(Record::Finding(finding).to_line().trim_end().as_bytes(), false);
            }
        }
    }

    fn add_run(&mut self, run: Run) {
        let told = self.runs.entry(run.run.clone()).or_default();
        told.run = run;
    }

    fn add_run_end(&mut self, end: RunEnd) {
        let told = self.runs.entry(end.run.clone()).or_default();
        if told.run.run.is_empty() {
            told.run.run.clone_from(&end.run);
        }
        told.end = Some(end);
    }

    fn add_leaks(&mut self, summary: &LeakSummary) {
        let Process { run, host, pid, .. } = &summary.process;
        let process = hash(&(run.as_str(), host.as_str(), *pid));
        self.add_last_leaks(process, (summary.time_ms, summary.counts));
    }

    fn add_last_leaks(&mut self, process: u64, found: (u64, LeakCounts)) {
        let last = self.leaks.entry(process).or_insert(found);
        if last.0 < found.0 {
            *last = found;
        }
    }

    fn add_totals(&mut self, totals: Totals) {
        self.totals.processes += totals.processes;
        self.totals.ended += totals.ended;
        self.totals.guarded += totals.guarded;
        self.unguarded.add_all(totals.unguarded, MOST_NOTICES);
        self.notices.add_all(totals.notices, MOST_NOTICES);
        for TestCount { test, processes, findings } in totals.tests {
            self.count_test(Some(test), processes, findings);
        }
        if let Some(LeakTotals { processes, counts }) = totals.leaks {
            let leaks = self.totals.leaks.get_or_insert_default();
            leaks.processes += processes;
            leaks.counts += counts;
        }
    }

    fn count_test(&mut self, test: Option<Test>, processes: u64, findings: u64) {
        let Some(test) = test else { return };
        if self.tests.len() >= MOST_TESTS && !self.tests.contains_key(&test) {
            return;
        }
        let empty = || TestCount { test: test.clone(), ..TestCount::default() };
        let count = self.tests.entry(test.clone()).or_insert_with(empty);
        count.processes += processes;
        count.findings += findings;
    }

    fn add_finding(&mut self, glance: &Glance, line: &[u8]) {
        if !self.names.is_empty()
            && let Ok(mut finding) = serde_json::from_slice::<Finding>(line)
            && self.names.complete(&mut finding)
        {
            let line = Record::Finding(Box::new(finding)).to_line();
            let Ok(named) = serde_json::from_str::<Glance>(&line) else { return self.skip_line() };
            self.add_complete(&named, line.as_bytes());
            self.note_former(&named, &glance.fingerprint);
        } else {
            self.add_complete(glance, line);
        }
    }

    /// Notes that a bug had another fingerprint before its names were known.
    fn note_former(&mut self, named: &Glance, former: &str) {
        let class = named.leak.map(|leak| leak.class);
        let key = key(&named.fingerprint, &named.summary, class);
        if named.fingerprint != former
            && let Some(bug) = self.bugs.get_mut(&*key)
        {
            bug.also.insert(former.to_owned());
        }
    }

    fn add_complete(&mut self, glance: &Glance, line: &[u8]) {
        let Some(who) = &glance.process else { return self.skip_line() };
        let too_many = self.bugs.len() >= MOST_BUGS;
        let class = glance.leak.map(|leak| leak.class);
        let key = key(&glance.fingerprint, &glance.summary, class);
        match self.bugs.get_mut(&*key) {
            Some(bug) if rank(&bug.example) <= glance.rank() => bug.add(glance, who),
            Some(bug) => match serde_json::from_slice::<Finding>(line) {
                Ok(finding) => {
                    bug.example = finding;
                    bug.add(glance, who);
                }
                Err(_) => return self.skip_line(),
            },
            None if too_many => {
                self.skipped.beyond += 1;
                return;
            }
            None => match serde_json::from_slice::<Finding>(line) {
                Ok(example) => {
                    let first_ms = example.time_ms;
                    let mut bug = Gathered { first_ms, example, ..Gathered::default() };
                    bug.add(glance, who);
                    self.bugs.insert(key.into_owned(), bug);
                }
                Err(_) => return self.skip_line(),
            },
        }
        self.count_test(who.test.clone(), 0, 1);
    }

    fn add_bug(&mut self, mut bug: Bug) {
        if !self.names.is_empty() && self.names.complete(&mut bug.example) {
            let finding = &bug.example;
            bug.places.iter_mut().filter(|place| place.name == bug.summary).for_each(|place| {
                place.name.clone_from(&finding.summary);
            });
            bug.summary.clone_from(&finding.summary);
            let former = std::mem::replace(&mut bug.fingerprint, finding.fingerprint.clone());
            if former != bug.fingerprint {
                bug.also.push(former);
            }
            bug.site.clone_from(&finding.site);
        }
        let class = bug.example.leak.as_ref().map(|leak| leak.class);
        let key = key(&bug.fingerprint, &bug.summary, class).into_owned();
        if self.bugs.len() >= MOST_BUGS && !self.bugs.contains_key(&key) {
            self.skipped.beyond += bug.count;
            return;
        }
        self.join(key, Gathered::from(bug));
    }

    fn join(&mut self, fingerprint: String, bug: Gathered) {
        match self.bugs.entry(fingerprint) {
            Entry::Occupied(mut known) => known.get_mut().join(bug),
            Entry::Vacant(place) => {
                place.insert(bug);
            }
        }
    }

    /// Adds the contents of another merge.
    pub fn join_all(&mut self, other: Merge) {
        for (_, told) in other.runs {
            if told.run.version > 0 {
                self.add_run(told.run);
            }
            if let Some(end) = told.end {
                self.add_run_end(end);
            }
        }
        for (fingerprint, bug) in other.bugs {
            if self.bugs.len() >= MOST_BUGS && !self.bugs.contains_key(&fingerprint) {
                self.skipped.beyond += bug.count;
            } else {
                self.join(fingerprint, bug);
            }
        }
        self.bare.extend(other.bare);
        self.full.extend(other.full);
        self.add_totals(other.totals);
        other.leaks.into_iter().for_each(|(process, found)| self.add_last_leaks(process, found));
        self.unguarded.join(other.unguarded, MOST_NOTICES);
        self.notices.join(other.notices, MOST_NOTICES);
        for TestCount { test, processes, findings } in other.tests.into_values() {
            self.count_test(Some(test), processes, findings);
        }
        self.skipped.torn += other.skipped.torn;
        self.skipped.broken += other.skipped.broken;
        self.skipped.unknown += other.skipped.unknown;
        self.skipped.beyond += other.skipped.beyond;
    }

    /// The collection of everything that was added.
    pub fn finish(mut self) -> Collection {
        for (moment, line) in std::mem::take(&mut self.bare) {
            if let (false, Ok(glance)) =
                (self.full.contains(&moment), serde_json::from_slice(&line))
            {
                self.add_finding(&glance, &line);
            }
        }
        self.join_the_same();
        let mut bugs: Vec<Bug> =
            self.bugs.into_iter().map(|(fingerprint, bug)| bug.finish(fingerprint)).collect();
        bugs.sort_by(|a, b| {
            (a.known.is_some(), a.first_ms, &a.fingerprint).cmp(&(
                b.known.is_some(),
                b.first_ms,
                &b.fingerprint,
            ))
        });
        let (crashes, bugs): (Vec<Bug>, Vec<Bug>) = bugs.into_iter().partition(is_crash);
        let mut runs: Vec<RunTold> = self.runs.into_values().collect();
        runs.sort_by(|a, b| (a.run.time_ms, &a.run.run).cmp(&(b.run.time_ms, &b.run.run)));
        for (_, counts) in self.leaks.into_values() {
            let leaks = self.totals.leaks.get_or_insert_default();
            leaks.processes += 1;
            leaks.counts += counts;
        }
        let totals = Totals {
            version: VERSION,
            findings: bugs.iter().chain(&crashes).map(|bug| bug.count).sum(),
            unguarded: self.unguarded.most(MOST_NOTICES),
            notices: self.notices.most(MOST_NOTICES),
            tests: self.tests.into_values().collect(),
            ..self.totals
        };
        Collection { runs, bugs, crashes, totals, skipped: self.skipped, source_root: None }
    }

    /// Joins bugs that are the same by their other fingerprints, then late bugs with the bug of their site.
    fn join_the_same(&mut self) {
        let named = |(fingerprint, bug): (&String, &Gathered)| {
            let also: Vec<String> = bug.also.iter().cloned().collect();
            also.into_iter().map(|also| (also, fingerprint.clone())).collect::<Vec<_>>()
        };
        let mut aliases: Vec<(String, String)> = self.bugs.iter().flat_map(named).collect();
        aliases.sort();
        // For each site, the bug that was found at once and has the most findings.
        let mut early: HashMap<String, (u64, String)> = HashMap::new();
        for (fingerprint, bug) in &self.bugs {
            let (Some(site), false) = (&bug.example.site, bug.example.late) else { continue };
            let candidate = (bug.count, fingerprint.clone());
            let best = early.entry(site.clone()).or_insert_with(|| candidate.clone());
            if (candidate.0, &best.1) > (best.0, &candidate.1) {
                *best = candidate;
            }
        }
        let late = self.bugs.iter().filter(|(_, bug)| bug.example.late);
        let by_site = late.filter_map(|(fingerprint, bug)| {
            let (_, of) = early.get(bug.example.site.as_ref()?)?;
            Some((fingerprint.clone(), of.clone()))
        });
        let mut by_site: Vec<(String, String)> = by_site.collect();
        by_site.sort();
        for (from, to) in aliases.into_iter().chain(by_site) {
            if from == to || !self.bugs.contains_key(&to) {
                continue;
            }
            if let Some(bug) = self.bugs.remove(&from) {
                let into = self.bugs.entry(to).or_default();
                into.also.insert(from);
                into.join(bug);
            }
        }
    }
}

/// Whether a process ended by abort, or by a signal that was sent.
fn is_crash(bug: &Bug) -> bool {
    bug.kind == "ABRT" || bug.example.heading.contains(" raised here by ")
}

fn is_known_type(name: &str) -> bool {
    ["run", "run_end", "process", "notice", "process_end", "leaks", "bug", "totals"].contains(&name)
}

impl Gathered {
    fn add(&mut self, glance: &Glance, who: &Who) {
        self.count += 1;
        self.processes.insert(who.key());
        self.first_ms = self.first_ms.min(glance.time_ms);
        self.last_ms = self.last_ms.max(glance.time_ms);
        self.add_run(&who.run);
        self.places.add(&glance.summary, 1, MOST_COUNTED);
        self.commands.add(&command_line(&who.command), 1, MOST_COUNTED);
        if let Some(Test { framework, name }) = &who.test {
            self.tests.add(&format!("{framework}: {name}"), 1, MOST_TESTS_OF_A_BUG);
        }
        self.is_news |= glance.known.is_none();
    }

    fn add_run(&mut self, run: &str) {
        if !run.is_empty() && !self.runs.contains(run) {
            self.runs.insert(run.to_owned());
            if self.runs.len() > MOST_RUNS_OF_A_BUG {
                self.runs.pop_last();
            }
        }
    }

    fn join(&mut self, other: Gathered) {
        self.also.extend(other.also);
        self.count += other.count;
        self.processes.extend(other.processes);
        self.more_processes += other.more_processes;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        other.runs.iter().for_each(|run| self.add_run(run));
        self.places.join(other.places, MOST_COUNTED);
        self.commands.join(other.commands, MOST_COUNTED);
        self.tests.join(other.tests, MOST_TESTS_OF_A_BUG);
        self.is_news |= other.is_news;
        if rank(&other.example) < rank(&self.example) {
            self.example = other.example;
        }
    }

    fn finish(self, key: String) -> Bug {
        let fingerprint = key.split(BEHIND_FINGERPRINT).next().unwrap_or_default().to_owned();
        let Gathered { example, mut also, .. } = self;
        also.remove(&fingerprint);
        Bug {
            version: VERSION,
            fingerprint,
            also: also.into_iter().collect(),
            site: example.site.clone(),
            kind: example.kind.clone(),
            summary: example.summary.clone(),
            count: self.count,
            processes: self.processes.len() as u64 + self.more_processes,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
            runs: self.runs.into_iter().collect(),
            places: self.places.most(MOST_TOLD),
            commands: self.commands.most(MOST_TOLD),
            tests: self.tests.most(MOST_TESTS_OF_A_BUG),
            known: if self.is_news { None } else { example.known.clone() },
            example,
        }
    }
}

impl From<Bug> for Gathered {
    fn from(bug: Bug) -> Gathered {
        let mut gathered = Gathered {
            also: bug.also.into_iter().collect(),
            count: bug.count,
            more_processes: bug.processes,
            first_ms: bug.first_ms,
            last_ms: bug.last_ms,
            runs: bug.runs.into_iter().collect(),
            is_news: bug.known.is_none(),
            example: bug.example,
            ..Gathered::default()
        };
        if gathered.example.known.is_none() {
            gathered.example.known = bug.known;
        }
        gathered.places.add_all(bug.places, MOST_COUNTED);
        gathered.commands.add_all(bug.commands, MOST_COUNTED);
        gathered.tests.add_all(bug.tests, MOST_TESTS_OF_A_BUG);
        gathered
    }
}

mod tally;
#[cfg(test)]
mod tests;
