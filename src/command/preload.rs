//! The list in `LD_PRELOAD`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::refusal::{Refusal, quoted};

/// The variable that the dynamic loader reads.
pub const VARIABLE: &str = "LD_PRELOAD";

/// The list with `library` first and only once, and the other entries as they were.
pub fn prepend(library: &Path, list: &OsStr) -> Result<OsString, Refusal> {
    let library = library.as_os_str().as_bytes();
    // The loader splits at ':' and ' ', and expands '$ORIGIN' and others; there are no escapes.
    if library.iter().any(|byte| b": $".contains(byte)) {
        return Err(Refusal::new(
            Refusal::UNGUARDED,
            format!(
                "the library's path {} has a space, ':' or '$', which {VARIABLE} cannot express; \
                 move or link it elsewhere and set {} to the new path",
                quoted(OsStr::from_bytes(library)),
                super::library::VARIABLE,
            ),
        ));
    }
    let mut entries = library.to_vec();
    let list = list.as_bytes();
    let others: Vec<&[u8]> = list.split(|byte| b": ".contains(byte)).collect();
    if others.contains(&library) {
        for other in others.into_iter().filter(|other| !other.is_empty() && *other != library) {
            entries.push(b':');
            entries.extend(other);
        }
    } else if !list.is_empty() {
        entries.push(b':');
        entries.extend(list);
    }
    Ok(OsString::from_vec(entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepended(list: &str) -> OsString {
        prepend(Path::new("/lib/us.so"), OsStr::new(list)).unwrap()
    }

    #[test]
    fn ours_comes_first_and_others_stay() {
        assert_eq!(prepended(""), "/lib/us.so");
        assert_eq!(prepended("a.so b.so:c.so"), "/lib/us.so:a.so b.so:c.so");
    }

    #[test]
    fn ours_is_there_once() {
        assert_eq!(prepended("/lib/us.so"), "/lib/us.so");
        assert_eq!(prepended("a.so:/lib/us.so b.so"), "/lib/us.so:a.so:b.so");
    }

    #[test]
    fn inexpressible_paths_are_refused() {
        for path in ["/a b/us.so", "/a:b/us.so", "/$LIB/us.so"] {
            let refusal = prepend(Path::new(path), OsStr::new("")).unwrap_err();
            assert_eq!(refusal.code, Refusal::UNGUARDED);
            assert!(refusal.sentence.contains(path));
        }
    }
}
