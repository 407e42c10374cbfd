//! A Rust program under the guarded heap whose unsafe code gives memory back as something else than it
//! asked for.
//!
//! `cargo run --example rust_wrong_layout` frees with half of the size; with the argument `align` it frees
//! with another alignment, with `realloc` it resizes what it takes for larger. With `right` it has no bug.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: fencepost::Fencepost = fencepost::Fencepost::new();

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a layout")
}

fn main() {
    let memory = make(layout(48, 8));
    match std::env::args().nth(1).as_deref() {
        Some("align") => release_aligned(memory, layout(48, 64)),
        Some("realloc") => {
            let grown = grow(memory, layout(480, 8));
            release_right(grown, layout(96, 8));
        }
        Some("right") => {
            let grown = grow(memory, layout(48, 8));
            release_right(grown, layout(96, 8));
            let aligned = grow(make(layout(4096, 4096)), layout(4096, 4096));
            assert!(aligned.addr().is_multiple_of(4096));
            release_right(aligned, layout(96, 4096));
        }
        _ => release_half(memory, layout(24, 8)),
    }
    println!("done");
}

#[inline(never)]
fn make(layout: Layout) -> *mut u8 {
    // SAFETY: the layout has a size.
    black_box(unsafe { alloc(layout) }) // <- allocated
}

// What follows the calls keeps the functions apart: equal code would be merged, and a call at the
// very end would be a jump, which leaves no frame.

#[inline(never)]
fn release_half(memory: *mut u8, layout: Layout) {
    // SAFETY: there is none, and that is the bug: the memory was allocated with another size.
    unsafe { dealloc(memory, layout) }; // <- size: called
    black_box(1);
}

#[inline(never)]
fn release_aligned(memory: *mut u8, layout: Layout) {
    // SAFETY: there is none, and that is the bug: the memory was allocated with another alignment.
    unsafe { dealloc(memory, layout) }; // <- align: called
    black_box(2);
}

#[inline(never)]
fn release_right(memory: *mut u8, layout: Layout) {
    // SAFETY: the memory came from `grow`, with this layout.
    unsafe { dealloc(memory, layout) };
    black_box(3);
}

#[inline(never)]
fn grow(memory: *mut u8, layout: Layout) -> *mut u8 {
    // SAFETY: the layout is the caller's promise; with `realloc` it is wrong, and that is the bug.
    black_box(unsafe { realloc(memory, layout, 96) }) // <- realloc: called
}
