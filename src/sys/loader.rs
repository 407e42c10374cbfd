//! Which objects the dynamic loader has mapped, and where.
//!
//! [`object_at`] may be called anywhere, inside malloc and in signal handlers too: it uses
//! `_dl_find_object` (glibc 2.35), which takes no lock and allocates nothing. Older glibc has only
//! `dl_iterate_phdr`, which takes the loader's lock; dlopen holds that lock while it runs
//! constructors that call malloc. There [`object_at`] finds nothing, and callers list the objects
//! with [`for_each_object`] at start-up and after dlopen instead.

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::path::PathBuf;

use super::probe;

/// A loaded object: the executable, a shared library, or the vDSO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// First address of the object's mapping, at a page boundary.
    pub start: usize,
    /// End of the object, exclusive; the rest of its last page is not counted.
    pub end: usize,
    /// Difference between an address in memory and the one stated in the file.
    pub bias: usize,
    /// Address of the file name as the loader keeps it: a C string, empty for the executable,
    /// valid while the object stays loaded.
    pub name: usize,
    /// Address of the `.eh_frame_hdr` section, 0 when there is none.
    pub eh_frame_hdr: usize,
}

/// `struct dl_find_object` (the glibc manual, "Dynamic Linker Introspection"). The x86_64 layout
/// has neither the `dlfo_eh_dbase` nor the `dlfo_eh_count` member.
#[repr(C)]
struct DlFindObject {
    flags: u64,
    map_start: *mut c_void,
    map_end: *mut c_void,
    link_map: *const LinkMap,
    eh_frame: *mut c_void,
    reserved: [u64; 7],
}

const _: () = assert!(size_of::<DlFindObject>() == 96);

/// The public head of glibc's `struct link_map`, `<link.h>`.
#[repr(C)]
struct LinkMap {
    addr: usize,
    name: *const c_char,
}

type FindObject = unsafe extern "C" fn(*mut c_void, *mut DlFindObject) -> c_int;

/// Address of `_dl_find_object`, 0 before `init` and where glibc lacks it.
static FIND_OBJECT: AtomicUsize = AtomicUsize::new(0);

/// Finds `_dl_find_object`. Calls dlsym, so it must not run within malloc. May be called again.
pub fn init() {
    // SAFETY: dlsym with RTLD_DEFAULT and a valid C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) };
    FIND_OBJECT.store(found as usize, Ordering::Release);
}

/// Whether [`object_at`] can find objects: glibc 2.35 or later, and [`init`] has run.
#[inline]
pub fn can_look_up() -> bool {
    FIND_OBJECT.load(Ordering::Acquire) != 0
}

/// The loaded object whose mapping contains `addr`.
///
/// Lock-free and async-signal-safe (glibc documents `_dl_find_object` as such).
pub fn object_at(addr: usize) -> Option<Object> {
    let find = FIND_OBJECT.load(Ordering::Acquire);
    if find == 0 {
        return None;
    }
    // SAFETY: the value is not zero, so it is dlsym's for the symbol that has this type.
    let find: FindObject = unsafe { core::mem::transmute::<usize, FindObject>(find) };
    let mut found = DlFindObject {
        flags: 0,
        map_start: core::ptr::null_mut(),
        map_end: core::ptr::null_mut(),
        link_map: core::ptr::null(),
        eh_frame: core::ptr::null_mut(),
        reserved: [0; 7],
    };
    // SAFETY: any address may be asked about; the result is ours and large enough.
    if unsafe { find(addr as *mut c_void, &mut found) } != 0 || found.link_map.is_null() {
        return None;
    }
    // Read by probes, because a dlclose in another thread may be freeing it.
    let link_map = found.link_map as usize;
    let bias = probe::load(link_map + core::mem::offset_of!(LinkMap, addr))?;
    let name = probe::load(link_map + core::mem::offset_of!(LinkMap, name))?;
    Some(Object {
        start: found.map_start as usize,
        end: found.map_end as usize,
        bias,
        name,
        eh_frame_hdr: found.eh_frame as usize,
    })
}

