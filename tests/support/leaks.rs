//! Leaks as a program of `c-tests/leaks` says them in its comments, and as fencepost and Memcheck tell them: all in one form,
//! by class and line.

use std::collections::BTreeMap;
use std::fmt;

use super::expectation::ReportIn;
use super::process::Exit;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Definite,
    Indirect,
    Possible,
    Reachable,
    /// Not an object, but a mapping that is lost. Memcheck does not tell of them.
    Mapping,
}

impl Class {
    /// Those of objects.
    pub const ALL: [Class; 4] =
        [Class::Definite, Class::Indirect, Class::Possible, Class::Reachable];

    /// As comments and options name it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Definite => "definite",
            Class::Indirect => "indirect",
            Class::Possible => "possible",
            Class::Reachable => "reachable",
            Class::Mapping => "mapping",
        }
    }

    /// As fencepost and Memcheck write it.
    fn words(self) -> &'static str {
        match self {
            Class::Definite => "definitely lost",
            Class::Indirect => "indirectly lost",
            Class::Possible => "possibly lost",
            Class::Reachable => "still reachable",
            Class::Mapping => "lost mappings",
        }
    }

    fn each() -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().chain([Class::Mapping])
    }

    fn named(name: &str) -> Result<Class, String> {
        let class = Class::each().find(|class| class.name() == name);
        class.ok_or_else(|| format!("no such class of leaks: `{name}`"))
    }
}

/// Objects and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub bytes: u64,
    pub objects: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes in {}", self.bytes, self.objects)
    }
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.bytes += other.bytes;
        self.objects += other.objects;
    }
}

/// What is told of the objects of one class that one line allocates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    pub count: Count,
    /// Of objects that only these lead to.
    pub indirect_bytes: u64,
}

/// What a tool tells of all processes of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Of the summaries; absent where there was none.
    pub totals: Option<BTreeMap<Class, Count>>,
    /// By class and line of the program; line 0 is none of its own.
    pub records: BTreeMap<(Class, u32), Record>,
}

/// `// <- leak: definite 16 bytes in 1 (+ 32 in 2), indirect 32 bytes in 2`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    line: u32,
    class: Class,
    count: Count,
    indirect_bytes: u64,
}

/// What a program says of itself.
#[derive(Debug, Clone)]
pub struct Leaks {
    lines: Vec<Line>,
    /// Lines where libc allocates for itself: memory that is not lost, of which the tools may tell or not.
    of_libc: Vec<u32>,
    /// The classes that are told one by one, not only counted.
    told: Vec<Class>,
    /// Where it is not that of a native run.
    pub exit: Option<Exit>,
    pub report_in: ReportIn,
    /// Options of Memcheck, or why its result is another.
    pub memcheck: Memcheck,
}

#[derive(Debug, Clone)]
pub enum Memcheck {
    Same(Vec<String>),
    Differs(String),
}

/// Reads the header and the markers of a program.
pub fn read(header: &[(&str, &str)], source: &str) -> Result<Leaks, String> {
    let find =
        |wanted: &str| header.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let (mut lines, mut of_libc) = (Vec::new(), Vec::new());
    for (index, line) in source.lines().enumerate() {
        let Some((_, comment)) = line.split_once("// <- leak: ") else { continue };
        let line = u32::try_from(index + 1).expect("a short file");
        for part in comment.split(", ") {
            match part {
                "libc" => of_libc.push(line),
                _ => lines.push(read_line(part, line).ok_or_else(|| format!("no leak: {part}"))?),
            }
        }
    }
    Ok(Leaks {
        lines,
        of_libc,
        told: match find("expect-told") {
            None => Class::ALL.to_vec(),
            Some("nothing") => Vec::new(),
            Some(names) => names.split(' ').map(Class::named).collect::<Result<_, _>>()?,
        },
        exit: match find("expect-exit").map(str::parse) {
            None => None,
            Some(Ok(code)) => Some(Exit::Code(code)),
            Some(Err(_)) => return Err("`expect-exit` of a leak is a code".to_owned()),
        },
        report_in: match find("expect-report-in") {
            None => ReportIn::Stderr,
            Some("log") => ReportIn::Log,
            Some(other) => return Err(format!("no such place for leaks: {other}")),
        },
        memcheck: match find("memcheck") {
            Some(why) if !why.starts_with("--") => Memcheck::Differs(why.to_owned()),
            options => Memcheck::Same(
                options.unwrap_or("").split_whitespace().map(str::to_owned).collect(),
            ),
        },
    })
}

