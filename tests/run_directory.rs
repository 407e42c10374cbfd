//! Report directories: one summary for a tree of processes, policies, baselines, suppressions, and the output of
//! `report`.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use fencepost::finding::{Bug, Known, Record, RunEnd};
use support::backend::{FENCEPOST, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(120);

static BUGS: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = build_folder("run-directory").join("bugs");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run_directory/bugs.c");
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
});

/// A folder of one test, empty at first, with a script that runs the programs of a suite.
struct Suite {
    folder: PathBuf,
}

impl Suite {
    /// One program for each of the words, whatever comes of it; then the script ends with 7.
    fn new(name: &str, programs: &[&str]) -> Suite {
        let folder = build_folder("run-directory").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the folder is writable");
        let suite = Suite { folder };
        suite.have(programs);
        suite
    }

    fn have(&self, programs: &[&str]) {
        let bugs = BUGS.display();
        let lines = programs.iter().map(|words| format!("{bugs} {words}\n"));
        let script = lines.collect::<String>() + "exit 7\n";
        fs::write(self.path("suite.sh"), script).expect("the folder is writable");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("the folder is writable");
        self.path(name).display().to_string()
    }

    /// Runs the suite under these options; `OUT` stands for the folder.
    fn run(&self, options: &[&str]) -> Outcome {
        let folder = self.folder.display().to_string();
        let options: Vec<String> =
            options.iter().map(|option| option.replace("OUT", &folder)).collect();
        let mut command = fencepost_run("auto", options.iter().map(String::as_str), "/bin/sh");
        // A bug that ends no program, so that each of these finds all of its bugs.
        command.arg(self.path("suite.sh")).env("TMPDIR", &self.folder);
        process::run(&mut command, LIMIT).expect("fencepost starts")
    }

    /// `fencepost WORDS`, where `OUT` stands for the folder.
    fn ask(&self, words: &[&str]) -> Outcome {
        let folder = self.folder.display().to_string();
        let words = words.iter().map(|word| word.replace("OUT", &folder));
        let mut command = Command::new(FENCEPOST);
        process::run(command.args(words), LIMIT).expect("fencepost starts")
    }

    /// The merged records of `of`.
    fn merged(&self, of: &str) -> Vec<Record> {
        let text = self.ask(&["merge", of]).stdout;
        text.lines().map(|line| Record::from_line(line.as_bytes()).expect("a record")).collect()
    }

    /// The end of the first run of `of`.
    fn end(&self, of: &str) -> RunEnd {
        let end = |record| match record {
            Record::RunEnd(end) => Some(end),
            _ => None,
        };
        self.merged(of).into_iter().find_map(end).expect("a run that has ended")
    }

    fn bugs(&self, of: &str) -> Vec<Bug> {
        let outcome = self.ask(&["report", "--format=jsonl", of]);
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
        let records = outcome.stdout.lines();
        let bug = |line: &str| match Record::from_line(line.as_bytes()).expect("a record") {
            Record::Bug(bug) => Some(*bug),
            _ => None,
        };
        records.filter_map(bug).collect()
    }
}

/// Line by line, those that tell of bugs.
fn headline(outcome: &Outcome) -> &str {
    let mut lines = outcome.stderr.lines();
    let of_run = |line: &&str| line.starts_with("fencepost: ") && line.contains(" guarded process");
    lines.rfind(of_run).unwrap_or_else(|| panic!("no summary: {}", outcome.stderr))
}

#[test]
fn a_tree_ends_with_one_summary() {
    let suite = Suite::new("summary", &["header", "header", "twice", "name", "0"]);
    let outcome = suite.run(&["--report-dir=OUT/out"]);
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    assert!(headline(&outcome).starts_with("fencepost: 3 bugs in "), "{}", outcome.stderr);
    let summary = outcome.stderr.rsplit_once("fencepost: 3 bugs").expect("just seen").1;
    for words in [
        "in parse_header\n",
        "in release_twice\n",
        "in fill_name\n",
        "found 2 times in 2 processes\n",
        "command: ",
        " twice\n",
        "fencepost report ",
    ] {
        assert!(summary.contains(words), "{words}: {summary}");
    }
    let bugs = suite.bugs("OUT/out");
    let mut counts: Vec<_> = bugs.iter().map(|bug| (bug.count, bug.kind.as_str())).collect();
    counts.sort_unstable();
    assert_eq!(counts, [(1, "double-free"), (1, "overwritten-slack"), (2, "heap-buffer-overflow")]);
    // Of the run there is a beginning and an end.
    let records = suite.merged("OUT/out");
    let [Record::Run(run), Record::RunEnd(end), ..] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&run.run, end.exit_code, run.command[0].as_str()), (&end.run, Some(7), "/bin/sh"));
}

