//! Addresses outside every module that the loader knows: code compiled at run time, files mapped
//! by the program itself, and what is no code at all.

use std::ops::Range;

use super::{SymbolFrame, UNKNOWN_MODULE};

/// The process's mappings and the names its run-time compilers gave to code.
pub(super) struct Maps {
    mappings: Vec<Mapping>,
    /// From `/tmp/perf-<pid>.map`, which V8, the JVM agents, .NET and others write for profilers.
    compiled: Vec<(Range<usize>, String)>,
}

struct Mapping {
    range: Range<usize>,
    file_offset: usize,
    /// Path, `[stack]` and the like, or nothing for anonymous memory.
    name: String,
}

impl Maps {
    /// Empty where /proc is not mounted.
    pub(super) fn read() -> Self {
        // Names need not be UTF-8; what is not is replaced rather than lost.
        let read = |path: &str| {
            std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let maps = read("/proc/self/maps").unwrap_or_default();
        let compiled = read(&format!("/tmp/perf-{}.map", std::process::id())).unwrap_or_default();
        Self {
            mappings: maps.lines().filter_map(parse_mapping).collect(),
            compiled: compiled.lines().filter_map(parse_compiled).collect(),
        }
    }

    pub(super) fn describe(&self, pc: usize) -> SymbolFrame {
        let Some(mapping) = self.mappings.iter().find(|mapping| mapping.range.contains(&pc)) else {
            return SymbolFrame {
                module: UNKNOWN_MODULE.to_owned(),
                module_offset: pc,
                ..SymbolFrame::default()
            };
        };
        // Code may be compiled anew at the same place: the last entry is the current one.
        let compiled = self.compiled.iter().rev().find(|(range, _)| range.contains(&pc));
        let module = if mapping.name.is_empty() { "[anonymous memory]" } else { &mapping.name };
        SymbolFrame {
            function: compiled.map(|(_, name)| name.clone()),
            module: module.to_owned(),
            module_offset: pc - mapping.range.start + mapping.file_offset,
            ..SymbolFrame::default()
        }
    }
}

/// `start-end perms offset device inode name`, proc_pid_maps(5).
fn parse_mapping(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let mut fields = rest.splitn(5, ' ').skip(1);
    let file_offset = parse_hex(fields.next()?)?;
    // Device, then inode with the padded name after it.
    let inode_and_name = fields.nth(1).map(|_inode| fields.next().unwrap_or_default())?;
    Some(Mapping {
        range: parse_hex(start)?..parse_hex(end)?,
        file_offset,
        name: inode_and_name.trim_start().to_owned(),
    })
}

/// `start size name`, all but the name in hexadecimal.
fn parse_compiled(line: &str) -> Option<(Range<usize>, String)> {
    let (start, rest) = line.split_once(' ')?;
    let (size, name) = rest.split_once(' ')?;
    let start = parse_hex(start)?;
    Some((start..start.checked_add(parse_hex(size)?)?, name.to_owned()))
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
            mappings: lines.iter().filter_map(|line| parse_mapping(line)).collect(),
            compiled: parse_compiled("7f10 20 LazyCompile:~run app.js:1").into_iter().collect(),
        };
        let of_file = maps.describe(0x55d4);
        assert_eq!(of_file.module, "/opt/with space/plugin.so");
        assert_eq!(of_file.module_offset, 0x1004);
        let compiled = maps.describe(0x7f18);
        assert_eq!(compiled.function.as_deref(), Some("LazyCompile:~run app.js:1"));
        assert_eq!(compiled.module, "[anonymous memory]");
        assert_eq!(maps.describe(0x7ff4).module, "[stack]");
        assert_eq!(maps.describe(0x9000).module, UNKNOWN_MODULE);
    }
}
