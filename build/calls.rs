//! Makes a good and a bad call in C for each operand of the checked functions. `c-tests/checked_calls.c`
//! includes the calls, and defines the helpers that the declarations name.

use crate::declarations::{Access, Declaration, Extent, Factor, Operand, Place, Product};
use std::fmt::Write;

/// The value of an argument that is an extent, if nothing else is set. For a buffer to be filled it is `ROOM`, more
/// than the data that comes.
const COUNT: &str = "20";
const ROOM: &str = "99";

/// Least number of arguments that are passed; a function that has fewer ignores the rest.
const LEAST_ARGUMENTS: usize = 6;

/// Writes the test cases of all operands.
pub fn write(declarations: &[Declaration]) -> String {
    let mut functions = String::new();
    let mut table = String::new();
    for declaration in declarations {
        for name in &declaration.names {
            for (number, operand) in declaration.operands.iter().enumerate() {
                if let Some(why) = declaration.reason_untested(operand) {
                    let _ = writeln!(
                        table,
                        "    {{\"{name}\", \"{name}\", \"{}\", \"{why}\"}},",
                        operand.name
                    );
                    continue;
                }
                let case = format!("{name}_{number}");
                let call = Call::new(declaration, number);
                let _ = write!(
                    functions,
                    "static void test_{case}(int extra) {{ {}; CALL(\"{name}\", {}); }}\n\
                     static size_t told_{case}(void) {{ return {}; }}\n",
                    call.setting("prepare").unwrap_or("0"),
                    call.arguments().join(", "),
                    call.setting("told").map_or_else(|| call.size(), str::to_owned),
                );
                let access = if operand.access.is_write() { "WRITE" } else { "READ" };
                let _ = writeln!(
                    table,
                    "    {{\"{case}\", \"{name}\", \"{}\", \"{access}\", test_{case}, told_{case}}},",
                    operand.name,
                );
            }
        }
    }
    format!("{functions}\nstatic struct test tests[] = {{\n{table}}};\n")
}

/// The call of a test case, which is about one operand; all others are good.
struct Call<'a> {
    declaration: &'a Declaration,
    operand: &'a Operand,
    settings: Vec<&'a (String, String)>,
}

impl<'a> Call<'a> {
    fn new(declaration: &'a Declaration, number: usize) -> Call<'a> {
        let operand = &declaration.operands[number];
        Call { declaration, operand, settings: declaration.settings(operand) }
    }

    /// The value of a setting: the last one, since the operand's own settings come last.
    fn setting(&self, key: &str) -> Option<&str> {
        let (_, value) = self.settings.iter().rev().find(|(each, _)| each == key)?;
        Some(value)
    }

    fn arguments(&self) -> Vec<String> {
        let places = self.declaration.operands.iter().filter_map(|operand| match operand.place {
            Place::Argument(index) | Place::Behind(index) => Some(index),
            Place::Dots => None,
        });
        let given = self.settings.iter().filter_map(|(key, _)| key.parse().ok());
        let last = places.chain(given).max().unwrap_or(0);
        let count = LEAST_ARGUMENTS.max(last + 1);
        (0..count).map(|index| format!("W({})", self.argument(index))).collect()
    }

    fn argument(&self, index: usize) -> String {
        let given = self.setting(&index.to_string());
        if self.operand.place != Place::Argument(index) {
            return given.map_or_else(|| self.good_argument(index), |given| self.expand(given));
        }
        match given {
            Some(given) if mentions(given, "extra") => self.expand(given),
            Some(given) => self.object(&self.expand(given)),
            None => self.object(good(self.operand)),
        }
    }

    /// A good argument, for one without a setting.
    fn good_argument(&self, index: usize) -> String {
        let operands = &self.declaration.operands;
        let place = Place::Argument(index);
        if let Some(operand) = operands.iter().find(|operand| operand.place == place) {
            return good(operand).to_owned();
        }
        let is_extent = |operand: &&Operand| match &operand.extent {
            Some(Extent::Bytes(bytes)) | Some(Extent::Text { most: Some(bytes), .. }) => {
                bytes.iter().any(|factor| argument_of(factor) == Some(index))
            }
            _ => false,
        };
        let of: Vec<&Operand> = operands.iter().filter(is_extent).collect();
        match of.first() {
            None => "0".to_owned(),
            Some(_) if of.iter().all(|operand| operand.access == Access::Fill) => ROOM.to_owned(),
            Some(_) => COUNT.to_owned(),
        }
    }

    /// Replaces each `@NAME` in an expression by the operand that it stands for.
    fn expand(&self, expression: &str) -> String {
        let mut parts = expression.split('@');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_name = |char: char| char.is_alphanumeric() || "_*%".contains(char);
            let end = part.find(|char| !is_name(char)).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            text += &self.indirect(name);
            text += rest;
        }
        text
    }

