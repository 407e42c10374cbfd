//! Checks of this machine, for `fencepost doctor`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use fencepost::options::{BackendChoice, OPTIONS_VARIABLE, Options};

use super::check::{Check, Grade};
use super::refusal::quoted;
use super::{config, library, preload, sys};

/// All checks of the machine.
pub fn checks() -> Vec<Check> {
    let mut checks = vec![kernel(), c_library()];
    match library::find() {
        Ok(path) => {
            checks.push(Check::new("guard", Grade::Good, path.display().to_string()));
            checks.extend(backends(&path));
        }
        Err(refusal) => checks.push(Check::new("guard", Grade::Bad, refusal.sentence)),
    }
    checks.push(mappings());
    checks.extend(limits());
    checks.push(overcommit());
    checks.push(memory());
    checks.extend(control_group());
    checks.extend(sandbox());
    checks.extend(environment());
    checks
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn read_number(path: &str) -> Option<u64> {
    read(path)?.parse().ok()
}

fn kernel() -> Check {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".to_owned());
    Check::new("kernel", Grade::Fact, format!("Linux {release}"))
}

fn c_library() -> Check {
    Check::new("libc", Grade::Fact, format!("glibc {}", sys::libc_version()))
}

/// Tries each backend on this command itself.
fn backends(library: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut chosen = None;
    for choice in BackendChoice::CHOICES.iter().filter(|choice| choice.name != "auto") {
        let check = match try_backend(library, choice.name) {
            Ok(()) if chosen.is_none() => {
                chosen = Some(choice.name);
                Check::new(choice.name, Grade::Good, "works here; the one that auto takes")
            }
            Ok(()) => Check::new(choice.name, Grade::Good, "works here"),
            Err(why) => {
                let check = Check::new(choice.name, Grade::Fact, why);
                match remedy(choice.name) {
                    Some(remedy) => check.advise(remedy),
                    None => check,
                }
            }
        };
        checks.push(check);
    }
    match chosen {
        None => checks.push(Check::new("backends", Grade::Bad, "none works here")),
        Some("mprotect") => checks.push(
            Check::new("backends", Grade::Poor, "only the slowest works here, for fewer objects")
                .advise("A newer kernel (6.13) or userfaultfd would serve better."),
        ),
        Some(_) => {}
    }
    checks
}

/// Starts this command under the guard with a backend; the error is the guard's message.
fn try_backend(library: &Path, name: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("could not be tried: {error}");
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.env(preload::VARIABLE, library).env(OPTIONS_VARIABLE, format!("backend={name}"));
    let output = command.output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next_back().unwrap_or("it ended without a word");
    let start = format!("fencepost: backend {name} is not available: ");
    Err(said.strip_prefix(&start).unwrap_or(said).to_owned())
}

/// Advice on how to make a backend available.
fn remedy(name: &str) -> Option<&'static str> {
    match name {
        "userfaultfd" if read_number("/proc/sys/vm/unprivileged_userfaultfd") == Some(0) => Some(
            "As root: sysctl vm.unprivileged_userfaultfd=1, or give this user access to /dev/userfaultfd; in Docker also \
             a seccomp profile that permits userfaultfd.",
        ),
        "userfaultfd" => Some(
            "A container's seccomp profile must permit userfaultfd, or /dev/userfaultfd be there.",
        ),
        "madvise" => Some("It needs Linux 6.13."),
        _ => None,
    }
}

fn mappings() -> Check {
    /// With mprotect each object takes two mappings: this is enough for a program of some size.
    const ENOUGH: u64 = 65_530;
    let name = "vm.max_map_count";
    match read_number("/proc/sys/vm/max_map_count") {
        None => Check::new(name, Grade::Fact, "unknown"),
        Some(count) if count < ENOUGH => Check::new(name, Grade::Poor, count.to_string())
            .advise("As root: sysctl vm.max_map_count=1000000, or objects go unguarded early."),
        Some(count) => {
            let words = format!("{count} (with backend mprotect, two for each live object)");
            Check::new(name, Grade::Good, words)
        }
    }
}

