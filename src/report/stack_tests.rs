//! Stacks through other kinds of code than this crate's: compiled by C and C++ compilers, stripped, loaded and
//! unloaded.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::finding::Frame;
use crate::report::symbolize::{SIGNAL_FRAME, Symbolizer};
use crate::sys::probe;
use crate::trace::{self, Caller, Frames, MAX_DEPTH, Pc, TraceId, Unwinder};

/// Held by each test, as the unwinder and the depth are settings of the process.
static SETTINGS: Mutex<()> = Mutex::new(());

/// The compiled code below calls this; it walks and stores the stack that it is called on.
extern "C" fn on_call(out: *mut c_void) {
    // SAFETY: every caller passes the `Frames` that `call` gave it.
    let out = unsafe { &mut *out.cast::<Frames>() };
    trace::walk(Caller::here(), out);
    // The second walk reaches frames that the first one remembers.
    let mut again = Frames::new();
    trace::walk(Caller::here(), &mut again);
    assert_eq!(out.as_slice()[1..], again.as_slice()[1..]);
    let mut stored = Frames::new();
    trace::frames(trace::capture(Caller::here()), &mut stored);
    assert_eq!(out.as_slice()[1..], stored.as_slice()[1..]);
}

type Callback = extern "C" fn(*mut c_void);
type Entry = unsafe extern "C" fn(i32, Callback, *mut c_void) -> i32;

/// Returns a folder beside the test binary: cargo gives tests within a crate none.
fn scratch() -> PathBuf {
    let folder = std::env::current_exe().unwrap().with_file_name("trace-tests");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

struct Library(*mut c_void);

impl Library {
    /// Compiles `source`, C or C++ by the ending of `name`, and loads it.
    fn build(name: &str, source: &str, flags: &[&str]) -> (Self, PathBuf) {
        let directory = scratch();
        let input = directory.join(name);
        std::fs::write(&input, source).unwrap();
        let output = input.with_extension("so");
        let compiler = if name.ends_with(".cc") { "c++" } else { "cc" };
        let status = Command::new(compiler)
            .args(["-shared", "-fPIC", "-fno-optimize-sibling-calls", "-o"])
            .arg(&output)
            .arg(&input)
            .args(flags)
            .status()
            .expect("a C compiler");
        assert!(status.success());
        (Self::open(&output), output)
    }

    fn open(path: &Path) -> Self {
        let path = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the library has no constructors, so loading it runs no code.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null());
        Self(handle)
    }

    fn call(&self, function: &CStr, argument: i32) -> Frames {
        let mut frames = Frames::new();
        // SAFETY: the functions in the sources below all have this type.
        unsafe {
            let entry = libc::dlsym(self.0, function.as_ptr());
            assert!(!entry.is_null());
            let entry: Entry = std::mem::transmute(entry);
            entry(argument, on_call, (&raw mut frames).cast());
        }
        frames
    }

    fn close(self) {
        // SAFETY: no code of the library is running.
        assert_eq!(unsafe { libc::dlclose(self.0) }, 0);
        trace::forget_unloaded();
    }
}

thread_local! {
    /// One for each thread, as it takes a while to read this test's own debug information.
    static SYMBOLIZER: RefCell<Symbolizer> = RefCell::default();
}

fn names(frames: &Frames) -> Vec<String> {
    let symbolize = |pc: &Pc| SYMBOLIZER.with_borrow_mut(|found| found.symbolize_pc(*pc));
    let name = |frame: Frame| frame.function.unwrap_or_default();
    frames.as_slice().iter().flat_map(symbolize).map(name).collect()
}

fn count(names: &[String], name: &str) -> usize {
    names.iter().filter(|found| *found == name).count()
}

fn handle(signal: i32, handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void)) {
    // SAFETY: a zeroed sigaction is valid; our handlers are async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        // Not on the small alternate stack that the standard library sets up for threads.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
    }
}

fn set_up(depth: usize) -> std::sync::MutexGuard<'static, ()> {
    let guard = SETTINGS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    probe::install_test_handler();
    trace::init();
    trace::set_depth(depth as u16);
    trace::set_unwinder(Unwinder::Tables);
    guard
}

