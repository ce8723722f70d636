//! Statements that build a value: a named map, or a whole mapping that is more than assignments of
//! fields.

use std::sync::Arc;

use super::call::Record;
use super::eval::{Name, Quick, map};
use super::item::{Fast, Item, Member, Tools, is_same};
use crate::node::Seg;

/// Statements with the slots of their variables.
pub(crate) struct Statements {
    vars: std::ops::Range<usize>,
    work: Work,
}

enum Work {
    /// Fields of one level, each assigned once and nothing else: their names and values.
    Fields(Box<[(Name, Quick)]>),
    Statements(Box<[Statement]>),
}

pub(super) enum Statement {
    Let(usize, Quick),
    Meta(Option<Arc<str>>, Quick),
    Assign(Box<[Seg]>, Quick),
    If(Box<[(Quick, Box<[Statement]>)]>, Box<[Statement]>),
}

/// What is built.
enum Built<'b> {
    Item(Item<'b>),
    /// An object whose members are still assigned, sorted by their names.
    Map(bumpalo::collections::Vec<'b, Member<'b>>),
}

/// Room for members that are yet to be assigned.
const SPARE_MEMBERS: usize = 8;

impl Statements {
    pub(super) fn new(vars: std::ops::Range<usize>, statements: Box<[Statement]>) -> Self {
        let work = match fields(&statements) {
            Some(fields) => Work::Fields(fields),
            None => Work::Statements(statements),
        };
        Statements { vars, work }
    }

    /// What the statements build; nothing, where they assign nothing.
    pub(super) fn run<'b>(&'b self, record: &mut Record<'b>) -> Fast<'b> {
        let statements = match &self.work {
            Work::Statements(statements) => statements,
            Work::Fields(fields) => {
                return match map(fields, record)? {
                    // Nothing was assigned, or only deleted.
                    Item::Map([]) => None,
                    object => Some(object),
                };
            }
        };
        record.locals.get_mut(self.vars.clone())?.fill(None);
        let mut built = Built::Item(Item::Nothing);
        run(statements, &mut built, record)?;
        Some(match built {
            Built::Item(item) => item,
            Built::Map(members) => Item::Map(members.into_bump_slice()),
        })
    }
}

/// The fields that statements assign, sorted by name, where they do nothing else.
fn fields(statements: &[Statement]) -> Option<Box<[(Name, Quick)]>> {
    let mut fields: Vec<(&Seg, &Quick)> = Vec::with_capacity(statements.len());
    for statement in statements {
        match statement {
            Statement::Assign(path, query) => match &**path {
                [seg] if fields.iter().all(|(known, _)| *known != seg) => fields.push((seg, query)),
                _ => return None,
            },
            _ => return None,
        }
    }
    fields.sort_by(|a, b| a.0.key.cmp(&b.0.key));
    let field = |(seg, query): (&Seg, &Quick)| (Name::Known(seg.key.clone()), query.clone());
    Some(fields.into_iter().map(field).collect())
}

impl<'b> Built<'b> {
    /// Assigns a value, or with deleted removes one; a path that is not empty leads into an object.
    fn assign(&mut self, tools: &Tools<'b>, path: &'b [Seg], item: &Item<'b>) -> Option<()> {
        let [seg, rest @ ..] = path else {
            *self = Built::Item(*item);
            return Some(());
        };
        let members = self.members(tools)?;
        let name = seg.key.as_bytes();
        let known = members.iter().position(|(known, _)| is_same(known, name));
        match (known, item) {
            (None, Item::Deleted) => {}
            (Some(at), Item::Deleted) if rest.is_empty() => {
                members.remove(at);
            }
            (Some(at), item) => {
                let place = &mut members.get_mut(at)?.1;
                *place = match item {
                    Item::Deleted => without(tools, place, rest)?,
                    item => with(tools, place, rest, item)?,
                };
            }
            (None, item) => {
                let at = members.partition_point(|(known, _)| *known < name);
                members.insert(at, (name, with(tools, &Item::Null, rest, item)?));
            }
        }
        Some(())
    }

