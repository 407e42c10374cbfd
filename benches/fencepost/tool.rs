//! The contenders, whether they work here, and what all sections share.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::child::{self, Ended};
use crate::samples::Failure;

const FENCEPOST: &str = env!("CARGO_BIN_EXE_fencepost");

pub const BACKENDS: [&str; 3] = ["userfaultfd", "madvise", "mprotect"];

/// What a program runs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// glibc's malloc, which checks nothing.
    Native,
    /// `fencepost run` with a backend and further options.
    Fencepost {
        backend: &'static str,
        options: &'static [&'static str],
    },
    Memcheck,
    ElectricFence,
    Duma,
    /// Every allocation sampled, and room for all that live.
    GwpAsan,
}

/// The settings of the run, the compiled C programs, and where they are.
pub struct Bench {
    pub quick: bool,
    pub rounds: usize,
    folder: PathBuf,
}

impl Bench {
    pub fn new(arguments: &Arguments) -> Bench {
        // Of its own: two benchmarks at once disturb each other, but do not mix their figures.
        let name = format!("benchmarks-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("the build folder can be made");
        let bench = Bench { quick: arguments.quick, rounds: arguments.rounds, folder };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/c");
        for name in ["pairs", "kernel", "memory"] {
            compile("gcc", &sources.join(name).with_extension("c"), &bench.program(name));
        }
        bench
    }

    /// A compiled program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty folder for one run's files.
    pub fn scratch(&self) -> PathBuf {
        let scratch = self.folder.join("scratch");
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir_all(&scratch).expect("the scratch folder can be made");
        scratch
    }

    pub fn run(&self, command: &mut Command, seconds: u64) -> Result<Ended, Failure> {
        child::run(command, Duration::from_secs(seconds), &self.folder)
    }

    /// fencepost on every backend.
    pub fn backends(&self) -> Vec<Tool> {
        BACKENDS.map(|backend| Tool::Fencepost { backend, options: &[] }).to_vec()
    }

    /// Whether a tool works here, or why not. It works if it catches a use after free;
    /// otherwise one would measure what does not guard.
    pub fn probe(&self, tool: Tool) -> Result<(), Failure> {
        if tool == Tool::Native {
            return Ok(());
        }
        if let Some(package) = tool.missing_package() {
            let reason = format!("not installed: Debian package {package}");
            return Err(Failure::Unavailable(reason));
        }
        if let Tool::Fencepost { .. } = tool {
            let ended = self.run(&mut tool.command("/bin/true", 0), 60)?;
            if ended.code() != Some(0) {
                let said = ended.stderr.trim().trim_start_matches("fencepost: ");
                return Err(Failure::Unavailable(said.to_owned()));
            }
        }
        let mut command = tool.command(self.program("pairs"), 1000);
        let ended = self.run(command.arg("use-after-free"), 60)?;
        // memcheck says so and goes on; the others end the program.
        if ended.code() == Some(0) && !ended.stderr.contains("Invalid read") {
            let reason = "does not catch a use after free here";
            return Err(Failure::Unavailable(reason.to_owned()));
        }
        Ok(())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ends the benchmark if the program does not compile.
pub fn compile(compiler: &str, source: &Path, output: &Path) {
    let status = Command::new(compiler)
        .args(["-O2", "-g", "-pthread", "-o"])
        .args([output, source])
        .status()
        .unwrap_or_else(|error| panic!("{compiler}: {error}; install the Debian package g++"));
    assert!(status.success(), "{} does not compile", source.display());
}

impl Tool {
    pub fn name(self) -> String {
        match self {
            Tool::Native => "glibc".to_owned(),
            Tool::Fencepost { backend, options } => {
                let words = [&["fencepost", backend], options].concat();
                words.join(" ").replace("--", "")
            }
            Tool::Memcheck => "Valgrind memcheck".to_owned(),
            Tool::ElectricFence => "Electric Fence".to_owned(),
            Tool::Duma => "DUMA".to_owned(),
            Tool::GwpAsan => "GWP-ASan, all sampled".to_owned(),
        }
    }

    /// `program` under the tool, with no variable that would change how it behaves. `live` is how
    /// many objects will live at once, for the tool that needs to know.
    pub fn command(self, program: impl AsRef<OsStr>, live: usize) -> Command {
        let mut command = match self {
            Tool::Fencepost { backend, options } => {
                let mut command = Command::new(FENCEPOST);
                command.args(["run", "--backend", backend]).args(options).arg("--").arg(program);
                command
            }
            Tool::Memcheck => {
                let mut command = Command::new("valgrind");
                // Children too, as the others do it.
                command.args(["-q", "--trace-children=yes"]).arg(program);
                command
            }
            _ => Command::new(program),
        };
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let foreign = ["FENCEPOST", "LD_PRELOAD", "EF_", "DUMA_", "SCUDO_", "MALLOC_"];
            if foreign.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command.env("LC_ALL", "C");
        if let Some(library) = self.library() {
            command.env("LD_PRELOAD", library);
        }
        if self == Tool::GwpAsan {
            let options = format!(
                "GWP_ASAN_Enabled=1:GWP_ASAN_SampleRate=1:GWP_ASAN_MaxSimultaneousAllocations={}",
                live + 1000
            );
            command.env("SCUDO_OPTIONS", options);
        }
        command
    }

    fn missing_package(self) -> Option<&'static str> {
        let present = match self {
            Tool::Native | Tool::Fencepost { .. } => true,
            Tool::Memcheck => Command::new("valgrind").arg("--version").output().is_ok(),
            Tool::ElectricFence | Tool::Duma | Tool::GwpAsan => self.library().is_some(),
        };
        match self {
            _ if present => None,
            Tool::ElectricFence => Some("electric-fence"),
            Tool::Duma => Some("duma"),
            Tool::GwpAsan => Some("libclang-rt-19-dev (or another version)"),
            _ => Some("valgrind"),
        }
    }

    /// The library to preload.
    fn library(self) -> Option<PathBuf> {
        let name = match self {
            Tool::ElectricFence => "libefence.so.0",
            Tool::Duma => "libduma.so.0",
            Tool::GwpAsan => return newest_scudo(),
            Tool::Native | Tool::Fencepost { .. } | Tool::Memcheck => return None,
        };
        let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib", "/usr/lib64", "/usr/local/lib"];
        folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
    }
}

fn newest_scudo() -> Option<PathBuf> {
    let within = |folder: PathBuf| {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        entries.sort();
        entries.reverse();
        entries
    };
    let versions = within(PathBuf::from("/usr/lib")).into_iter().filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("llvm-"))
    });
    versions.flat_map(|llvm| within(llvm.join("lib/clang"))).find_map(|clang| {
        [
            "lib/linux/libclang_rt.scudo_standalone-x86_64.so",
            "lib/x86_64-pc-linux-gnu/libclang_rt.scudo_standalone.so",
        ]
        .iter()
        .map(|path| clang.join(path))
        .find(|path| path.exists())
    })
}
