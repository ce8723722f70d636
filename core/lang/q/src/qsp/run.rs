//! What runs the operators of a pipeline: a stage for each operator.

use super::build::Node;
use super::merge::Merge;
use super::stage::{Output, Stage, Whole};
use super::{accumulate, apply, codec, files, filter, key_by, map, parallel, pieces, process};
use super::{reduce, rolling, split, sql, stats, string, trace, transform, variable, window};
use crate::error::{QError, Result};
use crate::memory::coming;
use crate::session::Session;
use formats::k::K;

/// The operator that a node stands for, ready to run.
fn stage(node: &Node) -> Option<Box<dyn Stage>> {
    Some(match node.op {
        "map" => Box::new(map::Map::new(node)),
        "filter" => Box::new(filter::Filter::new(node)),
        "apply" => Box::new(apply::Apply),
        "accumulate" => Box::new(accumulate::Accumulate::default()),
        "reduce" => Box::new(reduce::Reduce),
        "keyBy" => Box::new(key_by::KeyBy),
        "parallel" => Box::new(parallel::Parallel),
        "read.fromFile" => Box::new(files::FromFile::new(node)),
        "read.fromHTTP" | "read.fromMQTT" => Box::new(files::Texts),
        "rolling" => Box::new(Whole(rolling::Rolling::default())),
        "split" | "union" => Box::new(split::Pass),
        "decode.json" => Box::new(codec::DecodeJson),
        "encode.json" => Box::new(codec::EncodeJson),
        "decode.arrow" => Box::new(codec::DecodeArrow),
        "encode.arrow" => Box::new(codec::EncodeArrow),
        "decode.gzip" => Box::new(codec::DecodeGzip::default()),
        "decode.protobuf" => Box::new(codec::DecodeProtobuf::default()),
        "encode.protobuf" => Box::new(codec::EncodeProtobuf::default()),
        "decode.csv" => Box::new(Whole(codec::DecodeCsv::default())),
        "encode.csv" => Box::new(codec::EncodeCsv::default()),
        "sql" => Box::new(sql::Sql::default()),
        "stats.describe" => Box::new(stats::Describe::default()),
        "stats.ema" => Box::new(Whole(stats::Ema::default())),
        "stats.sma" => Box::new(Whole(stats::Sma::default())),
        "stats.twa" => Box::new(Whole(stats::Twa::default())),
        "string.toLowercase" => Box::new(string::Cased("lower")),
        "string.toUppercase" => Box::new(string::Cased("upper")),
        "transform.fill" => Box::new(Whole(transform::Fill::default())),
        "transform.renameColumns" => Box::new(transform::RenameColumns),
        "transform.replaceInfinity" => Box::new(Whole(transform::ReplaceInfinity::default())),
        "transform.replaceNull" => Box::new(Whole(transform::ReplaceNull::default())),
        "transform.schema" => Box::new(transform::Schema),
        "transform.timeSplit" => Box::new(transform::TimeSplit),
        "window.count" => Box::new(window::Count::default()),
        "window.global" => Box::new(window::Global::default()),
        "window.tumbling" | "window.sliding" => Box::new(window::Time::default()),
        "write.toProcess" => Box::new(process::Calls::new(node)),
        "write.toStream" => Box::new(process::Plain),
        "write.toDatabase" => Box::new(process::Tables),
        "write.toVariable" => Box::new(variable::Variable::default()),
        "window.timer" => Box::new(window::Timer::default()),
        _ => return None,
    })
}

/// One operator that runs in a session.
pub(crate) struct Runner {
    pub(crate) node: Node,
    work: Work,
}

enum Work {
    /// Data in, data out.
    Stage(Box<dyn Stage>),
    /// Two streams in, one out.
    Merge(Merge),
    /// The expression of a reader.
    Evaluate,
    /// What a console shows.
    Console,
}

/// Whether a reader makes values of what its source gives. One that gives blocks of lines, or
/// values, does not.
pub(crate) fn decodes(node: &Node) -> bool {
    match node.op {
        "read.fromFile" => {
            let reading = files::Reading::of(node);
            reading.is_ok_and(|reading| reading.binary || reading.chunk.is_none())
        }
        "read.fromHTTP" | "read.fromMQTT" => true,
        _ => false,
    }
}

impl Runner {
    /// The operator of a node.
    ///
    /// # Errors
    /// A node that does not run here.
    pub(crate) fn new(node: Node) -> Result<Self> {
        let work = match node.op {
            "read.fromExpr" => Work::Evaluate,
            "write.toConsole" => Work::Console,
            "merge" => Work::Merge(Merge::default()),
            op => Work::Stage(stage(&node).ok_or_else(|| QError::nyi(&format!(".qsp.{op}")))?),
        };
        Ok(Self { node, work })
    }

