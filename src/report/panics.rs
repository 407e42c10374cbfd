//! Panics of the code that reads other people's files: they are caught, and print no message.
//!
//! That code is fuzzed, but if it panics all the same, the report must still come out. The process has one panic hook.
//! It can't be changed during a report: a thread inside it, perhaps one that waits for the report, holds its lock, and
//! a thread that panics may not touch it. So the hook is wrapped once, early.

use crate::sys::per_thread::per_thread;
use core::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

per_thread! {
    /// How many calls of [`catch`] the thread is inside of.
    unsafe static DEPTH: Cell<u32>, "fencepost_catch_depth"
}

/// Wraps the panic hook, while the process has one thread. If a Rust program sets its own hook later, that may print a
/// message about a panic of ours.
pub fn install() {
    if std::thread::panicking() {
        return;
    }
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if DEPTH.with(Cell::get) == 0 {
            hook(info);
        }
    }));
}

/// Runs `f`. Returns `None` if it panics.
pub fn catch<R>(f: impl FnOnce() -> R) -> Option<R> {
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    // What `f` was changing is dropped by the callers, or was only read.
    let result = panic::catch_unwind(AssertUnwindSafe(f)).ok();
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    result
}

/// Runs `f`, and restores the thread's number of calls of [`catch`], even if `f` was given up before its end.
pub fn keeping<R>(f: impl FnOnce() -> R) -> R {
    let depth = DEPTH.with(Cell::get);
    let result = f();
    DEPTH.with(|now| now.set(depth));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `catch` in a destructor while its thread panics.
    struct Catches;

    impl Drop for Catches {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            assert_eq!(catch(|| -> u8 { panic!("never shown") }), None);
        }
    }

    #[test]
    fn a_panic_is_caught_in_a_thread_that_panics() {
        assert_eq!((catch(|| 1), catch(|| -> u8 { panic!("never shown") })), (Some(1), None));
        let outer = catch(|| {
            let _catches = Catches;
            panic!("never shown");
        });
        assert_eq!(outer, None::<()>);
    }
}