/// Calls `visit` for every object now loaded.
///
/// Takes the loader's lock: call it at start-up and after dlopen, never inside malloc or in a
/// signal handler.
pub fn for_each_object(mut visit: impl FnMut(Object)) {
    unsafe extern "C" fn trampoline<F: FnMut(Object)>(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: dl_iterate_phdr passes valid info and the pointer given to it below.
        let (info, visit) = unsafe { (&*info, &mut *data.cast::<F>()) };
        // SAFETY: the loader describes the program headers of an object that stays loaded during the call.
        let headers =
            unsafe { core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        if let Some(object) = from_program_headers(info.dlpi_addr as usize, info.dlpi_name, headers)
        {
            visit(object);
        }
        0
    }
    fn call<F: FnMut(Object)>(visit: &mut F) {
        let data = (visit as *mut F).cast();
        // SAFETY: the trampoline is instantiated for the type that `data` points to.
        unsafe { libc::dl_iterate_phdr(Some(trampoline::<F>), data) };
    }
    call(&mut visit);
}

fn from_program_headers(
    bias: usize,
    name: *const c_char,
    headers: &[libc::Elf64_Phdr],
) -> Option<Object> {
    let loads = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let start = loads().map(|header| header.p_vaddr as usize).min()?;
    let end = loads().map(|header| (header.p_vaddr + header.p_memsz) as usize).max()?;
    let eh_frame_hdr = headers
        .iter()
        .find(|header| header.p_type == libc::PT_GNU_EH_FRAME)
        .map_or(0, |header| bias.wrapping_add(header.p_vaddr as usize));
    Some(Object {
        start: bias.wrapping_add(start) & !0xfff,
        end: bias.wrapping_add(end),
        bias,
        name: name as usize,
        eh_frame_hdr,
    })
}

/// The path of the running executable; the kernel appends ` (deleted)` if the file is gone. `None`
/// where /proc is not mounted.
pub fn executable_path() -> Option<PathBuf> {
    std::fs::read_link("/proc/self/exe").ok()
}

/// An address inside the executable's own mapping: that of its program headers.
pub fn executable_address() -> usize {
    // SAFETY: getauxval has no preconditions.
    unsafe { libc::getauxval(libc::AT_PHDR) as usize }
}

/// The address of the vDSO's ELF header, 0 when the kernel provides none.
pub fn vdso_address() -> usize {
    // SAFETY: getauxval has no preconditions.
    unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) as usize }
}

/// The loader's name of `object`; empty for the executable. Cut off at the first unreadable byte:
/// the object may have been unloaded meanwhile.
pub fn name_of(object: &Object) -> Vec<u8> {
    let at = object.name;
    (at..at.saturating_add(libc::PATH_MAX as usize))
        .map_while(|addr| probe::load_byte(addr).filter(|byte| *byte != 0))
        .collect()
}

/// The name under which the object at an address was loaded. Takes the loader's lock.
pub fn path_at(addr: usize) -> Option<Vec<u8>> {
    let mut info = core::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: any address may be asked about; if an object is found there, the structure is filled, and its name is a
    // C string that stays while the object is loaded.
    unsafe {
        if libc::dladdr(addr as *const c_void, info.as_mut_ptr()) == 0 {
            return None;
        }
        let name = info.assume_init().dli_fname;
        (!name.is_null()).then(|| core::ffi::CStr::from_ptr(name).to_bytes().to_vec())
    }
}

/// The calling thread's kernel id. Changes in the child of a fork.
pub fn thread_id() -> u32 {
    // SAFETY: gettid has no arguments and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

/// Runs `body` and leaves errno as it was: malloc must not change it on success, and free must
/// never change it (POSIX.1-2024).
pub fn with_errno_kept<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: the location of the calling thread's errno is always valid.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        let result = body();
        *errno = saved;
        result
    }
}

