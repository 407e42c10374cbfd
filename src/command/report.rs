//! `fencepost report` and `fencepost merge`: read, merge and render the records of any number of runs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};

use super::collection::Collection;
use super::config;
use super::diff;
use super::format::{FORMATS, Format, jsonl};
use super::known::{self, Kept};
use super::names::{self, Names};
use super::policy::{self, FailOn};
use super::records;
use super::refusal::{Refusal, quoted};

/// The exit code if a file cannot be written.
const UNWRITABLE: u8 = 1;

/// The command `report`.
pub fn command() -> Command {
    let formats: Vec<String> =
        FORMATS.iter().map(|format| format!("  {:<10} {}", format.name, format.help)).collect();
    let formats = formats.join("\n");
    Command::new("report")
        .about("Merge the records of runs, and show each bug once")
        .override_usage(
            "fencepost report [OPTIONS] DIR|FILE|-...\n       fencepost report [OPTIONS] --diff OLD NEW",
        )
        .arg(inputs())
        .arg(
            Arg::new("format")
                .long("format")
                .short('f')
                .value_name("FORMAT[=FILE]")
                .action(ArgAction::Append)
                .help("The format; with =FILE, the file for it. Several may be given")
                .long_help(format!(
                    "The format; with =FILE, the file for it. Several may be given:\n{formats}"
                )),
        )
        .arg(output().help("The file for the format that has none [default: standard output]"))
        .arg(
            Arg::new("diff")
                .long("diff")
                .num_args(2)
                .value_names(["OLD", "NEW"])
                .value_hint(ValueHint::AnyPath)
                .value_parser(value_parser!(PathBuf))
                .conflicts_with("INPUT")
                .help("Show which bugs are new in NEW, gone, or still there"),
        )
        .arg(
            Arg::new("source-root")
                .long("source-root")
                .value_name("DIR")
                .value_hint(ValueHint::DirPath)
                .value_parser(value_parser!(PathBuf))
                .help("Name source files relative to this folder [default: where the run began]"),
        )
        .arg(names::flag())
        .args(known::flags())
        .arg(config::flag())
        .arg(policy::flag().help("Which bugs make the exit code 1 [default: never]"))
        .after_help(format!("Formats:\n{formats}\n\n{EXAMPLES}"))
}

const EXAMPLES: &str = "\
Examples:
  fencepost run --report-dir out -- make check
  fencepost report out
  fencepost report out --format sarif=out.sarif --format html=out.html
  fencepost report out --format baseline -o known.json
  fencepost report out --baseline known.json --fail-on new
  fencepost report --diff before after
  fencepost report out --debug-dir /srv/debug";

/// The command `merge`.
pub fn merge_command() -> Command {
    Command::new("merge")
        .about("Merge the records of runs into one file, which can be read and merged again")
        .override_usage("fencepost merge [-o FILE] DIR|FILE|-...")
        .arg(inputs())
        .arg(output().help("The file to write [default: standard output]"))
        .arg(names::flag())
}

fn inputs() -> Arg {
    Arg::new("INPUT")
        .help("Report directories, record files, or - for standard input")
        .num_args(1..)
        .value_hint(ValueHint::AnyPath)
        .value_parser(value_parser!(PathBuf))
}

fn output() -> Arg {
    Arg::new("output")
        .long("output")
        .short('o')
        .value_name("FILE")
        .value_hint(ValueHint::FilePath)
        .value_parser(value_parser!(PathBuf))
}

