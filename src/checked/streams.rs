//! Streams and folders, except formatted input and output.
//!
//! If the program says that a buffer is larger than its object, only the object is filled. A report is made only if
//! more input comes.

use super::entry::Call;
use super::operand;
use super::text::{Unit, bytes};
use core::ffi::{c_char, c_int, c_void};
use libc::{DIR, FILE, dirent64, ssize_t};

// All of these are cancellation points.
unsafe extern "C-unwind" {
    fn fread(buffer: *mut c_void, size: usize, count: usize, stream: *mut FILE) -> usize;
    fn fread_unlocked(buffer: *mut c_void, size: usize, count: usize, stream: *mut FILE) -> usize;
    fn fgets(buffer: *mut u8, size: c_int, stream: *mut FILE) -> *mut u8;
    fn fgets_unlocked(buffer: *mut u8, size: c_int, stream: *mut FILE) -> *mut u8;
    fn getc(stream: *mut FILE) -> c_int;
    fn getc_unlocked(stream: *mut FILE) -> c_int;
    fn ungetc(character: c_int, stream: *mut FILE) -> c_int;
    fn fgetws(buffer: *mut u32, size: c_int, stream: *mut FILE) -> *mut u32;
    fn fgetws_unlocked(buffer: *mut u32, size: c_int, stream: *mut FILE) -> *mut u32;
    // These return a wint_t, whose WEOF is EOF as an int.
    fn getwc(stream: *mut FILE) -> c_int;
    fn getwc_unlocked(stream: *mut FILE) -> c_int;
    fn ungetwc(character: c_int, stream: *mut FILE) -> c_int;
    fn getdelim(line: *mut *mut c_char, size: *mut usize, end: c_int, stream: *mut FILE)
    -> ssize_t;
    fn readdir_r(folder: *mut DIR, entry: *mut dirent64, result: *mut *mut dirent64) -> c_int;
    fn readdir64_r(folder: *mut DIR, entry: *mut dirent64, result: *mut *mut dirent64) -> c_int;
}

type ReadEntry = unsafe extern "C-unwind" fn(*mut DIR, *mut dirent64, *mut *mut dirent64) -> c_int;

/// Functions that read blocks, and functions that read a byte.
type ReadBlock = unsafe extern "C-unwind" fn(*mut c_void, usize, usize, *mut FILE) -> usize;
type Get = unsafe extern "C-unwind" fn(*mut FILE) -> c_int;

pub const FREAD: (ReadBlock, Get) = (fread, getc);
pub const FREAD_UNLOCKED: (ReadBlock, Get) = (fread_unlocked, getc_unlocked);

/// The functions that read a line of these units, read a unit, and put it back.
pub struct LineReader<U> {
    read: unsafe extern "C-unwind" fn(*mut U, c_int, *mut FILE) -> *mut U,
    get: Get,
    unget: unsafe extern "C-unwind" fn(c_int, *mut FILE) -> c_int,
}

pub const FGETS: LineReader<u8> = LineReader { read: fgets, get: getc, unget: ungetc };
pub const FGETS_UNLOCKED: LineReader<u8> =
    LineReader { read: fgets_unlocked, get: getc_unlocked, unget: ungetc };
pub const FGETWS: LineReader<u32> = LineReader { read: fgetws, get: getwc, unget: ungetwc };
pub const FGETWS_UNLOCKED: LineReader<u32> =
    LineReader { read: fgetws_unlocked, get: getwc_unlocked, unget: ungetwc };

/// Makes a checked call of fread: `count` members of `size` bytes into argument 0.
pub unsafe fn read_block(
    call: &Call<'_>,
    size: usize,
    count: usize,
    stream: usize,
    (read, get): (ReadBlock, Get),
) -> usize {
    let (total, room) = (size.saturating_mul(count), call.room(0));
    let stream = stream as *mut FILE;
    // SAFETY: the program passes what the manual demands.
    unsafe {
        if total <= room {
            return read(call.ptr(0), size, count, stream);
        }
        if room == 0 && !operand::is_end(call.arg(0)) {
            call.writes("ptr", 0, total);
        }
        let got = read(call.ptr(0), 1, room, stream);
        if got == room && get(stream) != libc::EOF {
            call.writes("ptr", 0, room + 1);
        }
        got / size
    }
}

/// Makes a checked call of fgets or fgetws: at most `size` units into argument 0.
pub unsafe fn read_line<U: Unit + From<u8>>(
    call: &Call<'_>,
    size: c_int,
    stream: usize,
    LineReader { read, get, unget }: LineReader<U>,
) -> *mut U {
    let room = call.room(0) / U::BYTES;
    let stream = stream as *mut FILE;
    // SAFETY: the program passes what the manual demands; the last unit of the room is in the object.
    unsafe {
        if size <= 0 || size as usize <= room {
            return read(call.ptr(0), size, stream);
        }
        if room == 0 {
            call.writes("s", 0, bytes::<U>(size as usize));
        }
        // A line that fills the room puts its terminator there, in place of this unit.
        let waiting = U::from(1);
        let last = call.ptr::<U>(0).add(room - 1);
        let before = last.replace(waiting);
        let line = read(call.ptr(0), room as c_int, stream);
        let is_full = !line.is_null() && *last == U::NUL;
        if *last == waiting {
            *last = before;
        }
        if is_full && (room == 1 || *last.sub(1) != U::from(b'\n')) {
            let more = get(stream);
            if more != libc::EOF {
                unget(more, stream);
                call.writes("s", 0, bytes::<U>(room + 1));
            } else if room == 1 {
                // With more room, libc would have failed and changed nothing.
                *last = before;
                return core::ptr::null_mut();
            }
        }
        line
    }
}

/// Makes a checked call of getdelim or getline. The buffer may be the program's own, and too short.
pub unsafe fn read_delimited(call: &Call<'_>, end: c_int, stream: usize) -> ssize_t {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let (line, size) = (call.ptr::<*mut c_char>(0), call.ptr::<usize>(1));
        if line.is_null() || size.is_null() {
            return getdelim(line, size, end, stream as *mut FILE);
        }
        let (buffer, room) = (*line as usize, operand::room(*line as usize));
        if buffer != 0 && *size > 0 && room == 0 {
            call.site.writes("*lineptr", buffer, *size);
        }
        let result = getdelim(line, size, end, stream as *mut FILE);
        if *line as usize == buffer && result >= 0 {
            call.site.writes("*lineptr", buffer, result as usize + 1);
        }
        result
    }
}

/// Checks a call of setvbuf. Unbuffered streams need no buffer.
pub fn sets_buffer(call: &Call<'_>) {
    const UNBUFFERED: c_int = 2;
    if call.int(2) != UNBUFFERED {
        call.writes("buf", 1, call.arg(3));
    }
}

/// Makes a checked call of readdir_r.
pub unsafe fn read_entry(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands.
    unsafe { read_entry_by(call, readdir_r) }
}

/// Makes a checked call of readdir64_r.
pub unsafe fn read_entry64(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands.
    unsafe { read_entry_by(call, readdir64_r) }
}

/// Makes a checked call by `read`, which writes as many bytes as the entry takes.
unsafe fn read_entry_by(call: &Call<'_>, read: ReadEntry) -> c_int {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let result = read(call.ptr(0), call.ptr(1), call.ptr(2));
        let found = call.ptr::<*const dirent64>(2).read_unaligned();
        if result == 0 && !found.is_null() {
            call.writes("entry", 1, usize::from((*found).d_reclen));
        }
        result
    }
}
