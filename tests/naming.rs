//! Names in reports: none is ours, none can forge a line, and none takes too long. There is a report whatever is in
//! the place of debug information.

mod support;

use std::ffi::CString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use object::{Object, ObjectSection};
use support::backend::{available_backends, fencepost_run};
use support::built;
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};
use support::report;

const LIMIT: Duration = Duration::from_secs(300);

/// Compiles a program of `tests/naming` as `output` in a folder of the caller's own.
fn program(test: &str, name: &str, output: &str, flags: &[&str]) -> PathBuf {
    let output = build_folder(&format!("naming-{test}")).join(output);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/naming/{name}.c"));
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    build_program(&source, &output, &flags, &[]).expect("it compiles");
    output
}

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("it starts")
}

fn binutils(name: &str, arguments: &[&str], file: &Path) {
    let status = Command::new(name).args(arguments).arg(file).status();
    assert!(status.expect(name).success(), "{name} {arguments:?}");
}

/// The one report of a run, whose lines are all its own.
fn only_report(outcome: &Outcome) -> report::Report {
    let stderr = &outcome.stderr;
    let is_plain = |char: char| char == '\n' || !char.is_control();
    assert!(stderr.chars().all(is_plain), "{stderr:?}");
    assert!(!stderr.lines().any(|line| line.starts_with("forged")), "{stderr}");
    report::parse(stderr).unwrap_or_else(|why| panic!("{why}: {stderr}"))
}

#[test]
fn names_of_programs_and_libraries_forge_no_line() {
    let overflow = program("forged", "overflow", "pro\nforged\x1b[31mgram", &["-g"]);
    let opens = program("forged", "opens", "opens", &["-g"]);
    let library =
        program("forged", "library", "lib\nforged\x1b]0;.so", &["-g", "-shared", "-fPIC"]);
    for backend in available_backends() {
        let outcome = run(&mut fencepost_run(backend, [], &overflow));
        let found = only_report(&outcome);
        assert_eq!(found.thread_name, "pro\\nforged\\u{1b}[31m", "{backend}");
        let module = "/pro\\nforged\\u{1b}[31mgram+0x";
        assert!(found.culprit.frames[0].text.contains(module), "{}", outcome.stderr);
        let outcome = run(fencepost_run(backend, [], &opens).arg(&library).arg("call"));
        let found = only_report(&outcome);
        let module = "/lib\\nforged\\u{1b}]0;.so+0x";
        assert!(found.culprit.frames[0].text.contains(module), "{}", outcome.stderr);
    }
}

#[test]
fn names_of_functions_forge_no_line() {
    let program = program("renamed", "overflow", "overflow", &["-g0"]);
    let renaming = "plain_name=\x1b[31mred\nforged";
    binutils("objcopy", &["--redefine-sym", renaming], &program);
    let outcome = run(&mut fencepost_run("auto", [], &program));
    let found = only_report(&outcome);
    let name = "\\u{1b}[31mred\\nforged";
    assert_eq!(found.culprit.frames[0].function(), Some(name), "{}", outcome.stderr);
    assert!(found.summary.ends_with(name), "{}", found.summary);
}

#[test]
fn no_frame_is_ours() {
    let opens = program("own", "opens", "opens", &["-g"]);
    let library = program("own", "library", "library.so", &["-g", "-shared", "-fPIC"]);
    for backend in available_backends() {
        for (how, kind) in [("call", "heap-buffer-overflow"), ("close", "heap-use-after-free")] {
            let outcome = run(fencepost_run(backend, [], &opens).arg(&library).arg(how));
            let found = only_report(&outcome);
            let stderr = &outcome.stderr;
            assert_eq!(found.kind, kind, "{stderr}");
            assert!(!stderr.contains("fencepost_") && !stderr.contains("fencepost::"), "{stderr}");
            assert!(!stderr.contains("libfencepost"), "{stderr}");
            // What is beyond our frames is there.
            let names: Vec<_> = found.culprit.frames.iter().filter_map(|f| f.function()).collect();
            assert!(names.contains(&"work"), "{stderr}");
            if how == "close" {
                assert!(names.contains(&"library_ends"), "{stderr}");
            }
            assert!(!found.created.is_empty(), "{stderr}");
        }
    }
}

