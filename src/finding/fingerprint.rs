//! What tells one bug from another, in every run.
//!
//! A fingerprint is a hash of the class of the kind, the direction of the access, and the innermost function of the program
//! in two stacks: of the access or the call, and of the allocation. No address, no line, no offset where there is
//! a name: so it outlives randomised addresses, another placement, and edits elsewhere in a file. Several bugs
//! of one function on objects of one allocation site share a fingerprint; their places are told apart by
//! [`Bug::places`](super::Bug::places).

use super::{Direction, Event, Finding, Frame, Object, Side, UNKNOWN_MODULE};

/// Sets [`Finding::fingerprint`] and [`Finding::site`].
pub fn set(finding: &mut Finding) {
    finding.fingerprint = hex(of(finding));
    finding.site = site(finding).map(hex);
}

fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}

fn of(finding: &Finding) -> u64 {
    let allocated =
        finding.object.as_ref().and_then(|object| place(stack_of(&object.allocated), true));
    let mut hash = Hash::new();
    hash.add(class(finding));
    if finding.late {
        hash.add(finding.object.as_ref().map_or("", side));
    } else {
        hash.add(direction(finding));
        hash.add(&place(&finding.stack, false).unwrap_or_default());
    }
    hash.add(&allocated.unwrap_or_default());
    hash.0
}

fn side(object: &Object) -> &'static str {
    match object.side {
        Side::Before => "before",
        Side::Inside => "inside",
        Side::After => "after",
    }
}

/// For writes beside or after objects: the side, and where the object was allocated.
fn site(finding: &Finding) -> Option<u64> {
    let object = finding.object.as_ref()?;
    let is_write =
        finding.late || finding.access.is_some_and(|it| it.direction == Direction::Write);
    let side = match (class(finding), object.side) {
        ("out-of-bounds", Side::Before) => "before",
        ("out-of-bounds", _) => "after",
        ("use-after-free", _) => "freed",
        _ => return None,
    };
    let allocated = place(stack_of(&object.allocated), true)?;
    let mut hash = Hash::new();
    hash.add(side);
    hash.add(&allocated);
    is_write.then_some(hash.0)
}

/// Kinds that one bug may show as, by chance or by placement, have one class.
fn class(finding: &Finding) -> &str {
    match finding.kind.as_str() {
        "heap-buffer-overflow" | "heap-buffer-underflow" | "overwritten-slack" => "out-of-bounds",
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

/// The innermost frame that is the program's own, by name and file if they are known. Of an allocation, wrappers of
/// malloc are passed over.
fn place(stack: &[Frame], is_allocation: bool) -> Option<String> {
    let own = |frame: &&Frame| is_of_project(frame);
    let called = |frame: &&Frame| own(frame) && !(is_allocation && is_wrapper(frame));
    let frame = stack.iter().find(called).or_else(|| stack.iter().find(own)).or(stack.first())?;
    Some(match &frame.function {
        Some(function) => {
            let file = frame.file.as_deref().map_or(base(&frame.module), base);
            format!("{} in {file}", without_clones(function))
        }
        None => format!("{}+{}", base(&frame.module), frame.offset),
    })
}

/// Whether a frame is of the program under test: not of libc, of a language's runtime, or nowhere.
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
        && frame.function.as_deref() != Some("_start")
}

/// Whether a function's name says that it hands out memory, or gives it back, for others.
pub fn is_wrapper(frame: &Frame) -> bool {
    let Some(function) = &frame.function else { return false };
    let name = function.split('(').next().unwrap_or_default().to_ascii_lowercase();
    ["alloc", "strdup", "strndup", "operator new", "operator delete", "mem_new", "free"]
        .iter()
        .any(|part| name.contains(part))
}

/// Without what the compiler appends to the name of a copy: `.constprop.0`, `.part.1`, ` [clone .cold]`.
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

/// FNV-1a, 64 bits.
struct Hash(u64);

impl Hash {
    fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a text and its end.
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
