//! A temporary folder for the time of a run.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A new folder under `$TMPDIR`. It is removed with its contents when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(purpose: &str) -> io::Result<Folder> {
        let mut number = 0;
        loop {
            let name = format!("fencepost-{purpose}-{}-{number}", std::process::id());
            let path = std::path::absolute(std::env::temp_dir().join(name))?;
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Folder(path)),
                // A process of another pid namespace may have used the same name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
