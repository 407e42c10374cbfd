//! One stack capture, against `backtrace::trace` on the same stack.
//!
//! The library's own capture is called, with its caches as they are: 20 functions deep, again and
//! again from one place, or by two paths in turns, so that no frame is where the last walk left it.

use std::hint::black_box;

use crate::samples::{Figures, Outcome, take_turns};
use crate::table::{Cell, Table};
use crate::tool::Bench;
use fencepost::stack_capture::{self as trace, Caller, Frames};

const DEPTH: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Walker {
    Own,
    Crate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stack {
    /// Captured again and again at the bottom of it.
    Same,
    /// The functions return and are called again before each capture.
    CalledAgain,
    /// As `CalledAgain`, by two paths in turns.
    Alternating,
}

pub fn run(bench: &Bench) -> Vec<Table> {
    trace::init();
    trace::set_depth(64);
    let stacks = [Stack::Same, Stack::CalledAgain, Stack::Alternating];
    let contenders: Vec<(Walker, Stack)> =
        [Walker::Own, Walker::Crate].iter().flat_map(|&w| stacks.map(|s| (w, s))).collect();
    let captures = if bench.quick { 20_000 } else { 200_000 };
    let outcomes =
        take_turns(&contenders, bench.rounds, |&(walker, stack)| Ok(time(walker, stack, captures)));
    let of = |walker, stack| -> &Outcome {
        let index = contenders.iter().position(|&other| other == (walker, stack));
        &outcomes[index.expect("it was measured")]
    };

    let mut table = Table::new(
        format!("capture: a stack of {} frames, {DEPTH} of them in the loop", frames()),
        &[
            "capture / backtrace::trace",
            "ns a capture",
            "ns a frame",
            "backtrace::trace ns a frame",
        ],
    );
    for (stack, name) in stacks.into_iter().zip([
        "the same stack",
        "20 functions called again",
        "20 functions called by two paths in turns",
    ]) {
        let (own, other) = (of(Walker::Own, stack), of(Walker::Crate, stack));
        table.row(
            name,
            vec![
                Cell::ratio(&own.get("capture"), &other.get("capture")),
                Cell::amount(&own.get("capture")),
                Cell::amount(&own.get("frame")),
                Cell::amount(&other.get("frame")),
            ],
        );
    }
    table.note("The calls themselves are timed in an empty loop of the same shape and taken off.");
    vec![table]
}

fn frames() -> usize {
    let mut frames = Frames::new();
    descend(Path::Left, DEPTH, &mut || trace::walk(Caller::here(), &mut frames));
    frames.len()
}

fn time(walker: Walker, stack: Stack, captures: u32) -> Figures {
    let own = || {
        black_box(trace::capture(Caller::here()));
    };
    let other = || {
        let mut pcs = 0;
        backtrace::trace(|frame| {
            pcs ^= frame.ip() as usize;
            true
        });
        black_box(pcs);
    };
    // The crate is slower: fewer captures take as long.
    let (captures, spent) = match walker {
        Walker::Own => (captures, loop_nanoseconds(stack, captures, own)),
        Walker::Crate => (captures / 20, loop_nanoseconds(stack, captures / 20, other)),
    };
    let empty = loop_nanoseconds(stack, captures, || {
        black_box(());
    });
    let capture = (spent - empty) / f64::from(captures);
    let figures = [("capture", capture), ("frame", capture / frames() as f64)];
    figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect()
}

fn loop_nanoseconds(stack: Stack, captures: u32, mut capture: impl FnMut()) -> f64 {
    let start = thread_nanoseconds();
    match stack {
        Stack::Same => descend(Path::Left, DEPTH, &mut || (0..captures).for_each(|_| capture())),
        Stack::CalledAgain => {
            for _ in 0..captures {
                descend(Path::Left, DEPTH, &mut capture);
            }
        }
        Stack::Alternating => {
            for i in 0..captures {
                let path = if i % 2 == 0 { Path::Left } else { Path::Right };
                descend(path, DEPTH, &mut capture);
            }
        }
    }
    thread_nanoseconds() - start
}

/// CPU time of this thread: what others do meanwhile is not counted.
fn thread_nanoseconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live variable of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

#[derive(Clone, Copy)]
enum Path {
    Left,
    Right,
}

fn descend(path: Path, depth: u32, at_bottom: &mut dyn FnMut()) {
    match path {
        Path::Left => left(depth, at_bottom),
        Path::Right => right(depth, at_bottom),
    }
}

// Two functions of the same shape: equal slots, other return addresses.

#[inline(never)]
fn left(depth: u32, at_bottom: &mut dyn FnMut()) {
    match depth {
        0 => at_bottom(),
        _ => left(depth - 1, at_bottom),
    }
    // Something to do after the call, so that it stays a call.
    black_box(depth);
}

#[inline(never)]
fn right(depth: u32, at_bottom: &mut dyn FnMut()) {
    match depth {
        0 => at_bottom(),
        _ => right(depth - 1, at_bottom),
    }
    black_box(!depth);
}
