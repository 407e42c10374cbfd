//! The two stages of a report.
//!
//! First the bare report is composed: from what is known without any look-up, in memory that is there from the start,
//! with no file, no lock and no request to the kernel. Then files are read for names. A file may be damaged, endless or
//! gone, and the code that reads it may be wrong. So that is an attempt, under a watchdog: if it fails, the bare report
//! is printed and says why.
//!
//! With a report directory each stage leaves a record; the second replaces the first.

use super::failure::LookUpFailure;
use super::record::{self, Durability};
use super::resolve::{self, Names, Request};
use super::{known, panics, words};
use crate::diagnose::Bug;
use crate::finding::Finding;
use crate::finding::text::{self, Style};
use crate::heap::report_memory;
use crate::runtime::Runtime;
use crate::sys::attempt::Watchdog;
use crate::sys::sandbox::{self, Need};
use crate::sys::{attempt, scope};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};
use std::io;

/// How many seconds the look-up of names may take if somebody waits for the report.
const MOST_SECONDS: i64 = 10;

/// How many seconds it may take in a run that leaves records or knows bugs. Many programs tested at once each get
/// little of the processor, and without names a known bug looks new.
pub const MOST_SECONDS_OF_RUNS: i64 = 60;

/// Room for the sentence that says why names are missing, in bytes.
const MOST_BYTES_OF_SENTENCE: usize = 200;

/// Why the attempt is given up, as a number; 0 if nobody has noted it.
static FAILURE: AtomicU32 = AtomicU32::new(0);

/// Notes why the attempt is about to be given up.
pub fn note_failure(failure: LookUpFailure) {
    FAILURE.store(failure as u32, Ordering::Relaxed);
}

fn failure() -> LookUpFailure {
    use LookUpFailure::{Crash, Hang, Interrupted, NoMemory};
    // Only the allocator gives up without a note.
    let noted = FAILURE.load(Ordering::Relaxed);
    let notes = [Crash, Hang, Interrupted];
    notes.into_iter().find(|&one| one as u32 == noted).unwrap_or(NoMemory)
}

/// A report that is ready to be printed.
pub struct Told<'a> {
    pub finding: &'a Finding,
    pub text: &'a str,
    /// Whether a record of the bug was left already.
    pub is_recorded: bool,
    /// Whether the list of known bugs could not be read.
    pub is_known_unread: bool,
}

/// Whether `bug` is known, of which no report is to be made. Memory that is perhaps not accessible is read if `may_probe`.
///
/// # Safety
/// The calling thread must be the one that reports.
pub unsafe fn is_known(runtime: &Runtime, bug: &Bug, may_probe: bool) -> bool {
    if runtime.known_path.is_none() {
        return false;
    }
    let asked = || {
        let request = Request { names: names(runtime), may_probe };
        let finding = resolve::resolve(bug, runtime.full_identity(), request);
        matches!(known::why(runtime, &finding), Ok(Some(_)))
    };
    // SAFETY: the caller promises that this thread reports, so nobody else uses the memory of reports. Only a `bool` comes
    // out of it before it is emptied.
    unsafe {
        report_memory::empty();
        let is_known = look_up(MOST_SECONDS_OF_RUNS, asked).unwrap_or(false);
        report_memory::empty();
        is_known
    }
}

