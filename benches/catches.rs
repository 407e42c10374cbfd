//! What fencepost, AddressSanitizer and Memcheck find in the programs of `c-tests/`, side by side.
//!
//! `cargo bench --bench catches` runs all; `cargo bench --bench catches -- slack/` those whose name has this in
//! it. Each tool has its defaults. Where fencepost finds nothing with those, it is asked again with the
//! options that the program's comment names, and with `--sweep`. Needs gcc with libasan, and valgrind; a tool that
//! is missing is said to be.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::backend::FENCEPOST;
use support::compile::{self, map_in_parallel};
use support::expectation::{self, Verdict};
use support::process;
use support::source::files_in;

const LIMIT: Duration = Duration::from_secs(120);

/// Folders whose programs have a bug of the heap, and then of mappings; in `limits` are those that fencepost is silent about.
const FOLDERS: [&str; 17] = [
    "overflow",
    "underflow",
    "use_after_free",
    "bad_call",
    "mismatch",
    "slack",
    "calls",
    "bad_request",
    "large",
    "places",
    "placement",
    "quarantine",
    "limits",
    "mappings",
    "guarded_mappings",
    "checked_mappings",
    "page_calls",
];

/// The second has std::vector tell of what lies between its size and its capacity.
const ASAN_FLAGS: [&str; 2] = ["-fsanitize=address", "-D_GLIBCXX_SANITIZE_VECTOR"];

struct Row {
    name: String,
    fencepost: Found,
    /// With which further options, if only so.
    with: Option<String>,
    asan: Found,
    memcheck: Found,
}

enum Found {
    Kind(String),
    Nothing,
    /// It could not be tried.
    No(String),
}

impl Found {
    fn kind(kind: Option<String>) -> Found {
        kind.map_or(Found::Nothing, Found::Kind)
    }

    fn is_some(&self) -> bool {
        matches!(self, Found::Kind(_))
    }

    fn words(&self) -> &str {
        match self {
            Found::Kind(kind) => kind,
            Found::Nothing => "-",
            Found::No(why) => why,
        }
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let sources: Vec<PathBuf> = FOLDERS
        .iter()
        .flat_map(|folder| files_in(&format!("c-tests/{folder}"), &["c", "cpp"]))
        .filter(|file| wanted.iter().all(|part| file.to_string_lossy().contains(part.as_str())))
        .collect();
    let rows: Vec<Row> =
        map_in_parallel(&sources, |file| row(file)).into_iter().flatten().collect();
    println!("| program | fencepost | AddressSanitizer | Memcheck |\n|---|---|---|---|");
    for row in &rows {
        let with = row.with.as_ref().map_or(String::new(), |with| format!(" ({with})"));
        let (asan, memcheck) = (row.asan.words(), row.memcheck.words());
        println!("| {} | {}{with} | {asan} | {memcheck} |", row.name, row.fencepost.words());
    }
    count(&rows);
    for (what, is_missed) in [
        ("AddressSanitizer", (|row: &Row| row.asan.is_some()) as fn(&Row) -> bool),
        ("Memcheck", |row| row.memcheck.is_some()),
    ] {
        println!("\nFound by {what} and not by fencepost with its defaults:");
        let missed = rows.iter().filter(|row| is_missed(row));
        for row in missed.filter(|row| !row.fencepost.is_some() || row.with.is_some()) {
            let otherwise = match &row.with {
                Some(with) => format!("; found with {with}"),
                None => String::new(),
            };
            println!("- {}{otherwise}", row.name);
        }
    }
}

fn count(rows: &[Row]) {
    println!("\n| folder | programs | fencepost | with options | AddressSanitizer | Memcheck |");
    println!("|---|---|---|---|---|---|");
    for folder in FOLDERS {
        let rows = || rows.iter().filter(|row| row.name.starts_with(&format!("{folder}/")));
        if rows().count() == 0 {
            continue;
        }
        let number = |is: fn(&Row) -> bool| rows().filter(|row| is(row)).count();
        let (all, any) = (number(|_| true), number(|row| row.fencepost.is_some()));
        let by_default = number(|row| row.fencepost.is_some() && row.with.is_none());
        let (asan, memcheck) =
            (number(|row| row.asan.is_some()), number(|row| row.memcheck.is_some()));
        println!("| {folder} | {all} | {by_default} | {any} | {asan} | {memcheck} |");
    }
}

/// None for a program without a bug.
fn row(source: &Path) -> Option<Row> {
    let relative = source.strip_prefix(compile::source_folder()).expect("found there");
    let name = relative.to_string_lossy().into_owned();
    let text = fs::read_to_string(source).expect("found there");
    let expectation = expectation::read(source, &text).expect("as c-tests/README.md has it");
    // Those about leaks are compared by `tests/leaks.rs`.
    match expectation.verdict {
        Verdict::Leaks(_) => return None,
        Verdict::Clean if !name.starts_with("limits/") => return None,
        Verdict::Clean | Verdict::Bug(_) => {}
    }
    let folder = compile::build_folder("catches").join(relative.with_extension(""));
    fs::create_dir_all(&folder).expect("the build folder is writable");
    let plain =
        expectation.build(source, &folder, "plain", &[]).map_err(|_| "not built".to_owned());
    let checked =
        expectation.build(source, &folder, "asan", &ASAN_FLAGS).map_err(|_| "not built".to_owned());
    let (fencepost, with) = match &plain {
        Ok(program) => fencepost(program, &folder, &expectation.options),
        Err(why) => (Found::No(why.clone()), None),
    };
    let asan = checked.map_or_else(Found::No, |program| {
        let mut command = process::command(program);
        let said = run(command.env("ASAN_OPTIONS", "detect_leaks=0"), &folder);
        let kind = after(&said, "ERROR: AddressSanitizer: ")
            .or_else(|| after(&said, "ERROR: LeakSanitizer: detected memory "));
        Found::kind(kind)
    });
    let memcheck = plain.map_or_else(Found::No, |program| {
        let mut command = process::command("valgrind");
        memcheck(&run(command.args(["--leak-check=no", "--num-callers=4"]).arg(program), &folder))
    });
    Some(Row { name, fencepost, with, asan, memcheck })
}

/// What the command and its program, or their logs, say.
fn run(command: &mut Command, folder: &Path) -> String {
    let scratch = folder.join("scratch");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).expect("the build folder is writable");
    command.current_dir(&scratch).env("TMPDIR", &scratch);
    match process::run(command, LIMIT) {
        Ok(outcome) => {
            let logs = fs::read_dir(&scratch).into_iter().flatten().flatten();
            let logs = logs.filter_map(|log| fs::read(log.path()).ok());
            let logs = logs.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            outcome.stderr + &logs.collect::<String>()
        }
        Err(error) => error.to_string(),
    }
}

