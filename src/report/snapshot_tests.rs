//! Reports made by hand, at least one for each kind of bug. `snapshots` has the expected text of each, one file each.
//!
//! After an intended change, check what `INSTA_UPDATE=always cargo test --lib snapshot_tests` writes there.

use super::address::AddressReport;
use super::failure::LookUpFailure;
use super::mapping_examples::{MAPPING, page_call, suspicion};
use super::tell::{LookedUp, address, tell};
use super::words;
use crate::diagnose::{
    Access, AddressKind, BadRequest, Bug, BugKind, Cause, Crash, Deed, Description, Direction,
    FoundBy, LibcCall, MappingSubject, Misuse, Operand, Owner, Relation, Side, Subject, Violation,
    Wrong,
};
use crate::finding::text::{self, Style, to_string, to_styled_string};
use crate::finding::{
    Address, Finding, Frame, LEAK, Leak, LeakClass, LeakOwned, Memory, Module, Process, Record,
    Source, Test, Thread, ThreadCreation, hint,
};
use crate::heap::Object;
use crate::heap::canary::Damage;
use crate::heap::loans::{Loan, Part};
use crate::heap::record::{Event, Family, State, ThreadId};
use crate::heap::release::{Deallocator, Mismatch, Release};
use crate::mappings::{Call, FileFacts, Step, Story};
use crate::printable::without_colors;
use crate::trace::{Caller, Frames, TraceId};

const KINDS: [BugKind; 42] = [
    BugKind::HeapBufferOverflow,
    BugKind::HeapBufferUnderflow,
    BugKind::HeapUseAfterFree,
    BugKind::DoubleFree,
    BugKind::BadFree,
    BugKind::AllocDeallocMismatch,
    BugKind::NewDeleteTypeMismatch,
    BugKind::FreeSizeMismatch,
    BugKind::BadMallocUsableSize,
    BugKind::OverwrittenSlack,
    BugKind::ParamOverlap,
    BugKind::NegativeSizeParam,
    BugKind::WildAccess,
    BugKind::CallocOverflow,
    BugKind::ReallocarrayOverflow,
    BugKind::PvallocOverflow,
    BugKind::InvalidAllocationAlignment,
    BugKind::InvalidAlignedAllocAlignment,
    BugKind::InvalidPosixMemalignAlignment,
    BugKind::AllocationSizeTooBig,
    BugKind::MappingUseAfterUnmap,
    BugKind::MappingOverflow,
    BugKind::MappingUnderflow,
    BugKind::MappingPastEof,
    BugKind::MappingProtection,
    BugKind::MmapFailedPointer,
    BugKind::MunmapTooMuch,
    BugKind::MunmapTooLittle,
    BugKind::MunmapTwice,
    BugKind::MsyncUnmapped,
    BugKind::LostPrivateWrite,
    BugKind::LostPastEofWrite,
    BugKind::BadMunmap,
    BugKind::BadMprotect,
    BugKind::BadMremap,
    BugKind::BadMmap,
    BugKind::Segv,
    BugKind::Bus,
    BugKind::StackOverflow,
    BugKind::Fpe,
    BugKind::Ill,
    BugKind::Abrt,
];

const START: usize = 0x7000_0000_1fd8;
const SIZE: usize = 40;

/// Returns a frame of the program, in `function` at `line`.
fn frame(function: &str, line: u32) -> Frame {
    Frame {
        address: address(0x40_1000 + line as usize),
        function: Some(function.to_owned()),
        file: Some("/src/list.c".to_owned()),
        line: Some(line),
        column: Some(7),
        inlined: false,
        module: "/bin/list".to_owned(),
        offset: address(0x1000 + line as usize),
    }
}

fn stack(functions: &[(&str, u32)]) -> Vec<Frame> {
    functions.iter().map(|&(function, line)| frame(function, line)).collect()
}

fn kept(function: &str, line: u32) -> Option<Vec<Frame>> {
    Some(stack(&[(function, line), ("main", line + 20)]))
}

fn object(bytes: usize, side: Side) -> Subject {
    let object = Object {
        start: START,
        size: SIZE,
        family: Family::Malloc,
        align_log2: 0,
        state: State::Live,
        allocated: Event { thread: ThreadId(0), trace: TraceId::NONE },
        freed: None,
    };
    Subject { object, relation: Relation { bytes, side } }
}

