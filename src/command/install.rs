//! `fencepost install`: puts everything that a user needs under one directory.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

use super::refusal::{Refusal, quoted};
use super::{library, manual};

const HEADER: &[u8] = include_bytes!("../../include/fencepost.h");
const LICENSES: [(&str, &[u8]); 2] = [
    ("LICENSE-APACHE", include_bytes!("../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_bytes!("../../LICENSE-MIT")),
];

/// The name under which the command behaves like Valgrind.
const FRONT: &str = "fencepost-valgrind";

/// The files in which shells look for completions, below `share`.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/fencepost"),
    (Shell::Zsh, "zsh/site-functions/_fencepost"),
    (Shell::Fish, "fish/vendor_completions.d/fencepost.fish"),
];

/// Puts everything under `prefix`; below `root` if one is given.
pub fn install(prefix: &Path, root: Option<&Path>, command: &Command) -> Result<u8, Refusal> {
    let failed =
        |error: io::Error| Refusal::new(1, format!("{} cannot be filled: {error}", quoted(prefix)));
    let library = library::find()?;
    let executable = std::env::current_exe().map_err(failed)?;
    let prefix = match root {
        Some(root) => root.join(prefix.strip_prefix("/").unwrap_or(prefix)),
        None => prefix.to_path_buf(),
    };
    let mut files: Vec<(PathBuf, Vec<u8>, u32)> = vec![
        ("bin/fencepost".into(), fs::read(executable).map_err(failed)?, 0o755),
        ("lib/libfencepost.so".into(), fs::read(library).map_err(failed)?, 0o644),
        ("include/fencepost.h".into(), HEADER.to_vec(), 0o644),
    ];
    for (name, text) in manual::pages(command).map_err(failed)? {
        files.push((Path::new("share/man/man1").join(name), text, 0o644));
    }
    for (shell, path) in COMPLETIONS {
        let text = manual::completions(shell, command.clone());
        files.push((Path::new("share").join(path), text, 0o644));
    }
    for (name, text) in LICENSES {
        files.push((Path::new("share/doc/fencepost").join(name), text.to_vec(), 0o644));
    }
    for (path, contents, mode) in &files {
        let path = prefix.join(path);
        put(&path, contents, *mode).map_err(|error| unwritable(&path, &error))?;
    }
    let link = prefix.join("bin").join(FRONT);
    put_link(&link, Path::new("fencepost")).map_err(|error| unwritable(&link, &error))?;
    let _ = writeln!(io::stdout(), "installed {} files under {}", files.len() + 1, quoted(&prefix));
    Ok(0)
}

fn unwritable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(1, format!("{} cannot be written: {error}", quoted(path)))
}

/// Writes a file under another name, then moves it to its place: a process that runs the old file keeps it.
fn put(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = beside(path);
    fs::write(&beside, contents)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
    fs::rename(&beside, path)
}

/// Makes a link under another name, then moves it to its place. The folder must exist.
fn put_link(path: &Path, target: &Path) -> io::Result<()> {
    let beside = beside(path);
    // An earlier run may have left one.
    let _ = fs::remove_file(&beside);
    symlink(target, &beside)?;
    fs::rename(&beside, path)
}

fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    beside.into()
}
