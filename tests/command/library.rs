//! Finding the preload library.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use super::{COMMAND, Scratch, assert_prints, assert_refused, fencepost, stub};

#[test]
fn library_that_cannot_be_used() {
    let scratch = Scratch::new();
    let with = |library: &Path| {
        fencepost().args(["run", "true"]).env("FENCEPOST_LIBRARY", library).output().unwrap()
    };
    assert_refused(with(&scratch.path("absent")), 125, "which is not a file");
    assert_refused(with(&scratch.file("text", "x")), 125, "is not a readable shared library");
    for name in ["a space.so", "a:colon.so"] {
        let path = scratch.file(name, fs::read(stub()).unwrap());
        assert_refused(with(&path), 125, "which LD_PRELOAD cannot express");
    }
}

#[test]
fn library_is_found_beside_the_command() {
    let scratch = Scratch::new();
    for directory in ["bin", "bin/deps", "lib/x86_64-linux-gnu"] {
        fs::create_dir_all(scratch.path(directory)).unwrap();
    }
    let command = scratch.file("bin/fencepost", fs::read(COMMAND).unwrap());
    let link = scratch.path("link");
    std::os::unix::fs::symlink(&command, &link).unwrap();
    let run = || {
        let mut command = Command::new(&link);
        command.args(["run", "sh", "-c", "echo $LD_PRELOAD"]);
        command.env_remove("FENCEPOST_LIBRARY").env_remove("LD_PRELOAD").output().unwrap()
    };
    assert_refused(run(), 125, "set FENCEPOST_LIBRARY to its path");
    let root = scratch.0.canonicalize().unwrap();
    for directory in ["lib/x86_64-linux-gnu", "lib", "bin/deps", "bin"] {
        let name = format!("{directory}/libfencepost.so");
        let path = scratch.file(&name, fs::read(stub()).unwrap());
        File::open(path).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
        assert_prints(run(), &format!("{}\n", root.join(name).display()));
    }
}
