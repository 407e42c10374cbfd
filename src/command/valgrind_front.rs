//! The command under a name with `valgrind` in it: takes Valgrind's command line, and writes a log like Valgrind's.
//!
//! `ctest -T memcheck` and other tools start Valgrind and read its log. They can use the link `fencepost-valgrind`,
//! which `install` makes, in its place. The program runs under another process of the command, which writes records;
//! at its end the log is made from them.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fencepost::options::foreign_words;
use fencepost::printable::printable;

use super::collection::Collection;
use super::folder::Folder;
use super::format;
use super::parent;
use super::refusal::{Refusal, quoted};
use super::sys::{self, Signals};
use super::{recorded, records, run};

/// Whether the command must behave like Valgrind under this name.
pub fn is_meant_by(name: &OsStr) -> bool {
    let name = Path::new(name).file_name().unwrap_or_default();
    name.as_bytes().windows(8).any(|part| part == b"valgrind")
}

/// The contents of a command line for Valgrind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    log_file: Option<String>,
    is_quiet: bool,
    /// Flags for `fencepost run`.
    flags: Vec<String>,
    /// Options that are accepted but have no effect here, each with the reason.
    idle: Vec<(String, &'static str)>,
    program: Vec<OsString>,
}

/// Options that are not needed here: about Valgrind's engine, and details of its output.
const IDLE: [&str; 19] = [
    "partial-loads-ok",
    "expensive-definedness-checks",
    "keep-stacktraces",
    "keep-debuginfo",
    "show-below-main",
    "fullpath-after",
    "read-var-info",
    "read-inline-info",
    "demangle",
    "smc-check",
    "fair-sched",
    "main-stacksize",
    "max-stackframe",
    "run-libc-freeres",
    "run-cxx-freeres",
    "sim-hints",
    "track-fds",
    "time-stamp",
    "valgrind-stacksize",
];

/// Options that change the form of the output: a tool that uses one would wait for output that does not come.
const REFUSED: [&str; 6] =
    ["xml", "xml-file", "xml-fd", "log-fd", "log-socket", "gen-suppressions"];

/// Of leaks, those that Memcheck shows, and counts as errors, unless it is told otherwise.
const DEFAULT_KINDS: &str = "definite,possible";

impl Asked {
    /// Reads the arguments after the name of the command.
    fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Asked, Refusal> {
        let mut asked = Asked::default();
        let mut arguments = arguments.peekable();
        let mut goes_on = true;
        // As Valgrind has them.
        let (mut leaks, mut kinds) = ("summary".to_owned(), DEFAULT_KINDS.to_owned());
        while let Some(word) = arguments.next_if(|word| word.as_bytes().starts_with(b"-")) {
            if word == "--" {
                break;
            }
            let usage = |sentence| Refusal::new(Refusal::USAGE, sentence);
            let Some(text) = word.to_str() else {
                return Err(usage(format!("{} is not valid UTF-8", quoted(&word))));
            };
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            let flag = |name: &str| format!("--{name}={value}");
            match (name.trim_start_matches('-'), value) {
                ("q" | "quiet", _) => asked.is_quiet = true,
                ("v" | "verbose" | "d", _) | ("tool", "memcheck") => {}
                ("tool", _) => return Err(usage("there is one tool, memcheck".to_owned())),
                ("log-file", _) => asked.log_file = Some(value.to_owned()),
                ("num-callers", _) => {
                    let callers = value.parse::<usize>().unwrap_or(12).clamp(1, 256);
                    asked.flags.push(format!("--stack-depth={callers}"));
                }
                ("error-exitcode", "0") => {}
                ("error-exitcode", _) => asked.flags.push(flag("error-exitcode")),
                ("exit-on-first-error", _) => goes_on = value != "yes",
                ("error-limit", "no") => asked.flags.push("--max-reports=1000000".to_owned()),
                ("leak-check", "no" | "summary" | "full") => leaks = value.to_owned(),
                ("leak-check", "yes") => leaks = "full".to_owned(),
                ("show-leak-kinds", _) => kinds = value.to_owned(),
                ("show-reachable", "yes") => kinds = "all".to_owned(),
                ("show-reachable", _) => kinds = DEFAULT_KINDS.to_owned(),
                ("show-possibly-lost", "no") => kinds = "definite".to_owned(),
                ("leak-check-heuristics", _) => {
                    asked.flags.push(format!("--leak-heuristics={value}"))
                }
                ("show-possibly-lost", _) | ("leak-resolution", "high") => {}
                ("errors-for-leak-kinds", DEFAULT_KINDS) => {}
                ("suppressions", _) => asked.flags.push(flag("suppressions")),
                ("show-mismatched-frees", _) => asked.flags.push(flag("alloc-dealloc-mismatch")),
                ("malloc-fill" | "free-fill", _) => {
                    let byte = u8::from_str_radix(value.trim_start_matches("0x"), 16);
                    let Ok(byte) = byte else {
                        return Err(usage(format!("'{text}' needs a byte in hexadecimal")));
                    };
                    let name = if name.contains("malloc") { "alloc-fill" } else { "free-fill" };
                    asked.flags.push(format!("--{name}={byte}"));
                }
                (name, value) if REFUSED.contains(&name) && value != "no" => {
                    let why = foreign_words(name).unwrap_or("the log is Memcheck's text");
                    return Err(usage(format!("there is no option '--{name}': {why}")));
                }
                (name, _) => match foreign_words(name) {
                    Some(why) => asked.idle.push((text.to_owned(), why)),
                    None if IDLE.contains(&name) || REFUSED.contains(&name) => {}
                    None => return Err(usage(format!("there is no option '{text}' of Memcheck"))),
                },
            }
        }
        asked.program = arguments.collect();
        if asked.program.is_empty() {
            return Err(Refusal::new(Refusal::USAGE, "a PROGRAM is missing"));
        }
        asked.flags.push(format!("--leaks={leaks}"));
        if leaks == "full" {
            asked.flags.push(format!("--leak-kinds={kinds}"));
        }
        asked.flags.push(format!("--keep-going={}", if goes_on { "yes" } else { "no" }));
        let fails = asked.flags.iter().any(|flag| flag.starts_with("--error-exitcode="));
        asked.flags.push(format!("--fail-on={}", if fails { "new" } else { "never" }));
        Ok(asked)
    }

