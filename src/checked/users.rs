//! Users and groups.
//!
//! A buffer that is shorter than the program says is good enough for an entry that fits. To learn how much another
//! entry takes, it is read into a buffer of ours.

use super::entry::Call;
use super::operand;
use crate::sys::errno;
use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use libc::{gid_t, group, passwd, size_t, uid_t};

// All of these may be cancellation points.
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

/// The most groups that a process can have (NGROUPS_MAX).
const MOST_GROUPS: usize = 65536;

/// The buffer of an entry, and how many of its bytes are surely used.
struct Used {
    start: usize,
    size: usize,
    bytes: usize,
}

impl Used {
    /// Notes that `bytes` bytes at `start` belong to the entry. They need not be in the buffer.
    fn range(&mut self, start: usize, bytes: usize) {
        let offset = start.wrapping_sub(self.start);
        if offset < self.size {
            self.bytes = self.bytes.max((offset + bytes).min(self.size));
        }
    }

    /// Notes that this string belongs to the entry.
    unsafe fn string(&mut self, string: *const c_char) {
        if !string.is_null() {
            // SAFETY: libc's function has written the string.
            self.range(string as usize, unsafe { libc::strlen(string) } + 1);
        }
    }
}

trait Entry {
    /// Notes which parts of the buffer the entry uses.
    unsafe fn uses(&self, used: &mut Used);
}

impl Entry for passwd {
    unsafe fn uses(&self, used: &mut Used) {
        for string in [self.pw_name, self.pw_passwd, self.pw_gecos, self.pw_dir, self.pw_shell] {
            // SAFETY: the caller promises an entry that libc has filled in, so these are strings or null.
            unsafe { used.string(string) }
        }
    }
}

impl Entry for group {
    unsafe fn uses(&self, used: &mut Used) {
        // SAFETY: the caller promises an entry that libc has filled in, whose members end in a null pointer.
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

/// Size of our own buffer for entries, in bytes.
const SCRATCH_BYTES: usize = 4096;

/// Returns how many bytes an entry takes in a buffer of `size` bytes, or `None` if it does not fit.
fn bytes_used<T: Entry>(
    size: usize,
    get: &impl Fn(*mut T, *mut c_char, size_t, *mut *mut T) -> c_int,
) -> Option<usize> {
    // Of usize, so that it is aligned for pointers.
    let mut scratch = [0_usize; SCRATCH_BYTES / size_of::<usize>()];
    let mut used =
        Used { start: scratch.as_ptr() as usize, size: size.min(SCRATCH_BYTES), bytes: 0 };
    let mut entry = MaybeUninit::<T>::uninit();
    let mut found = core::ptr::null_mut();
    let result = get(entry.as_mut_ptr(), scratch.as_mut_ptr().cast(), used.size, &raw mut found);
    if result == libc::ERANGE {
        return None;
    }
    // SAFETY: if there is an entry, libc has written it and its strings.
    unsafe {
        if result == 0
            && let Some(found) = found.as_ref()
        {
            found.uses(&mut used);
        }
    }
    Some(used.bytes)
}

/// Makes a checked call that writes an entry to argument 1, its strings to the buffer at argument 2, of argument 3
/// bytes, and a pointer to the entry to argument 4. `get` takes these four.
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
            // It would not fit into the program's size either.
            None if size <= SCRATCH_BYTES => return result,
            None => {}
            // libc may want more room than it uses in the end, for example for the end of a line.
            Some(bytes) => call.writes("buf", 2, bytes.max(room + 1)),
        }
    }
    get(call.ptr(1), call.ptr(2), size, call.ptr(4))
}

/// Checks a call of getgroups. The process may have fewer groups than the program has room for.
pub fn own_groups(call: &Call<'_>) {
    let asked = call.int(0).max(0) as usize * size_of::<gid_t>();
    if asked <= call.room(1) {
        return;
    }
    if call.room(1) == 0 && !operand::is_end(call.arg(1)) {
        call.writes("list", 1, asked);
    }
    let before = errno::get();
    // SAFETY: with a size of 0 it writes nothing, and returns the number of groups.
    let count = unsafe { libc::getgroups(0, core::ptr::null_mut()) };
    errno::set(before);
    let bytes = count.max(0) as usize * size_of::<gid_t>();
    if bytes <= asked {
        call.writes("list", 1, bytes);
    }
}

/// Checks a call of getgrouplist, which writes groups to argument 2. Argument 3 points to their number.
pub unsafe fn groups_of_user(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands; our own call has room for no groups, so it writes none.
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

/// Makes a checked call of getpwnam_r.
pub unsafe fn user_of_name(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    entry(call, |to, buffer, size, found| unsafe {
        getpwnam_r(call.ptr(0), to, buffer, size, found)
    })
}

/// Makes a checked call of getpwuid_r.
pub unsafe fn user_of_number(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    entry(call, |to, buffer, size, found| unsafe {
        getpwuid_r(call.arg(0) as uid_t, to, buffer, size, found)
    })
}

/// Makes a checked call of getgrnam_r.
pub unsafe fn group_of_name(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    entry(call, |to, buffer, size, found| unsafe {
        getgrnam_r(call.ptr(0), to, buffer, size, found)
    })
}

/// Makes a checked call of getgrgid_r.
pub unsafe fn group_of_number(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    entry(call, |to, buffer, size, found| unsafe {
        getgrgid_r(call.arg(0) as gid_t, to, buffer, size, found)
    })
}

/// Checks a call of setgroups. The kernel refuses more than it allows, unread.
pub fn sets_groups(call: &Call<'_>) {
    if call.arg(0) <= MOST_GROUPS {
        call.reads("list", 1, call.arg(0) * size_of::<gid_t>());
    }
}
