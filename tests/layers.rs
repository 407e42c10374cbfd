//! The modules of the crate form layers, and use only the layers that `src/lib.rs` lists below them.

mod support;

use support::imports::{Files, module_of};
use support::source::{self, code_only, line_of, without_tests};

/// Highest first; modules of one row do not use each other. A module that is missing here may
/// neither use another nor be used.
const LAYERS: [&[&str]; 19] = [
    &["interpose", "global_alloc"],
    &["allocator"],
    &["checked"],
    &["fault"],
    &["leak"],
    &["report"],
    &["diagnose"],
    &["runtime"],
    &["mappings"],
    &["heap"],
    &["choice"],
    &["trace"],
    &["pages"],
    &["debug_info"],
    &["ledger"],
    &["finding"],
    &["options"],
    &["sys"],
    &["printable"],
];

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

#[test]
fn modules_use_only_what_is_below_them() {
    let mut wrong = Vec::new();
    let mut uses = 0;
    for file in source::files_in("src", &["rs"]) {
        let (name, text) = source::read(&file);
        if is_beside_the_layers(&name) {
            continue;
        }
        uses += uses_in(&name, &text).len();
        wrong.extend(violations(&name, &text));
    }
    assert!(uses > 100, "only {uses} uses were found, so the search is broken");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The root, which declares the layers; the command, which is another crate; tests.
fn is_beside_the_layers(name: &str) -> bool {
    name == "src/lib.rs"
        || name == "src/main.rs"
        || name == "src/preload.rs"
        || name.starts_with("src/command/")
        || name.ends_with("/tests.rs")
        || name.contains("/tests/")
}

/// The command is a crate of its own and may use what is public; of that, what has nothing to do with the heap.
#[test]
fn the_command_uses_nothing_of_the_heap() {
    let mut uses = 0;
    let mut wrong = Vec::new();
    let mut files = source::files_in("src/command", &["rs"]);
    files.push(source::package().join("src/main.rs"));
    for file in files {
        let (name, text) = source::read(&file);
        let code = code_only(&text);
        for (at, path) in code.match_indices("fencepost::") {
            uses += 1;
            let used = &code[at + path.len()..];
            if !["options", "printable", "ledger", "finding", "debug_info"]
                .iter()
                .any(|name| used.starts_with(name))
            {
                wrong.push(format!("{name}:{}", line_of(&code, at)));
            }
        }
    }
    assert!(uses > 0, "the search is broken");
    assert!(wrong.is_empty(), "uses more of the library: {wrong:?}");
}

#[test]
fn the_layers_are_those_that_the_crate_declares() {
    let (_, text) = source::read(&source::package().join("src/lib.rs"));
    let declared = |line: &str| {
        let line = line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')?;
        Some(line.to_owned())
    };
    let mut declared: Vec<String> = text.lines().filter_map(declared).collect();
    let mut listed: Vec<String> = LAYERS.concat().into_iter().map(str::to_owned).collect();
    declared.sort();
    listed.sort();
    assert_eq!(declared, listed);

    // The documentation names them in the same order.
    let documented = text.lines().filter_map(|line| line.strip_prefix("//! - "));
    let names = documented.flat_map(|line| line.split('`').skip(1).step_by(2));
    let names: Vec<&str> = names.filter(|name| rank(name).is_some()).collect();
    assert_eq!(names, LAYERS.concat());
}

/// `file:line: LOWER uses HIGHER` for each use that does not go downward.
fn violations(name: &str, text: &str) -> Vec<String> {
    let own = module_of(name)[0].clone();
    let Some(own_rank) = rank(&own) else {
        return vec![format!("{name}: {own} is in no layer")];
    };
    uses_in(name, text)
        .into_iter()
        .filter(|(_, used)| *used != own && rank(used).is_none_or(|used| used <= own_rank))
        .map(|(line, used)| format!("{name}:{line}: {own} uses {used}"))
        .collect()
}

/// Line and module of each path from the root of the crate, outside tests.
fn uses_in(name: &str, text: &str) -> Vec<(usize, String)> {
    let code = without_tests(&code_only(text));
    let mut found = Vec::new();
    for (at, root) in code.match_indices("crate::") {
        found.extend(heads(&code, at + root.len()));
    }
    // From `heap::slot` the root is two `super`s away.
    let to_root = "super::".repeat(module_of(name).len());
    for (at, _) in code.match_indices(&to_root) {
        found.extend(heads(&code, at + to_root.len()));
    }
    found.sort();
    found
}

/// The first segments of the path or the group of paths that goes on at `at`.
fn heads(code: &str, at: usize) -> Vec<(usize, String)> {
    let identifier = |from: usize| -> (usize, String) {
        let is_part = |char: &char| char.is_alphanumeric() || *char == '_';
        (line_of(code, from), code[from..].chars().take_while(is_part).collect())
    };
    if !code[at..].starts_with('{') {
        return vec![identifier(at)];
    }
    let mut found = Vec::new();
    let (mut depth, mut is_first) = (0, false);
    for (offset, char) in code[at..].char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match char {
            '{' | ',' => is_first = depth == 1,
            '}' => is_first = false,
            _ if char.is_whitespace() => {}
            _ if is_first => {
                found.push(identifier(at + offset));
                is_first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

#[test]
fn an_upward_use_is_found_however_it_is_written() {
    let wrong = |name: &str, text: &str| violations(name, text);
    assert_eq!(
        wrong("src/sys/file.rs", "\nuse crate::heap::Heap;"),
        ["src/sys/file.rs:2: sys uses heap"]
    );
    assert_eq!(wrong("src/heap/mod.rs", "fn f() { crate::report::sink::write() }").len(), 1);
    assert_eq!(wrong("src/heap/slot.rs", "use super::super::fault;").len(), 1);
    assert_eq!(wrong("src/trace/mod.rs", "use super::heap::Heap;").len(), 1);
    assert_eq!(wrong("src/global_alloc.rs", "use crate::interpose;").len(), 1, "of one row");
    assert_eq!(wrong("src/novel.rs", "").len(), 1, "in no layer");
    assert_eq!(
        wrong("src/pages/mod.rs", "use crate::{\n    sys::{a, heap},\n    trace,\n};"),
        ["src/pages/mod.rs:3: pages uses trace"]
    );
}

#[test]
fn what_is_no_upward_use_is_not_found() {
    for text in [
        "use crate::sys::lock::Lock;",
        "use super::canary;",
        "use crate::heap::record;",
        "// crate::fault",
        "/// [`crate::report::text`]",
        "const TEXT: &str = \"crate::fault\";",
        "const TEXT: &str = r#\"a \" crate::fault\"#; const C: char = '\"';",
        "#[cfg(test)]\nmod tests {\n    fn f() { crate::fault::g() }\n}",
        "#[cfg(test)]\nuse crate::fault::g;",
    ] {
        assert_eq!(violations("src/heap/slot.rs", text), [""; 0], "{text}");
    }
    let after = "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::fault;";
    assert_eq!(violations("src/heap/slot.rs", after), ["src/heap/slot.rs:3: heap uses fault"]);
    let lifetime = "fn f<'a>(x: &'a u8) {}\nuse crate::fault; const C: char = 'a';";
    assert_eq!(violations("src/heap/slot.rs", lifetime).len(), 1);
}

/// Folders whose files import from each other without a ring.
const WITHOUT_RINGS: [&str; 6] = ["fault", "report", "diagnose", "heap", "trace", "command"];

#[test]
fn no_files_of_a_folder_import_each_other_in_a_ring() {
    let files = Files::read();
    let mut rings = Vec::new();
    for folder in WITHOUT_RINGS {
        let members = files.within(folder).count();
        assert!(members > 5, "{folder} has {members} files, so the search is broken");
        let imports: usize = files.within(folder).map(|file| files.imports_of(file).len()).sum();
        assert!(imports > members, "{folder} has {imports} imports, so the search is broken");
        rings.extend(files.rings_within(folder));
    }
    assert!(rings.is_empty(), "these import each other in a ring:\n{}", rings.join("\n"));
}

#[test]
fn a_ring_is_found_however_it_is_written() {
    let rings = |files: &[(&str, &str)]| {
        let file = |&(name, text): &(&str, &str)| (format!("src/{name}.rs"), text.to_owned());
        Files::from_texts(files.iter().map(file)).rings_within("a")
    };
    let root = ("a", "mod b;\nmod c;\npub mod d;");
    let through_c = ("a/c", "fn g() {\n    super::b::f()\n}");
    for text in [
        "use super::c::g;",
        "use crate::a::c::g;",
        "use crate::{sys, a::{d, c::{g, h}}};",
        "use super::c::*;",
        "use super::c;\nfn f() { c::g() }",
        "use super::c as other;\nfn f() { other::g() }",
        "fn f() { crate::a::c::g() }",
        "fn f() { self::super::c::g() }",
    ] {
        let line = 1 + text.contains("\nfn") as usize;
        let expected = format!("a::b (line {line}) -> a::c (line 2) -> a::b");
        assert_eq!(rings(&[root, ("a/b", text), through_c]), [expected], "{text}");
    }
    // A file that declares others is one of them.
    let root = ("a", "mod b;\nuse b::f;\npub struct State;");
    assert_eq!(rings(&[root, ("a/b", "use super::State;")]), ["a (line 2) -> a::b (line 1) -> a"]);
    // Three files.
    let root = ("a", "mod b; mod c; mod d;");
    let three = [
        root,
        ("a/b", "use super::c::x;"),
        ("a/c", "use super::d::x;"),
        ("a/d", "use super::b::x;"),
    ];
    assert_eq!(rings(&three), ["a::b (line 1) -> a::c (line 1) -> a::d (line 1) -> a::b"]);
}

#[test]
fn what_is_no_ring_is_not_found() {
    let root = ("a", "mod b;\nmod c;\n#[cfg(test)]\nmod e;\npub use b::f;");
    let user = ("a/c", "use super::b::f;");
    for text in [
        "use super::c;",
        "// use super::c::g;",
        "#[cfg(test)]\nmod tests {\n    use super::super::c::g;\n}",
        "#[cfg(test)]\nuse super::c::g;",
        "const C: &str = \"super::c::g\";",
        "use crate::c::g;",
    ] {
        let files = [root, ("a/b", text), user, ("a/e", "use super::b::f; use super::c::g;")];
        let named = files.map(|(name, text)| (format!("src/{name}.rs"), text.to_owned()));
        let found = Files::from_texts(named).rings_within("a");
        assert_eq!(found, [""; 0], "{text}");
    }
}