    /// The operand that is not an argument itself and has this name; any such operand if the name is empty.
    fn indirect(&self, name: &str) -> String {
        let is_it = |operand: &Operand| {
            !matches!(operand.place, Place::Argument(_))
                && (name.is_empty() || operand.name == name)
        };
        if is_it(self.operand) {
            return self.object(good(self.operand));
        }
        let other = self.declaration.operands.iter().find(|operand| is_it(operand));
        other.map_or("zeros", good).to_owned()
    }

    /// A copy of the bytes at `from` in an object, which is large enough unless the test makes `extra` too large.
    fn object(&self, from: &str) -> String {
        match &self.operand.extent {
            // An operand to be written, strings too.
            _ if self.operand.access.is_write() => format!("copy({from}, {}, extra)", self.size()),
            Some(Extent::Text { is_wide: false, .. }) => format!("string({from}, extra)"),
            Some(Extent::Text { is_wide: true, .. }) => format!("wide({from}, extra)"),
            _ => format!("copy({from}, {}, extra)", self.size()),
        }
    }

    /// Number of bytes that the call touches, as a C expression.
    fn size(&self) -> String {
        if let Some(size) = self.setting("size") {
            return size.to_owned();
        }
        let at = match self.operand.place {
            Place::Argument(index) => self.setting(&index.to_string()),
            _ => None,
        };
        match &self.operand.extent {
            Some(Extent::Text { is_wide, .. }) => {
                // A string that is written is a copy of the good string that is read.
                let good = if *is_wide { "wname" } else { "name" };
                let text = at.map_or_else(|| good.to_owned(), |at| self.expand(at));
                if *is_wide {
                    format!("(wcslen({text}) + 1) * sizeof(wchar_t)")
                } else {
                    format!("strlen({text}) + 1")
                }
            }
            Some(Extent::Bytes(bytes)) => self.product(bytes),
            None => COUNT.to_owned(),
        }
    }

    fn product(&self, factors: &Product) -> String {
        let factor = |factor: &Factor| match factor {
            Factor::Number(number) => number.to_string(),
            Factor::Size(name) => format!("sizeof({name})"),
            Factor::Word(index) | Factor::Int(index) | Factor::Unsigned(index) => {
                let given = self.setting(&index.to_string());
                // A buffer to be filled gets `COUNT` bytes, whatever its room is.
                let given = given.filter(|_| self.operand.access != Access::Fill);
                given.unwrap_or(COUNT).to_owned()
            }
        };
        factors.iter().map(factor).collect::<Vec<_>>().join(" * ")
    }
}

fn argument_of(factor: &Factor) -> Option<usize> {
    match factor {
        Factor::Word(index) | Factor::Int(index) | Factor::Unsigned(index) => Some(*index),
        _ => None,
    }
}

/// Name of a good operand outside the heap.
fn good(operand: &Operand) -> &'static str {
    match (&operand.extent, operand.access.is_write()) {
        (Some(Extent::Text { is_wide: false, .. }), false) => "name",
        (Some(Extent::Text { is_wide: true, .. }), false) => "wname",
        (_, true) => "far",
        (_, false) => "zeros",
    }
}

fn mentions(expression: &str, word: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    expression.split(|char| !is_part(char)).any(|each| each == word)
}
