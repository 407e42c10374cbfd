//! Titles and rules for kinds of bugs, for viewers of findings.

use crate::command::kinds;

/// The rule about a kind of bug.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// A few words, without a full stop.
    pub title: &'static str,
    /// What the kind means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Number in the Common Weakness Enumeration.
    pub cwe: Option<u16>,
}

/// The rule about a kind. A kind that this version does not know gets general words.
pub fn of(kind: &str) -> Rule {
    let known = kinds::find(kind);
    let (_, title, cwe) = known
        .and_then(|known| TITLES.iter().find(|(name, ..)| *name == known.name))
        .copied()
        .unwrap_or(("", "Memory error", None));
    let (meaning, remedy) = known.map_or(
        (
            "The program has used memory in a way that it must not.",
            "Read the report: it says what was done where.",
        ),
        |known| (known.meaning, known.remedy),
    );
    Rule { title, meaning, remedy, cwe }
}

/// Name, title and weakness (CWE) of each kind.
const TITLES: &[(&str, &str, Option<u16>)] = &[
    ("heap-buffer-overflow", "Access past the end of a heap object", Some(122)),
    ("heap-buffer-underflow", "Access before the start of a heap object", Some(124)),
    ("heap-use-after-free", "Use of a heap object after it was freed", Some(416)),
    ("double-free", "Object freed twice", Some(415)),
    ("bad-free", "Free of what was never allocated", Some(590)),
    ("alloc-dealloc-mismatch", "Object freed by the wrong function", Some(762)),
    ("new-delete-type-mismatch", "Object deleted with another size or alignment", Some(762)),
    ("free-size-mismatch", "Object freed with another size or alignment", Some(762)),
    ("bad-malloc_usable_size", "Size asked of what is no live object", Some(763)),
    ("overwritten-slack", "Write beside a heap object, found later", Some(787)),
    ("param-overlap", "Overlapping operands", Some(475)),
    ("negative-size-param", "Negative size", Some(195)),
    ("wild-access", "Access through a wild pointer", Some(823)),
    ("calloc-overflow", "Size overflows in calloc", Some(190)),
    ("reallocarray-overflow", "Size overflows in reallocarray", Some(190)),
    ("pvalloc-overflow", "Size overflows in pvalloc", Some(190)),
    ("invalid-allocation-alignment", "Impossible alignment", Some(628)),
    ("invalid-aligned-alloc-alignment", "Impossible alignment for aligned_alloc", Some(628)),
    ("invalid-posix-memalign-alignment", "Impossible alignment for posix_memalign", Some(628)),
    ("allocation-size-too-big", "Allocation of an impossible size", Some(789)),
    ("mapping-use-after-unmap", "Use of a mapping after it was unmapped", Some(825)),
    ("mapping-overflow", "Access past the end of a mapping", Some(119)),
    ("mapping-underflow", "Access before the start of a mapping", Some(119)),
    ("mapping-past-eof", "Access past the end of a mapped file", Some(119)),
    ("mapping-protection", "Access that a mapping does not permit", Some(119)),
    ("mmap-failed-pointer", "Use of the result of a failed mmap", Some(252)),
    ("munmap-too-much", "munmap of a second mapping besides", None),
    ("munmap-too-little", "munmap that leaves a part of the mapping", None),
    ("munmap-twice", "Second munmap of a mapping", Some(675)),
    ("msync-unmapped", "msync where nothing is mapped", None),
    ("lost-private-write", "Store to a private mapping that its file never gets", None),
    ("lost-past-eof-write", "Store behind the end of a mapped file", None),
    ("bad-munmap", "munmap of memory of the heap", Some(763)),
    ("bad-mprotect", "mprotect of memory of several objects", Some(119)),
    ("bad-mremap", "mremap of memory of the heap", Some(763)),
    ("bad-mmap", "Mapping laid over memory of the heap", Some(119)),
    ("leak", "Memory that was never freed", Some(401)),
    ("SEGV", "Invalid memory access outside the heap", Some(119)),
    ("BUS", "Bus error", Some(119)),
    ("stack-overflow", "Stack overflow", Some(674)),
    ("FPE", "Arithmetic error", Some(369)),
    ("ILL", "Illegal instruction", None),
    ("ABRT", "Abort", Some(617)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::kinds::each;

    #[test]
    fn every_kind_has_a_title() {
        for kind in each() {
            assert!(TITLES.iter().any(|(name, ..)| *name == kind.name), "{}", kind.name);
        }
        assert_eq!(TITLES.len(), each().count());
        assert_eq!(of("double-free").cwe, Some(415));
        assert_eq!(of("memcpy-param-overlap").title, "Overlapping operands");
        assert_eq!(of("").title, "Memory error");
    }

    /// Viewers cut longer texts.
    #[test]
    fn texts_are_short() {
        for kind in each() {
            let rule = of(kind.name);
            assert!(rule.title.len() <= 60 && !rule.title.ends_with('.'), "{}", kind.name);
            assert!(rule.meaning.len() + rule.remedy.len() < 1000, "{}", kind.name);
        }
    }
}
