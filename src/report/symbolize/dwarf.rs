//! Functions and lines from DWARF, by `addr2line`; its own loader would map what others name, wait for
//! FIFOs, and read sections that nobody asks for.

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
    /// Of split units, which gcc and clang make with `-gsplit-dwarf`.
    package: Option<DwarfPackage<Reader>>,
}

/// A function that an address lies in, and where.
pub(super) struct Found {
    pub name: Option<String>,
    pub language: Option<DwLang>,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub column: Option<u32>,
}

impl Dwarf {
    /// Of `image`, which is at `path`; names may be in `alternate` (dwz).
    ///
    /// # Safety
    /// The store, of which the images are, must outlive this.
    pub(super) unsafe fn load(
        store: &Store,
        image: &Image,
        alternate: Option<&Image>,
        path: &Path,
    ) -> Option<Self> {
        if !image.is_little_endian() {
            return None;
        }
        // SAFETY: the store outlives what it gives, as the caller promises.
        let dwarf = unsafe {
            let mut dwarf = sections(store, image, name_if_used);
            if let Some(alternate) = alternate {
                dwarf.set_sup(sections(store, alternate, name_if_used));
            }
            dwarf
        };
        let context = Context::from_dwarf(dwarf).ok()?;
        // SAFETY: the store outlives what it gives, as the caller promises.
        let package = unsafe { package(store, path) };
        Some(Self { context, package })
    }

    /// The functions at `address`, innermost first; none when unknown.
    ///
    /// # Safety
    /// As [`Dwarf::load`], with the same store.
    pub(super) unsafe fn find(&self, store: &Store, address: u64) -> Vec<Found> {
        let mut lookup = self.context.find_frames(address);
        let frames = loop {
            match lookup {
                LookupResult::Output(frames) => break frames,
                LookupResult::Load { load, continuation } => {
                    // SAFETY: the store outlives what it gives, as the caller promises.
                    let unit = unsafe { self.split_unit(store, load) };
                    lookup = continuation.resume(unit);
                }
            }
        };
        frames.map(collect).unwrap_or_default()
    }

    /// A unit that was split off: from the package, or from a file of its own.
    ///
    /// # Safety
    /// As [`Dwarf::find`].
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
        // SAFETY: the store outlives what it gives, as the caller promises.
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
    // What was read before an error is as good as ever.
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

/// The name of a section that a look-up reads. Lists of variables' places are the larger half.
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
/// As [`Store::section`].
unsafe fn sections(
    store: &Store,
    image: &Image,
    name: impl Fn(SectionId) -> Option<&'static str>,
) -> gimli::Dwarf<Reader> {
    let load = |id: SectionId| -> Result<Reader, core::convert::Infallible> {
        // SAFETY: the store outlives what it gives, as the caller promises.
        let bytes = name(id).map_or(&[][..], |name| unsafe { store.section(image, name) });
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    let Ok(dwarf) = gimli::Dwarf::load(load);
    dwarf
}

/// The package of split units beside the file at `path`.
///
/// # Safety
/// As [`Store::open`].
unsafe fn package(store: &Store, path: &Path) -> Option<DwarfPackage<Reader>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".dwp");
    // SAFETY: the store outlives what it gives, as the caller promises.
    let image = unsafe { store.open(Path::new(&name)) }?;
    let load = |id: SectionId| -> gimli::Result<Reader> {
        // SAFETY: the store outlives what it gives, as the caller promises.
        let bytes = id.dwo_name().map_or(&[][..], |name| unsafe { store.section(&image, name) });
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    DwarfPackage::load(load, EndianSlice::new(&[], LittleEndian)).ok()
}
