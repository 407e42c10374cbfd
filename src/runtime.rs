//! The one runtime of the process: its options, its heap, and what it reports at the end.

pub mod bystander;
mod identity;

use crate::choice::{Choice, Earlier};
use crate::finding::text::Style;
use crate::finding::{Counted, Process};
use crate::heap::budget::headroom::Shares;
use crate::heap::confinement::{self, Confine};
use crate::heap::place::Placing;
use crate::heap::record::Event;
use crate::heap::tally::Reason;
use crate::heap::threads::Counter;
use crate::heap::{Config, Heap, threads};
use crate::ledger;
use crate::mappings::{self, guarded};
use crate::options::{
    ColorChoice, ConfineChoice, MappingsChoice, OPTIONS_VARIABLE, Options, Revocation,
    SummaryChoice, Unwinder,
};
use crate::pages;
use crate::printable::printable;
use crate::sys::lock::Lock;
use crate::sys::rival;
use crate::sys::standard_error::StandardError;
use crate::sys::{file, limits, loader, memory, process, scope::RuntimeScope};
use crate::trace::{self, Caller};
use bystander::Role;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Exit status when the runtime can't do what the user asked for.
const EXIT_REFUSED: i32 = 125;

/// Used where `vm.max_map_count` can't be read: the kernel's default.
const DEFAULT_MAX_MAPPINGS: usize = 65_530;

/// The history of mappings takes one part in so many of the bytes that the option `history` names, beside them.
const HISTORY_PARTS: usize = 8;

/// What guards the process, and what it has to report.
pub struct Runtime {
    pub options: Options,
    pub heap: Heap,
    /// Chooses which objects get pages, if there is a budget.
    pub choice: Option<Choice>,
    pub stderr: StandardError,
    /// How reports are written.
    pub style: Style,
    /// The path of the option `log-path`. A relative path was resolved in the directory of the start.
    pub log_path: Option<Box<[u8]>>,
    /// The path of the option `report-dir`, resolved in the directory of the start.
    pub report_directory: Option<Box<[u8]>>,
    /// The path of the option `known`, resolved in the directory of the start.
    pub known_path: Option<Box<[u8]>>,
    /// Where reports go if there is no other place.
    pub temporary_folder: Box<[u8]>,
    /// The process's name at the start, as the kernel has it.
    program_name: Box<[u8]>,
    /// The id of the process that this runtime serves. A child of vfork or of a raw clone has another.
    pid: AtomicU32,
    /// Who the process was at the start; read only if the process leaves records.
    identity: Option<Process>,
    /// The id of the process that forked this one; 0 in one that was executed.
    forked_by: AtomicU32,
    /// The parent's counts at the fork.
    inherited: Inherited,
}

/// Allocations of the process that forked this one.
#[derive(Default)]
struct Inherited {
    guarded: AtomicU64,
    unguarded: [AtomicU64; Reason::ALL.len()],
}

static RUNTIME: AtomicPtr<Runtime> = AtomicPtr::new(core::ptr::null_mut());
static STARTING: Lock<()> = Lock::new(());

/// Returns the runtime if it has started. Lock-free, so signal handlers may call it.
#[inline]
pub fn get() -> Option<&'static Runtime> {
    // SAFETY: the pointer is null, or was set once to a leaked box.
    unsafe { RUNTIME.load(Ordering::Acquire).as_ref() }
}

/// Returns the runtime, and starts it if necessary; `None` in a process that is not followed. `install_fault_handler`
/// is called once, before any page is guarded.
#[inline]
pub fn get_or_start(install_fault_handler: fn()) -> Option<&'static Runtime> {
    match get() {
        Some(runtime) => Some(runtime),
        None => start_once(install_fault_handler),
    }
}

/// Uses little stack in a process that is not followed.
#[cold]
fn start_once(install_fault_handler: fn()) -> Option<&'static Runtime> {
    match bystander::role() {
        Role::Guarded => Some(start_guarding(install_fault_handler)),
        Role::Bystander => None,
    }
}

#[cold]
#[inline(never)]
fn start_guarding(install_fault_handler: fn()) -> &'static Runtime {
    let _scope = RuntimeScope::enter();
    let _starting = STARTING.lock();
    if let Some(runtime) = get() {
        return runtime;
    }
    install_fault_handler();
    let runtime: &'static Runtime = Box::leak(Box::new(start()));
    RUNTIME.store(core::ptr::from_ref(runtime).cast_mut(), Ordering::Release);
    runtime
}

