//! Programs that are not there, are no programs, or would run without the guard.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::{
    COMMAND, EMPTY_PROGRAM, Scratch, assert_prints, assert_refused, fencepost,
    is_root_or_says_skipped, run, say_skipped, stub,
};

#[test]
fn missing_programs() {
    let scratch = Scratch::new();
    assert_refused(run([scratch.path("absent")]), 127, "was not found; check the path");
    assert_refused(run(["fencepost-no-such-program"]), 127, "was not found in PATH");
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
    let output = fencepost().args(["run", "tool"]).env("PATH", &scratch.0).output().unwrap();
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
        scratch.compile(name, EMPTY_PROGRAM, &[&format!("-Wl,--dynamic-linker={loader}")])
    };
    let musl = with_loader("musl", "/lib/ld-musl-x86_64.so.1");
    assert_refused(run([musl]), 125, "uses musl, and the guard needs glibc");
    let absent = with_loader("absent", "/nowhere/ld-linux-x86-64.so.2");
    assert_refused(run([absent]), 127, "needs the loader '/nowhere/ld-linux-x86-64.so.2'");
}

#[test]
fn setuid_and_setgid_programs_need_root() {
    if !is_root_or_says_skipped("setuid_and_setgid_programs_need_root") {
        return;
    }
    let scratch = Scratch::new();
    let program = scratch.file("program", fs::read("/bin/true").unwrap());
    if is_mounted_nosuid(&program) {
        let test = "setuid_and_setgid_programs_need_root";
        return say_skipped(test, "the temporary directory is mounted nosuid");
    }
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

fn is_mounted_nosuid(path: &Path) -> bool {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    let mut status = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` is NUL-terminated, `status` has room for the structure and is read only after success.
    unsafe {
        assert_eq!(libc::statvfs(path.as_ptr(), status.as_mut_ptr()), 0);
        status.assume_init().f_flag & libc::ST_NOSUID != 0
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
        return say_skipped(test, "the temporary directory has no file capabilities");
    }
    let as_user = |user| {
        let mut command = Command::new(&command);
        command.args(["run", "--"]).arg(&program).env("FENCEPOST_LIBRARY", &library);
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
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    let name = c"security.capability";
    // SAFETY: both strings are NUL-terminated, and `bytes` is as long as said.
    let result = unsafe {
        libc::setxattr(path.as_ptr(), name.as_ptr(), bytes.as_ptr().cast(), bytes.len(), 0)
    };
    result == 0
}