/// Whether the code of a function begins at `addr`, and not only its stub: in an executable at a
/// fixed address, dlsym returns the stub of an imported function.
///
/// Takes the loader's lock.
pub fn is_definition(addr: usize) -> bool {
    symbol_at(addr).is_some_and(|symbol| symbol.st_shndx != 0)
}

/// The symbol table's entry for `addr`. Takes the loader's lock.
fn symbol_at(addr: usize) -> Option<libc::Elf64_Sym> {
    /// `dladdr1` flag of glibc: the symbol table entry is wanted (dladdr(3)).
    const RTLD_DL_SYMENT: c_int = 1;
    unsafe extern "C" {
        fn dladdr1(
            addr: *const c_void,
            info: *mut libc::Dl_info,
            extra: *mut *mut c_void,
            flags: c_int,
        ) -> c_int;
    }
    let mut entry: *const libc::Elf64_Sym = core::ptr::null();
    // SAFETY: both results are valid to write; the entry belongs to the loader, and stays while the
    // object is loaded.
    unsafe {
        let mut info: libc::Dl_info = core::mem::zeroed();
        let extra = (&raw mut entry).cast::<*mut c_void>();
        let found = dladdr1(addr as *const c_void, &raw mut info, extra, RTLD_DL_SYMENT);
        if found == 0 { None } else { entry.as_ref().copied() }
    }
}

/// Where the code of the function `name` begins and ends, by its symbol. Takes the loader's lock.
pub fn extent_of(name: &core::ffi::CStr) -> Option<core::ops::Range<usize>> {
    // SAFETY: dlsym with RTLD_DEFAULT and a valid C string.
    let start = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) } as usize;
    let symbol = symbol_at(start)?;
    Some(start..start + symbol.st_size as usize)
}

/// Whether a loaded object exports `name`. Takes the loader's lock, and that of setlocale.
pub fn is_defined(name: &core::ffi::CStr) -> bool {
    // SAFETY: dlsym with RTLD_DEFAULT and a valid C string.
    let found = unsafe { !libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()).is_null() };
    if !found {
        forget_error();
    }
    found
}

/// Forgets the error of a failed search, which the program must not see. Its text is freed now, and not by whoever
/// calls the loader next, perhaps inside an allocator.
pub fn forget_error() {
    // SAFETY: dlerror(3) has no conditions. The first call returns the text, the second one frees it.
    unsafe {
        libc::dlerror();
        libc::dlerror();
    }
}

/// The version of the running glibc, for instance (2, 36); zeros where it is not a number.
pub fn libc_version() -> (u32, u32) {
    // SAFETY: gnu_get_libc_version returns a C string that is never freed.
    let text = unsafe { core::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    let text = text.to_str().unwrap_or_default();
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether this code is in the preload library, and not in a program that links the crate.
pub fn is_preload_library() -> bool {
    let marker: usize;
    // SAFETY: reads a word of the global offset table; a weak symbol that nobody defines is zero.
    unsafe {
        core::arch::asm!(
            // build.rs defines it in the preload library alone.
            ".weak fencepost_preload_marker",
            "mov {}, qword ptr [rip + fencepost_preload_marker@GOTPCREL]",
            out(reg) marker,
            options(nostack, pure, readonly, preserves_flags),
        );
    }
    marker != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_this_function_in_the_executable() {
        init();
        if !can_look_up() {
            return;
        }
        let here = finds_this_function_in_the_executable as *const () as usize;
        let object = object_at(here).expect("the test executable");
        assert!((object.start..object.end).contains(&here));
        assert!((object.start..object.end).contains(&object.eh_frame_hdr));
        assert!((object.start..object.end).contains(&executable_address()));
        assert_eq!(object_at(1), None);
        assert_eq!(object_at(&object as *const Object as usize), None);
    }

    #[test]
    fn enumeration_agrees_with_lookup() {
        init();
        let mut count = 0;
        for_each_object(|object| {
            count += 1;
            if let Some(found) = object_at(object.start) {
                assert_eq!(found, object);
            }
        });
        assert!(count >= 2, "the executable and libc at least");
    }
}
