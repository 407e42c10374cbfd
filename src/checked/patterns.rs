//! Regular expressions.

use super::entry::Call;
use super::text::reads_whole;
use core::ffi::c_int;
use libc::regmatch_t;

/// A flag of regexec: the string is given by its bounds (regex.h of glibc).
const REG_STARTEND: c_int = 4;

/// Whether the expression was compiled without reporting matches: REG_NOSUB, a bit of regex_t (regex.h of glibc).
unsafe fn has_no_matches(call: &Call<'_>) -> bool {
    const FLAGS_OFFSET: usize = 56;
    const NO_SUB: u8 = 1 << 4;
    // SAFETY: the program passes what the manual demands.
    unsafe { *call.ptr::<u8>(0).add(FLAGS_OFFSET) & NO_SUB != 0 }
}

/// Checks a call of regexec.
pub unsafe fn matches(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands.
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
