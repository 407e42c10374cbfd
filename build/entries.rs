//! Makes the Rust entries of the checked functions. `src/interpose/checked.rs` includes them, and
//! `src/checked/entry.rs` explains what an entry is.

use crate::declarations::{Declaration, Extent, Factor, Operand, Place, Product};
use std::fmt::Write;

/// Argument registers of the System V ABI.
const REGISTERS: [&str; 6] = ["rdi", "rsi", "rdx", "rcx", "r8", "r9"];

/// Writes the entries of all functions, and the table of their next functions.
pub fn write(declarations: &[Declaration]) -> String {
    let mut text = String::new();
    let mut table = String::new();
    let mut refused = String::new();
    for declaration in declarations {
        for (index, name) in declaration.names.iter().enumerate() {
            text += &entry(declaration, name, declaration.flags.substitutes.get(index));
            let _ = writeln!(table, "    &{name}::NEXT,");
            if declaration.flags.can_be_refused {
                let _ = writeln!(refused, "    &{name}::FRONT,");
            }
        }
    }
    let _ = write!(
        text,
        "/// libc's functions behind the checked ones.\n\
         pub static NEXT: &[&crate::sys::next::Next] = &[\n{table}];\n\
         /// What stands in front of those that fail with EFAULT, if that is looked at.\n\
         pub static FRONTS: &[&crate::checked::refused::Front] = &[\n{refused}];\n"
    );
    text
}

fn entry(declaration: &Declaration, name: &str, substitute: Option<&String>) -> String {
    let flags = &declaration.flags;
    let is_instead = flags.function.as_ref().is_some_and(|function| function.is_instead);
    let kind = match &flags.quick {
        Some(quick) => quick,
        None if is_instead => "instead",
        None => "before",
    };
    let mut text = format!("entry! {{ {kind} {name}[{}]", registers(declaration).join(" "));
    if let Some(early) = &flags.early {
        let _ = write!(text, " early \"{early}\"");
    }
    if let Some(substitute) = substitute {
        let _ = write!(text, " or \"{substitute}\"");
    }
    text += " = |call| {\n";
    if let Some((least, most)) = &flags.fortified {
        let (least, most) = (product(least), product(most));
        let _ = writeln!(text, "    call.verify({least}, {most});");
    }
    // Operands that are read are checked first, because their contents are used before those of others are written.
    for is_write in [false, true] {
        for operand in &declaration.operands {
            if operand.access.is_regular() && operand.access.is_write() == is_write {
                text += &check(operand);
            }
        }
    }
    if flags.has_distinct_operands
        && let Some(Extent::Bytes(bytes)) = &declaration.operands[0].extent
    {
        let _ = writeln!(text, "    call.distinct({});", product(bytes));
    }
    if let Some(function) = &flags.function {
        let path = match function.path.starts_with("crate::") {
            true => function.path.clone(),
            false => format!("crate::checked::{}", function.path),
        };
        let comma = if function.arguments.is_empty() { "" } else { ", " };
        let end = if function.is_instead { "" } else { ";" };
        let _ = writeln!(text, "    {path}(call{comma}{}){end}", given(&function.arguments));
    }
    text += "}";
    if flags.can_be_refused {
        text += &refused(declaration);
    }
    text + " }\n"
}

/// The operands of a call that failed with EFAULT.
fn refused(declaration: &Declaration) -> String {
    let mut text = " refused |call, operands| {\n".to_owned();
    for operand in &declaration.operands {
        let Place::Argument(index) = operand.place else { continue };
        let name = &operand.name;
        match &operand.extent {
            Some(Extent::Bytes(bytes)) => {
                let adds = if operand.access.is_write() { "writes" } else { "reads" };
                let _ = writeln!(
                    text,
                    "    operands.{adds}(\"{name}\", call.arg({index}), {});",
                    product(bytes)
                );
            }
            Some(Extent::Text { .. }) => {
                let _ = writeln!(text, "    operands.text(call.arg({index}));");
            }
            None => {}
        }
    }
    if let Some(function) = &declaration.flags.looks_behind {
        let (path, arguments) = (&function.path, given(&function.arguments));
        let _ = writeln!(text, "    crate::checked::{path}(call, operands, {arguments});");
    }
    text + "}"
}

