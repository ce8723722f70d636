//! Running a mapping over records, by the fast path where it can.

use bumpalo::Bump;
use formats::json::{self, Edits, RawKind, RawWriter, Reader, Splicer};
use formats::value::Value;
use plan::{Body, Meta, Records};

use super::body::Statements;
use super::build::{Results, Template};
use super::call::Record;
use super::compile::{Plan, Shape, Step, Target};
use super::item::{Item, Tools};
use super::open;
use super::sink::{Fields, Sink};
use crate::cases;
use crate::exec::{Ctx, Doc, Exec, MetaOut, Root};
use crate::fields;
use crate::mapping::{Mapped, Mapping};
use crate::program::Statement;
use crate::val::Val;

/// What became of a record.
pub(crate) enum Done {
    /// Its new content was appended to the block.
    Written(Option<Meta>),
    /// Its content stays.
    Unchanged(Option<Meta>),
    /// It is filtered.
    Deleted,
    /// The general evaluator ran.
    General(Mapped),
}

/// A mapping with what it remembers from record to record.
pub(crate) struct Mapper {
    mapping: Mapping,
    plan: Option<Plan>,
    reader: Reader,
    kit: Kit,
}

/// Buffers that are reused for every record.
#[derive(Default)]
pub(super) struct Kit {
    pub(super) bump: Bump,
    pub(super) edits: Edits,
    results: Results,
    pub(super) writer: RawWriter,
    /// Records that were opened.
    opened: u32,
    /// Whether they are, whatever their shapes.
    opens: bool,
}

impl Kit {
    /// Forgets the record before.
    pub(super) fn clear(&mut self) {
        if self.bump.allocated_bytes() > BUMP_BYTES_KEPT {
            self.bump = Bump::new();
        }
        self.bump.reset();
        self.edits.clear();
    }
}

/// Records in a row with a shape of their own after which they are opened instead of being read as
/// they stand.
const NEW_SHAPES_MAX: u32 = 16;
/// Of so many opened records one is read as it stands, to see whether shapes come back.
const OPENED_RUN: u32 = 256;

/// Bytes of computed values that are kept allocated between records.
const BUMP_BYTES_KEPT: usize = 1 << 20;

/// Bytes of computed values and results of one record. What needs more is for the general
/// evaluator, which counts them.
pub(super) const BYTES_MAX: usize = 64 << 20;

/// Bytes of a block after which records get contents of their own: positions are 32 bits.
pub(super) const BLOCK_BYTES_MAX: usize = 1 << 30;

impl Mapper {
    pub(crate) fn new(mapping: Mapping) -> Self {
        let mut paths = mapping.program.paths.clone();
        let plan = Plan::of(&mapping.program, &mut paths);
        Mapper { mapping, plan, reader: Reader::new(paths), kit: Kit::default() }
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Maps one message. A content that is made on the fast path is appended to `out`.
    pub(crate) fn map(&mut self, records: &Records, index: usize, out: &mut Vec<u8>) -> Done {
        let body = records.recs.get(index).map(|record| &record.body);
        let full = out.len() > BLOCK_BYTES_MAX;
        if full || matches!(body, None | Some(Body::Doc(_))) {
            return Done::General(self.mapping.map(records, index));
        }
        let before = out.len();
        if let Some(plan) = &mut self.plan {
            self.kit.clear();
            let turn = Turn { mapping: &self.mapping, records, index };
            match turn.run(plan, &mut self.reader, &mut self.kit, out) {
                Some(done) => return done,
                None => out.truncate(before),
            }
        }
        Done::General(self.general(records, index))
    }

    /// Opens the next record as a whole, as if many before had shapes of their own.
    #[cfg(test)]
    pub(super) fn open_next(&mut self) {
        self.kit.opens = true;
    }

    /// The general evaluator, which reads fields where they stand.
    fn general(&mut self, records: &Records, index: usize) -> Mapped {
        self.mapping.map_with(records, index, fields::read(&mut self.reader, records, index))
    }
}

/// What the statements of a record work on.
pub(super) struct State<'s, 'b, 'x> {
    pub(super) record: &'s mut Record<'b>,
    /// The general evaluator's state, where a statement needs it.
    pub(super) ex: Option<&'s mut Exec<'x>>,
    pub(super) sink: Sink<'s>,
    /// Whether the whole payload was written.
    pub(super) whole: bool,
}

/// One message.
pub(super) struct Turn<'m> {
    pub(super) mapping: &'m Mapping,
    pub(super) records: &'m Records,
    pub(super) index: usize,
}

