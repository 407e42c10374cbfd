//! Whether this process is a bystander: one that the option `follow` leaves out.
//!
//! The library is loaded into it only so that programs which it executes can be guarded. Its functions pass each call
//! on to those behind them, and there is no runtime.

use crate::ledger;
use crate::options::{Follow, OPTIONS_VARIABLE, Options};
use crate::sys::lock::Lock;
use crate::sys::scope::RuntimeScope;
use crate::sys::{inherited, loader, process};
use core::sync::atomic::{AtomicU8, Ordering};

/// What a process is to fencepost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    Guarded = 1,
    Bystander = 2,
}

/// The role as a number, or 0 while it is unknown. The entries in assembler read it.
pub static ROLE: AtomicU8 = AtomicU8::new(0);

/// Returns the role of this process. The first call finds it out, before anything is guarded.
pub fn role() -> Role {
    match known() {
        Some(role) => role,
        None => learn(),
    }
}

fn known() -> Option<Role> {
    [Role::Guarded, Role::Bystander]
        .into_iter()
        .find(|role| *role as u8 == ROLE.load(Ordering::Acquire))
}

#[cold]
fn learn() -> Role {
    static LEARNING: Lock<()> = Lock::new(());
    let _scope = RuntimeScope::enter();
    // This comes before any other system call, since a sandbox might kill the process for one.
    inherited::learn();
    let _learning = LEARNING.lock();
    if let Some(role) = known() {
        return role;
    }
    let role = if loader::is_preload_library() && !is_followed() {
        Role::Bystander
    } else {
        Role::Guarded
    };
    ROLE.store(role as u8, Ordering::Release);
    role
}

/// Reads the option, and enters a process that is not followed in the ledger.
fn is_followed() -> bool {
    let Some(follow) = option() else { return true };
    let before = ledger::open();
    let names = [process::executed_path(), process::executable_path()];
    let is_followed = if follow.is_first() {
        // Without a ledger nobody knows which process is the first.
        before.is_none_or(|before| before == 0)
    } else {
        follow.guards_program(names.iter().flatten().map(Vec::as_slice))
    };
    if let (false, Some(ledger)) = (is_followed, ledger::get()) {
        let name = names.iter().flatten().next().map_or(&b"?"[..], Vec::as_slice);
        let name = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
        ledger.note_bystander(name);
    }
    is_followed
}

/// Returns the option if it leaves anything out. Wrong options are left for the runtime to report.
fn option() -> Option<Follow> {
    const NAME: &[u8] = b"follow";
    let text = process::environment(OPTIONS_VARIABLE)?;
    // Most processes stop here.
    text.windows(NAME.len()).find(|part| *part == NAME)?;
    let options = Options::parse(core::str::from_utf8(&text).ok()?).ok()?;
    Some(options.follow).filter(|follow| !follow.is_all())
}
