//! In a memory control group, a program that survives without the guard survives with it, and the user is told what
//! was not guarded for that reason.

mod support;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit};

const LIMIT: Duration = Duration::from_secs(300);

/// A group of the test's own below that of the test itself, and the file with its limit. Removed in the end.
struct Group {
    folder: PathBuf,
    limit: PathBuf,
}

impl Group {
    /// Makes one, by version 1 or 2, or says why not.
    fn make(name: &str) -> Result<Group, String> {
        let list = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let below = |root: &str, path: &str, file: &str| {
            let name = format!("fencepost-{name}-{}", std::process::id());
            let folder = Path::new(root).join(path.trim_start_matches('/')).join(name);
            fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            let group = Group { limit: folder.join(file), folder };
            match group.limit.exists() {
                true => Ok(group),
                false => Err(format!("no {} there", group.limit.display())),
            }
        };
        let mut made = Err("no hierarchy with memory".to_owned());
        for line in list.lines() {
            let fields: Vec<&str> = line.splitn(3, ':').collect();
            let [_, controllers, path] = fields[..] else { continue };
            made = match controllers {
                "" => made.or_else(|_| below("/sys/fs/cgroup", path, "memory.max")),
                "memory" => below("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"),
                _ => made,
            };
        }
        made
    }

    fn set_limit(&self, mebibytes: Option<u64>) -> std::io::Result<()> {
        let is_second = self.limit.ends_with("memory.max");
        let none = if is_second { "max" } else { "-1" };
        let text = mebibytes.map_or(none.to_owned(), |mebibytes| (mebibytes << 20).to_string());
        fs::write(&self.limit, text)
    }

    /// Has the command run in the group.
    fn hold(&self, command: &mut Command) {
        let processes = self.folder.join("cgroup.procs");
        // SAFETY: it opens and writes a file; what it allocates is the copy of a process with one thread waiting.
        unsafe { command.pre_exec(move || fs::write(&processes, "0")) };
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process may be on its way out.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What the program does, and in how many mebibytes. Natively it takes up to three quarters of them.
struct Case {
    what: &'static str,
    arguments: [&'static str; 3],
    mebibytes: u64,
    /// Whether the program sets the limit itself, and before that there is none.
    sets_limit: bool,
}

const CASES: [Case; 5] = [
    Case {
        what: "many objects",
        arguments: ["700000", "200", "0"],
        mebibytes: 280,
        sets_limit: false,
    },
    Case {
        what: "very small objects",
        arguments: ["2500000", "24", "0"],
        mebibytes: 180,
        sets_limit: false,
    },
    Case {
        what: "large objects",
        arguments: ["25000", "6000", "0"],
        mebibytes: 250,
        sets_limit: false,
    },
    Case {
        what: "a mapping of its own",
        arguments: ["150000", "200", "120"],
        mebibytes: 200,
        sets_limit: false,
    },
    Case {
        what: "a limit of its own",
        arguments: ["700000", "200", "0"],
        mebibytes: 280,
        sets_limit: true,
    },
];

#[test]
fn a_program_lives_in_a_group_where_it_natively_does() {
    let group = match Group::make("lives") {
        Ok(group) => group,
        Err(why) => return support::say_skipped(&format!("no control group: {why}")),
    };
    let folder = build_folder("control-groups");
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/robustness/group.c");
    let program = folder.join("group");
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    for Case { what, arguments, mebibytes, sets_limit } in CASES {
        let run = |mut command: Command| {
            group.set_limit((!sets_limit).then_some(mebibytes)).expect("a limit");
            command.args(arguments);
            if sets_limit {
                command.arg(&group.limit).arg((mebibytes << 20).to_string());
            }
            group.hold(&mut command);
            process::run(&mut command, LIMIT)
        };
        let native = match run(process::command(&program)) {
            Ok(native) => native,
            Err(error) => return support::say_skipped(&format!("a control group: {error}")),
        };
        assert_eq!(native.exit, Exit::Code(0), "{what}: {}", native.stderr);
        for backend in available_backends() {
            let outcome = run(fencepost_run(backend, ["--stats"], &program)).expect("it starts");
            let case = format!("{what}, {backend}: {}", outcome.stderr);
            assert_eq!(outcome.exit, Exit::Code(0), "{case}");
            assert_eq!(outcome.stdout, "all there\n", "{case}");
            assert_eq!(outcome.program_stderr(), "", "{case}");
            assert!(outcome.stderr.contains("allocations were not guarded"), "{case}");
            assert!(!outcome.stderr.contains("guarded=0 "), "{case}");
        }
    }
}
