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
        for name in ["benthos_default_w2", "benthos_best_w4", "benthos_best_w5"] {
            assert!(super::factor(name).unwrap().unwrap().factor > 0.0, "{name}");
        }
        assert!(super::factor("benthos_default_w5").unwrap().is_none());
    }
}
