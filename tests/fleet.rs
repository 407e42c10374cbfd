//! Merging records of many machines: how much time and memory it takes.

mod support;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Instant;

use fencepost::finding::fingerprint;
use fencepost::finding::{
    Access, Address, Direction, Event, Finding, Frame, Memory, Module, Object, ObjectState,
    Process, Record, Side, Source, Test, VERSION,
};
use support::backend::FENCEPOST;
use support::compile::build_folder;

const BUGS: u64 = 500;
const MACHINES: u64 = 200;

fn stack(bug: u64, what: &str) -> Vec<Frame> {
    let frame = |depth: u64| Frame {
        address: Address(0x7f00_0000_0000 + depth * 4099),
        function: Some(format!("project::part{bug}::{what}_{depth}(char const*, unsigned long)")),
        file: Some(format!("/home/user/project/src/part{bug}/{what}{depth}.cc")),
        line: Some(10),
        module: "/home/user/project/build/tests/test_program".to_owned(),
        offset: Address(depth * 4099),
        ..Frame::default()
    };
    (0..14).map(frame).collect()
}

/// A finding as large as those of usual programs.
fn example(bug: u64) -> Finding {
    let source = Source {
        file: "/home/user/project/src/a.cc".to_owned(),
        first_line: 7,
        line: 10,
        column: None,
        lines: vec!["    int length = read_length(header, size);".to_owned(); 7],
    };
    let module = Module {
        path: "/home/user/project/build/tests/test_program".to_owned(),
        build_id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
    };
    let allocated = Event { thread: 0, stack: Some(stack(bug, "make")) };
    let mut finding = Finding {
        version: VERSION,
        kind: "heap-buffer-overflow".to_owned(),
        summary: format!(
            "heap-buffer-overflow /home/user/project/src/part{bug}/use0.cc:10 in use_0"
        ),
        address: Some(Address(0x7f12_3456_7890)),
        access: Some(Access {
            direction: Direction::Write,
            bytes: Some(4),
            start: Address(0x7f12_3456_7890),
        }),
        heading: "WRITE of size 4 at 0x7f1234567890 thread T0".to_owned(),
        stack: stack(bug, "use"),
        object: Some(Object {
            start: Address(0x7f12_3456_7868),
            bytes: 40,
            family: "malloc".to_owned(),
            alignment: None,
            state: ObjectState::Live,
            side: Side::After,
            distance: 0,
            allocated,
            freed: None,
        }),
        memory: Some(Memory { start: Address(0x7f12_3456_7860), bytes: "00".repeat(128) }),
        modules: vec![module],
        sources: vec![source.clone(), source],
        ..Finding::default()
    };
    fingerprint::set(&mut finding);
    finding
}

/// Writes so many findings, each of another process.
fn write(path: &Path, records: u64) {
    let mut out = BufWriter::new(File::create(path).expect("the folder is writable"));
    // What differs stands at the front of the line and in the process; the rest is the same for a bug.
    let lines: Vec<String> = (0..BUGS)
        .map(|bug| {
            let mut finding = example(bug);
            finding.time_ms = 999_999_999_999;
            finding.process = Process {
                run: "RUN".to_owned(),
                host: "HOST".to_owned(),
                pid: 999_999_999,
                command: vec!["./test_program".to_owned(), "--case=CASE".to_owned()],
                test: Some(Test { framework: "ctest".to_owned(), name: "CASE".to_owned() }),
                ..Process::default()
            };
            Record::Finding(Box::new(finding)).to_line()
        })
        .collect();
    for number in 0..records {
        let line = &lines[usize::try_from(number * 7919 % BUGS).expect("it fits")];
        let (head, tail) = line.split_once("\"thread\":").expect("a finding has a thread");
        let head = head
            .replace("999999999999", &(1_700_000_000_000 + number).to_string())
            .replace("999999999", &(number / MACHINES + 100).to_string())
            .replace("HOST", &format!("host{}", number % MACHINES))
            .replace("RUN", &format!("run-{}", number % 1000))
            .replace("CASE", &(number % 5000).to_string());
        out.write_all(head.as_bytes()).expect("there is room");
        out.write_all(b"\"thread\":").expect("there is room");
        out.write_all(tail.as_bytes()).expect("there is room");
    }
    out.flush().expect("there is room");
}

/// Merges; returns the output's text, the seconds, and the most memory in MiB.
fn merge(input: &Path, output: &Path) -> (String, f64, i64) {
    let start = Instant::now();
    let mut command = Command::new(FENCEPOST);
    let child = command.args(["merge", "-o"]).arg(output).arg(input).spawn();
    let pid = i32::try_from(child.expect("fencepost starts").id()).expect("it fits");
    let mut status = 0;
    // SAFETY: the structure is valid, and zeros are one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both are valid; the child is waited for here only.
    assert_eq!(unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) }, pid);
    assert!(ExitStatus::from_raw(status).success(), "{status}");
    let text = std::fs::read_to_string(output).expect("just written");
    (text, start.elapsed().as_secs_f64(), usage.ru_maxrss / 1024)
}

fn check(records: u64) -> (f64, i64) {
    let folder = build_folder("fleet");
    let (input, output) = (folder.join(format!("{records}.jsonl")), folder.join("merged.jsonl"));
    write(&input, records);
    let (text, seconds, mebibytes) = merge(&input, &output);
    let bugs: Vec<_> = text
        .lines()
        .filter_map(|line| match Record::from_line(line.as_bytes()).expect("a record") {
            Record::Bug(bug) => Some(bug),
            _ => None,
        })
        .collect();
    assert_eq!(bugs.len() as u64, BUGS);
    assert_eq!(bugs.iter().map(|bug| bug.count).sum::<u64>(), records);
    assert_eq!(bugs.iter().map(|bug| bug.processes).sum::<u64>(), records);
    std::fs::remove_file(input).expect("just written");
    (seconds, mebibytes)
}

#[test]
fn memory_is_bounded_by_bugs() {
    // 16 MiB and more are read by several threads. The file has 280 MB: more than may be used.
    let (_, mebibytes) = check(40_000);
    assert!(mebibytes < 200, "{mebibytes} MiB");
}

/// `cargo test --release --test fleet -- --ignored --nocapture`; the file has 7 GB.
#[test]
#[ignore = "takes a minute and 7 GB of disk"]
fn a_million_records() {
    let (seconds, mebibytes) = check(1_000_000);
    eprintln!("1,000,000 records: {seconds:.1} s, {mebibytes} MiB");
    assert!(mebibytes <= 500, "{mebibytes} MiB");
}
