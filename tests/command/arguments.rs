//! The command line and `FENCEPOST_OPTIONS`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{Scratch, assert_prints, assert_refused, fencepost, run, text};

#[test]
fn wrong_arguments() {
    for (words, phrase) in [
        (&[][..], "no command given"),
        (&["wlak"][..], "'wlak' is neither a command nor a program in PATH; try"),
        (&["runn"][..], "did you mean 'run'?"),
        (&["run"][..], "a PROGRAM is missing"),
        (&["run", "--placment=left", "true"][..], "did you mean '--placement'?"),
        (&["run", "--zebra", "true"][..], "unexpected argument '--zebra'"),
        (&["run", "--placement"][..], "needs a value"),
        (&["run", "--placement=middle", "true"][..], "takes one of right, left"),
        (&["run", "--stack-depth=0", "true"][..], "takes a whole number from 1 to 256, not '0'"),
        (&["run", "--error-exitcode", "256", "true"][..], "from 1 to 255, not '256'"),
        (&["run", "--verbose=perhaps", "true"][..], "takes yes or no"),
        (&["run", "--verbose", "yes", "--", "true"][..], "write --OPTION=yes"),
        (&["demo", "no-such-demo"][..], "fencepost demo --list"),
        (&["demo", "--seed=x"][..], "option 'seed'"),
    ] {
        assert_refused(fencepost().args(words).output().unwrap(), 2, phrase);
    }
    let odd = fencepost().args([OsStr::new("run"), OsStr::from_bytes(b"--log-path=\xff")]).output();
    assert_refused(odd.unwrap(), 2, "UTF-8");
}

#[test]
fn words_of_other_tools_are_led_to_ours() {
    for (word, phrase) in [
        (
            "--leak-check=full",
            "there is no option '--leak-check': leaks=summary looks for leaks when the process ends",
        ),
        ("--log-file=x", "log-path=PATH"),
        ("--default-suppressions=no", "--suppressions and --baseline"),
        ("--track-origins=yes", "uninitialised memory"),
    ] {
        assert_refused(fencepost().args(["run", word, "true"]).output().unwrap(), 2, phrase);
    }
    for (options, phrase) in [
        ("halt_on_error=0", "there is no option 'halt_on_error': a report ends the program"),
        ("detect_leaks=1", "leaks=summary looks for leaks when the process ends"),
    ] {
        let mut command = fencepost();
        command.args(["run", "true"]).env("FENCEPOST_OPTIONS", options);
        assert_refused(command.output().unwrap(), 2, phrase);
    }
}

#[test]
fn help_and_version_are_commands_too() {
    let print = |words: &[&str]| {
        let output = fencepost().args(words).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}");
        text(&output.stdout)
    };
    assert_eq!(print(&["help"]), print(&["--help"]));
    assert_eq!(print(&["help", "run"]), print(&["run", "--help"]));
    assert_eq!(print(&["version"]), print(&["--version"]));
}

#[test]
fn run_may_be_left_out() {
    let scratch = Scratch::new();
    let script = scratch.file("run", "#!/bin/sh\necho $#:$1\n");
    let script = script.to_str().unwrap();
    for words in [
        &[script, "-h"][..],
        &["--", script, "-h"],
        &["--seed=1", script, "-h"],
        &["--seed", "1", "--", script, "-h"],
        &["-q", script, "-h"],
        &["-q", "run", "--seed=1", script, "-h"],
    ] {
        assert_prints(fencepost().args(words).output().unwrap(), "1:-h\n");
    }
    assert_prints(
        fencepost().args(["./run", "-h"]).current_dir(&scratch.0).output().unwrap(),
        "1:-h\n",
    );
    assert_prints(fencepost().args(["echo", "run"]).output().unwrap(), "run\n");
    // A command of ours is meant before a program of its name.
    let output = fencepost().args(["version"]).env("PATH", &scratch.0).output();
    assert_prints(output.unwrap(), &format!("fencepost {}\n", env!("CARGO_PKG_VERSION")));
    assert_refused(
        fencepost().arg("./absent").output().unwrap(),
        127,
        "was not found; check the path",
    );
    let odd = fencepost().arg(OsStr::from_bytes(b"\xff")).output();
    assert_refused(odd.unwrap(), 2, "neither a command nor a program");
}

#[test]
fn short_flags_stand_for_options() {
    let options = |flags: &[&str], expected: &str| {
        let mut command = fencepost();
        command.args(flags).args(["sh", "-c", "echo $FENCEPOST_OPTIONS"]);
        assert_prints(command.output().unwrap(), &format!("{expected}\n"));
    };
    options(&["-q"], "summary=never");
    options(&["run", "--quiet", "--summary=always"], "summary=always");
    options(&["-v"], "verbose=yes");
    options(&["-qv"], "summary=never:verbose=yes");
    options(&["run", "-v=no", "--fast"], "revoke=batch\\:64");
}

#[test]
fn wrong_inherited_options() {
    for (options, phrase) in [
        ("placement=middle", "in the variable FENCEPOST_OPTIONS: option 'placement' takes"),
        ("verbose", "has no value; write it as name=value"),
        ("volume=no", "unknown option 'volume'"),
    ] {
        let mut command = fencepost();
        command.args(["run", "true"]).env("FENCEPOST_OPTIONS", options);
        assert_refused(command.output().unwrap(), 2, phrase);
    }
    let mut command = fencepost();
    command.args(["run", "true"]).env("FENCEPOST_OPTIONS", OsStr::from_bytes(b"log-path=\xff"));
    assert_refused(command.output().unwrap(), 2, "not valid UTF-8");
}

#[test]
fn flags_go_over_inherited_options() {
    let print = ["sh", "-c", "echo ${FENCEPOST_OPTIONS-unset}"];
    let options = |inherited: &str, flags: &[&str], expected: &str| {
        let mut command = fencepost();
        command.arg("run").args(flags).args(print).env("FENCEPOST_OPTIONS", inherited);
        assert_prints(command.output().unwrap(), &format!("{expected}\n"));
    };
    options("seed=4", &[], "seed=4");
    options("seed=4:placement=left", &["--placement=exact"], "placement=exact:seed=4");
    options("placement=left", &["--placement", "right"], "unset");
    options("", &["--verbose", "--symbolize=no"], "symbolize=no:verbose=yes");
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
