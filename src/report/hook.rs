//! A function of the program's own that gets every report.

use crate::printable::without_colors;
use core::ffi::c_char;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::ffi::CString;

/// Takes a report's text, which is valid during the call only.
pub type Hook = unsafe extern "C" fn(*const c_char);

/// The address of a [`Hook`], or 0.
static HOOK: AtomicUsize = AtomicUsize::new(0);

/// Sets the hook, and returns the earlier one.
pub fn set(hook: Option<Hook>) -> Option<Hook> {
    from_address(HOOK.swap(hook.map_or(0, |hook| hook as usize), Ordering::AcqRel))
}

fn from_address(address: usize) -> Option<Hook> {
    // SAFETY: 0 becomes None, and `set` stores nothing else but addresses of hooks.
    unsafe { core::mem::transmute::<usize, Option<Hook>>(address) }
}

/// Passes a report to the hook, without colours.
pub fn call(text: &str) {
    if let Some(hook) = from_address(HOOK.load(Ordering::Acquire))
        && let Ok(text) = CString::new(without_colors(text).collect::<String>())
    {
        // SAFETY: the program has set this function for this very call, with this type.
        unsafe { hook(text.as_ptr()) }
    }
}
