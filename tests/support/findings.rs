//! Sample bugs for tests of formats: of several kinds, full and bare, with usual and with hostile texts.

use fencepost::finding::{
    Access, Address, Bug, Counted, Damage, Direction, Event, Finding, Frame, Known, LEAK, Leak,
    LeakClass, LeakOwned, Memory, Module, Object, ObjectState, Process, Registers, Run, RunEnd,
    Side, Source, Test, Thread, ThreadCreation, VERSION, fingerprint,
};

/// The folder in which the programs of the samples are built.
pub const ROOT: &str = "/home/me/list";

/// A text that tries to break out of every format.
pub const HOSTILE: &str = "</script><script>alert(1)</script> ]]> <!-- \" ' & `|` \u{1b}[31m \u{0}\u{8}\u{9b} \
     \r\n::error file=x::forged\n[link](http://example.org) %0A \u{202e}\u{fffe} \u{e9}\u{1f980} {{0}} \\ </pre></title>";

/// All sample bugs, in the order of a collection: new ones first.
pub fn bugs() -> Vec<Bug> {
    let mut bugs = vec![
        bug(overflow()),
        bug(use_after_free()),
        bug(double_free()),
        bug(late()),
        bug(operand()),
        bug(crash()),
        bug(without_names()),
        bug(hostile()),
        bug(found_at_exit()),
        Bug { known: Some(Known::Baseline), ..bug(underflow()) },
        Bug {
            known: Some(Known::Suppression("the old parser".to_owned())),
            ..bug(Finding { kind: "bad-free".to_owned(), ..named("bad-free", 90) })
        },
    ];
    bugs[0].count = 342;
    bugs[0].processes = 13;
    bugs[0].tests = vec![counted("ctest: list.append", 300), counted("ctest: list.grow", 42)];
    bugs
}

/// One of each class, and a hostile one.
pub fn leaks() -> Vec<Bug> {
    let of = |class, line| leak(Leak { class, objects: 3, bytes: 72, ..Leak::default() }, line);
    let mut hostile_leak = leak(Leak { owned: vec![owned()], ..Leak::default() }, 16);
    let (stack, owned) = (hostile().stack, hostile().object.expect("it has one").allocated);
    hostile_leak.stack = stack;
    if let Some(leak) = &mut hostile_leak.leak {
        (leak.bytes, leak.objects, leak.indirect_bytes) = (u64::MAX, u64::MAX, u64::MAX);
        leak.owned[0].allocated = owned;
    }
    vec![
        bug(leak_of_owner()),
        bug(of(LeakClass::PossiblyLost, 13)),
        bug(of(LeakClass::IndirectlyLost, 14)),
        bug(of(LeakClass::StillReachable, 15)),
        bug(hostile_leak),
    ]
}

