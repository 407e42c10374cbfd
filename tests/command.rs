//! The command as a user meets it: what it refuses, and that what it runs is left as it was.
//!
//! A stub takes the place of the preload library here, so these tests are about the command alone.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

const COMMAND: &str = env!("CARGO_BIN_EXE_fencepost");

/// A directory that is removed with its contents at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fencepost-command-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes an executable file.
    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Compiles a C program with these compiler flags.
    fn compile(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let path = self.path(name);
        compile(&path, source, flags);
        path
    }

    /// A copy of `/bin/true` with some bytes of its header replaced.
    fn patched_true(&self, name: &str, offset: usize, bytes: &[u8]) -> PathBuf {
        let mut contents = fs::read("/bin/true").unwrap();
        contents[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.file(name, contents)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn compile(path: &Path, source: &str, flags: &[&str]) {
    let mut compiler = Command::new("cc")
        .args(["-x", "c", "-", "-o"])
        .arg(path)
        .args(flags)
        .stdin(Stdio::piped())
        .spawn()
        .expect("these tests need a C compiler");
    compiler
        .stdin
        .take()
        .unwrap()
        .write_all(source.as_bytes())
        .unwrap();
    assert!(compiler.wait().unwrap().success());
}

const EMPTY_PROGRAM: &str = "int main(void) { return 0; }";

/// A preload library that does nothing.
fn stub() -> &'static Path {
    static STUB: OnceLock<PathBuf> = OnceLock::new();
    STUB.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stub");
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("libfencepost.so");
        compile(&path, "int fencepost_stub;", &["-shared", "-fPIC"]);
        path
    })
}

/// The command, with the stub and with an environment that does not depend on who runs the tests.
fn fencepost() -> Command {
    let mut command = Command::new(COMMAND);
    command
        .env("FENCEPOST_LIBRARY", stub())
        .env_remove("FENCEPOST_OPTIONS");
    command.env_remove("LD_PRELOAD").stdin(Stdio::null());
    command
}

fn run<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Output {
    fencepost()
        .arg("run")
        .arg("--")
        .args(words)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts that nothing was run and that one sentence says why.
#[track_caller]
fn assert_refused(output: Output, code: i32, phrase: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(
        said.starts_with("fencepost: ") && said.ends_with('\n'),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(phrase), "{phrase:?} is not in: {said}");
    assert_eq!(text(&output.stdout), "");
}

#[track_caller]
fn assert_prints(output: Output, expected: &str) {
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&output.stdout), expected);
    assert!(output.status.success(), "{}", output.status);
}

/// Says that a test is skipped, past the harness, which shows `eprintln!` of failed tests only.
fn say_skipped(test: &str, why: &str) {
    let line = format!("{test}: skipped, as {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn is_root_or_says_skipped(test: &str) -> bool {
    // SAFETY: the call has no arguments, touches no memory and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        say_skipped(test, "it needs root");
    }
    is_root
}

// Programs that are not there or are no programs.

#[test]
fn missing_programs() {
    let scratch = Scratch::new();
    assert_refused(
        run([scratch.path("absent")]),
        127,
        "was not found; check the path",
    );
    assert_refused(
        run(["fencepost-no-such-program"]),
        127,
        "was not found in PATH",
    );
    assert_refused(run([""]), 127, "'' was not found in PATH");
    assert_refused(run(["a\nb"]), 127, r"'a\nb' was not found");
}

