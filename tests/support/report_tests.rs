//! Tests the report parser with invented reports: a lenient parser would let wrong reports pass.

use crate::support::expectation::glob_matches;
use crate::support::report::{self, Access, Direction, Report};

const OVERFLOW: &str = "\
a line of the program's
==4711==ERROR: Fencepost: heap-buffer-overflow on address 0x10030 at pc 0x5501 bp 0x7ff0 sp 0x7fe0 thread T1 (worker)
WRITE of size 4 at 0x10030 thread T1
    #0 0x5501 in Table::set(int, int) /src/table.cpp:7:9 (table+0x501)
    #1 0x5600 in main /src/table.cpp:20 (table+0x600)
    #2 0x7fff5000 (libc.so.6+0x27000)

0x10030 is located 0 bytes after 48-byte region [0x10000,0x10030)
allocated by thread T0 here:
    #0 0x5400 in main /src/table.cpp:19:5 (table+0x400)

SUMMARY: Fencepost: heap-buffer-overflow /src/table.cpp:7:9 in Table::set(int, int)
";

const DOUBLE_FREE: &str = "\
==1==ERROR: Fencepost: double-free on address 0x10000 thread T0 (main)
free called here by thread T0:
    #0 0x5501 in main /src/a.c:9 (a+0x501)

0x10000 is located 0 bytes inside of 48-byte region [0x10000,0x10030)
freed by thread T0 here:
    #0 0x5500 in main /src/a.c:8 (a+0x500)
allocated by thread T0 here:
    #0 0x5400 in main /src/a.c:7 (a+0x400)

SUMMARY: Fencepost: double-free /src/a.c:9 in main
";

fn changed(report: &str, from: &str, to: &str) -> Result<Report, String> {
    assert!(report.contains(from), "the sample has no `{from}`");
    report::parse(&report.replacen(from, to, 1))
}

#[test]
fn reads_an_access() {
    let report = report::parse(OVERFLOW).expect("a well-formed report");
    assert_eq!((report.pid, report.kind.as_str()), (4711, "heap-buffer-overflow"));
    assert_eq!((report.thread.as_str(), report.thread_name.as_str()), ("T1", "worker"));
    assert_eq!(report.access, Some(Access { direction: Direction::Write, bytes: Some(4) }));
    assert_eq!(report.place, "located 0 bytes after 48-byte region");
    assert_eq!(report.culprit.frames.len(), 3);
    let frame = &report.culprit.frames[0];
    assert_eq!(frame.function(), Some("Table::set(int, int)"));
    assert_eq!(frame.place(), Some(("table.cpp", 7)));
    assert_eq!(report.culprit.frames[1].place(), Some(("table.cpp", 20)));
    assert_eq!(report.culprit.frames[2].function(), None);
    assert_eq!(report.culprit.frames[2].place(), None);
    assert_eq!(report.freed, None);
    assert_eq!(report.allocated.expect("a stack").frames.len(), 1);
}

#[test]
fn reads_the_source_and_the_bytes() {
    let excerpt = "  --> /src/table.cpp:7:9\n   |\n 6 | {\n>7 |     at[12] = x;\n   |            ^ this writes\n   |\n";
    let report = changed(OVERFLOW, "WRITE of", &format!("{excerpt}WRITE of")).expect("well-formed");
    assert_eq!(report.excerpt.len(), 6);
    let bytes = "[0x10000,0x10030)\n    0x10028 | 00 00  the end\n    0x10030 | ..  guard page\n              ^^ WRITE\n";
    let report = changed(OVERFLOW, "[0x10000,0x10030)\n", bytes).expect("well-formed");
    assert_eq!((report.picture.len(), report.notes.len()), (3, 0));
}

