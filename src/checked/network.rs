//! Addresses and names of hosts and services.

use super::entry::Call;
use super::names::{TEXT_BYTES, deliver, deliver_text};
use super::operand;
use core::ffi::{c_char, c_int, c_void};
use libc::{sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

unsafe extern "C-unwind" {
    // getnameinfo is a cancellation point.
    fn getnameinfo(
        address: *const sockaddr,
        length: socklen_t,
        host: *mut c_char,
        host_bytes: socklen_t,
        service: *mut c_char,
        service_bytes: socklen_t,
        flags: c_int,
    ) -> c_int;
}

unsafe extern "C" {
    fn inet_aton(text: *const c_char, address: *mut u32) -> c_int;
    fn inet_pton(family: c_int, text: *const c_char, address: *mut c_void) -> c_int;
    fn inet_ntop(
        family: c_int,
        address: *const c_void,
        text: *mut c_char,
        size: socklen_t,
    ) -> *const c_char;
}

/// Texts longer than this are hardly addresses, and are not checked.
const ADDRESS_TEXT_BYTES: usize = 64;

/// Checks an Internet address in text at argument 0. A blank ends it. A string with neither a blank nor a terminator is
/// read beyond its end only if it is an address up to there.
pub unsafe fn reads_address(call: &Call<'_>) {
    call.reads("cp", 0, 1);
    let room = call.room(0);
    if room >= ADDRESS_TEXT_BYTES {
        return;
    }
    let mut copy = [0_u8; ADDRESS_TEXT_BYTES];
    // SAFETY: the `room` bytes are in a live object and fit into the copy, which stays terminated.
    unsafe {
        core::ptr::copy_nonoverlapping(call.ptr::<u8>(0), copy.as_mut_ptr(), room);
        let is_end = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace() || *byte == b'\x0b';
        if !copy[..room].iter().any(is_end) && inet_aton(copy.as_ptr().cast(), &mut 0) != 0 {
            call.reads("cp", 0, room + 1);
        }
    }
}

/// A buffer of getnameinfo.
struct Text {
    name: &'static str,
    start: usize,
    size: socklen_t,
}

impl Text {
    fn is_wanted(&self) -> bool {
        self.start != 0 && self.size > 0
    }

    /// Reports a freed buffer: that is bad whatever the call writes.
    fn must_be_live(&self, call: &Call<'_>) {
        if self.is_wanted() && operand::room(self.start) == 0 && !operand::is_end(self.start) {
            call.site.writes(self.name, self.start, self.size as usize);
        }
    }

    unsafe fn was_written(&self, call: &Call<'_>) {
        if self.is_wanted() && operand::is_checked(self.start) {
            // SAFETY: getnameinfo has succeeded, so it has written a string.
            let bytes = unsafe { libc::strlen(self.start as *const c_char) } + 1;
            call.site.writes(self.name, self.start, bytes);
        }
    }
}

/// Makes a checked call of getnameinfo.
pub unsafe fn name_of_address(call: &Call<'_>) -> c_int {
    let length = call.arg(1) as socklen_t;
    let host = Text { name: "host", start: call.arg(2), size: call.arg(3) as socklen_t };
    let service = Text { name: "serv", start: call.arg(4), size: call.arg(5) as socklen_t };
    let family_bytes = size_of::<libc::sa_family_t>();
    // SAFETY: the program passes what the manual demands.
    unsafe {
        if length as usize >= family_bytes && call.arg(0) != 0 {
            call.reads("addr", 0, family_bytes);
            let bytes = match c_int::from(call.ptr::<libc::sa_family_t>(0).read_unaligned()) {
                libc::AF_INET => size_of::<sockaddr_in>(),
                // The scope may be missing (RFC 2133).
                libc::AF_INET6 => core::mem::offset_of!(sockaddr_in6, sin6_scope_id),
                _ => family_bytes,
            };
            if bytes <= length as usize {
                call.reads("addr", 0, bytes);
            }
        }
        host.must_be_live(call);
        service.must_be_live(call);
        let flags = call.arg(6) as c_int;
        let result = getnameinfo(
            call.ptr(0),
            length,
            call.ptr(2),
            host.size,
            call.ptr(4),
            service.size,
            flags,
        );
        if result == 0 {
            host.was_written(call);
            service.was_written(call);
        }
        result
    }
}

/// Checks a call of gethostbyaddr.
pub fn reads_number(call: &Call<'_>) {
    let bytes = address_bytes(call.int(2));
    call.reads("addr", 0, bytes.min(call.arg(1) as socklen_t as usize));
}

/// Makes a checked call of inet_pton.
pub unsafe fn parse_address(call: &Call<'_>) -> c_int {
    let mut address = [0_u8; 16];
    // SAFETY: the program passes what the manual demands; `address` holds the longest address.
    unsafe {
        if call.room(2) >= address.len() {
            return inet_pton(call.int(0), call.ptr(1), call.ptr(2));
        }
        let result = inet_pton(call.int(0), call.ptr(1), address.as_mut_ptr().cast());
        if result == 1 {
            deliver(call, "dst", 2, (address.as_ptr(), address_bytes(call.int(0))));
        }
        result
    }
}

/// Returns the bytes of an Internet address.
fn address_bytes(family: c_int) -> usize {
    match family {
        libc::AF_INET => 4,
        libc::AF_INET6 => 16,
        _ => 0,
    }
}

/// Makes a checked call of inet_ntop.
pub unsafe fn format_address(call: &Call<'_>) -> *const c_char {
    call.reads("src", 1, address_bytes(call.int(0)));
    let (to, size) = (call.ptr::<c_char>(2), call.arg(3) as socklen_t);
    let mut text = [0; TEXT_BYTES];
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    unsafe {
        if size as usize <= call.room(2) {
            return inet_ntop(call.int(0), call.ptr(1), to, size);
        }
        let most = size.min(TEXT_BYTES as socklen_t);
        if inet_ntop(call.int(0), call.ptr(1), text.as_mut_ptr(), most).is_null() {
            return core::ptr::null();
        }
        deliver_text(call, 2, &text);
    }
    to
}
