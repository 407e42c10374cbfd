//! Addresses outside every module that the loader knows: code compiled at run time, files that the program has mapped
//! itself, and memory without code.

use std::ffi::CString;
use std::ops::Range;

use crate::finding::{Address, Frame, UNKNOWN_MODULE};
use crate::sys::{address_map, file, process};

/// The module's name for code that a run-time compiler has named.
const COMPILED: &str = "[code compiled at run time]";

/// The most bytes read of these names.
const MOST_BYTES: usize = 64 << 20;

/// The process's mappings, and the names that its run-time compilers gave to code.
pub(super) struct Maps {
    /// The text of /proc/self/maps.
    mappings: Vec<u8>,
    /// The text of `/tmp/perf-<pid>.map`, which V8, the JVM agents, .NET and others write for profilers.
    compiled: Vec<u8>,
}

impl Maps {
    /// Reads both files. The mappings are empty if /proc is not mounted.
    pub(super) fn read() -> Self {
        // Anybody can create that file in /tmp, so it must belong to this user.
        let own = |path: CString| {
            file::read_if(&path, MOST_BYTES, |status| status.owner == process::effective_user())
        };
        let compiled = CString::new(format!("/tmp/perf-{}.map", process::pid()));
        Self {
            mappings: address_map::read(),
            compiled: compiled.ok().and_then(own).unwrap_or_default(),
        }
    }

    pub(super) fn describe(&self, pc: usize) -> Frame {
        let Some(mapping) = address_map::find_in(&self.mappings, pc) else {
            return Frame {
                module: UNKNOWN_MODULE.to_owned(),
                offset: Address(pc as u64),
                ..Frame::default()
            };
        };
        // Code may be compiled again at the same place: the last entry is the current one.
        let compiled = lines(&self.compiled).rev().filter_map(parse_compiled);
        let compiled = { compiled }.find(|(range, _)| range.contains(&pc));
        let module = match mapping.name.is_empty() {
            true if compiled.is_some() => COMPILED,
            true => "[anonymous memory]",
            false => &mapping.name,
        };
        Frame {
            function: compiled.map(|(_, name)| name),
            module: module.to_owned(),
            offset: Address((pc - mapping.start + mapping.file_offset) as u64),
            ..Frame::default()
        }
    }
}

fn lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n')
}

/// Parses `start size name`, where both numbers are hexadecimal.
fn parse_compiled(line: &[u8]) -> Option<(Range<usize>, String)> {
    let mut fields = line.splitn(3, |&byte| byte == b' ');
    let mut number = || parse_hex(core::str::from_utf8(fields.next()?).ok()?);
    let (start, size) = (number()?, number()?);
    let name = String::from_utf8_lossy(fields.next()?).into_owned();
    Some((start..start.checked_add(size)?, name))
}

fn parse_hex(digits: &str) -> Option<usize> {
    usize::from_str_radix(digits.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_by_mapping_and_by_profiler_map() {
        let lines = [
            "55d0-55d8 r-xp 00001000 fe:01 131 /opt/with space/plugin.so",
            "7f00-7f80 rwxp 00000000 00:00 0",
            "7ff0-7ff8 rw-p 00000000 00:00 0                          [stack]",
        ];
        let maps = Maps {
            mappings: lines.join("\n").into_bytes(),
            compiled: b"7f10 20 Stale\n7f10 20 LazyCompile:~run app.js:1\n7f10 2".to_vec(),
        };
        let of_file = maps.describe(0x55d4);
        assert_eq!(of_file.module, "/opt/with space/plugin.so");
        assert_eq!(of_file.offset, Address(0x1004));
        let compiled = maps.describe(0x7f18);
        assert_eq!(compiled.function.as_deref(), Some("LazyCompile:~run app.js:1"));
        assert_eq!(compiled.module, COMPILED);
        assert_eq!(maps.describe(0x7f40).module, "[anonymous memory]");
        assert_eq!(maps.describe(0x7ff4).module, "[stack]");
        assert_eq!(maps.describe(0x9000).module, UNKNOWN_MODULE);
    }
}
