//! Stacks of threads that libc makes, and those that programs bring along.

/// Whether pthread_create(3) makes the stack itself for these attributes, and a guard below it.
///
/// # Safety
/// The pointer must be null, or to attributes that are initialised.
pub unsafe fn is_usual(attributes: *const libc::pthread_attr_t) -> bool {
    if attributes.is_null() {
        return true;
    }
    let (mut lowest, mut bytes, mut guard_bytes) = (core::ptr::null_mut(), 0, 0);
    // SAFETY: the attributes are initialised, as this function demands, and the rest is ours.
    unsafe {
        libc::pthread_attr_getstack(attributes, &raw mut lowest, &raw mut bytes) == 0
            && libc::pthread_attr_getguardsize(attributes, &raw mut guard_bytes) == 0
            // glibc says so of attributes without a stack: its upper end is 0.
            && (lowest as usize).wrapping_add(bytes) == 0
            && guard_bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_the_programs_own_is_told_from_libcs() {
        let mut room = vec![0_u8; 1 << 20];
        // SAFETY: the attributes are initialised before they are used, and the stack is ours.
        unsafe {
            assert!(is_usual(core::ptr::null()));
            let mut attributes = core::mem::zeroed();
            assert_eq!(libc::pthread_attr_init(&raw mut attributes), 0);
            assert!(is_usual(&raw const attributes));
            assert_eq!(libc::pthread_attr_setguardsize(&raw mut attributes, 0), 0);
            assert!(!is_usual(&raw const attributes));
            assert_eq!(libc::pthread_attr_init(&raw mut attributes), 0);
            let stack = room.as_mut_ptr().cast();
            assert_eq!(libc::pthread_attr_setstack(&raw mut attributes, stack, room.len()), 0);
            assert!(!is_usual(&raw const attributes));
        }
    }
}
