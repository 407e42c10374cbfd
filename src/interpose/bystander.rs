//! In a process that is not followed, the exported functions lead to the next functions.
//!
//! For functions that allocate, `allocator` does so; for checked functions, their entries do.

use super::{checked, execution};
use crate::heap::private;
use crate::runtime::bystander::{self, ROLE, Role};
use crate::sys::next::{self, Next};
use crate::sys::passed;

/// Whether this process is not followed.
pub fn is_here() -> bool {
    bystander::role() == Role::Bystander
}

/// Prepares for programs that the process executes. The constructor calls this.
pub fn set_up() {
    passed::do_without_handler();
    execution::set_up();
    execution::take_over();
    super::limits::take_over_execution();
    super::operators::stand_aside();
    // Look functions up now: a later caller may be a signal handler, hold the loader's lock, or have little stack.
    next::resolve();
    checked::NEXT.iter().chain(WAYS).for_each(|next| next.resolve());
    private::shrink();
    // The checks of these would ask for the runtime's copy of signal masks.
    for next in [
        &checked::syscall::NEXT,
        &checked::ppoll::NEXT,
        &checked::__ppoll_chk::NEXT,
        &checked::pselect::NEXT,
        &checked::epoll_pwait::NEXT,
        &checked::sigsuspend::NEXT,
    ] {
        next.leave_alone();
    }
}

/// Defines the exported functions: each jumps to our function, or to the next one in a process that is not followed.
macro_rules! ways {
    ($($entry:ident: $name:literal => $module:ident::$function:ident;)*) => {
        $(
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            pub extern "C" fn $entry() {
                core::arch::naked_asm!(
                    "cmp byte ptr [rip + {role}], {guarded}",
                    "jne 2f",
                    "jmp {ours}",
                    "2:",
                    "lea r11, [rip + {next}]",
                    "lea r10, [rip + {ours}]",
                    "jmp fencepost_entry_way",
                    role = sym ROLE,
                    guarded = const Role::Guarded as u8,
                    ours = sym super::$module::$function,
                    next = sym $entry::NEXT,
                )
            }

            mod $entry {
                use super::Next;

                pub static NEXT: Next = Next::new($name);
            }
        )*

        /// The next functions of all of them.
        static WAYS: &[&Next] = &[$(&$entry::NEXT),*];
    };
}