const RECURSION: &str = "
    typedef void (*callback)(void *);
    __attribute__((noinline)) int recurse(int n, callback call, void *data) {
        volatile int local[7] = {n};
        if (n == 0) { call(data); return local[0]; }
        return recurse(n - 1, call, data) + local[0];
    }
    int enter(int n, callback call, void *data) { return recurse(n - 1, call, data) + 1; }
";

#[test]
fn c_code_without_frame_pointers() {
    let _guard = set_up(MAX_DEPTH);
    let flags = ["-O2", "-g", "-fomit-frame-pointer"];
    let (library, _) = Library::build("omit.c", RECURSION, &flags);
    for depth in [1, 5, 30, 7] {
        let frames = library.call(c"enter", depth);
        let names = names(&frames);
        assert_eq!(count(&names, "recurse"), depth as usize, "{names:?}");
        let enter = names.iter().position(|name| name == "enter").unwrap();
        assert_eq!(names[enter - 1], "recurse");
        assert!(names.iter().any(|name| name.ends_with("c_code_without_frame_pointers")));
    }
}

#[test]
fn the_frames_are_those_of_the_systems_unwinder() {
    let _guard = set_up(MAX_DEPTH);
    let (library, _) = Library::build("system.c", RECURSION, &["-O2"]);
    // One place of the call, whatever the optimiser does: a loop of a length that it can't know.
    let unwinders: &[Unwinder] = std::hint::black_box(&[Unwinder::Tables, Unwinder::System]);
    let mut found = Vec::new();
    for &unwinder in unwinders {
        trace::set_unwinder(unwinder);
        found.push(library.call(c"enter", 20));
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn a_depth_cuts_the_outer_frames() {
    let _guard = set_up(10);
    let (library, _) = Library::build("depth.c", RECURSION, &["-O2", "-g"]);
    for depth in [40, 39, 41, 60, 20, 2] {
        let frames = library.call(c"enter", depth);
        assert_eq!(frames.len(), 10);
        assert_eq!(count(&names(&frames), "recurse"), (depth as usize).min(9));
    }
}

#[test]
fn variable_and_over_aligned_frames() {
    let source = "
        typedef void (*callback)(void *);
        void use(void *);
        __attribute__((noinline)) static int leaf(callback call, void *data) {
            call(data); return 1;
        }
        __attribute__((noinline)) static int aligned(int n, callback call, void *data) {
            char local[n + 1] __attribute__((aligned(64)));
            __asm__ volatile(\"\" :: \"r\"(local) : \"memory\");
            return leaf(call, data) + local[0];
        }
        __attribute__((noinline)) static int variable(int n, callback call, void *data) {
            char local[n * 24 + 1];
            __asm__ volatile(\"\" :: \"r\"(local) : \"memory\");
            return aligned(n, call, data) + local[0];
        }
        __attribute__((noinline)) static int fixed(int n, callback call, void *data) {
            char local[64] __attribute__((aligned(64))) = {0};
            __asm__ volatile(\"\" :: \"r\"(local) : \"memory\");
            return variable(n, call, data) + local[0];
        }
        int enter(int n, callback call, void *data) { return fixed(n, call, data) + 1; }
    ";
    let _guard = set_up(MAX_DEPTH);
    let (library, _) = Library::build("aligned.c", source, &["-O2", "-g", "-mavx2"]);
    for size in [1, 1000, 3, 4, 3] {
        let names = names(&library.call(c"enter", size));
        let at = names.iter().position(|name| name == "leaf").expect("leaf");
        assert_eq!(names[at..at + 5], ["leaf", "aligned", "variable", "fixed", "enter"]);
        assert!(names.iter().any(|name| name.ends_with("variable_and_over_aligned_frames")));
    }
}

static FROM_SIGNAL: Mutex<Option<Frames>> = Mutex::new(None);

extern "C" fn on_signal(_signal: i32, _info: *mut libc::siginfo_t, context: *mut c_void) {
    let mut frames = Frames::new();
    trace::walk(Caller::here(), &mut frames);
    // SAFETY: the kernel passes a ucontext_t to an SA_SIGINFO handler.
    let interrupted = Caller::from_context(unsafe { &*context.cast() });
    let mut direct = Frames::new();
    trace::walk(interrupted, &mut direct);
    // The walk out of the handler reaches the interrupted code, whose pc is exact.
    let from = frames.as_slice()[1..].iter().position(|pc| !pc.is_return_address());
    let from = from.expect("an exact pc beyond the signal frame") + 1;
    assert_eq!(frames.as_slice()[from..], *direct.as_slice());
    *FROM_SIGNAL.lock().unwrap() = Some(frames);
}

#[test]
fn through_a_signal_handler() {
    let source = "
        #include <signal.h>
        typedef void (*callback)(void *);
        __attribute__((noinline)) int trap(void) { __asm__ volatile(\"int3\"); return 1; }
        int enter(int n, callback call, void *data) { call(data); return trap() + n; }
    ";
    let _guard = set_up(MAX_DEPTH);
    handle(libc::SIGTRAP, on_signal);
    let (library, _) = Library::build("signal.c", source, &["-O2", "-g"]);
    for _ in 0..3 {
        library.call(c"enter", 1);
        let frames = FROM_SIGNAL.lock().unwrap().take().unwrap();
        let names = names(&frames);
        let at = names.iter().position(|name| name == "trap").expect("trap");
        assert_eq!(names[at - 1], SIGNAL_FRAME);
        assert!(names[at - 2].ends_with("on_signal"), "{names:?}");
        assert_eq!(names[at + 1], "enter");
        assert!(names.iter().any(|name| name.ends_with("through_a_signal_handler")));
    }
}

#[test]
fn a_jump_to_nowhere_keeps_its_caller() {
    let source = "
        typedef void (*callback)(void *);
        __attribute__((noinline)) int wild(long n) { return ((int (*)(void)) n)() + 1; }
        int enter(int n, callback call, void *data) { call(data); return wild(n) + 1; }
    ";
    static FOUND: Mutex<Option<Frames>> = Mutex::new(None);
    fn on_wild(registers: &mut libc::ucontext_t) -> bool {
        let caller = Caller::from_context(registers);
        if caller.pc != 8 {
            return false;
        }
        let mut frames = Frames::new();
        trace::walk(caller, &mut frames);
        *FOUND.lock().unwrap() = Some(frames);
        // Return from the call.
        // SAFETY: the wild call left its return address on top of the stack.
        let back = unsafe { *(caller.sp as *const i64) };
        registers.uc_mcontext.gregs[libc::REG_RIP as usize] = back;
        registers.uc_mcontext.gregs[libc::REG_RSP as usize] += 8;
        true
    }
    let _guard = set_up(MAX_DEPTH);
    let (library, _) = Library::build("wild.c", source, &["-O2", "-g"]);
    probe::handle_test_faults(Some(on_wild));
    library.call(c"enter", 8);
    let names = names(&FOUND.lock().unwrap().take().unwrap());
    assert_eq!(names[1..3], ["wild", "enter"]);
    assert!(names.iter().any(|name| name.ends_with("a_jump_to_nowhere_keeps_its_caller")));
}

#[test]
fn cpp_names_are_demangled() {
    let source = "
        namespace box { template <class T> struct Lid {
            __attribute__((noinline)) int open(void (*call)(void *), void *data, T n) {
                call(data); return n;
            }
        }; }
        extern \"C\" int enter(int n, void (*call)(void *), void *data) {
            return box::Lid<long>().open(call, data, n) + 1;
        }
    ";
    let _guard = set_up(MAX_DEPTH);
    for (name, flags) in [("names.cc", ["-O1", "-g"]), ("names_nodebug.cc", ["-O1", "-g0"])] {
        let (library, path) = Library::build(name, source, &flags);
        let frames = library.call(c"enter", 1);
        let mut symbolizer = Symbolizer::new();
        let frame = symbolizer.symbolize_pc(frames.as_slice()[1]).remove(0);
        let function = frame.function.unwrap();
        assert!(function.starts_with("box::Lid<long>::open("), "{function}");
        assert_eq!(Path::new(&frame.module), path);
        assert_eq!(frame.line.is_some(), flags[1] == "-g");
    }
}

#[test]
fn a_stripped_library_does_not_lend_a_neighbours_name() {
    let source = "
        typedef void (*callback)(void *);
        __attribute__((noinline)) static int secret(callback call, void *data) {
            call(data); return 1;
        }
        int enter(int n, callback call, void *data) { return secret(call, data) + n; }
        int after(int n) { return n; }
    ";
    let _guard = set_up(MAX_DEPTH);
    let (library, path) = Library::build("stripped.c", source, &["-O1", "-s"]);
    let frames = library.call(c"enter", 1);
    let mut symbolizer = Symbolizer::new();
    let secret = symbolizer.symbolize_pc(frames.as_slice()[1]).remove(0);
    assert_eq!(secret.function, None);
    assert_eq!(Path::new(&secret.module), path);
    assert!((1..1 << 20).contains(&secret.offset.0));
    let enter = symbolizer.symbolize_pc(frames.as_slice()[2]).remove(0);
    assert_eq!(enter.function.as_deref(), Some("enter"));
}

#[test]
fn a_separate_debug_file_is_found_by_its_link() {
    let _guard = set_up(MAX_DEPTH);
    let directory = scratch();
    let (probe, path) = Library::build("linked.c", RECURSION, &["-O1", "-g"]);
    probe.close();
    std::fs::create_dir_all(directory.join(".debug")).unwrap();
    let objcopy = |arguments: &[&str]| {
        let status = Command::new("objcopy").current_dir(&directory).args(arguments).status();
        assert!(status.expect("objcopy").success());
    };
    objcopy(&["--only-keep-debug", "linked.so", ".debug/linked.debug"]);
    objcopy(&["--strip-all", "--add-gnu-debuglink=.debug/linked.debug", "linked.so", "bare.so"]);
    assert!(path.exists());
    let library = Library::open(&directory.join("bare.so"));
    let frames = library.call(c"enter", 3);
    let frame = Symbolizer::new().symbolize_pc(frames.as_slice()[1]).remove(0);
    assert_eq!(frame.function.as_deref(), Some("recurse"));
    assert!(frame.file.unwrap().ends_with("linked.c") && frame.line.is_some());
}

#[test]
fn frames_keep_their_names_after_dlclose() {
    let _guard = set_up(MAX_DEPTH);
    let (library, path) = Library::build("closed.c", RECURSION, &["-O1", "-g"]);
    let frames = library.call(c"enter", 3);
    library.close();
    let module = trace::module_of(frames.as_slice()[1].address()).unwrap();
    assert!(!module.is_loaded());
    assert_eq!(module.path, path);
    assert_eq!(count(&names(&frames), "recurse"), 3);
    let known = trace::modules::all().count();
    // More libraries than the registry keeps addresses of.
    for _ in 0..trace::MOST_RETIRED + 20 {
        let library = Library::open(&path);
        assert_eq!(count(&names(&library.call(c"enter", 4)), "recurse"), 4);
        library.close();
    }
    let most = known + trace::MOST_RETIRED + 5;
    assert!(trace::modules::all().count() <= most, "reloads take their old entries");
}

#[test]
fn the_child_of_a_fork_goes_on() {
    let _guard = set_up(MAX_DEPTH);
    let before = trace::capture(Caller::here());
    // SAFETY: the child only walks, without a lock or an allocation, and exits.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            trace::after_fork_in_child();
            let mut frames = Frames::new();
            trace::frames(before, &mut frames);
            let fine = !frames.is_empty() && trace::capture(Caller::here()) != TraceId::NONE;
            libc::_exit(i32::from(!fine));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert_eq!(status, 0);
    }
}

#[test]
fn errno_is_kept() {
    let _guard = set_up(MAX_DEPTH);
    // SAFETY: this is the address of the thread's own errno.
    unsafe {
        *libc::__errno_location() = 77;
        std::hint::black_box(trace::capture(Caller::here()));
        assert_eq!(*libc::__errno_location(), 77);
    }
}
