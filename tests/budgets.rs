//! Budgets: what is guarded while they last, and what is reported and remembered after they are spent.

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

/// Runs `tests/robustness/budgets.c`, compiled in a folder of the caller's own.
fn run(test: &str, backend: &str, options: &[&str], arguments: &[&str]) -> Outcome {
    run_program("budgets", test, backend, options, arguments)
}

fn run_program(
    name: &str,
    test: &str,
    backend: &str,
    options: &[&str],
    arguments: &[&str],
) -> Outcome {
    let folder = build_folder(&format!("budgets-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/robustness");
    let source = source.join(name).with_extension("c");
    let program = folder.join(name);
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    let mut command = fencepost_run(backend, options.iter().copied(), program);
    process::run(command.args(arguments), Duration::from_secs(120)).expect("fencepost starts")
}

/// The number behind `name=` in the first line of statistics.
fn stat(outcome: &Outcome, name: &str) -> u64 {
    let line = outcome.stderr.lines().find(|line| line.starts_with("fencepost: stats: "));
    stat_in(line.unwrap_or_else(|| panic!("no statistics: {}", outcome.stderr)), name)
}

fn stat_in(line: &str, name: &str) -> u64 {
    let value = line.split(' ').find_map(|word| word.strip_prefix(&format!("{name}=")));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {line}"))
}

#[test]
fn beyond_the_memory_limit_objects_go_unguarded_and_it_is_said() {
    for backend in available_backends() {
        let options = ["--memory-limit", "4", "--stats"];
        let outcome = run("memory", backend, &options, &["5000", "10"]);
        assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "done\n"), "{backend}");
        let unguarded = stat(&outcome, "unguarded");
        // 4 MiB hold 1,024 pages.
        assert!((3900..4100).contains(&unguarded), "{backend}: {}", outcome.stderr);
        let said = format!("): {unguarded} of ");
        assert!(outcome.stderr.contains(&said), "{backend}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("the memory budget is spent"), "{backend}");
    }
}

#[test]
fn without_history_an_old_use_after_free_is_caught_but_its_stacks_are_gone() {
    for backend in available_backends() {
        let outcome = run("history", backend, &["--history", "0"], &["0", "3000", "use"]);
        let case = format!("{backend}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("ERROR: Fencepost: heap-use-after-free"), "{case}");
        assert!(outcome.stderr.contains("freed long ago; its stacks are no longer kept"), "{case}");
        assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV), "{case}");
    }
}

#[test]
fn with_history_it_has_its_stacks() {
    for backend in available_backends() {
        let outcome = run("stacks", backend, &[], &["0", "3000", "use"]);
        let case = format!("{backend}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("is located 0 bytes inside of 40-byte region"), "{case}");
        assert!(outcome.stderr.contains("freed by thread T0 here:\n    #0 "), "{case}");
    }
}

#[test]
fn sampling_guards_about_one_in_n() {
    for backend in available_backends() {
        let options = ["--sample", "100", "--stats"];
        let outcome = run("sample", backend, &options, &["0", "100000"]);
        assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "done\n"), "{backend}");
        let guarded = stat(&outcome, "guarded");
        assert!((800..1200).contains(&guarded), "{backend}: {}", outcome.stderr);
        assert_eq!(stat(&outcome, "unguarded"), 0, "{backend}");
    }
}

#[test]
fn each_object_counts_once_and_a_child_counts_its_own_page_operations() {
    for backend in available_backends() {
        let outcome = run_program("counts", "counts", backend, &["--stats"], &[]);
        let lines: Vec<&str> = outcome.stderr.lines().filter(|l| l.contains("stats: ")).collect();
        let [child, parent] = lines[..] else { panic!("{backend}: {}", outcome.stderr) };
        // libc makes a few objects too.
        assert!((2000..2050).contains(&stat_in(parent, "guarded")), "{backend}: {parent}");
        assert!((2010..2060).contains(&stat_in(child, "guarded")), "{backend}: {child}");
        assert!(stat_in(parent, "populates") >= 1000, "{backend}: {parent}");
        let operations = ["populates", "moves", "reuses", "drops"];
        let of_child: u64 = operations.iter().map(|name| stat_in(child, name)).sum();
        assert!((10..200).contains(&of_child), "{backend}: {child}");
    }
}

/// Our own tables can't grow either: then less is recorded, and nothing is aborted.
#[test]
fn without_any_memory_malloc_says_so_and_the_program_goes_on() {
    let folder = build_folder("budgets-exhaust");
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/robustness/exhaust.c");
    let program = folder.join("exhaust");
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    for backend in available_backends() {
        for mebibytes in [60, 150] {
            let mut command = fencepost_run(backend, [], &program);
            process::limit(&mut command, libc::RLIMIT_AS, mebibytes << 20);
            let outcome =
                process::run(&mut command, Duration::from_secs(120)).expect("fencepost starts");
            let case = format!("{backend}, {mebibytes} MiB: {}", outcome.stderr);
            assert_eq!(outcome.exit, Exit::Code(0), "{case}");
            assert_eq!(outcome.stdout, "ENOMEM\nafter 1\n", "{case}");
            assert_eq!(outcome.program_stderr(), "", "{case}");
            assert!(outcome.stderr.contains("allocations were not guarded"), "{case}");
        }
    }
}

/// Objects that are not sampled are the next allocator's, and the limit on data counts them all the same.
#[test]
fn a_limit_on_data_holds_while_sampling() {
    for arguments in [["many", "1000000"], ["many", "200000"], ["grow", "1000000"], ["many", "900"]]
    {
        for backend in available_backends() {
            let test = "data-limit";
            let outcome = run_program("data_limit", test, backend, &["--sample", "10"], &arguments);
            let case = format!("{arguments:?} on {backend}: {} {}", outcome.stdout, outcome.stderr);
            let mebibytes = outcome.stdout.strip_suffix(" ENOMEM\n").map(str::parse::<u64>);
            // Natively 55 to 64.
            assert!(matches!(mebibytes, Some(Ok(45..=72))), "{case}");
            assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""), "{case}");
        }
    }
}