    /// The path of the log; `None` for standard error.
    fn log_path(&self) -> Result<Option<PathBuf>, Refusal> {
        let Some(pattern) = &self.log_file else { return Ok(None) };
        let mut path = OsString::new();
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once('%') {
            path.push(before);
            let variable = after.strip_prefix("q{").and_then(|name| name.split_once('}'));
            rest = match (variable, after.chars().next()) {
                (Some((name, behind)), _) => {
                    path.push(std::env::var_os(name).unwrap_or_default());
                    behind
                }
                (None, Some('p')) => {
                    path.push(std::process::id().to_string());
                    &after[1..]
                }
                (None, Some('n')) => {
                    path.push("0");
                    &after[1..]
                }
                (None, Some('%')) => {
                    path.push("%");
                    &after[1..]
                }
                _ => {
                    let sentence = format!("--log-file={pattern}: % stands before p, n, q{{ or %");
                    return Err(Refusal::new(Refusal::USAGE, sentence));
                }
            };
        }
        path.push(rest);
        Ok(Some(PathBuf::from(path)))
    }
}

/// Runs the program of a command line for Valgrind, and returns the exit code.
pub fn be_valgrind(arguments: impl Iterator<Item = OsString>) -> Result<u8, Refusal> {
    let asked = Asked::parse(arguments)?;
    let path = asked.log_path()?;
    let failed = |what: String| move |error: io::Error| Refusal::new(1, format!("{what}: {error}"));
    // As with Valgrind, the log exists from the start, and is empty.
    let mut log: Box<dyn Write> = match &path {
        Some(path) => {
            Box::new(File::create(path).map_err(failed(format!("the log {}", quoted(path))))?)
        }
        None => Box::new(io::stderr()),
    };
    let folder = Folder::new("valgrind").map_err(failed("a folder for records".to_owned()))?;
    let command = std::env::current_exe().map_err(failed("the command itself".to_owned()))?;
    let mut words: Vec<OsString> = vec![command.clone().into(), "run".into()];
    words.extend(asked.flags.iter().map(OsString::from));
    words.push(format!("--{}", recorded::TAKEN).into());
    words.extend(["--report-dir".into(), folder.path().into()]);
    words.extend(["--log-path".into(), folder.path().join("text").into()]);
    words.push("--".into());
    words.extend(asked.program.iter().cloned());
    let signals = Signals::take();
    let child = parent::start(&signals, || {
        let Err(error) = sys::execute(&command, &words);
        let _ = writeln!(io::stderr(), "fencepost: {} {error}", quoted(&command));
        Refusal::NOT_EXECUTABLE
    });
    let status = child.map_err(failed("a process".to_owned()))?.accompany().status;
    // There are no records if the program could not be started; the user has been told that.
    let found = records::read(&[folder.path().to_owned()]).unwrap_or_default();
    drop(folder);
    write_log(&asked, &found, &mut *log).map_err(failed("the log".to_owned()))?;
    Ok(run::end_as(status))
}

