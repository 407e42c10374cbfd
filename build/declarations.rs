//! Reads the declarations of the checked functions, `src/checked/functions.list`. The head of that file explains
//! their form.

use std::fmt;

/// One declaration, which may be for several names.
#[derive(Debug, Clone, Default)]
pub struct Declaration {
    pub line: usize,
    pub section: String,
    pub names: Vec<String>,
    pub operands: Vec<Operand>,
    pub flags: Flags,
    pub tests: Vec<TestClause>,
    /// Operands for which no bad call can be made, each with the reason.
    pub untested: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub struct Operand {
    pub place: Place,
    /// The name in reports.
    pub name: String,
    pub access: Access,
    pub extent: Option<Extent>,
}

/// Where an operand is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Argument(usize),
    /// At an address that is read from where this argument points.
    Behind(usize),
    /// Among the variadic arguments.
    Dots,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    Scan,
    Fill,
}

impl Access {
    pub fn is_write(self) -> bool {
        matches!(self, Access::Write | Access::Fill)
    }

    /// Whether the declaration alone says how to check it; else a function does.
    pub fn is_regular(self) -> bool {
        matches!(self, Access::Read | Access::Write)
    }
}

#[derive(Debug, Clone)]
pub enum Extent {
    Bytes(Product),
    Text { is_wide: bool, most: Option<Product> },
}

/// A product, whose value is a number of bytes.
pub type Product = Vec<Factor>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    Number(usize),
    /// An argument, taken as a word, an int, or an unsigned int.
    Word(usize),
    Int(usize),
    Unsigned(usize),
    /// The size of a C type.
    Size(String),
}

#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub function: Option<Function>,
    pub has_distinct_operands: bool,
    pub quick: Option<String>,
    pub early: Option<String>,
    /// A substitute for each name.
    pub substitutes: Vec<String>,
    pub fortified: Option<(Product, Product)>,
    pub only_if: Option<Vec<usize>>,
    pub is_always_looked_at: bool,
    /// Whether it fails with EFAULT where the kernel can't use an operand.
    pub can_be_refused: bool,
    /// Finds operands behind arguments of such a call.
    pub looks_behind: Option<Function>,
}

/// A function that finds how far a call goes.
#[derive(Debug, Clone)]
pub struct Function {
    pub is_instead: bool,
    pub path: String,
    /// Its arguments besides the call.
    pub arguments: String,
}

/// Settings for the tests of all operands, or of one.
#[derive(Debug, Clone)]
pub struct TestClause {
    pub operand: Option<String>,
    pub settings: Vec<(String, String)>,
}

/// A mistake in the list, with its line.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    pub line: usize,
    pub why: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl Operand {
    /// Whether `selector` means this operand, by its name, its place, or its access and one of these.
    pub fn is_meant_by(&self, selector: &str) -> bool {
        let place = match self.place {
            Place::Argument(index) => index.to_string(),
            Place::Behind(index) => format!("*{index}"),
            Place::Dots => "...".to_owned(),
        };
        let is_one = |word: &str| word == self.name || word == place;
        let access = format!("{:?} ", self.access).to_lowercase();
        is_one(selector) || selector.strip_prefix(&access).is_some_and(is_one)
    }
}

impl Declaration {
    /// The settings for the test of one operand: those for all operands, then its own.
    pub fn settings(&self, operand: &Operand) -> Vec<&(String, String)> {
        let is_of = |clause: &&TestClause| match &clause.operand {
            None => true,
            Some(selector) => operand.is_meant_by(selector),
        };
        self.tests.iter().filter(is_of).flat_map(|clause| &clause.settings).collect()
    }

    pub fn reason_untested(&self, operand: &Operand) -> Option<&str> {
        let (_, why) = self.untested.iter().find(|(name, _)| operand.is_meant_by(name))?;
        Some(why)
    }
}

/// Reads the whole list.
pub fn parse(text: &str) -> Result<Vec<Declaration>, Wrong> {
    let mut declarations: Vec<Declaration> = Vec::new();
    let mut section = String::new();
    for (line, text) in join_lines(text)? {
        let wrong = |why: String| Wrong { line, why };
        if let Some(name) = text.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or_else(|| wrong("no `]`".to_owned()))?;
            section = name.to_owned();
            continue;
        }
        let mut declaration = parse_declaration(&text, &declarations).map_err(wrong)?;
        if section.is_empty() {
            return Err(wrong("it stands in no section".to_owned()));
        }
        let earlier = declarations.iter().flat_map(|declaration| &declaration.names);
        let mut earlier = earlier.filter(|name| declaration.names.contains(name));
        if let Some(name) = earlier.next() {
            return Err(wrong(format!("{name} is declared already")));
        }
        (declaration.line, declaration.section) = (line, section.clone());
        declarations.push(declaration);
    }
    Ok(declarations)
}

