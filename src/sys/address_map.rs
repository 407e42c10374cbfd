//! What the kernel says is mapped at an address (`/proc/self/maps`, see proc_pid_maps(5)).

use super::file;

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub start: usize,
    pub end: usize,
    pub readable: bool,
    pub writable: bool,
    pub name: String,
}

/// The mapping that holds `address`, or `None` where nothing is mapped or the file can't be read.
pub fn mapping_at(address: usize) -> Option<Mapping> {
    let text = file::read_all(c"/proc/self/maps", usize::MAX)?;
    text.split(|&b| b == b'\n')
        .filter_map(|line| parse(core::str::from_utf8(line).ok()?))
        .find(|mapping| (mapping.start..mapping.end).contains(&address))
}

/// Mappings that the process has now.
pub fn count() -> usize {
    file::read_all(c"/proc/self/maps", usize::MAX)
        .map_or(0, |text| text.iter().filter(|&&b| b == b'\n').count())
}

/// One line of the file.
pub fn parse(line: &str) -> Option<Mapping> {
    let mut fields = line.splitn(6, ' ').filter(|field| !field.is_empty());
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let name = line.splitn(6, ' ').nth(5).unwrap_or("").trim_start();
    Some(Mapping {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        readable: permissions.as_bytes().first() == Some(&b'r'),
        writable: permissions.as_bytes().get(1) == Some(&b'w'),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_line_with_a_name_that_has_spaces() {
        let line = "7f00-7f10 rw-p 00000000 fe:00 123      /tmp/a b (deleted)";
        let mapping = parse(line).unwrap();
        assert_eq!((mapping.start, mapping.end, mapping.writable), (0x7f00, 0x7f10, true));
        assert_eq!(mapping.name, "/tmp/a b (deleted)");
    }

    #[test]
    fn parses_an_anonymous_line() {
        assert_eq!(parse("1000-2000 ---p 00000000 00:00 0 ").unwrap().name, "");
    }

    #[test]
    fn finds_the_stack_of_this_thread() {
        let local = 0u8;
        let mapping = mapping_at(&raw const local as usize).unwrap();
        assert!(mapping.writable);
    }
}
