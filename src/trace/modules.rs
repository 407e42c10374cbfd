//! Every module that was loaded at start-up, or whose code was seen on a stack.
//!
//! Entries are only added, so a frame keeps its name after dlclose. What changes is whether the module is still
//! [`loaded`](Module::is_loaded), and only then may its unwind tables be read. Readers take no lock. No other module is
//! loaded where one was, within limits (`learn`). A module that is loaded again at its old place takes its old entry,
//! so programs that load and unload in a loop do not fill the registry.

use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::sys::loader::{self, Object};
use crate::sys::lock::Patience;
use crate::sys::probe;
use crate::sys::scope::has_memory;

/// The kind of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// The program itself. Its file can be read as `/proc/self/exe` even if it was deleted.
    Executable,
    /// A shared library, or the dynamic loader.
    Library,
    /// The kernel's vDSO, which is in no file.
    Vdso,
}

/// A loaded object, or one that was loaded before.
#[derive(Debug)]
pub struct Module {
    /// Its absolute path when it was first seen; `[vdso]` for the vDSO.
    pub path: PathBuf,
    /// Its kind.
    pub kind: ModuleKind,
    /// The first address of its mapping.
    pub start: usize,
    /// The end of its mapping, exclusive.
    pub end: usize,
    /// An address in memory minus the address that the file has for it.
    pub bias: usize,
    /// The GNU build id; empty if there is none.
    pub build_id: Box<[u8]>,
    /// Whether it contains Go's runtime: Go's linker leaves a note.
    pub is_go: bool,
    eh_frame_hdr: Section,
    eh_frame: Section,
    loaded: AtomicBool,
}

/// A section of a module in memory; empty if the module has no such section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its address in memory.
    pub start: usize,
    /// Its size in bytes; for `.eh_frame`, up to the end of the segment that holds it.
    pub bytes: usize,
}

impl Section {
    /// Returns the section's contents.
    ///
    /// # Safety
    ///
    /// The module must stay loaded as long as the slice is used.
    pub unsafe fn bytes(&self) -> &'static [u8] {
        if self.bytes == 0 {
            return &[];
        }
        // SAFETY: the section was found in a readable segment of the module, and the caller keeps that loaded.
        unsafe { core::slice::from_raw_parts(self.start as *const u8, self.bytes) }
    }
}

impl Module {
    /// Whether the module was loaded when it was last looked at, so that its memory may be read.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// Whether `addr` is within the module's mapping.
    pub fn contains(&self, addr: usize) -> bool {
        (self.start..self.end).contains(&addr)
    }

    /// Returns the index of the module's unwind tables; empty if there is none.
    pub fn eh_frame_hdr(&self) -> Section {
        self.eh_frame_hdr
    }

    /// Returns the module's unwind tables; empty if there are none.
    pub fn eh_frame(&self) -> Section {
        self.eh_frame
    }

    /// Returns the address as the file has it. Wraps for addresses outside the module.
    pub fn stated_address(&self, addr: usize) -> usize {
        addr.wrapping_sub(self.bias)
    }
}

/// How many modules can be registered, more than any program was seen to load. Further ones are walked by frame
/// pointer, and have no names.
const CAPACITY: usize = 8192;

static MODULES: [AtomicPtr<Module>; CAPACITY] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; CAPACITY];
/// How many elements of `MODULES` are set; stored after the element.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Returns every known module, in the order in which they were first seen.
pub fn all() -> impl DoubleEndedIterator<Item = &'static Module> {
    MODULES[..COUNT.load(Ordering::Acquire)].iter().filter_map(|module| {
        // SAFETY: an element is set once, to a leaked box.
        unsafe { module.load(Ordering::Acquire).as_ref() }
    })
}