/// Joins continuation lines to their lines, and leaves out comments.
fn join_lines(text: &str) -> Result<Vec<(usize, String)>, Wrong> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        if text.starts_with(' ') {
            let why = || Wrong { line, why: "nothing goes on here".to_owned() };
            let (_, begun) = joined.last_mut().ok_or_else(why)?;
            begun.push(' ');
            begun.push_str(text.trim());
        } else {
            joined.push((line, text.trim_end().to_owned()));
        }
    }
    Ok(joined)
}

fn parse_declaration(text: &str, earlier: &[Declaration]) -> Result<Declaration, String> {
    let (names, rest) = text.split_once(" :").ok_or("no ` :` behind the names")?;
    let mut declaration = Declaration {
        names: names.split_whitespace().map(str::to_owned).collect(),
        ..Declaration::default()
    };
    for (index, part) in split(rest, ';').into_iter().enumerate() {
        if index == 0 {
            let operands: Result<_, _> = split(part, ',').into_iter().map(parse_operand).collect();
            declaration.operands = operands?;
        } else {
            parse_flag(&mut declaration, part, earlier)?;
        }
    }
    check(&declaration)?;
    Ok(declaration)
}

/// Checks that the parts of a declaration fit together.
fn check(declaration: &Declaration) -> Result<(), String> {
    let flags = &declaration.flags;
    let irregular = declaration.operands.iter().find(|operand| !operand.access.is_regular());
    match (irregular, &flags.function) {
        (Some(operand), None) => {
            return Err(format!("no function finds how far `{}` goes", operand.name));
        }
        (None, Some(_)) if !flags.is_always_looked_at => {
            return Err("a function, but nothing for it to find".to_owned());
        }
        _ => {}
    }
    for operand in &declaration.operands {
        if operand.access.is_regular() {
            if operand.extent.is_none() {
                return Err(format!("`{}` has no extent", operand.name));
            }
            if !matches!(operand.place, Place::Argument(_)) {
                return Err(format!("`{}` is no argument: only a function finds it", operand.name));
            }
        }
    }
    if flags.has_distinct_operands && declaration.operands.len() != 2 {
        return Err("`overlap` is about two operands".to_owned());
    }
    if !flags.substitutes.is_empty() && flags.substitutes.len() != declaration.names.len() {
        return Err("`or` has not one name for each".to_owned());
    }
    let selectors = declaration.tests.iter().filter_map(|clause| clause.operand.as_ref());
    let mut selectors = selectors.chain(declaration.untested.iter().map(|(operand, _)| operand));
    let is_unknown =
        |name: &&String| !declaration.operands.iter().any(|operand| operand.is_meant_by(name));
    match selectors.find(is_unknown) {
        Some(name) => Err(format!("no operand is `{name}`")),
        None => Ok(()),
    }
}

/// Parses an operand: `0 path=read str`.
fn parse_operand(text: &str) -> Result<Operand, String> {
    let wrong = || format!("`{text}` is no operand");
    let (place, rest) = text.split_once(' ').ok_or_else(wrong)?;
    let (name, what) = rest.split_once('=').ok_or_else(wrong)?;
    let (access, extent) = what.split_once(' ').unwrap_or((what, ""));
    let index = |text: &str| text.parse().map_err(|_| format!("`{place}` is no place"));
    let place = match place.strip_prefix('*') {
        Some(behind) => Place::Behind(index(behind)?),
        None if place == "..." => Place::Dots,
        None => Place::Argument(index(place)?),
    };
    let access = match access {
        "read" => Access::Read,
        "write" => Access::Write,
        "scan" => Access::Scan,
        "fill" => Access::Fill,
        other => return Err(format!("`{other}` is no access")),
    };
    let extent = if extent.is_empty() { None } else { Some(parse_extent(extent)?) };
    Ok(Operand { place, name: name.to_owned(), access, extent })
}

fn parse_extent(text: &str) -> Result<Extent, String> {
    let (kind, most) = match text.split_once(" max ") {
        Some((kind, most)) => (kind, Some(parse_product(most)?)),
        None => (text, None),
    };
    match kind {
        "str" => Ok(Extent::Text { is_wide: false, most }),
        "wstr" => Ok(Extent::Text { is_wide: true, most }),
        _ if most.is_none() => Ok(Extent::Bytes(parse_product(text)?)),
        _ => Err(format!("`{text}` is no extent")),
    }
}

