//! `--second-look`: runs the command of a late finding again, under options by which the bad write itself faults.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;

use clap::{Arg, ArgAction};
use fencepost::finding::{Bug, Finding, Side};
use fencepost::printable::printable;

use super::collection::{Collection, command_line};
use super::directory::Directory;
use super::parent::Ended;
use super::refusal::Refusal;
use super::run::{self, Flags};
use super::sys::{self, Signals};
use super::{parent, run_record};

/// Name of the flag.
pub const FLAG: &str = "second-look";

/// Most commands that are run again.
const MOST_LOOKS: usize = 10;

/// After so many seconds, the program gets SIGALRM.
const SECONDS: u32 = 120;

/// The flag itself.
pub fn flag() -> Arg {
    Arg::new(FLAG)
        .long(FLAG)
        .action(ArgAction::SetTrue)
        .help_heading("Finding")
        .help("Run a command whose bug was found late once more, to catch the bad write itself")
}

/// Runs the commands again; returns a sentence on each. Signals must be taken; standard streams may be closed.
pub fn look(
    directory: &mut Directory,
    signals: &Signals,
    flags: &Flags,
    collection: &Collection,
) -> Result<Vec<String>, Refusal> {
    let mut sentences = Vec::new();
    sys::fill_standard_streams();
    let late: Vec<&Bug> = collection.new_bugs().filter(|bug| bug.example.late).collect();
    for (number, bug) in late.iter().take(MOST_LOOKS).enumerate() {
        directory.begin_part(&format!("again{number}"));
        let command = printable(&command_line(&bug.example.process.command)).to_string();
        let (option, value) = how(&bug.example);
        let mut flags = flags.clone();
        flags.push((option, value.to_owned()));
        // Another bug may come before this one.
        flags.push(("keep-going", "yes".to_owned()));
        let outcome = match run_again(directory, signals, &flags, &bug.example) {
            Ok(outcome) => outcome,
            Err(refusal) => Outcome::Refused(refusal.sentence),
        };
        let result = match outcome {
            Outcome::Refused(sentence) => format!("could not be run again: {sentence}"),
            Outcome::Interrupted => {
                sentences.push("the second look was interrupted".to_owned());
                return Ok(sentences);
            }
            Outcome::Ended => {
                let found = directory.collect_part()?;
                let is_it = |other: &&Bug| !other.example.late && other.site == bug.site;
                match found.bugs.iter().find(|other| is_it(other)) {
                    Some(other) => format!(
                        "was run again with --{option}={value}, which caught the write: {}",
                        printable(&other.summary)
                    ),
                    None => format!(
                        "was run again with --{option}={value}, which did not catch the write"
                    ),
                }
            }
        };
        sentences.push(format!("{command} {result}"));
    }
    if late.len() > MOST_LOOKS {
        sentences.push(format!("{} other bugs had no second look", late.len() - MOST_LOOKS));
    }
    Ok(sentences)
}

enum Outcome {
    Refused(String),
    Interrupted,
    Ended,
}

/// The option by which the bad write faults.
fn how(finding: &Finding) -> (&'static str, &'static str) {
    match finding.object.as_ref().map(|object| (object.freed.is_some(), object.side)) {
        // The object was written to while it was in quarantine.
        Some((true, Side::Inside)) => ("revoke", "immediate"),
        Some((_, Side::Before)) => ("placement", "left"),
        _ => ("placement", "exact"),
    }
}

/// Runs the command of a finding again, without input, and with its output discarded.
fn run_again(
    directory: &Directory,
    signals: &Signals,
    flags: &Flags,
    finding: &Finding,
) -> Result<Outcome, Refusal> {
    let process = &finding.process;
    let words: Vec<OsString> = process.command.iter().map(OsString::from).collect();
    let [name, arguments @ ..] = &words[..] else {
        return Ok(Outcome::Refused("its command line is not known".to_owned()));
    };
    let folder = Path::new(&process.directory);
    if !folder.is_dir() {
        return Ok(Outcome::Refused("its directory is gone".to_owned()));
    }
    let program = run::prepare(flags, process.program.as_ref())?;
    let options = run::options(flags)?;
    run_record::begin(directory, &options, name, arguments);
    let input = File::open("/dev/null").ok();
    let set_up = || {
        let _ = std::env::set_current_dir(folder);
        sys::redirect(input.as_ref(), true);
    };
    let Some((ledger, _, child)) = run::start(signals, &program, name, arguments, set_up) else {
        return Ok(Outcome::Refused("there can be no further process".to_owned()));
    };
    sys::set_alarm(SECONDS);
    let Ended { status, signal } = child.accompany();
    sys::set_alarm(0);
    let between = std::iter::from_fn(|| signals.pending()).map(|arrival| arrival.signal);
    let ending = between.filter(|signal| parent::is_ending(*signal)).last().or(signal);
    run_record::end(directory, &options, ledger, status);
    Ok(if ending.is_some() { Outcome::Interrupted } else { Outcome::Ended })
}