/// Compiles a program whose debug information is in another file.
fn split_program(test: &str) -> (PathBuf, PathBuf) {
    let program = program(test, "overflow", "overflow", &["-g"]);
    let debug = program.with_file_name("overflow.debug");
    let _ = fs::remove_file(&debug);
    fs::copy(&program, &debug).expect("copied");
    binutils("objcopy", &["--remove-section=.note.gnu.build-id"], &program);
    let link = format!("--add-gnu-debuglink={}", debug.display());
    binutils("objcopy", &["--strip-debug", &link], &program);
    (program, debug)
}

/// The file with the names takes 12 seconds to open, and the watchdog waits 10.
#[test]
fn names_that_take_too_long_are_done_without() {
    if !Path::new("/usr/bin/strace").exists() {
        return support::say_skipped("strace is not installed");
    }
    let (program, debug) = split_program("slow");
    let mut command = process::command("/usr/bin/strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=openat"]);
    command.args(["-e", "inject=openat:delay_enter=12000000", "-P"]).arg(&debug);
    command.arg(format!("--env=LD_PRELOAD={}", built::preload_library().display()));
    let Outcome { exit, stderr, .. } = run(command.arg(&program));
    if stderr.contains("ptrace") || stderr.contains("PTRACE") {
        return support::say_skipped("strace may not trace here");
    }
    let sentence = "fencepost: names could not be looked up: that took longer than 10 seconds\n";
    assert!(stderr.ends_with(sentence), "{stderr}");
    let bare = stderr.strip_suffix(sentence).expect("checked");
    let found = report::parse(bare).unwrap_or_else(|why| panic!("{why}: {stderr}"));
    assert_eq!(found.culprit.frames[0].function(), None, "{stderr}");
    assert!(found.culprit.frames[0].text.contains("/overflow+0x"), "{stderr}");
    assert_eq!(exit, Exit::Signal(libc::SIGSEGV));
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let (program, debug) = split_program("fifo");
    fs::remove_file(&debug).expect("removed");
    let path = CString::new(debug.to_str().expect("plain")).expect("plain");
    // SAFETY: a valid C string.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let outcome = run(&mut fencepost_run("auto", [], &program));
    fs::remove_file(&debug).expect("removed");
    let found = only_report(&outcome);
    let frame = &found.culprit.frames[0];
    assert_eq!((frame.function(), frame.place()), (Some("plain_name"), None), "{}", outcome.stderr);
}

#[test]
fn names_of_compiled_code_are_taken_from_a_file_of_the_same_user() {
    let program = program("compiled", "compiled", "compiled", &["-g"]);
    let frame = |arguments: &[&str], module: &str| {
        let outcome = run(fencepost_run("auto", [], &program).args(arguments));
        fs::remove_file(outcome.stdout.trim()).expect("the program has made it");
        let found = only_report(&outcome);
        assert!(found.culprit.frames[0].text.contains(module), "{}", outcome.stderr);
        found.culprit.frames[0].function().map(str::to_owned)
    };
    assert_eq!(frame(&[], "[code compiled at run time]").as_deref(), Some("compiled_name"));
    // SAFETY: a plain system call.
    if unsafe { libc::geteuid() } != 0 {
        return support::say_skipped("only root can give a file to another user");
    }
    assert_eq!(frame(&["theirs"], "[anonymous memory]"), None);
}

#[test]
fn a_section_that_claims_two_gigabytes_takes_none() {
    let program = program("packed", "overflow", "overflow", &["-g", "-gz=zlib"]);
    let named = |program: &Path| {
        let outcome = run(&mut fencepost_run("auto", [], program));
        let frame = only_report(&outcome).culprit.frames.remove(0);
        (frame.function().map(str::to_owned), frame.place().map(|(_, line)| line))
    };
    let name = Some("plain_name".to_owned());
    assert_eq!(named(&program), (name.clone(), Some(4)), "packed, and whole");
    let mut image = fs::read(&program).expect("read");
    let file = object::File::parse(&*image).expect("an ELF file");
    let section = file.section_by_name(".debug_info").expect("debug information");
    let (at, _) = section.file_range().expect("in the file");
    // Elf64_Chdr: type and padding, then the size.
    let size = at as usize + 8..at as usize + 16;
    image[size].copy_from_slice(&(2_u64 << 30).to_le_bytes());
    fs::write(&program, image).expect("written");
    assert_eq!(named(&program), (name, None), "claims too much");
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: fills the structure, which zeros are valid for.
    let most = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init().ru_maxrss
    };
    assert!(most < 1 << 20, "a child took {most} KiB");
}

