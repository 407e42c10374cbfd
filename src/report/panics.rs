//! Panics of the code that reads other people's files: caught, and without a message.
//!
//! That code is fuzzed, but a panic must not end a report. The process has one panic hook, which can't be
//! changed while a report is made: whoever is in it, perhaps a thread that waits for the report, has it locked,
//! and a thread that panics may not touch it at all. So it is wrapped once.

use crate::sys::per_thread::per_thread;
use core::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

per_thread! {
    /// Calls of [`catch`] that the thread is inside of.
    unsafe static DEPTH: Cell<u32>, "fencepost_catch_depth"
}

/// Wraps the panic hook, while the process has one thread. A Rust program that sets one of its own later may
/// see a message that is not its own.
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

/// Runs `f`; `None` if it panics.
pub fn catch<R>(f: impl FnOnce() -> R) -> Option<R> {
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    // What `f` was changing is dropped by the callers, or only theirs to read.
    let result = panic::catch_unwind(AssertUnwindSafe(f)).ok();
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    result
}

/// Runs `f`, after which the thread is inside as many calls of [`catch`] as before, even if `f` was given up in its midst.
pub fn keeping<R>(f: impl FnOnce() -> R) -> R {
    let depth = DEPTH.with(Cell::get);
    let result = f();
    DEPTH.with(|now| now.set(depth));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches in a destructor while its thread panics.
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