/// Returns the module that `addr` is in: of several, the one loaded now, otherwise the one that was seen last.
///
/// Lock-free and async-signal-safe. Takes time linear in the number of modules, so it is not for every frame.
pub fn module_of(addr: usize) -> Option<&'static Module> {
    let mut unloaded = None;
    for module in all().rev().filter(|module| module.contains(addr)) {
        if module.is_loaded() {
            return Some(module);
        }
        unloaded = unloaded.or(Some(module));
    }
    unloaded
}

/// Returns the module that is loaded at `addr` now.
pub(super) fn loaded_at(addr: usize) -> Option<&'static Module> {
    all().rev().find(|module| module.contains(addr) && module.is_loaded())
}

/// The lock for additions to the registry and to what is derived from it.
///
/// A signal handler in the thread that holds it is refused at once. Waiting for another thread is bounded, as the
/// holder neither blocks nor runs foreign code.
pub(super) struct RegistryLock(());

/// The kernel's thread id of the holder; 0 if the lock is free.
static HOLDER: AtomicU32 = AtomicU32::new(0);

impl RegistryLock {
    /// Takes the lock. `None` if this very thread has it, or another keeps it for long.
    pub(super) fn acquire() -> Option<Self> {
        let me = loader::thread_id();
        let mut patience = None;
        loop {
            match HOLDER.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(Self(())),
                Err(holder) if holder == me => return None,
                Err(_) if patience.get_or_insert_with(|| Patience::new(500)).is_left() => {}
                Err(_) => return None,
            }
        }
    }

    /// In the child of a fork: frees a lock whose holder does not exist here.
    pub(super) fn reset_after_fork() {
        HOLDER.store(0, Ordering::Release);
    }
}

impl Drop for RegistryLock {
    fn drop(&mut self) {
        HOLDER.store(0, Ordering::Release);
    }
}

/// Registers `object`. Returns whether it displaced another module that was believed to be loaded there. `None` if
/// nothing changed: it is known and loaded, or the registry or the memory is full. Allocates.
pub(super) fn register(_lock: &RegistryLock, object: &Object) -> Option<bool> {
    let candidates = || all().filter(|module| module.start == object.start);
    if candidates().any(|module| module.is_loaded() && is_same(module, object)) {
        return None;
    }
    // For its path, and the one that this is relative to, several times.
    if !has_memory(64 << 10) {
        displace(object);
        return None;
    }
    let module = read_module(object);
    let revived = candidates().find(|known| {
        !known.is_loaded()
            && is_same(known, object)
            && known.path == module.path
            && known.build_id == module.build_id
            && known.eh_frame == module.eh_frame
            && known.eh_frame_hdr == module.eh_frame_hdr
    });
    let displaced = displace(object);
    if let Some(known) = revived {
        known.loaded.store(true, Ordering::Release);
        return Some(displaced);
    }
    let count = COUNT.load(Ordering::Relaxed);
    let slot = MODULES.get(count)?;
    slot.store(Box::into_raw(Box::new(module)), Ordering::Release);
    COUNT.store(count + 1, Ordering::Release);
    Some(displaced)
}

/// Marks everything else that was loaded where `object` is as unloaded. Returns whether there was something.
fn displace(object: &Object) -> bool {
    let mut displaced = false;
    for known in all().filter(|known| known.start < object.end && object.start < known.end) {
        displaced |= known.loaded.swap(false, Ordering::AcqRel);
    }
    displaced
}

fn is_same(module: &Module, object: &Object) -> bool {
    (module.start, module.end, module.bias) == (object.start, object.end, object.bias)
}

/// Marks modules that are no longer loaded, and passes each to `forgotten`.
pub(super) fn mark_unloaded(
    _lock: &RegistryLock,
    is_loaded: impl Fn(&Object) -> bool,
    mut forgotten: impl FnMut(&Module),
) {
    for module in all().filter(|module| module.is_loaded()) {
        let Module { start, end, bias, .. } = *module;
        if !is_loaded(&Object { start, end, bias, name: 0, eh_frame_hdr: 0 }) {
            module.loaded.store(false, Ordering::Release);
            forgotten(module);
        }
    }
}