fn limits() -> Vec<Check> {
    let limit = |name: &'static str, resource, least: u64| match sys::soft_limit(resource) {
        None => Check::new(name, Grade::Good, "unlimited"),
        Some(bytes) if bytes < least => Check::new(name, Grade::Poor, size(bytes)).advise(format!(
            "Raise it (ulimit), or fewer objects are guarded: of {} at least.",
            size(least)
        )),
        Some(bytes) => Check::new(name, Grade::Good, size(bytes)),
    };
    vec![
        limit("RLIMIT_AS", libc::RLIMIT_AS, 64 << 30),
        limit("RLIMIT_DATA", libc::RLIMIT_DATA, 8 << 30),
    ]
}

fn overcommit() -> Check {
    let name = "overcommit";
    match read_number("/proc/sys/vm/overcommit_memory") {
        Some(2) => Check::new(name, Grade::Poor, "strict (vm.overcommit_memory is 2)").advise(
            "Guarded objects get a quarter of what may be committed; as root: sysctl vm.overcommit_memory=0.",
        ),
        Some(1) => Check::new(name, Grade::Good, "always"),
        Some(_) => Check::new(name, Grade::Good, "heuristic"),
        None => Check::new(name, Grade::Fact, "unknown"),
    }
}

fn memory() -> Check {
    let name = "memory";
    let text = read("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let available =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let Some(bytes) = available.map(|kilobytes| kilobytes << 10) else {
        return Check::new(name, Grade::Fact, "unknown");
    };
    let words = format!("{} available; half of it is for guarded objects", size(bytes));
    if bytes < 512 << 20 {
        return Check::new(name, Grade::Poor, words)
            .advise("Close other programs, or use --sample=N for programs with many objects.");
    }
    Check::new(name, Grade::Good, words)
}

/// The memory limit of this process's control group (version 2 only).
fn control_group() -> Option<Check> {
    let groups = read("/proc/self/cgroup")?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let folder = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let limit = folder.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup"));
    let bytes = limit.filter_map(|folder| {
        fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse::<u64>().ok()
    });
    let words = match bytes.min() {
        None => "no limit of memory".to_owned(),
        Some(bytes) => format!("{} at most; an eighth of it is for guarded objects", size(bytes)),
    };
    Some(Check::new("control group", Grade::Fact, words))
}

/// Checks for seccomp filters and containers.
fn sandbox() -> Vec<Check> {
    let status = read("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    let seccomp = match field("Seccomp:").as_deref() {
        Some("0") => "none",
        Some("2") => "a filter is in force; the guard makes no call that it forbids",
        Some("1") => "strict mode",
        _ => "unknown",
    };
    let mut checks = vec![Check::new("seccomp", Grade::Fact, seccomp)];
    let container = [("/.dockerenv", "Docker"), ("/run/.containerenv", "Podman")];
    if let Some((_, name)) = container.into_iter().find(|(mark, _)| Path::new(mark).exists()) {
        checks.push(Check::new("container", Grade::Fact, name));
    }
    checks
}

/// Checks what `run` would get from this environment.
fn environment() -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(text) = std::env::var_os(OPTIONS_VARIABLE).filter(|text| !text.is_empty()) {
        let checked = text.to_str().map(Options::parse);
        checks.push(match checked {
            Some(Ok(_)) => Check::new(OPTIONS_VARIABLE, Grade::Fact, text.to_string_lossy()),
            Some(Err(error)) => Check::new(OPTIONS_VARIABLE, Grade::Bad, error.to_string()),
            None => Check::new(OPTIONS_VARIABLE, Grade::Bad, "it is not valid UTF-8"),
        });
    }
    if let Some(list) = std::env::var_os(preload::VARIABLE).filter(|list| !list.is_empty()) {
        checks.push(Check::new(preload::VARIABLE, Grade::Fact, list.to_string_lossy()));
    }
    let folder = std::env::current_dir().ok();
    if let Some(path) = folder.and_then(|folder| config::find(&folder)) {
        checks.push(Check::new("configuration", Grade::Fact, quoted(&path).to_string()));
    }
    checks
}

/// A number of bytes in a unit that fits.
fn size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(bits, _)| bytes >> bits > 0) {
        Some((bits, unit)) => format!("{:.1} {unit}", bytes as f64 / (1u64 << bits) as f64),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(3 << 40), "3.0 TiB");
    }
}
