//! A Rust program without a bug under the guarded heap; it prints the same under any allocator.

mod work;

#[global_allocator]
static ALLOCATOR: fencepost::Fencepost = fencepost::Fencepost::new();

fn main() {
    println!("{}", work::report());
}