/// Composes the report of `bug`, passes it to `take`, and leaves records of it. If `may_probe`, reads memory that is
/// perhaps not accessible. Returns what `take` returns.
///
/// # Safety
/// The calling thread must be the reporter.
pub unsafe fn compose<R>(
    runtime: &Runtime,
    bug: &Bug,
    may_probe: bool,
    take: impl FnOnce(&Told<'_>) -> R,
) -> R {
    let is_recorded = record::is_wanted(runtime);
    let is_run = is_recorded || runtime.known_path.is_some();
    let most_seconds = if is_run { MOST_SECONDS_OF_RUNS } else { MOST_SECONDS };
    let time_ms = record::next_moment();
    let resolve = |names, process| {
        let mut finding = resolve::resolve(bug, process, Request { names, may_probe });
        finding.time_ms = time_ms;
        finding.stats = runtime.options.stats.then(|| runtime.stats());
        finding
    };
    let in_full = || {
        let mut finding = resolve(names(runtime), runtime.full_identity());
        let known = known::why(runtime, &finding);
        finding.known = known.clone().unwrap_or_default();
        let text = text::to_styled_string(&finding, runtime.style);
        let line = if is_recorded { line_of(&finding) } else { Vec::new() };
        (finding, text, line, known.is_err())
    };
    // SAFETY: the caller promises that this thread is the reporter, so nobody else uses the memory of the report. What
    // lies in it is forgotten before it is emptied for the second time.
    unsafe {
        // A report that was given up may have left something there.
        report_memory::empty();
        let (mut bare, mut text, mut line, mut sentence, introduction) =
            report_memory::with(|| {
                let mut finding = resolve(Names::None, runtime.identity());
                finding.bare = true;
                let mut text = text::to_string(&finding);
                text.reserve(MOST_BYTES_OF_SENTENCE);
                let line = if is_recorded { line_of(&finding) } else { Vec::new() };
                let sentence = String::with_capacity(MOST_BYTES_OF_SENTENCE);
                let introduction =
                    if is_recorded { record::introduction(runtime) } else { Vec::new() };
                (finding, text, line, sentence, introduction)
            });
        let append = |line: &[u8], durability| match is_recorded {
            true => record::append(runtime, &introduction, line, durability),
            false => Ok(()),
        };
        // The first record comes now, as the process may be killed while names are looked up.
        let first = append(&line, Durability::Process);
        let is_recorded = is_recorded && first.is_ok();
        let (answer, last) = match look_up(most_seconds, in_full) {
            Ok((finding, text, line, is_known_unread)) => {
                let told = Told { finding: &finding, text: &text, is_recorded, is_known_unread };
                (take(&told), append(&line, Durability::Machine))
            }
            Err(failure) => {
                // From here on nothing is allocated: the attempt may have left the memory in any state.
                let why = words::look_up_failure(failure, most_seconds);
                let _ = write!(WithinCapacity(&mut sentence), "{why}");
                bare.names_missing = Some(core::mem::take(&mut sentence));
                bare.bare = false;
                text.clear();
                let _ = text::render(&bare, Style::default(), &mut WithinCapacity(&mut text));
                let is_known_unread = runtime.known_path.is_some();
                let told = Told { finding: &bare, text: &text, is_recorded, is_known_unread };
                let answer = take(&told);
                line.clear();
                let _ = bare.write_line(&mut LineWithinCapacity(&mut line));
                (answer, append(&line, Durability::Machine))
            }
        };
        record::complain(runtime, last);
        // Nothing is freed piece by piece: the attempt may have left the memory in any state.
        core::mem::forget((bare, text, line, sentence, introduction));
        report_memory::empty();
        answer
    }
}

fn names(runtime: &Runtime) -> Names {
    if runtime.options.symbolize { Names::Symbols } else { Names::ModulesOnly }
}

fn line_of(finding: &Finding) -> Vec<u8> {
    let mut length = Length(0);
    // Writing to these two never fails.
    let _ = finding.write_line(&mut length);
    let mut line = Vec::with_capacity(length.0 + MOST_BYTES_OF_SENTENCE);
    let _ = finding.write_line(&mut line);
    line
}

/// Counts the bytes of a line.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A text that takes as much as it has room for.
struct WithinCapacity<'a>(&'a mut String);

impl fmt::Write for WithinCapacity<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.0.capacity() - self.0.len() {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A line that takes as much as it has room for. It does not say when that is spent: the error would be allocated.
struct LineWithinCapacity<'a>(&'a mut Vec<u8>);

