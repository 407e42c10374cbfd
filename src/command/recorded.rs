//! `fencepost run --report-dir`: a run whose processes leave records. At its end, one summary is printed, and a policy
//! decides the exit code.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};
use fencepost::finding::RUN_ID_VARIABLE;
use fencepost::options::{OPTIONS_VARIABLE, SummaryChoice};
use fencepost::printable::printable;

use super::collection::Collection;
use super::directory::Directory;
use super::format::sentence::counted;
use super::format::summary;
use super::known::{self, Kept};
use super::parent::Ended;
use super::policy::{self, FailOn};
use super::refusal::{Refusal, quoted};
use super::run::{self, Flags};
use super::sys::{self, Signals};
use super::{elf, run_record, second_look, sites};

/// The exit code if bugs fail the run and `error-exitcode` is not given.
const FOUND: u8 = 1;

/// Name of the flag for a caller that removes the records afterwards, so that the user is not told where they are.
pub const TAKEN: &str = "records-are-taken";

/// The flag [`TAKEN`].
pub fn taken() -> Arg {
    Arg::new(TAKEN).long(TAKEN).action(ArgAction::SetTrue).hide(true)
}

/// What the user asked for, about records.
pub struct Wishes {
    /// Whether records are asked for. False if this run is within another that leaves records.
    pub are_any: bool,
    /// The directory in which the records stay.
    pub directory: Option<PathBuf>,
    pub kept: Kept,
    pub fail_on: FailOn,
    generates: bool,
    are_taken: bool,
    pub looks_again: bool,
}

impl Wishes {
    /// Reads the flags.
    pub fn of(matches: &ArgMatches, flags: &Flags) -> Result<Wishes, Refusal> {
        let given = |wanted: &str| flags.iter().any(|(name, _)| *name == wanted);
        let options = run::options(flags)?;
        let is_within = std::env::var_os(RUN_ID_VARIABLE).is_some();
        // Within another run, processes leave their records in its directory without our help.
        let has_directory = given("report-dir") || options.report_dir.is_some() && !is_within;
        let lists = ["baseline", "suppressions", "fail-on"];
        let generates = matches.get_flag(known::GENERATE);
        let looks_again = matches.get_flag(second_look::FLAG);
        let asks = generates || looks_again || lists.iter().any(|name| matches.contains_id(name));
        Ok(Wishes {
            are_any: has_directory || asks,
            directory: options.report_dir.map(PathBuf::from),
            kept: Kept::load(matches)?,
            fail_on: policy::given(matches).unwrap_or(FailOn::New),
            generates,
            are_taken: matches.get_flag(TAKEN),
            looks_again,
        })
    }
}

impl Wishes {
    /// Prints suppressions for the new bugs, if the user asked for them.
    pub fn tell_suppressions(&self, collection: &Collection) {
        let mut out = Vec::new();
        if self.generates {
            let _ = known::generate(collection, &mut out);
        }
        let _ = io::stderr().write_all(&out);
    }

    /// If no bug fails the run, changes the options so that no bug ends a process.
    pub fn soften(&self, flags: &mut Flags) -> Result<(), Refusal> {
        if self.fail_on != FailOn::Never {
            return Ok(());
        }
        if !flags.iter().any(|(name, _)| *name == "keep-going") {
            flags.push(("keep-going", "yes".to_owned()));
        }
        flags.retain(|(name, _)| *name != "error-exitcode");
        // The environment may have an exit code, too.
        let mut options = run::options(flags)?;
        options.error_exitcode = None;
        sys::set_variable(OPTIONS_VARIABLE, Some(options.encode().as_ref()));
        Ok(())
    }
}

