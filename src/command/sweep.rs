//! `fencepost run --sweep`: runs the program once with each placement, and reports what all these runs have found.
//!
//! No placement finds every bug, because an object has a guard page on one side only. So the program runs several
//! times with the same input. Each bug is reported once, with the placements that found it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use clap::{Arg, ArgMatches, value_parser};
use fencepost::finding::{Bug, text};
use fencepost::ledger::Ledger;
use fencepost::options::{Options, Placement};
use fencepost::printable::printable;

use super::collection::Collection;
use super::directory::Directory;
use super::ending::signal_name;
use super::format::sentence::counted;
use super::parent::{self, Child};
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

/// The flag for how many runs there are at a time.
const JOBS: &str = "jobs";

/// That flag.
pub fn jobs_flag() -> Arg {
    Arg::new(JOBS)
        .long(JOBS)
        .value_name("N")
        .value_parser(value_parser!(u16).range(1..))
        .requires("sweep")
        .help_heading("Finding")
        .help("Runs of --sweep at a time [default: the number of processors]")
}

/// What it says.
pub fn jobs(matches: &ArgMatches) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    matches.get_one::<u16>(JOBS).map_or_else(processors, |jobs| usize::from(*jobs))
}

/// A run that goes on.
struct Running {
    /// Of its placement.
    number: usize,
    options: Options,
    ledger: &'static Ledger,
}

/// A run that has ended.
struct Done {
    status: ExitStatus,
    ledger: &'static Ledger,
}

/// Runs the program once for each placement, `jobs` at a time; returns the exit code.
pub fn sweep(
    wishes: &Wishes,
    jobs: usize,
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
    let jobs = if input.can_be_shared() { jobs } else { 1 };
    let (mut children, mut running): (Vec<Child<'_>>, Vec<Running>) = (Vec::new(), Vec::new());
    let mut done: Vec<Option<Done>> = Placement::CHOICES.iter().map(|_| None).collect();
    let mut next = 0;
    let mut ending = None;
    while next < done.len() || !running.is_empty() {
        while next < done.len() && running.len() < jobs && ending.is_none() {
            let choice = &Placement::CHOICES[next];
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
                say(&format!("run {} of {all}, placement {}", next + 1, choice.name));
            }
            let input = input.opened().map_err(failed("standard input cannot be read again"))?;
            let program = run::prepare(&flags, name)?;
            let options = run::options(&flags)?;
            run_record::begin(&directory, &options, name, &arguments);
            // The user sees what the first run prints.
            let is_silent = next > 0;
            let set_up = || sys::redirect(input.as_ref(), is_silent);
            let (ledger, _, child) = run::start(&signals, &program, name, &arguments, set_up)
                .ok_or_else(|| Refusal::new(Refusal::UNGUARDED, "the program cannot be started"))?;
            running.push(Running { number: next, options, ledger });
            children.push(child);
            next += 1;
        }
        if running.is_empty() {
            break;
        }
        let (pid, status) = parent::accompany_several(&signals, &mut children);
        let Some(at) = children.iter().position(|child| child.pid() == pid) else { continue };
        let (child, Running { number, options, ledger }) =
            (children.remove(at), running.remove(at));
        directory.begin_part(Placement::CHOICES[number].name);
        run_record::end(&directory, &options, ledger, status);
        let between = std::iter::from_fn(|| signals.pending()).collect::<Vec<_>>();
        children.iter_mut().for_each(|child| between.iter().for_each(|it| child.receive(it)));
        let late = between.iter().rev().map(|arrival| arrival.signal);
        ending = { late }.find(|signal| parent::is_ending(*signal)).or(child.ending()).or(ending);
        done[number] = Some(Done { status, ledger });
    }
    if let Some(signal) = ending {
        say("interrupted");
        drop(directory);
        run::die_by(signal);
        return Ok(128 + u8::try_from(signal).unwrap_or_default());
    }
    let mut ends: Vec<End> = Vec::new();
    let mut unrecorded = 0;
    for (choice, done) in Placement::CHOICES.iter().zip(done) {
        let Some(Done { status, ledger }) = done else { continue };
        if ledger.is_refused() {
            return Ok(run::code_of(status));
        }
        directory.begin_part(choice.name);
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
    let unkept = super::sites::keep(&directory, &options, &collection);
    for remark in remarks.into_iter().chain(collection.skipped.words()).chain(unkept) {
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
    // At once: a run may print meanwhile.
    let text = format!("fencepost: sweep: {}\n", printable(line));
    let _ = io::stderr().write_all(text.as_bytes());
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

    /// Whether several runs can read it at a time, each by itself. What is typed goes to one reader.
    fn can_be_shared(&self) -> bool {
        match self {
            Input::Inherited => !io::stdin().is_terminal(),
            Input::Kept { file, .. } => reopen(file).is_ok(),
        }
    }

    /// For one run, from the beginning.
    fn opened(&mut self) -> io::Result<Option<File>> {
        let Input::Kept { file, start } = self else { return Ok(None) };
        // Where it can't be opened anew, there is one run at a time.
        let mut opened = reopen(file).or_else(|_| file.try_clone())?;
        opened.seek(SeekFrom::Start(*start))?;
        Ok(Some(opened))
    }
}

/// Opens a file anew, with a position of its own.
fn reopen(file: &File) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