impl<'m> Turn<'m> {
    fn run(
        &self,
        plan: &mut Plan,
        reader: &mut Reader,
        kit: &mut Kit,
        out: &mut Vec<u8>,
    ) -> Option<Done> {
        let mut none = Vec::new();
        let content = self.records.bytes(self.index, &mut none);
        if let Some(upper) = plan.case {
            payload_case(upper, content, out);
            return Some(Done::Written(None));
        }
        let opens = plan.opens(reader, kit);
        let Plan { shape, steps, direct, .. } = plan;
        let Kit { bump, edits, results, writer, .. } = kit;
        let (doc, root) = match plan.reads {
            true if opens => (None, Some(open::whole(reader, content, bump)?)),
            true => (Some(reader.read(content).ok()?), None),
            false => (None, None),
        };
        results.clear(shape.slots());
        let meta = self.records.recs.get(self.index).and_then(|record| record.meta.as_deref());
        let mut record = Record::new(Tools::new(bump, doc), content, root, plan.vars, meta);
        if let Shape::Built(body) = shape {
            return built(body, &mut record, writer, out);
        }
        let mut ex = plan.general.then(|| self.exec(doc));
        let mut state = State {
            record: &mut record,
            ex: ex.as_mut(),
            sink: Sink { fields: Fields::of(shape, edits, results), bytes: 0, writer, any: false },
            whole: false,
        };
        state.sink.leave_out(plan.deleted, doc.as_ref())?;
        let is_whole = matches!(shape, Shape::Whole);
        if self.steps(steps, is_whole, direct.is_some(), &mut state, out)? {
            return Some(Done::Deleted);
        }
        let State { sink: Sink { any, .. }, whole, .. } = state;
        let written = match (shape, direct) {
            (Shape::Whole, _) => whole,
            (Shape::Fields(template), Some(fields)) => {
                fields_of(template, fields, steps, &mut record, writer, out)?
            }
            (Shape::Fields(template), None) if any => {
                template.write_results(results, out).map(|()| true)?
            }
            (Shape::Copy(splicer), _) => {
                copy(splicer, &doc?, any.then_some(edits), writer, out)?;
                true
            }
            _ => false,
        };
        let meta = record.meta.or_else(|| written_meta(ex?.meta));
        Some(if written { Done::Written(meta) } else { Done::Unchanged(meta) })
    }

    /// Runs the statements, without those of fields where they come later; whether one filters the
    /// record.
    pub(super) fn steps<'b>(
        &'b self,
        steps: &'b [Step],
        is_whole: bool,
        direct: bool,
        state: &mut State<'_, 'b, '_>,
        out: &mut Vec<u8>,
    ) -> Option<bool> {
        for (step, statement) in steps.iter().zip(&self.mapping.program.statements) {
            let later = direct && matches!(step.target, Target::Field(_));
            if !later && self.step(step, statement, is_whole, state, out)? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Runs one statement; whether it filters the record.
    fn step<'b>(
        &self,
        step: &'b Step,
        statement: &'b Statement,
        is_whole: bool,
        state: &mut State<'_, 'b, '_>,
        out: &mut Vec<u8>,
    ) -> Option<bool> {
        let State { record, ex, sink, whole } = state;
        match step.target {
            Target::Start => {}
            Target::Var(slot) => variable(step, statement, slot, record, ex.as_deref_mut())?,
            Target::Meta => match (&step.quick, ex) {
                (_, Some(ex)) => statement.run(&mut Ctx::new(ex)).ok()?,
                (Some(quick), None) => {
                    let item = quick.eval(record);
                    record.set_meta(statement.meta_key()?, item.as_ref()?)?;
                }
                (None, None) => return None,
            },
            Target::Field(slot) => match &step.quick {
                Some(quick) => {
                    let item = quick.eval(record);
                    sink.item(slot, item.as_ref()?, record.tools.doc.as_ref())?;
                }
                None => sink.val(slot, query(statement, ex.as_deref_mut())?)?,
            },
            Target::Root => {
                let val = match &step.quick {
                    Some(quick) => Either::Item(quick.eval(record)?),
                    None => Either::Val(query(statement, ex.as_deref_mut())?),
                };
                match val {
                    Either::Item(Item::Deleted) | Either::Val(Val::Deleted) => return Some(true),
                    Either::Item(Item::Nothing) | Either::Val(Val::Nothing) => {}
                    val if is_whole => {
                        *whole = true;
                        payload(val, out, record.tools.doc.as_ref(), sink.writer)?;
                    }
                    _ => return None,
                }
            }
        }
        Some(false)
    }

    /// The general evaluator's state, for what needs it.
    fn exec<'d>(&'d self, doc: Option<json::Doc<'d>>) -> Exec<'d> {
        let mut ex = Exec::new(self.records, self.index, self.mapping.services());
        ex.doc = doc.map_or(Doc::Unread, Doc::Raw);
        ex.root = Root::Is(Val::Nothing);
        self.mapping.program.begin(&mut ex);
        ex
    }
}

impl Plan {
    /// Whether the next record is opened as a whole.
    fn opens(&self, reader: &Reader, kit: &mut Kit) -> bool {
        let own_shapes = reader.new_shapes() >= NEW_SHAPES_MAX;
        if matches!(self.shape, Shape::Copy(_)) || !own_shapes && !kit.opens {
            return false;
        }
        kit.opened = kit.opened.wrapping_add(1);
        !kit.opened.is_multiple_of(OPENED_RUN)
    }
}