#[test]
fn files_that_cannot_be_executed() {
    let scratch = Scratch::new();
    let plain = scratch.path("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    assert_refused(run([&plain]), 126, "chmod +x");
    assert_refused(run([&scratch.0]), 126, "is a directory");
    assert_refused(run(["/dev/null"]), 126, "is not a regular file");
    assert_refused(run([plain.join("x")]), 126, "cannot be reached");
    let data = scratch.file("data", b"MZ\0\0 some data\n");
    assert_refused(run([data]), 126, "neither an ELF program nor a script");
}

#[test]
fn denied_file_in_path_is_told_from_a_missing_one() {
    let scratch = Scratch::new();
    fs::write(scratch.path("tool"), "echo").unwrap();
    let output = fencepost()
        .args(["run", "tool"])
        .env("PATH", &scratch.0)
        .output()
        .unwrap();
    assert_refused(output, 126, "is not executable");
}

#[test]
fn elf_files_that_are_no_programs() {
    let scratch = Scratch::new();
    assert_refused(run([stub()]), 126, "is a shared library");
    let object = scratch.compile("object.o", EMPTY_PROGRAM, &["-c"]);
    fs::set_permissions(&object, fs::Permissions::from_mode(0o755)).unwrap();
    assert_refused(run([object]), 126, "but no program");
    let contents = fs::read("/bin/true").unwrap();
    let cut = scratch.file("cut", &contents[..40]);
    assert_refused(run([cut]), 126, "is a damaged ELF file");
    let cut = scratch.file("cut-later", &contents[..100]);
    assert_refused(run([cut]), 126, "is a damaged ELF file");
}

// Programs that would run without the guard.

#[test]
fn static_programs() {
    let scratch = Scratch::new();
    let fixed = scratch.compile("static", EMPTY_PROGRAM, &["-static"]);
    assert_refused(run([fixed]), 125, "is statically linked");
    let movable = scratch.compile("static-pie", EMPTY_PROGRAM, &["-static-pie", "-fPIE"]);
    assert_refused(run([movable]), 125, "is statically linked");
}

#[test]
fn programs_for_other_processors() {
    const CLASS_OFFSET: usize = 4;
    const MACHINE_OFFSET: usize = 18;
    let scratch = Scratch::new();
    let i386 = scratch.patched_true("i386", MACHINE_OFFSET, &[3, 0]);
    assert_refused(run([i386]), 125, "is built for i386");
    let aarch64 = scratch.patched_true("aarch64", MACHINE_OFFSET, &[183, 0]);
    assert_refused(run([aarch64]), 125, "is built for aarch64");
    let bits32 = scratch.patched_true("bits32", CLASS_OFFSET, &[1]);
    assert_refused(run([bits32]), 125, "is a 32-bit program");
}

#[test]
fn programs_of_other_loaders() {
    let scratch = Scratch::new();
    let with_loader = |name, loader: &str| {
        scratch.compile(
            name,
            EMPTY_PROGRAM,
            &[&format!("-Wl,--dynamic-linker={loader}")],
        )
    };
    let musl = with_loader("musl", "/lib/ld-musl-x86_64.so.1");
    assert_refused(run([musl]), 125, "uses musl, and the guard needs glibc");
    let absent = with_loader("absent", "/nowhere/ld-linux-x86-64.so.2");
    assert_refused(
        run([absent]),
        127,
        "needs the loader '/nowhere/ld-linux-x86-64.so.2'",
    );
}

#[test]
fn setuid_and_setgid_programs_need_root() {
    if !is_root_or_says_skipped("setuid_and_setgid_programs_need_root") {
        return;
    }
    let scratch = Scratch::new();
    let program = scratch.file("program", fs::read("/bin/true").unwrap());
    for (owner, group, mode, is_refused) in [
        (Some(65534), Some(0), 0o4755, true),
        (Some(0), Some(65534), 0o2755, true),
        // Set, but to the ids that we have.
        (Some(0), Some(0), 0o6755, false),
        // Without the group's execute bit it means mandatory locking.
        (Some(0), Some(65534), 0o2745, false),
    ] {
        std::os::unix::fs::chown(&program, owner, group).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        if is_refused {
            assert_refused(run([&program]), 125, "is setuid or setgid");
        } else {
            assert_prints(run([&program]), "");
        }
    }
}

#[test]
fn programs_with_file_capabilities_need_root() {
    if !is_root_or_says_skipped("programs_with_file_capabilities_need_root") {
        return;
    }
    let scratch = Scratch::new();
    let command = scratch.file("fencepost", fs::read(COMMAND).unwrap());
    let library = scratch.file("libfencepost.so", fs::read(stub()).unwrap());
    let program = scratch.file("program", fs::read("/bin/true").unwrap());
    if !add_net_raw_capability(&program) {
        let test = "programs_with_file_capabilities_need_root";
        say_skipped(test, "the temporary directory has no file capabilities");
        return;
    }
    let as_user = |user| {
        let mut command = Command::new(&command);
        command
            .args(["run", "--"])
            .arg(&program)
            .env("FENCEPOST_LIBRARY", &library);
        command.uid(user).gid(user).output().unwrap()
    };
    assert_refused(as_user(65534), 125, "has file capabilities");
    assert_prints(as_user(0), "");
}

/// As `setcap cap_net_raw+ep` does.
fn add_net_raw_capability(path: &Path) -> bool {
    // Version 2 with the effective bit; permitted, inheritable; then the upper halves of both.
    let words: [u32; 5] = [0x0200_0001, 1 << 13, 0, 0, 0];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    let name = c"security.capability";
    // SAFETY: both strings are NUL-terminated, and `bytes` is as long as said.
    let result = unsafe {
        libc::setxattr(
            path.as_ptr(),
            name.as_ptr(),
            bytes.as_ptr().cast(),
            bytes.len(),
            0,
        )
    };
    result == 0
}

// Scripts.

#[test]
fn scripts_whose_interpreter_is_no_good() {
    let scratch = Scratch::new();
    let script = |name: &str, line: &str| scratch.file(name, format!("#!{line}\necho ran\n"));
    let absent = script("absent", "/nowhere/interpreter");
    assert_refused(run([&absent]), 127, "'/nowhere/interpreter' was not found");
    let sought = script("sought", "/usr/bin/env fencepost-no-such-program");
    assert_refused(
        run([sought]),
        127,
        "'fencepost-no-such-program' was not found in PATH",
    );
    let dos = script("dos", "/bin/sh\r");
    assert_refused(run([dos]), 127, "carriage return");
    let nested = script("nested", absent.to_str().unwrap());
    assert_refused(run([nested]), 127, "'/nowhere/interpreter' was not found");

    let program = scratch.compile("static", EMPTY_PROGRAM, &["-static"]);
    let direct = script("direct", program.to_str().unwrap());
    assert_refused(run([direct]), 125, "is statically linked");
    let through_env = script(
        "through-env",
        &format!("/usr/bin/env {}", program.display()),
    );
    assert_refused(run([through_env]), 125, "is statically linked");
    let loops = scratch.path("loops");
    let loops = script("loops", loops.to_str().unwrap());
    assert_refused(run([loops]), 126, "");
}

#[test]
fn scripts_run() {
    let scratch = Scratch::new();
    let body = "echo $#:$1:$2\n";
    for (name, contents) in [
        ("sh", format!("#!/bin/sh\n{body}")),
        ("env", format!("#!/usr/bin/env sh\n{body}")),
        ("no-interpreter", body.to_string()),
        ("-odd name", body.to_string()),
    ] {
        let path = scratch.file(name, contents);
        assert_prints(
            run([path.as_os_str(), "a b".as_ref(), "".as_ref()]),
            "2:a b:\n",
        );
    }
    assert_prints(run([scratch.file("empty", "")]), "");
}

#[test]
fn text_named_like_an_option_runs_from_path() {
    let scratch = Scratch::new();
    scratch.file("-c", "echo ran $1\n");
    let mut command = fencepost();
    command
        .args(["run", "--", "-c", "it"])
        .env("PATH", "")
        .current_dir(&scratch.0);
    assert_prints(command.output().unwrap(), "ran it\n");
}

// Options.

#[test]
fn wrong_arguments() {
    for (words, phrase) in [
        (&[][..], "no command given"),
        (&["walk"][..], "unknown command 'walk'"),
        (&["runn"][..], "did you mean 'run'?"),
        (&["run"][..], "PROGRAM"),
        (
            &["run", "--placment=left", "true"][..],
            "did you mean '--placement'?",
        ),
        (
            &["run", "--quarantine", "true"][..],
            "unexpected argument '--quarantine'",
        ),
        (&["run", "--placement"][..], "needs a value"),
        (
            &["run", "--placement=middle", "true"][..],
            "takes one of right, left",
        ),
        (
            &["run", "--stack-depth=0", "true"][..],
            "takes a whole number from 1 to 256, not '0'",
        ),
        (
            &["run", "--error-exitcode", "256", "true"][..],
            "from 1 to 255, not '256'",
        ),
        (&["run", "--verbose=perhaps", "true"][..], "takes yes or no"),
        (&["demo", "no-such-demo"][..], "fencepost demo --list"),
        (&["demo", "--seed=x"][..], "option 'seed'"),
    ] {
        assert_refused(fencepost().args(words).output().unwrap(), 2, phrase);
    }
    let odd = fencepost()
        .args([OsStr::new("run"), OsStr::from_bytes(b"--log-path=\xff")])
        .output();
    assert_refused(odd.unwrap(), 2, "UTF-8");
}

#[test]
fn wrong_inherited_options() {
    for (options, phrase) in [
        (
            "placement=middle",
            "in the variable FENCEPOST_OPTIONS: option 'placement' takes",
        ),
        ("verbose", "has no value; write it as name=value"),
        ("color=no", "unknown option 'color'"),
    ] {
        let mut command = fencepost();
        command
            .args(["run", "true"])
            .env("FENCEPOST_OPTIONS", options);
        assert_refused(command.output().unwrap(), 2, phrase);
    }
    let mut command = fencepost();
    command
        .args(["run", "true"])
        .env("FENCEPOST_OPTIONS", OsStr::from_bytes(b"log-path=\xff"));
    assert_refused(command.output().unwrap(), 2, "not valid UTF-8");
}

#[test]
fn flags_go_over_inherited_options() {
    let print = ["sh", "-c", "echo ${FENCEPOST_OPTIONS-unset}"];
    let options = |inherited: &str, flags: &[&str], expected: &str| {
        let mut command = fencepost();
        command
            .arg("run")
            .args(flags)
            .args(print)
            .env("FENCEPOST_OPTIONS", inherited);
        assert_prints(command.output().unwrap(), &format!("{expected}\n"));
    };
    options("seed=4", &[], "seed=4");
    options(
        "seed=4:placement=left",
        &["--placement=exact"],
        "placement=exact:seed=4",
    );
    options("placement=left", &["--placement", "right"], "unset");
    options(
        "",
        &["--verbose", "--symbolize=no"],
        "symbolize=no:verbose=yes",
    );
    options("", &["--seed=1", "--seed=2"], "seed=2");
    options("", &["--log-path=/a:b"], r"log-path=/a\:b");
    assert_prints(run(print), "unset\n");
}

#[test]
fn help_and_version() {
    let help = fencepost().args(["run", "--help"]).output().unwrap();
    assert!(help.status.success());
    let help = text(&help.stdout);
    for spec in fencepost::options::OPTIONS {
        assert!(help.contains(&format!("--{}", spec.name)), "{}", spec.name);
    }
    assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    let version = format!("fencepost {}\n", env!("CARGO_PKG_VERSION"));
    assert_prints(fencepost().arg("--version").output().unwrap(), &version);
}

// What the program finds.

#[test]
fn exit_status_and_signals_pass_through() {
    assert_eq!(run(["sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(
        run(["sh", "-c", "kill -TERM $$"]).status.signal(),
        Some(libc::SIGTERM)
    );
}

#[test]
fn process_id_is_kept() {
    let mut command = fencepost();
    command
        .args(["run", "sh", "-c", "echo $$"])
        .stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id();
    assert_prints(child.wait_with_output().unwrap(), &format!("{id}\n"));
}

#[test]
fn arguments_are_unchanged() {
    let words: Vec<OsString> = ["cat", "/proc/self/cmdline"].map(OsString::from).to_vec();
    assert_prints(run(&words), "cat\0/proc/self/cmdline\0");
    let odd = OsStr::from_bytes(b"\xff\xfe").to_os_string();
    let words = [
        "printf".into(),
        "[%s]".into(),
        odd,
        "".into(),
        "--help".into(),
        "--".into(),
    ];
    for separator in [&["--"][..], &[]] {
        let output = fencepost()
            .arg("run")
            .args(separator)
            .args(&words)
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"[\xff\xfe][][--help][--]");
    }
}

#[test]
fn environment_is_unchanged() {
    let outputs = [&[COMMAND, "run", "--", "env", "-0"][..], &["env", "-0"]].map(|words| {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env("FENCEPOST_LIBRARY", stub())
            .env_remove("LD_PRELOAD");
        command
            .env("ODD", OsStr::from_bytes(b"\xff=\n"))
            .env("EMPTY", "");
        command
            .env("FENCEPOST_OPTIONS", "")
            .output()
            .unwrap()
            .stdout
    });
    let [guarded, plain] = outputs.map(|output| {
        let ours = |line: &&[u8]| {
            !line.starts_with(b"LD_PRELOAD=") && !line.starts_with(b"FENCEPOST_OPTIONS=")
        };
        let lines = output.split(|&byte| byte == 0).filter(ours);
        lines.map(text).collect::<Vec<_>>()
    });
    assert_eq!(guarded, plain);
}

#[test]
fn signal_mask_and_dispositions_are_unchanged() {
    let signals = |words: &[&str], is_changed: bool| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["cat", "/proc/self/status"]);
        command.env("FENCEPOST_LIBRARY", stub());
        if is_changed {
            // SAFETY: between fork and exec only these async-signal-safe calls are made; `mask` is initialised
            // by sigemptyset before it is used.
            unsafe {
                command.pre_exec(|| {
                    libc::signal(libc::SIGPIPE, libc::SIG_IGN);
                    let mut mask = std::mem::MaybeUninit::uninit();
                    libc::sigemptyset(mask.as_mut_ptr());
                    libc::sigaddset(mask.as_mut_ptr(), libc::SIGUSR1);
                    libc::sigprocmask(libc::SIG_BLOCK, mask.as_ptr(), std::ptr::null_mut());
                    Ok(())
                });
            }
        }
        let status = text(&command.output().unwrap().stdout);
        let is_wanted = |line: &&str| ["SigBlk", "SigIgn", "SigCgt"].contains(&&line[..6]);
        let lines: Vec<&str> = status
            .lines()
            .filter(|line| line.len() > 6)
            .filter(is_wanted)
            .collect();
        assert_eq!(lines.len(), 3, "{status}");
        lines.join("\n")
    };
    for is_changed in [false, true] {
        assert_eq!(
            signals(&[COMMAND, "run"], is_changed),
            signals(&["env"], is_changed)
        );
    }
    assert_ne!(signals(&["env"], false), signals(&["env"], true));
}

