//! Values of records in canonical form straight from their text.

use super::doc::{Doc, RawValue};
use super::program::Program;
use super::shape::ShapeId;

/// Programs that a writer remembers.
const PROGRAMS_MAX: usize = 32;

/// Writes values of the records of one reader in canonical form (spec/bloblang.md §8). It does what
/// [`Doc::write_value`] does and remembers the order of keys from record to record.
#[derive(Default)]
pub struct RawWriter {
    programs: Vec<((ShapeId, u32), Program)>,
    /// The program used last.
    current: usize,
}

impl RawWriter {
    /// A writer that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        RawWriter::default()
    }

    /// Appends a record in canonical form.
    #[inline]
    pub fn write_document(&mut self, doc: &Doc<'_>, out: &mut Vec<u8>) {
        self.write(doc, &doc.root(), out);
    }

    /// Appends a value of a record in canonical form.
    #[inline]
    pub fn write(&mut self, doc: &Doc<'_>, value: &RawValue<'_>, out: &mut Vec<u8>) {
        if doc.is_canonical_value(value) {
            out.extend_from_slice(value.text);
            return;
        }
        let key = (doc.shape.id, value.token);
        let is_known = |(known, _): &((ShapeId, u32), Program)| *known == key;
        if !self.programs.get(self.current).is_some_and(is_known) {
            self.current = match self.programs.iter().position(is_known) {
                Some(at) => at,
                None => self.compile(doc, key),
            };
        }
        if let Some((_, program)) = self.programs.get(self.current) {
            program.write(doc, out);
        }
    }

    #[cold]
    fn compile(&mut self, doc: &Doc<'_>, key: (ShapeId, u32)) -> usize {
        let entry = (key, Program::of_value(doc, key.1));
        if self.programs.len() < PROGRAMS_MAX {
            self.programs.push(entry);
            return self.programs.len() - 1;
        }
        let at = (self.current + PROGRAMS_MAX - 1) % PROGRAMS_MAX;
        if let Some(place) = self.programs.get_mut(at) {
            *place = entry;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Paths, Reader};
    use super::*;

    #[test]
    fn more_values_than_programs_are_remembered() {
        let items: Vec<String> = (0..100).map(|i| format!("{{\"b\":{i},\"a\":1}}")).collect();
        let text = format!("[{}]", items.join(","));
        let (mut reader, mut writer) = (Reader::new(Paths::new()), RawWriter::new());
        let doc = reader.read(text.as_bytes()).unwrap();
        for _ in 0..2 {
            for (i, item) in doc.elements(&doc.root()).enumerate() {
                let mut out = Vec::new();
                writer.write(&doc, &item, &mut out);
                assert_eq!(out, format!("{{\"a\":1,\"b\":{i}}}").into_bytes());
            }
        }
        assert_eq!(writer.programs.len(), PROGRAMS_MAX);
    }
}
