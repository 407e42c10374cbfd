//! The files that describe one module: its own, and the separate debug files that distributions
//! ship.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use addr2line::Loader;
use object::{Object, ObjectSection, ObjectSymbol, ReadCache, ReadRef, SymbolKind};

use super::SymbolFrame;
use crate::trace::{Module, ModuleKind};

/// Where distributions keep separate debug files.
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// What there is to be known about a module's code.
pub(super) struct DebugFile {
    /// DWARF, from the module or its separate file.
    dwarf: Option<Loader>,
    /// Symbol tables to search, in this order.
    tables: Vec<SymbolSource>,
}

/// A file whose symbol tables are read anew at each look-up: this is the last resort for few
/// addresses, and tables can be large.
enum SymbolSource {
    File(ReadCache<File>),
    /// The vDSO is in memory only.
    Memory(&'static [u8]),
}

impl DebugFile {
    /// `None` when the module's file is missing or is not the one that was loaded.
    pub(super) fn open(module: &Module) -> Option<Self> {
        if module.kind == ModuleKind::Vdso {
            // Its section headers lie beyond the last segment, in the same page.
            let bytes = module.end.next_multiple_of(0x1000) - module.start;
            // SAFETY: the kernel maps the vDSO for the life of the process, whole readable pages.
            let image = unsafe { core::slice::from_raw_parts(module.start as *const u8, bytes) };
            return Some(Self { dwarf: None, tables: vec![SymbolSource::Memory(image)] });
        }
        let path = match module.kind {
            // Works when the file was deleted or replaced, too.
            ModuleKind::Executable => Path::new("/proc/self/exe"),
            _ => module.path.as_path(),
        };
        let path = if path.exists() { path } else { module.path.as_path() };
        let cache = ReadCache::new(File::open(path).ok()?);
        let object = object::File::parse(&cache).ok()?;
        let build_id = object.build_id().ok().flatten().unwrap_or_default();
        if !module.build_id.is_empty() && *build_id != *module.build_id {
            return None;
        }
        let mut tables = Vec::new();
        let dwarf = if has_debug_info(&object) {
            load(path, alternate(&object, &module.path))
        } else if let Some(separate) = separate_file(&object, build_id, &module.path) {
            let cache = ReadCache::new(File::open(&separate).ok()?);
            let object = object::File::parse(&cache).ok()?;
            let dwarf = load(&separate, alternate(&object, &separate));
            drop(object);
            tables.push(SymbolSource::File(cache));
            dwarf
        } else {
            None
        };
        drop(object);
        tables.push(SymbolSource::File(cache));
        Some(Self { dwarf, tables })
    }

    /// The functions at an address as the file states it, innermost first; none when unknown.
    /// Modules are for the caller to fill in.
    pub(super) fn frames_at(&self, address: u64) -> Vec<SymbolFrame> {
        let mut frames = self.dwarf_frames(address).unwrap_or_default();
        if frames.is_empty() {
            frames.push(SymbolFrame::default());
        }
        let Some(physical) = frames.last_mut() else { return frames };
        // Debug information has no linkage name for a C++ function that is not external: without
        // it overloads look alike, so the symbol table is asked for the parameters.
        let is_full = |name: &String| name.contains('(') || name.contains("::");
        if !physical.function.as_ref().is_some_and(is_full) {
            let symbol = self.tables.iter().find_map(|table| table.symbol_at(address));
            physical.function = match (physical.function.take(), symbol) {
                (Some(name), Some(symbol)) if !symbol.contains(&name) => Some(name),
                (name, symbol) => symbol.or(name),
            };
        }
        frames
    }

