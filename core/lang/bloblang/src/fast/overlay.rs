//! Result mappings: queries read one message, and their results change the document of another,
//! which is copied as text.

use formats::json::{Paths, Reader};
use plan::Records;

use super::call::Record;
use super::compile::{Plan, Shape};
use super::item::Tools;
use super::run::{Kit, State, Turn, copy};
use super::sink::{Fields, Sink};
use crate::exec::Doc;
use crate::fields;
use crate::mapping::Mapping;

/// A mapping with what it remembers from message to message.
pub(crate) struct Overlay {
    plan: Option<Plan>,
    /// Reads the messages that queries look at.
    reader: Reader,
    /// Reads the documents that are changed.
    target: Reader,
    kit: Kit,
}

impl Overlay {
    pub(crate) fn new(mapping: &Mapping) -> Self {
        let mut paths = mapping.program.paths.clone();
        let plan = Plan::of_overlay(&mapping.program, &mut paths);
        let (reader, target) = (Reader::new(paths), Reader::new(Paths::new()));
        Overlay { plan, reader, target, kit: Kit::default() }
    }

    /// Appends what the document of message `onto` becomes. False where only the general evaluator
    /// can say; it words all errors, too.
    pub(crate) fn run(
        &mut self,
        mapping: &Mapping,
        from: (&Records, usize),
        onto: (&Records, usize),
        out: &mut Vec<u8>,
    ) -> bool {
        self.try_run(mapping, from, onto, out).is_some()
    }

    fn try_run(
        &mut self,
        mapping: &Mapping,
        (records, index): (&Records, usize),
        onto: (&Records, usize),
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let Plan { shape: Shape::Copy(splicer), steps, reads, vars, .. } = self.plan.as_mut()?
        else {
            return None;
        };
        let Doc::Raw(target) = fields::read(&mut self.target, onto.0, onto.1) else { return None };
        let doc = match fields::read(&mut self.reader, records, index) {
            Doc::Raw(doc) => Some(doc),
            _ if *reads => return None,
            _ => None,
        };
        self.kit.clear();
        let Kit { bump, edits, writer, .. } = &mut self.kit;
        let mut none = Vec::new();
        let content = records.bytes(index, &mut none);
        let meta = records.recs.get(index).and_then(|record| record.meta.as_deref());
        let turn = Turn { mapping, records, index };
        let mut record = Record::new(Tools::new(bump, doc), content, None, *vars, meta);
        let sink = Sink { fields: Fields::Edits(edits), bytes: 0, writer, any: false };
        let mut state = State { record: &mut record, ex: None, sink, whole: false };
        if turn.steps(steps, false, false, &mut state, out)? {
            return None;
        }
        let any = state.sink.any;
        copy(splicer, &target, any.then_some(edits), writer, out)
    }
}

#[cfg(test)]
mod tests {
    use plan::{Batch, Code, Expr, Form, Record, Records};

    use super::{Mapping, Overlay};
    use crate::local::Local;
    use crate::mapping::Outcome;

    fn messages(texts: &[&str]) -> Records {
        let own = |text: &&str| Record::own(text.as_bytes().to_vec());
        Records { recs: texts.iter().map(own).collect(), ..Records::default() }
    }

    const MAPPINGS: [&str; 9] = [
        "root.a = this.z",
        "root.b.c = this.z\nroot.b.d = this.nested.x.uppercase()",
        "let v = this.z\nroot.v = [$v, content().length()]",
        "root.a = deleted()",
        "root.new = this.missing",
        "root.a = if this.z == 1 { nothing() }",
        "root.all = this",
        "root.t = json(\"nested.x\")",
        "root.s = content().string()",
    ];
    const TEXTS: [&str; 7] = [
        r#"{"z":1.0,"nested":{"x":"y"}}"#,
        r#"{"nested":{"x":"\u00e9<"},"z":[1,{"b":2,"a":1}]}"#,
        r#"{"b":{"d":1,"c":2},"a":"old","b2":3}"#,
        r#" { "b" : 5 , "a" : null } "#,
        "[1,2]",
        "text",
        "",
    ];

