//! Programs that this one executes: tells `fencepost run` which of them run without the guard.
//!
//! Pointers that the program passes are read so that bad ones do no harm; the kernel refuses them later.

use super::checked;
use crate::ledger::{self, Entry, Ledger};
use crate::sys::executable::{self, Path, Verdict, Why};
use crate::sys::next::Next;
use crate::sys::variables::value;
use crate::sys::{call_on_stack, loader, memory, passed, process};
use core::ffi::{CStr, c_int};
use std::sync::OnceLock;

/// The file name of this library, if LD_PRELOAD has loaded it.
static LIBRARY: OnceLock<Box<[u8]>> = OnceLock::new();

/// Finds out whether LD_PRELOAD has loaded this library. The constructor calls this.
pub fn set_up() {
    let path = loader::path_at(set_up as *const () as usize);
    let name = path.and_then(|path| Some(path.rsplit(|&byte| byte == b'/').next()?.to_vec()));
    let list = process::environment("LD_PRELOAD").unwrap_or_default();
    if let Some(name) = name
        && executable::is_listed(&list, &name)
    {
        let _ = LIBRARY.set(name.into());
    }
}

/// libc's functions that execute a program in a child.
static POSIX_SPAWN: Next = Next::new(c"posix_spawn");
static POSIX_SPAWNP: Next = Next::new(c"posix_spawnp");
static SYSTEM: Next = Next::new(c"system");
static POPEN: Next = Next::new(c"popen");

type Spawn = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize) -> c_int;

unsafe extern "C" fn posix_spawn(
    pid: usize,
    path: usize,
    actions: usize,
    attributes: usize,
    list: usize,
    environment: usize,
) -> c_int {
    let noted = note("posix_spawn", &[pid, path, actions, attributes, list, environment]);
    // SAFETY: `Spawn` is the function's signature, in words. The program must pass valid arguments.
    let error = unsafe {
        let next = POSIX_SPAWN.get::<Spawn>();
        next.map_or(libc::ENOSYS, |next| next(pid, path, actions, attributes, list, environment))
    };
    if error != 0 {
        noted.take_back();
    }
    error
}

unsafe extern "C" fn posix_spawnp(
    pid: usize,
    name: usize,
    actions: usize,
    attributes: usize,
    list: usize,
    environment: usize,
) -> c_int {
    let noted = note("posix_spawnp", &[pid, name, actions, attributes, list, environment]);
    // SAFETY: `Spawn` is the function's signature, in words. The program must pass valid arguments.
    let error = unsafe {
        let next = POSIX_SPAWNP.get::<Spawn>();
        next.map_or(libc::ENOSYS, |next| next(pid, name, actions, attributes, list, environment))
    };
    if error != 0 {
        noted.take_back();
    }
    error
}

unsafe extern "C" fn system(command: usize) -> c_int {
    // With a null pointer, the call only asks whether there is a shell.
    if command != 0 {
        // Never taken back: from glibc 2.29 on, -1 says that the shell has run, but that its end is not known.
        let _ = note("system", &[]);
    }
    // SAFETY: the type is the function's signature, in words. The program must pass valid arguments.
    unsafe { SYSTEM.get::<unsafe extern "C" fn(usize) -> c_int>().map_or(-1, |next| next(command)) }
}

unsafe extern "C" fn popen(command: usize, kind: usize) -> usize {
    let noted = note("popen", &[]);
    // SAFETY: the type is the function's signature, in words. The program must pass valid arguments.
    let stream = unsafe {
        let next = POPEN.get::<unsafe extern "C" fn(usize, usize) -> usize>();
        next.map_or(0, |next| next(command, kind))
    };
    if stream == 0 {
        noted.take_back();
    }
    stream
}

/// Puts the functions above in libc's place. Must be called before libc's functions are looked up.
pub fn take_over() {
    checked::posix_spawn::NEXT.take_over(posix_spawn as *const ());
    checked::posix_spawnp::NEXT.take_over(posix_spawnp as *const ());
    checked::system::NEXT.take_over(system as *const ());
    checked::popen::NEXT.take_over(popen as *const ());
    for next in [&POSIX_SPAWN, &POSIX_SPAWNP, &SYSTEM, &POPEN] {
        next.resolve();
    }
}

/// How the arguments of a function say which program it executes, with which environment.
#[derive(Clone, Copy)]
enum Form {
    /// Argument `at` is a path. Argument `environment` is the environment; `None`: libc's.
    Path { at: usize, environment: Option<usize> },
    /// Argument `at` is a name to be searched for in PATH. Argument `environment` is the environment; `None`: libc's.
    Name { at: usize, environment: Option<usize> },
    /// The first argument is an open descriptor.
    Descriptor,
    /// The first argument is a command line for the shell.
    Shell,
}

