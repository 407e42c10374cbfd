//! The guarded heap as a Rust program's allocator: `examples/` on every backend.

mod support;

#[path = "../examples/rust_clean/work.rs"]
mod work;

use std::path::Path;
use std::time::Duration;

use support::backend::available_backends;
use support::built;
use support::process::{self, Exit, Outcome};
use support::report::{self, Frame, Report, Stack};
use support::source;

const LIMIT: Duration = Duration::from_secs(300);

/// A stack must pass through a function, at the line that bears a mark.
struct Passes<'a> {
    stack: &'a Stack,
    mark: &'a str,
    function: &'a str,
}

fn run(example: &str, bug: &str, backend: &str) -> Outcome {
    let mut command = process::command(built::example(example));
    command.arg(bug).env("FENCEPOST_OPTIONS", format!("backend={backend}"));
    process::run(&mut command, LIMIT).expect("the example starts")
}

/// Runs a buggy example on every backend, and hands its report to `check`.
fn on_every_backend(example: &str, bug: &str, end: Exit, check: impl Fn(&Report)) {
    let backends = available_backends();
    assert!(backends.contains(&"mprotect"), "it works everywhere");
    for backend in backends {
        let outcome = run(example, bug, backend);
        eprintln!("{example} {bug} on {backend}:\n{}", outcome.stderr);
        let report = report::parse(&outcome.stderr).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(outcome.exit, end);
        check(&report);
        let stacks = [Some(&report.culprit), report.freed.as_ref(), report.allocated.as_ref()];
        for stack in stacks.into_iter().flatten() {
            assert_begins_in_the_program(&stack.frames);
        }
    }
}

/// No frame of the runtime, and not the shims that rustc puts before a global allocator.
#[track_caller]
fn assert_begins_in_the_program(frames: &[Frame]) {
    const SHIMS: [&str; 4] =
        ["__rust_alloc", "__rust_alloc_zeroed", "__rust_dealloc", "__rust_realloc"];
    assert!(!frames.is_empty());
    for frame in frames {
        let name = frame.function().unwrap_or_default();
        let last = name.rsplit("::").next().unwrap_or_default();
        assert!(!name.contains("fencepost"), "the runtime's own: {}", frame.text);
        assert!(!SHIMS.contains(&last), "a shim: {}", frame.text);
        let file = frame.place().map_or("", |(file, _)| file);
        assert!(!["global_alloc.rs", "frames.rs"].contains(&file), "our file: {}", frame.text);
    }
}

/// The innermost frame in the example's own file is `function` at the marked line. (Frames of the
/// standard library may come before it: without optimisation nothing of it is inlined.)
#[track_caller]
fn assert_passes(file: &str, wanted: &Passes<'_>) {
    let frames = &wanted.stack.frames;
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).expect("a file");
    let own = frames.iter().find(|frame| frame.place().is_some_and(|place| place.0 == name));
    let own = own.unwrap_or_else(|| panic!("no frame in {name}: {frames:#?}"));
    let line = marked_line(file, wanted.mark);
    assert_eq!(own.place(), Some((name, line)), "{}: {frames:#?}", wanted.mark);
    let function = own.function().expect("a name");
    assert!(function.rsplit("::").next() == Some(wanted.function), "{function}");
}

/// Where a source file says `// <- MARK`.
fn marked_line(file: &str, mark: &str) -> u32 {
    let (_, text) = source::read(&source::package().join("examples").join(file));
    let line = text.lines().position(|line| line.ends_with(&format!("// <- {mark}")));
    u32::try_from(line.expect("the mark is there") + 1).expect("a short file")
}

fn access(report: &Report) -> String {
    report.access.expect("an access").to_string()
}

const SEGV: Exit = Exit::Signal(libc::SIGSEGV);

#[test]
fn a_write_past_a_boxed_slice() {
    let file = "rust_overrun.rs";
    on_every_backend("rust_overrun", "slice", SEGV, |report| {
        assert_eq!(report.kind, "heap-buffer-overflow");
        assert_eq!(access(report), "WRITE of size 4");
        assert_eq!(report.place, "located 0 bytes after 48-byte region");
        assert_eq!((report.thread.as_str(), report.freed.as_ref()), ("T0", None));
        let stack = &report.culprit;
        let (mark, function) = ("slice: access", "fill_from_1_to_12");
        assert_eq!(stack.frames[0].place(), Some((file, marked_line(file, mark))));
        assert_passes(file, &Passes { stack, mark, function });
        let stack = report.allocated.as_ref().expect("an allocation");
        let (mark, function) = ("slice: allocated", "month_table");
        assert_passes(file, &Passes { stack, mark, function });
    });
}

#[test]
fn a_read_past_a_vec() {
    let file = "rust_overrun.rs";
    on_every_backend("rust_overrun", "vec", SEGV, |report| {
        assert_eq!(report.kind, "heap-buffer-overflow");
        assert_eq!(access(report), "READ of size 8");
        assert_eq!(report.place, "located 0 bytes after 80-byte region");
        let stack = &report.culprit;
        let (mark, function) = ("vec: access", "sum_inclusive");
        assert_eq!(stack.frames[0].place(), Some((file, marked_line(file, mark))));
        assert_passes(file, &Passes { stack, mark, function });
        // The object is that of the last reallocation.
        let stack = report.allocated.as_ref().expect("an allocation");
        let (mark, function) = ("vec: moved", "collect_squares");
        assert_passes(file, &Passes { stack, mark, function });
    });
}

