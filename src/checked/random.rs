//! The checked functions that make pseudo-random numbers of a state that the program keeps.

use super::entry::{Call, entries};
use core::ffi::{c_int, c_uint};

/// struct random_data and struct drand48_data of glibc, and the three words of a drand48 state.
const RANDOM_BYTES: usize = 48;
const DRAND48_BYTES: usize = 24;
const WORDS_BYTES: usize = 6;

fn writes_words(call: &Call<'_>) {
    call.writes("xsubi", 0, WORDS_BYTES);
}

/// A state at argument 0, and a number of 8 bytes at the next.
fn next_of_state(call: &Call<'_>) {
    call.writes("buffer", 0, DRAND48_BYTES);
    call.writes("result", 1, 8);
}

/// The same with three words before.
fn next_of_words(call: &Call<'_>) {
    writes_words(call);
    call.writes("buffer", 1, DRAND48_BYTES);
    call.writes("result", 2, 8);
}

entries! {
    before rand_r[rdi] = |call| call.writes("seedp", 0, size_of::<c_uint>());
    before random_r[rdi rsi] = |call| {
        call.writes("buf", 0, RANDOM_BYTES);
        call.writes("result", 1, size_of::<c_int>());
    };
    before srandom_r[rsi] = |call| call.writes("buf", 1, RANDOM_BYTES);
    before initstate[rsi] = |call| call.writes("state", 1, call.arg(2));
    before initstate_r[rsi rcx] = |call| {
        call.writes("state", 1, call.arg(2));
        call.writes("buf", 3, RANDOM_BYTES);
    };
    before erand48[rdi] = |call| writes_words(call);
    before nrand48[rdi] = |call| writes_words(call);
    before jrand48[rdi] = |call| writes_words(call);
    before srand48_r[rsi] = |call| call.writes("buffer", 1, DRAND48_BYTES);
    before drand48_r[rdi rsi] = |call| next_of_state(call);
    before lrand48_r[rdi rsi] = |call| next_of_state(call);
    before mrand48_r[rdi rsi] = |call| next_of_state(call);
    before erand48_r[rdi rsi rdx] = |call| next_of_words(call);
    before nrand48_r[rdi rsi rdx] = |call| next_of_words(call);
    before jrand48_r[rdi rsi rdx] = |call| next_of_words(call);
}
