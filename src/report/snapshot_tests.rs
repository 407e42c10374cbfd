//! Reports made by hand, as text: one for each kind of bug at least. What the texts must be is in `snapshots`, a file each.
//!
//! After a change that is meant, look at what `INSTA_UPDATE=always cargo test --lib snapshot_tests` makes of them.

use super::data::{
    AddressReport, Frame, LookUpFailure, NamedThread, ObjectEvent, Report, ReportedObject,
    ThreadCreation,
};
use super::text;
use crate::diagnose::{
    Access, AddressKind, BadRequest, BugKind, Cause, Crash, Direction, FoundBy, LibcCall, Misuse,
    Operand, Owner, Relation, Side, Wrong,
};
use crate::heap::canary::Damage;
use crate::heap::record::{Family, State, ThreadId};
use crate::heap::release::{Deallocator, Mismatch, Release};
use crate::trace::Caller;

const KINDS: [BugKind; 26] = [
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
    BugKind::Segv,
    BugKind::Bus,
    BugKind::StackOverflow,
    BugKind::Fpe,
    BugKind::Ill,
    BugKind::Abrt,
];

const START: usize = 0x7000_0000_1fd8;
const SIZE: usize = 40;

/// A frame of the program, in `function` at `line`.
fn frame(function: &str, line: u32) -> Frame {
    Frame {
        address: 0x40_1000 + line as usize,
        function: Some(function.to_owned()),
        file: Some("/src/list.c".to_owned()),
        line: Some(line),
        column: Some(7),
        inlined: false,
        module: "/bin/list".to_owned(),
        module_offset: 0x1000 + line as usize,
    }
}

fn stack(functions: &[(&str, u32)]) -> Vec<Frame> {
    functions.iter().map(|&(function, line)| frame(function, line)).collect()
}

fn event(thread: u32, function: &str, line: u32) -> ObjectEvent {
    ObjectEvent {
        thread: ThreadId(thread),
        stack: Some(stack(&[(function, line), ("main", line + 20)])),
    }
}

fn object(bytes: usize, side: Side) -> ReportedObject {
    ReportedObject {
        start: START,
        size: SIZE,
        family: Family::Malloc,
        align_log2: 0,
        state: State::Live,
        relation: Relation { bytes, side },
        allocated: event(0, "make_node", 12),
        freed: None,
    }
}

fn freed(bytes: usize, side: Side) -> ReportedObject {
    let freed = Some(event(1, "drop_node", 30));
    ReportedObject { state: State::Retired, freed, ..object(bytes, side) }
}

/// A report of thread 0 with a stack and nothing else.
fn report(kind: BugKind, address: usize, cause: Cause) -> Report {
    Report {
        pid: 4321,
        kind,
        address,
        cause,
        thread: NamedThread { id: ThreadId(0), name: Some("list".to_owned()) },
        stack: stack(&[("visit", 5), ("main", 50)]),
        object: None,
        owner: None,
        damage: None,
        mismatch: None,
        crash: None,
        creations: Vec::new(),
        stats: None,
        names_missing: None,
    }
}

fn access(kind: BugKind, address: usize, direction: Direction) -> Report {
    let (pc, bp, sp) = (0x40_1005, 0x7ffc_0000_1010, 0x7ffc_0000_1000);
    let width = (direction != Direction::Execute).then_some(4);
    let access = Access { start: address, fault: address, width, direction, pc, bp, sp };
    report(kind, address, Cause::Access(access))
}

fn crash(kind: BugKind, address: usize, direction: Direction, crash: Crash) -> Report {
    Report { crash: Some(crash), ..access(kind, address, direction) }
}

fn raised(kind: BugKind, signal: &'static str, crash: Crash) -> Report {
    let (pc, bp, sp) = (0x40_1005, 0x7ffc_0000_1010, 0x7ffc_0000_1000);
    let cause = Cause::Raised { signal, pc, bp, sp };
    Report { crash: Some(crash), ..report(kind, pc, cause) }
}

fn release(kind: BugKind, address: usize, by: Deallocator, object: ReportedObject) -> Report {
    let cause = Cause::Found(FoundBy::Release(by));
    Report { object: Some(object), ..report(kind, address, cause) }
}

fn mismatched(kind: BugKind, release: Release, which: Mismatch, object: ReportedObject) -> Report {
    let report = self::release(kind, START, release.by, object);
    Report { mismatch: Some((release, which)), ..report }
}

fn request(kind: BugKind, function: &'static str, wrong: Wrong) -> Report {
    report(kind, 0, Cause::Request(BadRequest { function, wrong }))
}

fn libc_call(kind: BugKind, function: &'static str, misuse: Misuse) -> Report {
    let caller = Caller { pc: 0x40_1005, bp: 0x10, sp: 0x7ffc_0000_1000, ..Caller::here() };
    let call = LibcCall { function, caller, misuse };
    let object = Some(object(0, Side::Inside));
    Report { object, ..report(kind, call.address(), Cause::Libc(call)) }
}

fn damage(address: usize, expected: u8) -> Option<Damage> {
    let mut bytes = [0; 16];
    bytes[..3].copy_from_slice(b"abc");
    Some(Damage { address, bytes, expected, shown: 3, span: 3 })
}

