//! Patterns of names, as the shell has them.

use std::ffi::CString;

/// Whether `text` as a whole fits the pattern, by fnmatch(3). What holds a NUL fits nothing.
pub fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (Ok(pattern), Ok(text)) = (CString::new(pattern), CString::new(text)) else { return false };
    // SAFETY: valid C strings.
    unsafe { libc::fnmatch(pattern.as_ptr(), text.as_ptr(), 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (pattern, text, is_fit) in [
            ("test_*", "test_a", true),
            ("test_*", "a_test_", false),
            ("*/t/*", "/a/t/b/c", true),
            ("[a-c]?", "bz", true),
            ("git", "git", true),
            ("git", "gitk", false),
            ("", "", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), is_fit, "{pattern} {text}");
        }
        assert!(!fits(b"a\0", b"a"));
    }
}
