//! `.fencepost.toml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Scratch, assert_prints, assert_refused, fencepost, text};

/// A project with this file, and a folder in it.
fn project(contents: &str) -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    let folder = scratch.path("a/b");
    fs::create_dir_all(&folder).unwrap();
    fs::write(scratch.path(".fencepost.toml"), contents).unwrap();
    (scratch, folder)
}

fn print_options(folder: &Path, inherited: &str, words: &[&str]) -> Command {
    let mut command = fencepost();
    command.args(words).args(["sh", "-c", "echo ${FENCEPOST_OPTIONS-unset}"]);
    command.env("FENCEPOST_OPTIONS", inherited).current_dir(folder);
    command
}

#[test]
fn flags_and_the_variable_win_over_the_file() {
    let (_scratch, folder) = project("placement = \"left\"\nseed = 0x10\nstack_depth = 7\n");
    for (inherited, flags, expected) in [
        ("", &["run"][..], "placement=left:seed=16:stack-depth=7"),
        ("", &[], "placement=left:seed=16:stack-depth=7"),
        ("seed=3", &["run"], "placement=left:seed=3:stack-depth=7"),
        ("seed=3", &["run", "--seed=4", "--placement=right"], "seed=4:stack-depth=7"),
        ("seed=3", &["run", "--no-config"], "seed=3"),
        ("", &["--no-config", "--seed=1"], "seed=1"),
    ] {
        let output = print_options(&folder, inherited, flags).output().unwrap();
        assert_prints(output, &format!("{expected}\n"));
    }
}

#[test]
fn a_list_is_taken_for_one_text_with_commas() {
    let (_scratch, folder) = project("follow = ['test_*', '!git']\n");
    let output = print_options(&folder, "", &["run"]).output().unwrap();
    assert_prints(output, "follow=test_*,!git\n");
}

#[test]
fn a_path_means_the_folder_of_the_file() {
    let (scratch, folder) = project("log-path = 'logs:1/x'\nsymbolize = false\n");
    fs::create_dir(scratch.path("logs:1")).unwrap();
    let root = scratch.0.canonicalize().unwrap();
    let path = root.join("logs:1/x").display().to_string().replace(':', "\\:");
    let output = print_options(&folder, "", &["run"]).output().unwrap();
    assert_prints(output, &format!("log-path={path}:symbolize=no\n"));
}

#[test]
fn it_is_sought_up_to_the_top_of_the_repository() {
    let (scratch, folder) = project("seed = 5\n");
    let seed = |folder: &Path| {
        let output = print_options(folder, "", &["run"]).output().unwrap();
        text(&output.stdout).trim().to_owned()
    };
    assert_eq!(seed(&folder), "seed=5");
    fs::create_dir(scratch.path(".git")).unwrap();
    assert_eq!(seed(&folder), "seed=5");
    fs::write(scratch.path("a/.fencepost.toml"), "seed = 6").unwrap();
    assert_eq!(seed(&folder), "seed=6");
    assert_eq!(seed(&scratch.0), "seed=5");
    fs::create_dir(scratch.path("a/b/.git")).unwrap();
    assert_eq!(seed(&folder), "unset");
}

#[test]
fn a_mistake_is_said_with_its_line() {
    for (contents, phrase) in [
        ("seed = 1\nplacement = \"middle\"\n", ":2: option 'placement' takes one of right, left"),
        ("\n\nplacment = 'left'", ":3: unknown option 'placment'; did you mean 'placement'?"),
        ("walrus = 1", ":1: unknown option 'walrus'"),
        ("seed = 1.5", ":1: 'seed' takes a text, a number, true, false, or a list"),
        ("seed = ", ":1: "),
        ("\n[run]\nseed = 1", ":2: 'run' takes a text"),
        ("sweep = 3", ":1: 'sweep' takes true or false"),
        ("no-config = true", ":1: 'no-config' is for the command line"),
        ("\"a\\nb\" = 1", ":1: unknown option 'a\\nb'"),
    ] {
        let (scratch, folder) = project(contents);
        let output: Output = print_options(&folder, "", &["run"]).output().unwrap();
        let file = scratch.0.canonicalize().unwrap().join(".fencepost.toml");
        let said = text(&output.stderr);
        assert!(said.starts_with(&format!("fencepost: {}", file.display())), "{said}");
        assert_refused(output, 2, phrase);
    }
    let (scratch, folder) = project("");
    fs::remove_file(scratch.path(".fencepost.toml")).unwrap();
    fs::create_dir(scratch.path(".fencepost.toml")).unwrap();
    let output = print_options(&folder, "", &["run"]).output().unwrap();
    assert_refused(output, 2, "this is no file; remove it or use --no-config");
}

#[test]
fn it_can_be_seen_which_file_is_read() {
    let (scratch, folder) = project("sweep = false\n");
    let output = fencepost().args(["-v", "true"]).current_dir(&folder).output().unwrap();
    let file = scratch.0.canonicalize().unwrap().join(".fencepost.toml");
    assert_eq!(text(&output.stderr), format!("fencepost: configuration {}\n", file.display()));
}

/// In a folder where all may write, another user could leave one.
#[test]
fn files_of_others_in_shared_folders_are_not_heeded() {
    use std::os::unix::fs::{PermissionsExt, chown};
    if !super::is_root_or_says_skipped("files_of_others_in_shared_folders_are_not_heeded") {
        return;
    }
    let (scratch, folder) = project("seed = 5\n");
    chown(scratch.path(".fencepost.toml"), Some(65534), Some(65534)).unwrap();
    let print = || print_options(&folder, "", &["run"]).output().unwrap();
    assert_prints(print(), "seed=5\n");
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o1777)).unwrap();
    assert_prints(print(), "unset\n");
    chown(scratch.path(".fencepost.toml"), Some(0), Some(0)).unwrap();
    assert_prints(print(), "seed=5\n");
}
