//! Finds the file of the preload library.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::elf;
use super::refusal::{Refusal, quoted};

/// The variable that names the library, for unusual installations.
pub const VARIABLE: &str = "FENCEPOST_LIBRARY";

const FILE_NAME: &str = "libfencepost.so";

/// The library's name where `cargo install` has put it beside the command.
const INSTALLED_NAME: &str = "libfencepost-preload";

/// The absolute path of the library.
pub fn find() -> Result<PathBuf, Refusal> {
    let absent = |sentence| Refusal::new(Refusal::UNGUARDED, sentence);
    let path = match std::env::var_os(VARIABLE) {
        Some(named) if !named.is_empty() => named_by_user(named)?,
        _ => {
            let executable = std::env::current_exe().map_err(|error| {
                absent(format!(
                    "this executable's own path is unknown ({error}); set {VARIABLE} to the path of {FILE_NAME}"
                ))
            })?;
            let directory = executable.parent().unwrap_or(Path::new("/"));
            near(directory).ok_or_else(|| {
                absent(format!(
                    "{FILE_NAME} is neither in {} nor in a lib directory beside it; \
                     set {VARIABLE} to its path",
                    quoted(directory)
                ))
            })?
        }
    };
    if elf::is_shared_library(&path) {
        Ok(path)
    } else {
        Err(absent(format!(
            "{} is not a readable shared library for x86_64; build or install it again, or set {VARIABLE}",
            quoted(&path)
        )))
    }
}

fn named_by_user(named: OsString) -> Result<PathBuf, Refusal> {
    // The path is made absolute: the program may change its directory and start others.
    match std::path::absolute(&named) {
        Ok(path) if path.is_file() => Ok(path),
        _ => Err(Refusal::new(
            Refusal::UNGUARDED,
            format!(
                "{VARIABLE} names {}, which is not a file; correct or unset it",
                quoted(&named)
            ),
        )),
    }
}

fn near(directory: &Path) -> Option<PathBuf> {
    newest([directory.join(FILE_NAME), directory.join("deps").join(FILE_NAME)]).or_else(|| {
        let lib = directory.parent()?.join("lib");
        let candidates = [lib.join(FILE_NAME), lib.join("x86_64-linux-gnu").join(FILE_NAME)];
        let installed = directory.join(INSTALLED_NAME);
        candidates.into_iter().chain([installed]).find(|path| path.is_file())
    })
}

/// The newer of two files; the first if they have the same age. `cargo run` builds the library only into `deps`, and
/// leaves an older one beside the executable.
fn newest([first, second]: [PathBuf; 2]) -> Option<PathBuf> {
    let age = |path: &Path| -> Option<SystemTime> {
        let metadata = path.metadata().ok().filter(|metadata| metadata.is_file())?;
        metadata.modified().ok()
    };
    match (age(&first), age(&second)) {
        (None, None) => None,
        (one, two) if two > one => Some(second),
        _ => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_library_is_taken() {
        let directory =
            std::env::temp_dir().join(format!("fencepost-library-{}", std::process::id()));
        let (beside, deps) = (directory.join(FILE_NAME), directory.join("deps").join(FILE_NAME));
        std::fs::create_dir_all(deps.parent().unwrap()).unwrap();
        assert_eq!(near(&directory), None);
        let write = |path: &Path, seconds| {
            let file = std::fs::File::create(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
                .unwrap();
        };
        write(&deps, 10);
        assert_eq!(near(&directory), Some(deps.clone()));
        write(&beside, 10);
        assert_eq!(near(&directory), Some(beside.clone()));
        write(&deps, 11);
        assert_eq!(near(&directory), Some(deps));
        std::fs::remove_dir_all(directory).unwrap();
    }
}
