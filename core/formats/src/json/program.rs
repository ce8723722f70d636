//! What to copy from a record, in which order, and what to put between: the way from a record of a
//! shape to its canonical form, with or without edits. Worked out once per shape.

use std::borrow::Cow;

use super::canonical::{decoded, write_string_token};
use super::doc::Doc;
use super::edits::{EditTree, Edits, SpliceError, State};
use super::escape::write_string;
use super::shape::{inside, token_text};
use super::tokens::kind;

/// One step of a program. Tokens are those of the record.
enum Op {
    /// The text of the tokens `from..to`.
    Copy {
        from: u32,
        to: u32,
    },
    Comma,
    /// A closing bracket, in place of the comma behind the last member if there is one.
    Close(u8),
    /// A member that edits concern: what they say, or else the tokens `member` (its key and its
    /// value), if there are any. `key` is its key with the colon, in `Program::keys`.
    Edited {
        node: usize,
        key: (u32, u32),
        member: Option<(u32, u32)>,
    },
}

/// See the head of the file.
#[derive(Default)]
pub(super) struct Program {
    ops: Vec<Op>,
    keys: Vec<u8>,
}

impl Program {
    /// The way to the canonical form of one value.
    pub(super) fn of_value(doc: &Doc<'_>, token: u32) -> Program {
        Compiler { doc, tree: None, program: Program::default(), comma: false }.run(token)
    }

    /// The way to the canonical form of the record, which is an object, with edits to the tree.
    pub(super) fn of_edited(doc: &Doc<'_>, tree: &EditTree) -> Program {
        Compiler { doc, tree: Some(tree), program: Program::default(), comma: false }.run(0)
    }

    /// Writes the canonical form where there are no edits.
    pub(super) fn write(&self, doc: &Doc<'_>, out: &mut Vec<u8>) {
        for op in &self.ops {
            write_plain(doc, op, out);
        }
    }

    /// Writes the canonical form with `edits` to the tree.
    #[inline]
    pub(super) fn write_edited(
        &self,
        doc: &Doc<'_>,
        tree: &EditTree,
        edits: &Edits,
        out: &mut Vec<u8>,
    ) -> Result<(), SpliceError> {
        for op in &self.ops {
            if let Op::Edited { node, key, member } = op {
                let key = self.keys.get(key.0 as usize..key.1 as usize).unwrap_or(&[]);
                match tree.node(*node).edit.map(|slot| edits.state(slot)) {
                    Some(State::Replace(bytes)) => {
                        out.extend_from_slice(key);
                        out.extend_from_slice(bytes);
                        out.push(b',');
                    }
                    Some(State::Delete) => {}
                    _ => write_parent(doc, tree, *node, *member, edits, out)?,
                }
            } else {
                write_plain(doc, op, out);
            }
        }
        Ok(())
    }
}

#[inline]
fn write_plain(doc: &Doc<'_>, op: &Op, out: &mut Vec<u8>) {
    match op {
        Op::Copy { from, to } => copy_tokens(doc, *from, *to, out),
        Op::Comma => out.push(b','),
        Op::Close(bracket) => close(out, *bracket),
        Op::Edited { .. } => {}
    }
}

fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last @ b',') => *last = bracket,
        _ => out.push(bracket),
    }
}

/// Writes a member, with a comma behind it, that either stays or has edits below it although it is
/// no object yet.
#[cold]
fn write_parent(
    doc: &Doc<'_>,
    tree: &EditTree,
    node: usize,
    member: Option<(u32, u32)>,
    edits: &Edits,
    out: &mut Vec<u8>,
) -> Result<(), SpliceError> {
    if let Some(slot) = tree.first(node, edits, |state| matches!(state, State::Replace(_))) {
        // A member that is missing or null becomes an object, anything else is in the way.
        let in_the_way = |(_, value)| token_text(doc.text, doc.tokens, value) != b"null";
        if member.is_some_and(in_the_way) {
            return Err(SpliceError::NotAnObject { slot });
        }
        write_new(tree, node, edits, out);
        return Ok(());
    }
    if let Some((key, value)) = member {
        let deleted = tree.first(node, edits, |state| matches!(state, State::Delete));
        if let Some(slot) = deleted
            && doc.shape.kind(value) == kind::ARRAY
        {
            return Err(SpliceError::NotAnObject { slot });
        }
        copy_tokens(doc, key, value, out);
        doc.write_value(&doc.value(value), out);
        out.push(b',');
    }
    Ok(())
}

