//! Tools that replace malloc, or run the whole process, as we do: two can't guard one process.

use super::{address_map, loader};
use core::arch::asm;
use core::ffi::CStr;

/// The sanitizers, each with a function that its runtime exports.
const SANITIZERS: [(&CStr, &str); 5] = [
    (c"__asan_init", "AddressSanitizer"),
    (c"__hwasan_init", "HWAddressSanitizer"),
    (c"__tsan_init", "ThreadSanitizer"),
    (c"__msan_init", "MemorySanitizer"),
    (c"__lsan_init", "LeakSanitizer"),
];

/// The sanitizer that this program is built with, if any. Must not be called within malloc: the search for a name
/// takes locks of libc, which the thread may hold there.
pub fn sanitizer() -> Option<&'static str> {
    SANITIZERS.into_iter().find_map(|(symbol, name)| loader::is_defined(symbol).then_some(name))
}

/// The sanitizer whose library is mapped, if any, found by file names: for the first allocation. The runtimes of gcc
/// are libraries, and take libc's place before constructors run.
pub fn sanitizer_library() -> Option<&'static str> {
    const LIBRARIES: [(&[u8], &str); 4] = [
        (b"libasan.so", "AddressSanitizer"),
        (b"libhwasan.so", "HWAddressSanitizer"),
        (b"libtsan.so", "ThreadSanitizer"),
        (b"liblsan.so", "LeakSanitizer"),
    ];
    address_map::read().split(|&b| b == b'\n').find_map(|line| {
        let name = line.rsplit(|&b| b == b'/').next()?;
        LIBRARIES.into_iter().find_map(|(library, tool)| name.starts_with(library).then_some(tool))
    })
}

/// Whether the process runs on Valgrind: by its request RUNNING_ON_VALGRIND (its manual, 3.1). That is a series of
/// rotations that leave rdi as it was, and an exchange of a register with itself; Valgrind takes it for a call.
pub fn runs_on_valgrind() -> bool {
    const RUNNING_ON_VALGRIND: u64 = 0x1001;
    let request = [RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0];
    let answer: u64;
    // SAFETY: on a processor the instructions change nothing; Valgrind reads `request`.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            inout("rdi") 0_u64 => _,
            in("rax") request.as_ptr(),
            inout("rdx") 0_u64 => answer,
            options(nostack),
        );
    }
    answer != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_not_valgrind() {
        assert!(!runs_on_valgrind() && sanitizer().is_none());
    }
}