#[test]
fn what_lost_the_guard_is_named() {
    let suite = Suite::new("lost", &[]);
    let bugs = BUGS.display();
    suite.write("suite.sh", &format!("env -i {bugs} header\n{bugs} 0\nexit 7\n"));
    let outcome = suite.run(&["--report-dir=OUT/out"]);
    assert_eq!(outcome.exit, Exit::Code(7), "{}", outcome.stderr);
    assert!(headline(&outcome).starts_with("fencepost: no bug found in "), "{}", outcome.stderr);
    let named = "Not guarded:\n  bugs: once, started without LD_PRELOAD\n";
    assert!(outcome.stderr.contains(named), "{}", outcome.stderr);
    // The shell, env, and the second.
    assert_eq!(suite.end("OUT/out").guarded, 3);
}

#[test]
fn what_is_left_out_by_choice_is_not_counted_as_guarded() {
    let suite = Suite::new("chosen", &["0", "0"]);
    let outcome = suite.run(&["--report-dir=OUT/out", "--follow=bugs"]);
    assert_eq!(outcome.exit, Exit::Code(7), "{}", outcome.stderr);
    assert_eq!(suite.end("OUT/out").guarded, 2);
}

#[test]
fn only_new_bugs_fail_a_run_with_a_baseline() {
    let suite = Suite::new("baseline", &["header", "twice", "name"]);
    assert_eq!(suite.run(&["--report-dir=OUT/first"]).exit, Exit::Code(1));
    let words = ["report", "OUT/first", "--format=baseline", "-o", "OUT/known.json"];
    assert_eq!(suite.ask(&words).exit, Exit::Code(0));
    // All known: the status is the program's own, and nothing stays in $TMPDIR.
    for baseline in ["--baseline=OUT/known.json", "--baseline=OUT/first"] {
        let outcome = suite.run(&[baseline]);
        assert_eq!(outcome.exit, Exit::Code(7), "{}", outcome.stderr);
        assert!(headline(&outcome).starts_with("fencepost: no new bug, 3 known in "));
        let left = fs::read_dir(&suite.folder).expect("it is there").flatten();
        let left = left.filter(|it| it.file_name().to_string_lossy().starts_with("fencepost-"));
        assert_eq!(left.count(), 0);
    }
    // Of known bugs no process dies: the second of a program is found, too.
    suite.have(&["header twice name freed"]);
    let outcome = suite.run(&["--baseline=OUT/known.json", "--report-dir=OUT/second"]);
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    assert!(headline(&outcome).starts_with("fencepost: 1 new bug, 3 known in "));
    let outcome = suite.ask(&["report", "--diff", "OUT/first", "OUT/second"]);
    let diff = &outcome.stdout;
    assert!(
        diff.starts_with("1 new, 0 gone, 3 still there\n\nnew:\n  heap-use-after-free "),
        "{diff}"
    );
    let outcome = suite.ask(&["report", "--diff", "OUT/second", "OUT/first"]);
    assert!(outcome.stdout.starts_with("0 new, 1 gone, 3 still there\n"), "{}", outcome.stdout);
    let policy = |words: &[&str]| suite.ask(&[&["report", "OUT/second"], words].concat()).exit;
    assert_eq!(policy(&["--fail-on=new", "--baseline=OUT/first"]), Exit::Code(1));
    assert_eq!(policy(&["--fail-on=new", "--baseline=OUT/second"]), Exit::Code(0));
    assert_eq!(policy(&["--fail-on=any", "--baseline=OUT/second"]), Exit::Code(1));
    assert_eq!(policy(&["--baseline=OUT/first"]), Exit::Code(0));
}

#[test]
fn the_policy_decides() {
    let suite = Suite::new("policy", &["header", "twice"]);
    let run = |options: &[&str]| suite.run(options).exit;
    assert_eq!(run(&["--report-dir=OUT/out", "--error-exitcode=9"]), Exit::Code(9));
    assert_eq!(run(&["--fail-on=never", "--error-exitcode=9"]), Exit::Code(7));
    assert_eq!(run(&["--fail-on=any", "--baseline=OUT/out"]), Exit::Code(1));
    assert_eq!(run(&["--fail-on=new", "--baseline=OUT/out"]), Exit::Code(7));
    // The last program of the tree died of its bug, which is new.
    suite.write("suite.sh", &format!("exec {} header\n", BUGS.display()));
    assert_eq!(run(&["--fail-on=never"]), Exit::Code(0));
    assert_eq!(run(&["--fail-on=new"]), Exit::Code(1));
}