/// Reads a module's data from its memory. Uses probes, so it may even be unloaded meanwhile.
fn read_module(object: &Object) -> Module {
    let contains = |addr: usize| (object.start..object.end).contains(&addr);
    let name = loader::name_of(object);
    let name = OsStr::from_bytes(&name);
    let (kind, path) = if contains(loader::vdso_address()) {
        (ModuleKind::Vdso, PathBuf::from("[vdso]"))
    } else if contains(loader::executable_address()) {
        let path = loader::executable_path().unwrap_or_else(|| PathBuf::from(name));
        (ModuleKind::Executable, path)
    } else {
        (ModuleKind::Library, absolute(Path::new(name)))
    };
    let segments = Segments::read(object);
    let eh_frame_hdr = segments.section_at(object.eh_frame_hdr);
    let eh_frame = eh_frame_start(object.eh_frame_hdr).map(|start| segments.section_at(start));
    Module {
        path,
        kind,
        start: object.start,
        end: object.end,
        bias: object.bias,
        build_id: segments.build_id(),
        is_go: segments.note(GO, NT_GO_BUILD_ID).is_some(),
        eh_frame_hdr,
        eh_frame: eh_frame.unwrap_or_default(),
        loaded: AtomicBool::new(true),
    }
}

/// Makes a library's path absolute. A relative one starts in the current directory of the dlopen, which most likely is
/// still the current one.
fn absolute(path: &Path) -> PathBuf {
    if path.is_absolute() || path.as_os_str().is_empty() {
        return path.to_path_buf();
    }
    std::env::current_dir().map_or_else(|_| path.to_path_buf(), |current| current.join(path))
}

/// Reads the `eh_frame_ptr` field of `.eh_frame_hdr` (LSB core, 10.6.2), in the encodings that linkers write: version
/// 1, then three encoding bytes, then the pointer.
fn eh_frame_start(hdr: usize) -> Option<usize> {
    const PCREL_SDATA4: u8 = 0x1b;
    if hdr == 0 || probe::load_byte(hdr)? != 1 || probe::load_byte(hdr + 1)? != PCREL_SDATA4 {
        return None;
    }
    let offset = probe::load(hdr + 4)? as u32 as i32;
    Some((hdr + 4).wrapping_add_signed(offset as isize))
}

/// The readable segments of a loaded object, by the program headers in its own memory.
struct Segments {
    /// Their `(start, end)` addresses in memory.
    loads: Vec<(usize, usize)>,
    /// The `(start, bytes)` of the PT_NOTE segments.
    notes: Vec<(usize, usize)>,
    eh_frame_hdr: Option<(usize, usize)>,
}

impl Segments {
    /// Reads the segments; none if the object's mapping does not begin with an ELF header. Uses probes, as the first
    /// page of a mapping may be unreadable.
    fn read(object: &Object) -> Self {
        let mut segments = Self { loads: Vec::new(), notes: Vec::new(), eh_frame_hdr: None };
        // A failure leaves what was found until then.
        let _ = segments.fill(object);
        segments
    }

    fn fill(&mut self, object: &Object) -> Option<()> {
        use libc::{Elf64_Ehdr, Elf64_Phdr};

        const ELF64: usize = u32::from_le_bytes(*b"\x7fELF") as usize | (2 << 32);
        if probe::load(object.start)? & 0xff_ffff_ffff != ELF64 {
            return None;
        }
        let header = |offset: usize| probe::load(object.start + offset);
        let table = object.start.wrapping_add(header(offset_of!(Elf64_Ehdr, e_phoff))?);
        let entry_bytes = header(offset_of!(Elf64_Ehdr, e_phentsize))? & 0xffff;
        let count = header(offset_of!(Elf64_Ehdr, e_phnum))? & 0xffff;
        for entry in (0..count).map(|index| table.wrapping_add(index * entry_bytes)) {
            let field = |offset: usize| probe::load(entry + offset);
            let kind = field(offset_of!(Elf64_Phdr, p_type))? as u32;
            let flags = field(offset_of!(Elf64_Phdr, p_flags))? as u32;
            let start = object.bias.wrapping_add(field(offset_of!(Elf64_Phdr, p_vaddr))?);
            let bytes = field(offset_of!(Elf64_Phdr, p_memsz))?;
            let end = start.checked_add(bytes)?;
            match kind {
                libc::PT_LOAD if flags & libc::PF_R != 0 => self.loads.push((start, end)),
                libc::PT_NOTE => self.notes.push((start, bytes)),
                libc::PT_GNU_EH_FRAME => self.eh_frame_hdr = Some((start, bytes)),
                _ => {}
            }
        }
        Some(())
    }

