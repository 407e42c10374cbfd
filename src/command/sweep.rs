//! `fencepost run --sweep`: runs the program once with each placement, and reports what all these runs have found.
//!
//! No placement finds every bug, because an object has a guard page on one side only. So the program runs several
//! times with the same input. Each bug is reported once, with the placements that found it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use fencepost::finding::{Bug, text};
use fencepost::options::Placement;
use fencepost::printable::printable;

use super::collection::Collection;
use super::directory::Directory;
use super::ending::signal_name;
use super::format::sentence::counted;
use super::parent::{self, Ended};
use super::policy::FailOn;
use super::recorded::{self, Wishes};
use super::refusal::Refusal;
use super::run::{self, Flags};
use super::run_record;
use super::sys::{self, Signals};

/// The exit code after findings if `error-exitcode` is not given.
const FOUND: u8 = 1;

/// Seed of the run with random placement, if the user gives none; it is the same in every sweep.
const SEED: &str = "1";

/// Runs the program once for each placement; returns the exit code.
pub fn sweep(
    wishes: &Wishes,
    flags: &Flags,
    name: &OsStr,
    arguments: Vec<OsString>,
) -> Result<u8, Refusal> {
    let mut flags = flags.clone();
    wishes.soften(&mut flags)?;
    let options = run::options(&flags)?;
    if flags.iter().any(|(name, _)| *name == "placement") {
        let sentence = "--sweep tries each placement; leave out --placement";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    if wishes.looks_again {
        let sentence = "--sweep runs the program under each placement; leave out --second-look";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| Refusal::new(Refusal::UNGUARDED, format!("{what}: {error}"))
    };
    run::prepare(&flags, name)?;
    let mut input = Input::take().map_err(failed("standard input cannot be kept for each run"))?;
    let mut directory = Directory::make(wishes.directory.as_deref())?;
    let of_directory = recorded::flags_of(&directory, &wishes.kept)?;
    let signals = Signals::take();
    let mut ends: Vec<End> = Vec::new();
    let mut unrecorded = 0;
    for (number, choice) in Placement::CHOICES.iter().enumerate() {
        let mut flags = flags.clone();
        flags.extend(of_directory.iter().cloned());
        flags.push(("placement", choice.name.to_owned()));
        directory.begin_part(choice.name);
        // Reports go to a file: at the end each bug is reported once.
        let log = match &options.log_path {
            Some(path) => format!("{path}.{}", choice.name),
            None => format!("{}/{}.log", directory.path().display(), directory.run()),
        };
        flags.push(("log-path", log));
        if options.seed == 0 {
            flags.push(("seed", SEED.to_owned()));
        }
        if io::stderr().is_terminal() {
            let all = Placement::CHOICES.len();
            say(&format!("run {} of {all}, placement {}", number + 1, choice.name));
        }
        let input = input.rewound().map_err(failed("standard input cannot be read again"))?;
        let program = run::prepare(&flags, name)?;
        let of_run = run::options(&flags)?;
        run_record::begin(&directory, &of_run, name, &arguments);
        let set_up = || sys::redirect(input, number > 0);
        let (ledger, _, child) = run::start(&signals, &program, name, &arguments, set_up)
            .ok_or_else(|| Refusal::new(Refusal::UNGUARDED, "the program cannot be started"))?;
        let Ended { status, signal } = child.accompany();
        run_record::end(&directory, &of_run, ledger, status);
        let between = std::iter::from_fn(|| signals.pending()).map(|arrival| arrival.signal);
        let signal = between.filter(|signal| parent::is_ending(*signal)).last().or(signal);
        if let Some(signal) = signal {
            say("interrupted");
            drop(directory);
            run::die_by(signal);
            return Ok(128 + u8::try_from(signal).unwrap_or_default());
        }
        if ledger.is_refused() {
            return Ok(run::code_of(status));
        }
        if let Some(words) = run::notice(ledger) {
            say(&format!("{}: {words}", choice.name));
        }
        let part = directory.collect_part()?;
        for notice in &part.totals.notices {
            say(&format!("{}: {}", choice.name, notice.name));
        }
        unrecorded += ledger.reports().saturating_sub(part.totals.findings);
        let by_report = (ledger.reports() > 0 || !part.bugs.is_empty())
            && (status.code().is_none() || status.code() == options.error_exitcode.map(i32::from));
        ends.push(End { placement: choice.name, status, by_report });
    }
    let mut collection = directory.collect()?;
    wishes.kept.apply(&mut collection);
    tell(&collection, &directory);
    let remarks = wishes.kept.remarks(&collection);
    for remark in remarks.into_iter().chain(collection.skipped.words()) {
        say(&remark);
    }
    if unrecorded > 0 {
        say(&format!("{} left no record", counted(unrecorded, "report")));
    }
    tell_of_ends(&ends);
    wishes.tell_suppressions(&collection);
    // A report whose record could not be written counts as a bug, too.
    let is_bad = wishes.fail_on.fails(&collection) || unrecorded > 0;
    Ok(if is_bad && wishes.fail_on != FailOn::Never {
        options.error_exitcode.unwrap_or(FOUND)
    } else {
        ends.first().map_or(0, |first| run::code_of(first.status))
    })
}

/// How a run ended.
struct End {
    placement: &'static str,
    status: ExitStatus,
    /// Whether a report explains this end.
    by_report: bool,
}

/// Prints each new bug in full, then one line for each.
fn tell(collection: &Collection, directory: &Directory) {
    let bugs: Vec<&Bug> = collection.new_bugs().collect();
    for bug in &bugs {
        let _ = io::stderr().write_all(text::to_string(&bug.example).as_bytes());
    }
    let plural = if bugs.len() == 1 { "" } else { "s" };
    let known = match collection.known_bugs().count() {
        0 => String::new(),
        count => format!(", and {count} known"),
    };
    say(&format!("{} finding{plural}{known} in {} runs", bugs.len(), Placement::CHOICES.len()));
    for bug in bugs {
        let has =
            |placement: &str| bug.runs.iter().any(|run| directory.part_of(run) == Some(placement));
        let by: Vec<&str> =
            Placement::CHOICES.iter().map(|choice| choice.name).filter(|name| has(name)).collect();
        say(&format!("{} (placement {})", bug.summary, by.join(", ")));
    }
}

/// Says which runs ended in another way than the first run that did not end by a report.
fn tell_of_ends(ends: &[End]) {
    let mut others = ends.iter().filter(|end| !end.by_report);
    let Some(usual) = others.next() else { return };
    let whose = match ends.first().is_some_and(|first| first.placement == usual.placement) {
        true => "the first run".to_owned(),
        false => format!("placement {}", usual.placement),
    };
    for other in others.filter(|other| other.status != usual.status) {
        let (placement, ended) = (other.placement, ending(other.status));
        say(&format!("placement {placement} {ended} where {whose} {}", ending(usual.status)));
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with {code}"),
        (None, signal) => format!("died by {}", signal_name(signal.unwrap_or_default())),
    }
}

/// Prints a line, which may hold names that others chose.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "fencepost: sweep: {}", printable(line));
}

/// Standard input, the same for each run.
enum Input {
    /// A terminal or another device, or none: each run inherits it.
    Inherited,
    /// A file, read from `start` on; or a copy of the contents of a pipe.
    Kept { file: File, start: u64 },
}

impl Input {
    fn take() -> io::Result<Input> {
        let Some(mut file) = sys::standard_input() else { return Ok(Input::Inherited) };
        let kind = file.metadata()?.file_type();
        if kind.is_char_device() || kind.is_dir() {
            return Ok(Input::Inherited);
        }
        if let Ok(start) = file.stream_position() {
            return Ok(Input::Kept { file, start });
        }
        let mut kept = sys::memory_file()?;
        io::copy(&mut file, &mut kept)?;
        Ok(Input::Kept { file: kept, start: 0 })
    }

    fn rewound(&mut self) -> io::Result<Option<&File>> {
        match self {
            Input::Inherited => Ok(None),
            Input::Kept { file, start } => {
                file.seek(SeekFrom::Start(*start))?;
                Ok(Some(file))
            }
        }
    }
}
