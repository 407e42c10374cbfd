//! ELF files: whether the dynamic loader of glibc would load the guard into this program.

use std::fs::File;
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, FileKind, Object, ObjectSymbol, ReadCache};

use super::refusal::{Refusal, quoted};

type Header = FileHeader64<Endianness>;

/// The kind of an ELF file, which decides whether it can be guarded.
enum Kind {
    /// Loaded by the dynamic loader at this path.
    Dynamic { loader: Vec<u8>, sanitizer: Option<&'static str> },
    /// No dynamic loader is involved.
    Static,
    /// A library, which is not run.
    SharedLibrary,
    /// A program with 32-bit addresses.
    Bits32,
    /// A program for another processor, whose number the ELF header states.
    Foreign { machine: elf::Machine },
    /// An object file, a core file or the like.
    NoProgram,
    /// The headers cannot be read.
    Damaged,
}

/// Refuses a program into which the guard would not be loaded.
pub fn check(path: &Path, file: File) -> Result<(), Refusal> {
    let name = quoted(path);
    let unguarded = |sentence| Err(Refusal::new(Refusal::UNGUARDED, sentence));
    let broken = |sentence| Err(Refusal::new(Refusal::NOT_EXECUTABLE, sentence));
    match inspect(file).unwrap_or(Kind::Damaged) {
        Kind::Dynamic { sanitizer: Some(sanitizer), .. } => unguarded(format!(
            "{name} is built with {sanitizer}, which takes malloc and faults for itself; \
             build it without, or run it without fencepost"
        )),
        Kind::Dynamic { loader, .. } => check_loader(path, &loader),
        // A loader called as a program runs another program, and loads the guard into it.
        Kind::SharedLibrary | Kind::Static if is_glibc_loader(path) => Ok(()),
        Kind::Static => unguarded(format!(
            "{name} is statically linked, so no guard can be loaded into it; link it without -static"
        )),
        Kind::Bits32 => unguarded(format!(
            "{name} is a 32-bit program, and only 64-bit x86_64 programs can be guarded; \
             build it for x86_64"
        )),
        Kind::Foreign { machine } => unguarded(format!(
            "{name} is built for {}, and only x86_64 programs can be guarded; build it for x86_64",
            machine_name(machine)
        )),
        Kind::SharedLibrary => {
            broken(format!("{name} is a shared library; name a program that uses it"))
        }
        Kind::NoProgram => broken(format!(
            "{name} is an ELF file but no program (an object or core file?); name a linked program"
        )),
        Kind::Damaged => broken(format!(
            "{name} is a damaged ELF file, its headers cannot be read; build or copy it again"
        )),
    }
}

/// Whether the file can be read and is a shared library for this machine.
pub fn is_shared_library(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    // A library with an entry point (like libc.so.6) names a loader too.
    matches!(inspect(file), Ok(Kind::SharedLibrary | Kind::Dynamic { .. }))
}

fn inspect(file: File) -> object::Result<Kind> {
    let data = &ReadCache::new(file);
    match FileKind::parse(data)? {
        FileKind::Elf64 => {}
        FileKind::Elf32 => return Ok(Kind::Bits32),
        _ => return Ok(Kind::Damaged),
    }
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    let machine = header.e_machine(endian);
    if machine != elf::EM_X86_64 || endian == Endianness::Big {
        return Ok(Kind::Foreign { machine });
    }
    if !matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        return Ok(Kind::NoProgram);
    }
    let mut is_position_independent_program = false;
    for segment in header.program_headers(endian, data)? {
        if let Some(loader) = segment.interpreter(endian, data)? {
            let sanitizer = sanitizer_in(data).unwrap_or_default();
            return Ok(Kind::Dynamic { loader: loader.to_vec(), sanitizer });
        }
        for entry in segment.dynamic(endian, data)?.unwrap_or_default() {
            is_position_independent_program |=
                entry.tag(endian) == elf::DT_FLAGS_1 && entry.val(endian) & elf::DF_1_PIE.0 != 0;
        }
    }
    if header.e_type(endian) == elf::ET_DYN && !is_position_independent_program {
        return Ok(Kind::SharedLibrary);
    }
    Ok(Kind::Static)
}

