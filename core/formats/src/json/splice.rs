//! Canonical records straight from ranges of the input plus what changed, without a document in
//! memory.

use super::doc::Doc;
use super::edits::{EditPathError, EditTree, Edits, SpliceError};
use super::program::Program;
use super::shape::{SHAPES_MAX, ShapeId};
use super::tokens::kind;

/// Writes the records of one reader with edits to a fixed set of paths. For each shape that the
/// reader knows it remembers what is to be copied from where.
pub struct Splicer {
    tree: EditTree,
    programs: Vec<(ShapeId, Program)>,
    /// The program used last.
    current: usize,
}

impl Splicer {
    /// A splicer for edits to these paths, which are known by their place in the list.
    ///
    /// # Errors
    /// When a path is empty, too deep, or leads to the same place as another or into it.
    pub fn new<S: AsRef<[u8]>>(paths: &[&[S]]) -> Result<Self, EditPathError> {
        Ok(Splicer { tree: EditTree::new(paths)?, programs: Vec::new(), current: 0 })
    }

    /// Appends the record in canonical form with the edits made. Missing parents of a replaced
    /// path, and those that are null, become objects; deleting what is not there does nothing.
    ///
    /// # Errors
    /// When the record, or what a path leads through, is no object. `out` is as before then.
    #[inline]
    pub fn splice(
        &mut self,
        doc: &Doc<'_>,
        edits: &Edits,
        out: &mut Vec<u8>,
    ) -> Result<(), SpliceError> {
        if doc.shape.kind(0) != kind::OBJECT {
            return Err(SpliceError::NotAnObject { slot: 0 });
        }
        let before = out.len();
        let at = self.program(doc);
        let Some((_, program)) = self.programs.get(at) else { return Ok(()) };
        let written = program.write_edited(doc, &self.tree, edits, out);
        if written.is_err() {
            out.truncate(before);
        }
        written
    }

    /// Place of the program for the record's shape.
    #[inline]
    fn program(&mut self, doc: &Doc<'_>) -> usize {
        let is_known = |(id, _): &(ShapeId, Program)| *id == doc.shape.id;
        if self.programs.get(self.current).is_some_and(is_known) {
            return self.current;
        }
        self.current = match self.programs.iter().position(is_known) {
            Some(at) => at,
            None => self.compile(doc),
        };
        self.current
    }