/// Runs a program, with the library preloaded, and returns standard error and the most memory in MiB.
fn most_memory(program: &Path, arguments: &[&str]) -> (String, i64) {
    let mut command = process::command(program);
    command.args(arguments).env("LD_PRELOAD", built::preload_library());
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let pid = command.stderr(writer).spawn().map(|child| child.id()).expect("it starts");
    // The program alone has the other end of the pipe.
    drop(command);
    let mut stderr = String::new();
    reader.read_to_string(&mut stderr).expect("text");
    let (pid, mut status) = (i32::try_from(pid).expect("it fits"), 0);
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both are valid to write, and the child is waited for here only. Zeros are a valid rusage.
    let most = unsafe {
        assert_eq!(libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()), pid);
        usage.assume_init().ru_maxrss
    };
    (stderr, most / 1024)
}

/// The stack leads through 31 of 60 units, each with 4,096 functions.
#[test]
fn fifty_megabytes_of_debug_information_take_little_memory() {
    let folder = build_folder("naming-much");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/c/debug_info.c");
    let (unit, program) = (folder.join("unit.o"), folder.join("much"));
    let flags = ["-g", "-c", "-DUNIT"].map(str::to_owned);
    build_program(&source, &unit, &flags, &[]).expect("it compiles");
    let units = vec![unit.to_str().expect("UTF-8").to_owned(); 60];
    build_program(&source, &program, &["-g".to_owned()], &units).expect("it compiles");
    let image = fs::read(&program).expect("read");
    let file = object::File::parse(&*image).expect("an ELF file");
    let is_debug = |name: &str| name.starts_with(".debug_");
    let bytes: u64 =
        file.sections().filter(|it| it.name().is_ok_and(is_debug)).map(|it| it.size()).sum();
    assert!((40 << 20..80 << 20).contains(&bytes), "{bytes} bytes");
    drop(image);
    let (silent, without) = most_memory(&program, &[]);
    assert_eq!(silent, "");
    let (stderr, with) = most_memory(&program, &["report"]);
    fs::remove_file(&program).expect("built above");
    let found = report::parse(&stderr).unwrap_or_else(|why| panic!("{why}: {stderr}"));
    let is_named = |frame: &&report::Frame| frame.function() == Some("step");
    assert_eq!(found.culprit.frames.iter().filter(is_named).count(), 31, "{stderr}");
    assert!(with <= 200, "{with} MiB with a report, {without} MiB without");
}

/// With debug information of 3,000 functions: each costs allocations, but none a system call.
#[test]
fn a_report_makes_few_system_calls() {
    if !Path::new("/usr/bin/strace").exists() {
        return support::say_skipped("strace is not installed");
    }
    let folder = build_folder("naming-calls");
    let source = folder.join("many.c");
    let mut text = "#include <stdlib.h>\n".to_owned();
    for number in 0..3_000 {
        text += &format!("int f{number}(int a) {{ int b = a; {{ int c = b; return c; }} }}\n");
    }
    text += "int main(void) { ((volatile char *)malloc(32))[32] = 1; return 0; }\n";
    fs::write(&source, text).expect("written");
    let program = folder.join("many");
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    let log = folder.join("calls");
    let calls = |symbolize: &str| {
        let _ = fs::remove_file(&log);
        let mut command = process::command("/usr/bin/strace");
        command.args(["-f", "-qq", "-o"]).arg(&log);
        command.arg(format!("--env=LD_PRELOAD={}", built::preload_library().display()));
        command.arg(format!("--env=FENCEPOST_OPTIONS=symbolize={symbolize}"));
        let outcome = run(command.arg(&program));
        let count = fs::read_to_string(&log).unwrap_or_default().lines().count();
        (count, outcome.stderr)
    };
    let (with_names, stderr) = calls("yes");
    if stderr.contains("ptrace") || stderr.contains("PTRACE") {
        return support::say_skipped("strace may not trace here");
    }
    assert!(stderr.contains(" in main ") && stderr.contains("many.c:3002"), "{stderr}");
    let (without, _) = calls("no");
    assert!(with_names - without < 1_000, "{with_names} system calls, {without} without names");
}