    /// Whether it takes windows in pieces.
    pub(crate) fn takes_pieces(&self) -> bool {
        matches!(&self.work, Work::Stage(stage) if stage.takes_pieces())
    }

    /// What comes behind it takes windows in pieces, and nobody else sees them.
    pub(crate) fn give_pieces(&mut self) {
        if let Work::Stage(stage) = &mut self.work {
            stage.give_pieces();
        }
    }

    /// Takes data at its only port, see [`Runner::batch_at`].
    #[cfg(test)]
    pub(crate) fn batch(
        &mut self,
        cx: &mut Session,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<Option<Vec<u8>>> {
        self.batch_at(cx, 0, metadata, data, out)
    }

    /// Takes data at a port, and appends what becomes of it; also gives the text for people of an
    /// operator that makes such.
    ///
    /// # Errors
    /// What the user's function signals. What was made before stays in `out`.
    pub(crate) fn batch_at(
        &mut self,
        cx: &mut Session,
        port: usize,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<Option<Vec<u8>>> {
        cx.begin();
        let given = coming([&metadata, &data]);
        if !cx.qsp.watch.on() {
            return cx.bounded(given, |cx| self.work(cx, port, metadata, data, out));
        }
        let data = cx.bounded(given, |cx| pieces::whole(cx, data))?;
        trace::taken(cx, &self.node, port, &metadata, &data);
        let from = out.len();
        let done = cx.bounded(given, |cx| self.work(cx, port, metadata, data, out));
        trace::given(cx, &self.node, out.get(from..).unwrap_or_default());
        done
    }

    /// Takes values that came together, see [`Stage::values`].
    pub(crate) fn values(&mut self, cx: &mut Session, values: &[K]) -> usize {
        cx.begin();
        match &mut self.work {
            Work::Stage(stage) if !cx.qsp.watch.on() => stage.values(cx, &self.node, values),
            _ => 0,
        }
    }

    fn work(
        &mut self,
        cx: &mut Session,
        port: usize,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<Option<Vec<u8>>> {
        match &mut self.work {
            Work::Stage(stage) => stage.batch(cx, &self.node, metadata, data, out)?,
            Work::Merge(merge) => merge.side(cx, &self.node, port, metadata, data, out)?,
            Work::Evaluate => {
                let expr = self.node.option("expr").cloned().unwrap_or_default();
                let value = match expr.as_text() {
                    Some(text) => cx.eval(&String::from_utf8_lossy(text), &self.node.name)?,
                    None => cx.apply(&expr, &[K::Null])?,
                };
                out.push((metadata, value));
            }
            Work::Console => {
                return super::console::render(cx, &self.node, &data).map(Some);
            }
        }
        Ok(None)
    }

    /// Hands out what is held back.
    ///
    /// # Errors
    /// What the user's function signals. What was handed out before stays in `out`.
    pub(crate) fn finish(&mut self, cx: &mut Session, out: &mut Output) -> Result<()> {
        cx.begin();
        let from = out.len();
        let done = cx.bounded(0, |cx| match &mut self.work {
            Work::Stage(stage) => stage.finish(cx, &self.node, out),
            _ => Ok(()),
        });
        trace::given_since(cx, &self.node, out, from);
        done
    }

    /// Nanoseconds since 1970 at which [`Runner::tick`] is due.
    pub(crate) fn due(&self) -> Option<i64> {
        match &self.work {
            Work::Stage(stage) => stage.due(),
            _ => None,
        }
    }

    /// The time has come.
    ///
    /// # Errors
    /// What the user's function signals. What was handed out before stays in `out`.
    pub(crate) fn tick(&mut self, cx: &mut Session, now: i64, out: &mut Output) -> Result<()> {
        cx.begin();
        let from = out.len();
        let done = cx.bounded(0, |cx| match &mut self.work {
            Work::Stage(stage) => stage.tick(cx, &self.node, now, out),
            _ => Ok(()),
        });
        trace::given_since(cx, &self.node, out, from);
        done
    }

    /// What it remembers between two batches, where that is anything.
    pub(crate) fn state(&self) -> Option<K> {
        match &self.work {
            Work::Stage(stage) => stage.state(),
            Work::Merge(merge) => Some(merge.state()),
            Work::Evaluate | Work::Console => None,
        }
    }

    /// What it holds between two batches: values, and bytes besides.
    pub(crate) fn held(&self) -> (Vec<K>, usize) {
        match &self.work {
            Work::Stage(stage) => stage.held(),
            Work::Merge(merge) => (vec![merge.state()], 0),
            Work::Evaluate | Work::Console => (Vec::new(), 0),
        }
    }

    /// Goes on from what [`Runner::state`] gave.
    ///
    /// # Errors
    /// It is no state of this operator.
    pub(crate) fn resume(&mut self, state: K) -> Result<()> {
        match &mut self.work {
            Work::Stage(stage) => stage.resume(state),
            Work::Merge(merge) => merge.resume(&state),
            Work::Evaluate | Work::Console => Err(super::kept::foreign()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{Kind, load};
    use super::*;
    use crate::session::Options;

    /// Runs a spec with one reader in a line, without an engine: what the console shows.
    fn run(spec: &str, inputs: &[&str]) -> String {
        let pipeline = load(spec).unwrap();
        let mut cx = Session::new(Options::default());
        cx.load_script(spec).unwrap();
        let operators = pipeline.nodes.iter().filter(|n| n.kind != Kind::Reader);
        let mut runners: Vec<Runner> = operators.map(|n| Runner::new(n.clone()).unwrap()).collect();
        let mut shown = Vec::new();
        for input in inputs {
            let value = cx.eval(input, "input").unwrap();
            let mut data = vec![(K::Null, value)];
            for runner in &mut runners {
                let mut next = Vec::new();
                for (metadata, value) in data {
                    let text = runner.batch(&mut cx, metadata, value, &mut next).unwrap();
                    shown.extend(text.unwrap_or_default());
                }
                data = next;
            }
        }
        let text = String::from_utf8(shown).unwrap();
        let cut = |l: &str| l.split_once("| ").map_or("", |(_, rest)| rest).trim_end().to_owned();
        text.lines().map(cut).collect::<Vec<_>>().join("\n")
    }

    const HEAD: &str = ".qsp.run\n  .qsp.read.fromCallback[`publish]\n  ";

    #[test]
    fn windows_of_event_time() {
        let spec = format!(
            "{HEAD}.qsp.window.sliding[1;3;`t]\n  .qsp.map[{{exec v from x}}]\n  \
             .qsp.write.toConsole[]"
        );
        let inputs = ["([]t:0 1 2;v:10 11 12)", "([]t:enlist 3;v:enlist 13)", "([]t:1 5;v:99 15)"];
        // The late record is in the one window of its time that is still to come.
        assert_eq!(run(&spec, &inputs), ",10\n10 11\n10 11 12\n11 12 13 99\n12 13");
    }

    #[test]
    fn a_batch_that_fails_half_way_leaves_no_traces() {
        for (operator, bad, good) in [
            // The second column is missing, and the first was filled already.
            (".qsp.transform.fill[`a`b!0 0;`down]", "([]a:7 8)", "([]a:0N 1;b:1 1)"),
            (".qsp.transform.replaceInfinity[`a`b]", "([]a:7 8.)", "([]a:-3 0w;b:1 1.)"),
            (".qsp.transform.replaceNull[`a`b]", "([]a:7 8.)", "([]a:0n 1 1;b:1 1 1.)"),
        ] {
            let spec = format!("{HEAD}{operator} .qsp.write.toVariable[`v]");
            let node = load(&spec).unwrap().nodes[1].clone();
            let mut cx = Session::new(Options::default());
            let (bad, good) = (cx.eval(bad, "bad").unwrap(), cx.eval(good, "good").unwrap());
            let mut both = Runner::new(node.clone()).unwrap();
            let mut alone = Runner::new(node).unwrap();
            let (mut out, mut want) = (Output::new(), Output::new());
            assert!(both.batch(&mut cx, K::Null, bad, &mut out).is_err(), "{operator}");
            both.batch(&mut cx, K::Null, good.clone(), &mut out).unwrap();
            alone.batch(&mut cx, K::Null, good, &mut want).unwrap();
            assert_eq!(out, want, "{operator}");
        }
    }

    #[test]
    fn states_by_key() {
        let spec = format!(
            "{HEAD}.qsp.map[{{[op;md;x] k:enlist[`key]!enlist first x; \
             .qsp.set[op;k;.qsp.get[op;k],x]}}; .qsp.use ``name!(::;`m)]\n  \
             .qsp.write.toConsole[]"
        );
        assert!(load(&spec).is_ok());
    }

    #[test]
    fn one_input_each_and_no_circles() {
        let twice =
            "m:.qsp.map[{x}]\na:.qsp.read.fromCallback[`a] m\nb:.qsp.read.fromCallback[`b] m";
        assert!(load(twice).unwrap_err().text.contains("has an input already"));
        assert!(load(".qsp.map[{x}]").unwrap_err().text.contains(".qsp.run"));
        assert!(load(".qsp.run .qsp.map[{x}] .qsp.write.toConsole[]").is_err());
    }

    #[test]
    fn what_is_missing_names_itself() {
        let error = load(".qsp.run .qsp.read.fromKafka[`t] .qsp.write.toConsole[]").unwrap_err();
        assert_eq!(error.text, "nyi: .qsp.read.fromKafka");
    }
}
