//! Users and groups.
//!
//! A buffer that is shorter than the program says is good for an entry that fits. How much one that
//! does not fit takes is told by its strings, in a buffer of ours.

use super::entry::Call;
use super::operand;
use crate::sys::errno;
use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use libc::{gid_t, group, passwd, size_t, uid_t};

// All may be cancellation points.
unsafe extern "C-unwind" {
    fn getpwnam_r(
        name: *const c_char,
        entry: *mut passwd,
        buffer: *mut c_char,
        size: size_t,
        result: *mut *mut passwd,
    ) -> c_int;
    fn getpwuid_r(
        uid: uid_t,
        entry: *mut passwd,
        buffer: *mut c_char,
        size: size_t,
        result: *mut *mut passwd,
    ) -> c_int;
    fn getgrnam_r(
        name: *const c_char,
        entry: *mut group,
        buffer: *mut c_char,
        size: size_t,
        result: *mut *mut group,
    ) -> c_int;
    fn getgrgid_r(
        gid: gid_t,
        entry: *mut group,
        buffer: *mut c_char,
        size: size_t,
        result: *mut *mut group,
    ) -> c_int;
    fn getgrouplist(
        user: *const c_char,
        group: gid_t,
        groups: *mut gid_t,
        count: *mut c_int,
    ) -> c_int;
}

/// Most groups of a process (NGROUPS_MAX).
const MOST_GROUPS: usize = 65536;

/// The buffer of an entry, and how far it is known to be used.
struct Used {
    start: usize,
    size: usize,
    bytes: usize,
}

impl Used {
    /// So many bytes at `start` belong to the entry. They need not be in the buffer.
    fn range(&mut self, start: usize, bytes: usize) {
        let offset = start.wrapping_sub(self.start);
        if offset < self.size {
            self.bytes = self.bytes.max((offset + bytes).min(self.size));
        }
    }

    /// So does this string.
    unsafe fn string(&mut self, string: *const c_char) {
        if !string.is_null() {
            // SAFETY: the function called has written it.
            self.range(string as usize, unsafe { libc::strlen(string) } + 1);
        }
    }
}

trait Entry {
    /// Notes what the entry has in its buffer.
    unsafe fn uses(&self, used: &mut Used);
}

impl Entry for passwd {
    unsafe fn uses(&self, used: &mut Used) {
        for string in [self.pw_name, self.pw_passwd, self.pw_gecos, self.pw_dir, self.pw_shell] {
            // SAFETY: as this function demands, the entry is one that libc has filled in.
            unsafe { used.string(string) }
        }
    }
}

impl Entry for group {
    unsafe fn uses(&self, used: &mut Used) {
        // SAFETY: as this function demands, the entry is one that libc has filled in; the members end in a null pointer.
        unsafe {
            used.string(self.gr_name);
            used.string(self.gr_passwd);
            let mut members = 0;
            while !self.gr_mem.is_null() && !(*self.gr_mem.add(members)).is_null() {
                used.string(*self.gr_mem.add(members));
                members += 1;
            }
            used.range(self.gr_mem as usize, (members + 1) * size_of::<usize>());
        }
    }
}

/// Bytes of a buffer for entries that the program's own is too short for.
const SCRATCH_BYTES: usize = 4096;

/// Bytes that an entry takes of a buffer of `size` bytes; `None` if it does not fit.
fn bytes_used<T: Entry>(
    size: usize,
    get: &impl Fn(*mut T, *mut c_char, size_t, *mut *mut T) -> c_int,
) -> Option<usize> {
    // Aligned for pointers.
    let mut scratch = [0_usize; SCRATCH_BYTES / size_of::<usize>()];
    let mut used =
        Used { start: scratch.as_ptr() as usize, size: size.min(SCRATCH_BYTES), bytes: 0 };
    let mut entry = MaybeUninit::<T>::uninit();
    let mut found = core::ptr::null_mut();
    let result = get(entry.as_mut_ptr(), scratch.as_mut_ptr().cast(), used.size, &raw mut found);
    if result == libc::ERANGE {
        return None;
    }
    // SAFETY: where there is an entry, it and its strings have been written.
    unsafe {
        if result == 0
            && let Some(found) = found.as_ref()
        {
            found.uses(&mut used);
        }
    }
    Some(used.bytes)
}

