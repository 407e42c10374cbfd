//! Fingerprints: the same for one bug in every run, different for other bugs.
//!
//! A fingerprint is a hash of the kind's class, the direction of the access, the side of the object for an access
//! beside one, and the program's innermost function in two stacks: of the access or call, and of the allocation. It
//! has no address, no line, and an offset only where a name is missing. So it stays the same with randomised addresses,
//! with another placement, and after edits elsewhere in a file. Bugs of one function on objects of one allocation site
//! share a fingerprint; [`Bug::places`](super::Bug::places) tells them apart.
//!
//! Of a leak it is whether the memory is lost, and up to three functions that led to the allocation: the innermost
//! function often makes what others lose. How much is lost, and of lost memory the class, is left to chance: a stale
//! pointer, or the place where a ring is entered.

use super::{Direction, Event, Finding, Frame, LeakClass, Object, Side, UNKNOWN_MODULE};
use crate::sys::hash::Hash;

/// The class of all accesses beside objects.
const OUT_OF_BOUNDS: &str = "out-of-bounds";

/// Sets [`Finding::fingerprint`] and [`Finding::site`].
pub fn set(finding: &mut Finding) {
    finding.fingerprint = hex(of(finding));
    finding.site = site(finding).map(hex);
}

fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}

fn of(finding: &Finding) -> u64 {
    if let Some(leak) = &finding.leak {
        return of_leak(leak.class, &finding.stack);
    }
    let allocated = made(finding).and_then(|event| place(stack_of(event), true));
    let mut hash = Hash::new();
    hash.add_text(class(finding));
    if finding.late || class(finding) == OUT_OF_BOUNDS {
        hash.add_text(finding.object.as_ref().map_or("", side));
    }
    if !finding.late {
        hash.add_text(direction(finding));
        hash.add_text(&place(&finding.stack, false).unwrap_or_default());
    }
    hash.add_text(&allocated.unwrap_or_default());
    hash.get()
}

/// Functions of an allocation's stack that tell leaks apart.
const LEAK_FRAMES: usize = 3;

fn of_leak(class: LeakClass, stack: &[Frame]) -> u64 {
    let mut hash = Hash::new();
    hash.add_text(match class {
        LeakClass::StillReachable => "reachable",
        LeakClass::Mapping => "mapping",
        _ => "leak",
    });
    let first = innermost(stack, true).unwrap_or(0);
    let frames = stack.get(first..).unwrap_or_default();
    let rest = frames.iter().skip(1).filter(|frame| is_of_project(frame));
    let mut places: Vec<String> = frames.iter().take(1).chain(rest).map(name_of_place).collect();
    // How deep a recursion was is chance, too.
    places.dedup();
    places.iter().take(LEAK_FRAMES).for_each(|place| hash.add_text(place));
    hash.get()
}

/// Where the object or the mapping comes from.
fn made(finding: &Finding) -> Option<&Event> {
    let mapped = || finding.mapping.as_ref()?.made().map(|call| &call.event);
    finding.object.as_ref().map(|object| &object.allocated).or_else(mapped)
}

fn side(object: &Object) -> &'static str {
    match object.side {
        Side::Before => "before",
        Side::Inside => "inside",
        Side::After => "after",
    }
}

/// For a write beside an object or after its free: a hash of the side and of where the object was allocated.
fn site(finding: &Finding) -> Option<u64> {
    let object = finding.object.as_ref()?;
    let is_write =
        finding.late || finding.access.is_some_and(|it| it.direction == Direction::Write);
    let side = match (class(finding), object.side) {
        (OUT_OF_BOUNDS, Side::Before) => "before",
        (OUT_OF_BOUNDS, _) => "after",
        ("use-after-free", _) => "freed",
        _ => return None,
    };
    let allocated = place(stack_of(&object.allocated), true)?;
    let mut hash = Hash::new();
    hash.add_text(side);
    hash.add_text(&allocated);
    is_write.then_some(hash.get())
}

