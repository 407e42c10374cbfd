//! Input into buffers that may be shorter than the program says.
//!
//! How much the kernel will write is known after the call only, and then it has written: into the
//! slack, or up to the guard, where it stops and returns a short count or EFAULT. So a buffer that is
//! said to be larger than its object is offered to the kernel as large as it is, followed by a
//! scratch buffer of ours. What arrives there would have been written behind the object. A program
//! that passes too large a size, but gets little, gets what it would have got.

use super::entry::Call;
use super::operand;
use crate::diagnose::Direction;
use libc::iovec;

/// Vectors of a call that are looked at one by one; of a longer one only the first.
const MOST_VECTORS: usize = 64;

/// Bytes that are seen of what would have been written behind an object.
const SCRATCH_BYTES: usize = 64;

/// Buffers to give to the kernel in place of the program's.
pub struct Clipped {
    scratch: [u8; SCRATCH_BYTES],
    vectors: [iovec; MOST_VECTORS + 1],
    count: usize,
    /// Address, bytes asked for, and the bytes in those before it, of the buffer that was clipped.
    culprit: (usize, usize, usize),
}

impl Clipped {
    /// The same buffers, clipped at the first that is too large; `None` if none is. A buffer that
    /// does not even begin in an object is reported, unless that is an object's very end.
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

    /// The buffers; valid while `self` stays where it is.
    pub fn vectors(&mut self) -> &mut [iovec] {
        self.vectors[self.count - 1].iov_base = self.scratch.as_mut_ptr().cast();
        &mut self.vectors[..self.count]
    }

    /// The kernel answered `result`: what it wrote behind the object is reported.
    pub fn arrived(&self, call: &Call<'_>, name: &'static str, result: isize) {
        let (start, bytes, before) = self.culprit;
        let written = usize::try_from(result).unwrap_or(0).saturating_sub(before).min(bytes);
        call.site.writes(name, start, written);
    }
}

/// The call has touched the first `bytes` bytes of these buffers.
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
/// `vectors` must point to `count` vectors, unless it is in the heap.
pub unsafe fn all_touched(
    call: &Call<'_>,
    direction: Direction,
    name: &'static str,
    vectors: usize,
    count: usize,
) {
    // SAFETY: as this function demands, the vectors are there, unless they lie in the heap.
    for buffer in unsafe { slice(call, vectors, count) } {
        match direction {
            Direction::Write => call.site.writes(name, buffer.iov_base as usize, buffer.iov_len),
            _ => call.site.reads(name, buffer.iov_base as usize, buffer.iov_len),
        }
    }
}

/// The vectors of a call; none where the kernel will refuse them.
///
/// # Safety
/// As [`all_touched`].
pub unsafe fn slice<'a>(call: &Call<'_>, vectors: usize, count: usize) -> &'a [iovec] {
    if vectors == 0 || count == 0 || count > libc::UIO_MAXIOV as usize {
        return &[];
    }
    call.site.reads("iov", vectors, count * size_of::<iovec>());
    // SAFETY: as this function demands, the vectors are there, unless they lie in the heap, and just checked if it is an object.
    unsafe { core::slice::from_raw_parts(vectors as *const iovec, count) }
}
