//! Libraries that the program opens, and what it looks up in them: ours goes before libc's there too, or
//! one side would free what the other has made.

use crate::sys::next::{self, DlsymFn};
use crate::sys::scope::RuntimeScope;
use crate::trace;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::num::NonZeroUsize;
use once_cell::race::OnceNonZeroUsize;

/// Defines the entry of a function that opens a library: it takes RTLD_DEEPBIND, by which the library
/// would find libc before us, out of the flags, and jumps. The caller stays the one that called: by it
/// the loader tells where to search.
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
                    // Not variadic: the zero in al says so.
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
    /// dlopen(3)
    fencepost_dlopen("esi") => next::DLOPEN;
    /// dlmopen(3)
    fencepost_dlmopen("edx") => next::DLMOPEN;
}

/// dlsym(3). What RTLD_NEXT and RTLD_DEFAULT find depends on the caller: of these it is a jump.
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

/// What `handle` has under `name`, or ours, if that is what ours stands in front of.
///
/// # Safety
/// As dlsym(3) demands of its caller.
unsafe extern "C" fn symbol_in(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: dlsym's signature.
    let Some(dlsym) = (unsafe { next::DLSYM.get::<DlsymFn>() }) else {
        return core::ptr::null_mut();
    };
    // SAFETY: the arguments are the program's, as the manual demands of it.
    let found = unsafe { dlsym(handle, name) };
    let libc = trace::module_of(libc::gnu_get_libc_version as *const () as usize);
    if !libc.is_some_and(|libc| libc.contains(found as usize)) {
        return found;
    }
    // A name of libc: neither look-up fails, which dlerror(3) would tell.
    // SAFETY: the name was found, so it is one.
    let (next, own) = unsafe {
        let own = own_handle().map_or(found, |own| dlsym(own, name));
        (dlsym(libc::RTLD_NEXT, name), own)
    };
    // Another library between us and libc may ask so for what it calls, and we call it.
    if next == found && !own.is_null() { own } else { found }
}

/// dlopen(3) calls it by this handle.
fn own_handle() -> Option<*mut c_void> {
    static HANDLE: OnceNonZeroUsize = OnceNonZeroUsize::new();
    let open = || {
        let _scope = RuntimeScope::enter();
        let mut info = MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: the address of a function, and room for what is found. If something is, it has the
        // name by which this library was loaded, and under that name the loader has it.
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

/// dlclose(3); unwind tables of what was unloaded are forgotten.
///
/// # Safety
/// As dlclose(3) demands of its caller.
pub unsafe extern "C" fn fencepost_dlclose(handle: *mut c_void) -> c_int {
    // SAFETY: dlclose's signature; the arguments are the program's, as the manual demands of it.
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
