//! The checked functions on streams, but for formatted input and output.
//!
//! A buffer that is said to be larger than its object is filled as far as the object goes, and only
//! if there is more to come, that is reported.

use super::entry::{Call, entries};
use super::operand;
use super::text::{Unit, bytes, reads_whole};
use core::ffi::{c_char, c_int, c_void};
use libc::{DIR, FILE, dirent64, ssize_t};

// All of these are cancellation points.
unsafe extern "C-unwind" {
    fn fread(buffer: *mut c_void, size: usize, count: usize, stream: *mut FILE) -> usize;
    fn fread_unlocked(buffer: *mut c_void, size: usize, count: usize, stream: *mut FILE) -> usize;
    fn fgets(buffer: *mut c_char, size: c_int, stream: *mut FILE) -> *mut c_char;
    fn fgets_unlocked(buffer: *mut c_char, size: c_int, stream: *mut FILE) -> *mut c_char;
    fn getc(stream: *mut FILE) -> c_int;
    fn getc_unlocked(stream: *mut FILE) -> c_int;
    fn ungetc(character: c_int, stream: *mut FILE) -> c_int;
    fn fgetws(buffer: *mut u32, size: c_int, stream: *mut FILE) -> *mut u32;
    fn fgetws_unlocked(buffer: *mut u32, size: c_int, stream: *mut FILE) -> *mut u32;
    // A wint_t, whose WEOF is EOF as an int.
    fn getwc(stream: *mut FILE) -> c_int;
    fn getwc_unlocked(stream: *mut FILE) -> c_int;
    fn ungetwc(character: c_int, stream: *mut FILE) -> c_int;
    fn getdelim(line: *mut *mut c_char, size: *mut usize, end: c_int, stream: *mut FILE)
    -> ssize_t;
    fn readdir_r(folder: *mut DIR, entry: *mut dirent64, result: *mut *mut dirent64) -> c_int;
    fn readdir64_r(folder: *mut DIR, entry: *mut dirent64, result: *mut *mut dirent64) -> c_int;
    fn __chk_fail() -> !;
}

type ReadEntry = unsafe extern "C-unwind" fn(*mut DIR, *mut dirent64, *mut *mut dirent64) -> c_int;
type Read = unsafe extern "C-unwind" fn(*mut c_void, usize, usize, *mut FILE) -> usize;
type ReadLine<C> = unsafe extern "C-unwind" fn(*mut C, c_int, *mut FILE) -> *mut C;
/// getc or getwc.
type Get = unsafe extern "C-unwind" fn(*mut FILE) -> c_int;
/// ungetc or ungetwc.
type Unget = unsafe extern "C-unwind" fn(c_int, *mut FILE) -> c_int;

/// fread of `count` members of `size` bytes into argument 0.
unsafe fn read_block(
    call: &Call<'_>,
    (size, count, stream): (usize, usize, usize),
    read: Read,
    get: Get,
) -> usize {
    let (total, room) = (size.saturating_mul(count), call.room(0));
    let stream = stream as *mut FILE;
    // SAFETY: the program's promise.
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

/// fgets or fgetws of at most `size` units into argument 0. `C` is what libc takes for `U`.
unsafe fn read_line<U: Unit + From<u8>, C>(
    call: &Call<'_>,
    (size, stream): (c_int, usize),
    read: ReadLine<C>,
    (get, unget): (Get, Unget),
) -> *mut C {
    let room = call.room(0) / U::BYTES;
    let stream = stream as *mut FILE;
    // SAFETY: the program's promise; the last unit of the room is the object's.
    unsafe {
        if size <= 0 || size as usize <= room {
            return read(call.ptr(0), size, stream);
        }
        if room == 0 {
            call.writes("s", 0, bytes::<U>(size as usize));
        }
        // A line that fills the room ends it with the terminator that this waits for.
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
                // With room for more it would have read nothing.
                *last = before;
                return core::ptr::null_mut();
            }
        }
        line
    }
}