    fn dwarf_frames(&self, address: u64) -> Option<Vec<SymbolFrame>> {
        let mut found = self.dwarf.as_ref()?.find_frames(address).ok()?;
        let mut frames = Vec::new();
        // What was read before an error is as good as ever.
        while let Ok(Some(frame)) = found.next() {
            let function = frame.function.as_ref().and_then(|function| {
                let name = function.raw_name().ok()?;
                Some(demangle(&name))
            });
            let location = frame.location.as_ref();
            frames.push(SymbolFrame {
                function,
                file: location.and_then(|location| location.file).map(str::to_owned),
                line: location.and_then(|location| location.line).filter(|line| *line != 0),
                column: location.and_then(|location| location.column).filter(|column| *column != 0),
                inlined: true,
                ..SymbolFrame::default()
            });
        }
        if let Some(last) = frames.last_mut() {
            last.inlined = false;
        }
        Some(frames)
    }
}

impl SymbolSource {
    fn symbol_at(&self, address: u64) -> Option<String> {
        match self {
            Self::File(cache) => symbol_in(&object::File::parse(cache).ok()?, address),
            Self::Memory(image) => symbol_in(&object::File::parse(*image).ok()?, address),
        }
    }
}

/// The function symbol that covers `address` with its size; a mere neighbour is none.
fn symbol_in<'data, R: ReadRef<'data>>(
    object: &object::File<'data, R>,
    address: u64,
) -> Option<String> {
    let covers = |symbol: &object::Symbol<'data, '_, R>| {
        symbol.is_definition()
            && matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown)
            && (symbol.address()..symbol.address().saturating_add(symbol.size())).contains(&address)
    };
    // Of aliases, prefer the public name; of nested symbols, the inner.
    let symbol = object
        .symbols()
        .chain(object.dynamic_symbols())
        .filter(covers)
        .max_by_key(|symbol| (symbol.address(), symbol.is_global()))?;
    let name = symbol.name().ok().filter(|name| !name.is_empty())?;
    // Symbol tables append the version to names of versioned libraries.
    let name = name.split_once('@').map_or(name, |(name, _version)| name);
    Some(demangle(name))
}

fn demangle(name: &str) -> String {
    addr2line::demangle_auto(name.into(), None).into_owned()
}

fn has_debug_info<'data, R: ReadRef<'data>>(object: &object::File<'data, R>) -> bool {
    let sections = [".debug_info", ".zdebug_info"];
    sections.iter().any(|name| object.section_by_name(name).is_some_and(|found| found.size() > 0))
}

fn load(path: &Path, alternate: Option<PathBuf>) -> Option<Loader> {
    // A missing or broken alternate file costs the names kept in it, not the rest.
    match alternate.and_then(|alternate| Loader::new_with_sup(path, Some(alternate)).ok()) {
        Some(loader) => Some(loader),
        None => Loader::new(path).ok(),
    }
}

/// The separate debug file of a stripped module: by its build id, else by its `.gnu_debuglink`.
fn separate_file<'data, R: ReadRef<'data>>(
    object: &object::File<'data, R>,
    build_id: &[u8],
    module: &Path,
) -> Option<PathBuf> {
    let by_link = || {
        let (name, _crc) = object.gnu_debuglink().ok()??;
        let name = Path::new(OsStr::from_bytes(name));
        let directory = module.parent()?;
        let below_root = Path::new(DEBUG_ROOT).join(directory.strip_prefix("/").ok()?);
        // The order in which gdb looks.
        [directory.to_path_buf(), directory.join(".debug"), below_root]
            .into_iter()
            .map(|directory| directory.join(name))
            .find(|path| path != module && describes(path, build_id))
    };
    build_id_path(build_id).filter(|path| describes(path, build_id)).or_else(by_link)
}

/// Whether the file holds debug information, and that of the build in question where both say.
fn describes(path: &Path, build_id: &[u8]) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let cache = ReadCache::new(file);
    let Ok(object) = object::File::parse(&cache) else {
        return false;
    };
    let theirs = object.build_id().ok().flatten().unwrap_or_default();
    has_debug_info(&object) && (build_id.is_empty() || theirs.is_empty() || theirs == build_id)
}

fn build_id_path(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first()?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let path = format!("{DEBUG_ROOT}/.build-id/{}/{}.debug", hex(&[*first]), hex(rest));
    Some(path.into())
}

/// The file that several debug files share (dwz), named in `.gnu_debugaltlink` of `object`, which
/// is at `path`.
fn alternate<'data, R: ReadRef<'data>>(
    object: &object::File<'data, R>,
    path: &Path,
) -> Option<PathBuf> {
    let (name, build_id) = object.gnu_debugaltlink().ok()??;
    let real = path.canonicalize().ok();
    let directory = real.as_deref().unwrap_or(path).parent()?;
    let named = directory.join(Path::new(OsStr::from_bytes(name)));
    if named.exists() {
        return Some(named);
    }
    build_id_path(build_id).filter(|path| path.exists())
}
