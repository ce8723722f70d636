//! An open loop: events are sent when they are due, whatever has become of those before.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::arrivals::{Arrivals, Seen, number_of};
use crate::error::{Error, Result};

/// Between two bursts of events.
const TICK: Duration = Duration::from_millis(1);
/// From the start of the threads to the first event.
const LEAD: Duration = Duration::from_millis(50);
/// An arrival so long after the last event was due was queued.
const GRACE: Duration = Duration::from_millis(100);
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Events with the times at which they are due.
pub(super) struct Load {
    lines: Vec<u8>,
    /// The bytes of each tick.
    ticks: Vec<Range<usize>>,
    per_tick: u64,
    warm_up: Duration,
    /// Of all events and of those that the mapping keeps.
    sent: Expected,
    kept: Expected,
}

/// Which events are to arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Expected {
    count: u64,
    /// Of the events' numbers.
    sum: u64,
}

impl Expected {
    fn add(&mut self, number: u64) {
        self.count += 1;
        self.sum += number;
    }
}

fn failed(error: std::io::Error) -> Error {
    Error(format!("TCP: {error}"))
}

impl Load {
    /// The lines of numbered events at so many a second.
    ///
    /// # Errors
    /// Other lines.
    pub(super) fn new(lines: Vec<u8>, rate: u64, warm_up: Duration) -> Result<Self> {
        let per_tick = rate * TICK.as_millis() as u64 / 1000;
        let (mut ticks, mut begin, mut end) = (Vec::new(), 0, 0);
        let (mut sent, mut kept) = (Expected::default(), Expected::default());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let number = number_of(line).filter(|number| *number == sent.count);
            sent.add(number.ok_or_else(|| Error("the events are not numbered".into()))?);
            if memchr::memmem::find(line, br#""ok":true"#).is_some() {
                kept.add(sent.count - 1);
            }
            end += line.len();
            if sent.count.is_multiple_of(per_tick) {
                ticks.push(begin..end);
                begin = end;
            }
        }
        Ok(Self { lines, ticks, per_tick, warm_up, sent, kept })
    }

    /// How many events are sent.
    pub(super) fn count(&self) -> u64 {
        self.sent.count
    }

    /// Sends everything and waits for what is to arrive: all events, or those that the mapping
    /// keeps.
    ///
    /// # Errors
    /// A connection failed, or other events arrived than were to.
    pub(super) fn run(
        &self,
        into: &TcpStream,
        from: &TcpStream,
        maps: bool,
        late: Duration,
    ) -> Result<Seen> {
        into.set_nodelay(true).map_err(failed)?;
        into.set_write_timeout(Some(late)).map_err(failed)?;
        from.set_read_timeout(Some(late)).map_err(failed)?;
        let start = Instant::now() + LEAD;
        scope(|threads| {
            let sender = threads.spawn(move || self.send(into, start));
            let seen = self.receive(from, if maps { self.kept } else { self.sent }, start);
            if seen.is_err() {
                // It ends the sender, which may be waiting; it may be closed already.
                let _ = into.shutdown(Shutdown::Both);
            }
            let sent = sender.join().map_err(|_| Error("the sender ended".into()))?;
            seen.and_then(|seen| sent.map(|()| seen))
        })
    }

    fn send(&self, mut into: &TcpStream, start: Instant) -> Result<()> {
        let mut due = start;
        for bytes in &self.ticks {
            sleep(due.saturating_duration_since(Instant::now()));
            let bytes = self.lines.get(bytes.clone()).unwrap_or_default();
            into.write_all(bytes).map_err(failed)?;
            due += TICK;
        }
        into.shutdown(Shutdown::Write).map_err(failed)
    }

    fn receive(&self, mut from: &TcpStream, want: Expected, start: Instant) -> Result<Seen> {
        let (mut got, mut chunk) = (Expected::default(), vec![0; CHUNK_BYTES]);
        let end = start + TICK * self.ticks.len() as u32 + GRACE;
        let mut arrivals = Arrivals::new(end)?;
        while got.count < want.count {
            let count = match from.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                read => read.map_err(failed)?,
            };
            if count == 0 {
                let (got, want) = (got.count, want.count);
                return Err(Error(format!("{got} of {want} messages arrived")));
            }
            let now = Instant::now();
            let number = |number| {
                got.add(number);
                let due = TICK * (number / self.per_tick) as u32;
                (start + due, due >= self.warm_up)
            };
            arrivals.take(chunk.get(..count).unwrap_or_default(), now, number)?;
        }
        if got != want {
            return Err(Error("other messages arrived than were to".into()));
        }
        arrivals.seen()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;

    fn lines(count: u64) -> Vec<u8> {
        let line = |n| format!("{{\"id\":\"evt-{n:09}\",\"ok\":{}}}\n", n % 2 == 0);
        (0..count).flat_map(|n| line(n).into_bytes()).collect()
    }

    fn load() -> Load {
        Load::new(lines(200), 10_000, Duration::from_millis(10)).unwrap()
    }

    /// Sends through a thread that passes on the lines that `keep` wants.
    fn through(maps: bool, keep: fn(u64) -> bool) -> Result<Seen> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (into, inside) = (connect(), listener.accept().unwrap().0);
        let (mut outside, from) = (connect(), listener.accept().unwrap().0);
        let relay = std::thread::spawn(move || {
            for line in BufReader::new(inside).split(b'\n') {
                let line = [line.unwrap().as_slice(), b"\n"].concat();
                if keep(number_of(&line).unwrap()) {
                    outside.write_all(&line).unwrap();
                }
            }
        });
        let seen = load().run(&into, &from, maps, Duration::from_secs(60));
        relay.join().unwrap();
        seen
    }

    #[test]
    fn events_are_spread_over_ticks() {
        let load = load();
        assert_eq!((load.count(), load.per_tick, load.ticks.len()), (200, 10, 20));
        assert_eq!(load.ticks.last().unwrap().end, load.lines.len());
        assert_eq!(load.kept, Expected { count: 100, sum: 9900 });
        assert!(Load::new(b"{}\n".to_vec(), 1000, TICK).is_err());
    }

    #[test]
    fn what_arrives_is_complete() {
        let all = through(false, |_| true).unwrap();
        assert!(all.latency_us(0.5) > 0.0 && all.latency_us(0.5) <= all.latency_us(0.999));
        assert!(through(true, |number| number % 2 == 0).is_ok());
        let lost = through(false, |number| number != 7).err().unwrap();
        assert_eq!(lost.0, "199 of 200 messages arrived");
        let others = through(true, |number| number % 2 == 1).err().unwrap();
        assert_eq!(others.0, "other messages arrived than were to");
    }
}
