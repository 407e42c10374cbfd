//! File descriptors: those of the runtime are not the program's to close.
//!
//! One is what the guards hang on, another the standard error of the start. To the program they do not exist: closing
//! one fails with EBADF, ranges leave them out, and a descriptor that is to have the number of one gets it, after ours
//! has moved out of the way. A child of vfork has a table of its own, and does with it what it likes.

use crate::runtime::{self, Runtime};
use crate::sys::next::{self, Next};
use crate::sys::scope::RuntimeScope;
use crate::sys::{Errno, errno};
use core::ffi::{c_int, c_uint, c_void};

/// The runtime's descriptors, in ascending order.
fn descriptors(runtime: &Runtime) -> [Option<c_int>; 2] {
    let mut all = [runtime.heap.backend().descriptor(), runtime.stderr.descriptor()];
    all.sort();
    all
}

/// The runtime, if `is_meant` says that a call concerns one of its descriptors in this process's own table.
fn concerned(is_meant: impl Fn(c_int) -> bool) -> Option<&'static Runtime> {
    let runtime = runtime::get()?;
    let is_meant = descriptors(runtime).into_iter().flatten().any(is_meant);
    (is_meant && runtime.is_own_process()).then_some(runtime)
}

/// To be called after a descriptor was closed or replaced. It may have been standard error, or that was replaced
/// before by a call that nobody saw, as freopen(3) does it.
fn note_change_of_stderr() {
    if let Some(runtime) = runtime::get()
        && runtime.stderr.may_be_given_up()
        // A report closes files, too.
        && !RuntimeScope::is_active()
        && runtime.is_own_process()
    {
        runtime.stderr.note_change();
    }
}

fn fail(error: Errno) -> c_int {
    errno::set(error);
    -1
}

fn call<F: Copy>(next: &Next, call: impl FnOnce(F) -> c_int) -> c_int {
    // SAFETY: the callers name the signature of the function.
    match unsafe { next.get::<F>() } {
        Some(function) => call(function),
        None => fail(Errno(libc::ENOSYS)),
    }
}

/// close(2).
pub extern "C" fn fencepost_close(descriptor: c_int) -> c_int {
    if concerned(|ours| ours == descriptor).is_some() {
        return fail(Errno(libc::EBADF));
    }
    let result = call(&next::CLOSE, |close: extern "C" fn(c_int) -> c_int| close(descriptor));
    note_change_of_stderr();
    result
}

/// close_range(2).
pub extern "C" fn fencepost_close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    call(&next::CLOSE_RANGE, |close_range: extern "C" fn(c_uint, c_uint, c_int) -> c_int| {
        let range = first..=last;
        let Some(runtime) = concerned(|ours| range.contains(&(ours as c_uint))) else {
            return close_range(first, last, flags);
        };
        // The parts between ours.
        let mut start = first;
        let all = descriptors(runtime).into_iter().flatten().map(|ours| ours as c_uint);
        for ours in all.filter(|ours| range.contains(ours)) {
            let result = if ours > start { close_range(start, ours - 1, flags) } else { 0 };
            if result != 0 {
                return result;
            }
            start = ours + 1;
        }
        let result = if start <= last { close_range(start, last, flags) } else { 0 };
        note_change_of_stderr();
        result
    })
}

/// closefrom(3).
pub extern "C" fn fencepost_closefrom(first: c_int) {
    let first = first.max(0);
    if concerned(|ours| ours >= first).is_some() {
        fencepost_close_range(first as c_uint, c_uint::MAX, 0);
    } else {
        call(&next::CLOSEFROM, |closefrom: extern "C" fn(c_int)| {
            closefrom(first);
            0
        });
    }
}

/// Sees to it that neither number of a dup2 is ours. False when `old` is.
fn make_room(old: c_int, new: c_int) -> Result<(), Errno> {
    let Some(runtime) = concerned(|ours| ours == old || ours == new) else { return Ok(()) };
    if descriptors(runtime).contains(&Some(old)) {
        return Err(Errno(libc::EBADF));
    }
    if runtime.stderr.descriptor() == Some(new) {
        runtime.stderr.move_above(new)
    } else {
        runtime.heap.backend().move_descriptor_above(new)
    }
}

fn after_duplicating(result: c_int) -> c_int {
    note_change_of_stderr();
    result
}

/// dup2(2).
pub extern "C" fn fencepost_dup2(old: c_int, new: c_int) -> c_int {
    let duplicate = |dup2: extern "C" fn(c_int, c_int) -> c_int| dup2(old, new);
    match make_room(old, new) {
        Ok(()) => after_duplicating(call(&next::DUP2, duplicate)),
        Err(error) => fail(error),
    }
}

/// dup3(2).
pub extern "C" fn fencepost_dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    let duplicate = |dup3: extern "C" fn(c_int, c_int, c_int) -> c_int| dup3(old, new, flags);
    match make_room(old, new) {
        Ok(()) => after_duplicating(call(&next::DUP3, duplicate)),
        Err(error) => fail(error),
    }
}

/// fclose(3), which closes the descriptor by a call that nobody sees. Entered by a jump and left by one, as frames
/// of ours have no place in the stacks of what it frees.
#[unsafe(naked)]
pub extern "C" fn fencepost_fclose() {
    core::arch::naked_asm!(
        "push rdi",
        "call {before}",
        "pop rdi",
        "jmp rax",
        before = sym before_fclose,
    )
}

unsafe extern "C" {
    static stderr: *mut c_void;
}

extern "C" fn fail_to_close(_: *mut c_void) -> c_int {
    fail(Errno(libc::ENOSYS))
}

/// Returns the function to go on to.
extern "C" fn before_fclose(stream: *mut c_void) -> usize {
    // SAFETY: libc's variable; a program that writes it meanwhile has a race of its own.
    if stream == unsafe { stderr } {
        if let Some(runtime) = concerned(|_| true) {
            runtime.stderr.close_if_detached();
        }
    } else {
        note_change_of_stderr();
    }
    next::FCLOSE.address().map_or(fail_to_close as *const () as usize, |next| next.get())
}

/// To be called when the process has left its session.
fn detach() {
    if let Some(runtime) = runtime::get()
        && runtime.is_own_process()
    {
        runtime.stderr.detach_from_session();
    }
}

/// setsid(2).
pub extern "C" fn fencepost_setsid() -> libc::pid_t {
    let session = call(&next::SETSID, |setsid: extern "C" fn() -> libc::pid_t| setsid());
    if session >= 0 {
        detach();
    }
    session
}

/// daemon(3), which calls neither setsid nor dup2 by its name.
pub extern "C" fn fencepost_daemon(stay: c_int, keep_descriptors: c_int) -> c_int {
    let result = call(&next::DAEMON, |daemon: extern "C" fn(c_int, c_int) -> c_int| {
        daemon(stay, keep_descriptors)
    });
    detach();
    result
}