/// getdelim and getline: the buffer may be one of the program's own, and too short.
unsafe fn read_delimited(call: &Call<'_>, end: c_int, stream: usize) -> ssize_t {
    call.writes("lineptr", 0, size_of::<usize>());
    call.writes("n", 1, size_of::<usize>());
    // SAFETY: the program's promise.
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

/// What a checking form of fread or fgets aborts for.
fn verify(bytes: usize, object_size: usize) {
    if bytes > object_size {
        // SAFETY: it ends the process with a message, as the function called would.
        unsafe { __chk_fail() }
    }
}

fn writes_block(call: &Call<'_>) {
    call.reads("ptr", 0, call.arg(1).saturating_mul(call.arg(2)));
}

/// qsort and bsearch: `count` members of `size` bytes.
fn members(count: usize, size: usize) -> usize {
    count.saturating_mul(size)
}

/// readdir_r: as much of an entry is written as it takes.
unsafe fn read_entry(call: &Call<'_>, read: ReadEntry) -> c_int {
    call.writes("result", 2, size_of::<usize>());
    // SAFETY: the program's promise.
    unsafe {
        let result = read(call.ptr(0), call.ptr(1), call.ptr(2));
        let found = call.ptr::<*const dirent64>(2).read_unaligned();
        if result == 0 && !found.is_null() {
            call.writes("entry", 1, usize::from((*found).d_reclen));
        }
        result
    }
}

entries! {
    instead fread[rdi] = |call| {
        read_block(call, (call.arg(1), call.arg(2), call.arg(3)), super::fread, getc)
    };
    instead fread_unlocked[rdi] = |call| {
        read_block(
            call,
            (call.arg(1), call.arg(2), call.arg(3)),
            super::fread_unlocked,
            getc_unlocked,
        )
    };
    instead __fread_chk[rdi] = |call| {
        verify(call.arg(2).saturating_mul(call.arg(3)), call.arg(1));
        read_block(call, (call.arg(2), call.arg(3), call.arg(4)), fread, getc)
    };
    instead __fread_unlocked_chk[rdi] = |call| {
        verify(call.arg(2).saturating_mul(call.arg(3)), call.arg(1));
        read_block(
            call,
            (call.arg(2), call.arg(3), call.arg(4)),
            fread_unlocked,
            getc_unlocked,
        )
    };
    before fwrite[rdi] = |call| writes_block(call);
    before fwrite_unlocked[rdi] = |call| writes_block(call);
    instead fgets[rdi] = |call| {
        read_line::<u8, _>(call, (call.int(1), call.arg(2)), super::fgets, (getc, ungetc))
    };
    instead fgets_unlocked[rdi] = |call| {
        let line = (call.int(1), call.arg(2));
        read_line::<u8, _>(call, line, super::fgets_unlocked, (getc_unlocked, ungetc))
    };
    instead __fgets_chk[rdi] = |call| {
        verify(call.int(2).max(0) as usize, call.arg(1));
        read_line::<u8, _>(call, (call.int(2), call.arg(3)), fgets, (getc, ungetc))
    };
    instead __fgets_unlocked_chk[rdi] = |call| {
        verify(call.int(2).max(0) as usize, call.arg(1));
        let line = (call.int(2), call.arg(3));
        read_line::<u8, _>(call, line, fgets_unlocked, (getc_unlocked, ungetc))
    };
    instead fgetws[rdi] = |call| {
        read_line::<u32, _>(call, (call.int(1), call.arg(2)), super::fgetws, (getwc, ungetwc))
    };
    instead fgetws_unlocked[rdi] = |call| {
        let line = (call.int(1), call.arg(2));
        read_line::<u32, _>(call, line, super::fgetws_unlocked, (getwc_unlocked, ungetwc))
    };
    instead __fgetws_chk[rdi] = |call| {
        verify(call.int(2).max(0) as usize, call.arg(1));
        read_line::<u32, _>(call, (call.int(2), call.arg(3)), fgetws, (getwc, ungetwc))
    };
    instead __fgetws_unlocked_chk[rdi] = |call| {
        verify(call.int(2).max(0) as usize, call.arg(1));
        let line = (call.int(2), call.arg(3));
        read_line::<u32, _>(call, line, fgetws_unlocked, (getwc_unlocked, ungetwc))
    };
    before fputs[rdi] = |call| reads_whole::<u8>(call, "s", 0);
    before fputs_unlocked[rdi] = |call| reads_whole::<u8>(call, "s", 0);
    before fputws[rdi] = |call| reads_whole::<u32>(call, "ws", 0);
    before fputws_unlocked[rdi] = |call| reads_whole::<u32>(call, "ws", 0);
    before puts[rdi] = |call| reads_whole::<u8>(call, "s", 0);
    before perror[rdi] = |call| if call.arg(0) != 0 { reads_whole::<u8>(call, "s", 0) };
    before setvbuf[rsi] = |call| {
        const UNBUFFERED: c_int = 2;
        if call.int(2) != UNBUFFERED {
            call.writes("buf", 1, call.arg(3));
        }
    };
    before setbuf[rsi] = |call| call.writes("buf", 1, libc::BUFSIZ as usize);
    before setbuffer[rsi] = |call| call.writes("buf", 1, call.arg(2));
    before open_memstream[rdi rsi] = |call| {
        call.writes("ptr", 0, size_of::<usize>());
        call.writes("sizeloc", 1, size_of::<usize>());
    };
    before fgetpos[rsi] = |call| call.writes("pos", 1, size_of::<libc::fpos_t>());
    before fgetpos64[rsi] = |call| call.writes("pos", 1, size_of::<libc::fpos_t>());
    before fsetpos[rsi] = |call| call.reads("pos", 1, size_of::<libc::fpos_t>());
    before fsetpos64[rsi] = |call| call.reads("pos", 1, size_of::<libc::fpos_t>());
    instead readdir_r[rsi rdx] = |call| read_entry(call, super::readdir_r);
    instead readdir64_r[rsi rdx] = |call| read_entry(call, super::readdir64_r);
    instead getline[any] = |call| read_delimited(call, c_int::from(b'\n'), call.arg(2));
    instead getdelim[any] = |call| read_delimited(call, call.int(2), call.arg(3));
    instead __getdelim[any] = |call| read_delimited(call, call.int(2), call.arg(3));
    before qsort[rdi] = |call| call.writes("base", 0, members(call.arg(1), call.arg(2)));
    before qsort_r[rdi] = |call| call.writes("base", 0, members(call.arg(1), call.arg(2)));
    before bsearch[rsi] = |call| call.reads("base", 1, members(call.arg(2), call.arg(3)));
}
