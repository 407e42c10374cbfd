//! The flags of `run` and `demo`: those of the option table, and short names for some settings.

use clap::{Arg, ArgAction, ArgMatches, ValueHint};
use fencepost::options::{Form, OPTIONS, OptionSpec};

use super::run::Flags;

/// All flags, in their groups.
pub fn all() -> impl Iterator<Item = Arg> {
    OPTIONS.iter().map(flag).chain([quiet(), fast()])
}

/// The options that were given, with their values.
pub fn given(matches: &ArgMatches) -> Flags {
    let given =
        |spec: &OptionSpec| Some((spec.name, matches.get_one::<String>(spec.name)?.clone()));
    let fast = matches.get_flag("fast").then(|| ("revoke", "batch".to_string()));
    let quiet = matches.get_flag("quiet").then(|| ("summary", "never".to_string()));
    // A full option comes later, and wins over a short name.
    fast.into_iter().chain(quiet).chain(OPTIONS.iter().filter_map(given)).collect()
}

/// The flag for more speed.
fn fast() -> Arg {
    Arg::new("fast").long("fast").action(ArgAction::SetTrue).help_heading("Performance").help(
        "As --revoke=batch: faster where several threads free; some bugs are found late or missed",
    )
}

/// The flag for reports only.
fn quiet() -> Arg {
    Arg::new("quiet")
        .short('q')
        .long("quiet")
        .action(ArgAction::SetTrue)
        .help_heading("Reports")
        .help("The same as --summary=never: only reports, no notices at the end")
}

/// The flag of one option. The table checks values, not clap, so that bad values of flags and of the environment
/// variable give the same message.
fn flag(spec: &'static OptionSpec) -> Arg {
    let short = filled(spec.help(), "");
    let mut long = short.clone();
    if let Form::Choice(choices) | Form::Words(choices) = spec.form {
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
        .help_heading(spec.group.heading())
        .help(short)
        .long_help(long);
    let flag = if spec.name == "verbose" { flag.short('v') } else { flag };
    match spec.form {
        // The program in `--verbose ./prog` must not be taken for the value.
        Form::Bool => flag.num_args(0..=1).require_equals(true).default_missing_value("yes"),
        Form::Path => flag.value_hint(ValueHint::AnyPath),
        _ => flag,
    }
}

/// Breaks a text into lines that fit into 100 columns beside the names of the flags.
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
