//! What the kernel says is mapped at an address (`/proc/self/maps`, see proc_pid_maps(5)).

use super::file::{self, File};
use super::{Errno, syscall};

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub start: usize,
    pub end: usize,
    pub readable: bool,
    pub writable: bool,
    pub executable: bool,
    /// Offset in its file at which the mapping begins, in bytes.
    pub file_offset: usize,
    /// Number of its file; 0 for anonymous memory that is private.
    pub inode: u64,
    /// Path, or a name like `[stack]`; empty for anonymous memory. Bytes that are not UTF-8 are replaced.
    pub name: String,
}

/// What [`visit`] reads of a mapping; it takes no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedRange {
    pub start: usize,
    pub end: usize,
    /// Whether the mapping has a file (its inode is not 0).
    pub is_file: bool,
    pub is_accessible: bool,
    /// Whether it is private and writable. RLIMIT_DATA counts such mappings, except the main thread's stack.
    pub is_data: bool,
    pub readable: bool,
    pub writable: bool,
    pub executable: bool,
    pub shared: bool,
    pub named: Named,
}

/// What the name of a mapping says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The stack of the first thread.
    FirstStack,
    /// A device, whose memory may be its registers.
    Device,
    /// The kernel's own pages in the process.
    Kernel,
    Otherwise,
}

impl Named {
    fn of(name: &[u8]) -> Named {
        // These are memory.
        const PLAIN: [&[u8]; 3] = [b"/dev/zero", b"/dev/shm/", b"/dev/hugepages/"];
        let begins_as = |beginning: &[u8]| name.starts_with(beginning);
        match name {
            b"[stack]" => Named::FirstStack,
            _ if begins_as(b"[v") => Named::Kernel,
            _ if begins_as(b"/dev/") && !PLAIN.into_iter().any(begins_as) => Named::Device,
            _ => Named::Otherwise,
        }
    }
}

/// Most bytes that are read of the file.
const MOST_BYTES: usize = 64 << 20;

/// The longest beginning of a line that [`visit`] needs: two addresses, permissions, offset, device, inode, and the
/// beginning of the name.
const FIELDS_BYTES: usize = 128;

/// Calls `each` for every mapping, in rising order, until it returns false. Allocates nothing, for the child of a fork.
pub fn visit(mut each: impl FnMut(MappedRange) -> bool) -> Result<(), Errno> {
    // By the thread (Linux 3.17): once the first one has ended, there is nothing under the process.
    let opened = File::regular(c"/proc/thread-self/maps");
    let (file, _) = opened.or_else(|_| File::regular(c"/proc/self/maps"))?;
    let mut chunk = [0_u8; 4096];
    let mut line = [0_u8; FIELDS_BYTES];
    let mut length = 0;
    loop {
        let args = [file.descriptor() as usize, chunk.as_mut_ptr() as usize, chunk.len(), 0, 0, 0];
        // SAFETY: the kernel writes into `chunk`, which is valid and ours.
        let read = match unsafe { syscall(libc::SYS_read, args) } {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(Errno(libc::EINTR)) => continue,
            Err(error) => return Err(error),
        };
        for &byte in &chunk[..read] {
            if byte != b'\n' {
                // Of the name the beginning will do.
                if let Some(place) = line.get_mut(length) {
                    *place = byte;
                    length += 1;
                }
                continue;
            }
            let range = range_in(&line[..length]);
            length = 0;
            if range.is_some_and(|range| !each(range)) {
                return Ok(());
            }
        }
    }
}

/// The fields of one line of the file. The line may be cut after the inode.
struct Line<'a> {
    start: usize,
    end: usize,
    permissions: [u8; 4],
    file_offset: usize,
    inode: &'a [u8],
    /// The name; empty where the line was cut.
    name: &'a [u8],
}