/// The class of a finding's kind. Kinds that one bug may show as, by chance or by placement, share a class.
fn class(finding: &Finding) -> &str {
    match finding.kind.as_str() {
        "heap-buffer-overflow" | "heap-buffer-underflow" | "overwritten-slack" => OUT_OF_BOUNDS,
        "heap-use-after-free" => "use-after-free",
        other => other,
    }
}

fn direction(finding: &Finding) -> &'static str {
    match finding.access.map(|access| access.direction) {
        Some(Direction::Read) => "read",
        Some(Direction::Write) => "write",
        Some(Direction::Execute) => "execute",
        None => "",
    }
}

fn stack_of(event: &Event) -> &[Frame] {
    event.stack.as_deref().unwrap_or_default()
}

/// Names the frame at [`innermost`]: by function and file if they are known, else by module and offset.
fn place(stack: &[Frame], is_allocation: bool) -> Option<String> {
    Some(name_of_place(&stack[innermost(stack, is_allocation)?]))
}

fn name_of_place(frame: &Frame) -> String {
    match &frame.function {
        Some(function) => {
            let file = frame.file.as_deref().map_or(base(&frame.module), base);
            format!("{} in {file}", without_clones(function))
        }
        None => format!("{}+{}", base(&frame.module), frame.offset),
    }
}

/// Index of the program's innermost frame. In the stack of an allocation, functions that allocate for others are
/// passed over. If there is no such frame, the innermost of all; `None` for an empty stack.
pub fn innermost(stack: &[Frame], is_allocation: bool) -> Option<usize> {
    let called = |frame: &Frame| is_of_project(frame) && !(is_allocation && is_allocator(frame));
    (stack.iter().position(called))
        .or_else(|| stack.iter().position(is_of_project))
        .or((!stack.is_empty()).then_some(0))
}

/// Whether a frame belongs to the program under test, and not to libc, to a language's runtime, or to no module.
pub fn is_of_project(frame: &Frame) -> bool {
    const RUNTIMES: [&str; 12] = [
        "libc.so",
        "libc-",
        "libm.so",
        "libpthread",
        "ld-linux",
        "libstdc++",
        "libgcc_s",
        "libc++",
        "librt.so",
        "libdl.so",
        "libfencepost",
        "[vdso]",
    ];
    let module = base(&frame.module);
    let is_std = |file: &String| file.starts_with("/rustc/") || file.contains("/include/c++/");
    frame.module != UNKNOWN_MODULE
        && !RUNTIMES.iter().any(|name| module.starts_with(name))
        && !frame.file.as_ref().is_some_and(is_std)
        && (frame.file.is_some() || !frame.function.as_deref().is_some_and(is_of_rust_itself))
        && frame.function.as_deref() != Some("_start")
}

/// The frame that a summary names: the innermost of the program under test. For a bad call, functions that only pass
/// it on to `free` or `malloc` are passed over. If there is no such frame, the innermost one that has a module and is
/// outside Rust's standard library; else the innermost of all.
pub fn place_of_user(stack: &[Frame], is_call: bool) -> Option<&Frame> {
    let is_std = |frame: &Frame| frame.file.as_ref().is_some_and(|it| it.starts_with("/rustc/"));
    let is_user = |frame: &&Frame| !is_std(frame) && frame.module != UNKNOWN_MODULE;
    let own = |frame: &&Frame| is_of_project(frame);
    let called = |frame: &&Frame| own(frame) && !(is_call && forwards(frame));
    let mut places = stack.iter();
    (places.find(called))
        .or_else(|| stack.iter().find(own))
        .or_else(|| stack.iter().find(is_user))
        .or(stack.first())
}

/// The frames of the program under test that a finding is about. Of a mapping: the calls that made it, and that ended it or
/// forbade the access.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Where the access or the call is, or the allocation of what leaks.
    pub culprit: Option<&'a Frame>,
    pub allocated: Option<&'a Frame>,
    pub freed: Option<&'a Frame>,
}

