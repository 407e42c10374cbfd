//! `--follow`: which programs of a tree are guarded, and what is said about the others.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use support::backend::fencepost_run;
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

/// `tests/follow/room.c` under two names, so that they can be told apart.
static PROGRAMS: LazyLock<[PathBuf; 2]> = LazyLock::new(|| {
    let folder = build_folder("follow");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/follow/room.c");
    ["room_a", "room_b"].map(|name| {
        let output = folder.join(name);
        build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
        output
    })
});

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("fencepost starts")
}

fn follow(choice: &str, words: &[&Path]) -> Outcome {
    let option = format!("--follow={choice}");
    let mut command = fencepost_run("auto", [option.as_str()], words[0]);
    run(command.args(&words[1..]))
}

#[test]
fn each_program_is_as_chosen() {
    let [a, b] = &*PROGRAMS;
    // a executes b, which executes a.
    let path = b.display().to_string();
    for (choice, expected) in [
        ("all", "5\n5\n5\n"),
        ("none", "5\n24\n24\n"),
        ("room_a", "5\n24\n5\n"),
        ("room_b", "24\n5\n24\n"),
        ("room_*", "5\n5\n5\n"),
        ("!room_a", "24\n5\n24\n"),
        ("room_*,!*b", "5\n24\n5\n"),
        ("!*,follow/room_b", "24\n5\n24\n"),
        (path.as_str(), "24\n5\n24\n"),
        ("nothing", "24\n24\n24\n"),
    ] {
        let outcome = follow(choice, &[a, b, a]);
        assert_eq!(outcome.exit, Exit::Code(0), "{choice}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, expected, "{choice}");
    }
}

#[test]
fn the_end_says_which_were_left_out() {
    let [a, b] = &*PROGRAMS;
    let outcome = follow("room_b", &[a, b, a, Path::new("/bin/true")]);
    let lines = outcome.summary_lines();
    assert_eq!(lines.len(), 1, "{}", outcome.stderr);
    assert!(
        lines[0].ends_with("): not followed, as chosen: room_a (2 times), true"),
        "{}",
        lines[0]
    );
    assert_eq!(outcome.program_stderr(), "");
    let mut command = fencepost_run("auto", ["--follow=room_b", "-q"], a);
    assert_eq!(run(command.arg(b)).stderr, "");
}

/// A shell that is not followed hands the guard on, and tells of what it can't be handed to.
#[test]
fn a_native_shell_starts_guarded_programs() {
    let [a, _] = &*PROGRAMS;
    let script = "\"$1\"; sh -c '\"$1\"' sh \"$1\"; env -i /bin/true; \"$1\"";
    let option = "--follow=room_*";
    let mut command = fencepost_run("auto", [option], "/bin/sh");
    let outcome = run(command.args(["-c", script, "sh"]).arg(a));
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "5\n5\n5\n"));
    let said = outcome.summary_lines().join("\n");
    assert!(said.contains("not guarded: true (started without LD_PRELOAD)"), "{said}");
    assert!(said.contains("not followed, as chosen: sh (2 times), env"), "{said}");
    // A bug counts, however deep.
    let bug = build_folder("follow").join("room_bug");
    let source = build_folder("follow").join("bug.c");
    let text = "#include <stdlib.h>\nint main(void) { char *volatile p = malloc(8); p[8] = 1; }";
    fs::write(&source, text).expect("the folder is writable");
    build_program(&source, &bug, &[], &[]).expect("it compiles");
    let mut command = fencepost_run("auto", [option, "--error-exitcode=9"], "/bin/sh");
    let outcome = run(command.args(["-c", "sh -c '\"$1\"; :' sh \"$1\"; :", "sh"]).arg(&bug));
    assert_eq!(outcome.exit, Exit::Code(9), "{}", outcome.stderr);
}

/// A script is known by its own name and by its interpreter's.
#[test]
fn scripts_have_two_names() {
    let [a, _] = &*PROGRAMS;
    let folder = build_folder("follow");
    let script = folder.join("room_script");
    let interpreter = folder.join("interpreter");
    let _ = fs::remove_file(&interpreter);
    symlink(a, &interpreter).expect("the folder is writable");
    fs::write(&script, format!("#!{}\n", interpreter.display())).expect("the folder is writable");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    for (choice, room) in [("room_script", "5\n"), ("room_a", "5\n"), ("interpreter", "24\n")] {
        let option = format!("--follow={choice}");
        let mut command = fencepost_run("auto", [option.as_str()], &script);
        assert_eq!(run(command.env("ROOM_ONCE", "1")).stdout, room, "{choice}");
    }
}

/// What can't be guarded may be run where it need not be.
#[test]
fn a_static_program_that_is_left_out_may_run() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/follow/room.c");
    let program = build_folder("follow").join("static_room");
    build_program(&source, &program, &["-static".to_owned()], &[]).expect("it compiles");
    let [a, _] = &*PROGRAMS;
    let outcome = follow("room_a", &[&program, a]);
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "24\n5\n"));
    assert_eq!(follow("all", &[&program, a]).exit, Exit::Code(125));
    assert_eq!(follow("none", &[&program, a]).exit, Exit::Code(125));
}
