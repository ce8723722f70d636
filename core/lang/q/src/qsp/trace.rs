//! What a program may see of its own pipeline: traces, the last data, counts of records.

use super::build::{Kind, Node};
use super::run::decodes;
use super::stage::Output;
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::{Class, Run, Verb};
use formats::k::{K, Sym};
use std::collections::BTreeMap;

/// Characters of data and metadata in a line of a trace.
const TEXT_MAX: usize = 200;
/// What is logged of each batch: nothing, how many records, the records as well.
const TRACE_MAX: i64 = 2;
/// Which operators are counted: none, readers and writers, all.
const COUNTING_MAX: i64 = 2;

/// What is watched, and what was seen, by number of the operator.
#[derive(Default)]
pub(crate) struct Watch {
    trace: i64,
    counting: i64,
    data: bool,
    last: BTreeMap<usize, K>,
    counts: BTreeMap<usize, (i64, i64)>,
}

impl Watch {
    /// Whether anything is watched.
    pub(crate) fn on(&self) -> bool {
        self.trace > 0 || self.counting > 0 || self.data
    }

    /// The values that it holds.
    pub(crate) fn values(&self) -> impl Iterator<Item = &K> {
        self.last.values()
    }

    fn count(&mut self, id: usize, taken: usize, given: usize) {
        let (before_in, before_out) = self.counts.entry(id).or_default();
        *before_in += taken as i64;
        *before_out += given as i64;
    }
}

/// Records of a value: a dictionary or an atom is one.
fn records(k: &K) -> usize {
    match k {
        K::Dict(_) if k.keyed().is_none() => 1,
        k => k.len(),
    }
}

/// The reader in front of an operator that runs nothing itself, if this operator is the one that
/// tells of it.
fn reader(cx: &Session, node: &Node, port: usize) -> Option<usize> {
    // The left side of a merge is its second input; a union does not know its sides.
    let input = match (node.inputs.as_slice(), node.op) {
        ([only], _) => *only,
        ([right, left], "merge") => {
            if port == 0 {
                *left
            } else {
                *right
            }
        }
        _ => return None,
    };
    let before = cx.qsp.nodes.get(input)?;
    let silent = before.kind == Kind::Reader && before.op != "read.fromExpr" && !decodes(before);
    let first = cx.qsp.targets(input).min() == Some(node.id);
    (silent && first).then_some(input)
}

/// Takes note of a batch that an operator takes.
pub(super) fn taken(cx: &mut Session, node: &Node, port: usize, metadata: &K, data: &K) {
    let before = reader(cx, node, port);
    let rows = records(data);
    if cx.qsp.watch.counting > 0 {
        if let Some(id) = before {
            cx.qsp.watch.count(id, rows, rows);
        }
        if node.kind != Kind::Reader {
            cx.qsp.watch.count(node.id, rows, 0);
        }
    }
    if let Some(id) = before.filter(|_| cx.qsp.watch.data) {
        cx.qsp.watch.last.insert(id, data.clone());
    }
    match cx.qsp.watch.trace {
        0 => {}
        1 => cx.print(&format!("trace: {} takes {rows} records\n", node.name)),
        _ => {
            let (metadata, data) = (short(metadata), short(data));
            cx.print(&format!("trace: {} takes {rows} records {metadata} {data}\n", node.name));
        }
    }
}

/// Takes note of what an operator hands on.
pub(super) fn given(cx: &mut Session, node: &Node, pieces: &[(K, K)]) {
    let rows: usize = pieces.iter().map(|(_, k)| records(k)).sum();
    if cx.qsp.watch.counting > 0 && !pieces.is_empty() {
        let taken = if node.kind == Kind::Reader { rows } else { 0 };
        cx.qsp.watch.count(node.id, taken, rows);
    }
    if let Some((_, data)) = pieces.last().filter(|_| cx.qsp.watch.data) {
        cx.qsp.watch.last.insert(node.id, data.clone());
    }
    if cx.qsp.watch.trace > 0 && !pieces.is_empty() {
        let count = pieces.len();
        cx.print(&format!("trace: {} hands on {rows} records in {count}\n", node.name));
    }
}

/// Takes note of what an operator hands on of its own accord.
pub(super) fn given_since(cx: &mut Session, node: &Node, out: &Output, from: usize) {
    if cx.qsp.watch.on() {
        given(cx, node, out.get(from..).unwrap_or_default());
    }
}

