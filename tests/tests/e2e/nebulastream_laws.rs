//! What never changes the results of a query: the number of shards, the cut of its sources into
//! physical ones, disorder within the lateness, and state on disk. Held against a plain evaluation.

use std::collections::BTreeMap;

use tests::program::{Folder, Program, seed};

/// Rounds of random rows; each runs on one, two and three shards.
const ROUNDS: u64 = 6;
/// How far behind the newest row of its source a row may be, milliseconds.
const LATENESS: u64 = 500;
const SCHEMA: &str = "Schema::create()->addField(\"ts\", BasicType::UINT64)\
    ->addField(\"k\", BasicType::INT64)->addField(\"v\", BasicType::INT64)";

/// All state goes to disk.
const NO_MEMORY: &str = "--state-memory=0";
/// Keys of the windows that do not fit in memory.
const KEYS: u64 = 50_000;

/// Time, key and value.
type Row = (u64, i64, i64);

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Rows in the order in which a source gives them: each as late as it may be at most.
    fn rows(&mut self, count: u64) -> Vec<Row> {
        let mut at = 0;
        let row = |_| {
            at += self.below(40);
            // The newest row so far is at most that far ahead.
            let ts = at + LATENESS - self.below(LATENESS + 1);
            (ts, self.below(7) as i64 - 3, self.below(2000) as i64 - 1000)
        };
        (0..count).map(row).collect()
    }
}

/// A query file over sources in several parts, with the path of its result.
fn query(folder: &Folder, sources: &[(&str, &[Vec<Row>])], query: &str) -> (String, String) {
    let mut text = String::new();
    for (name, parts) in sources {
        text += &format!("LOGICAL {name} {SCHEMA};\n");
        for (number, rows) in parts.iter().enumerate() {
            let lines = rows.iter().map(|(ts, k, v)| format!("{ts},{k},{v}\n"));
            let path = folder.write(&format!("{name}{number}.csv"), lines.collect::<String>());
            text += &format!("CSV {name} {path}\n");
        }
    }
    let out = folder.path("out.csv").display().to_string();
    let sink = format!("FileSinkDescriptor::create(\"{out}\", \"CSV_FORMAT\", \"OVERWRITE\")");
    text += &query.replace("SINK", &sink);
    (folder.write("query.nes", text), out)
}

fn results(file: &str, out: &str, options: &[&str]) -> Vec<String> {
    let _ = std::fs::remove_file(out);
    let mut program = Program::start(&[&["run"], options, &[file]].concat());
    let ended = program.wait();
    assert!(ended.is_some_and(|status| status.success()), "{}", program.log());
    let text = std::fs::read_to_string(out).expect("a result");
    let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    rows.sort();
    rows
}

/// Holds the results on up to three shards, on five, where keys have lanes, and with no memory for
/// state, against what they must be.
fn hold(what: &str, (file, out): &(String, String), mut expected: Vec<String>) {
    expected.sort();
    for options in ["--shards=1", "--shards=2", "--shards=3", "--shards=5", NO_MEMORY] {
        let found = results(file, out, &[options]);
        let differs = found.iter().zip(&expected).find(|(found, wanted)| found != wanted);
        let counts = (found.len(), expected.len());
        assert!(
            differs.is_none() && counts.0 == counts.1,
            "{what}, {options}: {counts:?} {differs:?}"
        );
    }
}

fn watermark() -> String {
    format!(
        ".assignWatermark(EventTimeWatermarkStrategyDescriptor::create(Attribute(\"ts\"), \
         Milliseconds({LATENESS}), Milliseconds()))"
    )
}

/// The windows of a size and slide that a time is in.
fn windows(ts: u64, size: u64, slide: u64) -> impl Iterator<Item = u64> {
    (0..=ts / slide).map(move |number| number * slide).filter(move |start| ts - start < size)
}