/// Writes a member that only edits make, with a comma behind it. The depth of paths is limited.
fn write_new(tree: &EditTree, at: usize, edits: &Edits, out: &mut Vec<u8>) {
    let node = tree.node(at);
    if let Some(State::Replace(bytes)) = node.edit.map(|slot| edits.state(slot)) {
        write_key(out, &node.key);
        out.extend_from_slice(bytes);
        out.push(b',');
    } else if tree.first(at, edits, |state| matches!(state, State::Replace(_))).is_some() {
        write_key(out, &node.key);
        out.push(b'{');
        for &child in &node.children {
            write_new(tree, child, edits, out);
        }
        close(out, b'}');
        out.push(b',');
    }
}

fn write_key(out: &mut Vec<u8>, key: &[u8]) {
    write_string(out, key, false);
    out.push(b':');
}

/// Copies are done in pieces of this many bytes where the text and the room allow.
const PIECE: usize = 32;
/// The same near the end of the text.
const SMALL_PIECE: usize = 8;

/// Appends the text of the tokens `from..to`.
#[inline]
fn copy_tokens(doc: &Doc<'_>, from: u32, to: u32, out: &mut Vec<u8>) {
    if !doc.clean {
        copy_unclean(doc, from, to, out);
        return;
    }
    copy_range(doc.text, doc.tokens.start(from), doc.tokens.start(to), out);
}

/// Appends `text[start..end]`.
#[inline]
fn copy_range(text: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    if start < end && end + PIECE <= text.len() {
        copy_pieces::<PIECE>(text, start, end, out);
    } else if start < end && end + SMALL_PIECE <= text.len() {
        copy_pieces::<SMALL_PIECE>(text, start, end, out);
    } else {
        out.extend_from_slice(text.get(start..end).unwrap_or(&[]));
    }
}

/// Appends `text[start..end]`, behind which there are at least `N` bytes more.
#[inline]
fn copy_pieces<const N: usize>(text: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    assert!(start <= end && end + N <= text.len(), "the text ends too early");
    let len = end - start;
    out.reserve(len + N);
    // SAFETY: the last piece starts before `end`, so it reads less than N bytes beyond it, which
    // lie within the text; it writes less than N bytes beyond `len`, which are reserved.
    unsafe {
        let source = text.as_ptr().add(start);
        let target = out.as_mut_ptr().add(out.len());
        let mut at = 0;
        while at < len {
            let piece = source.add(at).cast::<[u8; N]>().read_unaligned();
            target.add(at).cast::<[u8; N]>().write_unaligned(piece);
            at += N;
        }
        out.set_len(out.len() + len);
    }
}

/// Without the white space between tokens, and strings in canonical form.
#[inline(never)]
fn copy_unclean(doc: &Doc<'_>, from: u32, to: u32, out: &mut Vec<u8>) {
    if doc.tokens.traits.escapes || doc.tokens.traits.non_ascii {
        copy_rewritten(doc, from, to, out);
        return;
    }
    for token in from..to {
        let text = token_text(doc.text, doc.tokens, token);
        let start = doc.tokens.start(token);
        copy_range(doc.text, start, start + text.len(), out);
    }
}

fn copy_rewritten(doc: &Doc<'_>, from: u32, to: u32, out: &mut Vec<u8>) {
    let mut scratch = Vec::new();
    for token in from..to {
        let text = token_text(doc.text, doc.tokens, token);
        match doc.shape.kind(token) {
            kind::STRING => write_string_token(out, text, &mut scratch),
            _ => out.extend_from_slice(text),
        }
    }
}

/// What is still to be worked out, the next on top; it takes the place of recursion.
enum Task {
    /// A value, with the node of the edits below it.
    Value {
        token: u32,
        node: Option<usize>,
    },
    Member {
        key: u32,
        value: u32,
        node: Option<usize>,
    },
    Edited {
        node: usize,
        member: Option<(u32, u32)>,
    },
    Comma,
    Close(u32),
}

struct Compiler<'d, 'a> {
    doc: &'d Doc<'a>,
    tree: Option<&'d EditTree>,
    program: Program,
    /// A comma is due, but may yet become part of a copy or of a bracket.
    comma: bool,
}

