//! Tests of merging.

use super::*;
use fencepost::finding::{Counted, Known, LeakCount, NotGuarded, Notice, ProcessEnd, ProcessStart};

fn process(pid: u32) -> Process {
    Process {
        run: "run".to_owned(),
        host: "host".to_owned(),
        pid,
        command: vec!["./prog".to_owned(), "a b".to_owned()],
        ..Process::default()
    }
}

fn finding(fingerprint: &str, pid: u32, time_ms: u64) -> Finding {
    Finding {
        version: VERSION,
        fingerprint: fingerprint.to_owned(),
        kind: "double-free".to_owned(),
        summary: format!("double-free a.c:1 in {fingerprint}"),
        time_ms,
        process: process(pid),
        ..Finding::default()
    }
}

fn late(mut finding: Finding) -> Finding {
    finding.late = true;
    at("site", finding)
}

fn at(site: &str, mut finding: Finding) -> Finding {
    finding.site = Some(site.to_owned());
    finding
}

fn merged(findings: &[Finding]) -> Collection {
    let mut merge = Merge::default();
    findings.iter().for_each(|finding| merge.add(Record::Finding(Box::new(finding.clone()))));
    merge.finish()
}

fn leak(class: LeakClass, bytes: u64, pid: u32, time_ms: u64) -> Finding {
    let leak = Some(Leak { class, bytes, objects: 1, ..Leak::default() });
    Finding { leak, ..finding("leak", pid, time_ms) }
}

#[test]
fn the_largest_leak_of_a_class_and_line_is_told() {
    let (lost, possible) = (LeakClass::DefinitelyLost, LeakClass::PossiblyLost);
    let elsewhere = Finding { summary: "leak a.c:9 in leak".to_owned(), ..leak(lost, 7, 1, 9) };
    let merged = merged_anyhow(&[
        leak(possible, 900, 1, 1),
        leak(lost, 40, 2, 2),
        leak(lost, 80, 3, 3),
        leak(lost, 60, 4, 4),
        elsewhere,
    ]);
    let told: Vec<(LeakClass, u64, u64)> = (merged.bugs.iter())
        .filter_map(|bug| bug.example.leak.as_ref().map(|leak| (leak.class, leak.bytes, bug.count)))
        .collect();
    assert_eq!(told, [(possible, 900, 1), (lost, 80, 3), (lost, 7, 1)]);
    assert!(merged.bugs.iter().all(|bug| bug.fingerprint == merged.bugs[0].fingerprint));
    let mut again = Merge::default();
    merged.records().for_each(|record| again.add(record));
    assert_eq!(again.finish().bugs, merged.bugs);
}

#[test]
fn the_last_check_of_each_process_counts() {
    let summary = |pid, time_ms, bytes| {
        let counts =
            LeakCounts { definite: LeakCount { bytes, objects: 1 }, ..LeakCounts::default() };
        LeakSummary { version: VERSION, time_ms, process: process(pid), counts }
    };
    let mut merge = Merge::default();
    for (pid, time_ms, bytes) in [(1, 5, 100), (1, 3, 999), (2, 1, 10)] {
        merge.add(Record::Leaks(summary(pid, time_ms, bytes)));
    }
    let mut other = Merge::default();
    other.add(Record::Leaks(summary(2, 9, 20)));
    merge.join_all(other);
    let merged = merge.finish();
    let leaks = merged.totals.leaks.unwrap();
    assert_eq!((leaks.processes, leaks.counts.definite.bytes), (2, 120));
    let mut again = Merge::default();
    merged.records().for_each(|record| again.add(record));
    assert_eq!(again.finish().totals.leaks, merged.totals.leaks);
}

/// Merges findings, and checks that neither their order nor a division into parts changes the result.
fn merged_anyhow(findings: &[Finding]) -> Collection {
    let expected = merged(findings);
    let mut others = findings.to_vec();
    others.reverse();
    assert_eq!(merged(&others), expected);
    for cut in 0..=findings.len() {
        let mut merge = Merge::default();
        for part in [&findings[cut..], &findings[..cut]] {
            let mut other = Merge::default();
            for finding in part {
                other.add(Record::Finding(Box::new(finding.clone())));
            }
            merge.join_all(other);
        }
        assert_eq!(merge.finish(), expected, "cut at {cut}");
    }
    expected
}

#[test]
fn findings_of_one_bug_are_counted() {
    let mut elsewhere = finding("a", 2, 20);
    elsewhere.summary = "double-free a.c:9 in a".to_owned();
    elsewhere.process.test = Some(Test { framework: "ctest".to_owned(), name: "t".to_owned() });
    let all = [finding("a", 1, 10), elsewhere, finding("a", 2, 30), finding("b", 1, 15)];
    let collection = merged_anyhow(&all);
    let [a, b] = &collection.bugs[..] else { panic!("{:?}", collection.bugs) };
    assert_eq!((a.count, a.processes, a.first_ms, a.last_ms), (3, 2, 10, 30));
    assert_eq!((a.places.len(), a.places[0].count), (2, 2));
    assert_eq!((a.tests[0].name.as_str(), a.tests[0].count), ("ctest: t", 1));
    assert_eq!(a.commands[0].name, "./prog 'a b'");
    assert_eq!((a.example.time_ms, a.runs.len()), (10, 1));
    assert_eq!((b.count, collection.totals.findings), (1, 4));
}

#[test]
fn a_full_finding_takes_the_place_of_the_bare_one() {
    let bare = |fingerprint, pid, time| Finding { bare: true, ..finding(fingerprint, pid, time) };
    let collection = merged_anyhow(&[
        bare("offset", 1, 10),
        finding("named", 1, 10),
        // This process was killed before names were looked up.
        bare("offset", 2, 10),
    ]);
    let counts: Vec<_> =
        collection.bugs.iter().map(|bug| (bug.fingerprint.as_str(), bug.count)).collect();
    assert_eq!(counts, [("named", 1), ("offset", 1)]);
}

