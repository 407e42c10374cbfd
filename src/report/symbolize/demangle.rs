//! Names of functions as their source has them.

/// The demangled form of a linkage name; any other name as it is. A C function named `f` is no `float`,
/// though that is what `f` stands for inside a C++ name.
pub(super) fn demangle(name: &str) -> String {
    let is_mangled = name.starts_with("_Z") || name.starts_with("_R");
    let demangled = is_mangled.then(|| demangle_rust(name).or_else(|| demangle_cpp(name)));
    demangled.flatten().unwrap_or_else(|| name.to_owned())
}

/// Without the hash.
fn demangle_rust(name: &str) -> Option<String> {
    Some(format!("{:#}", rustc_demangle::try_demangle(name).ok()?))
}

fn demangle_cpp(name: &str) -> Option<String> {
    cpp_demangle::Symbol::new(name).ok()?.demangle().ok()
}
