//! One piece of work of one program, and its comparison with a native run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::backend::{available_backends, fencepost_run};
use crate::support::compile::build_folder;
use crate::support::process::{self, Exit, Outcome};

/// A program that takes longer hangs. The slowest takes some 30 s.
const LIMIT: Duration = Duration::from_secs(300);

pub struct Job {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    files: Vec<(&'static str, Vec<u8>)>,
    /// Whether it works with objects at odd addresses.
    takes_exact: bool,
    placements: &'static [&'static str],
}

impl Job {
    /// Fails with the name of the Debian package if the program is not installed.
    pub fn new(name: &'static str, program: &str, package: &str) -> Job {
        let program = find(program).unwrap_or_else(|| {
            panic!("{program} is missing: install the Debian package {package}")
        });
        Job {
            name,
            program,
            arguments: Vec::new(),
            variables: Vec::new(),
            files: Vec::new(),
            takes_exact: true,
            placements: &["left", "random", "exact"],
        }
    }

    pub fn arguments(mut self, arguments: &[&str]) -> Job {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    pub fn variable(mut self, name: &'static str, value: &str) -> Job {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// A file in the working directory of each run.
    pub fn file(mut self, name: &'static str, content: impl Into<Vec<u8>>) -> Job {
        self.files.push((name, content.into()));
        self
    }

    /// The program breaks under `--placement exact`, through no bug: docs/limits.md says why.
    pub fn needs_alignment(mut self) -> Job {
        self.takes_exact = false;
        self
    }

    /// For programs that show little of placement, and take long to start.
    pub fn in_one_placement(mut self) -> Job {
        self.placements = &[];
        self
    }

    /// Runs natively, which must succeed and print something, then on each backend, and in the
    /// other placements, and with its mappings guarded, on one.
    pub fn does_the_same_on_every_backend(self) {
        let native = self.run("native", process::command(&self.program));
        assert_eq!(native.exit, Exit::Code(0), "natively: {}{}", native.stdout, native.stderr);
        assert!(!native.stdout.is_empty(), "the job prints nothing to compare");
        let backends = available_backends();
        for &backend in &backends {
            self.does_the_same(&native, backend, "placement=right");
        }
        self.does_the_same(&native, backends[0], "mappings=guard");
        for &placement in self.placements {
            if placement != "exact" || self.takes_exact {
                self.does_the_same(&native, backends[0], &format!("placement={placement}"));
            }
        }
    }

    fn does_the_same(&self, native: &Outcome, backend: &'static str, option: &str) {
        let run = format!("{backend}-{option}");
        let option = format!("--{option}");
        let outcome = self.run(&run, fencepost_run(backend, [option.as_str()], &self.program));
        assert_eq!(outcome.exit, native.exit, "{run}: {}", outcome.stderr);
        assert_eq!(outcome.program_stderr(), native.stderr, "{run}");
        if outcome.stdout != native.stdout {
            panic!("{run}: {}", first_difference(&native.stdout, &outcome.stdout));
        }
    }

    /// In a fresh folder, so that no run finds what another one left.
    fn run(&self, run: &str, mut command: Command) -> Outcome {
        let folder = build_folder("real_programs").join(format!("{}-{run}", self.name));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the folder can be made");
        for (name, content) in &self.files {
            fs::write(folder.join(name), content).expect("the folder is writable");
        }
        command.args(&self.arguments).current_dir(&folder).env("HOME", &folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let outcome = process::run(&mut command, LIMIT).expect("the program starts");
        fs::remove_dir_all(&folder).expect("the folder can be removed");
        outcome
    }
}

pub fn is_installed(program: &str) -> bool {
    find(program).is_some()
}

/// Debian's own program, if there is one, before others on the path.
fn find(program: &str) -> Option<PathBuf> {
    if program.starts_with('/') {
        return Some(PathBuf::from(program)).filter(|file| file.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    [Path::new("/usr/bin")]
        .into_iter()
        .chain(folders.iter().map(PathBuf::as_path))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn first_difference(wanted: &str, got: &str) -> String {
    let differs = wanted.lines().zip(got.lines()).enumerate().find(|(_, (a, b))| a != b);
    match differs {
        Some((line, (wanted, got))) => {
            format!("line {}: expected `{wanted:.200}`, got `{got:.200}`", line + 1)
        }
        None => format!("expected {} bytes, got {}", wanted.len(), got.len()),
    }
}