    /// The members of the object that is built.
    fn members(
        &mut self,
        tools: &Tools<'b>,
    ) -> Option<&mut bumpalo::collections::Vec<'b, Member<'b>>> {
        if let Built::Item(item) = self {
            let members = match tools.open(item)? {
                Item::Null | Item::Nothing => &[],
                Item::Map(members) => members,
                _ => return None, // arrays and errors
            };
            let room = members.len() + SPARE_MEMBERS;
            let mut copy = bumpalo::collections::Vec::with_capacity_in(room, tools.bump);
            copy.extend_from_slice(members);
            *self = Built::Map(copy);
        }
        match self {
            Built::Map(members) if tools.fits() => Some(members),
            _ => None,
        }
    }
}

fn run<'b>(
    statements: &'b [Statement],
    built: &mut Built<'b>,
    record: &mut Record<'b>,
) -> Option<()> {
    for statement in statements {
        match statement {
            Statement::Let(slot, query) => {
                let item = query.eval(record)?;
                let local = record.locals.get_mut(*slot)?;
                match item {
                    Item::Nothing => {}
                    Item::Deleted => *local = None,
                    item => *local = Some(item),
                }
            }
            Statement::Meta(key, query) => {
                let item = query.eval(record)?;
                record.set_meta(key.as_ref(), &item)?;
            }
            Statement::Assign(path, query) => match &query.eval(record)? {
                Item::Nothing => {}
                item => built.assign(&record.tools, path, item)?,
            },
            Statement::If(cases, otherwise) => {
                let block = chosen(cases, otherwise, record)?;
                run(block, built, record)?;
            }
        }
    }
    Some(())
}

fn chosen<'b>(
    cases: &'b [(Quick, Box<[Statement]>)],
    otherwise: &'b [Statement],
    record: &mut Record<'b>,
) -> Option<&'b [Statement]> {
    for (condition, block) in cases {
        match condition.eval(record)? {
            Item::Bool(true) => return Some(block),
            Item::Bool(false) => {}
            _ => return None,
        }
    }
    Some(otherwise)
}

/// A value with another one at a path.
fn with<'b>(tools: &Tools<'b>, at: &Item<'b>, path: &'b [Seg], item: &Item<'b>) -> Fast<'b> {
    let [seg, rest @ ..] = path else { return Some(*item) };
    let members = match tools.open(at)? {
        Item::Null => &[],
        Item::Map(members) => members,
        _ => return None, // arrays and errors
    };
    let name = seg.key.as_bytes();
    let place = members.binary_search_by(|(known, _)| (*known).cmp(name));
    let inner = place.ok().and_then(|at| members.get(at)).map_or(&Item::Null, |(_, item)| item);
    let new = (name, with(tools, inner, rest, item)?);
    let (before, after) = match place {
        Ok(at) => (members.get(..at), members.get(at + 1..)),
        Err(at) => (members.get(..at), members.get(at..)),
    };
    joined(tools, before?, Some(new), after?)
}

/// A value without what stands at a path that is not empty; what is missing is no error.
pub(crate) fn without<'b>(tools: &Tools<'b>, at: &Item<'b>, path: &[Seg]) -> Fast<'b> {
    let [seg, rest @ ..] = path else { return None };
    let members = match tools.open(at)? {
        Item::Map(members) => members,
        Item::List(_) => return None, // for the general evaluator
        _ => return Some(*at),
    };
    let name = seg.key.as_bytes();
    let Ok(place) = members.binary_search_by(|(known, _)| (*known).cmp(name)) else {
        return Some(Item::Map(members));
    };
    let (before, rest_of) = members.split_at(place);
    let ((name, inner), after) = rest_of.split_first()?;
    let new = match rest.is_empty() {
        true => None,
        false => Some((*name, without(tools, inner, rest)?)),
    };
    joined(tools, before, new, after)
}

fn joined<'b>(
    tools: &Tools<'b>,
    before: &[Member<'b>],
    new: Option<Member<'b>>,
    after: &[Member<'b>],
) -> Fast<'b> {
    let count = before.len() + usize::from(new.is_some()) + after.len();
    let mut members = bumpalo::collections::Vec::with_capacity_in(count, tools.bump);
    members.extend_from_slice(before);
    members.extend(new);
    members.extend_from_slice(after);
    if tools.fits() { Some(Item::Map(members.into_bump_slice())) } else { None }
}
