//! Patterns for names, by the shell's rules.

use std::ffi::CString;

/// Whether the whole `text` fits the pattern, by fnmatch(3). False if one of them holds a NUL.
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