#[test]
fn library_is_loaded_first_and_once() {
    let scratch = Scratch::new();
    let other = scratch.compile("libother.so", "int other;", &["-shared", "-fPIC"]);
    let (stub, other) = (stub().to_str().unwrap(), other.to_str().unwrap());
    for (inherited, expected) in [
        (String::new(), stub.to_string()),
        (other.to_string(), format!("{stub}:{other}")),
        (stub.to_string(), stub.to_string()),
        (format!("{other} {stub}"), format!("{stub}:{other}")),
    ] {
        let mut command = fencepost();
        // Set by the shell, so that the stub is not yet in the command itself.
        command
            .args(["run", "sh", "-c", "echo $LD_PRELOAD"])
            .env("LD_PRELOAD", inherited);
        assert_prints(command.output().unwrap(), &format!("{expected}\n"));
    }
    let maps = text(&run(["cat", "/proc/self/maps"]).stdout);
    assert!(maps.contains("libfencepost.so"), "{maps}");
}

// Finding the library.

#[test]
fn library_that_cannot_be_used() {
    let scratch = Scratch::new();
    let with = |library: &Path| {
        fencepost()
            .args(["run", "true"])
            .env("FENCEPOST_LIBRARY", library)
            .output()
            .unwrap()
    };
    assert_refused(with(&scratch.path("absent")), 125, "which is not a file");
    assert_refused(
        with(&scratch.file("text", "x")),
        125,
        "is not a readable shared library",
    );
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
        command
            .env_remove("FENCEPOST_LIBRARY")
            .env_remove("LD_PRELOAD")
            .output()
            .unwrap()
    };
    assert_refused(run(), 125, "set FENCEPOST_LIBRARY to its path");
    let root = scratch.0.canonicalize().unwrap();
    for directory in ["lib/x86_64-linux-gnu", "lib", "bin/deps", "bin"] {
        let name = format!("{directory}/libfencepost.so");
        let path = scratch.file(&name, fs::read(stub()).unwrap());
        File::open(path)
            .unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap();
        assert_prints(run(), &format!("{}\n", root.join(name).display()));
    }
}

