//! What the program finds is what it would find without the command.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::process::Stdio;

use super::{COMMAND, Scratch, assert_prints, fencepost, run, stub, text};

#[test]
fn exit_status_and_signals_pass_through() {
    assert_eq!(run(["sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(run(["sh", "-c", "kill -TERM $$"]).status.signal(), Some(libc::SIGTERM));
}

#[test]
fn process_group_and_session_are_kept() {
    let mut command = fencepost();
    // Fields 4 to 6 of proc_pid_stat(5): parent, group, session.
    command.args(["run", "sh", "-c", "cut -d ' ' -f 4-6 </proc/$$/stat"]).stdout(Stdio::piped());
    let child = command.process_group(0).spawn().unwrap();
    let id = child.id();
    // SAFETY: getsid touches no memory.
    let session = unsafe { libc::getsid(0) };
    assert_prints(child.wait_with_output().unwrap(), &format!("{id} {id} {session}\n"));
}

#[test]
fn arguments_are_unchanged() {
    let words: Vec<OsString> = ["cat", "/proc/self/cmdline"].map(OsString::from).to_vec();
    assert_prints(run(&words), "cat\0/proc/self/cmdline\0");
    let odd = OsStr::from_bytes(b"\xff\xfe").to_os_string();
    let words = ["printf".into(), "[%s]".into(), odd, "".into(), "--help".into(), "--".into()];
    for separator in [&["--"][..], &[]] {
        let output = fencepost().arg("run").args(separator).args(&words).output().unwrap();
        assert_eq!(output.stdout, b"[\xff\xfe][][--help][--]");
    }
}

#[test]
fn environment_is_unchanged() {
    let outputs = [&[COMMAND, "run", "--", "env", "-0"][..], &["env", "-0"]].map(|words| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("FENCEPOST_LIBRARY", stub()).env_remove("LD_PRELOAD");
        command.env("ODD", OsStr::from_bytes(b"\xff=\n")).env("EMPTY", "");
        command.env("FENCEPOST_OPTIONS", "").output().unwrap().stdout
    });
    let [guarded, plain] = outputs.map(|output| {
        let ours = |line: &&[u8]| {
            let ours: [&[u8]; 3] = [b"LD_PRELOAD=", b"FENCEPOST_OPTIONS=", b"FENCEPOST_RUN="];
            !ours.iter().any(|ours| line.starts_with(ours))
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
        let lines: Vec<&str> =
            status.lines().filter(|line| line.len() > 6).filter(is_wanted).collect();
        assert_eq!(lines.len(), 3, "{status}");
        lines.join("\n")
    };
    for is_changed in [false, true] {
        assert_eq!(signals(&[COMMAND, "run"], is_changed), signals(&["env"], is_changed));
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
        command.args(["run", "sh", "-c", "echo $LD_PRELOAD"]).env("LD_PRELOAD", inherited);
        assert_prints(command.output().unwrap(), &format!("{expected}\n"));
    }
    let maps = text(&run(["cat", "/proc/self/maps"]).stdout);
    assert!(maps.contains("libfencepost.so"), "{maps}");
}
