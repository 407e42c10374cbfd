//! What a program asks glibc's allocator about itself (mallinfo(3), malloc_stats(3), mallopt(3)).

use crate::calls;
use crate::runtime;
use crate::sys::scope::RuntimeScope;
use core::ffi::c_int;

/// There is never free memory to give back: 0, "no memory released".
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_malloc_trim(_pad: usize) -> c_int {
    0
}

/// No parameter of glibc's means anything here; 1 is success.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_mallopt(_parameter: c_int, _value: c_int) -> c_int {
    1
}

fn live_bytes() -> usize {
    runtime::get().map_or(0, |runtime| runtime.heap.live_bytes())
}

/// The bytes in use; the rest of the fields describe structures that are not here.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_mallinfo2() -> libc::mallinfo2 {
    // SAFETY: a structure of integers, for which zero is valid.
    let mut info: libc::mallinfo2 = unsafe { core::mem::zeroed() };
    info.arena = live_bytes();
    info.uordblks = info.arena;
    info
}

/// As [`fencepost_mallinfo2`], in fields of 32 bits that hold what fits.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_mallinfo() -> libc::mallinfo {
    // SAFETY: as above.
    let mut info: libc::mallinfo = unsafe { core::mem::zeroed() };
    info.arena = c_int::try_from(live_bytes()).unwrap_or(c_int::MAX);
    info.uordblks = info.arena;
    info
}

/// Prints a line of statistics to standard error.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_malloc_stats() {
    let runtime = calls::runtime();
    let _scope = RuntimeScope::enter();
    let text = format!(
        "fencepost: {} guarded allocations, {} bytes of live pages\n",
        runtime.heap.guarded_allocations(),
        runtime.heap.live_bytes()
    );
    crate::report::sink::write(runtime, &text);
}

/// Writes an XML document about the heap to `stream` (malloc_info(3)).
///
/// # Safety
/// `stream` must be an open stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fencepost_malloc_info(options: c_int, stream: *mut libc::FILE) -> c_int {
    if options != 0 {
        return libc::EINVAL;
    }
    let bytes = live_bytes();
    // SAFETY: the caller's promise; the format takes one size_t. What the stream allocates is the
    // program's.
    let written = unsafe {
        libc::fprintf(
            stream,
            c"<malloc version=\"1\">\n<system type=\"current\" size=\"%zu\"/>\n</malloc>\n"
                .as_ptr(),
            bytes,
        )
    };
    if written < 0 { -1 } else { 0 }
}
