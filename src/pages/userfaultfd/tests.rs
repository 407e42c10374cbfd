//! Tests of the backend when it loses its descriptor.

use super::*;

/// Writes to the terminal itself: the harness shows what a test prints only if the test fails.
fn say_skipped(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Has the kernel refuse guard markers and inaccessible mappings to the calling thread from now on.
fn forbid_guards() {
    const fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter { code: code as u16, jt, jf, k }
    }
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUALS: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const ANSWER: u32 = libc::BPF_RET | libc::BPF_K;
    // Offsets in `struct seccomp_data` (seccomp(2)): of the number, and of the third argument.
    let mut filter = [
        step(LOAD, 0, 0, 0),
        step(EQUALS, 7, 0, libc::SYS_process_madvise as u32),
        step(EQUALS, 3, 0, libc::SYS_madvise as u32),
        step(EQUALS, 2, 0, libc::SYS_mmap as u32),
        step(EQUALS, 1, 0, libc::SYS_mprotect as u32),
        step(ANSWER, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(LOAD, 0, 0, 32),
        step(EQUALS, 1, 0, 102), // MADV_GUARD_INSTALL
        step(EQUALS, 0, 1, libc::PROT_NONE as u32),
        step(ANSWER, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOMEM as u32),
        step(ANSWER, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the filter is valid, and holds for this thread only.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program), 0);
    }
}

#[test]
fn a_page_that_moved_has_moved_though_its_old_place_can_not_be_guarded() {
    if !crate::pages::trial_backends().any(|backend| backend.name() == "userfaultfd") {
        return say_skipped("no userfaultfd here");
    }
    let start = memory::reserve(8 * PAGE_BYTES).unwrap();
    let backend = Userfaultfd::new();
    let (from, to) =
        (PageRange::new(start + PAGE_BYTES, 1), PageRange::new(start + 3 * PAGE_BYTES, 1));
    std::thread::scope(|scope| {
        let test = || {
            // SAFETY: only this test uses the reservation, and it accesses populated pages only.
            unsafe {
                let stretch = PageRange::new(start, 8);
                backend.prepare(stretch).unwrap();
                backend.open(stretch).unwrap();
                if !backend.can_recycle() {
                    return say_skipped("this kernel moves no pages");
                }
                backend.populate(from).unwrap();
                (from.start() as *mut u64).write(7);
                // Another thread loses the descriptor right after the move.
                backend.state.store(LOST, Ordering::Release);
                forbid_guards();
                assert_eq!(backend.recycle(from, to), Ok(()));
                assert_eq!(probe::load(to.start()), Some(7));
            }
            backend.end_gap(true);
            assert_eq!(backend.lost(), Some(LOST_IN_PART));
        };
        scope.spawn(test).join().unwrap();
    });
    backend.uffd().close();
    // SAFETY: only this test knows the range.
    unsafe { memory::unmap(start, 8 * PAGE_BYTES) };
}
