//! The control blocks of asynchronous input and output (aio(7)). libc's own threads note their progress in them.

use super::probe;
use core::mem::offset_of;
use libc::aiocb;

/// Offset of glibc's private field with the error code of an operation, the same since glibc 2.1. It is read directly
/// because aio_error(3) takes a lock that the interrupted code may hold.
const ERROR_AT: usize = 112;
const _: () = assert!(ERROR_AT == offset_of!(aiocb, aio_offset) - 16);

/// The contents of a control block: the operation that was asked for, and its error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlBlock {
    descriptor: u32,
    /// Address of the buffer. Some operations use none.
    pub buffer: usize,
    pub bytes: usize,
    offset: usize,
    /// The operation's code, for lio_listio(3).
    pub operation: i32,
    error: i32,
}

impl ControlBlock {
    /// Size of a control block, in bytes.
    pub const BYTES: usize = size_of::<aiocb>();

    /// Reads the control block at `address`; `None` if it is not readable.
    pub fn read(address: usize) -> Option<ControlBlock> {
        let load = |offset: usize| probe::load(address.wrapping_add(offset));
        Some(ControlBlock {
            descriptor: load(offset_of!(aiocb, aio_fildes))? as u32,
            buffer: load(offset_of!(aiocb, aio_buf))?,
            bytes: load(offset_of!(aiocb, aio_nbytes))?,
            offset: load(offset_of!(aiocb, aio_offset))?,
            operation: load(offset_of!(aiocb, aio_lio_opcode))? as i32,
            error: load(ERROR_AT)? as i32,
        })
    }

    /// Whether libc still works on the operation.
    pub fn is_in_progress(&self) -> bool {
        self.error == libc::EINPROGRESS
    }

    /// Whether both ask for the same operation on the same bytes.
    pub fn asks_as(&self, other: &ControlBlock) -> bool {
        let asked = |it: &ControlBlock| (it.descriptor, it.buffer, it.bytes, it.offset);
        asked(self) == asked(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn is_in_progress_until_libc_is_done() {
        let mut ends = [0; 2];
        let mut buffer = [0_u8; 4];
        // SAFETY: zeros are a valid control block.
        let mut block: aiocb = unsafe { core::mem::zeroed() };
        let address = &raw const block as usize;
        // SAFETY: the block and its buffer outlive the operation, which has ended below.
        unsafe {
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            block.aio_fildes = ends[0];
            block.aio_buf = buffer.as_mut_ptr().cast();
            block.aio_nbytes = buffer.len();
            assert!(!ControlBlock::read(address).unwrap().is_in_progress());
            assert_eq!(libc::aio_read(&raw mut block), 0);
        }
        let begun = ControlBlock::read(address).unwrap();
        assert!(begun.is_in_progress());
        assert_eq!((begun.buffer, begun.bytes), (buffer.as_ptr() as usize, 4));
        // SAFETY: the descriptors are this test's own.
        unsafe { assert_eq!(libc::write(ends[1], b"word".as_ptr().cast(), 4), 4) };
        // SAFETY: the block is valid.
        while unsafe { libc::aio_error(&raw const block) } == libc::EINPROGRESS {
            std::thread::sleep(Duration::from_millis(1));
        }
        let ended = ControlBlock::read(address).unwrap();
        assert!(!ended.is_in_progress() && ended.asks_as(&begun));
        assert_eq!(&buffer, b"word");
        assert!(!ControlBlock { offset: 1, ..ended }.asks_as(&begun));
    }
}