/// Runs `report`; returns the exit code.
pub fn report(matches: &ArgMatches) -> Result<u8, Refusal> {
    let outputs = outputs(matches)?;
    let generates = matches.get_flag(known::GENERATE);
    let path = matches.get_one::<PathBuf>("output").map(PathBuf::as_path);
    let have_files = !outputs.is_empty() && outputs.iter().all(|(_, file)| file.is_some());
    if path.is_some() && have_files && !generates {
        let sentence =
            "each format has its file, so nothing goes to that of --output; leave it out";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    if generates && !outputs.is_empty() && !have_files {
        let sentence = "with --gen-suppressions a format needs a file; write --format NAME=FILE";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    let kept = Kept::load(matches)?;
    let functions = Arc::new(Names::given(matches));
    let mut collection = match matches.get_many::<PathBuf>("diff") {
        Some(mut names) => {
            let mut read = || read(names.next().into_iter().cloned().collect(), &functions);
            let (old, mut new) = (read()?, read()?);
            if outputs.is_empty() && !generates {
                kept.apply(&mut new);
                let text = diff::words(&old, &new);
                write(path, |out| out.write_all(text.as_bytes()))?;
            }
            let mut kept = kept.clone();
            kept.add_baseline(&old);
            kept.apply(&mut new);
            new
        }
        None => {
            let mut collection = read(given(matches), &functions)?;
            kept.apply(&mut collection);
            collection
        }
    };
    if let Some(folder) = matches.get_one::<PathBuf>("source-root") {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        collection.source_root = Some(folder.to_string_lossy().into_owned());
    }
    if generates {
        write(path, |out| known::generate(&collection, out))?;
    }
    let is_told = generates || matches.contains_id("diff");
    let default = (outputs.is_empty() && !is_told).then_some((&FORMATS[0], None));
    for (format, file) in outputs.into_iter().chain(default) {
        write(file.as_deref().or(path), |out| (format.render)(&collection, out))?;
    }
    for remark in kept.remarks(&collection) {
        say(&remark);
    }
    Ok(u8::from(policy::given(matches).unwrap_or(FailOn::Never).fails(&collection)))
}

/// Runs `merge`; returns the exit code.
pub fn merge(matches: &ArgMatches) -> Result<u8, Refusal> {
    let collection = read(given(matches), &Arc::new(Names::given(matches)))?;
    let path = matches.get_one::<PathBuf>("output").map(PathBuf::as_path);
    write(path, |out| jsonl::render(&collection, out))?;
    Ok(0)
}

fn given(matches: &ArgMatches) -> Vec<PathBuf> {
    matches.get_many::<PathBuf>("INPUT").into_iter().flatten().cloned().collect()
}

/// Reads records, and tells the user what was skipped.
fn read(names: Vec<PathBuf>, functions: &Arc<Names>) -> Result<Collection, Refusal> {
    if names.is_empty() {
        let sentence = "a report directory or a record file is missing; try 'fencepost report DIR'";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    let collection = records::read_with(&names, functions)?;
    if collection.is_empty() && collection.skipped.broken > 0 {
        let sentence = format!(
            "{} has no records, but other lines; name a report directory",
            quoted(&names[0])
        );
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    if let Some(words) = collection.skipped.words() {
        say(&words);
    }
    Ok(collection)
}

fn say(words: &str) {
    let _ = writeln!(io::stderr(), "fencepost: {words}");
}

/// The formats that were asked for, and their files.
fn outputs(matches: &ArgMatches) -> Result<Vec<(&'static Format, Option<PathBuf>)>, Refusal> {
    let texts = matches.get_many::<String>("format").into_iter().flatten();
    let mut outputs: Vec<(&'static Format, Option<PathBuf>)> = Vec::new();
    for text in texts {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(PathBuf::from(OsString::from(file)))),
            None => (text.as_str(), None),
        };
        let Some(format) = FORMATS.iter().find(|format| format.name == name) else {
            let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
            let sentence = format!(
                "there is no format '{}'; the formats are {}",
                name.escape_debug(),
                names.join(", ")
            );
            return Err(Refusal::new(Refusal::USAGE, sentence));
        };
        outputs.push((format, file));
    }
    if outputs.iter().filter(|(_, file)| file.is_none()).count() > 1 {
        let sentence = "several formats need a file each; write --format NAME=FILE";
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    Ok(outputs)
}

fn write(
    path: Option<&Path>,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Refusal> {
    let written = match path {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            render(&mut out).and_then(|()| out.flush())
        }
        Some(path) => File::create(path).and_then(|file| {
            let mut out = BufWriter::new(file);
            render(&mut out).and_then(|()| out.flush())
        }),
    };
    written.map_err(|error| {
        let name = path.unwrap_or(Path::new("standard output"));
        Refusal::new(UNWRITABLE, format!("{} cannot be written: {error}", quoted(name)))
    })
}