fn freed(bytes: usize, side: Side) -> Subject {
    let Subject { object, relation } = object(bytes, side);
    let freed = Some(Event { thread: ThreadId(1), trace: TraceId::NONE });
    Subject { object: Object { state: State::Retired, freed, ..object }, relation }
}

fn of_family(family: Family) -> Subject {
    let Subject { object, relation } = object(0, Side::Inside);
    Subject { object: Object { family, ..object }, relation }
}

fn named(id: u32, name: &str) -> Thread {
    Thread { id, name: Some(name.to_owned()) }
}

/// Returns a bug of thread 0.
fn report(kind: BugKind, address: usize, cause: Cause) -> Bug {
    Bug::new(kind, address, cause, ThreadId(0), Frames::new())
}

/// Returns what is looked up for a bug, with the stacks of its object if it has one.
fn looked_up(bug: &Bug) -> LookedUp {
    let freed = bug.subject.and_then(|subject| subject.object.freed);
    LookedUp {
        process: Process { pid: 4321, ..Process::default() },
        thread: named(0, "list"),
        stack: stack(&[("visit", 5), ("main", 50)]),
        mapping: vec![kept("change_table", 42), kept("open_table", 33)],
        allocated: bug.subject.and_then(|_| kept("make_node", 12)),
        freed: freed.and_then(|_| kept("drop_node", 30)),
        ..LookedUp::default()
    }
}

fn told(bug: &Bug) -> Finding {
    tell(bug, looked_up(bug))
}

fn access(kind: BugKind, address: usize, direction: Direction) -> Bug {
    let (pc, bp, sp) = (0x40_1005, 0x7ffc_0000_1010, 0x7ffc_0000_1000);
    let width = (direction != Direction::Execute).then_some(4);
    let access = Access { start: address, fault: address, width, direction, pc, bp, sp };
    report(kind, address, Cause::Access(access))
}

fn crash(kind: BugKind, address: usize, direction: Direction, crash: Crash) -> Bug {
    Bug { crash: Some(crash), ..access(kind, address, direction) }
}

fn raised(kind: BugKind, signal: &'static str, crash: Crash) -> Bug {
    let (pc, bp, sp) = (0x40_1005, 0x7ffc_0000_1010, 0x7ffc_0000_1000);
    let cause = Cause::Raised { signal, pc, bp, sp };
    Bug { crash: Some(crash), ..report(kind, pc, cause) }
}

fn release(kind: BugKind, address: usize, by: Deallocator, subject: Subject) -> Bug {
    let cause = Cause::Found(FoundBy::Release(by));
    Bug { subject: Some(subject), ..report(kind, address, cause) }
}

fn mismatched(kind: BugKind, release: Release, which: Mismatch, subject: Subject) -> Bug {
    let report = self::release(kind, START, release.by, subject);
    Bug { mismatch: Some((release, which)), ..report }
}

fn request(kind: BugKind, function: &'static str, wrong: Wrong) -> Bug {
    report(kind, 0, Cause::Request(BadRequest { function, wrong }))
}

fn libc_call(kind: BugKind, function: &'static str, misuse: Misuse) -> Bug {
    let caller = Caller { pc: 0x40_1005, bp: 0x10, sp: 0x7ffc_0000_1000, ..Caller::here() };
    let call = LibcCall { function, caller, misuse };
    let subject = Some(object(0, Side::Inside));
    Bug { subject, ..report(kind, call.address(), Cause::Libc(call)) }
}

fn damage(address: usize, expected: u8) -> Option<Damage> {
    let mut bytes = [0; 16];
    bytes[..3].copy_from_slice(b"abc");
    Some(Damage { address, bytes, expected, shown: 3, span: 3 })
}

