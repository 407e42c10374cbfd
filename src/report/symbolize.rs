//! Names and source lines for code addresses.
//!
//! This runs in the fault handler of a program in any state. So it takes no lock of the loader (which the program may
//! hold), and finds modules in the runtime's own registry. If files are missing, replaced, deleted or malformed, it
//! finds less. It allocates, and reads files.

mod maps;
pub mod operators;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::panics;
use crate::debug_info::DebugFile;
use crate::finding::{Address, Frame, UNKNOWN_MODULE};
use crate::printable::printable;
use crate::trace::{self, Module, ModuleKind, Pc, modules};
use maps::Maps;

/// The function's name in the frame by which a signal handler returns, as debuggers write it.
pub const SIGNAL_FRAME: &str = "<signal handler called>";

/// Looks addresses up, and keeps what it has loaded for later ones.
#[derive(Default)]
pub struct Symbolizer {
    /// By the address of the registry's entry, which is never freed. `None` if no usable file was found.
    files: BTreeMap<usize, Option<DebugFile>>,
    /// Read when the first address outside all modules is looked up.
    maps: Option<Maps>,
    known: BTreeMap<(usize, bool), Vec<Frame>>,
}

impl Symbolizer {
    /// Returns a symbolizer that has loaded nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the functions at `pc`, the innermost inlined one first. There is at least one, and the last one has its
    /// module filled in.
    ///
    /// A return address stands for the call before it.
    pub fn symbolize(&mut self, pc: usize, is_return_address: bool) -> Vec<Frame> {
        if let Some(known) = self.known.get(&(pc, is_return_address)) {
            return known.clone();
        }
        let lookup = pc.wrapping_sub(usize::from(is_return_address));
        let mut frames = match modules::module_of(lookup) {
            Some(module) => self.symbolize_in(module, pc, lookup),
            None => vec![self.maps.get_or_insert_with(Maps::read).describe(pc)],
        };
        for frame in &mut frames {
            frame.address = Address(pc as u64);
        }
        if is_return_address
            && trace::is_signal_return(pc)
            && let [frame] = frames.as_mut_slice()
        {
            frame.function = Some(SIGNAL_FRAME.to_owned());
        }
        self.known.insert((pc, is_return_address), frames.clone());
        frames
    }

    /// Returns the functions at a frame of a stack, like [`Symbolizer::symbolize`].
    pub fn symbolize_pc(&mut self, pc: Pc) -> Vec<Frame> {
        self.symbolize(pc.address(), pc.is_return_address())
    }

    /// Returns the module and the offset of `pc` only. Reads no file.
    pub fn module_only(&self, pc: usize) -> Frame {
        let (module, offset) = match modules::module_of(pc) {
            Some(module) => (path_of(module), module.stated_address(pc)),
            None => (UNKNOWN_MODULE.to_owned(), pc),
        };
        let (address, offset) = (Address(pc as u64), Address(offset as u64));
        Frame { address, module, offset, ..Frame::default() }
    }

    fn symbolize_in(&mut self, module: &'static Module, pc: usize, lookup: usize) -> Vec<Frame> {
        let key = core::ptr::from_ref(module) as usize;
        let loaded = || panics::catch(|| open(module)).flatten();
        let file = self.files.entry(key).or_insert_with(loaded);
        let stated = module.stated_address(lookup) as u64;
        let mut frames = match file {
            Some(found) => panics::catch(|| found.frames_at(stated)).unwrap_or_else(|| {
                *file = None;
                Vec::new()
            }),
            None => Vec::new(),
        };
        if file.as_ref().is_some_and(DebugFile::is_damaged) {
            *file = None;
            frames.clear();
        }
        if frames.is_empty() {
            frames.push(Frame::default());
        }
        for frame in &mut frames {
            frame.module = path_of(module);
            frame.offset = Address(module.stated_address(pc) as u64);
        }
        frames
    }
}

