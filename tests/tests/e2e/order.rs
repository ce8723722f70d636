//! The order of messages and what counts them, on one shard, on two, and on more than there are
//! cores.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use tests::program::{Folder, Program, binary, http, io_args};

/// Numbers of shards that must not make a difference.
const SHARDS: [&str; 3] = ["1", "2", "4"];
/// Lines of the large file, of [`LINE_BYTES`] each: 100 MB.
const MANY_LINES: usize = 1_000_000;
/// Bytes of one line with its end.
const LINE_BYTES: usize = 100;
/// Lines of the file whose whole output is compared: 20 MB, cut into dozens of blocks.
const LINES: usize = 200_000;

/// A file of numbered lines: `line 0000001 xx...x`.
fn write_lines(folder: &Folder, lines: usize) {
    let mut text = String::with_capacity(lines * LINE_BYTES);
    for number in 1..=lines {
        let _ = writeln!(text, "line {number:07} {}", filler());
    }
    assert_eq!(text.len(), lines * LINE_BYTES);
    folder.write("in.txt", text);
}

fn filler() -> String {
    "x".repeat(LINE_BYTES - "line 0000001 \n".len())
}

/// Runs file to file through mappings to the end, and returns what is in the output.
fn through(folder: &Folder, mappings: &[&str], mut command: Command) -> String {
    let (input, output) = (folder.path("in.txt"), folder.path("out.txt"));
    let (input, output) = (input.display(), output.display());
    let mut config = format!("input:\n  file:\n    paths: [ {input} ]\npipeline:\n  processors:\n");
    for mapping in mappings {
        let _ = writeln!(config, "    - mapping: '{mapping}'");
    }
    let _ = write!(config, "output:\n  file:\n    path: {output}\n    mode: overwrite\n");
    config.push_str("http:\n  enabled: false\n");
    let file = folder.write("config.yaml", config);
    let mut program = Program::with(command.arg(file).args(io_args()));
    let status = program.wait().expect("it ends with its input");
    assert!(status.success(), "{status}:\n{}", program.log());
    folder.read("out.txt")
}

fn on_shards(shards: &str) -> Command {
    let mut command = Command::new(binary());
    command.args(["run", "--shards", shards]);
    command
}

/// Compares, and shows only where the first difference is.
fn compare(found: &str, expected: &str, what: &str) {
    if found == expected {
        return;
    }
    let (got, wanted) = (found.lines().count(), expected.lines().count());
    let mut pairs = found.lines().zip(expected.lines()).enumerate();
    let first = pairs.find(|(_, (a, b))| a != b);
    panic!("{what}: {got} lines for {wanted}; the first that differs: {first:?}");
}

#[test]
fn a_counter_counts_every_line_of_a_large_file_once_and_in_order() {
    let folder = Folder::new("counter");
    write_lines(&folder, MANY_LINES);
    let mut expected = String::new();
    for number in 1..=MANY_LINES {
        let _ = writeln!(expected, "{number}");
    }
    for shards in SHARDS {
        let found = through(&folder, &["root = counter()"], on_shards(shards));
        compare(&found, &expected, shards);
    }
}

#[test]
fn a_counter_between_stateless_mappings_counts_in_the_order_of_the_input() {
    let folder = Folder::new("counter-chain");
    write_lines(&folder, LINES);
    let chain = [
        "root = if content().contains(\"7 \") { deleted() }",
        "root = counter().string() + \" \" + content().string()",
        "root = content().uppercase()",
    ];
    let (mut expected, mut count, filler) = (String::new(), 0, filler().to_uppercase());
    for number in (1..=LINES).filter(|number| number % 10 != 7) {
        count += 1;
        let _ = writeln!(expected, "{count} LINE {number:07} {filler}");
    }
    for shards in SHARDS {
        compare(&through(&folder, &chain, on_shards(shards)), &expected, shards);
    }
}

#[test]
fn stateless_chains_keep_the_order_of_the_input() {
    let folder = Folder::new("order");
    write_lines(&folder, LINES);
    // The second mapping takes much longer for some blocks than for others.
    let chain = [
        "root = content().uppercase()",
        "root = if content().contains(\" 001\") { content().string().split(\"X\").join(\"X\") }",
        "root = if content().contains(\"7 \") { deleted() }",
    ];
    let (mut expected, filler) = (String::new(), filler().to_uppercase());
    for number in (1..=LINES).filter(|number| number % 10 != 7) {
        let _ = writeln!(expected, "LINE {number:07} {filler}");
    }
    for shards in SHARDS {
        compare(&through(&folder, &chain, on_shards(shards)), &expected, shards);
    }
}

#[test]
fn shards_stay_on_the_cores_that_the_process_may_use() {
    let cores = allowed_cores("self");
    assert!(!cores.is_empty(), "the process has cores");
    for core in cores {
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(binary());
        command.args(["serve", "--listen", "benthos=127.0.0.1:0", "--shards", "3"]);
        let program = Program::with(command.args(io_args()));
        let address = program.address("HTTP requests");
        assert_eq!(http(&address, "GET", "/ping", "").text(), "pong");
        let process = program.id().to_string();
        let threads = fs::read_dir(format!("/proc/{process}/task")).expect("is there");
        for thread in threads {
            let id = thread.expect("an entry").file_name().to_string_lossy().into_owned();
            let used = allowed_cores(&format!("{process}/task/{id}"));
            assert!(used.is_empty() || used == [core], "a thread on {used:?} for {core}");
        }
    }
}

/// The cores of a process or thread, which the system shows as `0-1,4`; none when it is gone.
fn allowed_cores(whose: &str) -> Vec<usize> {
    let status = fs::read_to_string(format!("/proc/{whose}/status")).unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let mut cores = Vec::new();
    for part in list.unwrap_or_default().trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.parse::<usize>().expect("a number");
        cores.extend(number(first)..=number(last));
    }
    cores
}
