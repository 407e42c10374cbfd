//! Threads, and the end of the process.

use super::bystander;
use crate::allocator::{self, Ending, leaks};
use crate::choice;
use crate::fault::{self, belief};
use crate::heap::record::Event;
use crate::heap::threads;
use crate::printable::printable;
use crate::report::notice;
use crate::runtime;
use crate::sys::loader;
use crate::sys::next;
use crate::sys::registers::with_registers;
use crate::sys::rival;
use crate::sys::scope::{RuntimeScope, has_memory};
use crate::sys::signal::KernelSet;
use crate::sys::stacks;
use crate::trace::{self, Caller};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};
use libc::pthread_key_t;
use std::os::unix::ffi::OsStrExt;

/// pthread_create(3). Adds the call's stack and frame pointers as two more arguments, and jumps.
#[unsafe(naked)]
pub extern "C" fn fencepost_pthread_create() {
    core::arch::naked_asm!(
        "mov r8, rsp",
        "mov r9, rbp",
        "jmp {create}",
        create = sym pthread_create,
    )
}

type Routine = extern "C-unwind" fn(*mut c_void) -> *mut c_void;
type PthreadCreateFn = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Routine,
    *mut c_void,
) -> c_int;

/// What a new thread gets from its creator.
struct Start {
    routine: Routine,
    argument: *mut c_void,
    created: Event,
    believed_blocked: KernelSet,
    /// Whether libc makes the stack, with a guard below.
    has_usual_stack: bool,
}

/// Creates a thread, which is enrolled and gets an alternate signal stack.
///
/// # Safety
/// The first four arguments must be valid for pthread_create(3), and `sp` and `bp` from the trampoline.
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
    sp: usize,
    bp: usize,
) -> c_int {
    // SAFETY: `PthreadCreateFn` is pthread_create's signature.
    let Some(next) = (unsafe { next::PTHREAD_CREATE.get::<PthreadCreateFn>() }) else {
        return libc::ENOSYS;
    };
    // SAFETY: the trampoline passes the stack pointer that it had on entry.
    let caller = unsafe { Caller::from_entry(sp, bp) };
    let start = in_scope(|| {
        let runtime = allocator::runtime().filter(|_| has_memory(size_of::<Start>()))?;
        let created = runtime.event(caller);
        let believed_blocked = belief::get_believed();
        // SAFETY: null, or initialised attributes, as the manual demands of the program.
        let has_usual_stack = unsafe { stacks::is_usual(attributes) };
        let start = Start { routine, argument, created, believed_blocked, has_usual_stack };
        Some(Box::into_raw(Box::new(start)))
    });
    let Some(start) = start else { return libc::EAGAIN };
    // SAFETY: the program passed `thread` and `attributes`, and must make them valid. `begin` takes a `Start`.
    let result = unsafe { next(thread, attributes, begin, start.cast()) };
    if result != 0 {
        // SAFETY: no thread was created, so nobody else has `start`.
        in_scope(|| drop(unsafe { Box::from_raw(start) }));
    }
    result
}

fn in_scope<R>(f: impl FnOnce() -> R) -> R {
    let _scope = RuntimeScope::enter();
    f()
}

