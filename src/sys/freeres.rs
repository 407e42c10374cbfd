//! What libc and libstdc++ keep for as long as the process lives: buffers of streams, locales, time zones, memory for exceptions. They have
//! functions that free it, for tools that look for leaks.

use super::scope::RuntimeScope;
use core::ffi::CStr;

/// In libc the buffers are flushed first, as exit does after its handlers. The functions come from libstdc++'s
/// `libsupc++/eh_alloc.cc` and glibc's `malloc/set-freeres.c`.
const NAMES: [&CStr; 2] = [c"_ZN9__gnu_cxx9__freeresEv", c"__libc_freeres"];

/// Frees it. For the end of the process, after all that the program does: libc is not to be used much any more. No other
/// thread may be there.
pub fn free_all() {
    for name in NAMES {
        let found = {
            // What dlsym allocates, an error text say, is the runtime's.
            let _scope = RuntimeScope::enter();
            // SAFETY: dlsym with RTLD_DEFAULT and a valid C string.
            unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
        };
        if !found.is_null() {
            // SAFETY: both functions have this signature, and may be called once at the end; another call does nothing.
            unsafe { core::mem::transmute::<*mut core::ffi::c_void, extern "C" fn()>(found)() };
        }
    }
}