    #[cold]
    fn compile(&mut self, doc: &Doc<'_>) -> usize {
        let entry = (doc.shape.id, Program::of_edited(doc, &self.tree));
        if self.programs.len() < SHAPES_MAX {
            self.programs.push(entry);
            return self.programs.len() - 1;
        }
        let at = (self.current + SHAPES_MAX - 1) % SHAPES_MAX;
        if let Some(place) = self.programs.get_mut(at) {
            *place = entry;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, documents};
    use super::super::{Paths, RawWriter, Reader, parse, write_value};
    use super::*;
    use crate::value::{Object, Text, Value};
    use proptest::prelude::*;
    use std::sync::Arc;

    #[derive(Clone, Debug)]
    enum Change {
        Keep,
        Delete,
        Replace(&'static str),
    }

    const PATHS: [&[&str]; 5] = [&["a"], &["b", "a"], &["b", "c", "d"], &["c"], &["zz"]];

    fn edits(changes: &[Change]) -> Edits {
        let mut edits = Edits::default();
        for (slot, change) in changes.iter().enumerate() {
            match change {
                Change::Keep => edits.keep(slot),
                Change::Delete => edits.delete(slot),
                Change::Replace(text) => edits.replace(slot, text.as_bytes()),
            }
        }
        edits
    }

    /// The same edit on a document; `None` where a parent is in the way.
    fn edit(value: &mut Value, path: &[&str], change: &Change) -> Option<()> {
        let Some((key, below)) = path.split_first() else { return Some(()) };
        match (&*value, change) {
            (Value::Object(_), _) => {}
            (Value::Array(_), Change::Delete | Change::Replace(_)) => return None,
            (Value::Null, Change::Replace(_)) => *value = Value::object(Object::new()),
            (_, Change::Replace(_)) => return None,
            _ => return Some(()),
        }
        let Value::Object(object) = value else { return None };
        let object = Arc::make_mut(object);
        match change {
            Change::Keep => {}
            Change::Delete if below.is_empty() => {
                object.remove(key.as_bytes());
            }
            Change::Delete => {
                if let Some(inner) = object.get_mut(key.as_bytes()) {
                    return edit(inner, below, change);
                }
            }
            Change::Replace(text) if below.is_empty() => {
                object.insert(Text::from(*key), parse(text.as_bytes()).unwrap());
            }
            Change::Replace(_) => return edit(object.entry(key.as_bytes()), below, change),
        }
        Some(())
    }

    fn spliced(text: &str, paths: &[&[&str]], changes: &[Change]) -> Result<String, SpliceError> {
        let mut reader = Reader::new(Paths::new());
        let mut splicer = Splicer::new(paths).unwrap();
        let doc = reader.read(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        splicer.splice(&doc, &edits(changes), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn members_are_merged_in_order() {
        use Change::{Delete, Keep, Replace};
        let paths: &[&[&str]] = &[&["b"], &["n", "y"], &["z"]];
        let text = r#"{"n":{"z":1,"y":2},"b":3,"a":4}"#;
        for (changes, expected) in [
            ([Keep, Keep, Keep], r#"{"a":4,"b":3,"n":{"y":2,"z":1}}"#),
            (
                [Replace("7"), Replace("[]"), Replace("8")],
                r#"{"a":4,"b":7,"n":{"y":[],"z":1},"z":8}"#,
            ),
            ([Delete, Delete, Delete], r#"{"a":4,"n":{"z":1}}"#),
        ] {
            assert_eq!(spliced(text, paths, &changes).unwrap(), expected);
        }
        assert_eq!(spliced("{}", paths, &[Keep, Replace("1"), Keep]).unwrap(), r#"{"n":{"y":1}}"#);
        let null = r#"{"n":null}"#;
        assert_eq!(spliced(null, paths, &[Keep, Delete, Keep]).unwrap(), null);
        let number = r#"{"n":1}"#;
        assert_eq!(spliced(number, paths, &[Keep, Delete, Keep]).unwrap(), number);
        let refused = spliced(number, paths, &[Keep, Replace("1"), Keep]);
        assert_eq!(refused, Err(SpliceError::NotAnObject { slot: 1 }));
    }

    #[test]
    fn overlapping_paths_are_refused() {
        let new = |paths: &[&[&str]]| Splicer::new(paths).err();
        assert_eq!(new(&[&["a"], &["a", "b"]]), Some(EditPathError::Overlap { slot: 1 }));
        assert_eq!(new(&[&["a", "b"], &["a"]]), Some(EditPathError::Overlap { slot: 1 }));
        assert_eq!(new(&[&[]]), Some(EditPathError::Empty));
        assert_eq!(new(&[&["a"; 65]]), Some(EditPathError::TooDeep));
    }

    #[test]
    fn keys_are_sorted_by_what_they_stand_for() {
        let mut reader = Reader::new(Paths::new());
        for text in [&b"{\"\xf0\x9f\x98\x80\":1,\"\xff\":2}"[..], b"{\"\xfe\":1,\"\xff\":2}"] {
            let mut out = Vec::new();
            reader.read(text).unwrap().write_canonical(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), canonical(text).unwrap());
        }
    }

    #[test]
    fn more_shapes_than_are_remembered() {
        let mut reader = Reader::new(Paths::new());
        let mut splicer = Splicer::new(&[&["k5"]]).unwrap();
        let mut edits = Edits::default();
        edits.replace(0, b"true");
        for i in (0..40).chain(0..40).chain(std::iter::repeat_n(5, 4)) {
            let text = format!("{{\"k{i}\":{i}}}");
            let mut out = Vec::new();
            splicer.splice(&reader.read(text.as_bytes()).unwrap(), &edits, &mut out).unwrap();
            let mut value = parse(text.as_bytes()).unwrap();
            edit(&mut value, &["k5"], &Change::Replace("true")).unwrap();
            let mut expected = Vec::new();
            write_value(&mut expected, &value).unwrap();
            assert_eq!(out, expected);
        }
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            Just(Change::Keep),
            Just(Change::Delete),
            prop::sample::select(vec!["1.0", "\"x\"", "{\"q\":[]}"]).prop_map(Change::Replace),
        ];
        prop::collection::vec(change, PATHS.len())
    }

    proptest! {
        #[test]
        fn a_splice_is_an_edit_of_the_document(
            texts in prop::collection::vec(super::super::tests::texts(), 1..4),
            changes in changes(),
        ) {
            let (mut reader, mut splicer) =
                (Reader::new(Paths::new()), Splicer::new(&PATHS).unwrap());
            for text in texts.iter().chain(&texts) {
                let doc = reader.read(text.as_bytes()).unwrap();
                let mut out = b"kept".to_vec();
                let done = splicer.splice(&doc, &edits(&changes), &mut out);
                let mut value = parse(text.as_bytes()).unwrap();
                let possible = matches!(value, Value::Object(_))
                    .then(|| {
                        let mut all = PATHS.iter().zip(&changes);
                        all.try_for_each(|(path, change)| edit(&mut value, path, change))
                    })
                    .flatten();
                let mut expected = b"kept".to_vec();
                if possible.is_some() {
                    write_value(&mut expected, &value).unwrap();
                }
                prop_assert_eq!(done.is_ok(), possible.is_some());
                prop_assert_eq!(String::from_utf8(out), String::from_utf8(expected));
            }
        }

        #[test]
        fn raw_canonical_is_the_document_written(text in super::super::tests::texts()) {
            let mut reader = Reader::new(Paths::new());
            let doc = reader.read(text.as_bytes()).unwrap();
            let mut out = Vec::new();
            doc.write_canonical(&mut out);
            let mut writer = RawWriter::new();
            let members = doc.members(&doc.root()).map(|member| member.value);
            for value in doc.elements(&doc.root()).chain(members) {
                let (mut first, mut again) = (Vec::new(), Vec::new());
                writer.write(&doc, &value, &mut first);
                writer.write(&doc, &value, &mut again);
                prop_assert_eq!(&first, &again);
                prop_assert_eq!(String::from_utf8(first).unwrap(), canonical(value.text).unwrap());
            }
            let expected = canonical(text.as_bytes()).unwrap();
            prop_assert_eq!(doc.is_canonical(), expected == text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }

        #[test]
        fn canonical_text_is_recognised(value in documents()) {
            let mut text = Vec::new();
            write_value(&mut text, &value).unwrap();
            let mut reader = Reader::new(Paths::new());
            prop_assert!(reader.read(&text).unwrap().is_canonical());
        }
    }
}