#[test]
fn the_example_tells_most() {
    let unnamed = Finding { names_missing: Some("killed".to_owned()), ..finding("a", 1, 5) };
    let collection = merged_anyhow(&[unnamed, finding("a", 1, 20), finding("a", 3, 10)]);
    assert_eq!((collection.bugs[0].example.time_ms, collection.bugs[0].count), (10, 3));
}

#[test]
fn what_was_found_late_joins_the_early_bug_of_its_site() {
    let early = at("site", finding("early", 1, 30));
    let collection = merged_anyhow(&[late(finding("late", 2, 10)), early.clone(), early]);
    let [bug] = &collection.bugs[..] else { panic!("{:?}", collection.bugs) };
    assert_eq!((bug.fingerprint.as_str(), bug.count, bug.first_ms), ("early", 3, 10));
    assert!(bug.also == ["late"] && !bug.example.late);
    // Two writes beside objects of one site are two bugs.
    let two = [at("site", finding("a", 1, 1)), at("site", finding("b", 1, 2))];
    assert_eq!(merged_anyhow(&two).bugs.len(), 2);
    let other_site = [at("elsewhere", finding("a", 1, 1)), late(finding("late", 1, 2))];
    assert_eq!(merged_anyhow(&other_site).bugs.len(), 2);
}

fn everything() -> Merge {
    let mut merge = Merge::default();
    let known = |name: &str| Some(Known::Suppression(name.to_owned()));
    for one in [
        late(finding("late", 2, 10)),
        at("site", finding("early", 1, 30)),
        Finding { known: known("s"), ..finding("known", 1, 3) },
    ] {
        merge.add(Record::Finding(Box::new(one)));
    }
    let run = "run".to_owned();
    merge.add(Record::Run(Run { version: 1, run: run.clone(), time_ms: 1, ..Run::default() }));
    let not_guarded =
        vec![NotGuarded { program: "sh".to_owned(), times: 3, ..NotGuarded::default() }];
    merge.add(Record::RunEnd(RunEnd { version: 1, run, not_guarded, ..RunEnd::default() }));
    merge.add(Record::Process(ProcessStart { process: process(1), ..ProcessStart::default() }));
    let unguarded = vec![Counted { name: "budget".to_owned(), count: 2 }];
    merge.add(Record::ProcessEnd(ProcessEnd { guarded: 5, unguarded, ..ProcessEnd::default() }));
    let text = "the budget is spent".to_owned();
    merge.add(Record::Notice(Notice { text, ..Notice::default() }));
    merge
}

#[test]
fn merged_records_merge_to_the_same() {
    let collection = everything().finish();
    assert_eq!(collection.bugs.len(), 2);
    let mut again = Merge::default();
    collection.records().for_each(|record| again.add(record));
    assert_eq!(again.finish(), collection);
    // Another file has further findings of the same bugs.
    let mut both = Merge::default();
    collection.records().for_each(|record| both.add(record));
    both.add(Record::Finding(Box::new(late(finding("late", 9, 99)))));
    let both = both.finish();
    assert_eq!((both.bugs.len(), both.bugs[0].count), (2, 3));
    assert_eq!(both.bugs[1].known, Some(Known::Suppression("s".to_owned())));
}

#[test]
fn one_finding_that_is_news_makes_the_bug_news() {
    let known = Finding { known: Some(Known::Baseline), ..finding("a", 1, 1) };
    assert_eq!(merged_anyhow(std::slice::from_ref(&known)).bugs[0].known, Some(Known::Baseline));
    assert_eq!(merged_anyhow(&[known, finding("a", 1, 2)]).bugs[0].known, None);
}

#[test]
fn a_process_that_aborts_is_no_bug() {
    let abort = Finding { kind: "ABRT".to_owned(), ..finding("a", 1, 1) };
    let collection = merged_anyhow(&[abort, finding("b", 1, 2)]);
    assert_eq!((collection.bugs.len(), collection.crashes.len()), (1, 1));
    let mut again = Merge::default();
    collection.records().for_each(|record| again.add(record));
    assert_eq!(again.finish(), collection);
}

#[test]
fn what_is_no_record_is_skipped_and_counted() {
    let mut merge = Merge::default();
    merge.add_line(b"{\"type\":\"finding\",\"version\":1,\"time", true);
    merge.add_line(b"nonsense", false);
    merge.add_line(b"{\"type\":\"finding\",\"version\":1}", false);
    merge.add_line(b"{\"type\":\"weather\",\"version\":1}", false);
    merge.add_line(b"{\"type\":\"finding\",\"version\":999}", false);
    merge.add_line(b"", false);
    let skipped = merge.finish().skipped;
    assert_eq!(skipped, Skipped { torn: 1, broken: 2, unknown: 2, beyond: 0 });
    let words = skipped.words().unwrap();
    assert!(words.starts_with("skipped 1 unfinished last line, 2 lines that are no"), "{words}");
}

#[test]
fn lists_are_bounded() {
    let mut merge = Merge::default();
    for number in 0..2_000 {
        let mut finding = finding("a", number, u64::from(number) + 1);
        finding.process.command = vec![number.to_string()];
        finding.process.run = format!("run {number:04}");
        merge.add(Record::Finding(Box::new(finding)));
    }
    let bug = merge.finish().bugs.remove(0);
    assert_eq!((bug.count, bug.processes), (2_000, 2_000));
    assert_eq!((bug.commands.len(), bug.runs.len()), (MOST_TOLD, MOST_RUNS_OF_A_BUG));
    assert_eq!(bug.runs[0], "run 0000");
}
