//! The checked functions that match and convert text by tables of libc's: regular expressions,
//! character sets.

use super::entry::{Call, entries};
use super::operand;
use super::text::reads_whole;
use core::ffi::{c_char, c_int, c_void};
use libc::{regex_t, regmatch_t};

unsafe extern "C-unwind" {
    fn iconv(
        conversion: *mut c_void,
        input: *mut *mut c_char,
        input_left: *mut usize,
        output: *mut *mut c_char,
        output_left: *mut usize,
    ) -> usize;
}

/// The string is given by its bounds (regex.h of glibc).
const REG_STARTEND: c_int = 4;

/// Whether the expression was compiled to report no matches: REG_NOSUB, a bit of regex_t (regex.h of
/// glibc).
unsafe fn has_no_matches(call: &Call<'_>) -> bool {
    const FLAGS_OFFSET: usize = 56;
    const NO_SUB: u8 = 1 << 4;
    call.reads("preg", 0, size_of::<regex_t>());
    // SAFETY: the program's promise.
    unsafe { *call.ptr::<u8>(0).add(FLAGS_OFFSET) & NO_SUB != 0 }
}

unsafe fn matches(call: &Call<'_>) {
    // SAFETY: the program's promise.
    unsafe {
        let no_matches = has_no_matches(call);
        if call.int(4) & REG_STARTEND != 0 {
            call.reads("pmatch", 3, size_of::<regmatch_t>());
            let bounds = call.ptr::<regmatch_t>(3).read_unaligned();
            let (start, end) = (bounds.rm_so as isize, bounds.rm_eo as isize);
            if start >= 0 && end > start {
                let bytes = (end - start) as usize;
                call.site.reads("string", call.arg(1).wrapping_add_signed(start), bytes);
            }
        } else {
            reads_whole::<u8>(call, "string", 1);
        }
        if !no_matches {
            call.writes("pmatch", 3, call.arg(2).saturating_mul(size_of::<regmatch_t>()));
        }
    }
}

/// A pointer into a buffer, and the bytes left there, at two arguments; not there if either is null.
struct Cursor {
    name: &'static str,
    at: *mut *mut c_char,
    start: usize,
}

impl Cursor {
    unsafe fn new(call: &Call<'_>, name: &'static str, index: usize) -> Option<Cursor> {
        let (at, left) = (call.ptr::<*mut c_char>(index), call.ptr::<usize>(index + 1));
        if at.is_null() {
            return None;
        }
        call.writes(name, index, size_of::<usize>());
        // SAFETY: the program's promise.
        let start = unsafe { at.read_unaligned() } as usize;
        if start == 0 || left.is_null() {
            return None;
        }
        call.writes("bytes left", index + 1, size_of::<usize>());
        Some(Cursor { name, at, start })
    }

    /// Whether it points to no object any more.
    fn is_stale(&self) -> bool {
        operand::room(self.start) == 0 && !operand::is_end(self.start)
    }

    /// Bytes that it has gone on.
    unsafe fn passed(&self) -> usize {
        // SAFETY: the program's promise.
        (unsafe { self.at.read_unaligned() } as usize).saturating_sub(self.start)
    }
}

unsafe fn convert(call: &Call<'_>) -> usize {
    // SAFETY: the program's promise.
    unsafe {
        let input = Cursor::new(call, "inbuf", 1);
        let output = Cursor::new(call, "outbuf", 3);
        if let Some(input) = &input
            && input.is_stale()
        {
            call.site.reads(input.name, input.start, *call.ptr::<usize>(2));
        }
        if input.is_some()
            && let Some(output) = &output
            && output.is_stale()
        {
            call.site.writes(output.name, output.start, *call.ptr::<usize>(4));
        }
        let result = iconv(call.ptr(0), call.ptr(1), call.ptr(2), call.ptr(3), call.ptr(4));
        if let Some(input) = input {
            call.site.reads(input.name, input.start, input.passed());
        }
        if let Some(output) = output {
            call.site.writes(output.name, output.start, output.passed());
        }
        result
    }
}

entries! {
    before regcomp[rdi rsi] = |call| {
        call.writes("preg", 0, size_of::<regex_t>());
        reads_whole::<u8>(call, "pattern", 1);
    };
    before regexec[rdi rsi rcx] = |call| matches(call);
    before wordexp[rdi] = |call| reads_whole::<u8>(call, "words", 0);
    instead iconv[any] = |call| convert(call);
    before iconv_open[rdi rsi] = |call| {
        reads_whole::<u8>(call, "tocode", 0);
        reads_whole::<u8>(call, "fromcode", 1);
    };
}
