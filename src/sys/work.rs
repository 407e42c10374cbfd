//! Work for an assembler routine to call: a closure as a C function and its argument.

use core::ffi::c_void;

/// A closure that is called once, by way of [`Work::function`], and its result.
pub struct Work<F, R> {
    work: Option<F>,
    result: Option<R>,
}

impl<F: FnOnce() -> R, R> Work<F, R> {
    pub fn new(work: F) -> Self {
        Work { work: Some(work), result: None }
    }

    /// What is to be called, with the address of this value. It does not unwind: a panic ends the process there.
    pub fn function(&self) -> extern "C" fn(*mut c_void) {
        extern "C" fn run<F: FnOnce() -> R, R>(argument: *mut c_void) {
            // SAFETY: whoever calls `function` passes the value that it came from, which waits for this to return.
            let Work { work, result } = unsafe { &mut *argument.cast::<Work<F, R>>() };
            *result = work.take().map(|work| work());
        }
        run::<F, R>
    }

    /// What the closure returned; `None` if it was not called, or not to its end.
    pub fn into_result(self) -> Option<R> {
        self.result
    }
}