fn short(k: &K) -> String {
    let text = crate::display::text(k);
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A level from nothing to a greatest one; without an argument the greatest.
fn level(x: &K, name: &str, most: i64) -> Result<i64> {
    let level = if matches!(x, K::Null) { Some(most) } else { x.as_long() };
    let level = level.filter(|l| (0..=most).contains(l));
    level.ok_or_else(|| QError::new(format!("{name}: from 0 to {most}")))
}

fn set_trace(cx: &mut Session, x: K) -> Result {
    cx.qsp.watch.trace = level(&x, "setTrace", TRACE_MAX)?;
    Ok(K::Null)
}

fn clear_trace(cx: &mut Session, _: K) -> Result {
    cx.qsp.watch.trace = 0;
    Ok(K::Null)
}

fn enable_data(cx: &mut Session, _: K) -> Result {
    cx.qsp.watch.data = true;
    Ok(K::Null)
}

fn disable_data(cx: &mut Session, _: K) -> Result {
    cx.qsp.watch.data = false;
    Ok(K::Null)
}

fn reset_data(cx: &mut Session, _: K) -> Result {
    cx.qsp.watch.last.clear();
    Ok(K::Null)
}

/// The name of older versions.
fn clear_data(cx: &mut Session, x: K) -> Result {
    cx.warn(".qsp.clearDataTrace is now called .qsp.resetDataTrace");
    reset_data(cx, x)
}

fn name(cx: &Session, id: usize) -> Sym {
    Sym::new(cx.qsp.nodes.get(id).map_or("", |n| n.name.as_str()))
}

/// The last data of each operator, by name.
fn get_data(cx: &mut Session, _: K) -> Result {
    let last = &cx.qsp.watch.last;
    let names = last.keys().map(|id| name(cx, *id)).collect();
    Ok(K::dict(K::syms(names), K::list(last.values().cloned().collect())))
}

fn set_counting(cx: &mut Session, x: K) -> Result {
    cx.qsp.watch.counting = level(&x, "setRecordCounting", COUNTING_MAX)?;
    Ok(K::Null)
}

fn reset_counts(cx: &mut Session, _: K) -> Result {
    cx.qsp.watch.counts.clear();
    Ok(K::Null)
}

/// How many records each operator took and handed on.
fn get_counts(cx: &mut Session, _: K) -> Result {
    let all = cx.qsp.watch.counting > 1;
    let (mut names, mut taken, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for (id, (came, left)) in &cx.qsp.watch.counts {
        let kind = cx.qsp.nodes.get(*id).map(|n| n.kind);
        if all || kind != Some(Kind::Operator) {
            names.push(name(cx, *id));
            taken.push(*came);
            given.push(*left);
        }
    }
    let keys = K::table(vec![Sym::new("operator")], vec![K::syms(names)])?;
    let titles = vec![Sym::new("taken"), Sym::new("given")];
    Ok(K::dict(keys, K::table(titles, vec![K::longs(taken), K::longs(given)])?))
}

/// The empty table of a table that the spec has: there are no assemblies.
fn get_schema(cx: &mut Session, x: K) -> Result {
    let name = match (x.as_sym(), x.as_text()) {
        (Some(name), _) => name,
        (_, Some(text)) => Sym::new(&String::from_utf8_lossy(text)),
        _ => return Err(type_error()),
    };
    let value = cx.globals.get(&name).cloned();
    match value {
        Some(k @ K::Table(_)) => Ok(k.slice(0, 0)),
        Some(k) if k.keyed().is_some() => Ok(k.slice(0, 0)),
        _ => Err(QError::new(format!("getSchema: there is no table {name}"))),
    }
}

/// The partitions of readers that this worker has, by name: workers share them evenly.
fn partitions(cx: &Session) -> Vec<(Sym, K)> {
    let readers = cx.qsp.nodes.iter().filter(|n| n.kind == Kind::Reader);
    let with = readers.filter_map(|n| {
        let own = n.option("partitions").filter(|k| !k.is_empty())?;
        let own = if own.is_atom() { own.clone().enlist() } else { own.clone() };
        let (worker, of) = cx.host.worker();
        let mine = (worker..own.len()).step_by(of.max(1)).map(|at| at as i64);
        Some((Sym::new(&n.name), own.gather(&mine.collect::<Vec<_>>())))
    });
    with.collect()
}

/// The operator that is meant, or all.
fn chosen(cx: &Session, x: &K) -> Result<Option<Sym>> {
    match x {
        K::Null => Ok(None),
        x => super::state::operator(cx, x).map(|id| Some(name(cx, id))),
    }
}

fn get_partitions(cx: &mut Session, x: K) -> Result {
    let all = partitions(cx);
    if let Some(one) = chosen(cx, &x)? {
        let found = all.into_iter().find(|(name, _)| *name == one);
        return Ok(found.map_or_else(|| K::list(Vec::new()), |(_, own)| own));
    }
    let (names, values) = all.into_iter().unzip();
    Ok(K::dict(K::syms(names), K::list(values)))
}

fn get_partition_count(cx: &mut Session, x: K) -> Result {
    let one = chosen(cx, &x)?;
    let all = partitions(cx).into_iter().filter(|(name, _)| one.is_none_or(|o| o == *name));
    Ok(K::long(all.map(|(_, own)| own.len() as i64).sum()))
}

const fn function(name: &'static str, run: crate::verbs::Monad, summary: &'static str) -> Verb {
    Verb { name, infix: false, class: Class::Other, run: Run::Monad(run), summary, example: "" }
}

pub(super) const VERBS: &[Verb] = &[
    function(".qsp.setTrace", set_trace, "Logs the batches of all operators."),
    function(".qsp.clearTrace", clear_trace, "Logs them no more."),
    function(".qsp.enableDataTracing", enable_data, "Remembers the last data of operators."),
    function(".qsp.disableDataTracing", disable_data, "Remembers them no more."),
    function(".qsp.resetDataTrace", reset_data, "Forgets the last data."),
    function(".qsp.clearDataTrace", clear_data, "Forgets the last data."),
    function(".qsp.getDataTrace", get_data, "The last data of operators by name."),
    function(".qsp.setRecordCounting", set_counting, "Counts records of operators."),
    function(".qsp.resetRecordCounts", reset_counts, "Begins the counts anew."),
    function(".qsp.getRecordCounts", get_counts, "Records that operators took and gave."),
    function(".qsp.getSchema", get_schema, "The empty table of a name."),
    function(".qsp.getPartitions", get_partitions, "Partitions of readers."),
    function(".qsp.getPartitionCount", get_partition_count, "How many partitions there are."),
];

#[cfg(test)]
mod tests {
    use crate::qsp::load;
    use crate::qsp::testing::Line;

    fn line() -> Line {
        Line::new(
            ".qsp.map[{x+1}; .qsp.use ``name!``add] .qsp.filter[{x>2}; .qsp.use ``name!``big]",
        )
    }

    fn asked(line: &mut Line, text: &str) -> String {
        let value = line.cx.eval(text, "asked").unwrap();
        crate::display::text(&value)
    }

    #[test]
    fn records_are_counted_from_when_it_is_asked() {
        let mut line = line();
        line.give("1 2 3");
        assert_eq!(asked(&mut line, "count .qsp.getRecordCounts[]"), "0");
        asked(&mut line, ".qsp.setRecordCounting[2]");
        line.give("1 2 3");
        line.give("0 0");
        let operators = "(0!.qsp.getRecordCounts[]) where (exec operator from \
            .qsp.getRecordCounts[]) in `add`big";
        assert_eq!(asked(&mut line, operators), "+`operator`taken`given!(`big`add;5 5;2 5)");
        asked(&mut line, ".qsp.setRecordCounting[1]");
        let readers = "exec taken,given from .qsp.getRecordCounts[]";
        assert_eq!(asked(&mut line, readers), "`taken`given!(,5;,5)", "the reader alone");
        asked(&mut line, ".qsp.resetRecordCounts[]");
        assert_eq!(asked(&mut line, "count .qsp.getRecordCounts[]"), "0");
        assert!(line.cx.eval(".qsp.setRecordCounting[3]", "asked").is_err());
    }

    #[test]
    fn the_last_data_of_operators_can_be_seen() {
        let mut line = line();
        asked(&mut line, ".qsp.enableDataTracing[]");
        line.give("1 2");
        line.give("3 4");
        assert_eq!(asked(&mut line, ".qsp.getDataTrace[]`add`big"), "(4 5;4 5)");
        assert_eq!(asked(&mut line, "count .qsp.getDataTrace[]"), "3", "with the reader");
        asked(&mut line, ".qsp.disableDataTracing[]");
        line.give("7 8");
        assert_eq!(asked(&mut line, ".qsp.getDataTrace[]`add"), "4 5");
        asked(&mut line, ".qsp.resetDataTrace[]");
        assert_eq!(asked(&mut line, "count .qsp.getDataTrace[]"), "0");
    }

    #[test]
    fn traces_are_lines_of_the_log() {
        let mut line = line();
        asked(&mut line, ".qsp.setTrace[1]");
        line.give("1 2");
        let text = line.cx.take_console();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..2],
            ["trace: add takes 2 records", "trace: add hands on 2 records in 1"]
        );
        asked(&mut line, ".qsp.setTrace[2]");
        line.give("til 1000");
        let longest = line.cx.take_console().lines().map(str::len).max();
        assert!(longest.is_some_and(|l| (200..300).contains(&l)), "{longest:?}");
        asked(&mut line, ".qsp.clearTrace[]");
        line.give("1 2");
        assert_eq!(line.cx.take_console(), "");
    }

    #[test]
    fn schemas_are_those_of_tables_of_the_spec() {
        let mut line = line();
        asked(&mut line, "trade:([]sym:`a`b;size:1 2)");
        assert_eq!(asked(&mut line, ".qsp.getSchema[`trade]"), "+`sym`size!(`symbol$();`long$())");
        assert_eq!(asked(&mut line, ".qsp.getSchema[\"trade\"]~.qsp.getSchema`trade"), "1b");
        let error = line.cx.eval(".qsp.getSchema[`quote]", "asked").unwrap_err();
        assert_eq!(error.text, "getSchema: there is no table quote");
    }

    #[test]
    fn a_worker_has_all_partitions() {
        let mut line = line();
        assert_eq!(asked(&mut line, ".qsp.getPartitionCount[]"), "0");
        asked(&mut line, "r:.qsp.read.fromCallback[`q; .qsp.use `name`partitions!(`r;`a`b`c)]");
        assert_eq!(asked(&mut line, ".qsp.getPartitions[]"), "(,`r)!,`a`b`c");
        assert_eq!(asked(&mut line, ".qsp.getPartitions[`r]"), "`a`b`c");
        assert_eq!(asked(&mut line, ".qsp.getPartitionCount[`r]"), "3");
        assert_eq!(asked(&mut line, ".qsp.getPartitions[`add]"), "()");
        assert!(line.cx.eval(".qsp.getPartitions[`none]", "asked").is_err());
    }

    /// The second of two workers.
    struct Second;

    impl crate::session::Host for Second {
        fn now(&mut self) -> i64 {
            0
        }
        fn random(&mut self) -> u64 {
            4
        }
        fn worker(&self) -> (usize, usize) {
            (1, 2)
        }
    }

    #[test]
    fn workers_share_the_partitions() {
        let mut line = line();
        asked(&mut line, "r:.qsp.read.fromCallback[`q; .qsp.use `name`partitions!(`r;`a`b`c`d`e)]");
        asked(&mut line, "s:.qsp.read.fromCallback[`o; .qsp.use `name`partitions!(`s;7)]");
        assert_eq!(asked(&mut line, ".qsp.getPartitions[`s]"), ",7");
        line.cx.host = Box::new(Second);
        assert_eq!(asked(&mut line, ".qsp.getPartitions[`r]"), "`b`d");
        assert_eq!(asked(&mut line, ".qsp.getPartitions[`s]"), "`long$()");
        assert_eq!(asked(&mut line, ".qsp.getPartitionCount[]"), "2");
    }

    #[test]
    fn the_old_name_is_taken_with_a_warning() {
        let spec =
            ".qsp.clearDataTrace[]\n.qsp.run .qsp.read.fromExpr[\"1\"] .qsp.write.toConsole[]";
        let warnings = load(spec).unwrap().warnings;
        assert_eq!(warnings, [".qsp.clearDataTrace is now called .qsp.resetDataTrace"]);
    }
}
