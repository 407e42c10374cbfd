//! The program to run: where it is, and whether it will load the guard.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fencepost::options::Follow;

use super::refusal::{Refusal, quoted};
use super::script::{self, Interpreter};
use super::{elf, sys};

/// The shell with which execvp runs a file whose format the kernel does not know.
pub const SHELL: &str = "/bin/sh";

/// The PATH that execvp uses if the variable is unset.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// How many times a script's interpreter may be a script itself before the kernel refuses.
const NESTED_SCRIPTS: usize = 5;

/// A program that can be guarded.
#[derive(Debug)]
pub struct Program {
    /// Its path, absolute or relative to the current directory.
    pub path: PathBuf,
    /// How to execute it.
    pub format: Format,
}

/// How a file is executed.
#[derive(Debug, PartialEq, Eq)]
pub enum Format {
    /// By the kernel: an ELF program or a `#!` script.
    Native,
    /// By [`SHELL`]: a text without a `#!` line.
    ShellText,
}

/// Finds the program as execvp does and makes sure that it can be guarded.
pub fn find(name: &OsStr) -> Result<Program, Refusal> {
    let path = locate(name)?;
    let format = check(&path, 0)?;
    Ok(Program { path, format })
}

/// The program, if `follow` leaves it out: then it need not be one that can be guarded.
pub fn left_out(name: &OsStr, follow: &Follow) -> Option<Program> {
    let path = locate(name).ok()?;
    let real = path.canonicalize().unwrap_or_default();
    let paths = [path.as_os_str().as_bytes(), real.as_os_str().as_bytes()];
    let is_followed = follow.is_first() || follow.guards_program(paths.into_iter());
    (!is_followed).then_some(Program { path, format: Format::Native })
}

/// Whether a word names a program: it is a path, or is in PATH.
pub fn is_there(name: &OsStr) -> bool {
    locate(name).is_ok()
}

/// The path of a program: a name without '/' is searched for in PATH.
fn locate(name: &OsStr) -> Result<PathBuf, Refusal> {
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    let mut denied = None;
    // An empty element is the current directory.
    for directory in path.as_bytes().split(|&byte| byte == b':') {
        let candidate = Path::new(OsStr::from_bytes(directory)).join(name);
        let Ok(metadata) = candidate.metadata() else {
            continue;
        };
        if metadata.is_file() && sys::is_executable(&candidate) {
            return Ok(candidate);
        }
        denied.get_or_insert(candidate);
    }
    // With an empty name every directory of PATH would match itself.
    match denied.filter(|_| !name.is_empty()) {
        // The check of the file says why it can't be executed.
        Some(candidate) => Ok(candidate),
        None => Err(Refusal::new(
            Refusal::NOT_FOUND,
            format!("{} was not found in PATH; check the spelling or give its path", quoted(name)),
        )),
    }
}

/// Refuses a file that cannot be executed or would not load the guard. `depth` counts the scripts above it.
fn check(path: &Path, depth: usize) -> Result<Format, Refusal> {
    let name = quoted(path);
    let broken = |sentence| Err(Refusal::new(Refusal::NOT_EXECUTABLE, sentence));
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let sentence = format!("{name} was not found; check the path");
            return Err(Refusal::new(Refusal::NOT_FOUND, sentence));
        }
        Err(error) => return broken(format!("{name} cannot be reached: {error}")),
    };
    if metadata.is_dir() {
        return broken(format!("{name} is a directory; name a program in it"));
    }
    if !metadata.is_file() {
        return broken(format!("{name} is not a regular file; name a program"));
    }
    if !sys::is_executable(path) {
        return broken(if metadata.permissions().mode() & 0o111 == 0 {
            format!("{name} is not executable; if it is a program, allow it with chmod +x")
        } else {
            format!("{name} may not be executed by this user or from its file system")
        });
    }
    let Ok(mut file) = File::open(path) else {
        // A program may be executable but not readable; then only its privileges can be checked.
        return check_privileges(path, &metadata).map(|()| Format::Native);
    };
    let mut head = Vec::new();
    if let Err(error) = (&mut file).take(script::HEAD_BYTES as u64).read_to_end(&mut head) {
        return broken(format!("{name} cannot be read: {error}"));
    }
    if head.starts_with(b"\x7fELF") {
        elf::check(path, file)?;
        // The kernel uses the privileges of the ELF program, never those of a script.
        return check_privileges(path, &metadata).map(|()| Format::Native);
    }
    if let Some(interpreter) = Interpreter::parse(&head) {
        return check_interpreter(path, &interpreter, depth).map(|()| Format::Native);
    }
    if !script::looks_like_text(&head) {
        return broken(format!("{name} is neither an ELF program nor a script; name a program"));
    }
    if depth > 0 {
        return broken(format!(
            "{name} is no interpreter, as it is neither an ELF program nor a #! script"
        ));
    }
    check(Path::new(SHELL), NESTED_SCRIPTS).map_err(|refusal| within(path, refusal))?;
    Ok(Format::ShellText)
}

fn check_interpreter(path: &Path, interpreter: &Interpreter, depth: usize) -> Result<(), Refusal> {
    if depth >= NESTED_SCRIPTS {
        let sentence = "its interpreter is a script, whose interpreter is a script, and so on";
        return Err(within(path, Refusal::new(Refusal::NOT_EXECUTABLE, sentence)));
    }
    if script::ends_with_carriage_return(&interpreter.path) && !interpreter.path.exists() {
        let sentence = "its #! line ends with a carriage return; save it with Unix line ends";
        return Err(within(path, Refusal::new(Refusal::NOT_FOUND, sentence)));
    }
    check(&interpreter.path, depth + 1).map_err(|refusal| within(path, refusal))?;
    if let Some(sought) = interpreter.sought_by_env() {
        let found = locate(sought).map_err(|refusal| within(path, refusal))?;
        check(&found, depth + 1).map_err(|refusal| within(path, refusal))?;
    }
    Ok(())
}

/// Adds to a refusal that a script needs what was refused.
fn within(script: &Path, refusal: Refusal) -> Refusal {
    let Refusal { code, sentence } = refusal;
    Refusal::new(code, format!("the script {} cannot be run: {sentence}", quoted(script)))
}

/// Refuses a program that gains privileges when executed: the loader then ignores the guard.
fn check_privileges(path: &Path, metadata: &Metadata) -> Result<(), Refusal> {
    let us = sys::identity();
    let mode = metadata.permissions().mode();
    // Without the group's execute bit, S_ISGID means something else.
    let is_setgid = mode & (libc::S_ISGID | libc::S_IXGRP) == libc::S_ISGID | libc::S_IXGRP;
    let user = if mode & libc::S_ISUID != 0 { metadata.uid() } else { us.effective_user };
    let group = if is_setgid { metadata.gid() } else { us.effective_group };
    let changes_ids = user != us.real_user || group != us.real_group;
    // If the real user is root, the kernel does not count file capabilities as a gain.
    let gains_capabilities = us.real_user != 0 && sys::has_capabilities(path);
    if !(changes_ids || gains_capabilities) || sys::cannot_gain_privileges(path) {
        return Ok(());
    }
    let (what, remedy) = if changes_ids {
        ("is setuid or setgid", "run a copy without the bit, or run it as that user or group")
    } else {
        ("has file capabilities", "run a copy without them, or run it as root")
    };
    Err(Refusal::new(
        Refusal::UNGUARDED,
        format!("{} {what}, so the loader would ignore the guard; {remedy}", quoted(path)),
    ))
}