/// A bug in a mapping of two pages, of a file of 5000 bytes.
fn mapping(kind: BugKind) -> Bug {
    let by = |thread| Event { thread: ThreadId(thread), trace: TraceId::NONE };
    let step = |call, bytes, thread| Step::new(call, MAPPING, bytes, by(thread));
    let file = FileFacts { inode: 77, bytes: 5000, offset: 8192, ..FileFacts::default() };
    let made = Step {
        protection: libc::PROT_READ,
        flags: libc::MAP_SHARED,
        descriptor: 3,
        file: Some(file),
        ..step(Call::Mmap, 8192, 0)
    };
    let story = Story { made: Some(made), origin: Some(made), ..Story::default() };
    let cut = Step {
        descriptor: 3,
        file: Some(FileFacts { bytes: 10, ..file }),
        ..step(Call::Ftruncate, 0, 1)
    };
    let failed = Step { error: libc::ENODEV, from: MAPPING, ..made };
    let at = |offset| MAPPING.wrapping_add_signed(offset);
    let (violation, story, address, direction) = match kind {
        BugKind::MappingUseAfterUnmap => {
            let gone = Some(step(Call::Munmap, 4096, 1));
            (Violation::Unmapped, Story { gone, ..story }, at(24), Direction::Read)
        }
        BugKind::MappingOverflow => (Violation::Outside, story, at(8192), Direction::Read),
        BugKind::MappingUnderflow => (Violation::Outside, story, at(-8), Direction::Write),
        BugKind::MappingPastEof => {
            (Violation::PastEnd, Story { cut: Some(cut), ..story }, at(4096), Direction::Read)
        }
        BugKind::MmapFailedPointer => {
            (Violation::Failed(failed), Story::default(), usize::MAX, Direction::Write)
        }
        _ => (Violation::Forbidden(libc::PROT_READ), story, at(100), Direction::Write),
    };
    let pages = if kind == BugKind::MmapFailedPointer { 0..0 } else { MAPPING..MAPPING + 8192 };
    let subject = MappingSubject::new(violation, story, pages, address);
    let mapping = Some(MappingSubject { file_bytes: Some(10), ..subject });
    Bug { mapping, ..access(kind, address, direction) }
}