fn start() -> Runtime {
    let valgrind = rival::runs_on_valgrind().then_some("Valgrind");
    if let Some(tool) = valgrind.or_else(rival::sanitizer_library) {
        refuse_beside(tool);
    }
    let text = process::environment(OPTIONS_VARIABLE).unwrap_or_default();
    let options = match core::str::from_utf8(&text) {
        Ok(text) => Options::parse(text)
            .unwrap_or_else(|error| refuse(&format!("{OPTIONS_VARIABLE}: {error}"))),
        Err(_) => refuse(&format!("{OPTIONS_VARIABLE} is not valid UTF-8")),
    };
    if options.budget.is_some() && options.sample > 1 {
        refuse(
            "the options budget and sample exclude each other: a budget says itself how many objects are guarded",
        );
    }
    if !options.focus.is_empty() && options.budget.is_none() {
        refuse("the option focus is for budget: without one, all objects are guarded");
    }
    limits::begin();
    trace::init();
    trace::set_depth(options.stack_depth as u16);
    trace::set_unwinder(match options.unwinder {
        Unwinder::Tables => trace::Unwinder::Tables,
        Unwinder::System => trace::Unwinder::System,
    });
    let selection = pages::select(options.backend).unwrap_or_else(|reason| {
        refuse(&format!("backend {} is not available: {}", options.backend.name(), reason.0))
    });
    if options.verbose {
        let mut text = format!("fencepost: backend {}", selection.backend.name());
        for (name, reason) in &selection.refused {
            text += &format!("; not {name}: {}", reason.0);
        }
        say(&(text + "\n"));
    }
    let seed = match options.seed {
        0 => u64::from(process::pid()) ^ process::clock_nanoseconds(),
        seed => seed,
    };
    let config = Config {
        placing: Placing { placement: options.placement, seed },
        canary_bytes: options.canary_bytes,
        fill: options.alloc_fill,
        free_fill: options.free_fill,
        shares: shares(options.memory_limit_mib),
        room_bytes: room_bytes(),
        max_mappings: max_mappings(),
        sample: options.sample as u32,
        batch: match options.revoke {
            Revocation::Immediate => 0,
            Revocation::Batch(count) => usize::from(count),
        },
        history_bytes: options.history_mib << 20,
        waiting_bytes: options.quarantine_mib << 20,
    };
    let heap = Heap::new(selection.backend, config)
        .unwrap_or_else(|_| refuse("no address space for the guarded heap (see RLIMIT_AS)"));
    let choice = options.budget.map(|budget| {
        let directory = options.report_dir.as_deref().map(report_directory);
        let earlier = directory.map(|directory| Earlier::read(&directory));
        // Runs that know of each other differ by their number.
        let seed = if earlier.is_some() { options.seed } else { seed };
        Choice::new(budget.0, seed, earlier, options.focus.sizes().collect())
            .unwrap_or_else(|_| refuse("no memory for the option budget"))
    });
    if options.mappings != MappingsChoice::NONE {
        mappings::open((options.history_mib << 20) / HISTORY_PARTS);
    }
    if options.mappings.guards() {
        guarded::begin(options.mappings.guards_both());
    }
    // All of our memory is mapped now, so count the library's own too.
    if loader::is_preload_library()
        && let Some(object) = loader::object_at(start as *const () as usize)
    {
        memory::note_own(object.end - object.start);
    }
    limits::conceal();
    ledger::open();
    confinement::begin(match options.confine {
        // Elsewhere our functions do not stand before those of libc that ask for masks.
        _ if !loader::is_preload_library() => Confine::Never,
        ConfineChoice::Auto => Confine::WhilePaying,
        ConfineChoice::Yes => Confine::Always,
        ConfineChoice::No => Confine::Never,
    });
    Runtime {
        heap,
        choice,
        // This comes after the backend has its descriptor.
        stderr: StandardError::keep(),
        style: style(&options),
        log_path: options.log_path.as_deref().map(log_path),
        report_directory: options.report_dir.as_deref().map(report_directory),
        known_path: options.known.as_deref().map(known_path),
        temporary_folder: temporary_folder(),
        identity: options.report_dir.is_some().then(identity::read),
        forked_by: AtomicU32::new(0),
        inherited: Inherited::default(),
        options,
        program_name: process::name().into(),
        pid: AtomicU32::new(process::pid()),
    }
}

