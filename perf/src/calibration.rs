//! Benthos's CPU time per event as a multiple of jq's on W2, recorded with the real program.

use serde_json::Value;

use crate::error::{Error, Result};

/// The recorded factors.
const RECORDED: &str = include_str!("../calibration.json");

/// A recorded multiple.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor {
    /// CPU per event divided by that of jq 1.6 on W2.
    pub(crate) factor: f64,
    /// Peak memory when it was recorded, in MB.
    pub(crate) peak_mb: f64,
}

/// The factor of a workload such as `benthos_best_w2`, if one was recorded.
///
/// # Errors
/// A damaged file of factors.
pub(crate) fn factor(name: &str) -> Result<Option<Factor>> {
    let entry = &recorded()?["workloads"][name];
    Ok(entry["factor"].as_f64().map(|factor| {
        let peak_mb = entry["peak_mb"].as_f64().unwrap_or(f64::NAN);
        Factor { factor, peak_mb }
    }))
}

/// What is known of streams that wait: W8.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// CPU time for making a stream, divided by that of jq 1.6 for one event of W2.
    pub(crate) create: f64,
    /// The same for listing 500 streams.
    pub(crate) list: f64,
    /// Resident memory of a stream in KiB.
    pub(crate) stream_kib: f64,
}

/// The recorded figures of W8.
///
/// # Errors
/// A damaged file of factors.
pub(crate) fn waiting() -> Result<Waiting> {
    let workloads = &recorded()?["workloads"];
    let number = |name: &str, key: &str| {
        let number = workloads[format!("benthos_w8_{name}")][key].as_f64();
        number.ok_or_else(|| Error(format!("calibration.json: no {key} of w8_{name}")))
    };
    Ok(Waiting {
        create: number("create", "factor")?,
        list: number("list_500", "factor")?,
        stream_kib: number("kb_per_stream", "kb")? * 1000.0 / 1024.0,
    })
}

/// The factor of one of the twelve mappings, if one was recorded.
///
/// # Errors
/// A damaged file of factors.
pub(crate) fn mapping(id: &str) -> Result<Option<f64>> {
    Ok(recorded()?["mappings"][id]["factor"].as_f64())
}

fn recorded() -> Result<Value> {
    serde_json::from_str(RECORDED).map_err(|e| Error(format!("calibration.json: {e}")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_factors_are_there() {
        for name in ["default_w2", "best_w4", "best_w5", "w6_http", "w6_tcp"] {
            let name = &format!("benthos_{name}");
            assert!(super::factor(name).unwrap().unwrap().factor > 0.0, "{name}");
        }
        assert!(super::factor("benthos_default_w5").unwrap().is_none());
        let waiting = super::waiting().unwrap();
        assert!(waiting.create > waiting.list && waiting.stream_kib > 100.0);
    }
}