/// Returns an example of each kind of bug; a new kind needs one.
fn example(kind: BugKind) -> Bug {
    let end = START + SIZE;
    match kind {
        BugKind::HeapBufferOverflow => {
            let subject = Some(object(0, Side::After));
            Bug { subject, ..access(kind, end, Direction::Write) }
        }
        BugKind::HeapBufferUnderflow => {
            let subject = Some(object(8, Side::Before));
            Bug { subject, ..access(kind, START - 8, Direction::Read) }
        }
        BugKind::HeapUseAfterFree => {
            let subject = Some(freed(4, Side::Inside));
            Bug { subject, ..access(kind, START + 4, Direction::Read) }
        }
        BugKind::DoubleFree => release(kind, START, Deallocator::Free, freed(0, Side::Inside)),
        BugKind::BadFree => release(kind, START + 8, Deallocator::Realloc, object(8, Side::Inside)),
        BugKind::AllocDeallocMismatch => {
            let object = of_family(Family::NewArray);
            mismatched(kind, Release::new(Deallocator::Free), Mismatch::Family, object)
        }
        BugKind::NewDeleteTypeMismatch => {
            let object = of_family(Family::New);
            let release = Release::new(Deallocator::Delete).aligned(64);
            mismatched(kind, release, Mismatch::Alignment, object)
        }
        BugKind::FreeSizeMismatch => {
            let release = Release::new(Deallocator::FreeSized).sized(48);
            mismatched(kind, release, Mismatch::Size, object(0, Side::Inside))
        }
        BugKind::BadMallocUsableSize => {
            let cause = Cause::Found(FoundBy::UsableSize);
            Bug { owner: Some(Owner::Stack { own: true }), ..report(kind, 0x7ffc_0000_1040, cause) }
        }
        BugKind::OverwrittenSlack => {
            let report = release(kind, end, Deallocator::Free, object(0, Side::After));
            Bug { damage: damage(end, 0xca), ..report }
        }
        BugKind::ParamOverlap => {
            let operand = |name, start| Operand { name, start, bytes: 20 };
            let (destination, source) =
                (operand("destination", START), operand("source", START + 1));
            libc_call(kind, "__memcpy_chk", Misuse::Overlap { destination, source })
        }
        BugKind::NegativeSizeParam => {
            libc_call(kind, "memset", Misuse::Size { bytes: usize::MAX, at: START })
        }
        BugKind::WildAccess => access(kind, 0x7000_4000_0000, Direction::Execute),
        BugKind::CallocOverflow => {
            request(kind, "calloc", Wrong::Product { count: 1 << 40, size: 1 << 30 })
        }
        BugKind::ReallocarrayOverflow => {
            request(kind, "reallocarray", Wrong::Product { count: 1 << 40, size: 1 << 30 })
        }
        BugKind::PvallocOverflow => request(kind, "pvalloc", Wrong::RoundedUp(usize::MAX)),
        BugKind::InvalidAllocationAlignment => request(kind, "memalign", Wrong::Alignment(24)),
        BugKind::InvalidAlignedAllocAlignment => {
            request(kind, "aligned_alloc", Wrong::Alignment(24))
        }
        BugKind::InvalidPosixMemalignAlignment => {
            request(kind, "posix_memalign", Wrong::Alignment(4))
        }
        BugKind::AllocationSizeTooBig => request(kind, "malloc", Wrong::Size(-5_isize as usize)),
        BugKind::MappingUseAfterUnmap
        | BugKind::MappingOverflow
        | BugKind::MappingUnderflow
        | BugKind::MappingPastEof
        | BugKind::MappingProtection
        | BugKind::MmapFailedPointer => mapping(kind),
        BugKind::MunmapTooMuch
        | BugKind::MunmapTooLittle
        | BugKind::MunmapTwice
        | BugKind::MsyncUnmapped
        | BugKind::LostPrivateWrite
        | BugKind::LostPastEofWrite => suspicion(
            kind,
            mapping(BugKind::MappingOverflow).mapping.and_then(|it| it.story.origin),
        ),
        BugKind::BadMunmap => page_call(Call::Munmap, Deed::Unmaps, object(24, Side::Before)),
        BugKind::BadMprotect => {
            page_call(Call::Mprotect, Deed::Protects(libc::PROT_READ), freed(0, Side::Inside))
        }
        BugKind::BadMremap => page_call(Call::Mremap, Deed::MovesAway, object(0, Side::Inside)),
        BugKind::BadMmap => page_call(Call::Mmap, Deed::Replaces, object(0, Side::Inside)),
        BugKind::Segv => crash(kind, 8, Direction::Read, Crash::Null),
        BugKind::Bus => {
            let file = Crash::PastEndOfFile("/data/table".to_owned());
            crash(kind, 0x7100_0000_1000, Direction::Write, file)
        }
        BugKind::StackOverflow => crash(kind, 0x7ffc_0000_0ff8, Direction::Write, Crash::Stack),
        BugKind::Fpe => raised(kind, "SIGFPE", Crash::Division),
        BugKind::Ill => raised(kind, "SIGILL", Crash::Instruction),
        BugKind::Abrt => {
            let report = report(kind, 0, Cause::Aborted);
            Bug { crash: Some(Crash::Abort), ..report }
        }
    }
}

/// Compares a text with its snapshot.
fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn each_kind_of_bug_has_its_text() {
    for (position, kind) in KINDS.into_iter().enumerate() {
        assert_eq!(kind as usize, position, "{kind:?} is missing in the list, or stands elsewhere");
        check(kind.name(), &to_string(&told(&example(kind))));
    }
}

/// Takes a frame's names away.
fn bare(frame: &mut Frame) {
    let Frame { address, offset, .. } = *frame;
    let module = frame.module.clone();
    *frame = Frame { address, module, offset, ..Frame::default() };
}

#[test]
fn a_report_without_names_says_why() {
    let bug = example(BugKind::HeapUseAfterFree);
    let mut found = LookedUp { allocated: None, ..looked_up(&bug) };
    found.thread.name = None;
    found.stack.iter_mut().chain(found.freed.iter_mut().flatten()).for_each(bare);
    let mut finding = tell(&bug, found);
    finding.stats = Some("fencepost: 1 object\n".to_owned());
    finding.names_missing = Some(words::look_up_failure(LookUpFailure::Hang, 10).to_string());
    check("without-names", &to_string(&finding));
}