fn fencepost(program: &Path, folder: &Path, options: &[String]) -> (Found, Option<String>) {
    let found = |options: &[&str]| {
        let mut command = process::command(FENCEPOST);
        command.arg("run").args(options).arg("--").arg(program);
        after(&run(&mut command, folder), "==ERROR: Fencepost: ")
    };
    if let Some(kind) = found(&[]) {
        return (Found::Kind(kind), None);
    }
    let named: Vec<&str> = options.iter().map(String::as_str).collect();
    for options in [&named[..], &["--sweep"]] {
        if let Some(kind) = found(options).filter(|_| !options.is_empty()) {
            return (Found::Kind(kind), Some(options.join(" ")));
        }
    }
    (Found::Nothing, None)
}

/// The word that follows `start` somewhere.
fn after(text: &str, start: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    rest.split_whitespace().next().map(|word| word.trim_end_matches(':').to_owned())
}

/// The first message of a run that counts errors, or dies of a signal that is explained.
fn memcheck(said: &str) -> Found {
    /// Of a crash; memory that is there counts as no error.
    const CRASHES: [&str; 3] = [
        "Access not within mapped region",
        "Bad permissions for mapped region",
        "Non-existent physical address",
    ];
    const MESSAGES: [&str; 15] = [
        "Invalid read",
        "Invalid write",
        "Invalid free",
        "Mismatched free",
        "Mismatched new/delete size",
        "Jump to the invalid address",
        "Source and destination overlap",
        "Conditional jump or move depends on uninitialised",
        "Use of uninitialised",
        "points to uninitialised",
        "contains uninitialised",
        "points to unaddressable",
        "has a fishy",
        "Invalid alignment",
        "definitely lost",
    ];
    if said.contains("No such file") && !said.contains("==") {
        return Found::No("not installed".to_owned());
    }
    let counts = |line: &str| {
        let count = line.split_once("ERROR SUMMARY: ")?.1.split(' ').next()?;
        count.parse::<u32>().ok()
    };
    let first = |messages: &[&'static str]| {
        let message = |line: &str| messages.iter().find(|message| line.contains(**message));
        said.lines().find_map(message).map(|message| (*message).to_owned())
    };
    if !said.lines().filter_map(counts).any(|errors| errors > 0) {
        return Found::kind(first(&CRASHES));
    }
    Found::Kind(first(&MESSAGES).unwrap_or("an error".to_owned()))
}
