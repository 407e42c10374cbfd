//! One call that made, changed or ended a mapping of the program, as data.

use super::paths::PathId;
use crate::heap::record::{Event, ThreadId};
use crate::sys::{PAGE_BYTES, round_up_to_page};
use crate::trace::TraceId;
use core::ops::Range;

/// What a call does to mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Call {
    Mmap = 1,
    Munmap = 2,
    /// mremap(2): the mapping is here now.
    Mremap = 3,
    /// mremap(2): the mapping, or its end, is here no more.
    MremapAway = 4,
    Shmat = 5,
    Shmdt = 6,
    Mprotect = 7,
    PkeyMprotect = 8,
    /// madvise(2): guards are installed, or taken away.
    Guard = 9,
    Unguard = 10,
    /// madvise(2): children of fork do not get the pages, or do again.
    DontFork = 11,
    DoFork = 12,
    Ftruncate = 13,
    Truncate = 14,
    /// A call that opens a file with O_TRUNC; `flags` is the [`Opening`].
    Open = 15,
}

/// How a file is opened with O_TRUNC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opening {
    Open,
    OpenAt,
    Creat,
    Fopen,
    Freopen,
}

impl Opening {
    const ALL: [Opening; 5] =
        [Opening::Open, Opening::OpenAt, Opening::Creat, Opening::Fopen, Opening::Freopen];

    /// The call with its arguments.
    fn text(self) -> &'static str {
        match self {
            Opening::Open => "open(…, O_TRUNC)",
            Opening::OpenAt => "openat(…, O_TRUNC)",
            Opening::Creat => "creat(…)",
            Opening::Fopen => "fopen(…, \"w\")",
            Opening::Freopen => "freopen(…, \"w\", …)",
        }
    }
}

impl Call {
    const ALL: [Call; 15] = [
        Call::Mmap,
        Call::Munmap,
        Call::Mremap,
        Call::MremapAway,
        Call::Shmat,
        Call::Shmdt,
        Call::Mprotect,
        Call::PkeyMprotect,
        Call::Guard,
        Call::Unguard,
        Call::DontFork,
        Call::DoFork,
        Call::Ftruncate,
        Call::Truncate,
        Call::Open,
    ];

    /// The function that was called.
    pub fn function(self) -> &'static str {
        match self {
            Call::Mmap => "mmap",
            Call::Munmap => "munmap",
            Call::Mremap | Call::MremapAway => "mremap",
            Call::Shmat => "shmat",
            Call::Shmdt => "shmdt",
            Call::Mprotect => "mprotect",
            Call::PkeyMprotect => "pkey_mprotect",
            Call::Guard | Call::Unguard | Call::DontFork | Call::DoFork => "madvise",
            Call::Ftruncate => "ftruncate",
            Call::Truncate => "truncate",
            Call::Open => "open",
        }
    }
}

/// The file that was mapped, or cut, as it was at the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    pub device: u64,
    pub inode: u64,
    /// Where in the file the mapping begins, in bytes.
    pub offset: u64,
    /// Its length; after the call, of one that cuts it.
    pub bytes: u64,
    pub path: PathId,
    /// O_RDONLY, O_WRONLY or O_RDWR, as its descriptor was opened.
    pub access: libc::c_int,
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Rises from step to step. Set when the step is logged.
    pub moment: u64,
    pub call: Call,
    /// The pages that it is about, and how many bytes were asked for.
    pub start: usize,
    pub bytes: usize,
    /// Of mremap: where the mapping was, and how many bytes it had there. Of mmap and shmat: the address that was asked for, and
    /// the offset. Of a call that cuts a file: the length before.
    pub from: usize,
    pub from_bytes: usize,
    /// PROT_READ and so on; of mmap and mprotect.
    pub protection: libc::c_int,
    /// Of mmap, mremap or shmat. Of pkey_mprotect the key.
    pub flags: libc::c_int,
    /// Of mmap and ftruncate; of shmat the id of the segment.
    pub descriptor: libc::c_int,
    /// What the call failed with; 0 of one that succeeded.
    pub error: i32,
    pub event: Event,
    pub file: Option<FileFacts>,
}

/// In words, for a log.
pub const WORDS: usize = 12;

const HAS_FILE: u64 = 1 << 16;

