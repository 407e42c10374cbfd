//! A Rust program under the guarded heap whose unsafe code runs past the end of what it owns.
//!
//! `cargo run --example rust_overrun` writes past a boxed slice; with the argument `vec` it reads
//! past a `Vec` that has grown.

use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: fencepost::Fencepost = fencepost::Fencepost::new();

fn main() {
    if std::env::args().nth(1).as_deref() == Some("vec") {
        let squares = collect_squares(10);
        println!("the last square is {}", sum_inclusive(&squares) % 100);
    } else {
        let mut days = month_table();
        fill_from_1_to_12(&mut days);
        println!("May has {} days", days[5]);
    }
}

#[inline(never)]
fn month_table() -> Box<[u32]> {
    black_box(vec![0; 12].into_boxed_slice()) // <- slice: allocated
}

#[inline(never)]
fn fill_from_1_to_12(days: &mut [u32]) {
    let first = days.as_mut_ptr();
    for month in 1..=12 {
        // SAFETY: there is none, and that is the bug: the last index is 11.
        unsafe {
            *first.add(month) = 30; // <- slice: access
        }
    }
}

#[inline(never)]
fn collect_squares(count: u64) -> Vec<u64> {
    let mut squares = Vec::new();
    for number in 0..count {
        squares.push(black_box(number * number)); // <- vec: allocated
    }
    squares.shrink_to_fit(); // <- vec: moved
    black_box(squares)
}

#[inline(never)]
fn sum_inclusive(numbers: &[u64]) -> u64 {
    let first = numbers.as_ptr();
    let mut sum = 0;
    for index in 0..=numbers.len() {
        // SAFETY: there is none, and that is the bug: the end is included.
        unsafe {
            sum += black_box(*first.add(index)); // <- vec: access
        }
    }
    sum
}