fn written_meta(meta: MetaOut) -> Option<Meta> {
    match meta {
        MetaOut::Own(meta) => Some(meta),
        _ => None,
    }
}

/// Appends a copy of the record with edits, if there are any.
pub(super) fn copy(
    splicer: &mut Splicer,
    doc: &json::Doc<'_>,
    edits: Option<&mut Edits>,
    writer: &mut RawWriter,
    out: &mut Vec<u8>,
) -> Option<()> {
    match (doc.kind_of_root(), edits) {
        (RawKind::Object, Some(edits)) => splicer.splice(doc, edits, out).ok()?,
        (RawKind::Object | RawKind::Array, None) => writer.write_document(doc, out),
        _ => return None,
    }
    Some(())
}

/// Appends an object of fields that are evaluated in the order of their keys; whether any was
/// assigned.
fn fields_of<'b>(
    template: &Template,
    fields: &[usize],
    steps: &'b [Step],
    record: &mut Record<'b>,
    writer: &mut RawWriter,
    out: &mut Vec<u8>,
) -> Option<bool> {
    let (start, mut any) = (out.len(), false);
    template.write(out, |slot, out| {
        let quick = steps.get(*fields.get(slot)?)?.quick.as_ref()?;
        let item = quick.eval(record);
        let item = item.as_ref()?;
        any |= !matches!(item, Item::Nothing);
        if matches!(item, Item::Nothing | Item::Deleted) {
            return Some(false);
        }
        item.write(out, record.tools.doc.as_ref(), writer)?;
        (out.len() - start <= BYTES_MAX).then_some(true)
    })?;
    if !any {
        out.truncate(start);
    }
    Some(any)
}

/// Runs statements that build the root, and appends it.
fn built<'b>(
    body: &'b Statements,
    record: &mut Record<'b>,
    writer: &mut RawWriter,
    out: &mut Vec<u8>,
) -> Option<Done> {
    match body.run(record)? {
        Item::Deleted => return Some(Done::Deleted),
        Item::Nothing => return Some(Done::Unchanged(record.meta.take())),
        item => payload(Either::Item(item), out, record.tools.doc.as_ref(), writer)?,
    }
    Some(Done::Written(record.meta.take()))
}

/// Appends a whole payload in upper or lower case.
fn payload_case(upper: bool, content: &[u8], out: &mut Vec<u8>) {
    if !content.is_ascii() {
        let changed = if upper { cases::uppercase(content) } else { cases::lowercase(content) };
        out.extend_from_slice(&changed);
        return;
    }
    let start = out.len();
    out.extend_from_slice(content);
    let copy = out.get_mut(start..).unwrap_or_default();
    if upper { copy.make_ascii_uppercase() } else { copy.make_ascii_lowercase() }
}

enum Either<'b> {
    Item(Item<'b>),
    Val(Val),
}

/// Evaluates the query of a statement by the general evaluator.
fn query(statement: &Statement, ex: Option<&mut Exec<'_>>) -> Option<Val> {
    let mut cx = Ctx::new(ex?);
    statement.query()?.eval(&mut cx).ok()
}

/// Sets a variable for both evaluators.
fn variable<'b>(
    step: &'b Step,
    statement: &Statement,
    slot: usize,
    record: &mut Record<'b>,
    ex: Option<&mut Exec<'_>>,
) -> Option<()> {
    let Some(quick) = &step.quick else {
        let mut cx = Ctx::new(ex?);
        return statement.run(&mut cx).ok();
    };
    let item = quick.eval(record)?;
    let local = record.locals.get_mut(slot)?;
    match item {
        Item::Nothing => return Some(()),
        Item::Deleted => *local = None,
        item => *local = Some(item),
    }
    if let Some(var) = ex.and_then(|ex| ex.vars.as_mut()).and_then(|vars| vars.get_mut(slot)) {
        *var = match *local {
            Some(item) => Some(item.to_val()?),
            None => None,
        };
    }
    Some(())
}

/// Appends a whole payload.
fn payload<'b>(
    val: Either<'b>,
    out: &mut Vec<u8>,
    doc: Option<&json::Doc<'b>>,
    writer: &mut RawWriter,
) -> Option<()> {
    match val {
        Either::Item(Item::Str(text) | Item::Bytes(text)) => out.extend_from_slice(text),
        Either::Item(item) => item.write(out, doc, writer)?,
        Either::Val(val) => match val.into_value() {
            Some(Value::String(text)) => out.extend_from_slice(text.as_bytes()),
            Some(Value::Bytes(bytes)) => out.extend_from_slice(&bytes),
            Some(value) => json::write_value(out, &value).ok()?,
            None => return None,
        },
    }
    Some(())
}
