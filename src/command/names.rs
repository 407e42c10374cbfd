//! `report --debug-dir`: names that were not looked up where the bug was found, from debug files that are at hand here.
//!
//! Records have the build id of each module and the offset of each frame. A frame without a name, whose module's build is
//! found below one of the folders, gets what the process would have found in the same files; then the finding's summary and its
//! fingerprint are made anew, as the process would have made them.

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};
use fencepost::debug_info::DebugFile;
use fencepost::finding::{Finding, Frame, Module, fingerprint, text};

const FLAG: &str = "debug-dir";

/// The flag, of `report` and `merge`.
pub fn flag() -> Arg {
    Arg::new(FLAG)
        .long(FLAG)
        .value_name("DIR")
        .action(ArgAction::Append)
        .value_hint(ValueHint::DirPath)
        .value_parser(value_parser!(PathBuf))
        .help("Look up names that records lack, in debug files below this folder. May be repeated")
}

/// Folders with debug files, and what was found in them.
#[derive(Default)]
pub struct Names {
    folders: Vec<PathBuf>,
    /// By path and build id of the module; `None` where there is no file of that build.
    files: Mutex<HashMap<(String, String), Option<DebugFile>>>,
}

impl Names {
    /// What the flags say.
    pub fn given(matches: &ArgMatches) -> Names {
        let folders = matches.get_many::<PathBuf>(FLAG).into_iter().flatten().cloned().collect();
        Names { folders, ..Names::default() }
    }

    /// Whether nobody wants names looked up.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Looks up what the finding lacks; returns whether anything was found.
    pub fn complete(&self, finding: &mut Finding) -> bool {
        // A call of libc, which is explained, is no instruction at fault.
        let pc = finding.registers.filter(|_| finding.explanation.is_none()).map(|it| it.pc);
        let modules = std::mem::take(&mut finding.modules);
        let mut is_changed = false;
        for (number, stack) in stacks(finding).into_iter().enumerate() {
            let mut named = Vec::with_capacity(stack.len());
            for (depth, frame) in std::mem::take(stack).into_iter().enumerate() {
                // Others are return addresses, which stand for the call before them.
                let is_exact = (number, depth) == (0, 0) && Some(frame.address) == pc;
                match self.look_up(&frame, &modules, is_exact) {
                    Some(frames) => {
                        is_changed = true;
                        named.extend(frames);
                    }
                    None => named.push(frame),
                }
            }
            *stack = named;
        }
        finding.modules = modules;
        if is_changed {
            finding.names_missing = None;
            finding.summary = text::summary(finding);
            fingerprint::set(finding);
        }
        is_changed
    }

    /// The functions of a frame that has no name.
    fn look_up(&self, frame: &Frame, modules: &[Module], is_exact: bool) -> Option<Vec<Frame>> {
        if frame.function.is_some() || !frame.module.starts_with('/') {
            return None;
        }
        let module = modules.iter().find(|module| module.path == frame.module);
        let build_id = module.map(|module| module.build_id.clone()).unwrap_or_default();
        let key = (frame.module.clone(), build_id);
        let mut files = self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let file = files.entry(key).or_insert_with_key(|(path, build_id)| {
            quietly(|| DebugFile::of_build(&self.candidates(path, build_id), &bytes_of(build_id)))
                .flatten()
        });
        let stated = frame.offset.0.wrapping_sub(u64::from(!is_exact));
        let found = quietly(|| file.as_ref().map(|file| file.frames_at(stated))).flatten()?;
        let named = found.iter().any(|found| found.function.is_some() || found.file.is_some());
        named.then(|| {
            let of_frame = |found: Frame| Frame {
                address: frame.address,
                module: frame.module.clone(),
                offset: frame.offset,
                ..found
            };
            found.into_iter().map(of_frame).collect()
        })
    }

    /// Where the files of a build may be: by its build id, as distributions and debuginfod's clients keep them; else by the
    /// module's path or name.
    fn candidates(&self, module: &str, build_id: &str) -> Vec<PathBuf> {
        let path = Path::new(module);
        let mut all = Vec::new();
        for folder in &self.folders {
            if let Some((first, rest)) =
                build_id.split_at_checked(2).filter(|(_, rest)| !rest.is_empty())
            {
                for below in [folder.join(".build-id"), folder.clone()] {
                    all.push(below.join(first).join(format!("{rest}.debug")));
                    all.push(below.join(first).join(rest));
                }
                all.push(folder.join(build_id).join("debuginfo"));
            }
            let by_path = folder.join(path.strip_prefix("/").unwrap_or(path));
            let by_name = folder.join(path.file_name().unwrap_or_default());
            for plain in [by_path, by_name] {
                let mut debug = plain.clone().into_os_string();
                debug.push(".debug");
                all.extend([PathBuf::from(debug), plain]);
            }
        }
        all
    }
}

/// All stacks of a finding, that of the access or the call first.
fn stacks(finding: &mut Finding) -> Vec<&mut Vec<Frame>> {
    let mut all = vec![&mut finding.stack];
    if let Some(object) = &mut finding.object {
        all.extend(object.allocated.stack.as_mut());
        all.extend(object.freed.as_mut().and_then(|event| event.stack.as_mut()));
    }
    all.extend(finding.begun.as_mut().and_then(|event| event.stack.as_mut()));
    let calls = finding.mapping.iter_mut().flat_map(|mapping| &mut mapping.calls);
    all.extend(calls.filter_map(|call| call.event.stack.as_mut()));
    all.extend(finding.threads.iter_mut().filter_map(|thread| thread.stack.as_mut()));
    let owned = finding.leak.iter_mut().flat_map(|leak| &mut leak.owned);
    all.extend(owned.filter_map(|owned| owned.allocated.stack.as_mut()));
    all
}

/// A damaged file may make its readers panic: then there are no names in it.
fn quietly<R>(work: impl FnOnce() -> R) -> Option<R> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(work)).ok();
    panic::set_hook(hook);
    result
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