ways! {
    fencepost_way_malloc_trim: c"malloc_trim" => malloc_info::fencepost_malloc_trim;
    fencepost_way_mallopt: c"mallopt" => malloc_info::fencepost_mallopt;
    fencepost_way_mallinfo: c"mallinfo" => malloc_info::fencepost_mallinfo;
    fencepost_way_mallinfo2: c"mallinfo2" => malloc_info::fencepost_mallinfo2;
    fencepost_way_malloc_stats: c"malloc_stats" => malloc_info::fencepost_malloc_stats;
    fencepost_way_malloc_info: c"malloc_info" => malloc_info::fencepost_malloc_info;
    fencepost_way_sigaction: c"sigaction" => signals::fencepost_sigaction;
    fencepost_way_under_sigaction: c"__sigaction" => signals::fencepost_sigaction;
    fencepost_way_signal: c"signal" => signals::fencepost_signal;
    fencepost_way_bsd_signal: c"bsd_signal" => signals::fencepost_signal;
    fencepost_way_ssignal: c"ssignal" => signals::fencepost_signal;
    fencepost_way_sysv_signal: c"sysv_signal" => signals::fencepost_sysv_signal;
    fencepost_way_under_sysv_signal: c"__sysv_signal" => signals::fencepost_sysv_signal;
    fencepost_way_sigprocmask: c"sigprocmask" => signals::fencepost_sigprocmask;
    fencepost_way_pthread_sigmask: c"pthread_sigmask" => signals::fencepost_pthread_sigmask;
    fencepost_way_sigaltstack: c"sigaltstack" => signals::fencepost_sigaltstack;
    fencepost_way_siginterrupt: c"siginterrupt" => signals::fencepost_siginterrupt;
    fencepost_way_sigignore: c"sigignore" => signals::fencepost_sigignore;
    fencepost_way_sigset: c"sigset" => signals::fencepost_sigset;
    fencepost_way_sighold: c"sighold" => signals::fencepost_sighold;
    fencepost_way_sigrelse: c"sigrelse" => signals::fencepost_sigrelse;
    fencepost_way_sigblock: c"sigblock" => signals::fencepost_sigblock;
    fencepost_way_sigsetmask: c"sigsetmask" => signals::fencepost_sigsetmask;
    fencepost_way_siggetmask: c"siggetmask" => signals::fencepost_siggetmask;
    fencepost_way_pthread_kill: c"pthread_kill" => sent_signals::fencepost_pthread_kill;
    fencepost_way_pthread_sigqueue: c"pthread_sigqueue" => sent_signals::fencepost_pthread_sigqueue;
    fencepost_way_tgkill: c"tgkill" => sent_signals::fencepost_tgkill;
    fencepost_way_sigpause: c"sigpause" => waits::fencepost_sigpause;
    fencepost_way_under_sigpause: c"__sigpause" => waits::fencepost_either_sigpause;
    fencepost_way_under_xpg_sigpause: c"__xpg_sigpause" => waits::fencepost_xpg_sigpause;
    fencepost_way_under_sigsuspend: c"__sigsuspend" => waits::fencepost_sigsuspend;
    fencepost_way_epoll_pwait2: c"epoll_pwait2" => waits::fencepost_epoll_pwait2;
    fencepost_way_setcontext: c"setcontext" => waits::fencepost_setcontext;
    fencepost_way_swapcontext: c"swapcontext" => waits::fencepost_swapcontext;
    fencepost_way_makecontext: c"makecontext" => waits::fencepost_makecontext;
    fencepost_way_under_longjmp_chk: c"__longjmp_chk" => waits::fencepost_longjmp_chk;
    fencepost_way_dlopen: c"dlopen" => libraries::fencepost_dlopen;
    fencepost_way_dlmopen: c"dlmopen" => libraries::fencepost_dlmopen;
    fencepost_way_dlsym: c"dlsym" => libraries::fencepost_dlsym;
    fencepost_way_dlclose: c"dlclose" => libraries::fencepost_dlclose;
    fencepost_way_low_fork: c"_Fork" => fork::fencepost_fork_plainly;
    fencepost_way_under_register_atfork: c"__register_atfork" => fork::fencepost_register_atfork;
    fencepost_way_pthread_create: c"pthread_create" => process::fencepost_pthread_create;
    fencepost_way_low_exit: c"_exit" => process::fencepost_exit_now;
    fencepost_way_low_iso_exit: c"_Exit" => process::fencepost_exit_now;
    fencepost_way_quick_exit: c"quick_exit" => process::fencepost_quick_exit;
    fencepost_way_close: c"close" => descriptors::fencepost_close;
    fencepost_way_close_range: c"close_range" => descriptors::fencepost_close_range;
    fencepost_way_closefrom: c"closefrom" => descriptors::fencepost_closefrom;
    fencepost_way_dup2: c"dup2" => descriptors::fencepost_dup2;
    fencepost_way_dup3: c"dup3" => descriptors::fencepost_dup3;
    fencepost_way_fclose: c"fclose" => descriptors::fencepost_fclose;
    fencepost_way_setsid: c"setsid" => descriptors::fencepost_setsid;
    fencepost_way_daemon: c"daemon" => descriptors::fencepost_daemon;
    fencepost_way_madvise: c"madvise" => advice::fencepost_madvise;
    fencepost_way_process_madvise: c"process_madvise" => advice::fencepost_process_madvise;
    fencepost_way_mmap: c"mmap" => mappings::fencepost_mmap;
    fencepost_way_mmap64: c"mmap64" => mappings::fencepost_mmap;
    fencepost_way_mremap: c"mremap" => mappings::fencepost_mremap;
    fencepost_way_munmap: c"munmap" => mappings::fencepost_munmap;
    fencepost_way_msync: c"msync" => guarding::fencepost_msync;
    fencepost_way_mlock: c"mlock" => memory_locks::fencepost_mlock;
    fencepost_way_mlock2: c"mlock2" => memory_locks::fencepost_mlock2;
    fencepost_way_ioctl: c"ioctl" => userfaults::fencepost_ioctl;
    fencepost_way_mprotect: c"mprotect" => protection::fencepost_mprotect;
    fencepost_way_pkey_mprotect: c"pkey_mprotect" => protection::fencepost_pkey_mprotect;
    fencepost_way_mlockall: c"mlockall" => memory_locks::fencepost_mlockall;
    fencepost_way_munlockall: c"munlockall" => memory_locks::fencepost_munlockall;
    fencepost_way_shmat: c"shmat" => segments::fencepost_shmat;
    fencepost_way_shmdt: c"shmdt" => segments::fencepost_shmdt;
    fencepost_way_ftruncate: c"ftruncate" => lengths::fencepost_ftruncate;
    fencepost_way_ftruncate64: c"ftruncate64" => lengths::fencepost_ftruncate;
    fencepost_way_prctl: c"prctl" => seccomp::fencepost_prctl;
}