#[test]
fn reads_folded_frames() {
    let folded = "    #2 … #4 in libc.so.6, table (option all-frames shows them)\n";
    let report = changed(OVERFLOW, "    #2 0x7fff5000 (libc.so.6+0x27000)\n", folded);
    assert_eq!(report.expect("well-formed").culprit.frames.len(), 5);
    for wrong in
        ["    #1 … #4 in libc.so.6\n", "    #2 … #1 in libc.so.6\n", "    #2 … libc.so.6\n"]
    {
        assert!(
            changed(OVERFLOW, "    #2 0x7fff5000 (libc.so.6+0x27000)\n", wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn reads_a_bad_call() {
    let deleted = changed(DOUBLE_FREE, "free called", "operator delete[] called");
    assert_eq!(deleted.unwrap().called.as_deref(), Some("operator delete[]"));
    let report = report::parse(DOUBLE_FREE).expect("a well-formed report");
    assert_eq!((report.access, report.called.as_deref()), (None, Some("free")));
    assert_eq!(report.freed.expect("a stack").frames[0].place(), Some(("a.c", 8)));
}

#[test]
fn reads_where_a_thread_was_created() {
    let created = "thread T1 (worker) created by thread T0 here:\n    #0 0x5300 in main /src/table.cpp:18 (table+0x300)\n\nSUMMARY: ";
    let report = changed(OVERFLOW, "SUMMARY: ", created).expect("a well-formed report");
    assert_eq!(report.created[0].frames[0].place(), Some(("table.cpp", 18)));
}

#[test]
fn reads_an_access_across_the_edge() {
    let text = OVERFLOW.replace("on address 0x10030", "on address 0x1002d");
    let text = text.replace("size 4 at 0x10030", "size 4 at 0x1002d");
    assert!(report::parse(&text).is_ok(), "its last byte is the first one after the region");
    let text = text.replace("WRITE of size 4", "WRITE of size 3");
    assert!(report::parse(&text).is_err(), "all its bytes are inside the region");
}

#[test]
fn reads_what_was_never_allocated() {
    let text = "\
==1==ERROR: Fencepost: bad-free on address 0x10 thread T0 (main)
realloc called here by thread T0:
    #0 0x5501 in main /src/a.c:9 (a+0x501)

0x10 was never allocated: nothing is mapped there
SUMMARY: Fencepost: bad-free /src/a.c:9 in main
";
    let report = report::parse(text).expect("a well-formed report");
    assert_eq!(report.place, "never allocated: nothing is mapped there");
    assert_eq!(report.called.as_deref(), Some("realloc"));
}

#[test]
fn reads_slack_found_at_exit() {
    let text = "\
==1==ERROR: Fencepost: overwritten-slack on address 0x1000e thread T0 (main)
found at exit

0x1000e is located 1 byte after 13-byte region [0x10000,0x1000d)
damaged bytes: 78
allocated by thread T0 here:
    #0 0x5400 in main /src/a.c:7 (a+0x400)

SUMMARY: Fencepost: overwritten-slack /src/a.c:7 in main
";
    let report = report::parse(text).expect("a well-formed report");
    assert_eq!(report.found.as_deref(), Some("at exit"));
    assert_eq!(report.notes, ["damaged bytes: 78"]);
}

#[test]
fn reads_what_is_no_matter_of_an_address() {
    let text = "\
==1==ERROR: Fencepost: calloc-overflow thread T0 (main)
calloc called here by thread T0:
    #0 0x5501 in main /src/a.c:9 (a+0x501)

a sentence of it
SUMMARY: Fencepost: calloc-overflow /src/a.c:9 in main
";
    let report = report::parse(text).expect("a well-formed report");
    assert_eq!((report.address, report.place.as_str()), (None, "a sentence of it"));
    assert_eq!(report.called.as_deref(), Some("calloc"));
    let report = changed(text, "a sentence of it\n", "").expect("a well-formed report");
    assert_eq!(report.place, "");
}

#[test]
fn reads_a_crash() {
    let text = "\
==1==ERROR: Fencepost: FPE on address 0x5501 at pc 0x5501 bp 0x7ff0 sp 0x7fe0 thread T0 (main)
SIGFPE raised here by thread T0:
    #0 0x5501 in main /src/a.c:9 (a+0x501)

0x5501 is a division
SUMMARY: Fencepost: FPE /src/a.c:9 in main
";
    let report = report::parse(text).expect("a well-formed report");
    assert_eq!((report.raised.as_deref(), report.access), (Some("SIGFPE"), None));
    let text = text.replace("SIGFPE raised here by thread T0:", "EXECUTE at 0x5501 thread T0");
    let access = report::parse(&text).expect("a well-formed report").access;
    assert_eq!(access, Some(Access { direction: Direction::Execute, bytes: None }));
}

#[test]
fn rejects_numbers_that_contradict_each_other() {
    for (from, to) in [
        ("0 bytes after", "1 byte after"),
        ("0 bytes after", "0 bytes before"),
        ("48-byte", "47-byte"),
        ("0x10030)", "0x10031)"),
        ("WRITE of size 4 at 0x10030", "WRITE of size 4 at 0x10031"),
        ("0x10030 is located", "0x10031 is located"),
        ("0x10030 is located", "0x10034 is located"),
        ("#0 0x5501", "#0 0x5502"),
        ("thread T1\n", "thread T2\n"),
        ("    #2", "    #3"),
    ] {
        assert!(changed(OVERFLOW, from, to).is_err(), "accepted {to} for {from}");
    }
}

#[test]
fn rejects_what_is_missing_or_out_of_order() {
    for (from, to) in [
        ("==4711==ERROR", "==4711==WARNING"),
        (" at pc 0x5501 bp 0x7ff0 sp 0x7fe0", ""),
        (" thread T1 (worker)", ""),
        ("allocated by thread T0 here", "stolen by thread T0 here"),
        ("WRITE of size 4", "TOUCH of size 4"),
        ("0x10030 is located 0 bytes after 48-byte region [0x10000,0x10030)\n", ""),
        ("SUMMARY: Fencepost: heap-buffer-overflow", "SUMMARY: Fencepost: double-free"),
        ("SUMMARY: ", ""),
    ] {
        assert!(changed(OVERFLOW, from, to).is_err(), "accepted `{to}` for `{from}`");
    }
    let swapped = DOUBLE_FREE.replace("freed by", "FREED by").replace("allocated by", "freed by");
    let swapped = swapped.replace("FREED by", "allocated by");
    assert!(report::parse(&swapped).is_err(), "the free comes before the allocation");
    assert!(report::parse(&OVERFLOW.repeat(2)).is_err(), "two reports are one too many");
    assert!(report::parse("").is_err());
}

#[test]
fn globs_match_whole_texts() {
    assert!(glob_matches("READ of size *", "READ of size 32"));
    assert!(glob_matches("in f (*libplain.so+0x*)", "in f (/tmp/libplain.so+0x11)"));
    assert!(!glob_matches("READ of size *", "WRITE of size 32"));
    assert!(!glob_matches("READ of size 3", "READ of size 32"));
    assert!(!glob_matches("*3", "READ of size 32"));
}