/// `definite 16 bytes in 1 (+ 32 in 2)`
fn read_line(text: &str, line: u32) -> Option<Line> {
    let (text, indirect) = match text.split_once(" (+ ") {
        Some((text, rest)) => (text, rest.strip_suffix(')')?.split_once(" in ")?.0),
        None => (text, "0"),
    };
    let words: Vec<&str> = text.split(' ').collect();
    let [class, bytes, "bytes", "in", objects] = words[..] else { return None };
    Some(Line {
        line,
        class: Class::named(class).ok()?,
        count: Count { bytes: bytes.parse().ok()?, objects: objects.parse().ok()? },
        indirect_bytes: indirect.parse().ok()?,
    })
}

impl Leaks {
    /// How what is told differs from what the program says; `told_classes` are told one by one.
    pub fn differences(&self, told: &Told) -> Vec<String> {
        self.differences_of(told, &[&self.told, &[Class::Mapping][..]].concat())
    }

    /// The same, where all classes are told one by one.
    pub fn differences_in_full(&self, told: &Told) -> Vec<String> {
        self.differences_of(told, &Class::each().collect::<Vec<_>>())
    }

    /// The same, of a tool that tells of objects only.
    pub fn differences_of_objects(&self, told: &Told) -> Vec<String> {
        self.differences_of(told, &Class::ALL)
    }

    fn differences_of(&self, told: &Told, classes: &[Class]) -> Vec<String> {
        let mut found = Vec::new();
        match &told.totals {
            None => found.push("no summary of leaks".to_owned()),
            Some(totals) => {
                let is_wanted = |class: &Class| *class != Class::Mapping || classes.contains(class);
                for class in Class::each().filter(is_wanted) {
                    let total = totals.get(&class).copied().unwrap_or_default();
                    found.extend(self.total_difference(class, total, told));
                }
            }
        }
        for line in self.lines.iter().filter(|line| classes.contains(&line.class)) {
            let record = told.records.get(&(line.class, line.line)).copied().unwrap_or_default();
            let Record { count, indirect_bytes } = record;
            if (line.count, line.indirect_bytes) != (count, indirect_bytes) {
                let name = line.class.name();
                found.push(format!("line {}: not {name} {count} (+ {indirect_bytes})", line.line));
            }
        }
        for (&(class, line), record) in &told.records {
            if self.is_of_libc(class, line) {
                continue;
            }
            let is_named = self.lines.iter().any(|it| (it.class, it.line) == (class, line));
            if !is_named || !classes.contains(&class) {
                found.push(format!("line {line}: unexpected {} {}", class.name(), record.count));
            }
        }
        found
    }

    fn is_of_libc(&self, class: Class, line: u32) -> bool {
        let is_lost = matches!(class, Class::Definite | Class::Indirect);
        !is_lost && self.of_libc.contains(&line)
    }

    fn total_difference(&self, class: Class, total: Count, told: &Told) -> Option<String> {
        let mut wanted = Count::default();
        let lines = self.lines.iter().filter(|line| line.class == class);
        lines.for_each(|line| wanted += line.count);
        let of_libc = told.records.iter();
        let of_libc =
            of_libc.filter(|((it, line), _)| *it == class && self.is_of_libc(class, *line));
        of_libc.for_each(|(_, record)| wanted += record.count);
        (wanted != total).then(|| format!("summary: {}: not {wanted}, but {total}", class.words()))
    }
}

/// `40 bytes in 1 object`, with commas in the numbers or not.
fn read_count(text: &str) -> Option<Count> {
    let mut words = text.split_whitespace();
    let mut number = || words.next()?.replace(',', "").parse::<u64>().ok();
    let bytes = number()?;
    let (bytes_word, in_word) = (words.next()?, words.next()?);
    let objects = words.next()?.replace(',', "").parse().ok()?;
    (bytes_word.starts_with("byte") && in_word == "in").then_some(Count { bytes, objects })
}

