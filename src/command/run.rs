//! `fencepost run`: runs a program under the guard, as a child of this process.
//!
//! This process stays as the parent: if any process of the tree reports a bug, it can end with the code of
//! `error-exitcode`, and at the end it can say what ran without the guard. Under a debugger, and where it can't have
//! a child or a ledger, it executes the program itself.

use std::ffi::{OsStr, OsString, c_int};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use fencepost::ledger::{self, Ledger, UnguardedProgram, Why};
use fencepost::options::{OPTIONS_VARIABLE, Options, SummaryChoice};
use fencepost::printable::printable;

use super::parent::{self, Child, Ended};
use super::program::{Format, Program};
use super::refusal::{Refusal, quoted};
use super::sys::{self, Signals};
use super::{elf, ending, library, preload, program};

/// The option flags that were given, as (name, value).
pub type Flags = Vec<(&'static str, String)>;

/// Runs the program and ends as it did, or with the code of `error-exitcode` if any process reported a bug.
pub fn run(flags: &Flags, name: OsString, arguments: Vec<OsString>) -> Result<u8, Refusal> {
    let options = options(flags)?;
    let program = prepare(flags, &name)?;
    // A debugger or tracer of this process is meant for the program.
    if sys::is_traced() {
        return Err(execute(&program, &name, &arguments));
    }
    let signals = Signals::take();
    let Some((ledger, descriptor, child)) = start(&signals, &program, &name, &arguments, || ())
    else {
        signals.give_back();
        return Err(execute(&program, &name, &arguments));
    };
    let log = options.log_path.as_ref().and_then(|path| std::path::absolute(path).ok());
    let path = std::path::absolute(&program.path).unwrap_or_else(|_| program.path.clone());
    // This also gives up the working directory.
    sys::let_go_of_descriptors(vec![2, descriptor]);
    let pid = child.pid();
    let Ended { status, .. } = child.accompany();
    if !ledger.is_refused() && options.summary != SummaryChoice::Never {
        let file = Path::new(&name).file_name().unwrap_or(&name).as_encoded_bytes();
        let bypass = elf::own_allocator(&path).map(|owner| {
            format!("only its objects from libc's malloc are guarded: it has an allocator of its own, {owner}")
        });
        let killed = ending::unreported(ledger, status, &options).map(ending::unreported_words);
        for words in [killed, notice(ledger), left_out(ledger), bypass].into_iter().flatten() {
            say(log.as_deref(), &format!("fencepost: {} ({pid}): {words}\n", printable(file)));
        }
    }
    if let (1.., Some(code)) = (ledger.reports(), options.error_exitcode) {
        return Ok(code);
    }
    Ok(end_as(status))
}

/// Prints a line where the processes of the run print their notices.
fn say(log: Option<&Path>, line: &str) {
    let logged = log.is_some_and(|path| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let mut file = File::options();
        let file = file.append(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let made = file.create_new(true).open(&name);
        made.and_then(|mut file| file.write_all(line.as_bytes())).is_ok()
    });
    if !logged {
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Ends as the program did: returns its exit code, or dies by the signal that ended it.
pub fn end_as(status: ExitStatus) -> u8 {
    if let Some(signal) = status.signal() {
        // The program has left a core file already; this process leaves none.
        die_by(signal);
    }
    code_of(status)
}

/// Dies by a signal. Returns only in the process with the id 1, which can't.
pub fn die_by(signal: c_int) {
    sys::leave_no_core();
    sys::suffer(signal);
}

/// The code that shells use: the exit code, or 128 plus the signal's number.
pub fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// What the user must know about programs of a run that had no guard.
pub fn notice(ledger: &Ledger) -> Option<String> {
    if ledger.started() == 0 {
        // Either the program is not guarded, or it can't open the ledger.
        return Some(
            "no process has said that it is guarded: the loader has not loaded the library, or the program runs as another \
             user or in another pid namespace"
                .to_owned(),
        );
    }
    let (programs, unnamed) = ledger.unguarded();
    let mut parts: Vec<String> = programs
        .iter()
        .filter(|program| program.why != Why::Choice)
        .map(|UnguardedProgram { name, why, times }| {
            let times = if *times > 1 { format!(", {times} times") } else { String::new() };
            format!("{} ({}{times})", printable(name), why.words())
        })
        .collect();
    if unnamed > 0 {
        parts.push(format!("{unnamed} more"));
    }
    let list = parts.join(", ");
    (!list.is_empty()).then(|| format!("started programs that were not guarded: {list}"))
}

/// Which programs the user has left out.
pub fn left_out(ledger: &Ledger) -> Option<String> {
    let (programs, _) = ledger.unguarded();
    let chosen = programs.iter().filter(|program| program.why == Why::Choice);
    let names: Vec<String> = chosen
        .map(|UnguardedProgram { name, times, .. }| match times {
            1 => printable(name).to_string(),
            _ => format!("{} ({times} times)", printable(name)),
        })
        .collect();
    (!names.is_empty()).then(|| format!("not followed, as chosen: {}", names.join(", ")))
}

/// Runs `set_up` and executes the program in a child, with a new ledger. Returns the ledger, its descriptor and the
/// child; `None` if one of them can't be had.
pub fn start<'a>(
    signals: &'a Signals,
    program: &Program,
    name: &OsStr,
    arguments: &[OsString],
    set_up: impl FnOnce(),
) -> Option<(&'static Ledger, c_int, Child<'a>)> {
    let (ledger, text, descriptor) = ledger::create()?;
    sys::set_variable(ledger::VARIABLE, Some(OsStr::new(&text)));
    let execute = || {
        set_up();
        let refusal = execute(program, name, arguments);
        ledger.note_refusal();
        let _ = writeln!(io::stderr(), "fencepost: {}", refusal.sentence);
        refusal.code
    };
    match parent::start(signals, execute) {
        Ok(child) => Some((ledger, descriptor, child)),
        Err(_) => {
            sys::set_variable(ledger::VARIABLE, None);
            None
        }
    }
}

/// Makes all checks of the program, and sets its environment in this process.
pub fn prepare(flags: &Flags, name: &OsStr) -> Result<Program, Refusal> {
    let options = options(flags)?;
    let program = match program::find(name) {
        // The program is to be left out, but programs that it executes may be guarded.
        Err(refusal) if refusal.code == Refusal::UNGUARDED => {
            program::left_out(name, &options.follow).ok_or(refusal)?
        }
        found => found?,
    };
    let library = library::find()?;
    let inherited = std::env::var_os(preload::VARIABLE).unwrap_or_default();
    let preloads = preload::prepend(&library, &inherited)?;
    sys::set_variable(preload::VARIABLE, Some(&preloads));
    let text = with_absolute_log(options)?.encode();
    let text = (!text.is_empty()).then_some(OsStr::new(&text));
    sys::set_variable(OPTIONS_VARIABLE, text);
    Ok(program)
}

/// The options with an absolute log path, since processes may have other working directories.
fn with_absolute_log(mut options: Options) -> Result<Options, Refusal> {
    let Some(path) = &options.log_path else { return Ok(options) };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    if !absolute.parent().is_some_and(Path::is_dir) {
        let sentence = format!("--log-path: there is no directory for {}", quoted(Path::new(path)));
        return Err(Refusal::new(Refusal::UNGUARDED, sentence));
    }
    // The library makes a path absolute that is not UTF-8.
    options.log_path = absolute.to_str().map(str::to_owned).or(options.log_path);
    Ok(options)
}

/// The options of the environment, overruled by the flags.
pub fn options(flags: &Flags) -> Result<Options, Refusal> {
    let usage = |sentence| Refusal::new(Refusal::USAGE, sentence);
    let inherited = std::env::var_os(OPTIONS_VARIABLE).unwrap_or_default();
    let Some(inherited) = inherited.to_str() else {
        return Err(usage(format!("{OPTIONS_VARIABLE} is not valid UTF-8; correct or unset it")));
    };
    let mut options = Options::parse(inherited)
        .map_err(|error| usage(format!("in the variable {OPTIONS_VARIABLE}: {error}")))?;
    for (name, value) in flags {
        options.set(name, value).map_err(|error| usage(error.to_string()))?;
    }
    Ok(options)
}

/// Executes the program in this process; returns only if that fails.
pub fn execute(program: &Program, name: &OsStr, arguments: &[OsString]) -> Refusal {
    let shell = Path::new(program::SHELL);
    let (path, first): (&Path, Vec<OsString>) = match program.format {
        Format::Native => (&program.path, vec![name.to_owned()]),
        // execvp does the same when the kernel does not know the file's format.
        Format::ShellText => (shell, vec![shell.into(), explicit(&program.path).into()]),
    };
    let arguments: Vec<OsString> = first.into_iter().chain(arguments.iter().cloned()).collect();
    let Err(error) = sys::execute(path, &arguments);
    let code = match error.kind() {
        io::ErrorKind::NotFound => Refusal::NOT_FOUND,
        _ => Refusal::NOT_EXECUTABLE,
    };
    let help = match error.kind() {
        io::ErrorKind::ArgumentListTooLong => "; pass fewer or shorter arguments",
        _ => "",
    };
    Refusal::new(code, format!("{} cannot be executed: {error}{help}", quoted(&program.path)))
}

/// The path in a form that the shell does not take for an option.
fn explicit(path: &Path) -> PathBuf {
    let looks_like_option = path.as_os_str().as_encoded_bytes().starts_with(b"-");
    if looks_like_option { Path::new(".").join(path) } else { path.to_path_buf() }
}