impl io::Write for LineWithinCapacity<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() <= self.0.capacity() - self.0.len() {
            self.0.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Does work that looks up names, and gives it up if it crashes, fails or takes longer. What it allocates for the runtime lies in the
/// memory of reports.
///
/// # Safety
/// The calling thread must be the reporter, and nothing that the work allocates may be used after
/// [`report_memory::empty`].
pub unsafe fn look_up<R>(seconds: i64, work: impl FnOnce() -> R) -> Result<R, LookUpFailure> {
    if !sandbox::allows(Need::OpenFiles) {
        return Err(LookUpFailure::Filter);
    }
    FAILURE.store(0, Ordering::Relaxed);
    let watchdog = Watchdog::set(seconds).ok_or(LookUpFailure::NoTimer)?;
    let attempted = || {
        // SAFETY: the caller promises that this thread is the reporter. The work takes no lock, and allocates from the
        // memory of the report only, which is not used any more if the work is given up.
        unsafe { report_memory::with(|| attempt::attempt(|| panics::catch(work))) }
    };
    let done = scope::keeping(|| panics::keeping(attempted));
    drop(watchdog);
    match done {
        Some(Some(result)) => Ok(result),
        Some(None) => Err(LookUpFailure::Panic),
        None => Err(failure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{self, reporter};
    use crate::sys::lock::Lock;
    use crate::sys::signal;

    const CHILD: &str = "FENCEPOST_TEST_OF_STAGES";

    /// Runs a test in its own process: other tests have other handlers for the signals.
    fn alone(name: &str, test: impl FnOnce()) {
        if std::env::var_os(CHILD).is_some() {
            return test();
        }
        let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
        command.args(["--exact", name, "--nocapture"]).env(CHILD, "");
        let ended = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && said.contains("1 passed"), "{ended:?}");
        assert!(!String::from_utf8_lossy(&ended.stderr).contains("never shown"), "{ended:?}");
    }

    /// Looks up names as the reporter does.
    fn look_up_as_reporter(seconds: i64, work: impl FnOnce() -> u8) -> Result<u8, LookUpFailure> {
        fault::install();
        assert!(fault::reporter::begin(0).is_ok());
        // SAFETY: this thread is the reporter, since `begin` has succeeded.
        let result = unsafe { look_up(seconds, work) };
        fault::reporter::release();
        result
    }

    #[test]
    fn what_can_not_be_looked_up_is_given_up() {
        let name = "report::stages::tests::what_can_not_be_looked_up_is_given_up";
        alone(name, crashes_and_panics);
    }

    fn crashes_and_panics() {
        let long = 60;
        assert_eq!(look_up_as_reporter(long, || 7), Ok(7));
        assert_eq!(look_up_as_reporter(long, || panic!("never shown")), Err(LookUpFailure::Panic));
        // SAFETY: none; this crashes, as the test wants.
        let crash = || unsafe { core::ptr::with_exposed_provenance::<u8>(64).read_volatile() };
        assert_eq!(look_up_as_reporter(long, crash), Err(LookUpFailure::Crash));
        // It crashes again, and the work after that succeeds.
        assert_eq!(look_up_as_reporter(long, crash), Err(LookUpFailure::Crash));
        assert_eq!(look_up_as_reporter(long, || 8), Ok(8));
    }

    #[test]
    fn a_handler_of_the_program_does_not_wait_for_names() {
        let name = "report::stages::tests::a_handler_of_the_program_does_not_wait_for_names";
        alone(name, || {
            let usr = signal::bit(libc::SIGUSR1);
            signal::change_mask(libc::SIG_BLOCK, usr);
            extern "C" fn handle(_: libc::c_int) {}
            // SAFETY: the handler does nothing. The signal waits for this thread, which has it blocked.
            unsafe {
                libc::signal(libc::SIGUSR1, handle as *const () as libc::sighandler_t);
                libc::raise(libc::SIGUSR1);
            }
            let endless = || {
                reporter::note_waiting(usr);
                loop {
                    core::hint::spin_loop();
                }
            };
            assert_eq!(look_up_as_reporter(1000, endless), Err(LookUpFailure::Interrupted));
        });
    }

    #[test]
    fn what_has_no_end_is_given_up() {
        alone("report::stages::tests::what_has_no_end_is_given_up", waits_for_ever);
    }

    fn waits_for_ever() {
        let endless = || {
            loop {
                core::hint::spin_loop();
            }
        };
        assert_eq!(look_up_as_reporter(1, endless), Err(LookUpFailure::Hang));
        // A lock that nobody opens.
        let lock = Lock::new(());
        let held = lock.lock();
        let waits = || {
            let _second = lock.lock();
            1
        };
        assert_eq!(look_up_as_reporter(1, waits), Err(LookUpFailure::Hang));
        drop(held);
        // A pipe that nobody writes to.
        let (mut reader, _writer) = std::io::pipe().expect("a pipe");
        let reads = || {
            let _ = std::io::Read::read(&mut reader, &mut [0]);
            1
        };
        // The handler returns to the read, which starts again unless the work is given up.
        assert_eq!(look_up_as_reporter(1, reads), Err(LookUpFailure::Hang));
    }
}
