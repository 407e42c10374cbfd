//! Makes names that others chose fit to print: names of threads, programs, files, functions.
//!
//! A name may hold anything: an escape sequence that colours the reader's terminal, or a newline and a forged line
//! after it. All code that prints a name uses this.

use core::fmt::{self, Display, Formatter};

/// Prints a name, and escapes as Rust does (`\n`, `\u{1b}`, `\xff`): control characters, invisible and
/// direction-changing characters, and bytes that are not UTF-8. Quotes and backslashes are not escaped, so usual names
/// stay as they are. Allocates nothing.
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

/// The pieces of a text between its colours, which are escape sequences from `ESC [` to `m`. A text whose names are
/// printable has no other escape sequences.
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
            // A control character of eight bits, as UTF-8 and as a byte.
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
