//! Text in a buffer of fixed size: for paths and lines that are put together where nothing may be allocated.

use core::ffi::CStr;
use core::fmt;

/// Up to `N - 1` bytes, with a zero behind them. Text that does not fit is cut off, and this is remembered.
pub struct FixedText<const N: usize> {
    bytes: [u8; N],
    length: usize,
    is_cut: bool,
}

impl<const N: usize> FixedText<N> {
    pub const fn new() -> FixedText<N> {
        FixedText { bytes: [0; N], length: 0, is_cut: false }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.length..N - 1];
        let fitting = bytes.len().min(room.len());
        room[..fitting].copy_from_slice(&bytes[..fitting]);
        self.length += fitting;
        self.is_cut |= fitting < bytes.len();
    }

    /// The text, up to the first byte that is not UTF-8.
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..self.length];
        bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }

    /// The text as a C string; `None` if something was cut off, or the text holds a zero.
    pub fn as_c_str(&self) -> Option<&CStr> {
        let whole = (!self.is_cut).then_some(&self.bytes[..=self.length])?;
        CStr::from_bytes_with_nul(whole).ok()
    }
}

impl<const N: usize> fmt::Write for FixedText<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    #[test]
    fn holds_what_fits_and_knows_what_does_not() {
        let mut text = FixedText::<8>::new();
        write!(text, "ab.{}", 12).unwrap();
        assert_eq!((text.as_str(), text.as_c_str()), ("ab.12", Some(c"ab.12")));
        text.push(b"345");
        assert_eq!((text.as_str(), text.as_c_str()), ("ab.1234", None));
    }
}
