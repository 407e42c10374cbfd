//! libc's list of streams and its lock. glibc has exported the functions called here since version 2.2.

use super::loader;
use super::next;
use super::probe;
use core::ffi::{CStr, c_int, c_void};
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

type Action = unsafe extern "C" fn();
type End = unsafe extern "C" fn() -> *mut c_void;
type IteratorFunction = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// `__libc_single_threaded` (glibc 2.32), which is 0 once the process has had a second thread; null if it is not known.
static SINGLE_THREADED: AtomicPtr<AtomicU8> = AtomicPtr::new(core::ptr::null_mut());

/// From this version on libc's fork decides by `__libc_single_threaded`, or by a copy of it.
const DECIDES_BY_VARIABLE: (u32, u32) = (2, 34);

/// Looks the variable up. Takes the loader's lock.
pub fn init() {
    if loader::libc_version() < DECIDES_BY_VARIABLE {
        return;
    }
    const NAME: &CStr = c"__libc_single_threaded";
    // The first definition, not the next: if the program has a copy of the variable, that is the one in use.
    // SAFETY: dlsym with RTLD_DEFAULT and a valid C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, NAME.as_ptr()) };
    SINGLE_THREADED.store(found.cast(), Ordering::Release);
}

/// Whether libc's fork will take the list's lock, and reset it in the child: if the process has had a second thread.
fn does_fork_lock() -> bool {
    let variable = SINGLE_THREADED.load(Ordering::Acquire);
    // SAFETY: the pointer is null, or to the variable of libc or the program, which are never unloaded.
    if let Some(is_single) = unsafe { variable.as_ref() } {
        return is_single.load(Ordering::Relaxed) == 0;
    }
    if loader::libc_version() >= DECIDES_BY_VARIABLE {
        return false;
    }
    let multiple: c_int;
    // SAFETY: reads `header.multiple_threads` of the thread's control block (sysdeps/x86_64/nptl/tls.h), which every
    // version of glibc for x86_64 has.
    unsafe {
        core::arch::asm!("mov {multiple:e}, dword ptr fs:[0x18]", multiple = out(reg) multiple,
            options(nostack, readonly, preserves_flags));
    }
    multiple != 0
}

fn call(action: &next::Next) -> bool {
    // SAFETY: all functions passed here have no parameters and no result.
    let Some(action) = (unsafe { action.get::<Action>() }) else { return false };
    // SAFETY: the functions lock and unlock the list, and the callers call them in pairs.
    unsafe { action() };
    true
}

/// Takes the list's lock if libc's fork will take it too; a thread may take it several times. Returns whether it did.
#[must_use]
pub fn lock_for_fork() -> bool {
    does_fork_lock() && call(&next::LIST_LOCK)
}

/// Releases the list's lock after [`lock_for_fork`] took it. Not in the child of a fork, where libc has opened it.
pub fn unlock() {
    call(&next::LIST_UNLOCK);
}

/// Passes the buffer of each stream that libc has allocated one for to `each`. Takes no lock: another thread may be opening or closing
/// streams, so each word is probed, and what is found may be out of date.
pub fn visit_buffers(mut each: impl FnMut(usize)) {
    /// Offsets in glibc's `struct _IO_FILE` (bits/types/struct_FILE.h), a part of its binary interface.
    const FLAGS: usize = 0;
    const BUFFER: usize = 56;
    const NEXT: usize = 104;
    /// `_IO_USER_BUF` (libio.h): the buffer is not libc's to free.
    const IS_PROGRAMS: usize = 1;
    const MOST_STREAMS: usize = 1 << 16;
    // SAFETY: the function has this type (libio.h), and returns the first stream.
    let first = unsafe { next::ITER_BEGIN.get::<End>().map_or(0, |begin| begin() as usize) };
    let step = |&at: &usize| probe::load(at + NEXT);
    for stream in core::iter::successors(Some(first), step).take(MOST_STREAMS) {
        if let (Some(flags), Some(buffer)) =
            (probe::load(stream + FLAGS), probe::load(stream + BUFFER))
            && flags & IS_PROGRAMS == 0
        {
            each(buffer);
        }
    }
}

/// Flushes every stream that nobody uses. (fflush(NULL) waits for all streams, and a thread may hold a stream's lock in
/// getchar(3) as long as the process lives.)
pub fn flush_unused() {
    unsafe extern "C" {
        fn ftrylockfile(stream: *mut libc::FILE) -> c_int;
        fn funlockfile(stream: *mut libc::FILE);
        fn fflush_unlocked(stream: *mut libc::FILE) -> c_int;
        fn __fpending(stream: *mut libc::FILE) -> usize;
    }
    // SAFETY: these functions have these types (libio.h).
    let iterator = unsafe {
        (
            next::ITER_BEGIN.get::<End>(),
            next::ITER_END.get::<End>(),
            next::ITER_NEXT.get::<IteratorFunction>(),
            next::ITER_FILE.get::<IteratorFunction>(),
        )
    };
    let (Some(begin), Some(end), Some(step), Some(file)) = iterator else { return };
    if !call(&next::LIST_LOCK) {
        return;
    }
    // SAFETY: while this thread holds the list's lock, all streams of the list stay open. A stream is used only after
    // its lock was taken.
    unsafe {
        let mut at = begin();
        while at != end() {
            let stream = file(at).cast();
            if ftrylockfile(stream) == 0 {
                if __fpending(stream) > 0 {
                    fflush_unlocked(stream);
                }
                funlockfile(stream);
            }
            at = step(at);
        }
    }
    unlock();
}
