//! How much memory the control groups of the process leave it (cgroups(7), both versions).
//!
//! Nothing is remembered: the program may move to another group or set a limit at any time. Nothing is allocated:
//! the caller may be in the middle of an allocation.

use super::Errno;
use super::file::{self, File};
use super::fixed_text::FixedText;
use core::ffi::CStr;
use core::fmt::Write;

/// Limit and rest, in bytes, of one group: of the groups with a limit that hold the process, the one with least left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub limit: usize,
    /// Bytes that the group does not use, or uses only to cache files.
    pub left: usize,
}

/// Paths of the kernel's files about groups.
struct Files<'a> {
    /// The file that lists the groups of the process, one line for each hierarchy.
    list: &'a CStr,
    /// Root directories: of version 2, and of version 1's hierarchy for memory.
    roots: [&'a [u8]; 2],
}

const SYSTEM: Files<'_> =
    Files { list: c"/proc/self/cgroup", roots: [b"/sys/fs/cgroup", b"/sys/fs/cgroup/memory"] };

/// Names of the files of one version.
struct Names {
    limit: &'static str,
    usage: &'static str,
    /// The fields of `memory.stat` that count cached files, those of the groups below included.
    cached: [&'static [u8]; 2],
}

const NAMES: [Names; 2] = [
    Names {
        limit: "memory.max",
        usage: "memory.current",
        cached: [b"active_file ", b"inactive_file "],
    },
    Names {
        limit: "memory.limit_in_bytes",
        usage: "memory.usage_in_bytes",
        cached: [b"total_active_file ", b"total_inactive_file "],
    },
];

/// Most bytes of a path or line that is looked at.
const PATH_BYTES: usize = 512;

/// A group without a limit states no number there, or one of at least this size.
const NO_LIMIT: u64 = 1 << 56;

/// The [`Standing`] of this process; `None` where no group has a limit. An error if the groups can't be read.
pub fn standing() -> Result<Option<Standing>, Errno> {
    standing_in(&SYSTEM)
}

fn standing_in(files: &Files<'_>) -> Result<Option<Standing>, Errno> {
    let mut tightest: Option<Standing> = None;
    visit_lines(files.list, |line| {
        let Some((version, path)) = memory_group(line) else { return };
        visit_levels(path, |level| {
            if let Some(found) = standing_of(files.roots[version], level, &NAMES[version])
                && tightest.is_none_or(|tightest| found.left < tightest.left)
            {
                tightest = Some(found);
            }
        });
    })?;
    Ok(tightest)
}

/// For a line of /proc/self/cgroup about memory: the index of its version in [`NAMES`], and the group's path.
fn memory_group(line: &[u8]) -> Option<(usize, &[u8])> {
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let version = match controllers {
        b"" => 0,
        names if names.split(|&byte| byte == b',').any(|name| name == b"memory") => 1,
        _ => return None,
    };
    Some((version, path))
}

/// Calls `visit` with the path of each group above one, the root's first (it is empty), then with its own.
fn visit_levels(path: &[u8], mut visit: impl FnMut(&[u8])) {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
    ends.chain([path.len()]).for_each(|end| visit(&path[..end]));
}

fn standing_of(root: &[u8], level: &[u8], names: &Names) -> Option<Standing> {
    let path = |name: &str| {
        let mut path = FixedText::<PATH_BYTES>::new();
        path.push(root);
        path.push(level);
        // This does not fail: a path that was cut off is remembered as such.
        let _ = write!(path, "/{name}");
        path
    };
    let number = |name| number_at(path(name).as_c_str()?);
    let limit = number(names.limit).filter(|&limit| limit < NO_LIMIT)?;
    let used = number(names.usage)?;
    let mut left = limit.saturating_sub(used);
    // Reading how much is cached takes the kernel long, so a group with room is not asked.
    if left < limit / 2 {
        // Where the file can't be read, nothing counts as cached.
        let _ = visit_lines(path("memory.stat").as_c_str()?, |line| {
            for name in names.cached {
                left += line.strip_prefix(name).and_then(parse).unwrap_or(0);
            }
        });
    }
    Some(Standing { limit: limit as usize, left: left.min(limit) as usize })
}

fn number_at(path: &CStr) -> Option<u64> {
    let mut text = [0; 32];
    let length = file::read_into(path, &mut text).ok()?;
    parse(&text[..length])
}

fn parse(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    core::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

/// Passes the lines of a file to `visit`; a line that is too long is passed in parts.
fn visit_lines(path: &CStr, mut visit: impl FnMut(&[u8])) -> Result<(), Errno> {
    let (file, _) = File::regular(path)?;
    let mut bytes = [0; PATH_BYTES];
    let mut held = 0;
    loop {
        let read = file.read(&mut bytes[held..])?;
        if read == 0 {
            break;
        }
        held += read;
        let mut start = 0;
        while let Some(length) = bytes[start..held].iter().position(|&byte| byte == b'\n') {
            visit(&bytes[start..start + length]);
            start += length + 1;
        }
        if start == 0 && held == bytes.len() {
            start = held;
        }
        bytes.copy_within(start..held, 0);
        held -= start;
    }
    if held > 0 {
        visit(&bytes[..held]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::path::{Path, PathBuf};

    /// Invented files: the lines of the list, and groups with their limit, usage and cache, by path.
    struct Invented {
        folder: PathBuf,
    }

    impl Invented {
        fn new(name: &str, list: &str) -> Invented {
            let process = std::process::id();
            let folder = std::env::temp_dir().join(format!("fencepost-groups-{name}-{process}"));
            std::fs::create_dir_all(folder.join("one")).unwrap();
            std::fs::write(folder.join("list"), list).unwrap();
            Invented { folder }
        }

        fn add(&self, path: &str, texts: [(&str, &str); 3]) -> &Invented {
            let folder = self.folder.join(path);
            std::fs::create_dir_all(&folder).unwrap();
            texts.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
            self
        }

        fn version_one(&self, path: &str, [limit, usage, cached]: [&str; 3]) -> &Invented {
            let filler = "total_pgfault 85214884\n".repeat(40);
            let stat = format!("cache 7\n{filler}total_inactive_file {cached}\n");
            let texts = [
                ("memory.limit_in_bytes", limit),
                ("memory.usage_in_bytes", usage),
                ("memory.stat", &stat),
            ];
            self.add(&format!("one/{path}"), texts)
        }

        fn version_two(&self, path: &str, [limit, usage, cached]: [&str; 3]) -> &Invented {
            let stat = format!("anon 5\ninactive_file {cached}\nactive_file 3\nslab 1\n");
            let texts = [("memory.max", limit), ("memory.current", usage), ("memory.stat", &stat)];
            self.add(path, texts)
        }

        fn standing(&self) -> Option<Standing> {
            let name = |path: &Path| CString::new(path.to_str().unwrap()).unwrap();
            let (list, one) = (name(&self.folder.join("list")), name(&self.folder.join("one")));
            let roots = [self.folder.to_str().unwrap().as_bytes(), one.as_bytes()];
            standing_in(&Files { list: &list, roots }).unwrap()
        }
    }

    impl Drop for Invented {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    fn standing(limit: usize, left: usize) -> Option<Standing> {
        Some(Standing { limit, left })
    }

    #[test]
    fn the_tightest_of_a_group_and_those_above_it_counts() {
        let files = Invented::new("levels", "0::/user/job 1\n");
        assert_eq!(files.standing(), None);
        files.version_two("user/job 1", ["1000\n", "100\n", "0"]);
        assert_eq!(files.standing(), standing(1000, 900));
        files.version_two("user", ["5000\n", "4500\n", "20"]);
        assert_eq!(files.standing(), standing(5000, 523));
        files.version_two("user", ["max\n", "4500\n", "20"]);
        assert_eq!(files.standing(), standing(1000, 900));
    }

    #[test]
    fn a_container_sees_its_group_as_the_root() {
        let files = Invented::new("root", "0::/\n");
        files.version_two("", ["800\n", "900\n", "0"]);
        assert_eq!(files.standing(), standing(800, 3));
    }

    #[test]
    fn version_one_has_a_hierarchy_of_its_own() {
        let list = "9:name=systemd:/x\n4:cpu,memory:/a\n3:cpuset:/b\n0::/\n";
        let files = Invented::new("one", list);
        files.version_one("a", ["1000\n", "800\n", "70"]);
        files.version_one("b", ["10\n", "10\n", "0"]);
        files.version_one("", ["9223372036854771712\n", "800\n", "0"]);
        assert_eq!(files.standing(), standing(1000, 270));
    }

    #[test]
    fn long_lists_are_read_to_their_end() {
        let list = format!("{}3:memory:/a\n", "5:pids:/some/where\n".repeat(200));
        let files = Invented::new("long", &format!("7:cpu:/{}\n{list}", "x".repeat(3000)));
        files.version_one("a", ["1000\n", "400\n", "0"]);
        assert_eq!(files.standing(), standing(1000, 600));
    }
}
