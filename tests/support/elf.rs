//! What an ELF file defines and needs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use object::elf::{FileHeader64, SHT_DYNSYM, SHT_SYMTAB};
use object::read::elf::{Dyn, FileHeader, Sym};
use object::{Endianness, elf};

/// A symbol that a file defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    pub address: u64,
    pub is_function: bool,
    /// Global or weak: visible to the linker.
    pub is_global: bool,
}

#[derive(Debug)]
pub struct ElfFile {
    /// By name, the symbols for the dynamic loader (`.dynsym`), without versions.
    pub dynamic: BTreeMap<String, Defined>,
    /// By name, those for linkers and debuggers (`.symtab`).
    pub all: BTreeMap<String, Defined>,
    /// `DT_NEEDED`.
    pub needed: Vec<String>,
    /// Whether the loader must write to code (`DT_TEXTREL` or its flag).
    pub has_text_relocations: bool,
}

/// Reads a file whose symbols have not been stripped.
pub fn read(path: &Path) -> ElfFile {
    let data = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&data).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(data: &[u8]) -> object::Result<ElfFile> {
    let header = FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let defined = |kind| -> object::Result<BTreeMap<String, Defined>> {
        let symbols = sections.symbols(endian, data, kind)?;
        let mut found = BTreeMap::new();
        for symbol in symbols.iter().filter(|symbol| !symbol.is_undefined(endian)) {
            let name = String::from_utf8_lossy(symbol.name(endian, symbols.strings())?);
            let is_global = symbol.st_bind() != elf::STB_LOCAL;
            let symbol = Defined {
                address: symbol.st_value(endian),
                is_function: symbol.st_type() == elf::STT_FUNC,
                is_global,
            };
            // Local names may repeat; what a linker would see comes first.
            if is_global || !found.contains_key(name.as_ref()) {
                found.insert(name.into_owned(), symbol);
            }
        }
        Ok(found)
    };
    let (dynamic, all) = (defined(SHT_DYNSYM)?, defined(SHT_SYMTAB)?);

    let mut needed = Vec::new();
    let mut has_text_relocations = false;
    if let Some((entries, link)) = sections.dynamic(endian, data)? {
        let strings = sections.strings(endian, data, link)?;
        for entry in entries {
            let value = entry.d_val(endian);
            match entry.d_tag(endian) {
                elf::DT_NEEDED => {
                    let name = strings.get(value as u32).expect("a name in the table");
                    needed.push(String::from_utf8_lossy(name).into_owned());
                }
                elf::DT_TEXTREL => has_text_relocations = true,
                elf::DT_FLAGS => {
                    has_text_relocations |= value & elf::DF_TEXTREL.0 != 0;
                }
                _ => {}
            }
        }
    }
    Ok(ElfFile { dynamic, all, needed, has_text_relocations })
}
