//! `fencepost run --sweep`: the program under each placement in turn, and what all the runs have found.
//!
//! No placement sees every bug: the object touches a guard on one side only. So the program runs several times, with
//! the same input, and what was found is told once, with the placements that show it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use fencepost::options::{Options, Placement};

use super::arguments::Flags;
use super::finding::{self, Finding};
use super::{Refusal, quoted, run, sys};

/// The exit code after findings where `error-exitcode` says no other.
const FOUND: u8 = 1;

/// Seed of the run with random placement, where the user gives none: the same in every sweep.
const SEED: &str = "1";

/// Runs the program once for each placement; answers the exit code.
pub fn sweep(flags: &Flags, name: OsString, arguments: Vec<OsString>) -> Result<u8, Refusal> {
    let options = run::options(flags)?;
    if flags.iter().any(|(name, _)| *name == "placement") {
        let sentence = "--sweep tries each placement; leave out --placement";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    run::prepare(flags, &name)?;
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| Refusal::new(Refusal::UNGUARDED, format!("{what}: {error}"))
    };
    let mut input = Input::take().map_err(failed("standard input cannot be kept for each run"))?;
    let logs = Logs::new(&options).map_err(failed("the reports of the runs have no place"))?;
    let mut findings: Vec<(Finding, Vec<&str>)> = Vec::new();
    let mut first: Option<ExitStatus> = None;
    for choice in Placement::CHOICES {
        let mut flags = flags.clone();
        flags.push(("placement", choice.name.to_owned()));
        flags.push(("log-path", logs.path(choice.name).to_string_lossy().into_owned()));
        if options.seed == 0 {
            flags.push(("seed", SEED.to_owned()));
        }
        let silent = first.is_some();
        let input = input.rewound().map_err(failed("standard input cannot be read again"))?;
        let status = sys::in_child(input, silent, || run_once(&flags, &name, &arguments));
        let status = status.map_err(failed("the program cannot be started"))?;
        first.get_or_insert(status);
        for text in logs.read(choice.name) {
            let (found, notes) = finding::read(&text);
            for note in notes {
                say(&format!("{}: {note}\n", choice.name));
            }
            for finding in found {
                match findings.iter_mut().find(|(known, _)| known.is_same_as(&finding)) {
                    Some((_, by)) if by.contains(&choice.name) => {}
                    Some((_, by)) => by.push(choice.name),
                    None => findings.push((finding, vec![choice.name])),
                }
            }
        }
    }
    tell(&findings);
    Ok(if findings.is_empty() {
        first.map_or(0, code_of)
    } else {
        options.error_exitcode.unwrap_or(FOUND)
    })
}

fn run_once(flags: &Flags, name: &OsStr, arguments: &[OsString]) -> u8 {
    let refusal = run::run(flags, name.to_owned(), arguments.to_owned());
    let _ = writeln!(io::stderr(), "fencepost: {}", refusal.sentence);
    refusal.code
}

/// As shells have it: the exit code, or 128 and the signal.
fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn say(text: &str) {
    let _ = write!(io::stderr(), "fencepost: sweep: {text}");
}

fn tell(findings: &[(Finding, Vec<&str>)]) {
    for (finding, _) in findings {
        let _ = io::stderr().write_all(finding.text.as_bytes());
    }
    let count = findings.len();
    let plural = if count == 1 { "" } else { "s" };
    let runs = Placement::CHOICES.len();
    say(&format!("{count} finding{plural} in {runs} runs\n"));
    for (finding, by) in findings {
        say(&format!("{} (placement {})\n", finding.summary, by.join(", ")));
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
