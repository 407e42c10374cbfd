//! Paths of files that cargo has built beside the command: the preload library and the examples.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::backend::{FENCEPOST, fencepost_run};
use super::process;

/// The preload library that `fencepost run` uses.
pub fn preload_library() -> PathBuf {
    let mut command = fencepost_run("auto", [], "/usr/bin/printenv");
    let outcome = process::run(command.arg("LD_PRELOAD"), Duration::from_secs(60));
    let outcome = outcome.expect("fencepost starts");
    let path = PathBuf::from(outcome.stdout.trim());
    assert!(path.is_file(), "no library: {} {}", outcome.stdout, outcome.stderr);
    path
}

/// Path of an example. `cargo test` builds examples, but `cargo test --test NAME` does not; an old one
/// would test an old library, so it is refused.
pub fn example(name: &str) -> PathBuf {
    let folder = Path::new(FENCEPOST).parent().expect("an absolute path");
    let path = folder.join("examples").join(name);
    let library = folder.join("deps/libfencepost.rlib");
    let is_fresh = path.is_file() && age_of(&path) >= age_of(&library);
    assert!(is_fresh, "{} is not there or old; run cargo build --examples", path.display());
    path
}

fn age_of(path: &Path) -> SystemTime {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.modified().expect("Linux has it")
}
