//! Reads symbols, needed libraries and branches of an ELF file.

use iced_x86::{Code, Decoder, DecoderOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use object::elf::{FileHeader64, SHT_DYNSYM, SHT_SYMTAB};
use object::read::elf::{Dyn, FileHeader, Rela, SectionHeader, Sym};
use object::{Endianness, elf};

/// A symbol that a file defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    pub address: u64,
    pub is_function: bool,
    /// Whether it is global or weak, and so visible to the linker.
    pub is_global: bool,
}

#[derive(Debug)]
pub struct ElfFile {
    /// The symbols for the dynamic loader (`.dynsym`), by name without version.
    pub dynamic: BTreeMap<String, Defined>,
    /// The symbols for linkers and debuggers (`.symtab`), by name.
    pub all: BTreeMap<String, Defined>,
    /// The libraries of `DT_NEEDED`.
    pub needed: Vec<String>,
    /// Whether the loader must write to code (`DT_TEXTREL` or its flag).
    pub has_text_relocations: bool,
    /// Addresses in the file that the loader writes into data (`R_X86_64_RELATIVE`).
    pub relocated: BTreeSet<u64>,
    /// Names that the loader looks up, without versions.
    pub imported: BTreeSet<String>,
    /// The code: address and bytes of each executable section.
    code: Vec<(u64, Vec<u8>)>,
}

impl ElfFile {
    /// The target of the direct jump at `address`; `None` if there is no such jump.
    pub fn jump_at(&self, address: u64) -> Option<u64> {
        let mut decoder = self.decoder_at(address)?;
        let instruction = decoder.decode();
        (instruction.code() == Code::Jmp_rel32_64).then(|| instruction.near_branch64())
    }

    /// All direct calls and jumps: address and target of each.
    pub fn branches(&self) -> Vec<(u64, u64)> {
        let starts = self.code.iter().filter_map(|(address, _)| self.decoder_at(*address));
        let instructions = starts.flat_map(|mut decoder| decoder.iter().collect::<Vec<_>>());
        let branches = instructions.filter(|instruction| {
            instruction.is_jmp_near() || instruction.is_jmp_short() || instruction.is_call_near()
        });
        branches.map(|branch| (branch.ip(), branch.near_branch64())).collect()
    }

    fn decoder_at(&self, address: u64) -> Option<Decoder<'_>> {
        let (start, bytes) = self
            .code
            .iter()
            .find(|(start, bytes)| (*start..*start + bytes.len() as u64).contains(&address))?;
        let rest = &bytes[(address - start) as usize..];
        Some(Decoder::with_ip(64, rest, address, DecoderOptions::NONE))
    }
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
            // Local names may repeat; a name that a linker would see wins.
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
    let (mut relocated, mut imported, mut code) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let symbols = sections.symbols(endian, data, SHT_DYNSYM)?;
    for section in sections.iter() {
        if let Some((entries, _)) = section.rela(endian, data)? {
            for entry in entries {
                match entry.r_type(endian, false) {
                    elf::R_X86_64_RELATIVE => {
                        relocated.insert(entry.r_addend(endian) as u64);
                    }
                    _ => {
                        if let Some(index) = entry.symbol(endian, false) {
                            let name = symbols.symbol(index)?.name(endian, symbols.strings())?;
                            imported.insert(String::from_utf8_lossy(name).into_owned());
                        }
                    }
                }
            }
        }
        if section.sh_flags(endian).contains(elf::SHF_EXECINSTR) {
            code.push((section.sh_addr(endian), section.data(endian, data)?.to_vec()));
        }
    }
    Ok(ElfFile { dynamic, all, needed, has_text_relocations, relocated, imported, code })
}
