//! The options that operators take by name (spec/kdb-qsp.md §2, §6 to §12).
//!
//! Here is everything that is documented, and no operator takes anything else: an option that
//! would be ignored is an error when the spec is loaded.

use super::build::Def;
use crate::error::{QError, Result};
use crate::session::Session;
use formats::k::K;

/// What all operators take: the name, and the value that `.qsp.get` gives before `.qsp.set`.
const COMMON: &[&str] = &["name", "state"];

/// What an operator takes besides its positional arguments and what all operators take.
struct Known {
    op: &'static str,
    /// Options that do what is documented.
    built: &'static [&'static str],
    /// Options that are documented and not there.
    absent: &'static [&'static str],
    /// Options of older versions that do what they did, and what there is now.
    older: &'static [(&'static str, &'static str)],
    /// Options of older versions that say what is always so.
    needless: &'static [&'static str],
    /// Options that make no difference here.
    moot: &'static [&'static str],
}

impl Known {
    const fn new(op: &'static str, built: &'static [&'static str]) -> Self {
        Self { op, built, absent: &[], older: &[], needless: &[], moot: &[] }
    }

    const fn absent(self, absent: &'static [&'static str]) -> Self {
        Self { absent, ..self }
    }

    const fn older(self, older: &'static [(&'static str, &'static str)]) -> Self {
        Self { older, ..self }
    }

    const fn moot(self, moot: &'static [&'static str]) -> Self {
        Self { moot, ..self }
    }

    const fn needless(self, needless: &'static [&'static str]) -> Self {
        Self { needless, ..self }
    }
}

/// What windows of event time take.
const TIMED: &[&str] = &[
    "lateness",
    "passthrough",
    "sort",
    "countTrigger",
    "timeAssigner",
    "skipEmptyWindows",
    "acceptDictionaries",
    "mixedSchemas",
];

/// The operators. One that is not here takes whatever it is given.
const KNOWN: &[Known] = &[
    Known::new("accumulate", &[]),
    Known::new("apply", &["onFinish", "params"]),
    Known::new("decode.arrow", &["asList"]),
    Known::new("decode.csv", &["exclude"]),
    Known::new("decode.gzip", &[]),
    Known::new("decode.json", &["decodeEach"]),
    // There are no files of definitions: a program reaches none.
    Known::new("decode.protobuf", &["asList", "format"]).absent(&["file"]),
    Known::new("encode.arrow", &["matchCols", "payloadType", "schema"]),
    Known::new("encode.csv", &[]),
    Known::new("encode.json", &["split"]),
    Known::new("encode.protobuf", &["format", "payloadType"]).absent(&["file"]),
    Known::new("filter", &["dropEmptyBatches", "params"]).moot(&["allowPartials"]),
    Known::new("keyBy", &[]),
    Known::new("map", &["params"]).moot(&["allowPartials"]),
    Known::new("merge", &["concat", "flush", "params", "trigger"]),
    Known::new("parallel", &["merge", "params"]),
    Known::new("read.fromCallback", &["key", "partitions", "replay"]),
    Known::new("read.fromExpr", &["trigger"]),
    Known::new("read.fromFile", &["chunking", "chunkSize", "mode", "offset", "trigger", "watch"])
        .absent(&["pollInterval"]),
    Known::new(
        "read.fromHTTP",
        &[
            "binary",
            "body",
            "followRedirects",
            "header",
            "insecure",
            "maxRetryAttempts",
            "rejectErrors",
            "tenacity",
            "timeout",
            "trigger",
        ],
    )
    .absent(&["maxRedirects", "onResponse", "tenant"])
    .moot(&["sync"]),
    Known::new("read.fromMQTT", &["clientName", "host", "password", "qos", "username"]),
    Known::new("read.fromStream", &["prefix"]),
    Known::new("reduce", &[]),
    Known::new("rolling", &[]),
    Known::new("split", &[]),
    Known::new("sql", &[]),
    Known::new("stats.describe", &[]),
    Known::new("stats.ema", &[]),
    Known::new("stats.sma", &[]),
    Known::new("stats.twa", &[]),
    Known::new("string.toLowercase", &[]),
    Known::new("string.toUppercase", &[]),
    Known::new("transform.fill", &[]),
    Known::new("transform.renameColumns", &[]),
    Known::new("transform.replaceInfinity", &["newCol"]),
    Known::new("transform.replaceNull", &["bufferSize", "newCol"]),
    Known::new("transform.schema", &["inputType", "parse"]),
    Known::new("transform.timeSplit", &[]),
    Known::new("union", &[]),
    Known::new("window.count", &["acceptDictionaries"]),
    Known::new("window.global", &["acceptDictionaries", "mixedSchemas", "params"]),
    // Windows always begin at multiples of the period.
    Known::new("window.sliding", TIMED).needless(&["snap"]),
    Known::new(
        "window.timer",
        &["acceptDictionaries", "countTrigger", "mixedSchemas", "skipEmptyWindows"],
    )
    .older(&[("batchSize", "countTrigger")]),
    Known::new("window.tumbling", TIMED).needless(&["snap"]),
    Known::new("write.toConsole", &["qlog", "split", "timestamp"]),
    Known::new("write.toDatabase", &["overwrite", "partition"])
        .absent(&["target"])
        .moot(&["directWrite"]),
    Known::new(
        "write.toProcess",
        &["mode", "queueLength", "queueSize", "spread", "sync", "target"],
    )
    .absent(&["params"]),
    Known::new("write.toStream", &["deduplicate", "prefix"]),
    Known::new("write.toVariable", &["mode"]),
];

