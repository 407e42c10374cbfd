//! The replaceable C++ operators new and delete.
//!
//! Two cases go on to the next definition (of libstdc++ or libc++) with the same arguments. If there
//! is no memory, that calls malloc, which fails again, runs the new_handler, and throws std::bad_alloc
//! or returns null, depending on the form; `"C-unwind"` lets the exception pass. And if the program
//! has replaced some operators, the others must call those, as they do by default (ISO C++20 17.6.3).

use super::trampoline;
use crate::allocator;
use crate::diagnose::Wrong;
use crate::heap::record::Family;
use crate::heap::release::{Deallocator, Release};
use crate::heap::{AllocationRequest, MAX_SIZE};
use crate::sys::loader;
use crate::sys::next::Next;
use crate::trace::Caller;
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering};

/// One form of an operator.
struct Form {
    name: &'static CStr,
    /// The function that is exported under the name.
    entry: extern "C" fn(),
    family: Family,
    /// Meaning of the arguments after the first.
    says: Says,
    next: Next,
}

/// What the arguments after the first say about the object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    Size,
    Alignment,
    SizeAndAlignment,
}

/// The signature by which all forms are called: each takes at most three integers or pointers, and by
/// the System V ABI a function may be called with more arguments than it takes.
type AnyForm = extern "C-unwind" fn(usize, usize, usize) -> *mut u8;

/// Whether the program has operators of its own.
static REPLACED: AtomicBool = AtomicBool::new(false);

fn call_next(form: &Form, [first, second, third]: [usize; 3]) -> *mut u8 {
    // SAFETY: every form may be called as an `AnyForm`.
    match unsafe { form.next.get::<AnyForm>() } {
        Some(next) => next(first, second, third),
        None => core::ptr::null_mut(),
    }
}

fn caller(sp: usize, bp: usize) -> Caller {
    // SAFETY: the trampolines pass the stack pointer that they had on entry.
    unsafe { Caller::from_entry(sp, bp) }
}

fn allocate(form: &Form, arguments: [usize; 3], caller: Caller) -> *mut u8 {
    let align = if form.says == Says::Alignment { arguments[1] } else { 1 };
    if !REPLACED.load(Ordering::Relaxed) && align.is_power_of_two() {
        let request =
            AllocationRequest { size: arguments[0], align, family: form.family, zeroed: false };
        let address = allocator::allocate(request, caller);
        if !address.is_null() {
            return address;
        }
    }
    let function = if form.family == Family::NewArray { "operator new[]" } else { "operator new" };
    if !align.is_power_of_two() {
        allocator::refuse(function, Wrong::Alignment(align), caller);
    } else if arguments[0] > MAX_SIZE {
        allocator::refuse(function, Wrong::Size(arguments[0]), caller);
    }
    let address = call_next(form, arguments);
    if !address.is_null() && !REPLACED.load(Ordering::Relaxed) {
        // The new_handler has freed memory after all, and the next definition has called malloc.
        allocator::forget_family(address as usize);
    }
    address
}

fn free(form: &Form, arguments: [usize; 3], caller: Caller) {
    if REPLACED.load(Ordering::Relaxed) {
        call_next(form, arguments);
        return;
    }
    let release = Release::new(match form.family {
        Family::NewArray => Deallocator::DeleteArray,
        _ => Deallocator::Delete,
    });
    let [address, second, third] = arguments;
    let release = match form.says {
        Says::Nothing => release,
        Says::Size => release.sized(second),
        Says::Alignment => release.aligned(second),
        Says::SizeAndAlignment => release.sized(second).aligned(third),
    };
    allocator::free(address, release, caller);
}

/// Defines the forms: each becomes a module with its entry, which is exported under the form's name.
macro_rules! operators {
    ($($entry:ident: $module:ident = $name:literal, $family:ident, $says:ident, $act:ident -> $result:ty;)*) => {
        $(
            trampoline! { $entry("r8", "r9") => $module::enter; }
            mod $module {
                use super::*;
                pub(super) static FORM: Form = Form {
                    name: $name,
                    entry: $entry,
                    family: Family::$family,
                    says: Says::$says,
                    next: Next::new($name),
                };
                pub(super) extern "C-unwind" fn enter(
                    first: usize,
                    second: usize,
                    third: usize,
                    _fourth: usize,
                    sp: usize,
                    bp: usize,
                ) -> $result {
                    $act(&FORM, [first, second, third], caller(sp, bp))
                }
            }
        )*
        static FORMS: &[&Form] = &[$(&$module::FORM),*];
    };
}