impl Step {
    /// How it has opened a file, with its arguments, if it did.
    pub fn opening(&self) -> Option<&'static str> {
        let is_it = |it: &&Opening| **it as libc::c_int == self.flags;
        Opening::ALL.iter().find(is_it).filter(|_| self.call == Call::Open).map(|it| it.text())
    }

    /// A step of which no more is known than the call and its pages.
    pub fn new(call: Call, start: usize, bytes: usize, event: Event) -> Step {
        Step {
            moment: 0,
            call,
            start,
            bytes,
            from: 0,
            from_bytes: 0,
            protection: 0,
            flags: 0,
            descriptor: -1,
            error: 0,
            event,
            file: None,
        }
    }

    /// The pages that the step is about.
    pub fn pages(&self) -> Range<usize> {
        let start = self.start & !(PAGE_BYTES - 1);
        start..round_up_to_page(self.start.saturating_add(self.bytes)).max(start)
    }

    /// Whether `address` is in a mapping from the step on.
    pub fn maps(&self, address: usize) -> bool {
        matches!(self.call, Call::Mmap | Call::Mremap | Call::Shmat)
            && self.pages().contains(&address)
    }

    /// Whether nothing is mapped at `address` from the step on.
    pub fn unmaps(&self, address: usize) -> bool {
        matches!(self.call, Call::Munmap | Call::MremapAway | Call::Shmdt)
            && self.pages().contains(&address)
    }

    /// Whether a call of mmap mapped a file, be anything known of it or not.
    pub fn is_of_file(&self) -> bool {
        self.call == Call::Mmap && self.flags & libc::MAP_ANONYMOUS == 0
    }

    /// Whether a mapping is shared with others.
    pub fn is_shared(&self) -> bool {
        match self.call {
            Call::Mmap => self.flags & libc::MAP_SHARED != 0,
            Call::Shmat => true,
            _ => false,
        }
    }

    /// What a call that made or protected a mapping permits: bits of PROT_READ, PROT_WRITE and PROT_EXEC.
    pub fn permits(&self) -> libc::c_int {
        match self.call {
            Call::Shmat => {
                let write = if self.flags & libc::SHM_RDONLY == 0 { libc::PROT_WRITE } else { 0 };
                let execute = if self.flags & libc::SHM_EXEC == 0 { 0 } else { libc::PROT_EXEC };
                libc::PROT_READ | write | execute
            }
            _ => self.protection & (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC),
        }
    }

    pub(super) fn to_words(self) -> [u64; WORDS] {
        let file = self.file.unwrap_or_default();
        let has_file = if self.file.is_some() { HAS_FILE } else { 0 };
        let low = |value: libc::c_int| u64::from(value as u32);
        [
            self.moment,
            self.start as u64,
            self.bytes as u64,
            self.from as u64,
            self.from_bytes as u64,
            u64::from(self.event.thread.0) << 32 | u64::from(self.event.trace.get()),
            self.call as u64
                | (low(self.protection) & 0xff) << 8
                | has_file
                | (low(file.access) & 3) << 17
                | (low(self.error) & 0xffff) << 32,
            low(self.flags) << 32 | low(self.descriptor),
            file.offset,
            file.device & 0xffff_ffff | u64::from(file.path.0) << 32,
            file.inode,
            file.bytes,
        ]
    }

    pub(super) fn from_words(words: &[u64; WORDS]) -> Option<Step> {
        let [
            moment,
            start,
            bytes,
            from,
            from_bytes,
            event,
            call,
            flags,
            offset,
            device,
            inode,
            length,
        ] = *words;
        let file = FileFacts {
            device: device & 0xffff_ffff,
            inode,
            offset,
            bytes: length,
            path: PathId((device >> 32) as u32),
            access: (call >> 17 & 3) as libc::c_int,
        };
        Some(Step {
            moment,
            call: Call::ALL.into_iter().find(|&each| each as u64 == call & 0xff)?,
            start: start as usize,
            bytes: bytes as usize,
            from: from as usize,
            from_bytes: from_bytes as usize,
            protection: (call >> 8 & 0xff) as libc::c_int,
            flags: (flags >> 32) as libc::c_int,
            descriptor: flags as u32 as libc::c_int,
            error: (call >> 32 & 0xffff) as i32,
            event: Event {
                thread: ThreadId((event >> 32) as u32),
                trace: TraceId::from_raw(event as u32),
            },
            file: (call & HAS_FILE != 0).then_some(file),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_comes_back_from_its_words() {
        let event = Event { thread: ThreadId(7), trace: TraceId::from_raw(0xffff_0001) };
        let plain = Step::new(Call::Munmap, 0x7fff_0000_1000, 4096, event);
        let file = FileFacts {
            device: 0xfe03,
            inode: u64::MAX,
            offset: 1 << 40,
            bytes: 5,
            path: PathId(77),
            access: libc::O_RDWR,
        };
        let full = Step {
            moment: 9,
            call: Call::PkeyMprotect,
            from: 1,
            from_bytes: 2,
            protection: 7,
            flags: -1,
            descriptor: -2,
            error: 12,
            file: Some(file),
            ..plain
        };
        for step in [plain, full] {
            assert_eq!(Step::from_words(&step.to_words()), Some(step));
        }
        assert_eq!(Step::from_words(&[0; WORDS]), None);
    }

    #[test]
    fn a_step_is_about_whole_pages() {
        let event = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let step = Step::new(Call::Mmap, 0x1000, 4097, event);
        assert_eq!(step.pages(), 0x1000..0x3000);
        assert!(step.maps(0x2fff) && !step.maps(0x3000) && !step.unmaps(0x1000));
        let step = Step::new(Call::Munmap, 0x1000, usize::MAX, event);
        assert!(step.unmaps(0x1000) && !step.unmaps(0xfff));
    }
}