/// A report of each kind; a new kind needs one.
fn example(kind: BugKind) -> Report {
    let end = START + SIZE;
    match kind {
        BugKind::HeapBufferOverflow => {
            let object = Some(object(0, Side::After));
            Report { object, ..access(kind, end, Direction::Write) }
        }
        BugKind::HeapBufferUnderflow => {
            let object = Some(object(8, Side::Before));
            Report { object, ..access(kind, START - 8, Direction::Read) }
        }
        BugKind::HeapUseAfterFree => {
            let object = Some(freed(4, Side::Inside));
            Report { object, ..access(kind, START + 4, Direction::Read) }
        }
        BugKind::DoubleFree => release(kind, START, Deallocator::Free, freed(0, Side::Inside)),
        BugKind::BadFree => release(kind, START + 8, Deallocator::Realloc, object(8, Side::Inside)),
        BugKind::AllocDeallocMismatch => {
            let object = ReportedObject { family: Family::NewArray, ..object(0, Side::Inside) };
            mismatched(kind, Release::new(Deallocator::Free), Mismatch::Family, object)
        }
        BugKind::NewDeleteTypeMismatch => {
            let object = ReportedObject { family: Family::New, ..object(0, Side::Inside) };
            let release = Release::new(Deallocator::Delete).aligned(64);
            mismatched(kind, release, Mismatch::Alignment, object)
        }
        BugKind::FreeSizeMismatch => {
            let release = Release::new(Deallocator::FreeSized).sized(48);
            mismatched(kind, release, Mismatch::Size, object(0, Side::Inside))
        }
        BugKind::BadMallocUsableSize => {
            let cause = Cause::Found(FoundBy::UsableSize);
            Report {
                owner: Some(Owner::Stack { own: true }),
                ..report(kind, 0x7ffc_0000_1040, cause)
            }
        }
        BugKind::OverwrittenSlack => {
            let report = release(kind, end, Deallocator::Free, object(0, Side::After));
            Report { damage: damage(end, 0xca), ..report }
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
            Report { crash: Some(Crash::Abort), ..report }
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
        check(kind.name(), &text::to_string(&example(kind)));
    }
}

#[test]
fn a_report_without_names_says_why() {
    let mut report = example(BugKind::HeapUseAfterFree);
    let object = report.object.as_mut().expect("an object");
    object.allocated.stack = None;
    report.thread.name = None;
    for frame in report
        .stack
        .iter_mut()
        .chain(object.freed.iter_mut().flat_map(|it| &mut it.stack).flatten())
    {
        let (address, module, module_offset) =
            (frame.address, frame.module.clone(), frame.module_offset);
        *frame = Frame { address, module, module_offset, ..Frame::default() };
    }
    report.stats = Some("fencepost: 1 object\n".to_owned());
    report.names_missing = Some(LookUpFailure::Hang);
    check("without-names", &text::to_string(&report));
}

#[test]
fn threads_have_the_stacks_of_their_creation() {
    let mut report = example(BugKind::HeapUseAfterFree);
    report.thread = NamedThread { id: ThreadId(2), name: Some("\x1b[31mred".to_owned()) };
    let named = |id, name: &str| NamedThread { id: ThreadId(id), name: Some(name.to_owned()) };
    report.creations = vec![
        ThreadCreation {
            thread: report.thread.clone(),
            by: ThreadId(0),
            stack: Some(stack(&[("start_reader", 60)])),
        },
        ThreadCreation { thread: named(1, "worker"), by: ThreadId(2), stack: None },
    ];
    check("threads", &text::to_string(&report));
}

#[test]
fn the_summary_names_the_users_code() {
    let mut report = example(BugKind::HeapBufferOverflow);
    let library = "/rustc/0123/library/core/src/slice/index.rs";
    report.stack[0].file = Some(library.to_owned());
    report.stack[0].inlined = true;
    check("rust", &text::to_string(&report));
}

#[test]
fn an_access_may_cross_the_end_of_its_object() {
    let report = |bytes: usize, address: usize| Report {
        object: Some(object(bytes, Side::After)),
        ..access(BugKind::HeapBufferOverflow, address, Direction::Write)
    };
    check("crosses", &text::to_string(&report(0, START + SIZE - 2)));
    let mut report = report(3 * 4096, START + SIZE + 3 * 4096);
    check("far", &text::to_string(&report));
    report.object = Some(ReportedObject { state: State::Forgotten, ..freed(0, Side::After) });
    check("forgotten", &text::to_string(&report));
}

#[test]
fn damage_is_told_by_who_found_it() {
    let mut report = example(BugKind::OverwrittenSlack);
    report.cause = Cause::Found(FoundBy::Exit);
    report.stack.clear();
    check("found-at-exit", &text::to_string(&report));
    let mut report = example(BugKind::DoubleFree);
    report.kind = BugKind::HeapUseAfterFree;
    report.damage = damage(START, 0xdf);
    check("written-after-free", &text::to_string(&report));
}

#[test]
fn an_operand_out_of_bounds_is_an_access() {
    let operand = Operand { name: "source", start: START, bytes: 48 };
    let misuse = Misuse::OutOfBounds { direction: Direction::Read, operand, inside: SIZE };
    let mut report = libc_call(BugKind::HeapBufferOverflow, "memcpy", misuse);
    report.object = Some(object(0, Side::After));
    check("operand", &text::to_string(&report));
}

#[test]
fn an_address_is_described() {
    let described = |kind, object| {
        let (pid, asking, address) = (4321, ThreadId(0), START + 4);
        let report = AddressReport { pid, asking, address, kind, object };
        text::address_to_string(&report)
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