#[test]
fn threads_have_the_stacks_of_their_creation() {
    let bug = Bug { thread: ThreadId(2), ..example(BugKind::HeapUseAfterFree) };
    let mut found = looked_up(&bug);
    found.thread = named(2, "\x1b[31mred");
    found.threads = vec![
        ThreadCreation {
            thread: found.thread.clone(),
            by: 0,
            stack: Some(stack(&[("start_reader", 60)])),
        },
        ThreadCreation { thread: named(1, "worker"), by: 2, stack: None },
    ];
    check("threads", &to_string(&tell(&bug, found)));
}

#[test]
fn the_summary_names_the_users_code() {
    let bug = example(BugKind::HeapBufferOverflow);
    let mut found = looked_up(&bug);
    let library = "/rustc/0123/library/core/src/slice/index.rs";
    found.stack[0].file = Some(library.to_owned());
    found.stack[0].inlined = true;
    check("rust", &to_string(&tell(&bug, found)));
}

#[test]
fn an_access_may_cross_the_end_of_its_object() {
    let report = |bytes: usize, address: usize| Bug {
        subject: Some(object(bytes, Side::After)),
        ..access(BugKind::HeapBufferOverflow, address, Direction::Write)
    };
    check("crosses", &to_string(&told(&report(0, START + SIZE - 2))));
    let mut report = report(3 * 4096, START + SIZE + 3 * 4096);
    check("far", &to_string(&told(&report)));
    let Subject { object, relation } = freed(0, Side::After);
    let object = Object { state: State::Forgotten, ..object };
    report.subject = Some(Subject { object, relation });
    check("forgotten", &to_string(&told(&report)));
}

#[test]
fn damage_is_told_by_who_found_it() {
    let mut report = example(BugKind::OverwrittenSlack);
    report.cause = Cause::Found(FoundBy::Exit);
    let found = LookedUp { stack: Vec::new(), ..looked_up(&report) };
    check("found-at-exit", &to_string(&tell(&report, found)));
    let mut report = example(BugKind::DoubleFree);
    report.kind = BugKind::HeapUseAfterFree;
    report.damage = damage(START, 0xdf);
    check("written-after-free", &to_string(&told(&report)));
}

#[test]
fn what_still_uses_an_object_is_told() {
    let mut report = release(BugKind::BadFree, START, Deallocator::Free, object(0, Side::Inside));
    report.loan = Some(Loan {
        function: "aio_write",
        part: Part::Buffer,
        address: START + 8,
        begun: Event { thread: ThreadId(1), trace: TraceId::NONE },
    });
    let found = LookedUp { begun: kept("save", 70), ..looked_up(&report) };
    check("lent", &to_string(&tell(&report, found)));
}

#[test]
fn an_operand_out_of_bounds_is_an_access() {
    let operand = Operand { name: "source", start: START, bytes: 48 };
    let misuse = Misuse::OutOfBounds { direction: Direction::Read, operand, inside: SIZE };
    let mut report = libc_call(BugKind::HeapBufferOverflow, "memcpy", misuse);
    report.subject = Some(object(0, Side::After));
    check("operand", &to_string(&told(&report)));
}

fn source(line: u32, column: Option<u32>, lines: &[&str]) -> Source {
    let lines = lines.iter().map(|&line| line.to_owned()).collect();
    Source { file: "/src/list.c".to_owned(), first_line: line - 1, line, column, lines }
}

/// Returns a finding with everything that a process may know of a bug.
fn full() -> Finding {
    let mut bug = example(BugKind::HeapBufferOverflow);
    let Cause::Access(ref mut access) = bug.cause else { panic!("an access") };
    access.width = Some(8);
    let libc = |function| {
        let module = "/lib/libc.so.6".to_owned();
        Frame { module, file: None, line: None, ..frame(function, 1) }
    };
    let mut found = looked_up(&bug);
    found.stack.extend([libc("__libc_start_call_main"), libc("__libc_start_main"), libc("_start")]);
    found.process.command = ["./list", "--name", "it's", "", "a\nb"].map(str::to_owned).into();
    found.process.parent = Some("make".to_owned());
    found.process.test =
        Some(Test { framework: "ctest".to_owned(), name: "lists\x1b[31m".to_owned() });
    found.modules = ["/bin/list", "/lib/libc.so.6"]
        .map(|path| Module { path: path.to_owned(), build_id: "0123abcd".to_owned() })
        .into();
    found.memory = Some(Memory {
        start: address(START - 8),
        bytes: format!("{}{}{}", "a7".repeat(8), "616200ff10".repeat(8), "..".repeat(16)),
    });
    let mut finding = tell(&bug, found);
    finding.sources = vec![
        source(5, Some(7), &["\tfor (;;)", "\t\tlist->\x1b[31mnext = 0;", "}"]),
        source(12, None, &["", "    return malloc(40);", ""]),
    ];
    finding.hint = hint::of(&finding);
    finding
}

