//! Scripts: they run, unless their interpreter cannot.

use super::{EMPTY_PROGRAM, Scratch, assert_prints, assert_refused, fencepost, run};

#[test]
fn scripts_whose_interpreter_is_no_good() {
    let scratch = Scratch::new();
    let script = |name: &str, line: &str| scratch.file(name, format!("#!{line}\necho ran\n"));
    let absent = script("absent", "/nowhere/interpreter");
    assert_refused(run([&absent]), 127, "'/nowhere/interpreter' was not found");
    let sought = script("sought", "/usr/bin/env fencepost-no-such-program");
    assert_refused(run([sought]), 127, "'fencepost-no-such-program' was not found in PATH");
    let dos = script("dos", "/bin/sh\r");
    assert_refused(run([dos]), 127, "carriage return");
    let nested = script("nested", absent.to_str().unwrap());
    assert_refused(run([nested]), 127, "'/nowhere/interpreter' was not found");

    let program = scratch.compile("static", EMPTY_PROGRAM, &["-static"]);
    let direct = script("direct", program.to_str().unwrap());
    assert_refused(run([direct]), 125, "is statically linked");
    let through_env = script("through-env", &format!("/usr/bin/env {}", program.display()));
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
        assert_prints(run([path.as_os_str(), "a b".as_ref(), "".as_ref()]), "2:a b:\n");
    }
    assert_prints(run([scratch.file("empty", "")]), "");
}

#[test]
fn text_named_like_an_option_runs_from_path() {
    let scratch = Scratch::new();
    scratch.file("-c", "echo ran $1\n");
    let mut command = fencepost();
    command.args(["run", "--", "-c", "it"]).env("PATH", "").current_dir(&scratch.0);
    assert_prints(command.output().unwrap(), "ran it\n");
}
