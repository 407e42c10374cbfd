//! The names of functions as their source has them.

/// Demangles a linkage name, and returns any other name unchanged. A C function named `f` is no `float`, although `f`
/// means that inside a C++ name.
pub(super) fn demangle(name: &str) -> String {
    let is_mangled = name.starts_with("_Z") || name.starts_with("_R");
    let demangled = is_mangled.then(|| demangle_rust(name).or_else(|| demangle_cpp(name)));
    demangled.flatten().unwrap_or_else(|| name.to_owned())
}

/// Demangles a Rust name, and leaves out its hash.
fn demangle_rust(name: &str) -> Option<String> {
    Some(format!("{:#}", rustc_demangle::try_demangle(name).ok()?))
}

/// Demangles a C++ name. If `cpp_demangle` can't read the function's type (conditions of enable_if, as in
/// `std::default_delete<char []>::operator()<char>`), the parameters are left out.
fn demangle_cpp(name: &str) -> Option<String> {
    /// Names have a few hundred bytes; one that was made to take long stays mangled.
    const MOST_BYTES: usize = 8 << 10;
    let whole = |name: &str| cpp_demangle::Symbol::new(name).ok()?.demangle().ok();
    // A name that is nested or has template arguments ends in an E, and no part before that E is a name.
    let without_type = || {
        let ends = name.match_indices('E').take(256).map(|(at, _)| &name[..=at]);
        Some(ends.filter_map(whole).next()?.trim_end_matches(" const").to_owned())
    };
    (name.len() <= MOST_BYTES).then(|| whole(name).or_else(without_type)).flatten()
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn only_linkage_names_are_demangled() {
        for name in
            ["f", "i", "c", "main", "St", "Z1fv", "ZN3foo3barEv", "R", "__Z1fv", "_z1fv", ""]
        {
            assert_eq!(demangle(name), name);
        }
        assert_eq!(demangle("_Z1fi"), "f(int)");
        assert_eq!(demangle("_ZN3foo3bar17h0123456789abcdefE"), "foo::bar");
        assert_eq!(demangle("_RNvC6_123foo3bar"), "123foo::bar");
    }

    #[test]
    fn a_function_whose_type_is_too_hard_keeps_its_name() {
        for (mangled, name) in [
            (
                "_ZNKSt14default_deleteIA_cEclIcEENSt9enable_ifIXsrSt14is_convertibleIPA_T_PS0_E5valueEvE4typeEPS4_",
                "std::default_delete<char []>::operator()<char>",
            ),
            (
                "_ZSt4swapI3KeyENSt9enable_ifIXsrSt6__and_IJSt6__not_ISt15__is_tuple_likeIT_EESt21is_move_constructibleIS4_ESt18is_move_assignableIS4_EEE5valueEvE4typeERS4_SE_",
                "std::swap<Key>",
            ),
            (
                "_ZSt14__relocate_a_1I3KeyS0_ENSt9enable_ifIXsrSt24__is_bitwise_relocatableIT_vE5valueEPS2_E4typeES4_S4_S4_RSaIT0_E",
                "std::__relocate_a_1<Key, Key>",
            ),
        ] {
            assert_eq!(demangle(mangled), name);
        }
    }
}
