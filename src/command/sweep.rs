//! `fencepost run --sweep`: the program under each placement in turn, and what all the runs have found.
//!
//! No placement sees every bug: the object touches a guard on one side only. So the program runs several times, with
//! the same input, and what was found is told once, with the placements that show it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io::{self, IsTerminal, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use fencepost::options::{Options, Placement};
use fencepost::printable::printable;

use super::finding::{self, Finding};
use super::parent::{self, Ended};
use super::refusal::{Refusal, quoted};
use super::run;
use super::run::Flags;
use super::sys::{self, Signals};

/// The exit code after findings where `error-exitcode` says no other.
const FOUND: u8 = 1;

/// Seed of the run with random placement, where the user gives none: the same in every sweep.
const SEED: &str = "1";

/// Runs the program once for each placement; returns the exit code.
pub fn sweep(flags: &Flags, name: OsString, arguments: Vec<OsString>) -> Result<u8, Refusal> {
    let options = run::options(flags)?;
    if flags.iter().any(|(name, _)| *name == "placement") {
        let sentence = "--sweep tries each placement; leave out --placement";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| Refusal::new(Refusal::UNGUARDED, format!("{what}: {error}"))
    };
    run::prepare(flags, &name)?;
    let mut input = Input::take().map_err(failed("standard input cannot be kept for each run"))?;
    let signals = Signals::take();
    let logs = Logs::new(&options).map_err(failed("the reports of the runs have no place"))?;
    let mut findings = Findings::default();
    let mut ends: Vec<End> = Vec::new();
    for (number, choice) in Placement::CHOICES.iter().enumerate() {
        let mut flags = flags.clone();
        flags.push(("placement", choice.name.to_owned()));
        flags.push(("log-path", logs.path(choice.name).to_string_lossy().into_owned()));
        if options.seed == 0 {
            flags.push(("seed", SEED.to_owned()));
        }
        if io::stderr().is_terminal() {
            let all = Placement::CHOICES.len();
            say(&format!("run {} of {all}, placement {}", number + 1, choice.name));
        }
        let input = input.rewound().map_err(failed("standard input cannot be read again"))?;
        let program = run::prepare(&flags, &name)?;
        let set_up = || sys::redirect(input, number > 0);
        let (ledger, _, child) = run::start(&signals, &program, &name, &arguments, set_up)
            .ok_or_else(|| Refusal::new(Refusal::UNGUARDED, "the program cannot be started"))?;
        let Ended { status, signal } = child.accompany();
        let between = std::iter::from_fn(|| signals.pending()).map(|arrival| arrival.signal);
        let signal = between.filter(|signal| parent::is_ending(*signal)).last().or(signal);
        if let Some(signal) = signal {
            say("interrupted");
            drop(logs);
            run::die_by(signal);
            return Ok(128 + u8::try_from(signal).unwrap_or_default());
        }
        if ledger.is_refused() {
            return Ok(run::code_of(status));
        }
        if let Some(words) = run::notice(ledger) {
            say(&format!("{}: {words}", choice.name));
        }
        let mut has_report = false;
        for text in logs.read(choice.name) {
            let (found, notes) = finding::read(&text);
            has_report |= !found.is_empty();
            for note in notes {
                say(&format!("{}: {note}", choice.name));
            }
            found.into_iter().for_each(|finding| findings.add(finding, choice.name));
        }
        let by_report = has_report
            && (status.code().is_none() || status.code() == options.error_exitcode.map(i32::from));
        ends.push(End { placement: choice.name, status, by_report });
    }
    findings.tell();
    tell_of_ends(&ends);
    Ok(if findings.0.is_empty() {
        ends.first().map_or(0, |first| run::code_of(first.status))
    } else {
        options.error_exitcode.unwrap_or(FOUND)
    })
}

/// How a run ended.
struct End {
    placement: &'static str,
    status: ExitStatus,
    /// Whether a report explains it.
    by_report: bool,
}

/// Says which runs ended otherwise than the first one that no report has ended.
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
        (None, signal) => format!("died by signal {}", signal.unwrap_or_default()),
    }
}

/// Prints a line. It may hold what was found in logs.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "fencepost: sweep: {}", printable(line));
}

/// What was found, and under which placements.
#[derive(Default)]
struct Findings(Vec<(Finding, Vec<&'static str>)>);

impl Findings {
    fn add(&mut self, finding: Finding, placement: &'static str) {
        let Some((known, by)) = self.0.iter_mut().find(|(known, _)| known.is_same_as(&finding))
        else {
            return self.0.push((finding, vec![placement]));
        };
        if finding.tells_more_than(known) {
            *known = finding;
        }
        if !by.contains(&placement) {
            by.push(placement);
        }
    }

    fn tell(&self) {
        for (finding, _) in &self.0 {
            for line in finding.text.lines() {
                let _ = writeln!(io::stderr(), "{}", printable(line));
            }
        }
        let count = self.0.len();
        let plural = if count == 1 { "" } else { "s" };
        say(&format!("{count} finding{plural} in {} runs", Placement::CHOICES.len()));
        for (finding, by) in &self.0 {
            say(&format!("{} (placement {})", finding.summary, by.join(", ")));
        }
    }
}

/// Where the runs write their reports.
struct Logs {
    /// A folder of our own, removed at the end; `None` where the user names a path.
    folder: Option<PathBuf>,
    path: PathBuf,
}

impl Logs {
    fn new(options: &Options) -> io::Result<Logs> {
        if let Some(path) = &options.log_path {
            return Ok(Logs { folder: None, path: PathBuf::from(path) });
        }
        let folder = std::env::temp_dir().join(format!("fencepost-sweep-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Logs { path: folder.join("log"), folder: Some(folder) })
    }

    /// What is given to a run as `log-path`.
    fn path(&self, placement: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{placement}"));
        path.into()
    }

    /// What the processes of a run have written.
    fn read(&self, placement: &str) -> Vec<String> {
        let path = self.path(placement);
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut start = path.file_name().unwrap_or_default().to_owned();
        start.push(".");
        let is_log = |name: &OsStr| name.as_encoded_bytes().starts_with(start.as_encoded_bytes());
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> =
            entries.filter(|entry| is_log(&entry.file_name())).map(|entry| entry.path()).collect();
        files.sort();
        let read = |file: &PathBuf| match fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("fencepost: {} cannot be read: {error}\n", quoted(file)),
        };
        files.iter().map(read).collect()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Standard input, the same for each run.
enum Input {
    /// A terminal or another device, or nothing: each run has it as it is.
    Inherited,
    /// A file, from where it stood; or what came through a pipe.
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