fn form(function: &str) -> Form {
    match function {
        "execve" => Form::Path { at: 0, environment: Some(2) },
        "execvpe" => Form::Name { at: 0, environment: Some(2) },
        "execvp" => Form::Name { at: 0, environment: None },
        "fexecve" => Form::Descriptor,
        "posix_spawn" => Form::Path { at: 1, environment: Some(5) },
        "posix_spawnp" => Form::Name { at: 1, environment: Some(5) },
        "system" | "popen" => Form::Shell,
        // execv
        _ => Form::Path { at: 0, environment: None },
    }
}

/// A call that executes a program.
struct ExecutionCall<'a> {
    function: &'static str,
    arguments: &'a [usize],
    ledger: &'static Ledger,
}

/// What was entered of an execution that is about to be tried.
#[must_use]
#[derive(Clone, Copy)]
pub struct Noted(Option<(&'static Ledger, Entry)>);

impl Noted {
    /// The execution has failed.
    pub fn take_back(self) {
        if let Noted(Some((ledger, entry))) = self {
            ledger.take_back(entry);
        }
    }
}

/// Must be called before `function` executes a program: notes it in the ledger if it will run without the guard.
pub fn note(function: &'static str, arguments: &[usize]) -> Noted {
    const STACK_BYTES: usize = 128 << 10;
    let Some(ledger) = ledger::get() else { return Noted(None) };
    let request = ExecutionCall { function, arguments, ledger };
    // Paths need a large stack, and the caller may be a signal handler with a small one.
    let Ok(stack) = memory::map(STACK_BYTES) else { return Noted(None) };
    // SAFETY: the stack was mapped for this call alone, and `run` does not unwind.
    unsafe {
        let entry = call_on_stack(stack + STACK_BYTES, || run(&request));
        memory::unmap(stack, STACK_BYTES);
        Noted(entry.map(|entry| (ledger, entry)))
    }
}

fn run(request: &ExecutionCall<'_>) -> Option<Entry> {
    let ExecutionCall { function, arguments, ledger } = request;
    let environ = process::libc_environ() as usize;
    let argument = |index: usize| arguments.get(index).copied().unwrap_or(0);
    let environment = |index: Option<usize>| index.map_or(environ, argument);
    match form(function) {
        Form::Path { at, environment: index } => {
            let path = read_path(argument(at))?;
            enter(ledger, path.as_c_str(), file_name(path.as_c_str()), environment(index))
        }
        Form::Name { at, environment: index } => {
            let name = read_path(argument(at))?;
            enter_named(ledger, name.as_c_str(), environment(index), environ)
        }
        Form::Descriptor => {
            let (descriptor, list) = (argument(0), argument(1));
            let mut digits = [0; 20];
            let path = Path::new(&[b"/proc/self/fd/", decimal(descriptor, &mut digits)])?;
            let name = passed::load(list).and_then(read_path)?;
            enter(ledger, path.as_c_str(), file_name(name.as_c_str()), argument(2))
        }
        Form::Shell => enter(ledger, c"/bin/sh", b"sh", environ),
    }
}

fn enter_named(ledger: &Ledger, name: &CStr, environment: usize, environ: usize) -> Option<Entry> {
    if name.to_bytes().contains(&b'/') {
        return enter(ledger, name, file_name(name), environment);
    }
    let mut path = [0; libc::PATH_MAX as usize];
    let path = value(environ, b"PATH=", &mut path).unwrap_or(b"/bin:/usr/bin");
    let found = executable::search(name, path)?;
    enter(ledger, found.as_c_str(), file_name(name), environment)
}

fn enter(ledger: &Ledger, path: &CStr, name: &[u8], environment: usize) -> Option<Entry> {
    let why = match executable::examine(path) {
        Verdict::Unguarded(why) => why,
        Verdict::Guarded if !has_library(environment) => Why::Environment,
        Verdict::Guarded | Verdict::Unknown => return None,
    };
    Some(ledger.note_unguarded(name, why))
}

/// Whether a program with this environment will load this library: LD_PRELOAD names it.
fn has_library(environment: usize) -> bool {
    // If it was loaded in another way (/etc/ld.so.preload), it will be loaded in that way again.
    let Some(library) = LIBRARY.get() else { return true };
    let mut list = [0; libc::PATH_MAX as usize];
    value(environment, b"LD_PRELOAD=", &mut list)
        .is_some_and(|list| executable::is_listed(list, library))
}

fn read_path(address: usize) -> Option<Path> {
    let mut room = [0; libc::PATH_MAX as usize];
    let path = passed::copy_string(address, &mut room);
    if path.is_empty() { None } else { Path::new(&[path]) }
}

fn file_name(path: &CStr) -> &[u8] {
    path.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

fn decimal(mut number: usize, room: &mut [u8; 20]) -> &[u8] {
    let mut first = room.len();
    loop {
        first -= 1;
        room[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[first..];
        }
    }
}
