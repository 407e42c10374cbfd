//! What a program asks glibc's allocator about itself (mallinfo(3), malloc_stats(3), mallopt(3)).
//!
//! The numbers are those that glibc's malloc would have for the same objects, about: what the guards cost is no
//! matter of the program's.

use crate::runtime;
use core::ffi::{c_int, c_ulong};

/// There is never free memory to give back: 0, "no memory released".
pub extern "C" fn fencepost_malloc_trim(_pad: usize) -> c_int {
    0
}

/// No parameter of glibc's means anything here; 1 is success, 0 what glibc finds out of range.
pub extern "C" fn fencepost_mallopt(parameter: c_int, value: c_int) -> c_int {
    /// Largest chunk for its fast lists, and half of its largest heap.
    const MOST_FAST: c_int = 160;
    const MOST_THRESHOLD: c_int = 32 << 20;
    c_int::from(match parameter {
        libc::M_MXFAST => (0..=MOST_FAST).contains(&value),
        libc::M_MMAP_THRESHOLD => (0..=MOST_THRESHOLD).contains(&value),
        libc::M_ARENA_TEST | libc::M_ARENA_MAX => value > 0,
        _ => true,
    })
}

/// What glibc would have for the live objects.
struct Usage {
    in_use: usize,
    /// From the kernel.
    system: usize,
}

impl Usage {
    fn now() -> Usage {
        /// What glibc's first heap grows by.
        const STEP_BYTES: usize = 0x21000;
        let in_use = runtime::get().map_or(0, |runtime| runtime.heap.asked_bytes());
        Usage { in_use, system: in_use.next_multiple_of(STEP_BYTES) }
    }

    fn free(&self) -> usize {
        self.system - self.in_use
    }
}

/// The bytes from the kernel, in use and free, in one piece; the rest of the fields describe structures that are
/// not here.
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

/// As [`fencepost_mallinfo2`], in fields of 32 bits, which wrap as glibc's do.
pub extern "C" fn fencepost_mallinfo() -> libc::mallinfo {
    // SAFETY: as above.
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
    // SAFETY: libc's stream; the format takes four unsigned longs. What the stream allocates is the program's.
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
    // SAFETY: the arguments are the program's, as the manual demands of it; the format takes ten unsigned longs. What the stream allocates is the
    // program's.
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