/// Makes an option's path absolute. A relative path starts in the directory of the start.
fn absolute(option: &str, path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| {
        refuse(&format!("{option} is relative, and the working directory is gone"))
    })
}

fn into_bytes(path: PathBuf) -> Box<[u8]> {
    path.into_os_string().into_encoded_bytes().into()
}

/// Decides on colours by the options and by variables that many programs know. Logs have no colours.
fn style(options: &Options) -> Style {
    let set = |name: &str| process::environment(name).filter(|value| !value.is_empty());
    let is_dumb = || set("TERM").is_none_or(|terminal| terminal == b"dumb");
    let is_wanted = match options.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR").is_some() => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != b"0") => true,
        ColorChoice::Auto => !is_dumb() && StandardError::is_terminal_now(),
    };
    Style { color: is_wanted && options.log_path.is_none(), all_frames: options.all_frames }
}

fn log_path(path: &str) -> Box<[u8]> {
    let absolute = absolute("log-path", path);
    if !absolute.parent().is_some_and(file::is_directory) {
        refuse(&format!("log-path: there is no directory for {}", printable(path)));
    }
    into_bytes(absolute)
}

fn report_directory(path: &str) -> Box<[u8]> {
    let absolute = absolute("report-dir", path);
    if !file::is_directory(&absolute) {
        refuse(&format!("report-dir: there is no directory {}", printable(path)));
    }
    into_bytes(absolute)
}

fn known_path(path: &str) -> Box<[u8]> {
    let absolute = absolute("known", path);
    if !file::is_file(&absolute) {
        refuse(&format!("known: there is no file {}", printable(path)));
    }
    into_bytes(absolute)
}

fn temporary_folder() -> Box<[u8]> {
    let named = process::environment("TMPDIR").filter(|path| !path.is_empty());
    let path = named.map(|path| PathBuf::from(OsString::from_vec(path)));
    let absolute = path.and_then(|path| std::path::absolute(path).ok());
    absolute.map_or_else(|| b"/tmp".to_vec(), |path| path.into_os_string().into_vec()).into()
}

/// By default half of the available memory. The rest is for objects that go unguarded once it is spent, and for the
/// records about them.
fn shares(limit_mib: u64) -> Shares {
    let available = memory::available_bytes().unwrap_or(usize::MAX);
    let is_default = limit_mib == 0;
    let asked_for = usize::try_from(limit_mib << 20).unwrap_or(usize::MAX);
    let guarded = if is_default { available / 2 } else { asked_for };
    Shares { guarded, kept: available / 8, is_default }
}

/// Returns a quarter of what may still be committed. A guarded object takes more than one without us, and the program
/// must still find memory.
fn room_bytes() -> usize {
    memory::committable_bytes().map_or(usize::MAX, |bytes| bytes / 4)
}

/// Returns the kernel's limit, less the mappings of the process and a reserve for those to come.
fn max_mappings() -> usize {
    let limit = file::read_number(c"/proc/sys/vm/max_map_count")
        .map_or(DEFAULT_MAX_MAPPINGS, |limit| limit as usize);
    let used = crate::sys::address_map::count();
    limit.saturating_sub(used + (limit / 8).max(512))
}

/// Says in one sentence what the runtime can't do, and ends the process.
fn refuse(sentence: &str) -> ! {
    say(&format!("fencepost: {sentence}\n"));
    // So that the command does not look for a reason of its own.
    if ledger::open().is_some()
        && let Some(ledger) = ledger::get()
    {
        ledger.note_inability();
    }
    process::exit_now(EXIT_REFUSED)
}

/// Ends a process that runs under another tool.
pub fn refuse_beside(tool: &str) -> ! {
    refuse(&format!(
        "{tool} is at work in this process, and takes malloc and faults for itself; use one of the two"
    ))
}

fn say(text: &str) {
    // If this fails, there is nowhere else to complain.
    let _ = file::write_all(2, text.as_bytes());
}

impl Runtime {
    /// The program's name, perhaps cut off.
    pub fn program_name(&self) -> &[u8] {
        &self.program_name
    }