#[test]
fn suppressions_of_all_kinds_are_heeded() {
    let suite = Suite::new("suppressions", &["header", "twice", "freed"]);
    let ours = "[[suppression]]\nname = \"old\"\nfunction = \"read_*\"\nfile = \"bugs.c\"\nreason = \"is rewritten\"\n\
                [[suppression]]\nname = \"gone\"\nfunction = \"nowhere\"\nreason = \"r\"\n\
                [[suppression]]\nname = \"past\"\nkind = \"*\"\nreason = \"for January\"\nexpires = \"2020-01-31\"\n";
    let ours = format!("--suppressions={}", suite.write("ours.toml", ours));
    let valgrind = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run_directory/valgrind.supp");
    let valgrind = format!("--suppressions={}", valgrind.display());
    let outcome = suite.run(&["--report-dir=OUT/out", &ours, &valgrind]);
    assert_eq!(outcome.exit, Exit::Code(7), "{}", outcome.stderr);
    assert!(headline(&outcome).starts_with("fencepost: no new bug, 3 known in "));
    for words in [
        "suppression 'old'\n",
        "suppression 'the header'\n",
        "suppression 'freed twice'\n",
        "suppression 'gone' was not used (",
        "suppression 'past' has expired (",
        "ours.toml:10): for January\n",
        "'uninitialised' was not taken: it is about uninitialised values",
    ] {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
    let known: Vec<Option<Known>> =
        suite.bugs("OUT/out").into_iter().map(|bug| bug.known).collect();
    assert!(known.contains(&Some(Known::Suppression("old".to_owned()))), "{known:?}");
    // Without them the records tell of the same bugs, which the processes knew.
    let suite = Suite::new("generated", &["header", "twice", "name", "freed"]);
    assert_eq!(suite.run(&["--report-dir=OUT/out"]).exit, Exit::Code(1));
    let words = ["report", "OUT/out", "--gen-suppressions", "-o", "OUT/generated.toml"];
    let outcome = suite.ask(&words);
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), ""), "{}", outcome.stderr);
    let generated = format!("--suppressions={}", suite.path("generated.toml").display());
    let outcome = suite.run(&[&generated]);
    assert_eq!(outcome.exit, Exit::Code(7), "{}", outcome.stderr);
    assert!(headline(&outcome).starts_with("fencepost: no new bug, 4 known in "));
    assert!(!outcome.stderr.contains("was not used"), "{}", outcome.stderr);
    // Of what is known already there is nothing to print, and all of them were used.
    let outcome = suite.ask(&["report", "OUT/out", &generated, "--gen-suppressions"]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    let outcome = suite.run(&[&generated, "--gen-suppressions"]);
    assert!(!outcome.stderr.contains("[[suppression]]"), "{}", outcome.stderr);
}

#[test]
fn runs_within_a_run_leave_their_records_there() {
    let suite = Suite::new("within", &[]);
    let (bugs, run) = (BUGS.display(), format!("{FENCEPOST} run"));
    let script = format!("{run} -- {bugs} header\n{run} --fail-on=never -- {bugs} twice\nexit 7\n");
    suite.write("suite.sh", &script);
    let outcome = suite.run(&["--report-dir=OUT/out"]);
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    // The second has a policy, and so a summary of its own.
    let summaries = outcome.stderr.matches(" guarded process").count();
    assert_eq!(summaries, 2, "{}", outcome.stderr);
    assert!(headline(&outcome).starts_with("fencepost: 1 bug in "), "{}", outcome.stderr);
    assert_eq!(suite.bugs("OUT/out").len(), 2);
    // The command is guarded itself, and leaves its guard in place.
    assert!(!outcome.stderr.contains("descriptor"), "{}", outcome.stderr);
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let suite = Suite::new("wrong", &[]);
    let file = suite.write("wrong.toml", "[[suppression]]\nname = \"x\"\nkinder = \"y\"\n");
    suite.write("nonsense", "nonsense\n");
    fs::create_dir_all(suite.path("empty")).expect("the folder is writable");
    let refused = |words: &[&str], expected: &str| {
        let outcome = suite.ask(words);
        assert_eq!(outcome.exit, Exit::Code(2), "{words:?}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{words:?}: {}", outcome.stderr);
    };
    let suppressions = format!("--suppressions={file}");
    let no_key = "wrong.toml:3: a suppression has no 'kinder'";
    refused(&["run", &suppressions, "--", "/bin/true"], no_key);
    refused(&["report", "OUT/nonsense", &suppressions], no_key);
    refused(&["run", "--baseline=OUT/none.json", "--", "/bin/true"], "none.json' cannot be read");
    refused(&["run", "--baseline=OUT/nonsense", "--", "/bin/true"], "neither a baseline nor");
    refused(&["report"], "a report directory or a record file is missing");
    refused(&["report", "OUT/empty"], "empty' has no records");
    refused(
        &["report", "OUT/nonsense", "--format=word"],
        "there is no format 'word'; the formats are",
    );
    refused(&["report", "OUT/nonsense", "--fail-on=old"], "'--fail-on");
    refused(&["report", "OUT/nonsense"], "nonsense' has no records, but other lines");
    refused(&["merge", "OUT/nonsense"], "nonsense' has no records, but other lines");
    refused(&["report", "--diff", "OUT/empty"], "'--diff' takes 2 values");
    refused(&["report", "OUT/empty", "--diff", "a", "b"], "'--diff' cannot stand together");
    // Nobody finds a file missing that was asked for.
    refused(&["report", "OUT/empty", "-o", "a", "--format=html=b"], "each format has its file");
    refused(&["report", "OUT/empty", "--gen-suppressions", "--format=html"], "needs a file");
    refused(&["run", "--sweep", "--second-look", "--", "/bin/true"], "leave out --second-look");
    assert_eq!(suite.run(&["--report-dir=OUT/out"]).exit, Exit::Code(7));
    let outcome = suite.ask(&["report", "OUT/nonsense", "OUT/out"]);
    assert_eq!(outcome.exit, Exit::Code(0));
    assert!(outcome.stderr.contains("skipped 1 line that is no record"), "{}", outcome.stderr);
    // Nobody makes a directory of a file.
    let outcome = suite.ask(&["run", "--report-dir=OUT/nonsense", "--", "/bin/true"]);
    assert_eq!(outcome.exit, Exit::Code(125), "{}", outcome.stderr);
}