/// The registers that the entry compares with the heap's addresses, or a word that stands for them.
fn registers(declaration: &Declaration) -> Vec<&'static str> {
    if declaration.flags.is_always_looked_at {
        return vec!["always"];
    }
    let index = |operand: &Operand| match operand.place {
        Place::Argument(index) if index < REGISTERS.len() => Some(index),
        _ => None,
    };
    let places: Option<Vec<usize>> = match &declaration.flags.only_if {
        Some(indexes) => Some(indexes.clone()),
        None => declaration.operands.iter().map(index).collect(),
    };
    let Some(mut places) = places else { return vec!["any"] };
    places.sort_unstable();
    places.dedup();
    places.into_iter().map(|index| REGISTERS[index]).collect()
}

fn check(operand: &Operand) -> String {
    let name = &operand.name;
    let Place::Argument(index) = operand.place else { return String::new() };
    match operand.extent.as_ref() {
        Some(Extent::Bytes(bytes)) => {
            let touches = if operand.access.is_write() { "writes" } else { "reads" };
            format!("    call.{touches}(\"{name}\", {index}, {});\n", product(bytes))
        }
        Some(Extent::Text { is_wide, most }) => {
            let unit = if *is_wide { "u32" } else { "u8" };
            let text = "crate::checked::text";
            match most {
                Some(most) => {
                    let most = product(most);
                    format!(
                        "    {text}::reads_string::<{unit}>(call, \"{name}\", {index}, {most});\n"
                    )
                }
                None => format!("    {text}::reads_whole::<{unit}>(call, \"{name}\", {index});\n"),
            }
        }
        None => String::new(),
    }
}

fn product(factors: &Product) -> String {
    let mut text = String::new();
    for (number, factor) in factors.iter().enumerate() {
        let factor = match factor {
            Factor::Number(number) => number.to_string(),
            Factor::Word(index) => format!("call.arg({index})"),
            Factor::Int(index) => format!("call.count({index})"),
            Factor::Unsigned(index) => format!("call.unsigned({index})"),
            Factor::Size(name) => format!("size_of::<{}>()", rust_type(name)),
        };
        if number == 0 {
            text = factor;
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text = format!("{text} * {factor}");
        } else {
            text = format!("{text}.saturating_mul({factor})");
        }
    }
    text
}

fn rust_type(name: &str) -> String {
    match name.trim_start_matches("struct ") {
        name if name.ends_with('*') => "usize".to_owned(),
        "int" => "core::ffi::c_int".to_owned(),
        name => format!("libc::{name}"),
    }
}

/// The arguments of a check function, in which words like `arg2` are replaced by values of the call.
fn given(text: &str) -> String {
    let mut given = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_part = |char: char| char.is_alphanumeric() || char == '_';
        let end = rest.find(|char| !is_part(char)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        let numbered = |prefix| word.strip_prefix(prefix)?.parse::<usize>().ok();
        if let Some(index) = numbered("arg") {
            let _ = write!(given, "call.arg({index})");
        } else if let Some(index) = numbered("int") {
            let _ = write!(given, "call.int({index})");
        } else if let Some(index) = numbered("dots") {
            let _ = write!(given, "crate::checked::formatted::dots(call, {index})");
        } else if let Some(index) = numbered("list") {
            let _ = write!(given, "crate::checked::formatted::list(call, {index})");
        } else if word == "NEXT"
            && let Some((name, behind)) =
                rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        {
            let _ = write!(given, "&super::{name}::NEXT");
            rest = behind;
        } else {
            given += word;
        }
    }
    given
}