extern "C-unwind" fn begin(start: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` above passes a `Start` that only this thread has.
    let start = in_scope(|| *unsafe { Box::from_raw(start.cast::<Start>()) });
    threads::enrol(Some(start.created));
    let here = &raw const start as usize;
    threads::note_stack(if start.has_usual_stack { here } else { 0 }, start.argument as usize);
    belief::set_believed(start.believed_blocked);
    meet_thread();
    (start.routine)(start.argument)
}

/// Prepares the calling thread for signals and for its end.
fn meet_thread() {
    belief::meet_thread();
    arm_thread_exit();
}

/// The key whose destructor runs at thread exit, plus one; 0 before there is one.
static KEY: AtomicU32 = AtomicU32::new(0);

/// Rounds of destructors that a thread runs (PTHREAD_DESTRUCTOR_ITERATIONS). Ours waits for the last
/// one, because the program's destructors still allocate and may fault.
const LAST_ROUND: usize = 4;

/// Creates the key, once, before there are threads. If no key is left, what the runtime keeps for
/// each thread is not released at its end.
fn create_key() {
    let mut key: pthread_key_t = 0;
    // SAFETY: `key` may be written, and the destructor may run in any thread.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(at_thread_exit)) } == 0 {
        KEY.store(key + 1, Ordering::Release);
    }
}

fn set_round(round: usize) {
    if let Some(key) = KEY.load(Ordering::Acquire).checked_sub(1) {
        // For a high key glibc allocates, so a runtime scope is needed.
        // SAFETY: the key exists, as `KEY` is not zero.
        in_scope(|| unsafe { libc::pthread_setspecific(key, round as *const c_void) });
    }
}

fn arm_thread_exit() {
    set_round(1);
}

unsafe extern "C" fn at_thread_exit(round: *mut c_void) {
    let round = round as usize;
    if round < LAST_ROUND {
        return set_round(round + 1);
    }
    if let Some(runtime) = runtime::get()
        && let Err(bad) = threads::with_cache(|cache| runtime.heap.give_back(cache))
    {
        fault::report_at_exit(runtime, bad);
    }
    threads::retire_current();
    belief::part_with_thread();
    trace::thread_exit();
    choice::thread_exit();
}

with_registers! {
    /// _exit(2): no handlers run, but the check of the heap does.
    fencepost_exit_now("rsi") => exit_now;
    /// quick_exit(3).
    fencepost_quick_exit("rsi") => quick_exit;
}

extern "C" fn exit_now(status: c_int, from: usize) -> ! {
    crate::sys::process::exit_now(allocator::finish(Ending::Quick, from).unwrap_or(status))
}

extern "C" fn quick_exit(status: c_int, from: usize) -> ! {
    let status = allocator::finish(Ending::Quick, from).unwrap_or(status);
    // SAFETY: the type is quick_exit's signature; it does not return.
    if let Some(next) = unsafe { next::QUICK_EXIT.get::<unsafe extern "C" fn(c_int)>() } {
        // SAFETY: the program has called quick_exit(3) with this status, or the check at exit has changed it.
        unsafe { next(status) };
    }
    crate::sys::process::exit_now(status)
}

/// Runs when the preload library is loaded, before main and the constructors of the program.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = construct;

extern "C" fn construct() {
    if bystander::is_here() {
        in_scope(bystander::set_up);
    } else if loader::is_preload_library() {
        if let Some(sanitizer) = in_scope(rival::sanitizer) {
            runtime::refuse_beside(sanitizer);
        }
        allocator::set_up_process();
        if runtime::get().is_some_and(|runtime| runtime.options.report_crashes) {
            fault::crash::install();
        }
        if let Some(signal) = runtime::get().and_then(|runtime| runtime.options.leak_signal) {
            leaks::take_signal(signal.get());
        }
        create_key();
        threads::on_meeting(meet_thread);
        in_scope(super::operators::resolve);
        in_scope(super::execution::set_up);
        in_scope(super::resolve_checked);
        crate::checked::operand::enable();
        tell_if_bypassed();
    } else {
        // A program that links the crate. Rust's start-up code takes SIGSEGV before main, unless it
        // has a handler already, so the guard must begin here. An allocation begins it if the
        // program's allocator is ours, and does nothing otherwise.
        drop(core::hint::black_box(Box::new(0_u8)));
    }
}

/// Tells the user if the program has an allocator of its own, and is not guarded.
fn tell_if_bypassed() {
    let _scope = RuntimeScope::enter();
    // SAFETY: dlsym with RTLD_DEFAULT and a valid C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) } as usize;
    if found == 0 || super::is_ours(found) || !loader::is_definition(found) {
        return;
    }
    let owner = trace::module_of(found).map_or_else(
        || "another module".to_owned(),
        |module| printable(module.path.as_os_str().as_bytes()).to_string(),
    );
    let words = format!("nothing is guarded: {owner} has a malloc of its own");
    if let Some(runtime) = runtime::get() {
        notice::say(runtime, &words);
    }
}
