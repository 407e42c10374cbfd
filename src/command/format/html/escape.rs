//! Escapes text for a page.

use fencepost::printable::printable;

/// Escapes a text for the content of an element, or for an attribute in double quotes.
pub fn escape(text: &str) -> String {
    escape_plain(&printable(text).to_string())
}

/// Escapes a line of a source file; tabs become spaces.
pub fn escape_source(line: &str) -> String {
    let mut spaced = String::with_capacity(line.len());
    for c in line.trim_end_matches(['\r', '\n']).chars() {
        match c {
            '\t' => spaced.push_str(&" ".repeat(4 - spaced.chars().count() % 4)),
            c => spaced.push(c),
        }
    }
    escape(&spaced)
}

/// Escapes several lines, each on its own.
pub fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<String>>().join("\n")
}

fn escape_plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_controls_become_text() {
        assert_eq!(
            escape("a<b> & \"c\"'\n\u{1b}"),
            "a&lt;b&gt; &amp; &quot;c&quot;&#39;\\n\\u{1b}"
        );
        assert_eq!(escape_source("\tx\ty\n"), "    x   y");
        assert_eq!(escape_lines("a\u{0}<\nb"), "a\\0&lt;\nb");
    }
}