/// `count` different bugs.
pub fn many(count: usize) -> Vec<Bug> {
    let templates = bugs();
    let numbered = |number: usize| {
        let mut bug = templates[number % templates.len()].clone();
        bug.fingerprint =
            format!("{:016x}", (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        bug.example.fingerprint.clone_from(&bug.fingerprint);
        bug.count = 1 + (number as u64 * 37) % 90;
        let place = format!("{}/src/module{}.c", ROOT, number % 40);
        for frame in bug.example.stack.iter_mut().take(1) {
            frame.file = frame.file.take().map(|_| place.clone());
            frame.line = frame.line.map(|line| line + number as u32);
        }
        bug
    };
    let mut bugs: Vec<Bug> = (0..count).map(numbered).collect();
    bugs.sort_by_key(|bug| bug.known.is_some());
    bugs
}

/// Start and end of a run that found the sample bugs.
pub fn run() -> (Run, RunEnd) {
    let run = Run {
        version: VERSION,
        run: "r1".to_owned(),
        time_ms: 1_790_000_000_000,
        host: "builder".to_owned(),
        system: "Linux 6.12.0".to_owned(),
        fencepost: "0.1.0".to_owned(),
        command: ["ctest", "--output-on-failure"].map(str::to_owned).to_vec(),
        directory: ROOT.to_owned(),
        options: "keep-going=1".to_owned(),
    };
    let end = RunEnd {
        version: VERSION,
        run: run.run.clone(),
        time_ms: run.time_ms + 61_250,
        exit_code: Some(8),
        guarded: 31,
        ..RunEnd::default()
    };
    (run, end)
}

/// A bug with one finding.
pub fn bug(mut example: Finding) -> Bug {
    fingerprint::set(&mut example);
    let process = &example.process;
    Bug {
        version: VERSION,
        fingerprint: example.fingerprint.clone(),
        site: example.site.clone(),
        kind: example.kind.clone(),
        summary: example.summary.clone(),
        count: 1,
        processes: 1,
        first_ms: example.time_ms,
        last_ms: example.time_ms + 1500,
        runs: vec![process.run.clone()],
        places: vec![counted(&example.summary, 1)],
        commands: vec![counted(&process.command.join(" "), 1)],
        tests: process
            .test
            .iter()
            .map(|test| counted(&format!("{}: {}", test.framework, test.name), 1))
            .collect(),
        example,
        ..Bug::default()
    }
}

fn counted(name: &str, count: u64) -> Counted {
    Counted { name: name.to_owned(), count }
}

/// A frame of the sample program.
fn frame(function: &str, line: u32) -> Frame {
    Frame {
        address: Address(0x40_1000 + u64::from(line)),
        function: Some(function.to_owned()),
        file: Some(format!("{ROOT}/src/list.c")),
        line: Some(line),
        column: Some(7),
        inlined: false,
        module: format!("{ROOT}/build/list"),
        offset: Address(0x1000 + u64::from(line)),
    }
}

fn libc_frame(function: &str) -> Frame {
    Frame {
        address: Address(0x7fff_f7c2_9d90),
        function: Some(function.to_owned()),
        module: "/usr/lib/x86_64-linux-gnu/libc.so.6".to_owned(),
        offset: Address(0x2_9d90),
        ..Frame::default()
    }
}

fn stack(function: &str, line: u32) -> Vec<Frame> {
    vec![
        frame(function, line),
        Frame { inlined: true, ..frame("run_all", 70) },
        frame("main", 80),
        libc_frame("__libc_start_call_main"),
        libc_frame("__libc_start_main"),
        Frame { file: None, line: None, column: None, ..frame("_start", 1) },
    ]
}

/// A finding at `src/list.c:line`, with the fields that all samples have.
fn named(kind: &str, line: u32) -> Finding {
    Finding {
        version: VERSION,
        time_ms: 1_790_000_001_000 + u64::from(line),
        kind: kind.to_owned(),
        summary: format!("{kind} {ROOT}/src/list.c:{line} in visit"),
        process: Process {
            run: "r1".to_owned(),
            host: "builder".to_owned(),
            pid: 4321,
            parent_pid: 4300,
            parent: Some("ctest".to_owned()),
            program: format!("{ROOT}/build/list"),
            command: ["./list", "--all", "a b"].map(str::to_owned).to_vec(),
            directory: format!("{ROOT}/build"),
            test: Some(Test { framework: "ctest".to_owned(), name: "list.append".to_owned() }),
        },
        thread: Thread { id: 0, name: None },
        heading: format!("{kind} here by thread T0:"),
        stack: stack("visit", line),
        modules: vec![
            Module { path: format!("{ROOT}/build/list"), build_id: "8f1c0b7e".to_owned() },
            Module {
                path: "/usr/lib/x86_64-linux-gnu/libc.so.6".to_owned(),
                build_id: String::new(),
            },
        ],
        ..Finding::default()
    }
}

fn object(start: u64, bytes: u64, side: Side, distance: u64) -> Object {
    Object {
        start: Address(start),
        bytes,
        family: "malloc".to_owned(),
        alignment: None,
        state: ObjectState::Live,
        side,
        distance,
        allocated: Event { thread: 0, stack: Some(stack("make_node", 12)) },
        freed: None,
    }
}

fn registers() -> Option<Registers> {
    Some(Registers {
        pc: Address(0x40_1005),
        bp: Address(0x7ffc_0000_1010),
        sp: Address(0x7ffc_0000_1000),
    })
}

fn access(direction: Direction, bytes: Option<u64>, start: u64) -> Option<Access> {
    Some(Access { direction, bytes, start: Address(start) })
}

fn source(line: u32) -> Source {
    Source {
        file: format!("{ROOT}/src/list.c"),
        first_line: line - 2,
        line,
        column: Some(7),
        lines: [
            "static void visit(struct node *node, int *out) {",
            "\tfor (int i = 0; i <= node->count; i++) {",
            "\t\tout[i] = node->values[i] < 0 ? 0 : node->values[i];",
            "\t}",
            "}",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

pub fn overflow() -> Finding {
    let end = 0x7000_0000_2000;
    Finding {
        address: Some(Address(end)),
        registers: registers(),
        access: access(Direction::Write, Some(4), end),
        heading: format!("WRITE of size 4 at {end:#x} thread T0"),
        place: vec![format!(
            "{end:#x} is located 0 bytes after 40-byte region [0x700000001fd8,{end:#x})"
        )],
        object: Some(object(end - 40, 40, Side::After, 0)),
        memory: Some(Memory {
            start: Address(end - 32),
            bytes: format!("{}{}", "0100000002000000".repeat(4), "..".repeat(32)),
        }),
        sources: vec![source(55), source(12)],
        ..named("heap-buffer-overflow", 55)
    }
}

pub fn underflow() -> Finding {
    let start = 0x7000_0000_3000;
    Finding {
        address: Some(Address(start - 1)),
        registers: registers(),
        access: access(Direction::Read, Some(1), start - 1),
        heading: format!("READ of size 1 at {:#x} thread T0", start - 1),
        place: vec![format!("{:#x} is located 1 byte before 100-byte region", start - 1)],
        object: Some(object(start, 100, Side::Before, 1)),
        ..named("heap-buffer-underflow", 61)
    }
}

pub fn use_after_free() -> Finding {
    let start = 0x7000_0000_4fc0;
    let mut freed = object(start, 64, Side::Inside, 16);
    freed.state = ObjectState::Freed;
    freed.freed = Some(Event { thread: 1, stack: Some(stack("drop_node", 33)) });
    let worker = Thread { id: 1, name: Some("worker".to_owned()) };
    Finding {
        address: Some(Address(start + 16)),
        registers: registers(),
        access: access(Direction::Read, Some(8), start + 16),
        thread: worker.clone(),
        heading: format!("READ of size 8 at {:#x} thread T1", start + 16),
        place: vec![format!("{:#x} is located 16 bytes inside of 64-byte region", start + 16)],
        object: Some(freed),
        threads: vec![ThreadCreation { thread: worker, by: 0, stack: Some(stack("start", 66)) }],
        sources: vec![source(41)],
        ..named("heap-use-after-free", 41)
    }
}

pub fn double_free() -> Finding {
    let mut freed = object(0x7000_0000_5fe8, 24, Side::Inside, 0);
    freed.state = ObjectState::Freed;
    freed.freed = Some(Event { thread: 0, stack: None });
    Finding {
        address: Some(freed.start),
        heading: "free called here by thread T0:".to_owned(),
        place: vec!["0x700000005fe8 is located 0 bytes inside of 24-byte region".to_owned()],
        object: Some(freed),
        ..named("double-free", 45)
    }
}

pub fn late() -> Finding {
    let end = 0x7000_0000_6ffd;
    Finding {
        late: true,
        address: Some(Address(end + 1)),
        heading: "found by free here:".to_owned(),
        place: vec![
            "2 bytes from offset 14 of the object hold 41 42 instead of the canary fc".to_owned(),
        ],
        hint: Some("to stop at the write itself, run with --placement exact".to_owned()),
        object: Some(object(end - 13, 13, Side::After, 1)),
        damage: Some(Damage {
            start: Address(end + 1),
            span: 2,
            bytes: "4142".to_owned(),
            expected: 0xfc,
        }),
        memory: Some(Memory {
            start: Address(end - 13),
            bytes: "48656c6c6f2c20776f726c642100414243".to_owned(),
        }),
        ..named("overwritten-slack", 49)
    }
}

pub fn operand() -> Finding {
    let end = 0x7000_0000_8000;
    let mut stack = stack("visit", 51);
    stack.insert(0, libc_frame("memcpy"));
    Finding {
        address: Some(Address(end - 40)),
        access: access(Direction::Write, Some(80), end - 40),
        explanation: Some(
            "memcpy would write 80 bytes to its destination in a 40-byte object".to_owned(),
        ),
        heading: format!("WRITE of size 80 at {:#x} thread T0", end - 40),
        place: vec![format!("{end:#x} is located 0 bytes after 40-byte region")],
        object: Some(object(end - 40, 40, Side::After, 0)),
        stack,
        ..named("heap-buffer-overflow", 51)
    }
}

pub fn crash() -> Finding {
    Finding {
        address: Some(Address(0)),
        registers: registers(),
        access: access(Direction::Write, Some(4), 0),
        heading: "WRITE of size 4 at 0x0 thread T0".to_owned(),
        place: vec!["0x0 is null, or an offset from it".to_owned()],
        ..named("SEGV", 58)
    }
}

pub fn without_names() -> Finding {
    let bare =
        |frame: Frame| Frame { function: None, file: None, line: None, column: None, ..frame };
    let mut finding = overflow();
    finding.kind = "wild-access".to_owned();
    finding.summary = format!("wild-access ({ROOT}/build/list+0x1037)");
    finding.stack = finding.stack.into_iter().map(bare).collect();
    finding.sources.clear();
    finding.object = None;
    finding.access = access(Direction::Execute, None, 0x7000_0000_2000);
    finding.names_missing = Some("looking them up took too long".to_owned());
    finding
}

fn owned() -> LeakOwned {
    let allocated = Event { thread: 0, stack: Some(stack("make_value", 20)) };
    LeakOwned { objects: 2, bytes: 2400, allocated }
}

fn leak(leak: Leak, line: u32) -> Finding {
    Finding {
        heading: leak.heading(0),
        leak: Some(leak),
        stack: stack("make_node", line),
        sources: vec![source(line)],
        summary: format!("{LEAK} {ROOT}/src/list.c:{line} in make_node"),
        ..named(LEAK, line)
    }
}

pub fn leak_of_owner() -> Finding {
    let (objects, bytes) = (1, 16);
    let (indirect_objects, indirect_bytes, owned) = (2, 2400, vec![owned()]);
    let of = Leak { objects, bytes, indirect_objects, indirect_bytes, owned, ..Leak::default() };
    leak(of, 12)
}

pub fn found_at_exit() -> Finding {
    Finding { stack: Vec::new(), heading: "found at exit".to_owned(), memory: None, ..late() }
}

/// A finding in which every text is hostile.
pub fn hostile() -> Finding {
    let mut finding = use_after_free();
    let bad = || HOSTILE.to_owned();
    let spoil = |frame: &mut Frame| {
        frame.function = Some(bad());
        frame.file = frame.file.as_ref().map(|_| format!("{ROOT}/{HOSTILE}.c"));
        frame.module = bad();
    };
    finding.stack.iter_mut().for_each(spoil);
    if let Some(object) = &mut finding.object {
        object.allocated.stack.iter_mut().flatten().for_each(spoil);
        object.freed.iter_mut().flat_map(|event| event.stack.iter_mut().flatten()).for_each(spoil);
        object.family = bad();
    }
    for creation in &mut finding.threads {
        creation.thread.name = Some(bad());
        creation.stack.iter_mut().flatten().for_each(spoil);
    }
    finding.modules.iter_mut().for_each(|module| *module = Module { path: bad(), build_id: bad() });
    for source in &mut finding.sources {
        source.file = bad();
        source.lines.iter_mut().for_each(|line| *line = bad());
    }
    let process = &mut finding.process;
    process.test = Some(Test { framework: bad(), name: bad() });
    process.parent = Some(bad());
    process.program = bad();
    process.directory = bad();
    process.command = vec![bad(), bad()];
    finding.kind = bad();
    finding.summary = bad();
    finding.heading = bad();
    finding.place = vec![bad()];
    finding.hint = Some(bad());
    finding.explanation = Some(bad());
    finding.thread.name = Some(bad());
    finding.damage =
        Some(Damage { start: Address(u64::MAX), span: u64::MAX, bytes: bad(), expected: 0 });
    finding.memory = Some(Memory { start: Address(u64::MAX - 3), bytes: bad() });
    finding.access = access(Direction::Write, Some(u64::MAX), u64::MAX - 1);
    if let Some(object) = &mut finding.object {
        object.start = Address(u64::MAX - 8);
        object.bytes = u64::MAX;
        object.distance = u64::MAX;
    }
    finding.stats = Some(bad());
    finding.names_missing = Some(bad());
    finding
}
