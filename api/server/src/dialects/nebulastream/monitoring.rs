//! Metrics of the local node, read from the kernel when they are asked for (spec/nes-rest.md §6).
//! The reads are short and happen on the thread of the front end.

use nes::catalog::ROOT;
use plan::Json;
use serde_json::{Map, json};

use super::routes::{NebulaStream, unknown};
use super::state::now_ms;
use super::types::error;
use crate::exchange::{Reply, Request};

/// Logical streams that a monitoring run consists of.
const STREAMS: [&str; 4] = ["wrapped_cpu", "wrapped_network", "memory", "disk"];

const CPU: [&str; 10] =
    ["USER", "NICE", "SYSTEM", "IDLE", "IOWAIT", "IRQ", "SOFTIRQ", "STEAL", "GUEST", "GUESTNICE"];
const RECEIVED: [&str; 8] = [
    "R_BYTES",
    "R_PACKETS",
    "R_ERRS",
    "R_DROP",
    "R_FIFO",
    "R_FRAME",
    "R_COMPRESSED",
    "R_MULTICAST",
];
const SENT: [&str; 8] =
    ["T_BYTES", "T_PACKETS", "T_ERRS", "T_DROP", "T_FIFO", "T_COLLS", "T_CARRIER", "T_COMPRESSED"];

impl NebulaStream {
    pub(super) fn monitoring(&self, rest: &[&str], request: &Request) -> Result<Reply, Reply> {
        match rest {
            ["metrics"] => match request.param("nodeId") {
                Some(id) => self.node_metrics(&id),
                None => Ok(self.all_metrics()),
            },
            ["metrics", id] => self.node_metrics(id),
            ["start"] => self.start_monitoring(),
            ["stop"] => {
                self.enabled()?;
                self.store.lock().monitoring = false;
                Ok(Reply::json(200, &Json::Bool(true)))
            }
            ["streams"] => {
                self.enabled()?;
                let on = self.store.lock().monitoring;
                Ok(Reply::json(200, &if on { streams() } else { json!([]) }))
            }
            ["storage"] => {
                self.enabled()?;
                let value = json!([{"timestamp": now_ms(), "value": registration()}]);
                Ok(Reply::json(200, &json!({ROOT.to_string(): {"RegistrationMetric": value}})))
            }
            _ => Err(unknown()),
        }
    }

    fn node_metrics(&self, id: &str) -> Result<Reply, Reply> {
        let Ok(number) = id.parse::<u64>() else {
            return Err(Reply::text(400, format!("The provided node ID {id} is not valid.")));
        };
        if self.store.lock().topology.node(number).is_none() {
            return Err(error(400, format!("The node with ID {id} does not exist.")));
        }
        let found = self.store.lock().remote.metrics.get(&number).cloned();
        Ok(Reply::json(200, &found.unwrap_or_else(metrics)))
    }

    /// The metrics of all nodes, those of workers as they told them last.
    fn all_metrics(&self) -> Reply {
        let mut all = Map::new();
        all.insert(ROOT.to_string(), metrics());
        let state = self.store.lock();
        let others = state.remote.metrics.iter().map(|(id, of)| (id.to_string(), of.clone()));
        all.extend(others);
        drop(state);
        Reply::json(200, &Json::Object(all))
    }

    fn enabled(&self) -> Result<(), Reply> {
        if self.config.enable_monitoring {
            return Ok(());
        }
        // The spelling is theirs, and clients compare it.
        Err(error(500, "Error: Monitoring ist not enabled."))
    }

    fn start_monitoring(&self) -> Result<Reply, Reply> {
        self.enabled()?;
        self.store.lock().monitoring = true;
        Ok(Reply::json(200, &streams()))
    }
}

fn streams() -> Json {
    let one = |(id, name): (u64, &&str)| json!({"logical_stream": name, "query_ID": id});
    Json::Array((1..).zip(&STREAMS).map(one).collect())
}

fn read(path: &str) -> String {
    // A platform without the file has no values to show.
    std::fs::read_to_string(path).unwrap_or_default()
}

/// What this machine is doing.
pub(super) fn metrics() -> Json {
    json!({
        "wrapped_cpu": cpu(&read("/proc/stat")),
        "disk": disk(),
        "memory": memory(),
        "wrapped_network": network(&read("/proc/net/dev")),
    })
}

