//! Names that others chose, made fit to print: of threads, programs, files, functions.
//!
//! A name may hold anything: an escape sequence that colours the terminal of whoever reads the log, or a
//! newline and a forged line after it. Whatever prints a name prints it through this.

use core::fmt::{self, Display, Formatter};

/// Prints a name with its control characters, its invisible and direction-changing characters and what
/// is no UTF-8 escaped as Rust does (`\n`, `\u{1b}`, `\xff`). Quotes and backslashes stay as they are, so
/// that usual names do. Allocates nothing.
#[derive(Clone, Copy)]
pub struct Printable<'a>(&'a [u8]);

/// Makes a name fit to print.
pub fn printable(name: &(impl AsRef<[u8]> + ?Sized)) -> Printable<'_> {
    Printable(name.as_ref())
}

impl Display for Printable<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        const PLAIN: [char; 3] = ['\'', '"', '\\'];
        for chunk in self.0.utf8_chunks() {
            for piece in chunk.valid().split_inclusive(PLAIN) {
                let escaped = piece.trim_end_matches(PLAIN);
                write!(out, "{}{}", escaped.escape_debug(), &piece[escaped.len()..])?;
            }
            for byte in chunk.invalid() {
                write!(out, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// The pieces of a text beside its colours: escape sequences that begin with `ESC [` and end with an `m`. There are no others in
/// a text whose names were made printable.
pub fn without_colors(text: &str) -> impl Iterator<Item = &str> {
    text.split("\x1b[").enumerate().map(|(number, piece)| match number {
        0 => piece,
        _ => piece.split_once('m').map_or("", |(_, rest)| rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_stay_as_they_are() {
        for name in [
            "",
            "operator\"\"_km(unsigned long long)",
            "/home/Jos\u{e9}/na\u{ef}ve e\u{301}t\u{e9}/\u{65e5}\u{672c}.c",
            "it's \\x2d here",
            "std::vector<int, std::allocator<int> >::push_back(int&&)",
        ] {
            assert_eq!(printable(name).to_string(), name);
        }
    }

    #[test]
    fn colors_are_taken_out() {
        let text = "\x1b[1;31mmain\x1b[0m at m\x1b[2m[x]\x1b[0m";
        assert_eq!(without_colors(text).collect::<String>(), "main at m[x]");
        assert_eq!(without_colors("plain m").collect::<String>(), "plain m");
        assert_eq!(without_colors("").collect::<String>(), "");
    }

    #[test]
    fn what_is_not_to_be_seen_is_escaped() {
        for (name, printed) in [
            (&b"\x1b[31mred\x1b[0m"[..], "\\u{1b}[31mred\\u{1b}[0m"),
            (b"a\n==1==ERROR: forged\r\tb", "a\\n==1==ERROR: forged\\r\\tb"),
            (b"\x07\x7f\x00", "\\u{7}\\u{7f}\\0"),
            // A control of eight bits, as a character and as a byte.
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            (b"\x9b31m", "\\x9b31m"),
            (b"cut \xe2\x80", "cut \\xe2\\x80"),
            ("a\u{202e}b\u{2066}c\u{200f}".as_bytes(), "a\\u{202e}b\\u{2066}c\\u{200f}"),
            ("a\u{200b}\u{feff}\u{2028}".as_bytes(), "a\\u{200b}\\u{feff}\\u{2028}"),
            (b"\"\n\"", "\"\\n\""),
        ] {
            assert_eq!(printable(name).to_string(), printed);
        }
    }
}