/// An entry at argument 1, whose strings are in the buffer at argument 2, of argument 3 bytes, and a
/// pointer to the entry at argument 4. `get` is given these four.
fn entry<T: Entry>(
    call: &Call<'_>,
    get: impl Fn(*mut T, *mut c_char, size_t, *mut *mut T) -> c_int,
) -> c_int {
    let (size, room) = (call.arg(3), call.room(2));
    if size > room {
        if room == 0 && !operand::is_end(call.arg(2)) {
            call.writes("buf", 2, size);
        }
        let result = get(call.ptr(1), call.ptr(2), room, call.ptr(4));
        if result != libc::ERANGE {
            return result;
        }
        match bytes_used(size, &get) {
            // Then it would not fit either way.
            None if size <= SCRATCH_BYTES => return result,
            None => {}
            // libc may want room for more than it leaves there, such as the end of a line.
            Some(bytes) => call.writes("buf", 2, bytes.max(room + 1)),
        }
    }
    get(call.ptr(1), call.ptr(2), size, call.ptr(4))
}

/// Groups of the process, of which there may be fewer than the program has room for.
pub fn own_groups(call: &Call<'_>) {
    let asked = call.int(0).max(0) as usize * size_of::<gid_t>();
    if asked <= call.room(1) {
        return;
    }
    if call.room(1) == 0 && !operand::is_end(call.arg(1)) {
        call.writes("list", 1, asked);
    }
    let before = errno::get();
    // SAFETY: for no groups it returns their number.
    let count = unsafe { libc::getgroups(0, core::ptr::null_mut()) };
    errno::set(before);
    let bytes = count.max(0) as usize * size_of::<gid_t>();
    if bytes <= asked {
        call.writes("list", 1, bytes);
    }
}

/// Groups of a user, at argument 2, whose number argument 3 points to.
pub unsafe fn groups_of_user(call: &Call<'_>) {
    // SAFETY: the function's manual demands it of the program; of no groups the function called writes none.
    unsafe {
        let most = call.ptr::<c_int>(3).read_unaligned();
        let bytes = |count: c_int| count.max(0) as usize * size_of::<gid_t>();
        if bytes(most) <= call.room(2) {
            return;
        }
        if call.room(2) == 0 && !operand::is_end(call.arg(2)) {
            call.writes("groups", 2, bytes(most));
        }
        let before = errno::get();
        let mut count = 0;
        getgrouplist(call.ptr(0), call.arg(1) as gid_t, core::ptr::null_mut(), &raw mut count);
        errno::set(before);
        call.writes("groups", 2, bytes(count.min(most)));
    }
}

/// getpwnam_r.
pub unsafe fn user_of_name(call: &Call<'_>) -> c_int {
    // SAFETY: the function's manual demands it of the program; the buffer is as long as it is said to be.
    entry(call, |to, buffer, size, found| unsafe {
        getpwnam_r(call.ptr(0), to, buffer, size, found)
    })
}

/// getpwuid_r.
pub unsafe fn user_of_number(call: &Call<'_>) -> c_int {
    // SAFETY: the function's manual demands it of the program; the buffer is as long as it is said to be.
    entry(call, |to, buffer, size, found| unsafe {
        getpwuid_r(call.arg(0) as uid_t, to, buffer, size, found)
    })
}

/// getgrnam_r.
pub unsafe fn group_of_name(call: &Call<'_>) -> c_int {
    // SAFETY: the function's manual demands it of the program; the buffer is as long as it is said to be.
    entry(call, |to, buffer, size, found| unsafe {
        getgrnam_r(call.ptr(0), to, buffer, size, found)
    })
}

/// getgrgid_r.
pub unsafe fn group_of_number(call: &Call<'_>) -> c_int {
    // SAFETY: the function's manual demands it of the program; the buffer is as long as it is said to be.
    entry(call, |to, buffer, size, found| unsafe {
        getgrgid_r(call.arg(0) as gid_t, to, buffer, size, found)
    })
}

/// setgroups: more than the kernel allows are refused unread.
pub fn sets_groups(call: &Call<'_>) {
    if call.arg(0) <= MOST_GROUPS {
        call.reads("list", 1, call.arg(0) * size_of::<gid_t>());
    }
}
