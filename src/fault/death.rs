//! How a process dies after a report, or of a signal that is not ours.

use super::{belief, reporter};
use crate::runtime;
use crate::sys::process;
use crate::sys::signal;
use libc::{c_int, ucontext_t};

/// Does nothing: a place for a breakpoint, after the report of a bug that ends the process.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn fencepost_on_error() {
    core::hint::black_box(());
}

/// Ends the process by `signal`, or by the exit code that the user wants after a report.
pub fn die_by(signal: c_int) -> ! {
    reporter::end_report_of_child();
    if let Some(code) = runtime::get().and_then(|runtime| runtime.options.error_exitcode) {
        process::exit_now(i32::from(code));
    }
    signal::set_default(signal);
    signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
    process::raise(signal);
    // A seccomp filter forbids to raise it. This is the exit code by which shells say the same.
    process::exit_now(128 + signal)
}

/// Where a seccomp filter forbids to change what a signal does: the handler returns with the signal blocked, and the
/// kernel kills a process that raises a blocked signal by an instruction.
pub fn die_by_mask(context: &mut ucontext_t, signal: c_int) {
    let mask = belief::context_mask(context) | signal::FAULTS | signal::bit(signal);
    belief::set_context_mask(context, mask);
}

/// The default fate: the instruction faults again, or the signal comes again. False where a filter forbids to set it.
pub fn die_of(signal: c_int, from_kernel: bool) -> bool {
    let is_set = signal::set_default(signal);
    if !from_kernel {
        signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
        process::raise(signal);
    }
    is_set
}
