//! The command's arguments; the guard's flags come from the option table.

use std::ffi::{OsStr, OsString};
use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use fencepost::options::{Form, OPTIONS, OptionSpec, foreign_words};

use super::refusal::Refusal;
use super::run::Flags;
use super::{demo, run, sweep};

const EXIT_CODES: &str = "\
Exit codes of `run`: those of PROGRAM, or
    2  wrong options
  125  PROGRAM cannot be guarded, or the guard is missing
  126  PROGRAM was found but cannot be executed
  127  PROGRAM was not found";

/// Parses the arguments and hands over to the subcommand.
pub fn dispatch(arguments: impl Iterator<Item = OsString>) -> Result<u8, Refusal> {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => {
            let _ = write!(std::io::stdout(), "{}", error.render());
            return Ok(0);
        }
        Err(error) => return Err(Refusal::new(Refusal::USAGE, sentence(&error))),
    };
    match matches.subcommand() {
        Some(("run", matches)) => {
            let mut words = matches.get_many::<OsString>("PROGRAM").into_iter().flatten().cloned();
            let name = words.next().unwrap_or_default();
            let mut words = words.peekable();
            if is_switch_value(&name) && words.peek().is_some_and(|next| next == "--") {
                let name = name.to_string_lossy();
                let sentence =
                    format!("'{name}' stands where PROGRAM should; write --OPTION={name}");
                return Err(Refusal::new(Refusal::USAGE, sentence));
            }
            if matches.get_flag("sweep") {
                return sweep::sweep(&flags(matches), name, words.collect());
            }
            run::run(&flags(matches), name, words.collect())
        }
        Some(("demo", matches)) if matches.get_flag("list") => {
            demo::list();
            Ok(0)
        }
        Some(("demo", matches)) => demo::demonstrate(name(matches), &flags(matches)),
        Some(("version", _)) => {
            let _ = writeln!(std::io::stdout(), "fencepost {}", env!("CARGO_PKG_VERSION"));
            Ok(0)
        }
        Some((demo::CHILD_COMMAND, matches)) => demo::be_child(name(matches)),
        _ => Err(Refusal::new(
            Refusal::USAGE,
            "no command given; try 'fencepost run -- PROGRAM', 'fencepost demo' or 'fencepost --help'",
        )),
    }
}

/// Whether a word is a value of yes-or-no options. Those take it after `=` only, and so
/// `run --verbose yes -- ./prog` would run yes(1).
fn is_switch_value(word: &OsStr) -> bool {
    ["yes", "no", "true", "false", "on", "off", "1", "0"].iter().any(|value| word == *value)
}

fn flags(matches: &ArgMatches) -> Flags {
    let given =
        |spec: &OptionSpec| Some((spec.name, matches.get_one::<String>(spec.name)?.clone()));
    let fast = matches.get_flag("fast").then(|| ("revoke", "batch".to_string()));
    // What is spelt out wins.
    fast.into_iter().chain(OPTIONS.iter().filter_map(given)).collect()
}

/// The choices for speed, under one name.
fn fast() -> Arg {
    Arg::new("fast")
        .long("fast")
        .action(ArgAction::SetTrue)
        .help("The same as --revoke=batch: faster where several threads free, and a little blinder")
}

fn name(matches: &ArgMatches) -> Option<&str> {
    matches.get_one::<String>("NAME").map(String::as_str)
}

