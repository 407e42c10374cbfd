//! Input into buffers that may be shorter than the program says.
//!
//! How much the kernel writes is known only after the call. By then it has written into the slack, or up to the guard
//! page, where it stops and returns a short count or EFAULT. So a buffer that the program says is larger than its
//! object is passed with its true size, followed by a scratch buffer of ours. What arrives there would have been
//! written behind the object. If little arrives, the program gets what it would have got.

use super::entry::Call;
use super::operand;
use super::refused::Operands;
use crate::diagnose::{Direction, Operand};
use crate::sys::probe;
use libc::iovec;

/// How many vectors of a call are checked; of a longer call only the first ones.
const MOST_VECTORS: usize = 64;

/// How many bytes behind an object are seen at most.
const SCRATCH_BYTES: usize = 64;

/// Buffers that the kernel gets in place of the program's.
pub struct Clipped {
    scratch: [u8; SCRATCH_BYTES],
    vectors: [iovec; MOST_VECTORS + 1],
    count: usize,
    /// The clipped buffer: its address, the bytes asked for, and the bytes in the buffers before it.
    culprit: (usize, usize, usize),
}

impl Clipped {
    /// Returns the same buffers, clipped at the first that is too large, or `None` if none is. Reports a buffer that
    /// does not even begin in an object, unless it begins at an object's end.
    pub fn new(call: &Call<'_>, name: &'static str, buffers: &[iovec]) -> Option<Clipped> {
        let is_short = |buffer: &iovec| buffer.iov_len > operand::room(buffer.iov_base as usize);
        let at = buffers.iter().take(MOST_VECTORS).position(is_short)?;
        let (start, bytes) = (buffers[at].iov_base as usize, buffers[at].iov_len);
        let room = operand::room(start);
        if room == 0 && !operand::is_end(start) {
            call.site.writes(name, start, bytes);
        }
        let nothing = iovec { iov_base: core::ptr::null_mut(), iov_len: 0 };
        let before = buffers[..at].iter().map(|buffer| buffer.iov_len).sum();
        let mut clipped = Clipped {
            scratch: [0; SCRATCH_BYTES],
            vectors: [nothing; MOST_VECTORS + 1],
            count: at + 2,
            culprit: (start, bytes, before),
        };
        clipped.vectors[..at].copy_from_slice(&buffers[..at]);
        clipped.vectors[at] = iovec { iov_base: buffers[at].iov_base, iov_len: room };
        clipped.vectors[at + 1].iov_len = SCRATCH_BYTES.min(bytes - room);
        Some(clipped)
    }

    /// Returns the buffers. They are valid while `self` stays where it is.
    pub fn vectors(&mut self) -> &mut [iovec] {
        self.vectors[self.count - 1].iov_base = self.scratch.as_mut_ptr().cast();
        &mut self.vectors[..self.count]
    }

    /// Reports what the kernel wrote behind the object. `result` is what the kernel returned.
    pub fn arrived(&self, call: &Call<'_>, name: &'static str, result: isize) {
        let (start, bytes, before) = self.culprit;
        let written = usize::try_from(result).unwrap_or(0).saturating_sub(before).min(bytes);
        call.site.writes(name, start, written);
    }
}

/// Checks that the call may touch the first `bytes` bytes of these buffers, as it has done.
pub fn has_touched(call: &Call<'_>, direction: Direction, buffers: &[iovec], mut bytes: usize) {
    for buffer in buffers {
        let touched = bytes.min(buffer.iov_len);
        match direction {
            Direction::Write => call.site.writes("iov_base", buffer.iov_base as usize, touched),
            _ => call.site.reads("iov_base", buffer.iov_base as usize, touched),
        }
        bytes -= touched;
    }
}

/// Reports each buffer of a vector that is not wholly in its object.
///
/// # Safety
/// As for [`slice`].
pub unsafe fn all_touched(
    call: &Call<'_>,
    direction: Direction,
    name: &'static str,
    vectors: usize,
    count: usize,
) {
    // SAFETY: the caller promises what `slice` demands.
    for buffer in unsafe { slice(call, vectors, count) } {
        match direction {
            Direction::Write => call.site.writes(name, buffer.iov_base as usize, buffer.iov_len),
            _ => call.site.reads(name, buffer.iov_base as usize, buffer.iov_len),
        }
    }
}

/// Returns the vectors of a call, or none if the kernel will refuse them, for instance since it can't read them.
///
/// # Safety
/// What is readable at `vectors` must be vectors, of which nobody makes new ones meanwhile.
pub unsafe fn slice<'a>(call: &Call<'_>, vectors: usize, count: usize) -> &'a [iovec] {
    if vectors == 0 || count == 0 || count > libc::UIO_MAXIOV as usize {
        return &[];
    }
    let bytes = count * size_of::<iovec>();
    call.site.reads("iov", vectors, bytes);
    if !probe::can_read(vectors, bytes) {
        return &[];
    }
    // SAFETY: all of the bytes were just read, and the caller promises that they are vectors.
    unsafe { core::slice::from_raw_parts(vectors as *const iovec, count) }
}

/// Passes the buffers of a list, of a call that has failed, to `operands`.
///
/// # Safety
/// As for [`slice`].
pub unsafe fn refused(
    call: &Call<'_>,
    operands: &mut Operands,
    direction: Direction,
    (vectors, count): (usize, usize),
) {
    if !probe::can_read(vectors, 1) {
        return;
    }
    // SAFETY: the caller promises what `slice` demands.
    let buffers = unsafe { slice(call, vectors, count) }.iter().map(|buffer| Operand {
        name: "iov_base",
        start: buffer.iov_base as usize,
        bytes: buffer.iov_len,
    });
    operands.first_of(buffers, direction);
}
