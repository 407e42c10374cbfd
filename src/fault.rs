//! Signals and bad calls: from the trap to the report, and to the fate the process would have had.
//!
//! A fault in the guarded heap is reported. Every other fault goes to the program's handler or to the default, as it
//! would without us. The report is made on our own stack, since the interrupted one may be spent, tiny, or a
//! coroutine's.
//!
//! One thread reports at a time; others wait. Then it ends the process. With the option keep-going the process goes
//! on (see `step`), and the next thread may report (see `reporter`). If the look-up of names fails, the report has
//! none (see `report::stages`); if no report can be made, a line says so.
//!
//! The files below are listed from those that are entered first to those that all others use.

mod bad_access;
pub mod refusal;
pub mod suspicion;

mod bad_call;
pub mod trap;

mod chain;
pub mod crash;
pub mod delivery;
mod turn;

mod death;
mod owner;
mod scene;
pub mod step;
pub mod tally;

pub mod reporter;

pub mod belief;
mod charge;

pub use bad_call::{
    report_at_exit, report_call, report_libc, report_pages, report_request, tell_at_exit,
};
pub use charge::is_in_charge;
pub use owner::owner_of;

use crate::diagnose::decoder;
use crate::heap::report_memory;
use crate::report::panics;

/// Takes over the fault signals, and reserves what reports need.
pub fn install() {
    bad_access::install();
    belief::open_first_thread();
    delivery::install();
    reporter::install();
    panics::install();
    report_memory::install();
    turn::install();
}

/// See [`Lock::hold_for_fork`](crate::sys::lock::Lock::hold_for_fork).
pub fn hold_for_fork() {
    step::hold_for_fork();
    tally::hold_for_fork();
    decoder::hold_for_fork();
    belief::hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`](crate::sys::lock::Lock::release_after_fork).
pub unsafe fn release_after_fork() {
    // SAFETY: this thread, or the one that it is a copy of, has called `hold_for_fork`, which took these locks.
    unsafe {
        belief::release_after_fork();
        decoder::release_after_fork();
        tally::release_after_fork();
        step::release_after_fork();
    }
}

/// In the child of a fork: forgets who reported, and closes opened pages; both happened in the parent.
pub fn after_fork_in_child() {
    reporter::after_fork_in_child();
    step::after_fork_in_child();
}
