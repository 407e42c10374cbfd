//! Functions that write the name of a file or folder into a buffer.

use super::entry::Call;
use super::names::fills;
use super::operand;
use crate::sys::errno;
use core::ffi::c_char;
use libc::ssize_t;

/// The longest path that the kernel takes or returns, with its terminator (PATH_MAX).
const PATH_BYTES: usize = 4096;

/// Makes a checked call of readlink, whose buffer is argument `index` and whose size is the next one.
fn link(call: &Call<'_>, index: usize, read: impl Fn(*mut c_char, usize) -> ssize_t) -> ssize_t {
    let size = call.arg(index + 1);
    fills(
        call,
        index,
        size,
        |room| read(call.ptr(index), room),
        |result| {
            if usize::try_from(result) != Ok(call.room(index)) {
                return None;
            }
            let mut whole = [0; PATH_BYTES];
            usize::try_from(read(whole.as_mut_ptr(), PATH_BYTES)).ok()
        },
    )
}

/// Makes a checked call of getcwd.
pub fn current_folder(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program passes what the manual demands.
    let get = |buffer: *mut c_char, size| unsafe { libc::getcwd(buffer, size) };
    if call.arg(0) == 0 {
        return get(core::ptr::null_mut(), call.arg(1));
    }
    fills(
        call,
        0,
        call.arg(1),
        |room| get(call.ptr(0), room),
        |result| {
            let mut whole = [0; PATH_BYTES];
            let too_long = result.is_null() && errno::get() == errno::Errno(libc::ERANGE);
            let found = too_long && !get(whole.as_mut_ptr(), PATH_BYTES).is_null();
            // SAFETY: getcwd has succeeded, so it has written a string.
            found.then(|| unsafe { libc::strlen(whole.as_ptr()) } + 1)
        },
    )
}

/// Makes a checked call of realpath.
pub unsafe fn resolve_path(call: &Call<'_>) -> *mut c_char {
    let mut whole = [0; PATH_BYTES];
    // SAFETY: the program passes what the manual demands; the buffer is as large as realpath(3) demands.
    unsafe {
        if !operand::is_checked(call.arg(1)) || call.room(1) >= PATH_BYTES {
            return libc::realpath(call.ptr(0), call.ptr(1));
        }
        if libc::realpath(call.ptr(0), whole.as_mut_ptr()).is_null() {
            return core::ptr::null_mut();
        }
        let bytes = libc::strlen(whole.as_ptr()) + 1;
        call.writes("resolved_path", 1, bytes);
        core::ptr::copy_nonoverlapping(whole.as_ptr(), call.ptr(1), bytes);
    }
    call.ptr(1)
}

/// Makes a checked call of readlink.
pub unsafe fn read_link(call: &Call<'_>) -> ssize_t {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    link(call, 1, |buffer, size| unsafe { libc::readlink(call.ptr(0), buffer, size) })
}

/// Makes a checked call of readlinkat.
pub unsafe fn read_link_at(call: &Call<'_>) -> ssize_t {
    let folder = call.int(0);
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    link(call, 2, |buffer, size| unsafe { libc::readlinkat(folder, call.ptr(1), buffer, size) })
}
