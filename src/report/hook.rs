//! A function of the program's own that is given every report.

use crate::printable::without_colors;
use core::ffi::c_char;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::ffi::CString;

/// Takes the text of a report; it is valid during the call.
pub type Hook = unsafe extern "C" fn(*const c_char);

/// A [`Hook`], or 0.
static HOOK: AtomicUsize = AtomicUsize::new(0);

/// Sets the hook, and returns the one before.
pub fn set(hook: Option<Hook>) -> Option<Hook> {
    from_address(HOOK.swap(hook.map_or(0, |hook| hook as usize), Ordering::AcqRel))
}

fn from_address(address: usize) -> Option<Hook> {
    // SAFETY: a null pointer is None, and only `set` stores others.
    unsafe { core::mem::transmute::<usize, Option<Hook>>(address) }
}

/// Passes a report on, without colours.
pub fn call(text: &str) {
    if let Some(hook) = from_address(HOOK.load(Ordering::Acquire))
        && let Ok(text) = CString::new(without_colors(text).collect::<String>())
    {
        // SAFETY: the program set it for this.
        unsafe { hook(text.as_ptr()) }
    }
}
