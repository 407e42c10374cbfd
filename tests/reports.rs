//! Ten bugs under fencepost, AddressSanitizer and Memcheck: all three name the same function and line.
//! `docs/reports.md` shows what each prints.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::backend::fencepost_run;
use support::compile::{build_folder, build_program};
use support::{process, report, say_skipped};

const LIMIT: Duration = Duration::from_secs(120);

const PROGRAMS: [&str; 10] = [
    "off_by_one.c",
    "no_room_for_null.c",
    "use_after_free.c",
    "use_after_realloc.c",
    "double_free.c",
    "delete_of_array.cpp",
    "free_inside.c",
    "underflow.c",
    "negative_size.c",
    "unterminated.c",
];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(name)
}

/// Compiles for one test alone, since tests run side by side. `None` if the compiler can't.
fn build(test: &str, name: &str, flags: &[&str]) -> Option<PathBuf> {
    let output = build_folder(&format!("reports-{test}")).join(format!("{name}{}", flags.concat()));
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    build_program(&source(name), &output, &flags, &[]).ok().map(|()| output)
}

/// Line of the bug, as the program says.
fn bug(name: &str) -> u32 {
    let text = fs::read_to_string(source(name)).expect("the program is there");
    let line = text.lines().position(|line| line.ends_with("// <- bug"));
    u32::try_from(line.expect("marked") + 1).expect("a short file")
}

fn stderr(command: &mut Command) -> String {
    process::run(command, LIMIT).expect("it starts").stderr
}

/// The function and line of the first frame in the program's own file: of `    #1 0x… in function /path/file:line:column`.
fn place_in_asan(text: &str, name: &str) -> Option<(String, u32)> {
    let frames = text.lines().filter(|line| line.trim_start().starts_with('#'));
    let frame = frames.into_iter().find(|line| line.contains(&format!("/{name}:")))?;
    let (function, place) = frame.split_once(" in ")?.1.rsplit_once(" /")?;
    let line = place.split_once(&format!("{name}:"))?.1.split(':').next()?;
    Some((function.to_owned(), line.parse().ok()?))
}

/// The same of `   by 0x…: function (file:line)`.
fn place_in_memcheck(text: &str, name: &str) -> Option<(String, u32)> {
    let frame = text.lines().find(|line| line.contains(&format!(" ({name}:")))?;
    let (function, place) = frame.split_once(": ")?.1.rsplit_once(" (")?;
    let line = place.strip_suffix(')')?.rsplit(':').next()?;
    Some((function.to_owned(), line.parse().ok()?))
}

/// The same of `kind /path/file:line in function`.
fn place_in_summary(summary: &str) -> Option<(String, u32)> {
    let (place, function) = summary.split_once(" in ")?;
    Some((function.to_owned(), place.rsplit(':').next()?.parse().ok()?))
}

fn functions_agree(ours: &str, theirs: &str) -> bool {
    // Memcheck writes `Samples::~Samples()` as we do, and ASan too, but for the spaces of templates.
    ours.split('(').next() == theirs.split('(').next()
}

#[test]
fn ten_bugs_have_the_place_that_other_tools_name() {
    let has_valgrind = Path::new("/usr/bin/valgrind").exists();
    if !has_valgrind {
        say_skipped("valgrind is not installed: nothing is compared with Memcheck");
    }
    let mut compared = 0;
    for name in PROGRAMS {
        let plain = build("places", name, &[]).expect("it compiles");
        let text = stderr(&mut fencepost_run("auto", [], &plain));
        let found = report::parse(&text).unwrap_or_else(|why| panic!("{name}: {why}: {text}"));
        let (function, line) = place_in_summary(&found.summary).expect("a place");
        assert_eq!(line, bug(name), "{name}: {}", found.summary);
        // What a reader sees first is that line.
        let marked = found.excerpt.iter().find(|line| line.starts_with('>'));
        assert!(marked.is_some_and(|line| line.ends_with("// <- bug")), "{name}: {text}");
        let sanitized = build("places", name, &["-fsanitize=address"]);
        let theirs = sanitized.map(|program| {
            let mut command = process::command(program);
            stderr(command.env("ASAN_OPTIONS", "detect_leaks=0"))
        });
        match &theirs {
            Some(text) => {
                let (theirs, their_line) = place_in_asan(text, name).expect(text);
                assert_eq!(their_line, line, "{name}: {text}");
                assert!(functions_agree(&function, &theirs), "{function}, but {theirs}: {text}");
                compared += 1;
            }
            None => say_skipped(&format!("{name}: the compiler has no AddressSanitizer")),
        }
        if has_valgrind {
            let mut command = process::command("/usr/bin/valgrind");
            let text = stderr(command.arg("-q").arg(&plain));
            let (theirs, their_line) = place_in_memcheck(&text, name).expect(&text);
            assert_eq!(their_line, line, "{name}: {text}");
            assert!(functions_agree(&function, &theirs), "{function}, but {theirs}: {text}");
            compared += 1;
        }
    }
    assert!(compared > 0 || !has_valgrind);
}

