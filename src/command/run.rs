//! `fencepost run`: becomes the program, under the guard.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use fencepost::options::{OPTIONS_VARIABLE, Options};

use super::arguments::Flags;
use super::program::{Format, Program};
use super::{Refusal, library, preload, program, quoted, sys};

/// Executes the program; returns only if that cannot be done.
pub fn run(flags: &Flags, name: OsString, arguments: Vec<OsString>) -> Refusal {
    match prepare(flags, &name) {
        Ok(program) => execute(&program, name, arguments),
        Err(refusal) => refusal,
    }
}

/// Makes every check and sets the environment, in this process, for the program.
pub fn prepare(flags: &Flags, name: &OsStr) -> Result<Program, Refusal> {
    let options = options(flags)?;
    let program = program::find(name)?;
    let library = library::find()?;
    let inherited = std::env::var_os(preload::VARIABLE).unwrap_or_default();
    let preloads = preload::prepend(&library, &inherited)?;
    sys::set_variable(preload::VARIABLE, Some(&preloads));
    let text = with_absolute_log(options)?.encode();
    let text = (!text.is_empty()).then_some(OsStr::new(&text));
    sys::set_variable(OPTIONS_VARIABLE, text);
    Ok(program)
}

/// The options for the program and its children, whose working directories differ from this one.
fn with_absolute_log(mut options: Options) -> Result<Options, Refusal> {
    let Some(path) = &options.log_path else { return Ok(options) };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    if !absolute.parent().is_some_and(Path::is_dir) {
        let sentence = format!("--log-path: there is no directory for {}", quoted(Path::new(path)));
        return Err(Refusal::new(Refusal::UNGUARDED, sentence));
    }
    // One that is not UTF-8 is made absolute by the library.
    options.log_path = absolute.to_str().map(str::to_owned).or(options.log_path);
    Ok(options)
}

/// The inherited options with the flags over them.
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

fn execute(program: &Program, name: OsString, arguments: Vec<OsString>) -> Refusal {
    let shell = Path::new(program::SHELL);
    let (path, first): (&Path, Vec<OsString>) = match program.format {
        Format::Native => (&program.path, vec![name]),
        // As execvp does when the kernel knows no format for the file.
        Format::ShellText => (shell, vec![shell.into(), explicit(&program.path).into()]),
    };
    let arguments: Vec<OsString> = first.into_iter().chain(arguments).collect();
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

/// The path in a form that the shell cannot take for an option.
fn explicit(path: &Path) -> PathBuf {
    let looks_like_option = path.as_os_str().as_encoded_bytes().starts_with(b"-");
    if looks_like_option { Path::new(".").join(path) } else { path.to_path_buf() }
}
