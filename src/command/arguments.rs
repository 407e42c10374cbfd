//! The arguments of `fencepost`: its subcommands, and the arguments of each.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use clap_complete::Shell;
use fencepost::printable::printable;

use super::config::{self, Config};
use super::recorded::{self, Wishes};
use super::refusal::Refusal;
use super::{
    demo, doctor, explain, flags, install, known, manual, mistake, policy, program, report, run,
    second_look, sweep,
};

const EXIT_CODES: &str = "\
Exit codes of `run`: those of PROGRAM, or
    2  wrong options
  125  PROGRAM cannot be guarded, or the guard is missing
  126  PROGRAM was found but cannot be executed
  127  PROGRAM was not found";

const EXAMPLES: &str = "\
Examples:
  fencepost ./prog arg                       the same as fencepost run -- ./prog arg
  fencepost run --sweep -- ./prog            run it with each placement; one result
  fencepost run --error-exitcode 99 --log-path fencepost.log -- make check
                                             a test suite with all its processes; a log for each
  fencepost run --keep-going -- ./prog       go on after a report
  fencepost run --report-dir out --baseline known.json -- make check
                                             one summary, and a failure for new bugs only
  fencepost doctor ./prog                    see whether it can be guarded here
  fencepost explain double-free              what a kind of bug means
  fencepost demo                             what a report looks like";

/// Parses the arguments and runs the subcommand.
pub fn dispatch(arguments: impl Iterator<Item = OsString>) -> Result<u8, Refusal> {
    let words = with_run(arguments.collect());
    let usage = |error: clap::Error| Refusal::new(Refusal::USAGE, mistake::sentence(&error));
    let matches = match parser().try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => {
            let _ = write!(io::stdout(), "{}", error.render());
            return Ok(0);
        }
        Err(error) => return Err(usage(error)),
    };
    let matches = match configuration(&matches)? {
        None => matches,
        Some(config) => {
            config.set_options();
            parser().try_get_matches_from(with_config(words, &config)).map_err(usage)?
        }
    };
    match matches.subcommand() {
        Some(("run", matches)) => be_run(matches),
        Some(("demo", matches)) if matches.get_flag("list") => {
            demo::list();
            Ok(0)
        }
        Some(("demo", matches)) => demo::demonstrate(name(matches), &flags::given(matches)),
        Some(("report", matches)) => report::report(matches),
        Some(("merge", matches)) => report::merge(matches),
        Some(("doctor", matches)) => {
            let program = matches.get_one::<OsString>("PROGRAM").map(OsString::as_os_str);
            doctor::examine(program, matches.get_flag("json"))
        }
        Some(("explain", matches)) => {
            explain::explain(matches.get_one::<String>("KIND").map(String::as_str))
        }
        Some(("completions", matches)) => matches
            .get_one::<Shell>("SHELL")
            .map_or(Ok(0), |&shell| manual::print(shell, command())),
        Some(("man", matches)) => manual::write_pages(&path_of(matches, "DIR"), &command()),
        Some(("install", matches)) => {
            let root = matches.get_one::<PathBuf>("destdir");
            install::install(&path_of(matches, "prefix"), root.map(PathBuf::as_path), &command())
        }
        Some(("version", _)) => {
            let _ = writeln!(io::stdout(), "fencepost {}", env!("CARGO_PKG_VERSION"));
            Ok(0)
        }
        Some((demo::CHILD_COMMAND, matches)) => demo::be_child(name(matches)),
        _ => Err(Refusal::new(
            Refusal::USAGE,
            "no command given; try 'fencepost ./PROGRAM', 'fencepost demo' or 'fencepost --help'",
        )),
    }
}