/// Runs the program. Ends with the code of `error-exitcode` if the policy says so, else as the program did.
pub fn run(
    wishes: &Wishes,
    flags: &Flags,
    name: &OsStr,
    arguments: Vec<OsString>,
) -> Result<u8, Refusal> {
    let mut directory = Directory::make(wishes.directory.as_deref())?;
    let mut flags = flags.clone();
    wishes.soften(&mut flags)?;
    flags.extend(flags_of(&directory, &wishes.kept)?);
    let options = run::options(&flags)?;
    directory.announce();
    let program = run::prepare(&flags, name)?;
    if sys::is_traced() {
        // The debugger follows the program, so this process becomes it. The records stay, as nobody can remove them.
        std::mem::forget(directory);
        return Err(run::execute(&program, name, &arguments));
    }
    run_record::begin(&directory, &options, name, &arguments);
    let signals = Signals::take();
    let started = run::start(&signals, &program, name, &arguments, || ());
    let Some((ledger, descriptor, child)) = started else {
        signals.give_back();
        let sentence =
            "the program cannot be started beside this process, which reports at its end";
        return Err(Refusal::new(Refusal::UNGUARDED, sentence));
    };
    let path = std::path::absolute(&program.path).unwrap_or_else(|_| program.path.clone());
    sys::let_go_of_descriptors(vec![2, descriptor]);
    let Ended { status, .. } = child.accompany();
    run_record::end(&directory, &options, ledger, status);
    if ledger.is_refused() {
        return Ok(run::code_of(status));
    }
    let mut collection = directory.collect()?;
    wishes.kept.apply(&mut collection);
    let unrecorded = ledger.reports().saturating_sub(collection.totals.findings);
    let mut seen_again = Vec::new();
    if wishes.looks_again {
        seen_again = second_look::look(&mut directory, &signals, &flags, &collection)?;
        collection = directory.collect()?;
        wishes.kept.apply(&mut collection);
    }
    let mut remarks = wishes.kept.remarks(&collection);
    remarks.extend(sites::keep(&directory, &options, &collection));
    remarks.extend(seen_again);
    remarks.extend(collection.skipped.words());
    if unrecorded > 0 {
        let reports = counted(unrecorded, "report");
        remarks.push(format!("{reports} left no record; see the output above"));
    }
    if ledger.started() == 0 {
        remarks.extend(run::notice(ledger));
    }
    if let Some(owner) = elf::own_allocator(&path) {
        remarks.push(format!(
            "only the program's objects from libc's malloc are guarded: it has an allocator of its own, {owner}"
        ));
    }
    if options.summary != SummaryChoice::Never {
        let stays = !directory.is_temporary() && !wishes.are_taken;
        tell(&collection, &remarks, stays.then_some(directory.path()));
    }
    wishes.tell_suppressions(&collection);
    drop(directory);
    // A report whose record could not be written counts as a bug, too.
    let is_bad = wishes.fail_on.fails(&collection) || unrecorded > 0;
    let fails = is_bad && wishes.fail_on != FailOn::Never;
    Ok(if fails { options.error_exitcode.unwrap_or(FOUND) } else { run::end_as(status) })
}

/// The flags by which processes leave records in `directory` and get the known bugs.
pub fn flags_of(directory: &Directory, kept: &Kept) -> Result<Flags, Refusal> {
    let text = |path: &Path| match path.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => {
            let sentence = format!("the path {} is not valid UTF-8", quoted(path));
            Err(Refusal::new(Refusal::UNGUARDED, sentence))
        }
    };
    let mut flags = vec![("report-dir", text(directory.path())?)];
    if !kept.is_empty() {
        let known = directory.write_known(&kept.bugs).map_err(|error| {
            let sentence =
                format!("the known bugs cannot be written to a file for the processes: {error}");
            Refusal::new(Refusal::UNGUARDED, sentence)
        })?;
        flags.push(("known", text(&known)?));
    }
    Ok(flags)
}

/// Prints the summary as one text, so that no other output comes in between.
fn tell(collection: &Collection, remarks: &[String], directory: Option<&Path>) {
    let mut text = vec![b'\n'];
    let _ = summary::render(collection, &mut text);
    if !remarks.is_empty() {
        let _ = writeln!(text);
    }
    for remark in remarks {
        let _ = writeln!(text, "Note: {}", printable(remark));
    }
    if let Some(path) = directory {
        let path = printable(path.as_os_str().as_encoded_bytes());
        let _ = writeln!(text, "\nRecords are in {path}; see 'fencepost report {path}'");
    }
    let _ = io::stderr().write_all(&text);
}
