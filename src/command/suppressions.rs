//! Reads files of suppressions: ours, in TOML, and by `foreign_suppressions` those of other tools.

use std::fs;
use std::path::Path;

use fencepost::finding::suppression::Suppression;
use fencepost::finding::{LEAK, LeakClass};
use fencepost::printable::printable;
use toml::de::{DeTable, DeValue};

use super::foreign_suppressions as foreign;
use super::refusal::{Refusal, quoted};
use super::suppression_entry::{Entry, Mistake, frame};

const MILLISECONDS_OF_A_DAY: u64 = 24 * 60 * 60 * 1000;

/// Reads a file; returns its suppressions, and sentences about those that were not taken.
pub fn read(path: &Path) -> Result<(Vec<Entry>, Vec<String>), Refusal> {
    let usage = |sentence| Refusal::new(Refusal::USAGE, sentence);
    let text = fs::read_to_string(path)
        .map_err(|error| usage(format!("{} cannot be read: {error}", quoted(path))))?;
    let name = printable(path.as_os_str().as_encoded_bytes()).to_string();
    let read = match foreign::Format::of(&text) {
        Some(format) => foreign::parse(format, &text, &name),
        None => parse(&text, &name).map(|entries| (entries, Vec::new())),
    };
    read.map_err(|(line, words)| usage(format!("{name}:{line}: {words}")))
}

fn parse(text: &str, name: &str) -> Result<Vec<Entry>, Mistake> {
    let line = |offset: usize| text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1;
    let document = DeTable::parse(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        (line(error.span().map_or(0, |span| span.start)), message)
    })?;
    let mut entries = Vec::new();
    for (key, value) in document.get_ref() {
        let tables = match (&**key.get_ref(), value.get_ref()) {
            ("suppression", DeValue::Array(tables)) => tables,
            (other, _) => {
                let words = format!(
                    "'{}' means nothing here; write [[suppression]] before each suppression",
                    printable(other)
                );
                return Err((line(key.span().start), words));
            }
        };
        for table in tables {
            let at = line(table.span().start);
            let DeValue::Table(fields) = table.get_ref() else {
                return Err((at, "a suppression is a table".to_owned()));
            };
            entries.push(entry(fields, at, name, &line)?);
        }
    }
    Ok(entries)
}

fn entry(
    fields: &DeTable,
    at: usize,
    file: &str,
    line: &dyn Fn(usize) -> usize,
) -> Result<Entry, Mistake> {
    let mut suppression = Suppression::default();
    let mut reason = None;
    for (key, value) in fields {
        let place = line(key.span().start);
        let wrong = |words: String| (place, words);
        let key = &**key.get_ref();
        let value = value.get_ref();
        if let ("expires", DeValue::Datetime(date)) = (key, value) {
            suppression.expires_ms = Some(end_of_day(&date.to_string()).map_err(wrong)?);
            continue;
        }
        let texts = texts(value).ok_or_else(|| {
            wrong(format!("'{}' takes a text or a list of texts", printable(key)))
        })?;
        let one = || match &texts[..] {
            [text] if !text.is_empty() => Ok(text.clone()),
            _ => Err(wrong(format!("'{key}' takes one text"))),
        };
        match key {
            "name" => suppression.name = one()?,
            "kind" | "kinds" => suppression.kinds = texts,
            "leaks" => {
                let class = |name: &String| {
                    let classes = LeakClass::ALL.into_iter().chain([LeakClass::Mapping]);
                    classes.into_iter().find(|class| class.name() == name).ok_or_else(|| {
                        wrong(format!(
                            "'{}' is no class of leaks; there are definite, indirect, possible and reachable",
                            printable(name)
                        ))
                    })
                };
                suppression.leaks = texts.iter().map(class).collect::<Result<_, _>>()?;
                // Else it would be about all other bugs, too.
                if suppression.kinds.is_empty() {
                    suppression.kinds.push(LEAK.to_owned());
                }
            }
            "function" => suppression.function = Some(one()?),
            "file" => suppression.file = Some(one()?),
            "module" => suppression.module = Some(one()?),
            "allocated" => suppression.allocated = Some(one()?),
            "stack" => suppression.stack = texts.iter().map(|text| frame(text)).collect(),
            "reason" => reason = Some(one()?),
            "expires" => suppression.expires_ms = Some(end_of_day(&one()?).map_err(wrong)?),
            other => {
                let words = format!(
                    "a suppression has no '{}'; it has name, kind, leaks, function, file, module, allocated, stack, \
                     reason and expires",
                    printable(other)
                );
                return Err(wrong(words));
            }
        }
    }
    if suppression.name.is_empty() {
        return Err((at, "this suppression has no name".to_owned()));
    }
    if reason.is_none() {
        return Err((
            at,
            format!("suppression '{}' gives no reason", printable(&suppression.name)),
        ));
    }
    let Suppression { kinds, function, file: source, module, allocated, stack, .. } = &suppression;
    let is_empty = kinds.is_empty() && stack.is_empty();
    if is_empty && [function, source, module, allocated].iter().all(|part| part.is_none()) {
        let name = printable(&suppression.name);
        return Err((at, format!("suppression '{name}' would match every bug; say which")));
    }
    Ok(Entry { suppression, reason, origin: format!("{file}:{at}") })
}

