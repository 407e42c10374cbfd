//! The recipes of docs/ci.md, on small projects: each with the tool that its users have.

#[path = "../support/mod.rs"]
mod support;

mod builds;
mod documents;
mod fleet;
mod kit;
mod languages;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::compile::build_folder;
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

/// A copy of folders of `tests/recipes`, where a recipe may build.
struct Project(PathBuf);

impl Project {
    /// A new folder NAME with all files of these folders.
    fn new(name: &str, folders: &[&str]) -> Project {
        let folder = build_folder("recipes").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder to build in");
        for from in folders {
            copy_files(&source_folder().join(from), &folder);
        }
        Project(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A path as an argument.
    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// A command in this folder.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = process::command(words[0]);
        command.args(&words[1..]).current_dir(&self.0);
        command
    }

    /// Runs a command that must succeed.
    #[track_caller]
    fn must(&self, words: &[&str]) -> Outcome {
        let outcome = run(&mut self.command(words));
        let said = format!("{}\n{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.exit, Exit::Code(0), "{words:?}: {said}");
        outcome
    }
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes")
}

/// Copies the files in a folder, and those in folders below it.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder to copy to");
    for entry in fs::read_dir(from).expect("the folder is there").flatten() {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_files(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("the file can be copied");
        }
    }
}

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Whether all these programs are in PATH; says that the recipe is skipped if not.
fn has(recipe: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&&str> = programs.iter().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        support::say_skipped(&format!("the recipe for {recipe}: {missing:?} not found in PATH"));
    }
    missing.is_empty()
}