// Demos.

#[test]
fn demos_are_listed() {
    let output = fencepost().args(["demo", "--list"]).output().unwrap();
    assert!(output.status.success());
    let listed = text(&output.stdout);
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        names,
        [
            "heap-buffer-overflow",
            "heap-buffer-underflow",
            "use-after-free",
            "double-free",
            "bad-free",
            "overwritten-slack"
        ]
    );
}

#[test]
fn demo_judges_how_its_program_ended() {
    let scratch = Scratch::new();
    let library = |name: &str, ending: &str| {
        let source = format!(
            "#include <stdlib.h>\n#include <signal.h>\n#include <unistd.h>\n\
             #include <sys/resource.h>\n\
             __attribute__((constructor)) static void end(void) {{\n\
                 struct rlimit none = {{0, 0}};\n\
                 setrlimit(RLIMIT_CORE, &none);\n\
                 {ending};\n\
             }}"
        );
        scratch.compile(name, &source, &["-shared", "-fPIC"])
    };
    let faults = library("faults.so", "raise(SIGSEGV)");
    let aborts = library("aborts.so", "abort()");
    let exits = library("exits.so", "_exit(9)");
    let demo = |library: &Path, words: &[&str]| {
        fencepost()
            .arg("demo")
            .args(words)
            .env("FENCEPOST_LIBRARY", library)
            .output()
            .unwrap()
    };
    for (library, words, code, phrase) in [
        (
            faults.as_path(),
            &[][..],
            0,
            "demos/heap_buffer_overflow.c:11",
        ),
        (
            &faults,
            &["use-after-free"],
            0,
            "stopped by SIGSEGV at the first bad access",
        ),
        (
            &faults,
            &["heap-buffer-underflow"],
            0,
            "run --placement=left --",
        ),
        (&faults, &["double-free"], 1, "died of SIGSEGV"),
        (&aborts, &["double-free"], 0, "stopped by SIGABRT"),
        (&aborts, &["heap-buffer-overflow"], 1, "died of SIGABRT"),
        (
            &exits,
            &["bad-free", "--error-exitcode=9"],
            0,
            "exit code 9 asked for",
        ),
        (&exits, &["bad-free"], 1, "exited with code 9"),
        (stub(), &["overwritten-slack"], 1, "as if all were well"),
    ] {
        let output = demo(library, words);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(phrase), "{words:?}: {said}");
    }
}

#[test]
fn demo_code_has_its_lines() {
    let symbols = Command::new("nm")
        .arg(COMMAND)
        .output()
        .expect("this test needs binutils");
    let symbols = text(&symbols.stdout);
    let entry = symbols
        .lines()
        .find(|line| line.ends_with("fencepost_demo_use_after_free"));
    let address = entry
        .and_then(|line| line.split(' ').next())
        .expect("the demo is linked in");
    let place = Command::new("addr2line")
        .args(["-e", COMMAND, address])
        .output()
        .unwrap();
    assert!(
        text(&place.stdout).contains("demos/use_after_free.c:"),
        "{}",
        text(&place.stdout)
    );
}