    /// The id of the process that the runtime serves.
    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// Whether the caller is the process that the runtime serves. A child of vfork shares its memory, and one of a
    /// raw clone has lost its threads.
    pub fn is_own_process(&self) -> bool {
        self.pid() == process::pid()
    }

    /// Makes the child of a fork the process that the runtime serves.
    pub fn adopt_process(&self) {
        self.stderr.detach_at_fork();
        self.forked_by.store(self.pid(), Ordering::Relaxed);
        self.pid.store(process::pid(), Ordering::Relaxed);
        threads::after_fork_in_child();
        if let Some(choice) = &self.choice {
            choice.after_fork_in_child();
        }
        confinement::after_fork_in_child();
        self.inherited.guarded.store(self.heap.guarded_allocations(), Ordering::Relaxed);
        for reason in Reason::ALL {
            let inherited = &self.inherited.unguarded[reason as usize];
            inherited.store(self.heap.tally().get(reason), Ordering::Relaxed);
        }
    }

    /// Whether the process was forked, and has executed no program since.
    pub fn is_forked(&self) -> bool {
        self.forked_by.load(Ordering::Relaxed) != 0
    }

    /// Whether the process may live on after a report.
    pub fn may_go_on(&self) -> bool {
        let checks_mappings = self.options.mappings.has(MappingsChoice::CHECK);
        self.options.keep_going || self.known_path.is_some() || checks_mappings
    }

    /// Returns who the calling process is, as far as that was read at the start. Its id, and the id of who forked it,
    /// are always there. Asks the kernel for the process id only, and reads no file.
    pub fn identity(&self) -> Process {
        let pid = process::pid();
        let Some(started) = &self.identity else { return Process { pid, ..Process::default() } };
        // A child of vfork, or of a raw clone, is not adopted.
        let forked_by =
            if self.pid() == pid { self.forked_by.load(Ordering::Relaxed) } else { self.pid() };
        let mut now = started.clone();
        if started.pid != pid {
            now.pid = pid;
            now.parent_pid = forked_by;
            now.parent = Some(String::from_utf8_lossy(&self.program_name).into_owned());
        }
        if let Some(test) = identity::current_test() {
            now.test = Some(test);
        }
        now
    }

    /// The name of the run that this process belongs to, if it leaves records and was told the name.
    pub fn run_id(&self) -> &str {
        self.identity.as_ref().map_or("", |identity| &identity.run)
    }

    /// Returns who the calling process is. Reads what [`Runtime::identity`] leaves out.
    pub fn full_identity(&self) -> Process {
        if self.identity.is_some() { self.identity() } else { identity::read() }
    }

    /// Counts the allocations of this process: the guarded ones, and the others by reason.
    pub fn allocations(&self) -> (u64, Vec<Counted>) {
        let since =
            |now: u64, before: &AtomicU64| now.saturating_sub(before.load(Ordering::Relaxed));
        let guarded = since(self.heap.guarded_allocations(), &self.inherited.guarded);
        let unguarded = Reason::ALL.into_iter().filter_map(|reason| {
            let before = &self.inherited.unguarded[reason as usize];
            let count = since(self.heap.tally().get(reason), before);
            (count > 0).then(|| Counted { name: words(reason).to_owned(), count })
        });
        (guarded, unguarded.collect())
    }

    /// Returns which thread calls, and from where.
    #[inline(always)]
    pub fn event(&self, caller: Caller) -> Event {
        // The first sight of a module allocates for the runtime.
        let _scope = RuntimeScope::enter();
        Event { thread: threads::current(), trace: trace::capture(caller) }
    }

    /// Returns the counters, on one line.
    pub fn stats(&self) -> String {
        let heap = &self.heap;
        let mut text = format!(
            "fencepost: stats: backend={} guarded={} unguarded={} live_bytes={}",
            heap.backend().name(),
            heap.guarded_allocations(),
            heap.tally().total(),
            heap.live_bytes()
        );
        for reason in Reason::ALL {
            let count = heap.tally().get(reason);
            if count > 0 {
                text += &format!(" unguarded_{}={count}", format!("{reason:?}").to_lowercase());
            }
        }
        for (counter, name) in Counter::OPERATIONS {
            text += &format!(" {name}={}", threads::counted(counter));
        }
        let (nodes, bytes) = trace::depot_usage();
        let (nanoseconds, brought) = confinement::told();
        text += &format!(" confined_ms={} brought={brought}", nanoseconds / 1_000_000);
        text + &format!(" stack_nodes={nodes} stack_bytes={bytes}\n")
    }