/// Parses `start-end perms offset device inode name`; padding stands before the name.
fn fields_of(line: &[u8]) -> Option<Line<'_>> {
    let hexadecimal =
        |digits: &[u8]| usize::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok();
    let mut fields = line.splitn(6, |&b| b == b' ');
    let mut addresses = fields.next()?.split(|&b| b == b'-');
    let (start, end) = (hexadecimal(addresses.next()?)?, hexadecimal(addresses.next()?)?);
    let permissions = fields.next()?.try_into().ok()?;
    let file_offset = hexadecimal(fields.next()?)?;
    // The device comes first.
    let inode = fields.nth(1)?;
    let name = fields.next().unwrap_or_default().trim_ascii_start();
    Some(Line { start, end, permissions, file_offset, inode, name })
}

/// Parses one line of the file into a range.
fn range_in(line: &[u8]) -> Option<MappedRange> {
    let Line { start, end, permissions, inode, name, .. } = fields_of(line)?;
    let is_accessible = permissions[..3] != *b"---";
    let is_data = matches!(permissions, [_, b'w', _, b'p']);
    Some(MappedRange {
        start,
        end,
        is_file: inode != b"0",
        is_accessible,
        is_data,
        readable: permissions[0] == b'r',
        writable: permissions[1] == b'w',
        executable: permissions[2] == b'x',
        shared: permissions[3] == b's',
        named: Named::of(name),
    })
}

/// The mapping that holds `address`, or `None` where nothing is mapped or the file can't be read.
pub fn mapping_at(address: usize) -> Option<Mapping> {
    find_in(&read(), address)
}

/// The text of `/proc/self/maps` as it is now; empty where it can't be read.
pub fn read() -> Vec<u8> {
    file::read_all(c"/proc/self/maps", MOST_BYTES).unwrap_or_default()
}

/// The mapping in `text`, which [`read`] returned, that holds `address`.
pub fn find_in(text: &[u8], address: usize) -> Option<Mapping> {
    let holds = |mapping: &Mapping| (mapping.start..mapping.end).contains(&address);
    text.split(|&b| b == b'\n').filter_map(parse).find(holds)
}

/// The mappings around an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The last that ends at the address or below.
    pub before: Option<Mapping>,
    pub here: Option<Mapping>,
    /// The first that begins above the address.
    pub after: Option<Mapping>,
}

/// What is mapped around `address`; `None` where that can't be read. Before and behind it, mappings for whose start `is_ours` says so
/// do not count.
pub fn around(address: usize, is_ours: impl Fn(usize) -> bool) -> Option<Around> {
    let text = read();
    if text.is_empty() { None } else { Some(around_in(&text, address, is_ours)) }
}

fn around_in(text: &[u8], address: usize, is_ours: impl Fn(usize) -> bool) -> Around {
    let mut around = Around::default();
    let mut before = None;
    for line in text.split(|&b| b == b'\n') {
        let Some(Line { start, end, .. }) = fields_of(line) else { continue };
        if (start..end).contains(&address) {
            around.here = parse(line);
        } else if !is_ours(start) {
            if end > address {
                around.after = parse(line);
                break;
            }
            before = Some(line);
        }
    }
    around.before = before.and_then(parse);
    around
}

/// Counts the mappings that the process has now.
pub fn count() -> usize {
    let mut count = 0;
    let _ = visit(|_| {
        count += 1;
        true
    });
    count
}

