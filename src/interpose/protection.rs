//! mprotect(2) and pkey_mprotect(2): what the program permits to be done with its pages, those of its objects too.
//!
//! Each call is noted for reports, with its stack (`history`).

use super::mappings::{behind, caller};
use super::object_pages::{self, NOBODY, Way};
use super::{guarding, history, way_trampoline};
use crate::diagnose::Deed;
use crate::mappings::{Call, Claim, Step};
use crate::sys::next;
use crate::trace::Caller;
use core::ffi::{c_int, c_void};
use libc::size_t;

way_trampoline! {
    /// mprotect(2).
    fencepost_mprotect("rcx", "r8") => mprotect;
    /// pkey_mprotect(2).
    fencepost_pkey_mprotect("r8", "r9") => pkey_mprotect;
}

/// # Safety
/// As mprotect(2) demands of its caller.
unsafe extern "C" fn mprotect(
    address: *mut c_void,
    bytes: size_t,
    protection: c_int,
    sp: usize,
    bp: usize,
) -> c_int {
    // SAFETY: the arguments are the program's, as the manual demands of it.
    unsafe { protect_noted(address, bytes, protection, caller(sp, bp)) }
}

/// mprotect(2), called by `by`.
///
/// # Safety
/// As mprotect(2) demands of its caller.
pub unsafe fn protect_noted(
    address: *mut c_void,
    bytes: size_t,
    protection: c_int,
    by: Caller,
) -> c_int {
    // SAFETY: mprotect's signature; the arguments are the program's, as the manual demands of it.
    unsafe {
        type MprotectFn = unsafe extern "C" fn(*mut c_void, size_t, c_int) -> c_int;
        let Some(next) = behind::<MprotectFn>(&next::MPROTECT) else { return -1 };
        protect(Call::Mprotect, address, bytes, (protection, NO_KEY), by, |start, bytes| {
            let protect = |start, bytes| next(start as *mut c_void, bytes, protection);
            guarding::refuse_kept(start, bytes, false, protect)
        })
    }
}

/// # Safety
/// As pkey_mprotect(2) demands of its caller.
unsafe extern "C" fn pkey_mprotect(
    address: *mut c_void,
    bytes: size_t,
    protection: c_int,
    key: c_int,
    sp: usize,
    bp: usize,
) -> c_int {
    // SAFETY: the arguments are the program's, as the manual demands of it.
    unsafe { protect_with_key_noted(address, bytes, (protection, key), caller(sp, bp)) }
}

/// pkey_mprotect(2) with a protection and a key, called by `by`.
///
/// # Safety
/// As pkey_mprotect(2) demands of its caller.
pub unsafe fn protect_with_key_noted(
    address: *mut c_void,
    bytes: size_t,
    (protection, key): (c_int, c_int),
    by: Caller,
) -> c_int {
    // SAFETY: pkey_mprotect's signature; the arguments are the program's, as the manual demands of it.
    unsafe {
        type PkeyMprotectFn = unsafe extern "C" fn(*mut c_void, size_t, c_int, c_int) -> c_int;
        let Some(next) = behind::<PkeyMprotectFn>(&next::PKEY_MPROTECT) else { return -1 };
        protect(Call::PkeyMprotect, address, bytes, (protection, key), by, |start, bytes| {
            next(start as *mut c_void, bytes, protection, key)
        })
    }
}

/// The key of pkey_mprotect(2) that stands for none.
const NO_KEY: c_int = -1;

/// Changes what pages permit, by `change`, which takes an address and bytes. In the heap only those of live objects change.
fn protect(
    call: Call,
    address: *mut c_void,
    bytes: size_t,
    (protection, key): (c_int, c_int),
    by: Caller,
    change: impl Fn(usize, usize) -> c_int,
) -> c_int {
    let start = address as usize;
    let pages = object_pages::pages_of(start, bytes);
    let step = |event| Step { protection, flags: key, ..Step::new(call, start, bytes, event) };
    const PLAIN: c_int = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    // The kernel refuses most other bits, and keys that were not allocated.
    let is_possible = || key == NO_KEY && protection & !PLAIN == 0;
    let way = pages.as_ref().map_or(Way::Plain, |pages| {
        object_pages::judge(Deed::Protects(protection), pages, by, || step(NOBODY), is_possible)
    });
    // Another thread may run into it before the call returns.
    let claim: Option<Claim> =
        history::caller(by).map(step).and_then(|it| history::claim(Some(it)));
    let result = match (way, pages) {
        (Way::InParts(beginning), Some(pages)) => object_pages::in_parts(pages, change)
            .unwrap_or_else(|| object_pages::nothing_done(beginning)),
        _ => change(start, bytes),
    };
    history::settle(claim, result == 0);
    result
}