fn command() -> Command {
    let name = Arg::new("NAME");
    Command::new("fencepost")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Finds heap bugs in unmodified programs: every object ends at a page that faults")
        .after_help(EXIT_CODES)
        .subcommand(
            Command::new("run")
                .about("Run a program under the guard")
                .override_usage("fencepost run [OPTIONS] [--] PROGRAM [ARGS]...")
                .args(OPTIONS.iter().map(flag))
                .arg(fast())
                .arg(Arg::new("sweep").long("sweep").action(ArgAction::SetTrue).help(
                    "Run the program once under each placement, and tell what all have found",
                ))
                .args_override_self(true)
                .arg(
                    Arg::new("PROGRAM")
                        .help("The program, sought in PATH as a shell would, and its arguments")
                        .value_parser(value_parser!(OsString))
                        .num_args(1..)
                        .required(true)
                        .trailing_var_arg(true),
                )
                .after_help(EXIT_CODES),
        )
        .subcommand(
            Command::new("demo")
                .about("Run a small buggy C program under the guard and show what happens")
                .args(OPTIONS.iter().map(flag))
                .arg(fast())
                .args_override_self(true)
                .arg(name.clone().help("Which demo [default: heap-buffer-overflow]"))
                .arg(
                    Arg::new("list").long("list").action(ArgAction::SetTrue).help("List the demos"),
                ),
        )
        .subcommand(Command::new("version").about("Print the version"))
        .subcommand(Command::new(demo::CHILD_COMMAND).hide(true).arg(name.required(true)))
}

/// The flag of one option. Values are checked by the table, not by clap, so that a flag and the environment
/// variable are refused in the same words.
fn flag(spec: &'static OptionSpec) -> Arg {
    let short = filled(spec.help(), "");
    let mut long = short.clone();
    if let Form::Choice(choices) = spec.form {
        for choice in choices {
            let line = format!("{}: {}", choice.name, choice.help());
            long.push_str(&format!("\n  {}", filled(&line, "    ")));
        }
    }
    let default = spec.default_text();
    if !default.is_empty() {
        long.push_str(&format!("\n[default: {default}]"));
    }
    let flag = Arg::new(spec.name)
        .long(spec.name)
        .value_name(spec.form.placeholder())
        .help(short)
        .long_help(long);
    match spec.form {
        // `--verbose ./prog` must not take the program for the value.
        Form::Bool => flag.num_args(0..=1).require_equals(true).default_missing_value("yes"),
        _ => flag,
    }
}

/// Breaks a text into lines that fit a terminal of 100 columns beside the names of the flags.
fn filled(text: &str, indent: &str) -> String {
    const COLUMNS: usize = 66;
    let mut filled = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        if column > 0 && column + 1 + word.len() > COLUMNS {
            filled.push('\n');
            filled.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            filled.push(' ');
            column += 1;
        }
        filled.push_str(word);
        column += word.len();
    }
    filled
}

/// Turns clap's several lines into one sentence.
fn sentence(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let subject =
        context(ContextKind::InvalidArg).or_else(|| context(ContextKind::InvalidSubcommand));
    let of_another_tool = subject.as_deref().and_then(|text| {
        let name = text.trim_start_matches('-').split('=').next()?;
        Some(format!("there is no option '{}': {}", text.escape_debug(), foreign_words(name)?))
    });
    if let Some(sentence) = of_another_tool {
        return sentence;
    }
    let subject =
        subject.map_or("an argument".to_string(), |text| format!("'{}'", text.escape_debug()));
    let fault = match error.kind() {
        ErrorKind::UnknownArgument => format!("unexpected argument {subject}"),
        ErrorKind::InvalidSubcommand => format!("unknown command {subject}"),
        ErrorKind::MissingRequiredArgument => "a PROGRAM is missing".to_string(),
        ErrorKind::InvalidValue | ErrorKind::NoEquals => format!("{subject} needs a value"),
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => {
            format!("{subject} takes no such value")
        }
        ErrorKind::InvalidUtf8 => "an argument before PROGRAM is not valid UTF-8".to_string(),
        kind => kind.as_str().unwrap_or("the arguments are wrong").to_string(),
    };
    let nearest =
        context(ContextKind::SuggestedArg).or_else(|| context(ContextKind::SuggestedSubcommand));
    match nearest {
        Some(nearest) => format!("{fault}; did you mean '{nearest}'?"),
        None => format!("{fault}; try 'fencepost --help'"),
    }
}