fn be_run(matches: &ArgMatches) -> Result<u8, Refusal> {
    let mut words = matches.get_many::<OsString>("PROGRAM").into_iter().flatten().cloned();
    let name = words.next().unwrap_or_default();
    let mut words = words.peekable();
    if is_switch_value(&name) && words.peek().is_some_and(|next| next == "--") {
        let name = name.to_string_lossy();
        let sentence = format!("'{name}' stands where PROGRAM should; write --OPTION={name}");
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    let flags = flags::given(matches);
    let wishes = Wishes::of(matches, &flags)?;
    if matches.get_flag("sweep") {
        return sweep::sweep(&wishes, sweep::jobs(matches), &flags, &name, words.collect());
    }
    if wishes.are_any {
        return recorded::run(&wishes, &flags, &name, words.collect());
    }
    run::run(&flags, name, words.collect())
}

/// Adds `run` to the arguments if the user left it out before a program or before flags.
fn with_run(mut words: Vec<OsString>) -> Vec<OsString> {
    // These may also stand before the subcommand.
    const EARLY: [&str; 6] = ["-q", "-v", "-qv", "-vq", "--quiet", "--verbose"];
    let is_early = |word: &&OsString| EARLY.iter().any(|early| *word == early);
    let early = words.iter().skip(1).take_while(is_early).count();
    let Some(word) = words.get(1 + early) else { return words };
    if is_command(word) {
        words[1..2 + early].rotate_right(1);
    } else if early > 0 || is_flag_of_run(word) || program::is_there(word) {
        words.insert(1, "run".into());
    }
    words
}

fn is_command(word: &OsStr) -> bool {
    word == "help" || command().get_subcommands().any(|command| word == command.get_name())
}

fn is_flag_of_run(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
        && !["-h", "--help", "-V", "--version"].iter().any(|of_all| word == *of_all)
}

/// The project's configuration file, for subcommands that use it.
fn configuration(matches: &ArgMatches) -> Result<Option<Config>, Refusal> {
    let Some((_, matches)) = matches.subcommand() else { return Ok(None) };
    if !matches!(matches.try_get_one(config::OFF), Ok(Some(false))) {
        return Ok(None);
    }
    let folder = std::env::current_dir().ok();
    let Some(path) = folder.and_then(|folder| config::find(&folder)) else { return Ok(None) };
    let config = Config::read(&path, &run_command())?;
    let is_verbose = matches.try_get_one::<String>("verbose").ok().flatten();
    if is_verbose.is_some_and(|value| value == "yes") {
        let path = printable(config.path.as_os_str().as_encoded_bytes());
        let _ = writeln!(io::stderr(), "fencepost: configuration {path}");
    }
    Ok(Some(config))
}

/// The arguments, with the flags of the file put before those of the user.
fn with_config(mut words: Vec<OsString>, config: &Config) -> Vec<OsString> {
    let command = command();
    let named = words.get(1).and_then(|word| word.to_str());
    if let Some(subcommand) = named.and_then(|name| command.find_subcommand(name)) {
        let flags: Vec<OsString> = config.words(subcommand).map(OsStr::to_owned).collect();
        words.splice(2..2, flags);
    }
    words
}

/// Whether a word is a value of yes-or-no options. They take one only after `=`, so that
/// `run --verbose yes -- ./prog` would run yes(1).
fn is_switch_value(word: &OsStr) -> bool {
    ["yes", "no", "true", "false", "on", "off", "1", "0"].iter().any(|value| word == *value)
}

fn path_of(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<PathBuf>(name).cloned().unwrap_or_default()
}

fn name(matches: &ArgMatches) -> Option<&str> {
    matches.get_one::<String>("NAME").map(String::as_str)
}

/// All commands, with the flag that only our own processes use. Completions would show it, though it is hidden.
fn parser() -> Command {
    command().mut_subcommand("run", |run| run.arg(recorded::taken()))
}

/// All commands.
pub fn command() -> Command {
    Command::new("fencepost")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Finds heap bugs in unmodified programs: every object ends at a page that faults")
        .override_usage(
            "fencepost [OPTIONS] [--] PROGRAM [ARGS]...\n       fencepost COMMAND [OPTIONS]",
        )
        .after_help(format!("{EXAMPLES}\n\n{EXIT_CODES}"))
        .subcommand(run_command())
        .subcommand(report::command())
        .subcommand(report::merge_command())
        .subcommand(demo_command())
        .subcommand(doctor_command())
        .subcommand(explain_command())
        .subcommand(install_command())
        .subcommand(completions_command())
        .subcommand(man_command())
        .subcommand(Command::new("version").about("Print the version"))
        .subcommand(
            Command::new(demo::CHILD_COMMAND).hide(true).arg(Arg::new("NAME").required(true)),
        )
}

fn run_command() -> Command {
    Command::new("run")
        .about("Run a program under the guard")
        .override_usage("fencepost [run] [OPTIONS] [--] PROGRAM [ARGS]...")
        .args(flags::all())
        .arg(
            Arg::new("sweep")
                .long("sweep")
                .action(ArgAction::SetTrue)
                .help_heading("Finding")
                .help(
                    "Run the program once with each placement, and report what all runs have found",
                ),
        )
        .arg(sweep::jobs_flag())
        .arg(second_look::flag())
        .args(known::flags())
        .arg(
            policy::flag().help_heading("Known bugs").help(
                "Which bugs make the exit code that of --error-exitcode, or 1 [default: new]",
            ),
        )
        .arg(config::flag())
        .args_override_self(true)
        .arg(
            Arg::new("PROGRAM")
                .help("The program, searched for in PATH as by a shell, and its arguments")
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::CommandWithArguments)
                .num_args(1..)
                .required(true)
                .trailing_var_arg(true),
        )
        .after_help(format!("{EXAMPLES}\n\n{EXIT_CODES}"))
}