/// Parses one line of the file.
pub fn parse(line: &[u8]) -> Option<Mapping> {
    let Line { start, end, permissions, file_offset, inode, name } = fields_of(line)?;
    Some(Mapping {
        start,
        end,
        readable: permissions[0] == b'r',
        writable: permissions[1] == b'w',
        executable: permissions[2] == b'x',
        file_offset,
        inode: core::str::from_utf8(inode).ok()?.parse().ok()?,
        name: String::from_utf8_lossy(name).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_line_with_a_name_that_has_spaces() {
        let line = b"7f00-7f10 rw-p 00002000 fe:00 123      /tmp/a b (deleted)";
        let mapping = parse(line).unwrap();
        assert_eq!((mapping.start, mapping.end, mapping.writable), (0x7f00, 0x7f10, true));
        assert_eq!((mapping.file_offset, mapping.name.as_str()), (0x2000, "/tmp/a b (deleted)"));
    }

    #[test]
    fn finds_what_is_around_an_address() {
        let text =
            b"1000-2000 r--p 0 00:00 0 \n3000-5000 rw-p 0 00:00 0 \n8000-9000 r-xp 0 fe:00 7 /x\n";
        let ends = |address| {
            let Around { before, here, after } = around_in(text, address, |_| false);
            (before.map(|it| it.end), here.map(|it| it.end), after.map(|it| it.end))
        };
        assert_eq!(ends(0), (None, None, Some(0x2000)));
        assert_eq!(ends(0x2000), (Some(0x2000), None, Some(0x5000)));
        assert_eq!(ends(0x4fff), (Some(0x2000), Some(0x5000), Some(0x9000)));
        assert_eq!(ends(0x9000), (Some(0x9000), None, None));
        let far = around_in(text, 0x6000, |start| start == 0x3000);
        assert_eq!(far.before.map(|it| it.end), Some(0x2000));
        let last = around_in(text, 0x9000, |_| false).before.unwrap();
        assert_eq!((last.inode, last.executable, last.writable), (7, true, false));
    }

    #[test]
    fn parses_an_anonymous_line() {
        assert_eq!(parse(b"1000-2000 ---p 00000000 00:00 0 ").unwrap().name, "");
    }

    #[test]
    fn tells_files_from_anonymous_memory() {
        let line = b"7f00-7f10 rw-p 00000000 fe:00 123      /tmp/a b";
        let range = MappedRange {
            start: 0x7f00,
            end: 0x7f10,
            is_file: true,
            is_accessible: true,
            is_data: true,
            readable: true,
            writable: true,
            executable: false,
            shared: false,
            named: Named::Otherwise,
        };
        assert_eq!(range_in(line), Some(range));
        let range = range_in(b"1000-2000 ---p 00000000 00:00 0 ").unwrap();
        assert!(
            !range.is_file
                && !range.is_accessible
                && !range.is_data
                && !range.readable
                && !range.shared
        );
        assert_eq!(range_in(b"1000-2000 ---p"), None);
    }

    #[test]
    fn a_name_tells_memory_from_devices() {
        let named = |name: &str| Named::of(name.as_bytes());
        assert_eq!(named("[stack]"), Named::FirstStack);
        assert_eq!(named("[vvar]"), Named::Kernel);
        assert_eq!(named("/dev/dri/card0"), Named::Device);
        for name in
            ["", "[heap]", "/dev/zero (deleted)", "/dev/shm/a", "/development/a", "[stack:7]"]
        {
            assert_eq!(named(name), Named::Otherwise, "{name}");
        }
    }

    #[test]
    fn visits_every_mapping_in_order() {
        let mut all = Vec::new();
        visit(|range| {
            all.push(range);
            true
        })
        .unwrap();
        assert!(all.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let local = 0u8;
        let stack = all.iter().find(|r| (r.start..r.end).contains(&(&raw const local as usize)));
        assert!(stack.is_some_and(|range| !range.is_file));
        let code = all.iter().find(|r| (r.start..r.end).contains(&(count as *const () as usize)));
        assert!(code.is_some_and(|range| range.is_file));
        let mut seen = 0;
        visit(|_| {
            seen += 1;
            seen < 3
        })
        .unwrap();
        assert_eq!(seen, 3);
    }

    #[test]
    fn finds_the_stack_of_this_thread() {
        let local = 0u8;
        let mapping = mapping_at(&raw const local as usize).unwrap();
        assert!(mapping.writable);
    }
}
