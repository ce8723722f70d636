//! Documents, one a line: read in blocks, mapped by threads, printed in their order.

use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bloblang::lines::{Layout, Lines, Shown};
use bloblang::local::Local;

/// Bytes that one read asks for; about as many are mapped at once.
const BLOCK_BYTES: usize = 64 << 10;
/// Blocks that wait for each thread.
const BLOCKS_MAX: usize = 2;
/// Results of each thread that wait to be printed.
const PARTS_MAX: usize = 4;
/// Threads that are started at most.
const THREADS_MAX: usize = 256;

/// What every thread makes its mapping from.
pub(crate) struct Recipe {
    /// The mapping.
    pub(crate) text: String,
    /// Directory of its file.
    pub(crate) dir: PathBuf,
    /// Variables besides those of the process.
    pub(crate) variables: Vec<(String, String)>,
    /// How documents are read and results are shown.
    pub(crate) layout: Layout,
}

impl Recipe {
    /// Parses the mapping.
    ///
    /// # Errors
    /// What is wrong with it, with its line and a caret under the place.
    pub(crate) fn parse(&self) -> Result<Lines, String> {
        let setup = Local::setup_in(&self.dir, self.variables.clone());
        let lines = Lines::parse(&self.text, &setup, self.layout);
        lines.map_err(|e| format!("failed to parse mapping: {}", e.caret(&self.text)))
    }
}

/// Blocks of whole lines of an input.
pub(crate) struct Blocks<R> {
    input: R,
    /// A line and its break must fit into this many bytes.
    limit: usize,
    /// The beginning of a line whose end was not read yet.
    rest: Vec<u8>,
    /// Lines that were handed out.
    lines: u64,
    /// What is to be said after the last block.
    failed: Option<String>,
}

impl<R: Read> Blocks<R> {
    /// The lines of an input.
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Blocks { input, limit, rest: Vec::new(), lines: 0, failed: None }
    }

    /// The next lines, as many as one read gives; nothing at the end of the input.
    ///
    /// # Errors
    /// The input cannot be read, or the next line is too long.
    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        if let Some(text) = self.failed.take() {
            return Err(text);
        }
        loop {
            let before = self.rest.len();
            if self.read()? == 0 {
                let last = std::mem::take(&mut self.rest);
                return if last.is_empty() { Ok(None) } else { self.checked(last) };
            }
            let new = self.rest.get(before..).unwrap_or_default();
            match memchr::memrchr(b'\n', new) {
                Some(at) => {
                    let tail = self.rest.split_off(before + at + 1);
                    let block = std::mem::replace(&mut self.rest, tail);
                    return self.checked(block);
                }
                None if self.rest.len() >= self.limit => return Err(self.too_long()),
                None => {}
            }
        }
    }

    /// Appends what is there to be read; the number of bytes.
    fn read(&mut self) -> Result<usize, String> {
        let before = self.rest.len();
        self.rest.resize(before + BLOCK_BYTES, 0);
        let got = loop {
            match self.input.read(self.rest.get_mut(before..).unwrap_or_default()) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        self.rest.truncate(before + got.as_ref().map_or(0, |count| *count));
        got.map_err(|e| format!("failed to read input: {e}"))
    }

    /// The block up to the first line that is too long.
    fn checked(&mut self, mut block: Vec<u8>) -> Result<Option<Vec<u8>>, String> {
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', &block).chain([block.len()]);
        for end in ends {
            if end - start >= self.limit {
                let text = self.too_long();
                if start == 0 {
                    return Err(text);
                }
                self.failed = Some(text);
                block.truncate(start);
                break;
            }
            self.lines += 1;
            start = end + 1;
        }
        // A block that ends with a line break has no line behind it.
        self.lines -= u64::from(block.last() == Some(&b'\n') && self.failed.is_none());
        Ok(Some(block))
    }

    fn too_long(&self) -> String {
        let (line, limit) = (self.lines + 1, self.limit);
        format!(
            "line {line} is longer than the limit of {limit} bytes, its line break included; \
             --max-token-length sets another"
        )
    }
}

/// What a thread made of a block.
enum Part {
    /// Some lines of it.
    Lines(Shown),
    /// There are no more.
    End,
}

type Work = JoinHandle<Result<(), String>>;

