//! The next functions, which ours stand in front of: those of libc or of another preloaded library.
//!
//! `dlsym(RTLD_NEXT)` finds them. It takes the loader's lock, so [`resolve`] looks all of them up
//! while the process still has one thread. Nobody waits: if two threads look a function up at once, both find
//! the same.

use core::ffi::{CStr, c_char, c_void};
use core::mem::transmute_copy;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Address of the next definition of one symbol.
#[repr(C)]
pub struct Next {
    /// 0 until it is known. It is the first field because entries in assembler read it.
    address: AtomicUsize,
    /// See [`Next::leave_alone`]. Entries in assembler read it too.
    is_left_alone: AtomicBool,
    name: &'static CStr,
    /// Name of the function to use where nobody defines `name`.
    substitute: Option<&'static CStr>,
    /// See [`Next::system_call`].
    plain: Option<Plain>,
}

/// A function that only makes a system call, with as many of the arguments as this takes.
type Plain = extern "C" fn(usize, usize, usize, usize, usize, usize) -> isize;

impl Next {
    pub const fn new(name: &'static CStr) -> Next {
        Next { substitute: None, ..Next::or(name, name) }
    }

    pub const fn or(name: &'static CStr, substitute: &'static CStr) -> Next {
        Next {
            address: AtomicUsize::new(0),
            is_left_alone: AtomicBool::new(false),
            name,
            substitute: Some(substitute),
            plain: None,
        }
    }

    /// The function `name`, which in libc only makes system call `NUMBER`. [`Next::get`] never looks it up: it returns
    /// what [`Next::resolve`] has found, and a plain system call before.
    ///
    /// Allocators make such calls under their locks, and a look-up may call `free` (for an old text of dlerror),
    /// which may be that of the same allocator.
    pub const fn system_call<const NUMBER: libc::c_long>(name: &'static CStr) -> Next {
        Next { plain: Some(make_system_call::<NUMBER>), ..Next::new(name) }
    }

    /// Offset of the flag of [`Next::leave_alone`], in bytes.
    pub const LEFT_ALONE: usize = core::mem::offset_of!(Next, is_left_alone);

    /// Has calls go on to `function`, which is ours. Must be called before the first look-up.
    pub fn put_before(&self, function: *const ()) {
        self.set(function as usize);
    }

    /// From now on entries in assembler pass calls straight on to the next function.
    pub fn leave_alone(&self) {
        self.is_left_alone.store(true, Ordering::Relaxed);
    }

    pub fn address(&self) -> Option<NonZeroUsize> {
        self.known().or_else(|| {
            self.set(self.look_up()?.get());
            self.known()
        })
    }

    fn known(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.address.load(Ordering::Acquire))
    }

    /// Sets the address, if there is none.
    fn set(&self, address: usize) {
        let _ = self.address.compare_exchange(0, address, Ordering::AcqRel, Ordering::Acquire);
    }

    /// From now on has calls go to `function`, which is ours, whatever was known before.
    pub fn lead_to(&self, function: *const ()) {
        self.address.store(function as usize, Ordering::Release);
    }

    /// From now on uses `function`, which has the same signature, in libc's place. To be called once, before libc's
    /// function is looked up.
    pub fn take_over(&self, function: *const ()) {
        // If it is set already, a constructor has called libc's function, and later calls go there too.
        self.set(function as usize);
    }

    /// Looks the function up, while it is safe to take the loader's lock.
    pub fn resolve(&self) {
        self.address();
    }

    fn look_up(&self) -> Option<NonZeroUsize> {
        // dlsym may allocate (an error text), which belongs to the runtime.
        let _scope = super::scope::RuntimeScope::enter();
        let dlsym = libc_dlsym()?;
        [Some(self.name), self.substitute].into_iter().flatten().find_map(|name| {
            // SAFETY: `name` is a valid C string, and dlsym(3) defines the handle.
            let found =
                NonZeroUsize::new(unsafe { dlsym(libc::RTLD_NEXT, name.as_ptr()) } as usize);
            if found.is_none() {
                super::loader::forget_error();
            }
            found
        })
    }

    /// The next function as type `F`; `None` if there is none.
    ///
    /// # Safety
    /// `F` must be a function pointer type with the C signature of the symbol.
    pub unsafe fn get<F: Copy>(&self) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<usize>()) };
        let address = match (self.known(), self.plain) {
            (None, Some(plain)) => NonZeroUsize::new(plain as usize),
            _ => self.address(),
        };
        // SAFETY: the caller promises that `F` has the symbol's signature. The address is not zero: it came from dlsym,
        // or is that of a function of ours with this signature, or of one that hands the argument registers on to the
        // system call of this name.
        address.map(|address| unsafe { transmute_copy::<usize, F>(&address.get()) })
    }
}

