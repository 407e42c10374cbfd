//! The replaceable C++ operators new and delete.
//!
//! When there is no memory the next definition (libstdc++'s or libc++'s) is called with the same
//! arguments: it calls malloc, which fails again, runs the new_handler, and throws std::bad_alloc
//! or returns null as its form demands. `"C-unwind"` lets that exception pass.

use super::trampoline;
use crate::calls;
use crate::heap::Request;
use crate::heap::record::Family;
use crate::sys::next::{self, Next};
use crate::trace::Caller;

trampoline! {
    fencepost_new("rsi", "rdx") => new;
    fencepost_new_array("rsi", "rdx") => new_array;
    fencepost_new_nothrow("rdx", "rcx") => new_nothrow;
    fencepost_new_array_nothrow("rdx", "rcx") => new_array_nothrow;
    fencepost_new_aligned("rdx", "rcx") => new_aligned;
    fencepost_new_array_aligned("rdx", "rcx") => new_array_aligned;
    fencepost_new_aligned_nothrow("rcx", "r8") => new_aligned_nothrow;
    fencepost_new_array_aligned_nothrow("rcx", "r8") => new_array_aligned_nothrow;
    fencepost_delete("r8", "r9") => delete;
    fencepost_delete_array("r8", "r9") => delete_array;
}

fn caller(sp: usize, bp: usize) -> Caller {
    // SAFETY: the trampolines pass the stack pointer as it was on entry.
    unsafe { Caller::from_entry(sp, bp) }
}

/// `second` and `third` are the further arguments of the operator's form, for the next definition.
fn allocate(
    family: Family,
    align: usize,
    next: &Next,
    [size, second, third]: [usize; 3],
    caller: Caller,
) -> *mut u8 {
    let address = if align.is_power_of_two() {
        calls::allocate(
            Request {
                size,
                align,
                family,
                zeroed: false,
            },
            caller,
        )
    } else {
        core::ptr::null_mut()
    };
    if !address.is_null() {
        return address;
    }
    // SAFETY: every form takes at most three integers or pointers; the System V ABI lets a
    // function be called with more arguments than it takes.
    match unsafe { next.get::<extern "C-unwind" fn(usize, usize, usize) -> *mut u8>() } {
        Some(next) => next(size, second, third),
        None => core::ptr::null_mut(),
    }
}

macro_rules! operators_new {
    ($($name:ident, $family:ident, $next:ident, [$($argument:ident),*], align $align:expr;)*) => {
        $(
            extern "C-unwind" fn $name(size: usize, $($argument: usize,)* sp: usize, bp: usize) -> *mut u8 {
                #[allow(unused_mut, unused_assignments)]
                let mut arguments = [size, 0, 0];
                #[allow(unused_variables)]
                let places = 1..;
                for (place, argument) in places.zip([$($argument),*] as [usize; _]) {
                    arguments[place] = argument;
                }
                allocate(Family::$family, $align, &next::$next, arguments, caller(sp, bp))
            }
        )*
    };
}

operators_new! {
    new, New, OPERATOR_NEW, [], align 1;
    new_array, NewArray, OPERATOR_NEW_ARRAY, [], align 1;
    new_nothrow, New, OPERATOR_NEW_NOTHROW, [tag], align 1;
    new_array_nothrow, NewArray, OPERATOR_NEW_ARRAY_NOTHROW, [tag], align 1;
    new_aligned, New, OPERATOR_NEW_ALIGNED, [align], align align;
    new_array_aligned, NewArray, OPERATOR_NEW_ARRAY_ALIGNED, [align], align align;
    new_aligned_nothrow, New, OPERATOR_NEW_ALIGNED_NOTHROW, [align, tag], align align;
    new_array_aligned_nothrow, NewArray, OPERATOR_NEW_ARRAY_ALIGNED_NOTHROW, [align, tag], align align;
}

extern "C" fn delete(address: usize, _: usize, _: usize, _: usize, sp: usize, bp: usize) {
    calls::free(address, Family::New, caller(sp, bp));
}

extern "C" fn delete_array(address: usize, _: usize, _: usize, _: usize, sp: usize, bp: usize) {
    calls::free(address, Family::NewArray, caller(sp, bp));
}