#[test]
fn windows_do_not_see_shards_or_parts_or_disorder() {
    let seed = seed();
    println!("MAINSTEM_TEST_SEED={seed}");
    let mut numbers = Numbers(seed | 1);
    for round in 0..ROUNDS {
        let folder = Folder::new(&format!("nes-laws-{round}"));
        let parts: Vec<Vec<Row>> =
            (0..=numbers.below(3)).map(|_| numbers.rows(200 + 900 * round)).collect();
        let slide = 1 + numbers.below(900);
        let size = slide * (1 + numbers.below(4));
        let text = format!(
            "Query::from(\"s\"){}.window(SlidingWindow::of(EventTime(Attribute(\"ts\")), \
             Milliseconds({size}), Milliseconds({slide}))).byKey(Attribute(\"k\"))\
             .apply(Sum(Attribute(\"v\")), Count(), Min(Attribute(\"v\")), Max(Attribute(\"v\")))\
             .sink(SINK);",
            watermark()
        );
        let made = query(&folder, &[("s", &parts)], &text);
        let mut cells: BTreeMap<(u64, i64), (i64, u64, i64, i64)> = BTreeMap::new();
        for (ts, k, v) in parts.iter().flatten() {
            for start in windows(*ts, size, slide) {
                let cell = cells.entry((start, *k)).or_insert((0, 0, i64::MAX, i64::MIN));
                *cell = (cell.0 + v, cell.1 + 1, cell.2.min(*v), cell.3.max(*v));
            }
        }
        let line = |((start, k), (sum, n, min, max)): ((u64, i64), (i64, u64, i64, i64))| {
            format!("{start},{},{k},{sum},{n},{min},{max}", start + size)
        };
        hold(&format!("round {round}"), &made, cells.into_iter().map(line).collect());
    }
}

#[test]
fn joins_do_not_see_shards_or_parts_or_disorder() {
    let seed = seed();
    println!("MAINSTEM_TEST_SEED={seed}");
    let mut numbers = Numbers(seed | 1);
    for round in 0..ROUNDS {
        let folder = Folder::new(&format!("nes-join-laws-{round}"));
        let mut parts = || -> Vec<Vec<Row>> {
            (0..=numbers.below(2)).map(|_| numbers.rows(50 + 100 * round)).collect()
        };
        let (left, right) = (parts(), parts());
        let size = 1 + numbers.below(1500);
        let mark = watermark();
        let text = format!(
            "Query::from(\"l\"){mark}.joinWith(Query::from(\"r\"){mark})\
             .where(Attribute(\"k\") == Attribute(\"k\"))\
             .window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Milliseconds({size})))\
             .sink(SINK);"
        );
        let made = query(&folder, &[("l", &left), ("r", &right)], &text);
        let mut expected = Vec::new();
        for (ts, k, v) in left.iter().flatten() {
            let start = ts / size * size;
            let of_window = |row: &&Row| row.0 / size * size == start && row.1 == *k;
            for (other, _, w) in right.iter().flatten().filter(of_window) {
                expected.push(format!("{start},{},{ts},{k},{v},{other},{k},{w}", start + size));
            }
        }
        hold(&format!("round {round}"), &made, expected);
    }
}

#[test]
fn many_keys_go_to_disk_and_come_back() {
    let folder = Folder::new("nes-laws-disk");
    // Two windows with all keys each, every key four times in each.
    let row = |n: u64| (n / KEYS * 250, (n % KEYS) as i64, 1);
    let rows: Vec<Row> = (0..8 * KEYS).map(row).collect();
    let text = format!(
        "Query::from(\"s\"){}.window(TumblingWindow::of(EventTime(Attribute(\"ts\")), \
         Milliseconds(1000))).byKey(Attribute(\"k\")).apply(Sum(Attribute(\"v\"))).sink(SINK);",
        watermark()
    );
    let (file, out) = query(&folder, &[("s", &[rows])], &text);
    let line = |n: u64| format!("{},{},{},4", n / KEYS * 1000, n / KEYS * 1000 + 1000, n % KEYS);
    let mut expected: Vec<String> = (0..2 * KEYS).map(line).collect();
    expected.sort();
    for memory in ["--state-memory=1MiB", "--state-memory=1GiB"] {
        for shards in ["--shards=2", "--shards=4"] {
            let found = results(&file, &out, &[memory, shards]);
            assert!(found == expected, "{memory} {shards}");
        }
    }
    // A place that is none shows which of the two needed one.
    let place = format!("--spill-dir={file}");
    assert!(results(&file, &out, &["--state-memory=1GiB", &place]) == expected);
    let mut program = Program::start(&["run", "--state-memory=1MiB", &place, &file]);
    assert!(program.wait().is_some_and(|status| !status.success()));
    let told = format!("cannot put state to {file}");
    assert!(program.log().contains(&told), "{}", program.log());
}