/// Parses a product: `arg1*sizeof(wchar_t)`.
fn parse_product(text: &str) -> Result<Product, String> {
    let mut factors = Vec::new();
    for part in split(text, '*') {
        let index = |prefix: &str| part.strip_prefix(prefix)?.parse().ok();
        let size = part.strip_prefix("sizeof(").and_then(|rest| rest.strip_suffix(')'));
        factors.push(if let Ok(number) = part.parse() {
            Factor::Number(number)
        } else if let Some(index) = index("arg") {
            Factor::Word(index)
        } else if let Some(index) = index("uint") {
            Factor::Unsigned(index)
        } else if let Some(index) = index("int") {
            Factor::Int(index)
        } else if let Some(name) = size {
            Factor::Size(name.to_owned())
        } else {
            return Err(format!("`{part}` is no extent"));
        });
    }
    Ok(factors)
}

fn parse_flag(
    declaration: &mut Declaration,
    text: &str,
    earlier: &[Declaration],
) -> Result<(), String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let flags = &mut declaration.flags;
    match word {
        "by" | "instead" => flags.function = Some(parse_function(rest, word == "instead")?),
        "overlap" => flags.has_distinct_operands = true,
        "quick" => flags.quick = Some(rest.to_owned()),
        "early" => flags.early = Some(rest.to_owned()),
        "or" => flags.substitutes = rest.split(' ').map(str::to_owned).collect(),
        "always" => flags.is_always_looked_at = true,
        "refused" => {
            flags.can_be_refused = true;
            if let Some(function) = rest.strip_prefix("by ") {
                flags.looks_behind = Some(parse_function(function, false)?);
            } else if !rest.is_empty() {
                return Err(format!("`refused {rest}` is no flag"));
            }
        }
        "fortified" => {
            let (least, most) = rest.split_once(" <= ").ok_or("no ` <= `")?;
            flags.fortified = Some((parse_product(least)?, parse_product(most)?));
        }
        "if" => {
            let indexes = rest.split(' ').map(|index| index.parse().map_err(|_| index));
            let indexes: Result<Vec<usize>, _> = indexes.collect();
            flags.only_if = Some(indexes.map_err(|index| format!("`{index}` is no argument"))?);
        }
        "untested" => {
            let (operand, why) = rest.split_once(": ").ok_or("no `: ` behind the operand")?;
            declaration.untested.push((operand.to_owned(), why.to_owned()));
        }
        _ if word == "test" => declaration.tests.extend(parse_tests(rest, earlier)?),
        other => return Err(format!("`{other}` is no flag")),
    }
    Ok(())
}

/// Parses a function: `memory::find(arg2)`.
fn parse_function(text: &str, is_instead: bool) -> Result<Function, String> {
    let (path, arguments) = match text.split_once('(') {
        Some((path, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| format!("no `)` in `{text}`"))?;
            (path, inner.to_owned())
        }
        None => (text, String::new()),
    };
    if path.is_empty() || path.contains(' ') {
        return Err(format!("`{text}` is no function"));
    }
    Ok(Function { is_instead, path: path.to_owned(), arguments })
}

/// Parses settings of tests: `0=null(), 2=99`, with or without an operand before, or `like` another function.
fn parse_tests(text: &str, earlier: &[Declaration]) -> Result<Vec<TestClause>, String> {
    if let Some(name) = text.strip_prefix("like ") {
        let is_it = |declaration: &&Declaration| declaration.names.iter().any(|each| each == name);
        let like = earlier.iter().find(is_it).ok_or(format!("{name} is not declared above"))?;
        return Ok(like.tests.clone());
    }
    let (operand, settings) = match text.split_once(": ") {
        Some((operand, rest)) if !operand.contains(['=', '"']) => (Some(operand.to_owned()), rest),
        _ => (None, text),
    };
    let setting = |part: &str| {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("`{part}` sets nothing"))?;
        let is_known = ["prepare", "size", "told"].contains(&key) || key.parse::<usize>().is_ok();
        if is_known {
            Ok((key.to_owned(), value.to_owned()))
        } else {
            Err(format!("`{key}` is nothing of a test"))
        }
    };
    let settings: Result<_, _> = split(settings, ',').into_iter().map(setting).collect();
    Ok(vec![TestClause { operand, settings: settings? }])
}

/// Splits a text at separators that are not in brackets or quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut is_quoted, mut start) = (0, false, 0);
    for (at, char) in text.char_indices() {
        match char {
            '"' => is_quoted = !is_quoted,
            '(' | '{' | '[' if !is_quoted => depth += 1,
            ')' | '}' | ']' if !is_quoted => depth -= 1,
            _ if char == separator && depth == 0 && !is_quoted => {
                parts.push(text[start..at].trim());
                start = at + char.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}
