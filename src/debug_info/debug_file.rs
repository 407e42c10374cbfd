//! The files that describe one module: its own, and the separate debug files of distributions.

use core::ops::Range;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use addr2line::gimli::{self, DwLang};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::demangle::demangle;
use super::dwarf::Dwarf;
use super::minidebug;
use super::store::{Image, Store};
use crate::finding::Frame;
use crate::sys::variables;

/// The folder where distributions keep separate debug files.
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// What the files tell about a module's code.
pub struct DebugFile {
    /// From the module itself, or from its separate file.
    dwarf: Option<Dwarf>,
    /// Files whose symbol tables are searched, in this order. They are read again at each look-up: few addresses need
    /// them, and tables can be large.
    tables: Vec<Image>,
    /// Dropped last, since the other fields borrow from it.
    store: Store,
}

impl DebugFile {
    /// Of a module that is in no file but in memory.
    pub fn of_image(image: &'static [u8]) -> DebugFile {
        let tables = object::File::parse(image).into_iter().collect();
        DebugFile { dwarf: None, tables, store: Store::new() }
    }

    /// Of the module at `path`, which can perhaps be read at `real`. `None` when its file is missing or is not the one that was
    /// loaded, by its build id.
    pub fn of_module(real: &Path, path: &Path, build_id: &[u8]) -> Option<DebugFile> {
        let store = Store::new();
        // SAFETY: all that is taken from the store goes into the value that owns it, into fields dropped before it.
        unsafe {
            let image = store.open(real).or_else(|| store.open(path))?;
            if !build_id.is_empty() && id_of(&image) != build_id {
                return None;
            }
            let mut found = DebugFile { dwarf: None, tables: Vec::new(), store };
            found.add(image, path);
            Some(found)
        }
    }

    /// Of the build of a module, from what there is of these files. One without a build id stands for a module without one.
    pub fn of_build(paths: &[PathBuf], build_id: &[u8]) -> Option<DebugFile> {
        let mut found = DebugFile { dwarf: None, tables: Vec::new(), store: Store::new() };
        for path in paths {
            // SAFETY: images go only into `found`, which owns the store and drops it last.
            unsafe {
                if let Some(image) = found.store.open(path).filter(|image| id_of(image) == build_id)
                {
                    found.add(image, path);
                }
            }
        }
        (!found.tables.is_empty()).then_some(found)
    }

    /// Adds what an image of the store, which is at `path`, says, and the file with its debug information.
    ///
    /// # Safety
    /// The image must be of `self.store`.
    unsafe fn add(&mut self, image: Image, path: &Path) {
        let store = &self.store;
        // SAFETY: the store is dropped after what is taken of it.
        unsafe {
            if self.dwarf.is_none() {
                if has_debug_info(&image) {
                    self.dwarf = load(store, &image, path);
                } else if let Some((separate, path)) = separate_file(store, &image, path) {
                    self.dwarf = load(store, &separate, &path);
                    self.tables.push(separate);
                }
            }
            let small = minidebug::table(store, &image);
            self.tables.push(image);
            self.tables.extend(small);
        }
    }

    /// Returns the functions at an address of the file, innermost first; none if unknown. The caller fills in the
    /// modules.
    pub fn frames_at(&self, address: u64) -> Vec<Frame> {
        let found = match &self.dwarf {
            // SAFETY: the debug information was loaded from this store, which is dropped after it.
            Some(dwarf) => unsafe { dwarf.find(&self.store, address) },
            None => Vec::new(),
        };
        let language = found.last().and_then(|physical| physical.language);
        let mut frames: Vec<_> = found
            .into_iter()
            .map(|found| Frame {
                function: found.name.as_deref().map(demangle),
                file: found.file,
                line: found.line,
                column: found.column,
                inlined: true,
                ..Frame::default()
            })
            .collect();
        if frames.is_empty() {
            frames.push(Frame::default());
        }
        let Some(physical) = frames.last_mut() else { return frames };
        physical.inlined = false;
        // Debug information has no linkage name for a C++ function that is not external. Overloads look alike then, so
        // the symbol table is asked for the parameters.
        let is_full = |name: &String| is_c(language) || name.contains('(') || name.contains("::");
        if !physical.function.as_ref().is_some_and(is_full) {
            let symbol = self.tables.iter().find_map(|table| symbol_in(table, address));
            physical.function = match (physical.function.take(), symbol) {
                (Some(name), Some(symbol)) if !symbol.contains(&name) => Some(name),
                (name, symbol) => symbol.or(name),
            };
        }
        frames
    }

    /// Passes the name and the addresses of each function that has a symbol to `visit`, some of them twice.
    pub(crate) fn visit_functions(&self, mut visit: impl FnMut(&str, Range<u64>)) {
        for table in &self.tables {
            for symbol in table.symbols().chain(table.dynamic_symbols()) {
                if is_function(&symbol)
                    && symbol.size() > 0
                    && let Some(name) = name_of(&symbol)
                {
                    let start = symbol.address();
                    visit(&name, start..start.saturating_add(symbol.size()));
                }
            }
        }
    }

    /// Returns the source file of the function at an address of the file.
    pub(crate) fn source_of(&self, address: u64) -> Option<String> {
        // SAFETY: the debug information was loaded from this store, which is dropped after it.
        unsafe { self.dwarf.as_ref()?.find(&self.store, address) }.pop()?.file
    }

    /// Whether a file became shorter while it was read: what was found may be wrong.
    pub fn is_damaged(&self) -> bool {
        self.store.is_damaged()
    }
}