impl Compiler<'_, '_> {
    fn run(mut self, token: u32) -> Program {
        let mut tasks = vec![Task::Value { token, node: self.tree.map(|_| 0) }];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Value { token, node } => self.value(token, node, &mut tasks),
                Task::Member { key, value, node } => {
                    self.copy(key, value);
                    tasks.push(Task::Comma);
                    tasks.push(Task::Value { token: value, node });
                }
                Task::Edited { node, member } => self.edited(node, member),
                Task::Comma => self.comma = true,
                Task::Close(token) => self.close(token),
            }
        }
        self.program
    }

    fn value(&mut self, token: u32, node: Option<usize>, tasks: &mut Vec<Task>) {
        let shape = self.doc.shape;
        if node.is_none() && shape.is_ordered(token) {
            self.copy(token, shape.end(token));
            return;
        }
        self.copy(token, token + 1);
        tasks.push(Task::Close(shape.end(token).saturating_sub(1)));
        let inner = tasks.len();
        if shape.kind(token) == kind::OBJECT {
            self.members(token, node, tasks);
        } else {
            for (_, value) in shape.children(token) {
                tasks.push(Task::Value { token: value, node: None });
                tasks.push(Task::Comma);
            }
        }
        if let Some(inner) = tasks.get_mut(inner..) {
            inner.reverse();
        }
    }

    /// Adds the members of an object and of the edits below it in the order of their keys.
    fn members(&self, object: u32, node: Option<usize>, tasks: &mut Vec<Task>) {
        let doc = self.doc;
        let name = |key| decoded(inside(token_text(doc.text, doc.tokens, key)));
        let mut members: Vec<(Cow<'_, [u8]>, u32, u32)> =
            (doc.shape.children(object)).map(|(key, value)| (name(key), key, value)).collect();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        members.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        let edited = self.tree.zip(node).map(|(tree, node)| (tree, &tree.node(node).children));
        let Some((tree, children)) = edited else {
            let member = |(_, key, value)| Task::Member { key, value, node: None };
            tasks.extend(members.into_iter().map(member));
            return;
        };
        let mut children = children.iter().copied().peekable();
        for (name, key, value) in members {
            let before = |&child: &usize| tree.node(child).key.as_slice() < &*name;
            while let Some(child) = children.next_if(before) {
                tasks.push(Task::Edited { node: child, member: None });
            }
            let here = children.next_if(|&child| tree.node(child).key.as_slice() == &*name);
            tasks.push(match here {
                Some(node)
                    if tree.node(node).edit.is_some() || doc.shape.kind(value) != kind::OBJECT =>
                {
                    Task::Edited { node, member: Some((key, value)) }
                }
                node => Task::Member { key, value, node },
            });
        }
        tasks.extend(children.map(|node| Task::Edited { node, member: None }));
    }

    fn edited(&mut self, node: usize, member: Option<(u32, u32)>) {
        self.flush_comma();
        let keys = &mut self.program.keys;
        let start = keys.len() as u32;
        if let Some(tree) = self.tree {
            write_key(keys, &tree.node(node).key);
        }
        let key = (start, keys.len() as u32);
        self.program.ops.push(Op::Edited { node, key, member });
    }

    fn flush_comma(&mut self) {
        if std::mem::take(&mut self.comma) {
            self.program.ops.push(Op::Comma);
        }
    }

    /// Copies tokens, as part of the copy before where the text goes on. When a comma is due, the
    /// token between two parts that meet can only be a comma.
    fn copy(&mut self, from: u32, to: u32) {
        if let Some(Op::Copy { to: end, .. }) = self.program.ops.last_mut()
            && *end + u32::from(self.comma) == from
        {
            *end = to;
            self.comma = false;
            return;
        }
        self.flush_comma();
        self.program.ops.push(Op::Copy { from, to });
    }

    fn close(&mut self, token: u32) {
        self.comma = false;
        if let Some(Op::Copy { to, .. }) = self.program.ops.last_mut()
            && *to == token
        {
            *to = token + 1;
            return;
        }
        let bracket = if self.doc.shape.kind(token) == kind::ARRAY_END { b']' } else { b'}' };
        self.program.ops.push(Op::Close(bracket));
    }
}