/// Maps every line of an input and prints what becomes of it, in the order of the input: results
/// to standard output, failures to standard error. Memory is bounded by the longest line and its
/// result, for each thread.
///
/// # Errors
/// The input cannot be read to its end, or the results cannot be written.
pub(crate) fn run<R: Read + Send + 'static>(
    blocks: Blocks<R>,
    recipe: Recipe,
    threads: usize,
) -> Result<(), String> {
    let recipe = Arc::new(recipe);
    let (mut senders, mut parts, mut workers) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..threads.clamp(1, THREADS_MAX) {
        let (sender, blocks) = flume::bounded(BLOCKS_MAX);
        let (results, part) = flume::bounded(PARTS_MAX);
        let recipe = Arc::clone(&recipe);
        workers.push(start("mapping", move || map(&recipe, &blocks, &results))?);
        senders.push(sender);
        parts.push(part);
    }
    let reader = start("input", move || read(blocks, &senders))?;
    match print(&parts) {
        // Whoever reads the results has seen enough. The input may have no end, so nobody waits.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(format!("failed to write results: {e}")),
        Ok(ended) => {
            ended_well(workers.swap_remove(ended))?;
            ended_well(reader)
        }
    }
}

fn start(
    name: &str,
    work: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Result<Work, String> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|e| format!("a thread does not start: {e}"))
}

fn ended_well(work: Work) -> Result<(), String> {
    let name = work.thread().name().unwrap_or_default().to_owned();
    work.join().unwrap_or_else(|_| Err(format!("the thread '{name}' panicked")))
}

/// Deals the blocks out to the threads in turns.
fn read<R: Read>(mut blocks: Blocks<R>, senders: &[flume::Sender<Vec<u8>>]) -> Result<(), String> {
    for sender in senders.iter().cycle() {
        let Some(block) = blocks.next()? else { break };
        if sender.send(block).is_err() {
            break;
        }
    }
    Ok(())
}

fn map(
    recipe: &Recipe,
    blocks: &flume::Receiver<Vec<u8>>,
    results: &flume::Sender<Part>,
) -> Result<(), String> {
    let mut lines = recipe.parse()?;
    for block in blocks {
        let wanted = lines.run(block, &mut |shown| results.send(Part::Lines(shown)).is_ok());
        if !wanted || results.send(Part::End).is_err() {
            break;
        }
    }
    Ok(())
}

/// Prints the results of the threads in turns, which is the order of the blocks; the thread that
/// ended first.
fn print(parts: &[flume::Receiver<Part>]) -> std::io::Result<usize> {
    let mut out = std::io::stdout().lock();
    for (at, part) in parts.iter().enumerate().cycle() {
        loop {
            match part.recv() {
                Ok(Part::Lines(shown)) => write(&mut out, &shown)?,
                Ok(Part::End) => break,
                Err(_) => return Ok(at),
            }
        }
    }
    Ok(0)
}

fn write(out: &mut impl Write, shown: &Shown) -> std::io::Result<()> {
    let mut from = 0;
    for (to, text) in &shown.failed {
        out.write_all(shown.out.get(from..*to).unwrap_or_default())?;
        // Both may go to one terminal, where the order of the lines is to be seen.
        out.flush()?;
        crate::output::error(&format!("failed to execute map: {text}"));
        from = *to;
    }
    out.write_all(shown.out.get(from..).unwrap_or_default())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An input that gives a few bytes at a time.
    struct Slow<'t>(&'t [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = self.1.min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }

    fn read_all(text: &str, step: usize, limit: usize) -> (String, Result<(), String>) {
        let mut blocks = Blocks::new(Slow(text.as_bytes(), step), limit);
        let mut all = String::new();
        loop {
            match blocks.next() {
                Ok(Some(block)) => all.push_str(&String::from_utf8(block).expect("text")),
                Ok(None) => return (all, Ok(())),
                Err(text) => return (all, Err(text)),
            }
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        for text in ["", "\n", "a", "a\n", "a\n\nbb\nccc", "\n\na\r\n"] {
            for step in 1..6 {
                assert_eq!(read_all(text, step, 5), (text.to_owned(), Ok(())), "{text:?} {step}");
            }
        }
    }

    #[test]
    fn a_line_and_its_break_must_fit() {
        for step in 1..20 {
            let (all, ended) = read_all("aaa\n\naaaa\nb\n", step, 4);
            assert_eq!(all, "aaa\n\n", "{step}");
            let text = "line 3 is longer than the limit of 4 bytes, its line break included; \
                        --max-token-length sets another";
            assert_eq!(ended, Err(text.to_owned()), "{step}");
            let (all, ended) = read_all("a\naaaa", step, 4);
            assert_eq!((all.as_str(), ended.is_err()), ("a\n", true), "{step}");
            assert!(read_all("aaaaaaaaaaaaaaaaaaaaa", step, 4).1.is_err());
        }
    }
}
