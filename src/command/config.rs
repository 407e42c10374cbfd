//! `.fencepost.toml`: settings of a project for all its runs.
//!
//! Its keys are the flags of `run`. Options of the table are put before those of `FENCEPOST_OPTIONS`, and other flags
//! before those of the command line. The later ones win, so variable and command line overrule the file.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, ValueHint};
use fencepost::options::{Form, OPTIONS, OPTIONS_VARIABLE, OptionSpec, Options};
use fencepost::printable::printable;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::refusal::Refusal;
use super::{mistake, sys};

/// The name of the file.
pub const FILE_NAME: &str = ".fencepost.toml";

/// Name of the flag by which a command does not read the file.
pub const OFF: &str = "no-config";

/// The flag [`OFF`].
pub fn flag() -> Arg {
    Arg::new(OFF)
        .long(OFF)
        .action(ArgAction::SetTrue)
        .help_heading("Configuration")
        .help(format!("Do not read {FILE_NAME}, which is searched for here and above, up to .git"))
}

/// The contents of a configuration file.
pub struct Config {
    /// Path of the file.
    pub path: PathBuf,
    options: Options,
    /// Flags that are not options of the table: their names, each with a word for the command line.
    flags: Vec<(String, OsString)>,
}

/// Finds the file for work in `folder`: in it, or in the nearest folder above that has one, up to a repository's top.
pub fn find(folder: &Path) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let path = folder.join(FILE_NAME);
        if path.symlink_metadata().is_ok() && is_trusted(folder, &path) {
            return Some(path);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Whether a file may be used. In a folder where everybody may put files (/tmp), only files of this user may.
fn is_trusted(folder: &Path, path: &Path) -> bool {
    const WRITABLE_BY_ALL: u32 = 0o002;
    let is_shared = folder.metadata().is_ok_and(|folder| folder.mode() & WRITABLE_BY_ALL != 0);
    let is_ours = path.metadata().is_ok_and(|file| file.uid() == sys::identity().effective_user);
    !is_shared || is_ours
}

impl Config {
    /// Reads a file, whose keys are flags of the command `run`.
    pub fn read(path: &Path, run: &Command) -> Result<Config, Refusal> {
        let name = printable(path.as_os_str().as_encoded_bytes()).to_string();
        let wrong = |words: String| Refusal::new(Refusal::USAGE, format!("{name}: {words}"));
        if !path.is_file() {
            return Err(wrong("this is no file; remove it or use --no-config".to_owned()));
        }
        let text =
            fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let at = |offset: usize, words: &str| {
            let line = text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1;
            Refusal::new(Refusal::USAGE, format!("{name}:{line}: {words}"))
        };
        let table = DeTable::parse(&text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            at(error.span().map_or(0, |span| span.start), &message)
        })?;
        let mut config =
            Config { path: path.to_owned(), options: Options::default(), flags: Vec::new() };
        for (key, value) in table.get_ref() {
            config
                .enter(key.get_ref(), value.get_ref(), run)
                .map_err(|words| at(key_or_value(key, value), &words))?;
        }
        Ok(config)
    }

    /// Takes one key with its value; an error is a sentence.
    fn enter(&mut self, key: &str, value: &DeValue, run: &Command) -> Result<(), String> {
        let values = values(value).ok_or_else(|| {
            format!("'{}' takes a text, a number, true, false, or a list of them", printable(key))
        })?;
        let Some(flag) = run.get_arguments().find(|arg| arg.get_long() == Some(&dashed(key)))
        else {
            // The option table suggests a similar name.
            let unknown = Options::default().set(key, "").err().map(|error| error.to_string());
            return Err(unknown.unwrap_or_else(|| format!("unknown key '{}'", printable(key))));
        };
        if let Some(spec) = OPTIONS.iter().find(|spec| spec.is_named(key)) {
            let value = values.join(",");
            let value = self.resolved(&value, is_path_option(spec));
            return self.options.set(key, &value).map_err(|error| error.to_string());
        }
        let name = dashed(key);
        if name == OFF {
            return Err(format!("'{OFF}' is for the command line"));
        }
        for value in values {
            let word = match (flag.get_action(), &*value) {
                (ArgAction::SetTrue, "yes") => format!("--{name}"),
                (ArgAction::SetTrue, "no") => continue,
                (ArgAction::SetTrue, _) => return Err(format!("'{name}' takes true or false")),
                _ => format!("--{name}={}", self.resolved(&value, is_path(flag))),
            };
            let words = ["run", &word, "--", "program"];
            run.clone().try_get_matches_from(words).map_err(|error| mistake::sentence(&error))?;
            self.flags.push((name.clone(), word.into()));
        }
        Ok(())
    }

    /// Makes a path relative to the folder of the file.
    fn resolved<'a>(&self, value: &'a str, is_path: bool) -> Cow<'a, str> {
        let folder = self.path.parent().filter(|_| is_path && !value.is_empty());
        folder.map_or(Cow::Borrowed(value), |folder| {
            folder.join(value).to_string_lossy().into_owned().into()
        })
    }

    /// Puts the options of the file before those in this process's environment.
    pub fn set_options(&self) {
        let mut text = OsString::from(self.options.encode());
        if text.is_empty() {
            return;
        }
        text.push(":");
        text.push(std::env::var_os(OPTIONS_VARIABLE).unwrap_or_default());
        sys::set_variable(OPTIONS_VARIABLE, Some(&text));
    }

    /// The words to put before the flags of a command.
    pub fn words<'a>(&'a self, command: &'a Command) -> impl Iterator<Item = &'a OsStr> {
        let knows = |name: &str| command.get_arguments().any(|arg| arg.get_long() == Some(name));
        self.flags.iter().filter(move |(name, _)| knows(name)).map(|(_, word)| word.as_os_str())
    }
}

/// Offset of a mistake: that of the key or the value, whichever comes first.
fn key_or_value<K, V>(key: &Spanned<K>, value: &Spanned<V>) -> usize {
    key.span().start.min(value.span().start)
}

/// The texts of a value; `None` if it is of a type that no flag takes.
fn values(value: &DeValue) -> Option<Vec<String>> {
    match value {
        DeValue::Array(values) => {
            let texts: Option<Vec<_>> =
                values.iter().map(|value| self::values(value.get_ref())).collect();
            texts.map(|texts| texts.concat())
        }
        DeValue::String(text) => Some(vec![text.to_string()]),
        DeValue::Integer(number) => {
            let number = i128::from_str_radix(number.as_str(), number.radix()).ok()?;
            Some(vec![number.to_string()])
        }
        DeValue::Boolean(value) => Some(vec![if *value { "yes" } else { "no" }.to_owned()]),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn dashed(key: &str) -> String {
    key.replace('_', "-")
}

fn is_path_option(spec: &OptionSpec) -> bool {
    matches!(spec.form, Form::Path)
}

fn is_path(flag: &Arg) -> bool {
    [ValueHint::AnyPath, ValueHint::FilePath, ValueHint::DirPath].contains(&flag.get_value_hint())
}
