//! The checked functions on names of hosts, services and interfaces.

use super::entry::{Call, entries};
use super::operand;
use super::text::{reads_names, reads_string};
use core::ffi::{c_char, c_int};
use libc::{addrinfo, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

unsafe extern "C-unwind" {
    // A cancellation point.
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
}

/// Longer texts than this are no addresses in practice, and are left alone.
const ADDRESS_TEXT_BYTES: usize = 64;

/// An Internet address at argument 0. Blanks end one, so a string that has none, and no terminator, is
/// read to its end if it is an address to there.
unsafe fn reads_address(call: &Call<'_>) {
    call.reads("cp", 0, 1);
    let room = call.room(0);
    if room >= ADDRESS_TEXT_BYTES {
        return;
    }
    let mut copy = [0_u8; ADDRESS_TEXT_BYTES];
    // SAFETY: within a live object; the copy is terminated.
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

    /// A freed buffer is bad whatever comes.
    fn must_be_live(&self, call: &Call<'_>) {
        if self.is_wanted() && operand::room(self.start) == 0 && !operand::is_end(self.start) {
            call.site.writes(self.name, self.start, self.size as usize);
        }
    }

    unsafe fn was_written(&self, call: &Call<'_>) {
        if self.is_wanted() && operand::is_checked(self.start) {
            // SAFETY: the function called has terminated it.
            let bytes = unsafe { libc::strlen(self.start as *const c_char) } + 1;
            call.site.writes(self.name, self.start, bytes);
        }
    }
}

unsafe fn name_of_address(call: &Call<'_>) -> c_int {
    let length = call.arg(1) as socklen_t;
    let host = Text { name: "host", start: call.arg(2), size: call.arg(3) as socklen_t };
    let service = Text { name: "serv", start: call.arg(4), size: call.arg(5) as socklen_t };
    let family_bytes = size_of::<libc::sa_family_t>();
    // SAFETY: the program's promise.
    unsafe {
        if length as usize >= family_bytes && call.arg(0) != 0 {
            call.reads("addr", 0, family_bytes);
            let bytes = match c_int::from(call.ptr::<libc::sa_family_t>(0).read_unaligned()) {
                libc::AF_INET => size_of::<sockaddr_in>(),
                // Without the scope (RFC 2133).
                libc::AF_INET6 => core::mem::offset_of!(sockaddr_in6, sin6_scope_id),
                _ => family_bytes,
            };
            if bytes <= length as usize {
                call.reads("addr", 0, bytes);
            }
        }
        host.must_be_live(call);
        service.must_be_live(call);
        let flags = call.saved.on_stack as c_int;
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

entries! {
    before inet_aton[rdi rsi] = |call| {
        reads_address(call);
        call.writes("inp", 1, 4);
    };
    before inet_addr[rdi] = |call| reads_address(call);
    before getaddrinfo[rdi rsi rdx rcx] = |call| {
        reads_names(call, ["node", "service"]);
        call.reads("hints", 2, size_of::<addrinfo>());
        call.writes("res", 3, size_of::<usize>());
    };
    instead getnameinfo[rdi rdx r8] = |call| name_of_address(call);
    before gethostbyname[rdi] = |call| reads_names(call, ["name"]);
    before gethostbyname2[rdi] = |call| reads_names(call, ["name"]);
    before gethostbyaddr[rdi] = |call| {
        let bytes = match call.int(2) {
            libc::AF_INET => 4,
            libc::AF_INET6 => 16,
            _ => 0,
        };
        call.reads("addr", 0, bytes.min(call.arg(1) as socklen_t as usize));
    };
    before getservbyname[rdi rsi] = |call| reads_names(call, ["name", "proto"]);
    before getprotobyname[rdi] = |call| reads_names(call, ["name"]);
    before if_nametoindex[rdi] = |call| reads_string::<u8>(call, "ifname", 0, libc::IF_NAMESIZE);
    before if_indextoname[rsi] = |call| call.writes("ifname", 1, libc::IF_NAMESIZE);
    before getifaddrs[rdi] = |call| call.writes("ifap", 0, size_of::<usize>());
}
