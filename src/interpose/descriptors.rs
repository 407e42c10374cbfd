//! File descriptors: keeps the program from closing those of the runtime.
//!
//! One descriptor keeps the guards, another is the standard error of the start. For the program they do not exist:
//! closing one fails with EBADF, and closing a range leaves them out. If the program duplicates a descriptor to the
//! number of one, ours moves to another number first. A child of vfork has its own table, and may close all.

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

/// Must be called after a descriptor was closed or replaced. Standard error may have changed, by this call or by an
/// earlier one that we did not see (freopen(3) makes one).
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
    // SAFETY: each caller passes the function's signature as `F`.
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
        // Close the parts between our descriptors.
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

/// Before a dup2: moves our descriptor away from number `new`. Fails with EBADF if `old` is ours.
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

/// fclose(3), which closes the descriptor by a call that we do not see. It is left by a jump, so that the stacks of the
/// objects that it frees have no frame of ours.
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

/// Prepares for an fclose, and returns the address of the function to go on to.
extern "C" fn before_fclose(stream: *mut c_void) -> usize {
    // SAFETY: reads libc's variable. If the program writes it meanwhile, the race is the program's.
    if stream == unsafe { stderr } {
        if let Some(runtime) = concerned(|_| true) {
            runtime.stderr.close_if_detached();
        }
    } else {
        note_change_of_stderr();
    }
    next::FCLOSE.address().map_or(fail_to_close as *const () as usize, |next| next.get())
}

/// Must be called when the process has left its session.
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