    /// Whatever the fast way makes is what the general evaluator makes.
    #[test]
    fn both_ways_make_the_same() {
        let mut taken = 0;
        let all = messages(&TEXTS);
        for text in MAPPINGS {
            let mapping = Mapping::parse(text, &Local::setup()).unwrap();
            let mut overlay = Overlay::new(&mapping);
            for (from, onto) in (0..TEXTS.len()).flat_map(|f| (0..TEXTS.len()).map(move |o| (f, o)))
            {
                let mut out = Vec::new();
                if !overlay.run(&mapping, (&all, from), (&all, onto), &mut out) {
                    continue;
                }
                taken += 1;
                let general = mapping.overlay(&all, from, &all, onto);
                let mut want = Vec::new();
                match (general.error, general.outcome) {
                    (None, Outcome::Is(value)) => {
                        formats::json::write_value(&mut want, &value).unwrap()
                    }
                    other => panic!("{text} of {from} on {onto}: {other:?}"),
                }
                let texts = [&out, &want].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                assert_eq!(texts[0], texts[1], "{text} of {from} on {onto}");
            }
        }
        assert!(taken > 50, "{taken} took the fast way");
    }

    /// An expression that maps messages and changes others does both as if it did nothing else.
    #[test]
    fn one_expression_is_used_both_ways() {
        let more = [
            // Read by the general evaluator, which looks paths up by their numbers.
            "root.one = this.nested.x\nroot.two = [batch_index(), this.z, this.b, this.a]",
            "let v = [this.b, this.a]\nroot = [$v, this.nested, error(), this.z]",
        ];
        let document = |texts: &[&str]| Batch::records(messages(texts));
        let session = crate::lang::session(Local::setup());
        for text in MAPPINGS.iter().chain(&more) {
            let code = Code { lang: crate::NAME.into(), text: (*text).into(), slot: None };
            let compile = || session.compile(&code, Form::Mapping).unwrap();
            let map = |expr: &mut dyn Expr| {
                let mut out = Vec::new();
                expr.map(document(&TEXTS), &mut out).unwrap();
                let made: Vec<_> = out.iter().map(contents).collect();
                out.into_iter().for_each(Batch::ok);
                made
            };
            let overlay = |expr: &mut dyn Expr| {
                let mut onto = document(&TEXTS);
                let from = document(&TEXTS);
                let at = |target| (target + 1) % TEXTS.len();
                let told: Vec<_> = (0..TEXTS.len())
                    .map(|target| expr.overlay(&from, at(target), &mut onto, target))
                    .map(|done| done.map_err(|fault| fault.text))
                    .collect();
                (told, contents(&onto))
            };
            let (mapped, changed) = (map(&mut *compile()), overlay(&mut *compile()));
            let mut both = compile();
            for _ in 0..2 {
                assert_eq!(map(&mut *both), mapped, "{text}");
                assert_eq!(overlay(&mut *both), changed, "{text}");
            }
        }
    }

    /// What the messages of a batch are, and why they failed.
    fn contents(batch: &Batch) -> Vec<(String, Option<String>)> {
        let records = batch.as_records().unwrap();
        let content = |at: usize| {
            let content = records.bytes(at, &mut Vec::new()).to_vec();
            let fault = records.recs[at].fault.as_ref().map(|fault| fault.text.clone());
            (String::from_utf8_lossy(&content).into_owned(), fault)
        };
        (0..records.recs.len()).map(content).collect()
    }

    #[test]
    fn what_does_more_than_assign_fields_is_left_to_the_general_evaluator() {
        for text in ["root = this", "meta a = 1", "root.a = root.b", "root.n = counter()"] {
            let mapping = Mapping::parse(text, &Local::setup()).unwrap();
            assert!(Overlay::new(&mapping).plan.is_none(), "{text}");
        }
    }
}
