//! How a process dies after a report, or of a signal that is not ours.

use super::{belief, reporter};
use crate::runtime;
use crate::sys::process;
use crate::sys::signal;
use libc::{c_int, ucontext_t};

/// Does nothing. Debuggers set a breakpoint here, to stop after a report that ends the process.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn fencepost_on_error() {
    core::hint::black_box(());
}

/// Ends the process by `signal`, or with the exit code that the user wants after a report.
pub fn die_by(signal: c_int) -> ! {
    reporter::end_report_of_child();
    if let Some(code) = runtime::get().and_then(|runtime| runtime.options.error_exitcode) {
        process::exit_now(i32::from(code));
    }
    signal::set_default(signal);
    signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
    process::raise(signal);
    // A seccomp filter forbids to raise the signal. Shells use this exit code for a death by it.
    process::exit_now(128 + signal)
}

/// Ends the process although a seccomp filter forbids to change a signal's action. The handler returns with the
/// signal blocked, and the kernel kills a process whose instruction raises a blocked signal.
pub fn die_by_mask(context: &mut ucontext_t, signal: c_int) {
    let mask = belief::context_mask(context) | signal::FAULTS | signal::bit(signal);
    belief::set_context_mask(context, mask);
}

/// Gives the signal its default action, and sends it again if no instruction will. False if a filter forbids that.
pub fn die_of(signal: c_int, from_kernel: bool) -> bool {
    let is_set = signal::set_default(signal);
    if !from_kernel {
        signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
        process::raise(signal);
    }
    is_set
}