/// Each of these says what to do, and only where that is certain.
#[test]
fn hints_are_given_where_they_are_certain() {
    for (name, hint) in [
        ("off_by_one.c", Some("[11], and this is [12]")),
        ("no_room_for_null.c", Some("N + 1 bytes")),
        ("use_after_free.c", None),
        ("use_after_realloc.c", Some("realloc may move an object")),
        ("double_free.c", Some("called from elsewhere")),
        ("delete_of_array.cpp", None),
        ("free_inside.c", Some("2 bytes beyond")),
        ("underflow.c", None),
        ("negative_size.c", Some("below zero")),
        ("unterminated.c", Some("no null byte")),
    ] {
        let text =
            stderr(&mut fencepost_run("auto", [], build("hints", name, &[]).expect("it compiles")));
        let found = text.lines().find_map(|line| line.strip_prefix("hint: "));
        match hint {
            Some(words) => assert!(found.is_some_and(|it| it.contains(words)), "{name}: {text}"),
            None => assert_eq!(found, None, "{name}: {text}"),
        }
    }
}

#[test]
fn a_terminal_gets_colors_and_a_file_none() {
    let program = build("colors", "off_by_one.c", &[]).expect("it compiles");
    let is_colored = |text: &str| text.contains("\x1b[1;31mheap-buffer-overflow\x1b[0m");
    let run = |options: &[&str], variable: (&str, &str)| {
        let mut command = fencepost_run("auto", options.iter().copied(), &program);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        stderr(command.env(variable.0, variable.1))
    };
    let none = ("TERM", "xterm");
    assert!(!run(&[], none).contains('\x1b'), "it is a pipe");
    assert!(is_colored(&run(&[], ("CLICOLOR_FORCE", "1"))));
    assert!(!run(&["--color", "never"], ("CLICOLOR_FORCE", "1")).contains('\x1b'));
    let text = run(&["--color", "always"], ("NO_COLOR", "1"));
    assert!(is_colored(&text), "{text:?}");
    let log = build_folder("reports-colors-log").join("log");
    let path = log.to_str().expect("plain");
    assert!(run(&["--color", "always", "--log-path", path], none).is_empty());
    for entry in fs::read_dir(log.parent().expect("a folder")).expect("readable") {
        let path = entry.expect("readable").path();
        let text = fs::read_to_string(&path).expect("a log");
        assert!(text.contains("heap-buffer-overflow") && !text.contains('\x1b'), "{text}");
        fs::remove_file(path).expect("removed");
    }
    if !Path::new("/usr/bin/script").exists() {
        return say_skipped("script is not installed, which makes a terminal");
    }
    let on_terminal = |variable: (&str, &str)| {
        let words = format!("{} {}", support::backend::FENCEPOST, program.display());
        let mut command = process::command("/usr/bin/script");
        command.args(["-qec", &words, "/dev/null"]);
        command.env_remove("NO_COLOR").env("TERM", "xterm").env(variable.0, variable.1);
        process::run(&mut command, LIMIT).expect("it starts").stdout
    };
    assert!(is_colored(&on_terminal(none)));
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let text = on_terminal(variable);
        assert!(text.contains("heap-buffer-overflow") && !text.contains('\x1b'), "{text}");
    }
}

#[test]
fn frames_of_libc_are_folded_unless_they_are_asked_for() {
    let program = build("folded", "off_by_one.c", &[]).expect("it compiles");
    let folded = stderr(&mut fencepost_run("auto", [], &program));
    assert!(folded.contains(" … #") && !folded.contains("__libc_start"), "{folded}");
    let whole = stderr(&mut fencepost_run("auto", ["--all-frames"], &program));
    assert!(!whole.contains(" … #") && whole.contains(" in _start "), "{whole}");
}