/// Jiffies by core, and of all.
fn cpu(stat: &str) -> Json {
    let mut cores = Map::new();
    for line in stat.lines() {
        let mut words = line.split_whitespace();
        let Some(rest) = words.next().and_then(|word| word.strip_prefix("cpu")) else { continue };
        let (name, number) = match rest.parse::<u64>() {
            Ok(core) => (format!("CORE_{}", core + 1), core + 1),
            Err(_) => ("TOTAL".to_owned(), 0),
        };
        let mut values = Map::new();
        values.insert("CORE_NUM".to_owned(), number.into());
        for key in CPU {
            let value = words.next().and_then(|w| w.parse::<u64>().ok()).unwrap_or(0);
            values.insert(key.to_owned(), value.into());
        }
        cores.insert(name, Json::Object(values));
    }
    Json::Object(cores)
}

fn disk() -> Json {
    let Ok(fs) = rustix::fs::statvfs("/") else {
        return json!({"F_BSIZE": 0, "F_FRSIZE": 0, "F_BLOCKS": 0, "F_BFREE": 0, "F_BAVAIL": 0});
    };
    json!({
        "F_BSIZE": fs.f_bsize,
        "F_FRSIZE": fs.f_frsize,
        "F_BLOCKS": fs.f_blocks,
        "F_BFREE": fs.f_bfree,
        "F_BAVAIL": fs.f_bavail,
    })
}

fn memory() -> Json {
    let info = rustix::system::sysinfo();
    json!({
        "TOTAL_RAM": info.totalram,
        "TOTAL_SWAP": info.totalswap,
        "FREE_RAM": info.freeram,
        "SHARED_RAM": info.sharedram,
        "BUFFER_RAM": info.bufferram,
        "FREE_SWAP": info.freeswap,
        "TOTAL_HIGH": info.totalhigh,
        "FREE_HIGH": info.freehigh,
        "PROCS": info.procs,
        "MEM_UNIT": info.mem_unit,
        "LOADS_1MIN": info.loads[0],
        "LOADS_5MIN": info.loads[1],
        "LOADS_15MIN": info.loads[2],
    })
}

/// Counters of each interface, in the order of the kernel.
fn network(dev: &str) -> Json {
    let interface = |line: &str| {
        let (_, counters) = line.split_once(':')?;
        let mut words = counters.split_whitespace();
        let mut values = Map::new();
        for key in RECEIVED.iter().chain(&SENT) {
            values.insert((*key).to_owned(), words.next()?.parse::<u64>().ok()?.into());
        }
        Some(Json::Object(values))
    };
    Json::Array(dev.lines().filter_map(interface).collect())
}

fn registration() -> Json {
    let info = rustix::system::sysinfo();
    let stat = cpu(&read("/proc/stat"));
    let cores = stat.as_object().map_or(0, |cores| cores.len().saturating_sub(1));
    let total: u64 = CPU.iter().filter_map(|key| stat["TOTAL"][*key].as_u64()).sum();
    json!({
        "NODE_ID": ROOT,
        "TotalMemory": info.totalram,
        "CpuCoreNum": cores,
        "TotalCPUJiffies": total,
        "CpuPeriodUS": 0,
        "CpuQuotaUS": 0,
        "IsMoving": false,
        "HasBattery": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_read() {
        let stat = "cpu  10 2 3 4 5 6 7 8 9 1\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5\n";
        let cpu = cpu(stat);
        assert_eq!(cpu["TOTAL"]["USER"], 10);
        assert_eq!(cpu["CORE_1"]["CORE_NUM"], 1);
        assert_eq!(cpu["CORE_1"]["GUEST"], 9);
        let dev = "Inter-| Receive\n face |bytes\n  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
        let network = network(dev);
        assert_eq!(network[0]["R_BYTES"], 1);
        assert_eq!(network[0]["T_CARRIER"], 15);
        assert_eq!(network.as_array().unwrap().len(), 1);
    }

    #[test]
    fn this_machine_has_values() {
        let all = metrics();
        assert!(all["memory"]["TOTAL_RAM"].as_u64().unwrap() > 0);
        assert!(all["disk"]["F_BLOCKS"].as_u64().unwrap() > 0);
        assert!(all["wrapped_cpu"]["TOTAL"]["USER"].is_u64());
    }
}
