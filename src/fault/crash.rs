//! Crashes that have nothing to do with the heap: a short report, then the same death as without us.
//!
//! SIGSEGV and SIGBUS are ours anyway. SIGFPE, SIGILL and SIGABRT are taken only while the program leaves them at
//! their default (see `belief`). As without us, a blocked signal stays pending for sigwait or signalfd, and exec
//! restores the default.

use super::belief::{self, context_mask};
use super::death::{die_by_mask, fencepost_on_error};
use super::reporter::has_reported;
use super::scene;
use super::turn::{GoingOn, Turn};
use crate::diagnose::access::{self, Registers, Unnamed};
use crate::diagnose::crash::{Trap, names_no_address};
use crate::diagnose::pointer::{self, Origin};
use crate::diagnose::{self, Bug, Scene};
use crate::heap::{canary, threads};
use crate::options::Revocation;
use crate::report::sink;
use crate::runtime::{self, Runtime};
use crate::sys::fixed_text::FixedText;
use crate::sys::scope::RuntimeScope;
use crate::sys::signal::{self, KernelSet};
use crate::sys::{self, loader, probe, process};
use crate::trace::{self, Caller, Frames};
use core::fmt::Write;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use libc::{c_int, c_void, siginfo_t, ucontext_t};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The addresses where abort(3) begins and ends.
static ABORT: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));

/// Takes the signals that are at their default. Takes the loader's lock too, so the constructor must call this.
pub fn install() {
    if let Some(Range { start, end }) = loader::extent_of(c"abort") {
        ABORT.0.store(start, Ordering::Relaxed);
        ABORT.1.store(end, Ordering::Relaxed);
    }
    // SAFETY: `on_crash` touches only state that is sound at any instruction.
    unsafe { belief::precede_defaults(on_crash) };
}

extern "C" fn on_crash(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid pointers to an SA_SIGINFO handler.
    let (code, context) = unsafe { ((*info).si_code, &mut *context.cast::<ucontext_t>()) };
    let errno = sys::errno::get();
    let again = if signal == libc::SIGABRT {
        // abort() raises the signal again once this handler has returned.
        !report_abort(context)
    } else {
        report(signal, code, 0, context);
        code <= 0
    };
    if !signal::set_default(signal) {
        die_by_mask(context, signal);
    }
    if again {
        signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
        process::raise(signal);
    }
    sys::errno::set(errno);
}

/// Returns the runtime, if it reports what is about to kill the process.
fn speaker() -> Option<&'static Runtime> {
    let runtime = runtime::get()?;
    // A thread inside the runtime may hold a lock that a report needs; a child of vfork may hold its parent's.
    let can = !RuntimeScope::is_active() && runtime.is_own_process();
    (can && runtime.options.report_crashes && !has_reported()).then_some(runtime)
}

/// Reports a signal that the kernel raised, at the address `fault` if the signal has one.
pub fn report(signal: c_int, code: c_int, fault: usize, context: &ucontext_t) {
    if code <= 0 {
        return;
    }
    if let Some(runtime) = speaker() {
        write(runtime, context_mask(context), || {
            let options = &runtime.options;
            let waits = options.revoke != Revocation::Immediate || runtime.heap.has_packed();
            let junk = match options.free_fill {
                None => waits.then_some(canary::JUNK),
                // Only if the program can have seen that fill.
                fill if waits || runtime.may_go_on() || runtime.heap.tally().total() > 0 => fill,
                Some(_) => None,
            };
            let (trap, scene) = read_trap(signal, code, fault, context);
            let trap = Trap { junk, ..trap };
            let mut stack = Frames::new();
            trace::walk(Caller::from_context(context), &mut stack);
            diagnose::diagnose_crash(trap, &scene, threads::current(), stack)
        });
    } else {
        say_that_none_can_be_made(signal, fault, context);
    }
}