fn doctor_command() -> Command {
    let program = Arg::new("PROGRAM")
        .help("A program to check: whether it can be guarded")
        .value_parser(value_parser!(OsString))
        .value_hint(ValueHint::ExecutablePath);
    Command::new("doctor")
        .about("Say what works here, what does not, and what to do about it")
        .arg(program)
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Write JSON"))
        .after_help("Exit codes: 1 if something is bad, or PROGRAM cannot be guarded; otherwise 0")
}

fn explain_command() -> Command {
    Command::new("explain")
        .about("Say what a kind of bug means, with an example")
        .arg(Arg::new("KIND").help("A kind, by its name in reports; without it, all are listed"))
}

fn install_command() -> Command {
    let path = |name, help| {
        let arg = Arg::new(name).long(name).value_name("DIR").help(help);
        arg.value_parser(value_parser!(PathBuf)).value_hint(ValueHint::DirPath)
    };
    Command::new("install")
        .about("Put command, library, header, man pages and completions under a directory")
        .arg(
            path(
                "prefix",
                "Like /usr/local or ~/.local; bin, lib, include and share are made there",
            )
            .required(true),
        )
        .arg(path("destdir", "Put before the prefix, for packages"))
}

fn completions_command() -> Command {
    let shell =
        Arg::new("SHELL").required(true).help("Which shell").value_parser(value_parser!(Shell));
    Command::new("completions").about("Print the completions for a shell").arg(shell)
}

fn man_command() -> Command {
    let folder = Arg::new("DIR")
        .required(true)
        .help("The directory for the pages; it is made if it is missing");
    let folder = folder.value_parser(value_parser!(PathBuf)).value_hint(ValueHint::DirPath);
    Command::new("man").about("Write the man pages").arg(folder)
}

fn demo_command() -> Command {
    Command::new("demo")
        .about("Run a small buggy C program under the guard and show what happens")
        .args(flags::all())
        .args_override_self(true)
        .arg(Arg::new("NAME").help("Which demo [default: heap-buffer-overflow]"))
        .arg(Arg::new("list").long("list").action(ArgAction::SetTrue).help("List the demos"))
}