/// Name and line of the innermost frame of a run.
fn innermost(command: &mut Command) -> (Option<String>, Option<u32>) {
    let frame = only_report(&run(command)).culprit.frames.remove(0);
    (frame.function().map(str::to_owned), frame.place().map(|(_, line)| line))
}

#[test]
fn debug_files_are_taken_from_the_cache_of_debuginfod() {
    let program = program("cached", "overflow", "overflow", &["-g", "-Wl,--build-id"]);
    let image = fs::read(&program).expect("read");
    let file = object::File::parse(&*image).expect("an ELF file");
    let build_id = file.build_id().expect("notes").expect("a build id");
    let build_id: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let home = build_folder("naming-cached-home");
    let folder = home.join(".cache/debuginfod_client").join(build_id);
    fs::create_dir_all(&folder).expect("made");
    fs::rename(&program, folder.join("debuginfo")).expect("moved");
    fs::write(&program, image).expect("written");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("executable");
    binutils("strip", &["--strip-debug"], &program);
    let named = |variables: &[(&str, PathBuf)]| {
        let mut command = fencepost_run("auto", [], &program);
        for variable in ["DEBUGINFOD_CACHE_PATH", "XDG_CACHE_HOME", "HOME"] {
            command.env_remove(variable);
        }
        innermost(command.envs(variables.iter().map(|(name, path)| (name, path))))
    };
    let name = Some("plain_name".to_owned());
    let cache = home.join(".cache");
    assert_eq!(named(&[]), (name.clone(), None), "stripped");
    for (variable, path) in [
        ("DEBUGINFOD_CACHE_PATH", cache.join("debuginfod_client")),
        ("XDG_CACHE_HOME", cache.clone()),
        ("HOME", home.clone()),
    ] {
        assert_eq!(named(&[(variable, path)]), (name.clone(), Some(4)), "{variable}");
    }
    assert_eq!(named(&[("HOME", cache)]), (name, None), "not there");
}

#[test]
fn split_debug_information_is_found() {
    for flags in [["-g", "-gdwarf-5", "-gsplit-dwarf"], ["-g", "-gdwarf-4", "-gsplit-dwarf"]] {
        let test = format!("split{}", flags[1]);
        let program = program(&test, "overflow", "overflow", &flags);
        let folder = build_folder(&format!("naming-{test}"));
        let is_dwo = |path: &PathBuf| path.extension().is_some_and(|it| it == "dwo");
        let files = fs::read_dir(&folder).expect("readable").map(|it| it.expect("readable").path());
        let dwos: Vec<PathBuf> = files.filter(is_dwo).collect();
        assert!(!dwos.is_empty(), "no file was split off in {}", folder.display());
        let named = || innermost(&mut fencepost_run("auto", [], &program));
        let whole = (Some("plain_name".to_owned()), Some(4));
        assert_eq!(named(), whole, "{flags:?}");
        // That of binutils 2.40 crashes over DWARF 5.
        let package = |tool: &str| {
            let mut command = Command::new(tool);
            command.args(["-e", "overflow", "-o", "overflow.dwp"]).current_dir(&folder);
            command.status().is_ok_and(|status| status.success())
        };
        if !package("dwp") && !package("llvm-dwp") {
            support::say_skipped(&format!(
                "neither dwp nor llvm-dwp makes a package with {flags:?}"
            ));
            continue;
        }
        for dwo in dwos {
            fs::remove_file(dwo).expect("removed");
        }
        assert_eq!(named(), whole, "{flags:?}, in a package");
        fs::remove_file(folder.join("overflow.dwp")).expect("dwp has made it");
        // The line is in the program; the name is in its symbol table, too.
        assert_eq!(named().0, whole.0, "{flags:?}, without it");
    }
}

#[test]
fn a_stripped_program_has_the_names_that_it_exports_and_offsets() {
    let program = program("stripped", "overflow", "overflow", &["-g", "-rdynamic"]);
    binutils("strip", &["--strip-all"], &program);
    let named = |program: &Path| innermost(&mut fencepost_run("auto", [], program));
    assert_eq!(named(&program), (Some("plain_name".to_owned()), None), "exported");
    let bare = self::program("bare", "overflow", "overflow", &["-g"]);
    binutils("strip", &["--strip-all"], &bare);
    let frame = only_report(&run(&mut fencepost_run("auto", [], &bare))).culprit.frames.remove(0);
    assert_eq!(frame.function(), None);
    assert!(frame.text.contains("/overflow+0x"), "{}", frame.text);
}