#[test]
fn runs_share_a_directory_and_merging_again_changes_nothing() {
    let suite = Suite::new("merge", &["header"]);
    assert_eq!(suite.run(&["--report-dir=OUT/out"]).exit, Exit::Code(1));
    suite.have(&["header", "twice"]);
    let outcome = suite.run(&["--report-dir=OUT/out"]);
    // Of itself a run tells only.
    let found = outcome.stderr.matches("found once").count();
    assert_eq!(found, 2, "{}", outcome.stderr);
    let bugs = suite.bugs("OUT/out");
    let header = bugs.iter().find(|bug| bug.summary.contains("parse_header")).expect("it is there");
    assert_eq!((bugs.len(), header.count, header.runs.len()), (2, 2, 2));
    let merged = |from: &str, to: &str| {
        let outcome = suite.ask(&["merge", from, "-o", to]);
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    };
    merged("OUT/out", "OUT/one.jsonl");
    merged("OUT/one.jsonl", "OUT/two.jsonl");
    let read = |name| fs::read_to_string(suite.path(name)).expect("just written");
    assert_eq!(read("one.jsonl"), read("two.jsonl"));
    // By standard input, too.
    let input = fs::File::open(suite.path("one.jsonl")).expect("just written");
    let mut command = Command::new(FENCEPOST);
    let outcome = process::run(command.args(["merge", "-"]).stdin(input), LIMIT);
    assert_eq!(outcome.expect("fencepost starts").stdout, read("one.jsonl"));
}

#[test]
fn a_second_look_catches_the_write_that_was_found_late() {
    let suite = Suite::new("second-look", &["name", "header"]);
    let outcome = suite.run(&["--report-dir=OUT/out", "--second-look"]);
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    let caught = "bugs name was run again with --placement=exact, which caught the write: heap-buffer-overflow ";
    assert!(outcome.stderr.contains(caught), "{}", outcome.stderr);
    let bugs = suite.bugs("OUT/out");
    let bug = bugs.iter().find(|bug| bug.summary.contains("in fill_name")).expect("it is there");
    assert_eq!((bugs.len(), bug.kind.as_str(), bug.also.len()), (2, "heap-buffer-overflow", 1));
    assert!(!bug.example.late && bug.runs.iter().any(|run| run.ends_with("-again0")), "{bug:?}");
    // Without a late bug nothing is run again.
    suite.have(&["header"]);
    let outcome = suite.run(&["--second-look"]);
    assert!(!outcome.stderr.contains("run again"), "{}", outcome.stderr);
}

#[test]
fn as_valgrind_it_writes_a_log_and_names_no_folder_that_goes() {
    let suite = Suite::new("front", &[]);
    let front = suite.path("fencepost-valgrind");
    std::os::unix::fs::symlink(FENCEPOST, &front).expect("the folder is writable");
    let log = suite.path("log");
    let mut command = Command::new(&front);
    command.arg("-q").arg(format!("--log-file={}", log.display())).arg(&*BUGS).arg("header");
    let outcome = process::run(command.env("TMPDIR", &suite.folder), LIMIT).expect("it starts");
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert!(headline(&outcome).starts_with("fencepost: 1 bug in "), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Records are in"), "{}", outcome.stderr);
    let log = fs::read_to_string(log).expect("it was written");
    assert!(log.contains("Invalid write of size 1\n"), "{log}");
}
