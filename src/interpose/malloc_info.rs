//! The functions by which a program asks about the allocator or tunes it (mallinfo(3), malloc_stats(3), mallopt(3)).
//!
//! The numbers are about those that glibc's malloc would have for the same objects: the cost of the guards is not
//! counted.

use crate::runtime;
use core::ffi::{c_int, c_ulong};

/// malloc_trim(3). There is never free memory to give back, so it returns 0, "no memory released".
pub extern "C" fn fencepost_malloc_trim(_pad: usize) -> c_int {
    0
}

/// mallopt(3). No parameter has an effect. Returns 1 (success), or 0 for a value that is out of range in glibc.
pub extern "C" fn fencepost_mallopt(parameter: c_int, value: c_int) -> c_int {
    /// glibc's limits: the largest chunk for its fast lists, and half of its largest heap; in bytes.
    const MOST_FAST: c_int = 160;
    const MOST_THRESHOLD: c_int = 32 << 20;
    c_int::from(match parameter {
        libc::M_MXFAST => (0..=MOST_FAST).contains(&value),
        libc::M_MMAP_THRESHOLD => (0..=MOST_THRESHOLD).contains(&value),
        libc::M_ARENA_TEST | libc::M_ARENA_MAX => value > 0,
        _ => true,
    })
}

/// About how many bytes glibc would use for the live objects.
struct Usage {
    in_use: usize,
    /// Bytes taken from the kernel.
    system: usize,
}

impl Usage {
    fn now() -> Usage {
        /// The step by which glibc's first heap grows.
        const STEP_BYTES: usize = 0x21000;
        let in_use = runtime::get().map_or(0, |runtime| runtime.heap.asked_bytes());
        Usage { in_use, system: in_use.next_multiple_of(STEP_BYTES) }
    }

    fn free(&self) -> usize {
        self.system - self.in_use
    }
}

/// mallinfo2(3). The free bytes count as one chunk; the other fields describe structures that do not exist here.
pub extern "C" fn fencepost_mallinfo2() -> libc::mallinfo2 {
    // SAFETY: a structure of integers, for which zero is valid.
    let mut info: libc::mallinfo2 = unsafe { core::mem::zeroed() };
    let usage = Usage::now();
    info.arena = usage.system;
    info.ordblks = 1;
    info.uordblks = usage.in_use;
    info.fordblks = usage.free();
    info.keepcost = usage.free();
    info
}

/// mallinfo(3): the numbers of [`fencepost_mallinfo2`] in fields of 32 bits, which wrap as in glibc.
pub extern "C" fn fencepost_mallinfo() -> libc::mallinfo {
    // SAFETY: a structure of integers, for which zero is valid.
    let mut info: libc::mallinfo = unsafe { core::mem::zeroed() };
    let wide = fencepost_mallinfo2();
    info.arena = wide.arena as c_int;
    info.ordblks = wide.ordblks as c_int;
    info.uordblks = wide.uordblks as c_int;
    info.fordblks = wide.fordblks as c_int;
    info.keepcost = wide.keepcost as c_int;
    info
}

unsafe extern "C" {
    static stderr: *mut libc::FILE;
}

/// Prints statistics to the stream `stderr`, in glibc's form.
pub extern "C" fn fencepost_malloc_stats() {
    let usage = Usage::now();
    let (system, in_use) = (usage.system as c_ulong, usage.in_use as c_ulong);
    // SAFETY: `stderr` is libc's stream; the format takes four unsigned longs. The stream may allocate from the
    // program's heap.
    unsafe {
        libc::fprintf(
            stderr,
            c"Arena 0:\n\
              system bytes     = %10lu\n\
              in use bytes     = %10lu\n\
              Total (incl. mmap):\n\
              system bytes     = %10lu\n\
              in use bytes     = %10lu\n\
              max mmap regions =          0\n\
              max mmap bytes   =          0\n"
                .as_ptr(),
            system,
            in_use,
            system,
            in_use,
        );
    }
}

/// Writes an XML document about the heap to `stream`, in glibc's form (malloc_info(3)).
///
/// # Safety
/// `stream` must be an open stream.
pub unsafe extern "C" fn fencepost_malloc_info(options: c_int, stream: *mut libc::FILE) -> c_int {
    if options != 0 {
        return libc::EINVAL;
    }
    let usage = Usage::now();
    let (system, free) = (usage.system as c_ulong, usage.free() as c_ulong);
    // SAFETY: the program must pass an open stream; the format takes ten unsigned longs. The stream may allocate from
    // the program's heap.
    let written = unsafe {
        libc::fprintf(
            stream,
            c"<malloc version=\"1\">\n\
              <heap nr=\"0\">\n\
              <sizes>\n\
              </sizes>\n\
              <total type=\"fast\" count=\"0\" size=\"0\"/>\n\
              <total type=\"rest\" count=\"1\" size=\"%lu\"/>\n\
              <system type=\"current\" size=\"%lu\"/>\n\
              <system type=\"max\" size=\"%lu\"/>\n\
              <aspace type=\"total\" size=\"%lu\"/>\n\
              <aspace type=\"mprotect\" size=\"%lu\"/>\n\
              </heap>\n\
              <total type=\"fast\" count=\"0\" size=\"0\"/>\n\
              <total type=\"rest\" count=\"1\" size=\"%lu\"/>\n\
              <total type=\"mmap\" count=\"0\" size=\"0\"/>\n\
              <system type=\"current\" size=\"%lu\"/>\n\
              <system type=\"max\" size=\"%lu\"/>\n\
              <aspace type=\"total\" size=\"%lu\"/>\n\
              <aspace type=\"mprotect\" size=\"%lu\"/>\n\
              </malloc>\n"
                .as_ptr(),
            free,
            system,
            system,
            system,
            system,
            free,
            system,
            system,
            system,
            system,
        )
    };
    if written < 0 { -1 } else { 0 }
}