/// `   definitely lost: 40 bytes in 1 object`, of a summary.
fn read_total(line: &str) -> Option<(Class, Count)> {
    let (words, count) = line.trim().split_once(": ")?;
    let class = Class::each().find(|class| class.words() == words)?;
    Some((class, read_count(count)?))
}

/// The line of `file` that the first of these frames names; 0 if none does.
fn line_of<'a>(frames: impl Iterator<Item = &'a str>, file: &str) -> u32 {
    let name = format!("{file}:");
    let line = |frame: &str| {
        let (before, rest) = frame.split_once(&name)?;
        let is_whole = before.is_empty() || before.ends_with(['/', '(']);
        let digits = rest.split(|char: char| !char.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|_| is_whole)
    };
    frames.into_iter().find_map(line).unwrap_or(0)
}

/// What fencepost says of the processes of a run.
pub fn of_fencepost(text: &str, file: &str) -> Told {
    let mut told = Told::default();
    let mut owned = BTreeMap::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if let Some((_, rest)) = line.strip_prefix("==").and_then(|rest| rest.split_once("== ")) {
            if rest == "LEAK SUMMARY:" {
                told.totals.get_or_insert_default();
            } else if let (Some((class, count)), Some(totals)) =
                (read_total(rest), &mut told.totals)
            {
                *totals.entry(class).or_default() += count;
            }
        }
        if let Some((words, _)) = line.split_once(" lost, mapped here by thread T")
            && let Some(count) = read_count(words)
        {
            let frames = lines[at + 1..].iter().copied();
            let place = line_of(frames.take_while(|line| line.starts_with("    #")), file);
            told.records.entry((Class::Mapping, place)).or_default().count += count;
            continue;
        }
        let Some((words, _)) = line.split_once(", allocated here by thread T") else { continue };
        let Some(count) = read_count(words) else { continue };
        let frames = lines[at + 1..].iter().copied().take_while(|line| line.starts_with("    #"));
        let place = line_of(frames, file);
        if words.ends_with(" lost with them") {
            *owned.entry(place).or_insert(Count::default()) += count;
            continue;
        }
        let class = Class::ALL.into_iter().find(|class| words.contains(class.words()));
        let Some(class) = class else { continue };
        let more = words.split_once(" (+ ").and_then(|(_, more)| read_count(more));
        let record = told.records.entry((class, place)).or_default();
        record.count += count;
        record.indirect_bytes += more.unwrap_or_default().bytes;
    }
    // Told under those that own them, unless they have reports of their own.
    if !told.records.keys().any(|(class, _)| *class == Class::Indirect) {
        let records = owned
            .into_iter()
            .map(|(place, count)| ((Class::Indirect, place), Record { count, indirect_bytes: 0 }));
        told.records.extend(records);
    }
    told
}

/// What Memcheck says with `--leak-check=full --show-leak-kinds=all`, of one process.
pub fn add_memcheck(told: &mut Told, text: &str, file: &str) {
    let totals = told.totals.get_or_insert_default();
    let lines: Vec<&str> =
        text.lines().map(|line| line.split_once("== ").map_or("", |(_, rest)| rest)).collect();
    for (at, line) in lines.iter().enumerate() {
        if let Some((class, count)) = read_total(line) {
            *totals.entry(class).or_default() += count;
        }
        // `46 (16 direct, 30 indirect) bytes in 1 blocks are definitely lost in loss record 3 of 3`
        let Some((words, _)) = line.split_once(" in loss record ") else { continue };
        let class = Class::ALL.into_iter().find(|class| words.ends_with(class.words()));
        let numbers: Vec<u64> = words
            .split_whitespace()
            .filter_map(|word| word.trim_matches(['(', ',']).replace(',', "").parse().ok())
            .collect();
        let (count, indirect_bytes) = match numbers[..] {
            [bytes, objects] => (Count { bytes, objects }, 0),
            [_, bytes, indirect, objects] => (Count { bytes, objects }, indirect),
            _ => continue,
        };
        let Some(class) = class else { continue };
        let frames = lines[at + 1..].iter().copied().take_while(|line| {
            let line = line.trim_start();
            line.starts_with("at 0x") || line.starts_with("by 0x")
        });
        let record = told.records.entry((class, line_of(frames, file))).or_default();
        record.count += count;
        record.indirect_bytes += indirect_bytes;
    }
}
