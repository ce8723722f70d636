//! Metrics of the process itself, read from what the system tells of it.

use std::fmt::Write;
use std::fs;

/// The metrics under the names that Prometheus's own clients give them. What the system does not
/// tell is left out.
pub(super) fn metrics() -> String {
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let usage = Usage::of(&stat, clock_ticks(), page_bytes());
    let help = "Processor time that the process has used, in seconds.";
    add("process_cpu_seconds_total", "counter", help, usage.as_ref().map(|u| u.cpu_s));
    let help = "Files that the process has open.";
    let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
    add("process_open_fds", "gauge", help, open);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let help = "Files that the process may have open.";
    add("process_max_fds", "gauge", help, limit.map(|n| n as f64));
    let help = "Memory of the process that is in use, in bytes.";
    add("process_resident_memory_bytes", "gauge", help, usage.as_ref().map(|u| u.resident));
    let help = "Addresses of the process that are in use, in bytes.";
    add("process_virtual_memory_bytes", "gauge", help, usage.as_ref().map(|u| u.addresses));
    let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
    let start = usage.as_ref().zip(boot).map(|(usage, boot): (_, f64)| boot + usage.start_s);
    let help = "When the process was started, in seconds since 1970.";
    add("process_start_time_seconds", "gauge", help, start);
    let help = "Threads of the process.";
    add("process_threads", "gauge", help, usage.as_ref().map(|u| u.threads));
    text
}

fn clock_ticks() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

fn page_bytes() -> f64 {
    rustix::param::page_size() as f64
}

/// What one line of the system says.
struct Usage {
    cpu_s: f64,
    threads: f64,
    /// After the start of the machine.
    start_s: f64,
    addresses: f64,
    resident: f64,
}

impl Usage {
    /// Reads the line; the name in it may hold anything, so what counts begins behind its end.
    fn of(line: &str, ticks: f64, page: f64) -> Option<Self> {
        let (_, rest) = line.rsplit_once(") ")?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        // The first word here is the third field of proc(5).
        let number = |field: usize| words.get(field - 3)?.parse::<f64>().ok();
        Some(Usage {
            cpu_s: (number(14)? + number(15)?) / ticks,
            threads: number(20)?,
            start_s: number(22)? / ticks,
            addresses: number(23)?,
            resident: number(24)? * page,
        })
    }
}

/// The threads of the process: name, state, and where in the system each of them is.
pub(super) fn threads() -> String {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let status = read("status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim).unwrap_or_default().to_owned()
        };
        let place = match read("wchan").trim() {
            "" | "0" => "running".to_owned(),
            place => format!("waits in {place}"),
        };
        let id = entry.file_name().to_string_lossy().parse::<u64>().unwrap_or_default();
        found.push((id, format!("{} [{}]: {place}", field("Name:"), field("State:"))));
    }
    found.sort();
    found.into_iter().map(|(id, text)| format!("thread {id} {text}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_system_is_read_behind_the_name() {
        let line = "7 (a) b) (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 1000 8192 3 0";
        let usage = Usage::of(line, 100.0, 4096.0).unwrap();
        assert_eq!((usage.cpu_s, usage.threads, usage.start_s), (3.0, 9.0, 10.0));
        assert_eq!((usage.addresses, usage.resident), (8192.0, 12288.0));
        assert!(Usage::of("", 100.0, 4096.0).is_none());
        assert!(Usage::of("7 (a) S 1", 100.0, 4096.0).is_none());
    }

    #[test]
    fn this_process_is_measured() {
        let text = metrics();
        for name in ["cpu_seconds_total", "open_fds", "resident_memory_bytes", "threads"] {
            let line = text.lines().find(|l| l.starts_with(&format!("process_{name} ")));
            let value: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
            assert!(value >= 0.0, "{line:?}");
        }
        assert!(threads().lines().all(|line| line.starts_with("thread ")), "{}", threads());
    }
}