#[test]
fn a_read_of_a_freed_node() {
    let file = "rust_use_after_free.rs";
    on_every_backend("rust_use_after_free", "node", SEGV, |report| {
        assert_eq!(report.kind, "heap-use-after-free");
        assert_eq!(access(report), "READ of size 8");
        assert_eq!(report.place, "located 0 bytes inside of 32-byte region");
        let stack = &report.culprit;
        let (mark, function) = ("node: access", "next_of");
        assert_eq!(stack.frames[0].place(), Some((file, marked_line(file, mark))));
        assert_passes(file, &Passes { stack, mark, function });
        let stack = report.freed.as_ref().expect("a free");
        assert_passes(file, &Passes { stack, mark: "node: freed", function: "release" });
        let stack = report.allocated.as_ref().expect("an allocation");
        assert_passes(file, &Passes { stack, mark: "node: allocated", function: "push" });
    });
}

#[test]
fn a_read_of_a_freed_node_while_the_thread_panics() {
    let file = "rust_use_after_free.rs";
    for moment in ["panic", "hook"] {
        on_every_backend("rust_use_after_free", moment, SEGV, |report| {
            assert_eq!(report.kind, "heap-use-after-free");
            assert_eq!(access(report), "READ of size 8");
            let stack = &report.culprit;
            assert_passes(file, &Passes { stack, mark: "node: access", function: "next_of" });
        });
    }
}

#[test]
fn a_write_into_what_another_thread_has_freed() {
    let file = "rust_use_after_free.rs";
    on_every_backend("rust_use_after_free", "thread", SEGV, |report| {
        assert_eq!(report.kind, "heap-use-after-free");
        assert_eq!(access(report), "WRITE of size 1");
        assert_eq!(report.place, "located 100 bytes inside of 9000-byte region");
        let stack = &report.culprit;
        assert_passes(file, &Passes { stack, mark: "thread: access", function: "mark_done" });
        let stack = report.freed.as_ref().expect("a free");
        assert_ne!(stack.thread, report.culprit.thread);
        assert_passes(file, &Passes { stack, mark: "thread: freed", function: "drop_buffer" });
        let stack = report.allocated.as_ref().expect("an allocation");
        let (mark, function) = ("thread: allocated", "make_buffer");
        assert_passes(file, &Passes { stack, mark, function });
    });
}

#[test]
fn a_box_that_is_freed_twice() {
    let file = "rust_use_after_free.rs";
    let end = Exit::Signal(libc::SIGABRT);
    on_every_backend("rust_use_after_free", "twice", end, |report| {
        assert_eq!(report.kind, "double-free");
        assert_eq!(report.place, "located 0 bytes inside of 32-byte region");
        let stack = &report.culprit;
        assert_passes(file, &Passes { stack, mark: "twice: called", function: "release_again" });
        let stack = report.freed.as_ref().expect("a free");
        assert_passes(file, &Passes { stack, mark: "twice: freed", function: "release_first" });
        let stack = report.allocated.as_ref().expect("an allocation");
        assert_passes(file, &Passes { stack, mark: "node: allocated", function: "push" });
    });
}

/// This test's own allocator is the system's.
#[test]
fn a_program_without_a_bug_prints_what_it_does_with_the_systems_allocator() {
    let expected = format!("{}\n", work::report());
    for backend in available_backends() {
        let outcome = run("rust_clean", "", backend);
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""), "on {backend}");
        assert_eq!(outcome.stdout, expected, "on {backend}");
    }
}

#[test]
fn a_wrong_option_stops_the_program_before_it_does_anything() {
    let outcome = run("rust_clean", "", "sieve");
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(125), ""));
    assert!(outcome.stderr.contains("option 'backend' takes one of"), "{}", outcome.stderr);
}

#[test]
fn memory_that_is_released_with_another_layout() {
    let end = Exit::Signal(libc::SIGABRT);
    for (bug, function, called, told) in [
        ("size", "release_half", "dealloc", "the object has 48 bytes, but dealloc was told 24"),
        (
            "align",
            "release_aligned",
            "dealloc",
            "the object was allocated with an alignment of 8, but dealloc was told an alignment of 64",
        ),
        ("realloc", "grow", "realloc", "the object has 48 bytes, but realloc was told 480"),
    ] {
        let file = "rust_wrong_layout.rs";
        on_every_backend("rust_wrong_layout", bug, end, |report| {
            assert_eq!(report.kind, "free-size-mismatch");
            assert_eq!(report.called.as_deref(), Some(called));
            assert_eq!(report.place, "located 0 bytes inside of 48-byte region");
            assert!(report.notes.iter().any(|note| note == told), "{:?}", report.notes);
            let stack = &report.culprit;
            assert_passes(file, &Passes { stack, mark: &format!("{bug}: called"), function });
            let stack = report.allocated.as_ref().expect("an allocation");
            assert_passes(file, &Passes { stack, mark: "allocated", function: "make" });
        });
    }
}

#[test]
fn memory_that_is_released_with_its_own_layout_or_unchecked() {
    for backend in available_backends() {
        for (bug, options) in [
            ("right", ""),
            ("right", ":sample=2"),
            ("right", ":revoke=batch"),
            ("size", ":free-size-mismatch=no"),
            ("realloc", ":free-size-mismatch=no"),
        ] {
            let outcome = run("rust_wrong_layout", bug, &format!("{backend}{options}"));
            let case = format!("{bug} {backend}{options}: {}", outcome.stderr);
            assert_eq!(
                (outcome.exit, outcome.stdout.as_str()),
                (Exit::Code(0), "done\n"),
                "{case}"
            );
            assert_eq!(outcome.stderr, "", "{case}");
        }
    }
}