/// Writes one line, from what the signal brings alone, if the thread is inside the runtime and [`speaker`] therefore
/// forbids a report. Either the runtime's memory was overwritten, or a handler of the program has interrupted it.
fn say_that_none_can_be_made(signal: c_int, fault: usize, context: &ucontext_t) {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    // This comes first: writing the line may crash, too.
    if !RuntimeScope::is_active() || IS_SAID.swap(true, Ordering::Relaxed) {
        return;
    }
    let Some(runtime) = runtime::get() else { return };
    if !runtime.is_own_process() || !runtime.options.report_crashes || has_reported() {
        return;
    }
    let pc = context.uc_mcontext.gregs[libc::REG_RIP as usize];
    let mut text = FixedText::<300>::new();
    let _ = writeln!(
        text,
        "fencepost: process {}: signal {signal} at pc {pc:#x}, address {fault:#x}, while the thread was inside fencepost: \
         a handler of the program has interrupted it, or its memory has been overwritten; no report can be made",
        process::pid(),
    );
    sink::write_if_open(runtime, text.as_str());
}

fn read_trap(signal: c_int, code: c_int, fault: usize, context: &ucontext_t) -> (Trap, Scene) {
    let registers = Registers::of(context);
    let mut bytes = [0; access::MAX_INSTRUCTION_BYTES];
    let pc = context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
    let length = probe::copy(pc, &mut bytes);
    let (access, unnamed) = decode(code, fault, &bytes[..length], &registers);
    let scene = Scene {
        origin: origin(pc, &bytes[..length], &registers),
        is_in_libc: trace::module_of(pc).is_some_and(|module| is_libc(&module.path)),
        ..scene::around(access.fault)
    };
    let mapping = scene.around.as_ref().and_then(|around| around.here.clone());
    (Trap { signal, code, access, unnamed, mapping, junk: None }, scene)
}

fn is_libc(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"libc.so"))
}

/// The pointer from which the instruction at `pc`, with these bytes, has its address; see [`pointer`].
fn origin(pc: usize, bytes: &[u8], registers: &Registers<'_>) -> Option<Origin> {
    let mut before = [0; pointer::BYTES_BEFORE];
    let start = pc.saturating_sub(before.len());
    let is_there = probe::copy(start, &mut before) == before.len();
    let before = if is_there { &before[..] } else { &[] };
    pointer::origin(before, bytes, pc, registers)
}

fn decode(
    code: c_int,
    fault: usize,
    bytes: &[u8],
    registers: &Registers<'_>,
) -> (access::Access, Unnamed) {
    if names_no_address(code) {
        return access::decode_unnamed(bytes, registers, probe::load);
    }
    (access::decode(fault, bytes, registers), Unnamed::Nothing)
}

/// Reports a SIGABRT that abort() has raised. Returns false if it came from elsewhere.
fn report_abort(context: &ucontext_t) -> bool {
    let Some(runtime) = speaker() else { return false };
    let mut stack = Frames::new();
    trace::walk(Caller::from_context(context), &mut stack);
    let abort = ABORT.0.load(Ordering::Relaxed)..ABORT.1.load(Ordering::Relaxed);
    // A return address may lie behind the function's last instruction.
    let is_abort = |pc: &trace::Pc| abort.contains(&(pc.address() - 1));
    let Some(at) = stack.as_slice().iter().position(is_abort) else { return false };
    write(runtime, context_mask(context), || {
        let mut callers = Frames::new();
        for &pc in &stack.as_slice()[at + 1..] {
            callers.push(pc);
        }
        diagnose::diagnose_abort(threads::current(), callers)
    });
    true
}

/// Makes a report of the bug that `diagnose` finds, on the report stack. No other thread reports from then on.
fn write(runtime: &Runtime, mask: KernelSet, diagnose: impl FnOnce() -> Bug) {
    let write_if_open = |runtime: &Runtime, text: &str| {
        sink::write_if_open(runtime, text);
    };
    let turn = Turn::take(mask);
    turn.on_report_stack(|| {
        let publish = || turn.publish(runtime, &diagnose(), GoingOn::Impossible, write_if_open);
        turn.attempt(runtime, None, publish)
    });
    fencepost_on_error();
}