    /// Returns the memory from `start` to the end of its segment, or of `.eh_frame_hdr` if it begins there.
    fn section_at(&self, start: usize) -> Section {
        let Some((_, end)) = self.loads.iter().find(|(from, to)| (*from..*to).contains(&start))
        else {
            return Section::default();
        };
        let bytes = match self.eh_frame_hdr {
            Some((hdr, bytes)) if hdr == start => bytes.min(end - start),
            _ => end - start,
        };
        Section { start, bytes }
    }

    fn build_id(&self) -> Box<[u8]> {
        let Some((id, bytes)) = self.note(GNU, NT_GNU_BUILD_ID) else { return Box::default() };
        (id..id + bytes.min(64)).map_while(probe::load_byte).collect()
    }

    /// Returns the `(start, bytes)` of the contents of the note with this name and type.
    fn note(&self, owner: u32, kind: u32) -> Option<(usize, usize)> {
        for &(start, bytes) in &self.notes {
            let mut at = start;
            while at + 12 <= start + bytes {
                // Elf64_Nhdr: n_namesz, n_descsz and n_type, four bytes each, then name and contents, padded.
                let Some(sizes) = probe::load(at) else { break };
                let Some(found_kind) = probe::load(at + 8) else { break };
                let (name_bytes, said_bytes) = (sizes & 0xffff_ffff, sizes >> 32);
                let name = at + 12;
                let said = name + name_bytes.next_multiple_of(4);
                let is_owner =
                    name_bytes == 4 && probe::load(name).is_some_and(|name| name as u32 == owner);
                if is_owner && found_kind as u32 == kind {
                    return Some((said, said_bytes));
                }
                at = said + said_bytes.next_multiple_of(4);
            }
        }
        None
    }
}

/// The names of two notes, and their types.
const GNU: u32 = u32::from_le_bytes(*b"GNU\0");
const NT_GNU_BUILD_ID: u32 = 3;
/// The type is ELF_NOTE_GOBUILDID_TAG in cmd/link/internal/ld/elf.go.
const GO: u32 = u32::from_le_bytes(*b"Go\0\0");
const NT_GO_BUILD_ID: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_executable_and_libc() {
        super::super::init();
        let here = knows_the_executable_and_libc as *const () as usize;
        let module = module_of(here).expect("the test executable");
        assert_eq!(module.kind, ModuleKind::Executable);
        assert_eq!(Some(&module.path), loader::executable_path().as_ref());
        assert!(module.eh_frame_hdr().bytes > 0 && module.eh_frame().bytes > 0);
        let libc = module_of(libc::getpid as *const () as usize).expect("libc");
        assert!(libc.path.is_absolute());
        assert!(libc.path.file_name().unwrap().as_bytes().starts_with(b"libc"));
        assert!(!libc.build_id.is_empty());
        assert!(module_of(16).is_none());
    }

    #[test]
    fn the_vdso_is_a_module() {
        super::super::init();
        let at = loader::vdso_address();
        if at != 0 {
            let vdso = module_of(at).expect("vdso");
            assert_eq!(vdso.kind, ModuleKind::Vdso);
            assert!(vdso.eh_frame().bytes > 0);
        }
    }
}