impl Places<'_> {
    /// The places of `finding`.
    pub fn of(finding: &Finding) -> Places<'_> {
        fn event(event: Option<&Event>) -> Option<&Frame> {
            place_of_user(stack_of(event?), true)
        }
        let stack = &finding.stack;
        let culprit = match finding.leak {
            Some(_) => innermost(stack, true).map(|at| &stack[at]),
            None => place_of_user(stack, finding.access.is_none()),
        };
        let freed = finding.object.as_ref().and_then(|object| object.freed.as_ref());
        let spoilt = || finding.mapping.as_ref()?.spoilt().map(|call| &call.event);
        Places { culprit, allocated: event(made(finding)), freed: event(freed.or_else(spoilt)) }
    }
}

impl<'a> Places<'a> {
    /// The frames in order, the most important first.
    pub fn in_order(self) -> [Option<&'a Frame>; 3] {
        [self.culprit, self.freed, self.allocated]
    }
}

/// Whether a function only frees or allocates for others, by its name. A name like `list_free` is not such a name: the
/// function does more.
fn forwards(frame: &Frame) -> bool {
    const BEFORE: [&str; 22] = [
        "x", "g", "my", "safe", "mem", "memory", "do", "checked", "debug", "dbg", "wrap",
        "wrapped", "custom", "default", "internal", "sys", "util", "must", "z", "e", "ck", "php",
    ];
    const AFTER: [&str; 10] = [
        "malloc",
        "calloc",
        "realloc",
        "free",
        "alloc",
        "zalloc",
        "strdup",
        "strndup",
        "reallocarray",
        "delete",
    ];
    let Some(function) = &frame.function else { return false };
    let name = name_of(function);
    if name.starts_with("operator new") || name.starts_with("operator delete") {
        return true;
    }
    let name = name.trim_matches('_').to_ascii_lowercase();
    AFTER.iter().any(|what| {
        let before = name.strip_suffix(what).map(|before| before.trim_end_matches('_'));
        before.is_some_and(|before| before.is_empty() || BEFORE.contains(&before))
    })
}

/// Whether a function belongs to Rust's standard library, by its name: some parts have no file names.
fn is_of_rust_itself(function: &str) -> bool {
    let path = function.trim_start_matches(['<', '&']);
    ["alloc::", "core::", "std::"].iter().any(|name| path.starts_with(name))
}

/// Whether a function allocates for its callers, by the end of its name. A name such as `use_after_realloc` tells of
/// more than that.
pub fn is_allocator(frame: &Frame) -> bool {
    const ENDS: [&str; 9] = [
        "alloc",
        "mallocz",
        "allocate",
        "allocarray",
        "strdup",
        "strndup",
        "memdup",
        "memalign",
        "mem_new",
    ];
    let Some(function) = &frame.function else { return false };
    let name = name_of(function);
    if name.starts_with("operator new") {
        return true;
    }
    // Names like g_malloc0, g_malloc0_n, sqlite3_malloc64.
    let name = name.trim_matches('_').to_ascii_lowercase();
    let name =
        name.strip_suffix("_n").unwrap_or(&name).trim_end_matches(|c: char| c.is_ascii_digit());
    let tells_more = name.split('_').any(|word| ["after", "before", "without"].contains(&word));
    ENDS.iter().any(|end| name.ends_with(end)) && !name.ends_with("dealloc") && !tells_more
}

/// The plain name of a function: `alloc` for `ns::Pool<ns::Node>::alloc<int>(unsigned long) [clone .cold]`.
fn name_of(function: &str) -> &str {
    let path = without_clones(without_parameters(function));
    let (mut depth, mut start, mut end) = (0, 0, path.len());
    for (at, char) in path.char_indices() {
        match char {
            '<' if depth == 0 => (depth, end) = (1, at),
            '<' => depth += 1,
            '>' if depth > 0 => depth -= 1,
            ':' if depth == 0 => (start, end) = (at + 1, path.len()),
            _ => {}
        }
    }
    &path[start..end]
}

