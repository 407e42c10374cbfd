//! The checked functions that execute programs.
//!
//! All are looked at before: execve is called in children of vfork.

use super::entry::{Call, entries};
use super::operand;
use super::text::{reads_string_at, reads_whole};

/// The call reads an array of strings at argument `index`, up to a null pointer.
unsafe fn reads_strings(call: &Call<'_>, name: &'static str, index: usize) {
    const POINTER_BYTES: usize = size_of::<usize>();
    let start = call.arg(index);
    if start == 0 {
        return;
    }
    let there = operand::room(start) / POINTER_BYTES;
    for at in 0..there {
        // SAFETY: the program's promise, or in a live object; no earlier pointer was null.
        unsafe {
            let string = (start as *const usize).add(at).read_unaligned();
            if string == 0 {
                return;
            }
            reads_string_at::<u8>(call, name, string, usize::MAX);
        }
    }
    call.reads(name, index, (there + 1) * POINTER_BYTES);
}

unsafe fn path(call: &Call<'_>) {
    // SAFETY: the program's promise.
    unsafe { reads_whole::<u8>(call, "path", 0) }
}

/// A path and the arguments of a program, and its environment if it is given one.
unsafe fn executes(call: &Call<'_>, has_environment: bool) {
    // SAFETY: the program's promise.
    unsafe {
        path(call);
        reads_strings(call, "argv", 1);
        if has_environment {
            reads_strings(call, "envp", 2);
        }
    }
}

/// A place for a process id; a path, and the arguments and environment of a program.
unsafe fn spawns(call: &Call<'_>) {
    call.writes("pid", 0, size_of::<libc::pid_t>());
    // SAFETY: the program's promise.
    unsafe {
        reads_whole::<u8>(call, "path", 1);
        reads_strings(call, "argv", 4);
        reads_strings(call, "envp", 5);
    }
}

entries! {
    before execve[any] = |call| executes(call, true);
    before execvpe[any] = |call| executes(call, true);
    before execv[any] = |call| executes(call, false);
    before execvp[any] = |call| executes(call, false);
    before posix_spawn[any] = |call| spawns(call);
    before posix_spawnp[any] = |call| spawns(call);
    before fexecve[any] = |call| {
        reads_strings(call, "argv", 1);
        reads_strings(call, "envp", 2);
    };
    before execl[rdi] = |call| path(call);
    before execlp[rdi] = |call| path(call);
    before execle[rdi] = |call| path(call);
}