#[test]
fn a_report_with_all_that_is_known() {
    check("full", &to_string(&full()));
    let mut slack = told(&example(BugKind::OverwrittenSlack));
    let after = slack.damage.as_ref().expect("damage").start.0 - 8;
    slack.memory = Some(Memory {
        start: Address(after),
        bytes: format!("{}616263{}{}", "41".repeat(8), "a7".repeat(5), "..".repeat(8)),
    });
    check("slack-in-full", &to_string(&slack));
    let mut under = told(&example(BugKind::HeapBufferUnderflow));
    under.memory = Some(Memory {
        start: address(START - 24),
        bytes: format!("{}{}", "..".repeat(24), "41".repeat(16)),
    });
    check("underflow-in-full", &to_string(&under));
}

#[test]
fn a_leak_is_told_with_what_is_lost_with_it() {
    let leak = Leak {
        objects: 3,
        bytes: 48,
        indirect_objects: 6,
        indirect_bytes: 2400,
        owned: vec![LeakOwned {
            objects: 6,
            bytes: 2400,
            allocated: crate::finding::Event { thread: 1, stack: kept("make_value", 40) },
        }],
        ..Leak::default()
    };
    let of = |leak: Leak| {
        let base = full();
        let mut finding = Finding {
            kind: LEAK.to_owned(),
            heading: leak.heading(0),
            leak: Some(leak),
            stack: stack(&[("xmalloc", 3), ("make_node", 31), ("main", 51)]),
            sources: vec![source(
                31,
                Some(25),
                &["{", "    struct node *node = xmalloc(sizeof *node);", "}"],
            )],
            process: base.process,
            modules: base.modules,
            ..Finding::default()
        };
        finding.summary = text::summary(&finding);
        to_string(&finding)
    };
    check("leak", &of(leak.clone()));
    let class = LeakClass::StillReachable;
    let (indirect_objects, indirect_bytes, owned) = (0, 0, Vec::new());
    let reachable = Leak { class, indirect_objects, indirect_bytes, owned, ..leak };
    check("leak-still-reachable", &of(reachable));
}

#[test]
fn colors_are_all_that_a_terminal_gets_more() {
    let finding = full();
    let colored = to_styled_string(&finding, Style { color: true, all_frames: false });
    assert!(colored.contains("\x1b[1;31mheap-buffer-overflow\x1b[0m on address"), "{colored}");
    assert_eq!(without_colors(&colored).collect::<String>(), to_string(&finding));
}

#[test]
fn an_address_is_described() {
    let described = |kind, subject: Option<Subject>| {
        let life = [subject.and_then(|_| kept("make_node", 12)), None];
        let description = Description { kind, subject };
        AddressReport::new(4321, ThreadId(0), START + 4, &description, life).to_string()
    };
    let texts = [
        described(AddressKind::Heap { is_guard: false }, Some(object(4, Side::Inside))),
        described(AddressKind::Heap { is_guard: true }, None),
        described(AddressKind::Unguarded, Some(object(4, Side::Inside))),
        described(AddressKind::Own, None),
        described(AddressKind::Foreign(Owner::Mapped("/lib/a.so".to_owned())), None),
    ];
    check("addresses", &texts.concat());
}

/// The command makes the same text from a record.
#[test]
fn a_record_has_the_same_text() {
    for kind in KINDS {
        let finding = told(&example(kind));
        let line = Record::Finding(Box::new(finding.clone())).to_line();
        let Ok(Record::Finding(read)) = Record::from_line(line.as_bytes()) else {
            panic!("{line}")
        };
        assert_eq!(*read, finding);
        assert_eq!(to_string(&read), to_string(&finding));
    }
}
