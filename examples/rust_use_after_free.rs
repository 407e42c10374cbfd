//! A Rust program under the guarded heap whose unsafe code keeps a pointer to what it has freed.
//!
//! `cargo run --example rust_use_after_free` reads a field of a freed node; with the argument
//! `thread` it writes into a buffer that another thread has freed, with `twice` it frees a box
//! twice. With `panic` it reads the freed node while it panics, in a destructor; with `hook` in the
//! panic hook.

use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: fencepost::Fencepost = fencepost::Fencepost::new();

#[repr(C)]
struct Node {
    next: *mut Node,
    name: [u8; 24],
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("thread") => {
            let buffer = make_buffer();
            let start = buffer.as_ptr() as usize;
            let other = std::thread::Builder::new().name("consumer".to_owned());
            let other = other.spawn(move || drop_buffer(buffer)).expect("a thread can start");
            other.join().expect("it does not panic");
            mark_done(start as *mut u8);
        }
        Some("twice") => {
            let node = push(std::ptr::null_mut(), b'a');
            release_first(node);
            release_again(node);
        }
        Some("panic") => {
            let reader = ReadsAtTheEnd(push(std::ptr::null_mut(), b'a'));
            release(reader.0);
            panic!("as the test wants it");
        }
        Some("hook") => {
            let node = push(std::ptr::null_mut(), b'a') as usize;
            std::panic::set_hook(Box::new(move |_| drop(ReadsAtTheEnd(node as *mut Node))));
            release(node as *mut Node);
            panic!("as the test wants it");
        }
        _ => {
            let list = push(push(std::ptr::null_mut(), b'a'), b'b');
            println!("{} nodes were freed", free_list(list));
        }
    }
}

struct ReadsAtTheEnd(*mut Node);

impl Drop for ReadsAtTheEnd {
    fn drop(&mut self) {
        println!("{:p}", next_of(self.0));
    }
}

#[inline(never)]
fn push(next: *mut Node, letter: u8) -> *mut Node {
    black_box(Box::into_raw(Box::new(Node { next, name: [letter; 24] }))) // <- node: allocated
}

#[inline(never)]
fn free_list(mut node: *mut Node) -> usize {
    let mut count = 0;
    while !node.is_null() {
        release(node);
        count += 1;
        node = next_of(node);
    }
    count
}

#[inline(never)]
fn next_of(node: *mut Node) -> *mut Node {
    // SAFETY: there is none, and that is the bug: the node is freed.
    unsafe {
        (*black_box(node)).next // <- node: access
    }
}

// What follows the frees keeps the functions apart: equal code would be merged, and a call at the
// very end would be a jump, which leaves no frame.

#[inline(never)]
fn release(node: *mut Node) {
    // SAFETY: the node came from `push`.
    drop(unsafe { Box::from_raw(node) }); // <- node: freed
    black_box(1);
}

#[inline(never)]
fn release_first(node: *mut Node) {
    // SAFETY: the node came from `push`.
    drop(unsafe { Box::from_raw(node) }); // <- twice: freed
    black_box(2);
}

#[inline(never)]
fn release_again(node: *mut Node) {
    // SAFETY: there is none, and that is the bug: the node is freed.
    drop(unsafe { Box::from_raw(node) }); // <- twice: called
    black_box(3);
}

#[inline(never)]
fn make_buffer() -> Vec<u8> {
    black_box(Vec::with_capacity(9000)) // <- thread: allocated
}

#[inline(never)]
fn drop_buffer(buffer: Vec<u8>) {
    drop(buffer); // <- thread: freed
    black_box(4);
}

#[inline(never)]
fn mark_done(buffer: *mut u8) {
    // SAFETY: there is none, and that is the bug: the other thread has freed the buffer.
    unsafe {
        *buffer.add(100) = 1; // <- thread: access
    }
}