    /// Whether something was not guarded although it should have been.
    pub fn lost_coverage(&self) -> bool {
        self.heap.tally().unwanted() > 0 || self.heap.backend().lost().is_some()
    }

    /// What the user must know at the end about objects that were not guarded, one notice each.
    pub fn summary(&self) -> Vec<String> {
        let tally = self.heap.tally();
        let unguarded = tally.unwanted();
        let choice = self.options.summary;
        let mut notices = Vec::new();
        if choice == SummaryChoice::Never {
            return notices;
        }
        let backend = self.heap.backend();
        notices.extend(backend.lost().map(str::to_owned));
        if choice == SummaryChoice::Always {
            notices.extend(backend.replaced().map(str::to_owned));
        }
        let is_asked = choice == SummaryChoice::Always && self.choice.is_none();
        if unguarded > 0 || is_asked {
            let all = self.heap.guarded_allocations() + unguarded;
            let mut text = format!("{unguarded} of {all} allocations were not guarded");
            for reason in Reason::ALL.into_iter().filter(|&reason| reason != Reason::Unchosen) {
                let count = tally.get(reason);
                if count > 0 {
                    let alone =
                        if count == unguarded { String::new() } else { format!("{count} ") };
                    text += &format!(": {alone}{}", words(reason));
                }
            }
            if self.heap.unrecorded() > 0 {
                let count = self.heap.unrecorded();
                text +=
                    &format!("; of {count} nothing was recorded, as there was no memory for it");
            }
            notices.push(text);
        }
        notices.extend(self.choice.as_ref().and_then(|choice| self.tell_budget(choice)));
        let confined = confinement::told().0 / 1_000_000;
        if confined > 0 && (choice == SummaryChoice::Always || !notices.is_empty()) {
            notices.push(format!(
                "threads that free objects were kept on one processor for {}.{:03} s, \
                 where they need not wait for each other (confine=no leaves them alone)",
                confined / 1000,
                confined % 1000
            ));
        }
        notices
    }

    /// Whether pages of small objects take more memory than the option `budget-memory` permits.
    pub fn is_page_memory_spent(&self) -> bool {
        const FREE_BYTES: usize = 32 << 20;
        let [held, asked] = self.heap.held_and_asked();
        let share = (asked / 100).saturating_mul(self.options.budget_memory.0 as usize);
        held > share.saturating_add(FREE_BYTES)
    }

    /// Says which share of allocations and of their places had pages. A forked process says it only on request, as a
    /// shell forks for every other command; so does one with a report directory, whose record says it.
    fn tell_budget(&self, choice: &Choice) -> Option<String> {
        let unchosen = self.heap.tally().get(Reason::Unchosen);
        let is_told_elsewhere = self.is_forked() || self.report_directory.is_some();
        if self.options.summary == SummaryChoice::Auto && (is_told_elsewhere || unchosen == 0) {
            return None;
        }
        let shares = choice.shares();
        let (guarded, all) =
            (self.heap.guarded_allocations(), self.heap.guarded_allocations() + unchosen);
        let percent = |part: u64, whole: u64| match whole {
            0 => "0 %".to_owned(),
            _ => format!("{:.1} %", part as f64 * 100.0 / whole as f64),
        };
        Some(format!(
            "budget: {guarded} of {all} allocations ({}), from {} of {} places that allocate ({}), had pages of their own",
            percent(guarded, all),
            shares.paged_sites,
            shares.sites,
            percent(shares.paged_sites, shares.sites)
        ))
    }
}

fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::Mappings => {
            "the kernel's limit of mappings is near (vm.max_map_count; backend madvise needs none)"
        }
        Reason::Budget => "the memory budget is spent (option memory-limit, memory control groups)",
        Reason::Room => "the share of writable memory is spent (RLIMIT_DATA, vm.overcommit_memory)",
        Reason::Addresses => "the reserved address space is used up",
        Reason::Refused => "the kernel refused memory",
        Reason::NotRevoked => "the kernel would not make freed pages fault",
        Reason::Forbidden => "the program's seccomp filter forbids what guarding takes",
        Reason::Unchosen => "the budget is for others (option budget)",
    }
}
