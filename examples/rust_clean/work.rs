//! Work that asks much of an allocator, and sums up what it finds in memory.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;

/// A kind of work, and what computes its checksum.
type Kind = (&'static str, fn() -> u64);

/// One line a kind of work: its name and its checksum.
pub fn report() -> String {
    let kinds: [Kind; 7] = [
        ("collections", collections),
        ("strings", strings),
        ("alignment", alignment),
        ("zeroed", zeroed),
        ("growth", growth),
        ("sharing", sharing),
        ("threads", threads),
    ];
    let lines: Vec<String> =
        kinds.iter().map(|(name, work)| format!("{name} {:016x}", work())).collect();
    lines.join("\n")
}

/// FNV-1a.
fn mix(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn mix_number(sum: u64, number: u64) -> u64 {
    mix(sum, &number.to_le_bytes())
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

fn collections() -> u64 {
    let mut tree = BTreeMap::new();
    let mut table = HashMap::new();
    let mut queue = VecDeque::new();
    for number in 0..2000_u64 {
        let key = number.wrapping_mul(7919) % 1009;
        tree.entry(key).or_insert_with(Vec::new).push(number);
        table.insert(key, number);
        queue.push_front(number);
        if number % 3 == 0 {
            tree.remove(&(key / 2));
            table.remove(&(key / 2));
            queue.pop_back();
        }
    }
    // The order of a hash table is its own; a set shows that none is lost.
    let keys: HashSet<u64> = table.keys().copied().collect();
    let sorted: BTreeMap<u64, u64> = table.into_iter().filter(|(k, _)| keys.contains(k)).collect();
    let sum = tree.iter().fold(START, |sum, (key, numbers)| {
        numbers.iter().fold(mix_number(sum, *key), |sum, number| mix_number(sum, *number))
    });
    let sum = sorted.iter().fold(sum, |sum, (k, v)| mix_number(mix_number(sum, *k), *v));
    queue.iter().fold(sum, |sum, number| mix_number(sum, *number))
}

fn strings() -> u64 {
    let mut text = String::new();
    for number in 0..500 {
        text.insert_str(text.len() / 2, &format!("<{number:x}>"));
        if number % 10 == 0 {
            text = text.replace("1>", "eins");
            text.shrink_to_fit();
        }
    }
    let words: Vec<String> = text.split('<').map(str::to_uppercase).collect();
    mix(mix(START, text.as_bytes()), words.join(" ").as_bytes())
}

#[repr(align(64))]
struct Line([u8; 3]);

#[repr(align(4096))]
struct Page([u8; 5000]);

#[repr(align(65536))]
struct Huge(u8);

fn alignment() -> u64 {
    fn is_aligned<T>(object: &T) -> u64 {
        u64::from((std::ptr::from_ref(object) as usize).is_multiple_of(align_of::<T>()))
    }
    let mut sum = START;
    for number in 0..50_u8 {
        let line = Box::new(Line([number; 3]));
        let page = Box::new(Page([number; 5000]));
        let huge = Box::new(Huge(number));
        sum = mix_number(sum, is_aligned(&*line) + is_aligned(&*page) + is_aligned(&*huge));
        sum = mix(mix(sum, &line.0), &page.0);
        sum = mix(sum, &[huge.0]);
    }
    // Zero-sized objects need no memory, and must not ask for any.
    mix_number(sum, vec![(); 1000].len() as u64)
}

fn zeroed() -> u64 {
    let mut sum = START;
    for size in [1, 15, 4096, 4097, 100_000, 3_000_000] {
        let mut bytes = vec![0_u8; size];
        sum = mix_number(sum, bytes.iter().filter(|&&byte| byte != 0).count() as u64);
        bytes.fill(0xa5);
        sum = mix(sum, &bytes[size / 2..]);
    }
    sum
}

fn growth() -> u64 {
    let mut numbers: Vec<u32> = Vec::new();
    let mut sum = START;
    for number in 0..200_000 {
        numbers.push(number);
        if number % 50_000 == 7 {
            numbers.shrink_to_fit();
        }
    }
    for keep in [150_000, 1000, 10, 0] {
        numbers.truncate(keep);
        numbers.shrink_to_fit();
        sum = numbers.iter().fold(sum, |sum, &number| mix_number(sum, u64::from(number)));
    }
    sum
}

fn sharing() -> u64 {
    let shared: Rc<[u64]> = (0..100).collect();
    let holders: Vec<Rc<[u64]>> = (0..50).map(|_| Rc::clone(&shared)).collect();
    drop(shared);
    holders.iter().fold(START, |sum, holder| mix_number(sum, holder.iter().sum()))
}

/// What one thread allocates, others read and free.
fn threads() -> u64 {
    let (sender, receiver) = mpsc::channel::<Box<[u8]>>();
    let table = Arc::new((0..256_u64).collect::<Vec<_>>());
    let makers: Vec<_> = (0..4_u8)
        .map(|maker| {
            let (sender, table) = (sender.clone(), Arc::clone(&table));
            thread::spawn(move || {
                for number in 0..250_usize {
                    let length = usize::try_from(table[number]).expect("small") + 1;
                    let bytes = vec![maker; length].into_boxed_slice();
                    sender.send(bytes).expect("the receiver lives");
                }
            })
        })
        .collect();
    drop(sender);
    let mut counts = [0_u64; 4];
    for bytes in receiver {
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
        counts[usize::from(bytes[0])] += bytes.len() as u64;
    }
    for maker in makers {
        maker.join().expect("no maker panics");
    }
    counts.iter().fold(START, |sum, count| mix_number(sum, *count))
}