/// Opens the files that describe a module.
pub fn open(module: &Module) -> Option<DebugFile> {
    if module.kind == ModuleKind::Vdso {
        // Its section headers lie beyond the last segment, in the same page.
        let bytes = module.end.next_multiple_of(0x1000) - module.start;
        // SAFETY: the kernel maps the vDSO for the life of the process, whole readable pages.
        let image = unsafe { core::slice::from_raw_parts(module.start as *const u8, bytes) };
        return Some(DebugFile::of_image(image));
    }
    let real = match module.kind {
        // Works when the file was deleted or replaced, too.
        ModuleKind::Executable => Path::new("/proc/self/exe"),
        _ => module.path.as_path(),
    };
    DebugFile::of_module(real, &module.path, &module.build_id)
}

fn path_of(module: &Module) -> String {
    printable(module.path.as_os_str().as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Caller, Frames};

    #[inline(always)]
    fn inlined_here() -> Caller {
        Caller::here()
    }

    #[inline(never)]
    fn calls_inlined() -> Caller {
        inlined_here()
    }

    #[test]
    fn an_inlined_function_comes_before_its_host() {
        trace::init();
        let caller = calls_inlined();
        let frames = Symbolizer::new().symbolize(caller.pc, false);
        let names: Vec<_> = frames.iter().filter_map(|frame| frame.function.as_deref()).collect();
        // The debug information of a release build has lines only, so names have no paths.
        let position = |name: &str| names.iter().position(|found| found.ends_with(name));
        assert!(position("inlined_here") < position("::calls_inlined"), "{names:?}");
        assert!(position("inlined_here").is_some(), "{names:?}");
        let (last, inner) = frames.split_last().unwrap();
        assert!(!last.inlined && inner.iter().all(|frame| frame.inlined));
        assert!(last.file.as_ref().unwrap().ends_with("src/report/symbolize.rs"));
        assert!(last.line.is_some());
    }

    #[test]
    fn a_whole_stack_has_names_in_order() {
        #[inline(never)]
        fn outer(frames: &mut Frames) {
            inner(frames);
            core::hint::black_box(());
        }
        #[inline(never)]
        fn inner(frames: &mut Frames) {
            trace::walk(Caller::here(), frames);
        }
        trace::init();
        let mut frames = Frames::new();
        outer(&mut frames);
        let mut symbolizer = Symbolizer::new();
        let names: Vec<String> = frames.as_slice()[..2]
            .iter()
            .map(|pc| symbolizer.symbolize_pc(*pc).pop().unwrap().function.unwrap())
            .collect();
        assert!(names[0].ends_with("::inner") && names[1].ends_with("::outer"), "{names:?}");
    }

    #[test]
    fn a_function_of_libc_has_its_name() {
        trace::init();
        let frame = Symbolizer::new().symbolize(libc::getpid as *const () as usize, false);
        let function = frame.last().unwrap().function.as_deref().unwrap();
        assert!(function.ends_with("getpid"), "{function}");
    }

    #[test]
    fn addresses_of_no_module() {
        trace::init();
        let mut symbolizer = Symbolizer::new();
        let nowhere = symbolizer.symbolize(16, false);
        assert_eq!(nowhere.len(), 1);
        assert_eq!(nowhere[0].module, UNKNOWN_MODULE);
        assert_eq!(nowhere[0].offset, Address(16));
        let local = 0_u8;
        let on_stack = symbolizer.symbolize(&raw const local as usize, false);
        assert_ne!(on_stack[0].module, UNKNOWN_MODULE);
        assert_eq!(on_stack[0].function, None);
    }

    #[test]
    fn the_vdso_has_names() {
        trace::init();
        let start = crate::sys::loader::vdso_address();
        let Some(module) = modules::module_of(start) else {
            return;
        };
        let mut symbolizer = Symbolizer::new();
        let named = (module.start..module.end)
            .step_by(16)
            .find_map(|pc| symbolizer.symbolize(pc, false).pop().and_then(|frame| frame.function));
        assert!(named.is_some());
    }
}