/// The sanitizer that a program is built with, found by a function that its runtime exports or the program imports.
fn sanitizer_in(data: &ReadCache<File>) -> object::Result<Option<&'static str>> {
    const FUNCTIONS: [(&str, &str); 5] = [
        ("__asan_init", "AddressSanitizer"),
        ("__hwasan_init", "HWAddressSanitizer"),
        ("__tsan_init", "ThreadSanitizer"),
        ("__msan_init", "MemorySanitizer"),
        ("__lsan_init", "LeakSanitizer"),
    ];
    let program = ElfFile64::<Endianness, _>::parse(data)?;
    let names: Vec<&str> =
        program.dynamic_symbols().filter_map(|symbol| symbol.name().ok()).collect();
    Ok(FUNCTIONS.into_iter().find_map(|(function, name)| names.contains(&function).then_some(name)))
}

/// The program's own allocator, if it has one under other names than malloc. Then only objects from libc's malloc are
/// guarded.
pub fn own_allocator(path: &Path) -> Option<&'static str> {
    const FUNCTIONS: [(&str, &str); 7] = [
        ("_rjem_malloc", "jemalloc"),
        ("_rjem_mallocx", "jemalloc"),
        ("je_malloc", "jemalloc"),
        ("mi_malloc", "mimalloc"),
        ("rpmalloc", "rpmalloc"),
        ("sn_rust_alloc", "snmalloc"),
        ("runtime.mallocgc", "Go"),
    ];
    let data = &ReadCache::new(File::open(path).ok()?);
    let program = ElfFile64::<Endianness, _>::parse(data).ok()?;
    program.symbols().filter(|symbol| symbol.is_definition()).find_map(|symbol| {
        let name = symbol.name().ok()?;
        FUNCTIONS.into_iter().find_map(|(function, owner)| (function == name).then_some(owner))
    })
}

/// Whether the program itself exports a function of this name, which then takes the place of the guard's function.
pub fn defines(path: &Path, name: &str) -> bool {
    let look = || {
        let data = &ReadCache::new(File::open(path).ok()?);
        let program = ElfFile64::<Endianness, _>::parse(data).ok()?;
        let mut symbols = program.dynamic_symbols();
        Some(symbols.any(|symbol| symbol.is_definition() && symbol.name() == Ok(name)))
    };
    look().unwrap_or(false)
}

/// What names a program's code in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugInformation {
    Inside,
    SymbolsOnly,
    None,
}

/// The debug information that a program has.
pub fn debug_information(path: &Path) -> DebugInformation {
    let look = || -> Option<DebugInformation> {
        let data = &ReadCache::new(File::open(path).ok()?);
        let program = ElfFile64::<Endianness, _>::parse(data).ok()?;
        let has = |name: &str| program.section_by_name(name).is_some();
        Some(match (has(".debug_info"), has(".symtab")) {
            (true, _) => DebugInformation::Inside,
            (false, true) => DebugInformation::SymbolsOnly,
            (false, false) => DebugInformation::None,
        })
    };
    look().unwrap_or(DebugInformation::None)
}

fn check_loader(program: &Path, loader: &[u8]) -> Result<(), Refusal> {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(loader));
    let name = quoted(program);
    let file_name =
        String::from_utf8_lossy(loader.rsplit(|&byte| byte == b'/').next().unwrap_or(loader));
    let other_library = match &*file_name {
        name if name.starts_with("ld-musl") => Some("musl"),
        name if name.contains("uClibc") => Some("uClibc"),
        "linker64" => Some("Android's C library"),
        _ => None,
    };
    if let Some(library) = other_library {
        return Err(Refusal::new(
            Refusal::UNGUARDED,
            format!("{name} uses {library}, and the guard needs glibc; build it for glibc"),
        ));
    }
    if !path.exists() {
        return Err(Refusal::new(
            Refusal::NOT_FOUND,
            format!("{name} needs the loader {}, which was not found; install it", quoted(path)),
        ));
    }
    Ok(())
}

fn is_glibc_loader(path: &Path) -> bool {
    let real = path.canonicalize();
    let name = real.as_deref().ok().and_then(Path::file_name).unwrap_or_default();
    let name = name.to_string_lossy();
    // Before glibc 2.34, the file's name had the version.
    name == "ld-linux-x86-64.so.2" || (name.starts_with("ld-2.") && name.ends_with(".so"))
}

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_386 => "i386".to_string(),
        elf::EM_ARM => "ARM".to_string(),
        elf::EM_AARCH64 => "aarch64".to_string(),
        elf::EM_RISCV => "RISC-V".to_string(),
        elf::EM_PPC64 => "PowerPC".to_string(),
        elf::EM_S390 => "s390x".to_string(),
        elf::EM_MIPS => "MIPS".to_string(),
        elf::EM_LOONGARCH => "LoongArch".to_string(),
        other => format!("another processor (ELF machine {})", other.0),
    }
}