/// A function's name without parameters: `ns::f` for `ns::f(int) const`.
pub fn without_parameters(function: &str) -> &str {
    let mut depth = 0;
    for (at, char) in function.char_indices().rev() {
        match char {
            ')' => depth += 1,
            '(' if depth == 1 => {
                let name = &function[..at];
                // `(anonymous namespace)` at the end of a name is not a list of parameters.
                return if name.is_empty() || name.ends_with("::") { function } else { name };
            }
            '(' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    function
}

/// A function's name without what the compiler appends to copies: `.constprop.0`, `.part.1`, ` [clone .cold]`.
fn without_clones(function: &str) -> &str {
    let end = function.find(" [clone").unwrap_or(function.len());
    let name = &function[..end];
    [".constprop.", ".part.", ".isra.", ".cold", ".lto_priv."]
        .iter()
        .filter_map(|mark| name.find(mark))
        .min()
        .map_or(name, |end| &name[..end])
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::super::{Access, Address, Leak, Object, ObjectState};
    use super::*;

    fn frame(function: &str, line: u32) -> Frame {
        Frame {
            address: Address(0x5555_0000_1000 + u64::from(line)),
            function: Some(function.to_owned()),
            file: Some("/src/list.c".to_owned()),
            line: Some(line),
            module: "/bin/list".to_owned(),
            offset: Address(0x1000 + u64::from(line)),
            ..Frame::default()
        }
    }

    fn libc(function: &str) -> Frame {
        let module = "/lib/x86_64-linux-gnu/libc.so.6".to_owned();
        Frame { module, file: None, ..frame(function, 1) }
    }

    fn finding(kind: &str, at: &str, allocated: &str) -> Finding {
        let allocated = Event {
            thread: 0,
            stack: Some(vec![frame("xmalloc", 3), frame(allocated, 9), frame("main", 20)]),
        };
        let start = Address(0x7000_0000_1fd8);
        let mut finding = Finding {
            kind: kind.to_owned(),
            access: Some(Access { direction: Direction::Write, bytes: Some(4), start }),
            stack: vec![frame(at, 5), frame("main", 21)],
            object: Some(Object {
                start,
                bytes: 40,
                family: "malloc".to_owned(),
                alignment: None,
                state: ObjectState::Live,
                side: Side::After,
                distance: 0,
                allocated,
                freed: None,
            }),
            ..Finding::default()
        };
        set(&mut finding);
        finding
    }

    /// A copy of `finding` after `change`, with its fingerprint computed again.
    fn changed(finding: &Finding, change: impl FnOnce(&mut Finding)) -> Finding {
        let mut finding = finding.clone();
        change(&mut finding);
        set(&mut finding);
        finding
    }

    fn frames(finding: &mut Finding) -> impl Iterator<Item = &mut Frame> {
        let allocated = finding.object.as_mut().and_then(|it| it.allocated.stack.as_mut());
        finding.stack.iter_mut().chain(allocated.into_iter().flatten())
    }

    const OVERFLOW: &str = "heap-buffer-overflow";

    #[test]
    fn the_same_bug_has_the_same_fingerprint() {
        let first = finding(OVERFLOW, "visit", "make_node");
        assert_eq!(first.fingerprint.len(), 16);
        let moved = changed(&first, |it| frames(it).for_each(|frame| frame.address.0 += 0x7000));
        let edited = changed(&first, |it| {
            frames(it).for_each(|frame| {
                frame.line = frame.line.map(|line| line + 10);
                frame.offset.0 += 64;
            });
        });
        let clone = changed(&first, |it| {
            it.stack[0].function = Some("visit.constprop.0.isra.0".to_owned());
        });
        let within = changed(&first, |it| it.stack.insert(0, libc("__memcpy_avx_unaligned")));
        let elsewhere = changed(&first, |it| {
            frames(it).for_each(|frame| {
                frame.module = "/other/build/list".to_owned();
                frame.file = Some("/other/list.c".to_owned());
            });
        });
        let other_caller = changed(&first, |it| it.stack[1] = frame("other", 90));
        for same in [moved, edited, clone, within, elsewhere, other_caller] {
            assert_eq!((&same.fingerprint, &same.site), (&first.fingerprint, &first.site));
        }
    }

    #[test]
    fn another_bug_has_another() {
        let first = finding(OVERFLOW, "visit", "make_node");
        let read = |it: &mut Finding| {
            it.access = it.access.map(|access| Access { direction: Direction::Read, ..access });
        };
        for other in [
            finding(OVERFLOW, "sort", "make_node"),
            finding(OVERFLOW, "visit", "make_tree"),
            finding("heap-use-after-free", "visit", "make_node"),
            finding("double-free", "visit", "make_node"),
            changed(&first, read),
            changed(&first, |it| it.object.as_mut().expect("an object").side = Side::Before),
            changed(&first, |it| it.stack[0].file = Some("/src/tree.c".to_owned())),
        ] {
            assert_ne!(other.fingerprint, first.fingerprint, "{other:?}");
        }
        assert_eq!(changed(&first, read).site, None);
        assert_ne!(finding(OVERFLOW, "visit", "make_tree").site, first.site);
        assert_ne!(finding("heap-use-after-free", "visit", "make_node").site, first.site);
    }

    #[test]
    fn a_leak_is_known_by_the_functions_that_led_to_it() {
        let leak = |class, functions: &[&str]| {
            let stack = functions.iter().map(|name| frame(name, 1)).collect();
            let leak = Some(Leak { class, objects: 1, ..Leak::default() });
            let mut finding =
                Finding { kind: "leak".to_owned(), leak, stack, ..Finding::default() };
            set(&mut finding);
            finding.fingerprint
        };
        let (lost, reachable) = (LeakClass::DefinitelyLost, LeakClass::StillReachable);
        let first = leak(lost, &["xmalloc", "make_node", "load", "run", "main"]);
        for (class, same) in [
            (LeakClass::PossiblyLost, &["xmalloc", "make_node", "load", "run", "main"][..]),
            (LeakClass::IndirectlyLost, &["make_node", "load", "load", "run", "test"]),
        ] {
            assert_eq!(leak(class, same), first, "{same:?}");
        }
        for (class, other) in [
            (reachable, &["xmalloc", "make_node", "load", "run", "main"][..]),
            (lost, &["xmalloc", "make_node", "save", "run", "main"]),
            (lost, &["xmalloc", "make_leaf", "load", "run", "main"]),
            (lost, &["make_node", "load"]),
        ] {
            assert_ne!(leak(class, other), first, "{other:?}");
        }
        leak(lost, &[]);
    }

    /// The write may be found at once or later, depending on the placement of objects.
    #[test]
    fn a_write_and_what_it_left_share_the_site() {
        let early = finding(OVERFLOW, "visit", "make_node");
        let late = changed(&finding("overwritten-slack", "drop_node", "make_node"), |it| {
            it.late = true;
            it.access = None;
        });
        let at_exit = changed(&late, |it| it.stack.clear());
        assert!(early.site.is_some());
        assert_eq!((&late.site, &at_exit.site), (&early.site, &early.site));
        assert_eq!(late.fingerprint, at_exit.fingerprint);
        let before = changed(&late, |it| {
            it.object.as_mut().expect("an object").side = Side::Before;
        });
        assert_ne!(before.site, early.site);
    }

    #[test]
    fn a_summary_names_the_caller_of_what_frees_for_others() {
        let named = |functions: [&str; 2], is_call| {
            let stack = functions.map(|function| frame(function, 1));
            place_of_user(&stack, is_call).and_then(|frame| frame.function.clone()).unwrap()
        };
        for forwarder in
            ["xfree", "g_free", "my_realloc", "_xmalloc.constprop.0", "operator new(unsigned long)"]
        {
            assert_eq!(named([forwarder, "main"], true), "main");
            assert_eq!(named([forwarder, "main"], false), forwarder);
        }
        for function in ["list_free", "free_all", "allocate_table", "freeze"] {
            assert_eq!(named([function, "main"], true), function);
        }
        let within = [libc("__memcpy_avx_unaligned"), frame("copy", 3), frame("main", 9)];
        assert_eq!(place_of_user(&within, false).unwrap().function.as_deref(), Some("copy"));
    }

    #[test]
    fn functions_that_allocate_for_others_are_known_by_how_their_names_end() {
        for name in [
            "xmalloc",
            "png_malloc",
            "sqlite3Malloc",
            "g_malloc0",
            "g_malloc0_n",
            "av_mallocz",
            "sqlite3_malloc64",
            "zend_strndup",
            "list_alloc",
            "x_reallocarray",
            "cmsys_mem_new",
            "Foo::operator new(unsigned long)",
            "(anonymous namespace)::take_alloc(int)",
            "ns::Pool<ns::Node>::allocate(unsigned long, void const*)",
            "void* ns::alloc<int>(int)",
            "xmalloc.part.0",
        ] {
            assert!(is_allocator(&frame(name, 1)), "{name}");
        }
        for name in [
            "use_after_free",
            "use_after_realloc",
            "double_free",
            "free_all",
            "freeze",
            "reallocate_table",
            "list_dealloc",
            "allocator_test",
            "test_malloc_usable_size",
            "Allocator::reset()",
            "make<Alloc>(Alloc)",
            "operator delete(void*)",
            "main",
        ] {
            assert!(!is_allocator(&frame(name, 1)), "{name}");
        }
    }

    #[test]
    fn a_name_has_neither_path_nor_parameters() {
        for (function, name) in [
            ("f", "f"),
            ("ns::f(int)", "f"),
            ("a::b<c::d>::f<e::g>(h::i) const", "f"),
            ("<a::B as c::D>::f", "f"),
            ("(anonymous namespace)::f(int) [clone .cold]", "f"),
            ("A::operator new[](unsigned long)", "operator new[]"),
        ] {
            assert_eq!(name_of(function), name, "{function}");
        }
    }

    #[test]
    fn parameters_are_left_out() {
        for (function, name) in [
            ("f", "f"),
            ("f(int)", "f"),
            ("A::f(void (*)(int)) const", "A::f"),
            ("(anonymous namespace)::f(int)", "(anonymous namespace)::f"),
            ("operator()(int)", "operator()"),
        ] {
            assert_eq!(without_parameters(function), name);
        }
    }

    #[test]
    fn where_there_is_no_name_the_offset_tells() {
        let first = finding(OVERFLOW, "visit", "make_node");
        let unnamed = changed(&first, |it| {
            frames(it).for_each(|frame| (frame.function, frame.file) = (None, None));
        });
        let moved = changed(&unnamed, |it| frames(it).for_each(|frame| frame.address.0 += 0x7000));
        assert_eq!(moved.fingerprint, unnamed.fingerprint);
        let other = changed(&unnamed, |it| it.stack[0].offset.0 += 4);
        assert_ne!(other.fingerprint, unnamed.fingerprint);
    }

    #[test]
    fn frames_of_rust_itself_are_not_of_the_project() {
        let without_file = |name: &str| Frame { file: None, ..frame(name, 1) };
        for name in ["<alloc::raw_vec::RawVecInner>::grow_one", "std::thread::spawn", "core::f"] {
            assert!(!is_of_project(&without_file(name)), "{name}");
        }
        assert!(is_of_project(&without_file("<mine::Text as core::fmt::Display>::fmt")));
        assert!(is_of_project(&frame("<alloc::vec::Vec<T> as mine::Sum>::sum", 1)));
    }
}