fn texts(value: &DeValue) -> Option<Vec<String>> {
    match value {
        DeValue::String(text) => Some(vec![text.to_string()]),
        DeValue::Array(values) => values
            .iter()
            .map(|value| match value.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The end of a day in UTC, in milliseconds since 1970.
fn end_of_day(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{}' is no day; write it as \"2027-01-31\"", printable(text));
    let parts: Vec<&str> = text.split('-').collect();
    let &[year, month, day] = &parts[..] else { return Err(wrong()) };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return Err(wrong());
    }
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month).ok().and_then(|month| month.checked_sub(1));
    let length = index.and_then(|index| months.get(index)).copied().ok_or_else(wrong)?;
    if year < 1970 || day == 0 || day > length {
        return Err(wrong());
    }
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let before: u64 = months.iter().take(index.unwrap_or_default()).sum();
    Ok((years + before + day) * MILLISECONDS_OF_A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fencepost::finding::suppression::FramePattern;

    fn mistake(text: &str) -> String {
        let (line, words) = parse(text, "f").unwrap_err();
        format!("{line}: {words}")
    }

    #[test]
    fn all_keys_are_read() {
        let text = "\n[[suppression]]\nname = \"old parser\"\nkind = [\"heap-*\", \"double-free\"]\n\
                    function = \"parse_*\"\nfile = \"src/*.c\"\nmodule = \"libold.so*\"\nallocated = \"make\"\n\
                    stack = [\"a\", \"...\", \"obj:*/libc.so.6\", \"src:x.c:12\"]\n\
                    reason = \"is rewritten\"\nexpires = \"1970-01-01\"\n\
                    [[suppression]]\nname = \"b\"\nkind = \"x\"\nreason = \"r\"\nexpires = 2027-01-31\n";
        let entries = parse(text, "f").unwrap();
        let Entry { suppression, reason, origin } = &entries[0];
        assert_eq!((reason.as_deref(), origin.as_str()), (Some("is rewritten"), "f:2"));
        assert_eq!(suppression.kinds, ["heap-*", "double-free"]);
        assert_eq!(suppression.expires_ms, Some(MILLISECONDS_OF_A_DAY));
        let source = FramePattern::Source { file: "x.c".to_owned(), line: Some(12) };
        assert_eq!(suppression.stack[1], FramePattern::Any);
        assert_eq!(suppression.stack[3], source);
        // `date -u -d 2027-02-01 +%s`
        assert_eq!(entries[1].suppression.expires_ms, Some(1_801_440_000_000));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let suppression =
            |fields: &str| format!("[[suppression]]\nname = \"n\"\nreason = \"r\"\n{fields}");
        for (text, expected) in [
            (suppression("kind = 1"), "4: 'kind' takes a text or a list of texts"),
            (suppression("kinder = \"x\""), "4: a suppression has no 'kinder'; it has name,"),
            (suppression("expires = \"2027-02-29\""), "4: '2027-02-29' is no day; write it as"),
            (suppression(""), "1: suppression 'n' would match every bug; say which"),
            ("\n[[suppression]]\nkind = \"x\"\n".to_owned(), "2: this suppression has no name"),
            (
                "[[suppression]]\nname = \"x\"\nkind = \"x\"".to_owned(),
                "1: suppression 'x' gives no reason",
            ),
            ("[a]\n".to_owned(), "1: 'a' means nothing here; write [[suppression]] before"),
            ("a b".to_owned(), "1: "),
        ] {
            assert!(mistake(&text).starts_with(expected), "{}", mistake(&text));
        }
    }
}