/// Makes system call `NUMBER` as its function in libc does.
extern "C" fn make_system_call<const NUMBER: libc::c_long>(
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    // SAFETY: the arguments are those of the program, which must make them valid, as for libc's function. Registers
    // that the call does not take hold any value, and the kernel ignores them.
    match unsafe { super::syscall_unjudged(NUMBER, [a, b, c, d, e, f]) } {
        Ok(result) => result as isize,
        Err(error) => {
            super::errno::set(error);
            -1
        }
    }
}

/// The type of dlsym(3).
pub type DlsymFn = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

/// Finds libc's dlsym, by dlvsym(3): we export a dlsym ourselves, but no dlvsym. Every glibc for x86_64 has the
/// version GLIBC_2.2.5.
fn libc_dlsym() -> Option<DlsymFn> {
    let look_up = || {
        let (name, version) = (c"dlsym".as_ptr(), c"GLIBC_2.2.5".as_ptr());
        // SAFETY: the strings are valid C strings, and dlvsym(3) defines the handle.
        let found = unsafe { libc::dlvsym(libc::RTLD_NEXT, name, version) };
        NonZeroUsize::new(found as usize)
    };
    let address = DLSYM.known().or_else(|| {
        DLSYM.set(look_up()?.get());
        DLSYM.known()
    })?;
    // SAFETY: this is dlsym's address, and `DlsymFn` its signature.
    Some(unsafe { transmute_copy::<usize, DlsymFn>(&address.get()) })
}

macro_rules! next {
    ($($ident:ident = $name:literal $($number:ident)?),* $(,)?) => {
        $(pub static $ident: Next = next!(@new $name $($number)?);)*
        /// Looks all of them up, while it is safe to take the loader's lock.
        pub fn resolve() {
            for next in [$(&$ident),*] {
                next.resolve();
            }
        }
    };
    (@new $name:literal) => { Next::new($name) };
    (@new $name:literal $number:ident) => { Next::system_call::<{ libc::$number }>($name) };
}

next! {
    MALLOC = c"malloc",
    CALLOC = c"calloc",
    REALLOC = c"realloc",
    USABLE_SIZE = c"malloc_usable_size",
    MEMALIGN = c"memalign",
    FREE = c"free",
    MALLOPT = c"mallopt",
    SIGALTSTACK = c"sigaltstack",
    PTHREAD_KILL = c"pthread_kill",
    PTHREAD_SIGQUEUE = c"pthread_sigqueue",
    TGKILL = c"tgkill",
    EPOLL_PWAIT2 = c"epoll_pwait2",
    SETCONTEXT = c"setcontext",
    SWAPCONTEXT = c"swapcontext",
    MAKECONTEXT = c"makecontext",
    SIGLONGJMP = c"siglongjmp",
    LONGJMP_CHK = c"__longjmp_chk",
    PTHREAD_CREATE = c"pthread_create",
    QUICK_EXIT = c"quick_exit",
    PLAIN_FORK = c"_Fork",
    REGISTER_ATFORK = c"__register_atfork",
    POPEN = c"popen",
    LIST_LOCK = c"_IO_list_lock",
    LIST_UNLOCK = c"_IO_list_unlock",
    ITER_BEGIN = c"_IO_iter_begin",
    ITER_END = c"_IO_iter_end",
    ITER_NEXT = c"_IO_iter_next",
    ITER_FILE = c"_IO_iter_file",
    DLOPEN = c"dlopen",
    DLMOPEN = c"dlmopen",
    DLSYM = c"dlsym",
    DLCLOSE = c"dlclose",
    CLOSE = c"close",
    CLOSE_RANGE = c"close_range",
    CLOSEFROM = c"closefrom",
    DUP2 = c"dup2",
    DUP3 = c"dup3",
    FCLOSE = c"fclose",
    SETSID = c"setsid",
    DAEMON = c"daemon",
    IOCTL = c"ioctl",
    MADVISE = c"madvise" SYS_madvise,
    MLOCK = c"mlock" SYS_mlock,
    MLOCK2 = c"mlock2" SYS_mlock2,
    MLOCKALL = c"mlockall" SYS_mlockall,
    MMAP = c"mmap" SYS_mmap,
    MPROTECT = c"mprotect" SYS_mprotect,
    PKEY_MPROTECT = c"pkey_mprotect",
    FTRUNCATE = c"ftruncate" SYS_ftruncate,
    MREMAP = c"mremap" SYS_mremap,
    MSYNC = c"msync" SYS_msync,
    MUNLOCKALL = c"munlockall" SYS_munlockall,
    MUNMAP = c"munmap" SYS_munmap,
    SHMAT = c"shmat" SYS_shmat,
    SHMDT = c"shmdt" SYS_shmdt,
    PROCESS_MADVISE = c"process_madvise" SYS_process_madvise,
    PRCTL = c"prctl" SYS_prctl,
}