/// Writes the bugs as Valgrind would, and what the user must know.
fn write_log(asked: &Asked, found: &Collection, log: &mut dyn Write) -> io::Result<()> {
    match asked.is_quiet {
        true => format::valgrind::render_bugs(found, log)?,
        false => format::valgrind::render(found, log)?,
    }
    let pid = std::process::id();
    let mut say = |line: String| writeln!(log, "=={pid}== Fencepost: {}", printable(&line));
    for lost in found.not_guarded().iter().filter(|lost| !lost.by_choice) {
        say(format!("{} was not guarded: {}", lost.program, lost.reason))?;
    }
    for notice in &found.totals.notices {
        say(notice.name.clone())?;
    }
    if !asked.is_quiet {
        for (option, why) in &asked.idle {
            say(format!("{option}: {why}"))?;
        }
    }
    log.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Asked, Refusal> {
        Asked::parse(words.split(' ').map(OsString::from))
    }

    #[test]
    fn the_name_decides() {
        assert!(is_meant_by(OsStr::new("/opt/bin/fencepost-valgrind")));
        assert!(is_meant_by(OsStr::new("valgrind")));
        assert!(!is_meant_by(OsStr::new("/opt/valgrind/fencepost")));
    }

    /// The command line of CTest 3.25.
    #[test]
    fn the_words_of_ctest_are_understood() {
        let asked = parse(
            "--log-file=/b/MemoryChecker.1.log -q --tool=memcheck --leak-check=yes \
             --show-reachable=yes --num-callers=50 /b/test -q",
        );
        let asked = asked.unwrap();
        assert_eq!(asked.log_file.as_deref(), Some("/b/MemoryChecker.1.log"));
        let leaks = ["--leaks=full", "--leak-kinds=all"];
        let rest = ["--keep-going=yes", "--fail-on=never"];
        assert_eq!(asked.flags, [&["--stack-depth=50"][..], &leaks, &rest].concat());
        assert_eq!(asked.program, ["/b/test", "-q"]);
        assert!(asked.is_quiet && asked.idle.is_empty(), "{asked:?}");
    }

    #[test]
    fn what_changes_the_outcome_is_passed_on_or_refused() {
        let flags = |words| parse(words).unwrap().flags;
        assert!(flags("--error-exitcode=9 a").contains(&"--fail-on=new".to_owned()));
        assert!(flags("--malloc-fill=0xab a").contains(&"--alloc-fill=171".to_owned()));
        assert!(flags("--exit-on-first-error=yes a").contains(&"--keep-going=no".to_owned()));
        assert!(flags("a").contains(&"--leaks=summary".to_owned()));
        assert!(flags("--leak-check=no a").contains(&"--leaks=no".to_owned()));
        let kinds = flags("--leak-check=yes --show-possibly-lost=no a");
        assert!(kinds.contains(&"--leak-kinds=definite".to_owned()));
        assert!(flags("--suppressions=f a").contains(&"--suppressions=f".to_owned()));
        assert!(parse("--xml=no a").is_ok());
        for words in ["--xml=yes a", "--tool=helgrind a", "--wrong a", "--log-socket=x a", "-q"] {
            assert_eq!(parse(words).unwrap_err().code, Refusal::USAGE, "{words}");
        }
    }

    #[test]
    fn names_of_logs_are_filled_in() {
        let path = |words| parse(words).unwrap().log_path();
        let pid = std::process::id();
        let filled = path("--log-file=a%p%%%q{NOT_SET_AT_ALL}b a").unwrap();
        assert_eq!(filled, Some(PathBuf::from(format!("a{pid}%b"))));
        assert_eq!(path("a").unwrap(), None);
        assert!(path("--log-file=%x a").is_err());
    }
}