/// The options that an operator was given.
///
/// # Errors
/// An option that the operator does not take, or that is not there.
pub(super) fn checked(
    cx: &mut Session,
    def: &Def,
    given: Vec<(String, K)>,
) -> Result<Vec<(String, K)>> {
    let Some(known) = KNOWN.iter().find(|k| k.op == def.name) else { return Ok(given) };
    let op = def.name;
    let mut out: Vec<(String, K)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        let is = |list: &[&str]| list.contains(&name.as_str());
        if is(known.needless) {
            cx.warn(&format!("option {name} of .qsp.{op} means nothing here"));
            continue;
        }
        if let Some((_, now)) = known.older.iter().find(|(old, _)| *old == name) {
            cx.warn(&format!(
                "option {name} of .qsp.{op} is of older versions: now there is {now}"
            ));
            out.push((name, value));
            continue;
        }
        if is(known.absent) {
            return Err(QError::nyi(&format!("option {name} of .qsp.{op}")));
        }
        if !is(known.built) && !is(known.moot) && !is(COMMON) && !is(def.params) {
            return Err(QError::new(format!("unknown option of .qsp.{op}: {name}")));
        }
        out.push((name, value));
    }
    Ok(out)
}

#[cfg(test)]
mod listed;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::qsp::load;

    fn spec(operator: &str) -> String {
        format!(".qsp.run .qsp.read.fromCallback[`p] {operator} .qsp.write.toVariable[`v]")
    }

    #[test]
    fn an_option_that_an_operator_does_not_take_is_refused_by_name() {
        for (operator, text) in [
            (".qsp.map[{x}; .qsp.use ``foo!(::;1)]", "unknown option of .qsp.map: foo"),
            (".qsp.split[.qsp.use ``flush!(::;`both)]", "unknown option of .qsp.split: flush"),
            (
                ".qsp.window.tumbling[10; `t; .qsp.use ``latenes!(::;1)]",
                "unknown option of .qsp.window.tumbling: latenes",
            ),
        ] {
            assert_eq!(load(&spec(operator)).unwrap_err().text, text);
        }
        let writer = ".qsp.run .qsp.read.fromExpr[\"1\"] .qsp.write.toConsole[.qsp.use ``pre!``a]";
        assert_eq!(load(writer).unwrap_err().text, "unknown option of .qsp.write.toConsole: pre");
    }

    #[test]
    fn positional_arguments_and_common_options_have_names_too() {
        let operator = ".qsp.window.tumbling[.qsp.use (!) . flip \
            ((`period;00:00:01);(`timeColumn;`t);(`name;`w);(`state;0))]";
        let pipeline = load(&spec(operator)).unwrap();
        assert_eq!(pipeline.nodes[1].name, "w");
        assert!(pipeline.warnings.is_empty());
    }

    #[test]
    fn options_of_older_versions_are_taken_with_a_warning() {
        let pipeline = load(&spec(".qsp.window.timer[10; .qsp.use ``batchSize!(::;3)]")).unwrap();
        assert_eq!(pipeline.nodes[1].number("batchSize", 0), Ok(3));
        let text =
            "option batchSize of .qsp.window.timer is of older versions: now there is countTrigger";
        assert_eq!(pipeline.warnings, [text]);
        let snap = ".qsp.window.sliding[5; 10; .qsp.use `timeAssigner`snap!({x};1b)]";
        let pipeline = load(&spec(snap)).unwrap();
        assert!(pipeline.nodes[1].option("snap").is_none());
        assert_eq!(pipeline.warnings, ["option snap of .qsp.window.sliding means nothing here"]);
    }

    #[test]
    fn all_names_are_of_operators_that_there_are_and_sorted() {
        let names: Vec<&str> = KNOWN.iter().map(|k| k.op).collect();
        assert!(names.is_sorted(), "{names:?}");
        for name in names {
            assert!(crate::verbs::find(&format!(".qsp.{name}")).is_some(), "{name}");
        }
    }
}
