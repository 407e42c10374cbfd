//! How build.rs reads `src/checked/functions.list`, and what it makes from a line.

#[path = "../build/calls.rs"]
mod calls;
#[path = "../build/declarations.rs"]
mod declarations;
#[path = "../build/entries.rs"]
mod entries;

use declarations::{Declaration, parse};

fn read(text: &str) -> Vec<Declaration> {
    parse(&format!("[Subject]\n{text}\n")).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A function with two operands is one line.
#[test]
fn a_line_makes_an_entry_and_a_call_for_each_operand() {
    let made = read("move : 0 from=read str, 2 to=write arg1*sizeof(struct stat); test 1=3");
    let entries = entries::write(&made);
    assert!(
        entries.contains(
            "entry! { before move[rdi rdx] = |call| {\n    \
             crate::checked::text::reads_whole::<u8>(call, \"from\", 0);\n    \
             call.writes(\"to\", 2, call.arg(1).saturating_mul(size_of::<libc::stat>()));\n} }"
        ),
        "{entries}"
    );
    let calls = calls::write(&made);
    for part in [
        "CALL(\"move\", W(string(name, extra)), W(3), W(far), W(0), W(0), W(0));",
        "CALL(\"move\", W(name), W(3), W(copy(far, 3 * sizeof(struct stat), extra)), W(0), W(0), W(0));",
        "told_move_0(void) { return strlen(name) + 1; }",
        "{\"move_1\", \"move\", \"to\", \"WRITE\", test_move_1, told_move_1},",
    ] {
        assert!(calls.contains(part), "{part} is not in\n{calls}");
    }
}

#[test]
fn registers_are_those_of_the_operands() {
    for (line, registers) in [
        ("f : 5 a=read 1, 0 b=read 1, 5 c=write 2", "rdi r9"),
        ("f : 6 on the stack=read 1", "any"),
        ("f : 0 a=read 1, *1 b=scan; by x::y", "any"),
        ("f : 0 a=read 1, ... b=scan; by x::y", "any"),
        ("f : 0 a=read 1, *1 b=scan; if 0 3; by x::y", "rdi rcx"),
        ("f : 0 a=read 1; always", "always"),
    ] {
        let entries = entries::write(&read(line));
        assert!(entries.contains(&format!(" f[{registers}] ")), "{line}: {entries}");
    }
}

#[test]
fn a_function_that_finds_extents_gets_what_the_line_says() {
    let entries =
        entries::write(&read("f : 0 a=scan; instead x::y::<u8>(arg3, (int2, 7), dots2, NEXT(g))"));
    let call = "crate::checked::x::y::<u8>(call, call.arg(3), (call.int(2), 7), \
                crate::checked::formatted::dots(call, 2), &super::g::NEXT)\n";
    assert!(entries.contains("instead f[rdi]") && entries.contains(call), "{entries}");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, wrong) in [
        ("f : 0 a=read 1", "line 1: it stands in no section"),
        ("[A]\n\n# about f\nf : 0 a=rid 1", "line 4: `rid` is no access"),
        ("[A]\nf : a=read 1", "line 2: `a=read 1` is no operand"),
        ("[A]\nf : x a=read 1", "line 2: `x` is no place"),
        ("[A]\nf : 0 a=read", "line 2: `a` has no extent"),
        ("[A]\nf : 0 a=read arg", "line 2: `arg` is no extent"),
        ("[A]\nf : 0 a=scan", "line 2: no function finds how far `a` goes"),
        ("[A]\nf : 0 a=read 1; by x::y", "line 2: a function, but nothing for it to find"),
        ("[A]\nf : 0 a=read 1; quickly", "line 2: `quickly` is no flag"),
        ("[A]\nf : *0 a=read 1", "line 2: `a` is no argument: only a function finds it"),
        ("[A]\nf g : 0 a=read 1; or h", "line 2: `or` has not one name for each"),
        ("[A]\nf : 0 a=read 1;\n    test b: 0=1", "line 2: no operand is `b`"),
        ("[A]\nf : 0 a=read 1; test color=1", "line 2: `color` is nothing of a test"),
        ("[A]\nf : 0 a=read 1\nf : 0 a=read 1", "line 3: f is declared already"),
        ("[A]\nf 0 a=read 1", "line 2: no ` :` behind the names"),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert_eq!(error, wrong, "{text}");
    }
}
