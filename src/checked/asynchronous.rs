//! Asynchronous input and output (aio(7)): libc's own threads use the program's control blocks and buffers after the
//! call has returned.
//!
//! An object that they use is lent until they are done ([`loans`]); a free before that is reported.

use super::entry::Call;
use super::operand;
use crate::heap::loans;
use crate::runtime;
use crate::sys::control_block::ControlBlock;
use crate::sys::errno::{self, Errno};
use crate::sys::next::Next;
use crate::sys::probe;
use core::ffi::c_int;
use libc::{aiocb, sigevent};

type Begin = unsafe extern "C-unwind" fn(*mut aiocb) -> c_int;
type BeginSync = unsafe extern "C-unwind" fn(c_int, *mut aiocb) -> c_int;
type BeginList =
    unsafe extern "C-unwind" fn(c_int, *const *mut aiocb, c_int, *mut sigevent) -> c_int;

/// What the operation does with its buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Read,
    Write,
    /// Has no buffer.
    Sync,
}

/// Makes a checked call of aio_read; `next` is libc's function.
pub unsafe fn read(call: &Call<'_>, next: &Next) -> c_int {
    // SAFETY: the program passes what the manual demands; functions.list names a function of this signature.
    unsafe {
        begin(call, call.arg(0), Transfer::Read, || {
            next.get::<Begin>().map(|begin| begin(call.ptr(0)))
        })
    }
}

/// Makes a checked call of aio_write; `next` is libc's function.
pub unsafe fn write(call: &Call<'_>, next: &Next) -> c_int {
    // SAFETY: the program passes what the manual demands; functions.list names a function of this signature.
    unsafe {
        begin(call, call.arg(0), Transfer::Write, || {
            next.get::<Begin>().map(|begin| begin(call.ptr(0)))
        })
    }
}

/// Makes a checked call of aio_fsync; `next` is libc's function.
pub unsafe fn sync(call: &Call<'_>, next: &Next) -> c_int {
    // SAFETY: the program passes what the manual demands; functions.list names a function of this signature.
    unsafe {
        begin(call, call.arg(1), Transfer::Sync, || {
            next.get::<BeginSync>().map(|begin| begin(call.int(0), call.ptr(1)))
        })
    }
}

/// Makes a checked call of lio_listio, whose argument 1 points to as many control blocks as argument 2 says.
pub unsafe fn begin_all(call: &Call<'_>, next: &Next) -> c_int {
    let blocks = || {
        let places = (0..call.count(2)).map(|index| call.arg(1).wrapping_add(8 * index));
        places.map_while(probe::load).filter(|&block| block != 0)
    };
    for block in blocks() {
        call.site.writes("aiocbp", block, ControlBlock::BYTES);
        match ControlBlock::read(block).map(|block| block.operation) {
            Some(libc::LIO_READ) => lend(call, block, Transfer::Read),
            Some(libc::LIO_WRITE) => lend(call, block, Transfer::Write),
            _ => {}
        }
    }
    // SAFETY: the program passes what the manual demands; functions.list names a function of this signature.
    let result = unsafe {
        let begin = next.get::<BeginList>();
        begin.map(|begin| begin(call.int(0), call.ptr(1), call.int(2), call.ptr(3)))
    };
    let result = result.unwrap_or_else(missing);
    // An interrupted wait leaves all operations under way. After another failure nobody knows which are.
    if result != 0 && errno::get() != Errno(libc::EINTR) {
        blocks().for_each(loans::forget);
    }
    result
}

/// Checks a call of aio_return: ends the loans if the operation is complete.
pub fn ends(call: &Call<'_>) {
    if ControlBlock::read(call.arg(0)).is_some_and(|block| !block.is_in_progress()) {
        loans::forget(call.arg(0));
    }
}

/// Begins one operation, whose control block is at `block`.
fn begin(
    call: &Call<'_>,
    block: usize,
    transfer: Transfer,
    begin: impl FnOnce() -> Option<c_int>,
) -> c_int {
    lend(call, block, transfer);
    let result = begin().unwrap_or_else(missing);
    if result != 0 {
        loans::forget(block);
    }
    result
}

/// Fails as libc does for a function that it lacks.
fn missing() -> c_int {
    errno::set(Errno(libc::ENOSYS));
    -1
}

/// Checks the buffer of the control block at `block`. Lends both to libc, if they are in the heap.
fn lend(call: &Call<'_>, block: usize, transfer: Transfer) {
    let (Some(runtime), Some(asked)) = (runtime::get(), ControlBlock::read(block)) else { return };
    let ControlBlock { buffer, bytes, .. } = asked;
    let has_buffer = transfer != Transfer::Sync && bytes > 0;
    match transfer {
        Transfer::Write if has_buffer => call.site.reads("aio_buf", buffer, bytes),
        // The buffer's size matters only if as many bytes arrive.
        Transfer::Read if has_buffer && operand::room(buffer) == 0 => {
            call.site.writes("aio_buf", buffer, bytes);
        }
        _ => {}
    }
    let is_block_lent = runtime.heap.lend(block);
    let is_buffer_lent = has_buffer && runtime.heap.lend(buffer);
    if is_block_lent || is_buffer_lent {
        let begun = runtime.event(call.site.caller);
        loans::note(block, asked, has_buffer, call.site.function, begun);
    } else {
        loans::forget(block);
    }
}
