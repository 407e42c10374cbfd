//! Functions and lines from DWARF, by `addr2line`. Its own loader would map files that other files name, wait for
//! FIFOs, and read sections that nobody needs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use addr2line::gimli::{self, DwLang, DwarfPackage, EndianSlice, LittleEndian, SectionId};
use addr2line::{Context, FrameIter, LookupContinuation, LookupResult, SplitDwarfLoad};
use object::Object;

use super::store::{Image, Store};

type Reader = EndianSlice<'static, LittleEndian>;

/// The debug information of one file.
pub(super) struct Dwarf {
    context: Context<Reader>,
    /// The package of split units, which gcc and clang make with `-gsplit-dwarf`.
    package: Option<DwarfPackage<Reader>>,
}

/// A function that an address lies in, and the source line.
pub(super) struct Found {
    pub name: Option<String>,
    pub language: Option<DwLang>,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub column: Option<u32>,
}

impl Dwarf {
    /// Loads the debug information of `image`, which is at `path`. Some names may be in `alternate` (dwz).
    ///
    /// # Safety
    /// The store must outlive the returned value, and the images must be from it.
    pub(super) unsafe fn load(
        store: &Store,
        image: &Image,
        alternate: Option<&Image>,
        path: &Path,
    ) -> Option<Self> {
        if !image.is_little_endian() {
            return None;
        }
        // SAFETY: the caller promises that the store outlives what is taken from it.
        let dwarf = unsafe {
            let mut dwarf = sections(store, image, name_if_used);
            if let Some(alternate) = alternate {
                dwarf.set_sup(sections(store, alternate, name_if_used));
            }
            dwarf
        };
        let context = Context::from_dwarf(dwarf).ok()?;
        // SAFETY: the caller promises that the store outlives what is taken from it.
        let package = unsafe { package(store, path) };
        Some(Self { context, package })
    }

    /// Returns the functions at `address`, innermost first; none if unknown.
    ///
    /// # Safety
    /// `store` must be the one that this was loaded from, and must outlive it.
    pub(super) unsafe fn find(&self, store: &Store, address: u64) -> Vec<Found> {
        let mut lookup = self.context.find_frames(address);
        let frames = loop {
            match lookup {
                LookupResult::Output(frames) => break frames,
                LookupResult::Load { load, continuation } => {
                    // SAFETY: the caller promises the same store, which outlives what is taken from it.
                    let unit = unsafe { self.split_unit(store, load) };
                    lookup = continuation.resume(unit);
                }
            }
        };
        frames.map(collect).unwrap_or_default()
    }

    /// Loads a unit that was split off, from the package or from its own file.
    ///
    /// # Safety
    /// `store` must be the one that this was loaded from, and must outlive it.
    unsafe fn split_unit(
        &self,
        store: &Store,
        load: SplitDwarfLoad<Reader>,
    ) -> Option<Arc<gimli::Dwarf<Reader>>> {
        let in_package = |package: &DwarfPackage<Reader>| {
            package.find_cu(load.dwo_id, &load.parent).ok().flatten().map(Arc::new)
        };
        if let Some(unit) = self.package.as_ref().and_then(in_package) {
            return Some(unit);
        }
        let part = |part: Reader| PathBuf::from(OsStr::from_bytes(part.slice()));
        let directory = load.comp_dir.map(part).unwrap_or_default();
        let path = directory.join(part(load.path?));
        // SAFETY: the caller promises the same store, which outlives what is taken from it.
        let mut dwarf = unsafe {
            let image = store.open(&path)?;
            sections(store, &image, |id| id.dwo_name())
        };
        let header = dwarf.units().next().ok()??;
        if dwarf.unit(header).ok()?.dwo_id != Some(load.dwo_id) {
            return None;
        }
        dwarf.make_dwo(&load.parent);
        Some(Arc::new(dwarf))
    }
}

fn collect(mut frames: FrameIter<'_, Reader>) -> Vec<Found> {
    let mut found = Vec::new();
    // An error does not invalidate what was read before it.
    while let Ok(Some(frame)) = frames.next() {
        let function = frame.function.as_ref();
        let location = frame.location.as_ref();
        found.push(Found {
            name: function.and_then(|function| Some(function.raw_name().ok()?.into_owned())),
            language: function.and_then(|function| function.language),
            file: location.and_then(|location| location.file).map(str::to_owned),
            line: location.and_then(|location| location.line).filter(|line| *line != 0),
            column: location.and_then(|location| location.column).filter(|column| *column != 0),
        });
    }
    found
}

/// Returns a section's name if look-ups read it. The lists of variables' places are the larger half, and are not read.
fn name_if_used(id: SectionId) -> Option<&'static str> {
    use SectionId as Id;
    let is_used = matches!(
        id,
        Id::DebugAbbrev
            | Id::DebugAddr
            | Id::DebugAranges
            | Id::DebugInfo
            | Id::DebugLine
            | Id::DebugLineStr
            | Id::DebugRanges
            | Id::DebugRngLists
            | Id::DebugStr
            | Id::DebugStrOffsets
    );
    is_used.then(|| id.name())
}

/// # Safety
/// The store must outlive what this returns, and the image must be from it.
unsafe fn sections(
    store: &Store,
    image: &Image,
    name: impl Fn(SectionId) -> Option<&'static str>,
) -> gimli::Dwarf<Reader> {
    let load = |id: SectionId| -> Result<Reader, core::convert::Infallible> {
        // SAFETY: the caller promises that the store outlives what is taken from it.
        let bytes = name(id).map_or(&[][..], |name| unsafe { store.section(image, name) });
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    let Ok(dwarf) = gimli::Dwarf::load(load);
    dwarf
}

/// Opens the package of split units beside the file at `path`.
///
/// # Safety
/// The store must outlive what this returns.
unsafe fn package(store: &Store, path: &Path) -> Option<DwarfPackage<Reader>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".dwp");
    // SAFETY: the caller promises that the store outlives what is taken from it.
    let image = unsafe { store.open(Path::new(&name)) }?;
    let load = |id: SectionId| -> gimli::Result<Reader> {
        // SAFETY: the caller promises that the store outlives what is taken from it.
        let bytes = id.dwo_name().map_or(&[][..], |name| unsafe { store.section(&image, name) });
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    DwarfPackage::load(load, EndianSlice::new(&[], LittleEndian)).ok()
}