/// Whether debug information has a function's whole name in this language.
fn is_c(language: Option<DwLang>) -> bool {
    let c = [gimli::DW_LANG_C, gimli::DW_LANG_C89, gimli::DW_LANG_C99, gimli::DW_LANG_C11];
    language.is_some_and(|language| c.contains(&language) || language == gimli::DW_LANG_C17)
}

/// Returns the function symbol whose extent covers `address`, not the nearest one.
fn symbol_in(image: &Image, address: u64) -> Option<String> {
    let covers = |symbol: &object::Symbol<'static, '_>| {
        is_function(symbol)
            && (symbol.address()..symbol.address().saturating_add(symbol.size())).contains(&address)
    };
    // Of several aliases take the public name; of nested symbols take the inner one.
    let symbol = image
        .symbols()
        .chain(image.dynamic_symbols())
        .filter(covers)
        .max_by_key(|symbol| (symbol.address(), symbol.is_global()))?;
    name_of(&symbol)
}

fn is_function(symbol: &object::Symbol<'static, '_>) -> bool {
    symbol.is_definition() && matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown)
}

fn name_of(symbol: &object::Symbol<'static, '_>) -> Option<String> {
    let name = String::from_utf8_lossy(symbol.name_bytes().ok().filter(|name| !name.is_empty())?);
    // Symbol tables append the version to the names of versioned libraries.
    let name = name.split_once('@').map_or(&*name, |(name, _version)| name);
    Some(demangle(name))
}

fn id_of(image: &Image) -> &'static [u8] {
    image.build_id().ok().flatten().unwrap_or_default()
}

fn has_debug_info(image: &Image) -> bool {
    let sections = [".debug_info", ".zdebug_info"];
    sections.iter().any(|name| image.section_by_name(name).is_some_and(|found| found.size() > 0))
}

/// # Safety
/// The store must outlive what this returns.
unsafe fn load(store: &Store, image: &Image, path: &Path) -> Option<Dwarf> {
    // SAFETY: the caller promises that the store outlives what is taken from it.
    unsafe {
        // If the alternate file is missing or broken, only the names kept in it are lost.
        let alternate = alternate(store, image, path);
        Dwarf::load(store, image, alternate.as_ref(), path)
    }
}

/// Finds the separate debug file of a stripped module, and its path: by the build id, else by `.gnu_debuglink`.
///
/// # Safety
/// The store must outlive what this returns.
unsafe fn separate_file(store: &Store, image: &Image, module: &Path) -> Option<(Image, PathBuf)> {
    let build_id = id_of(image);
    let open = |path: PathBuf| {
        // SAFETY: the caller promises that the store outlives what is taken from it.
        let found = unsafe { store.open(&path) }?;
        describes(&found, build_id).then_some((found, path))
    };
    let by_link = || {
        let (name, _crc) = image.gnu_debuglink().ok()??;
        let name = Path::new(OsStr::from_bytes(name));
        let directory = module.parent()?;
        let below_root = Path::new(DEBUG_ROOT).join(directory.strip_prefix("/").ok()?);
        // gdb looks in this order.
        [directory.to_path_buf(), directory.join(".debug"), below_root]
            .into_iter()
            .map(|directory| directory.join(name))
            .filter(|path| path != module)
            .find_map(open)
    };
    let cached = || cached_files(build_id).into_iter().find_map(open);
    build_id_path(build_id).and_then(open).or_else(by_link).or_else(cached)
}

/// Whether a file holds debug information, and of this build if both files name theirs.
fn describes(image: &Image, build_id: &[u8]) -> bool {
    let theirs = id_of(image);
    has_debug_info(image) && (build_id.is_empty() || theirs.is_empty() || theirs == build_id)
}

fn build_id_path(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first()?;
    let path = format!("{DEBUG_ROOT}/.build-id/{}/{}.debug", hex(&[*first]), hex(rest));
    Some(path.into())
}

/// Returns where clients of debuginfod keep what they have fetched for a build, in the order to look. We fetch nothing.
fn cached_files(build_id: &[u8]) -> Vec<PathBuf> {
    const FOLDERS: [(&[u8], &str); 3] = [
        (b"DEBUGINFOD_CACHE_PATH=", ""),
        (b"XDG_CACHE_HOME=", "debuginfod_client"),
        (b"HOME=", ".cache/debuginfod_client"),
    ];
    if build_id.is_empty() {
        return Vec::new();
    }
    let name = hex(build_id);
    let file = |(variable, below): (&[u8], &str)| {
        let mut room = [0; 1024];
        // A value that fills the room may be cut off.
        let folder =
            variables::current(variable, &mut room).filter(|folder| folder.len() < 1024)?;
        let folder = Path::new(OsStr::from_bytes(folder));
        folder.is_absolute().then(|| folder.join(below).join(&name).join("debuginfo"))
    };
    FOLDERS.into_iter().filter_map(file).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens the file that several debug files share (dwz), which `.gnu_debugaltlink` of `image` names. `image` is at
/// `path`.
///
/// # Safety
/// The store must outlive what this returns.
unsafe fn alternate(store: &Store, image: &Image, path: &Path) -> Option<Image> {
    let (name, build_id) = image.gnu_debugaltlink().ok()??;
    let real = path.canonicalize().ok();
    let directory = real.as_deref().unwrap_or(path).parent()?;
    let named = directory.join(Path::new(OsStr::from_bytes(name)));
    // SAFETY: the caller promises that the store outlives what is taken from it.
    unsafe {
        store.open(&named).or_else(|| build_id_path(build_id).and_then(|path| store.open(&path)))
    }
}