operators! {
    fencepost_new: new = c"_Znwm", New, Nothing, allocate -> *mut u8;
    fencepost_new_array: new_array = c"_Znam", NewArray, Nothing, allocate -> *mut u8;
    fencepost_new_nothrow: new_nothrow = c"_ZnwmRKSt9nothrow_t", New, Nothing, allocate -> *mut u8;
    fencepost_new_array_nothrow: new_array_nothrow = c"_ZnamRKSt9nothrow_t", NewArray, Nothing, allocate -> *mut u8;
    fencepost_new_aligned: new_aligned = c"_ZnwmSt11align_val_t", New, Alignment, allocate -> *mut u8;
    fencepost_new_array_aligned: new_array_aligned = c"_ZnamSt11align_val_t", NewArray, Alignment, allocate -> *mut u8;
    fencepost_new_aligned_nothrow: new_aligned_nothrow = c"_ZnwmSt11align_val_tRKSt9nothrow_t", New, Alignment, allocate -> *mut u8;
    fencepost_new_array_aligned_nothrow: new_array_aligned_nothrow = c"_ZnamSt11align_val_tRKSt9nothrow_t", NewArray, Alignment, allocate -> *mut u8;
    fencepost_delete: delete = c"_ZdlPv", New, Nothing, free -> ();
    fencepost_delete_sized: delete_sized = c"_ZdlPvm", New, Size, free -> ();
    fencepost_delete_nothrow: delete_nothrow = c"_ZdlPvRKSt9nothrow_t", New, Nothing, free -> ();
    fencepost_delete_aligned: delete_aligned = c"_ZdlPvSt11align_val_t", New, Alignment, free -> ();
    fencepost_delete_sized_aligned: delete_sized_aligned = c"_ZdlPvmSt11align_val_t", New, SizeAndAlignment, free -> ();
    fencepost_delete_aligned_nothrow: delete_aligned_nothrow = c"_ZdlPvSt11align_val_tRKSt9nothrow_t", New, Alignment, free -> ();
    fencepost_delete_array: delete_array = c"_ZdaPv", NewArray, Nothing, free -> ();
    fencepost_delete_array_sized: delete_array_sized = c"_ZdaPvm", NewArray, Size, free -> ();
    fencepost_delete_array_nothrow: delete_array_nothrow = c"_ZdaPvRKSt9nothrow_t", NewArray, Nothing, free -> ();
    fencepost_delete_array_aligned: delete_array_aligned = c"_ZdaPvSt11align_val_t", NewArray, Alignment, free -> ();
    fencepost_delete_array_sized_aligned: delete_array_sized_aligned = c"_ZdaPvmSt11align_val_t", NewArray, SizeAndAlignment, free -> ();
    fencepost_delete_array_aligned_nothrow: delete_array_aligned_nothrow = c"_ZdaPvSt11align_val_tRKSt9nothrow_t", NewArray, Alignment, free -> ();
}

/// Looks up the next definitions, and finds out whether the program has its own. Takes the loader's
/// lock: for the constructor.
pub fn resolve() {
    for form in FORMS {
        form.next.resolve();
        // SAFETY: a valid C string.
        let first = unsafe { libc::dlsym(libc::RTLD_DEFAULT, form.name.as_ptr()) } as usize;
        if first != 0 && first != form.entry as usize && loader::is_definition(first) {
            REPLACED.store(true, Ordering::Relaxed);
        }
    }
    allocator::note_operators(REPLACED.load(Ordering::Relaxed));
}

/// For a process that is not followed: has all operators go on to the next definitions. Takes the loader's lock.
pub fn stand_aside() {
    REPLACED.store(true, Ordering::Relaxed);
    // If the first has no next definition, the others have none either.
    if let Some((first, others)) = FORMS.split_first()
        && first.next.address().is_some()
    {
        others.iter().for_each(|form| form.next.resolve());
    }
}
