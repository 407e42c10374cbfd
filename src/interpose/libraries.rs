//! Libraries that the program opens, and symbols that it looks up. Our functions must come before libc's there too;
//! otherwise one allocator would free objects of the other.

use crate::sys::next::{self, DlsymFn};
use crate::sys::scope::RuntimeScope;
use crate::trace;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::num::NonZeroUsize;
use once_cell::race::OnceNonZeroUsize;

/// Defines the entry of a function that opens a library. It removes RTLD_DEEPBIND from the flags, with which the
/// library would find libc before us, and jumps. So the loader sees the program as the caller, and searches where
/// that caller's libraries are searched for.
macro_rules! opening {
    ($($(#[$meta:meta])* $entry:ident($flags:literal) => $next:path;)*) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            pub extern "C" fn $entry() {
                core::arch::naked_asm!(
                    concat!("and ", $flags, ", {kept}"),
                    "mov r11, [rip + {next}]",
                    "test r11, r11",
                    "jz 2f",
                    "jmp r11",
                    "2:",
                    "lea r11, [rip + {next}]",
                    // al is zero: no vector registers hold arguments.
                    "xor eax, eax",
                    "jmp fencepost_entry_resolve",
                    kept = const !libc::RTLD_DEEPBIND,
                    next = sym $next,
                )
            }
        )*
    };
}

opening! {
    /// dlopen(3).
    fencepost_dlopen("esi") => next::DLOPEN;
    /// dlmopen(3).
    fencepost_dlmopen("edx") => next::DLMOPEN;
}

/// dlsym(3). For RTLD_NEXT and RTLD_DEFAULT it is a jump, since their result depends on the caller.
#[unsafe(naked)]
pub extern "C" fn fencepost_dlsym() {
    core::arch::naked_asm!(
        // RTLD_NEXT is -1, RTLD_DEFAULT 0.
        "lea rax, [rdi + 1]",
        "cmp rax, 1",
        "ja {symbol_in}",
        "lea r11, [rip + {next}]",
        "xor eax, eax",
        "jmp fencepost_entry_resolve",
        symbol_in = sym symbol_in,
        next = sym next::DLSYM,
    )
}

/// Looks up `name` in `handle`. If the result is a function that ours stands in front of, returns ours.
///
/// # Safety
/// The arguments must be valid for dlsym(3).
unsafe extern "C" fn symbol_in(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: `DlsymFn` is dlsym's signature.
    let Some(dlsym) = (unsafe { next::DLSYM.get::<DlsymFn>() }) else {
        return core::ptr::null_mut();
    };
    // SAFETY: the program passed the arguments, and must make them valid for dlsym(3).
    let found = unsafe { dlsym(handle, name) };
    let libc = trace::module_of(libc::gnu_get_libc_version as *const () as usize);
    if !libc.is_some_and(|libc| libc.contains(found as usize)) {
        return found;
    }
    // libc has this name, so neither look-up fails; a failure would change what dlerror(3) returns.
    // SAFETY: `name` is a valid C string, since it was found.
    let (next, own) = unsafe {
        let own = own_handle().map_or(found, |own| dlsym(own, name));
        (dlsym(libc::RTLD_NEXT, name), own)
    };
    // A library between us and libc may look up libc's function to call it, and we call that library: it gets libc's.
    if next == found && !own.is_null() { own } else { found }
}

/// The handle of this library (dlopen(3)).
fn own_handle() -> Option<*mut c_void> {
    static HANDLE: OnceNonZeroUsize = OnceNonZeroUsize::new();
    let open = || {
        let _scope = RuntimeScope::enter();
        let mut info = MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: dladdr gets the address of a function, and writes to `info`. If it finds this
        // library, `dli_fname` is a C string that stays while the library is loaded.
        let handle = unsafe {
            if libc::dladdr(fencepost_dlsym as *const c_void, info.as_mut_ptr()) == 0 {
                return Err(());
            }
            let name = CStr::from_ptr(info.assume_init().dli_fname);
            libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD)
        };
        NonZeroUsize::new(handle as usize).ok_or(())
    };
    HANDLE.get_or_try_init(open).ok().map(|handle| handle.get() as *mut c_void)
}

/// dlclose(3). Unwind tables of unloaded objects are forgotten.
///
/// # Safety
/// `handle` must be one that dlopen(3) returned; the program may not use the library any more.
pub unsafe extern "C" fn fencepost_dlclose(handle: *mut c_void) -> c_int {
    // SAFETY: the type is dlclose's signature. The program passed the handle, and must make it valid.
    let result = unsafe {
        match next::DLCLOSE.get::<unsafe extern "C" fn(*mut c_void) -> c_int>() {
            Some(next) => next(handle),
            None => -1,
        }
    };
    let _scope = RuntimeScope::enter();
    trace::forget_unloaded();
    result
}
