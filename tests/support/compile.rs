//! Compiles the C and C++ programs, as many at a time as there are cores.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The folder with the C and C++ programs.
pub fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("c-tests")
}

/// The folder for binaries and scratch files of this run.
pub fn build_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the build folder can be made");
    folder
}

/// The machine's C compiler, or C++ compiler for `.cpp`. Warnings are off, since the programs have
/// bugs on purpose.
fn compiler_for(source: &Path) -> Command {
    let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
    cc::Build::new()
        .cpp(is_cpp)
        .target(TARGET)
        .host(TARGET)
        .opt_level(0)
        .debug(true)
        .warnings(false)
        .cargo_metadata(false)
        .get_compiler()
        .to_command()
}

/// Compiles and links one program; the error is the compiler's.
///
/// With `-fno-builtin`, calls of strcpy and the like stay calls.
pub fn build_program(
    source: &Path,
    output: &Path,
    cflags: &[String],
    libs: &[String],
) -> Result<(), String> {
    let mut command = compiler_for(source);
    command.args(["-w", "-pthread", "-fno-builtin", "-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed"]);
    command.args(cflags).arg("-o").arg(output).arg(source).args(libs);
    finish(command)
}

/// Compiles a shared library without debug information.
pub fn build_library(source: &Path, output: &Path) -> Result<(), String> {
    let mut command = compiler_for(source);
    command.args(["-w", "-g0", "-shared", "-fPIC", "-o"]).arg(output).arg(source);
    finish(command)
}

fn finish(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|error| {
        format!("{:?}: {error}; install the Debian package g++", command.get_program())
    })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}\n{}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Runs `work` on every item, as many at a time as there are cores. Results are in the items' order.
pub fn map_in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |cores| cores.get()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let result = work(item);
                    results.lock().expect("no worker panics here").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no worker panics here");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
