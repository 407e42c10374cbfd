//! Reads record files: whole directories, files, standard input. Large ones are read on several processors.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use fencepost::finding::RECORDS_FOLDER;

use super::collection::Collection;
use super::merge::Merge;
use super::names::Names;
use super::refusal::{Refusal, quoted};

/// Size of a block that a thread gets, in bytes.
const BLOCK_BYTES: usize = 1 << 20;
/// Less than this is read by one thread.
const SMALL_BYTES: u64 = 16 << 20;
/// Most bytes of a record.
const LINE_BYTES: usize = 32 << 20;
const MOST_THREADS: usize = 8;

/// The name of standard input.
pub const STANDARD_INPUT: &str = "-";

/// A source of records.
enum Source {
    StandardInput,
    File(PathBuf),
}

/// Reads everything that is named: report directories, folders with record files, files, `-`.
pub fn read(names: &[PathBuf]) -> Result<Collection, Refusal> {
    read_with(names, &Arc::default())
}

/// The same; what records lack of names of functions is looked up in `functions`.
pub fn read_with(names: &[PathBuf], functions: &Arc<Names>) -> Result<Collection, Refusal> {
    let mut sources = Vec::new();
    let mut seen = HashSet::new();
    for name in names {
        for source in sources_of(name)? {
            // A file is read only once, even if it is named several times.
            let is_news = match &source {
                Source::File(path) => seen.insert(path.canonicalize().unwrap_or(path.clone())),
                Source::StandardInput => seen.insert(PathBuf::from(STANDARD_INPUT)),
            };
            if is_news {
                sources.push(source);
            }
        }
    }
    let sizes = sources.iter().map(|source| match source {
        Source::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
        Source::StandardInput => u64::MAX,
    });
    let threads = match sizes.fold(0, u64::saturating_add) {
        ..SMALL_BYTES => 1,
        _ => thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS),
    };
    let empty = || Merge::with(functions);
    let merge = match threads {
        1 => read_alone(&sources, empty()),
        _ => read_together(&sources, threads, &empty),
    };
    Ok(merge?.finish())
}

fn sources_of(name: &Path) -> Result<Vec<Source>, Refusal> {
    if name == Path::new(STANDARD_INPUT) {
        return Ok(vec![Source::StandardInput]);
    }
    if !name.is_dir() {
        return Ok(vec![Source::File(name.to_owned())]);
    }
    let records = name.join(RECORDS_FOLDER);
    // Merged records may lie beside the folder; they are not read again.
    let folder = if records.is_dir() { &records } else { name };
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    if files.is_empty() {
        let sentence = format!(
            "{} has no records; name a directory that was given to 'fencepost run --report-dir', or a file",
            quoted(name)
        );
        return Err(Refusal::new(Refusal::USAGE, sentence));
    }
    files.sort();
    Ok(files.into_iter().map(Source::File).collect())
}

fn unreadable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(Refusal::USAGE, format!("{} cannot be read: {error}", quoted(path)))
}

/// Whole lines, or (if `is_torn`) the end of a file without a newline.
struct Block {
    bytes: Vec<u8>,
    is_torn: bool,
}

fn read_alone(sources: &[Source], mut merge: Merge) -> Result<Merge, Refusal> {
    let long = read_blocks(sources, |block| add_block(&mut merge, &block))?;
    (0..long).for_each(|_| merge.skip_line());
    Ok(merge)
}

fn read_together(
    sources: &[Source],
    threads: usize,
    empty: &(impl Fn() -> Merge + Sync),
) -> Result<Merge, Refusal> {
    let (sender, receiver) = sync_channel(threads);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| merge_blocks(&receiver, empty()))).collect();
        let result = read_blocks(sources, |block| {
            // Sending can't fail: the threads take blocks until there are no more.
            let _ = sender.send(block);
        });
        drop(sender);
        let mut merge = empty();
        for worker in workers {
            let part = worker.join().map_err(|_| Refusal::new(1, "a thread has failed"))?;
            merge.join_all(part);
        }
        (0..result?).for_each(|_| merge.skip_line());
        Ok(merge)
    })
}

fn merge_blocks(receiver: &Mutex<Receiver<Block>>, mut merge: Merge) -> Merge {
    loop {
        let Ok(receiver) = receiver.lock() else { return merge };
        let Ok(block) = receiver.recv() else { return merge };
        drop(receiver);
        add_block(&mut merge, &block);
    }
}

fn add_block(merge: &mut Merge, block: &Block) {
    let mut lines = block.bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        merge.add_line(line, block.is_torn && lines.peek().is_none());
    }
}

/// Passes all blocks to `take`; returns how many lines were too long.
fn read_blocks(sources: &[Source], mut take: impl FnMut(Block)) -> Result<u64, Refusal> {
    let mut long = 0;
    for source in sources {
        match source {
            Source::StandardInput => {
                long += read_lines(&mut io::stdin(), &mut take)
                    .map_err(|error| unreadable(Path::new("standard input"), &error))?
            }
            Source::File(path) => {
                let opened = File::open(path).and_then(|mut file| read_lines(&mut file, &mut take));
                long += opened.map_err(|error| unreadable(path, &error))?;
            }
        }
    }
    Ok(long)
}

fn read_lines(input: &mut dyn Read, take: &mut impl FnMut(Block)) -> io::Result<u64> {
    let mut long = 0;
    let mut is_skipping = false;
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let kept = bytes.len();
        let count = input.take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
        let end = bytes[kept..].iter().rposition(|byte| *byte == b'\n').map(|at| kept + at + 1);
        let mut block = match (end, count) {
            (_, 0) => {
                let is_torn = !bytes.is_empty() && !is_skipping;
                if is_torn {
                    take(Block { bytes, is_torn });
                }
                return Ok(long);
            }
            (None, _) if is_skipping || bytes.len() > LINE_BYTES => {
                long += u64::from(!is_skipping);
                is_skipping = true;
                bytes.clear();
                continue;
            }
            (None, _) => continue,
            (Some(end), _) => {
                let rest = bytes.split_off(end);
                std::mem::replace(&mut bytes, rest)
            }
        };
        if is_skipping {
            let first = block.iter().position(|byte| *byte == b'\n').unwrap_or(0);
            block.drain(..=first);
            is_skipping = false;
        }
        take(Block { bytes: block, is_torn: false });
    }
}
