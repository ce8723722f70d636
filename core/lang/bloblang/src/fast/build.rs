//! Objects whose fields are known: their keys are written once, when the mapping is compiled.

/// An object of nested fields, sorted by key.
pub(super) struct Template {
    ops: Vec<Op>,
    /// Number of fields.
    slots: usize,
    /// The bytes of keys with the colon, [`KEY_COPY`] bytes after the last.
    keys: Vec<u8>,
}

/// So many bytes are copied for a shorter key: a copy of a known length is no call.
const KEY_COPY: usize = 32;

enum Op {
    /// A member that is an object, with the bytes of its key; its members follow up to `Close`.
    Open((usize, usize)),
    /// The end of an object, with the number of bytes of its key.
    Close(usize),
    /// A field: the bytes of its key with the colon, its slot.
    Field { key: (usize, usize), slot: usize },
}

/// The results of one record by slot, as ranges of one buffer.
#[derive(Default)]
pub(super) struct Results {
    pub(super) bytes: Vec<u8>,
    pub(super) ranges: Vec<Option<(usize, usize)>>,
}

impl Results {
    pub(super) fn clear(&mut self, slots: usize) {
        self.bytes.clear();
        self.ranges.clear();
        self.ranges.resize(slots, None);
    }
}

impl Template {
    /// A template for these paths, none of which leads into another.
    pub(super) fn new(paths: &[&[&[u8]]]) -> Template {
        let mut order: Vec<(usize, &[&[u8]])> = paths.iter().copied().enumerate().collect();
        order.sort_by(|a, b| a.1.cmp(b.1));
        let mut template = Template { ops: Vec::new(), slots: paths.len(), keys: Vec::new() };
        template.level(&order, 0);
        template.keys.extend_from_slice(&[0; KEY_COPY]);
        template
    }

    /// Appends a key.
    #[inline]
    fn push_key(&self, out: &mut Vec<u8>, (start, end): (usize, usize)) -> Option<()> {
        let rest = self.keys.get(start..)?;
        match (rest.first_chunk::<KEY_COPY>(), end - start) {
            (Some(chunk), len @ ..=KEY_COPY) => {
                out.extend_from_slice(chunk);
                out.truncate(out.len() - (KEY_COPY - len));
            }
            (_, len) => out.extend_from_slice(rest.get(..len)?),
        }
        Some(())
    }

    fn key(&mut self, key: &[u8]) -> (usize, usize) {
        let start = self.keys.len();
        formats::json::write_string(&mut self.keys, key, false);
        self.keys.push(b':');
        (start, self.keys.len())
    }

    /// The members of one object: paths that share their first `depth` segments.
    fn level(&mut self, mut paths: &[(usize, &[&[u8]])], depth: usize) {
        while let Some((slot, path)) = paths.first() {
            let name = path.get(depth).copied().unwrap_or_default();
            let same = paths.iter().take_while(|(_, p)| p.get(depth) == Some(&name)).count().max(1);
            let (group, rest) = paths.split_at(same);
            let key = self.key(name);
            if path.len() == depth + 1 {
                self.ops.push(Op::Field { key, slot: *slot });
            } else {
                self.ops.push(Op::Open(key));
                self.level(group, depth + 1);
                self.ops.push(Op::Close(key.1 - key.0));
            }
            paths = rest;
        }
    }

    /// Number of fields: how many results there may be.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Appends the object. `field` appends the value of a slot, in the order of the keys, and says
    /// whether there is one; members without a value are left out, and so are objects without
    /// members.
    ///
    /// # Errors
    /// Those of `field`, as `None`.
    #[inline]
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        mut field: impl FnMut(usize, &mut Vec<u8>) -> Option<bool>,
    ) -> Option<()> {
        out.push(b'{');
        for op in &self.ops {
            match op {
                Op::Open(key) => {
                    self.push_key(out, *key)?;
                    out.push(b'{');
                }
                Op::Close(key) => match out.last() {
                    Some(b',') => {
                        out.pop();
                        out.extend_from_slice(b"},");
                    }
                    _ => out.truncate(out.len().checked_sub(key + 1)?),
                },
                Op::Field { key, slot } => {
                    let before = out.len();
                    self.push_key(out, *key)?;
                    match field(*slot, out)? {
                        true => out.push(b','),
                        false => out.truncate(before),
                    }
                }
            }
        }
        if out.last() == Some(&b',') {
            out.pop();
        }
        out.push(b'}');
        Some(())
    }

    /// Appends the object of these results.
    pub(super) fn write_results(&self, results: &Results, out: &mut Vec<u8>) -> Option<()> {
        self.write(out, |slot, out| match results.ranges.get(slot)? {
            Some((from, to)) => {
                out.extend_from_slice(results.bytes.get(*from..*to)?);
                Some(true)
            }
            None => Some(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_and_missing_ones_left_out() {
        let paths: [&[&[u8]]; 4] = [&[b"b"], &[b"a", b"z"], &[b"a", b"c", b"x"], &[b"\"q"]];
        let template = Template::new(&paths);
        let mut results = Results::default();
        let mut shown = |set: &[usize]| {
            results.clear(template.slots());
            for slot in set {
                let from = results.bytes.len();
                results.bytes.push(b'0' + *slot as u8);
                results.ranges[*slot] = Some((from, from + 1));
            }
            let mut out = b"{,".to_vec();
            template.write_results(&results, &mut out).unwrap();
            String::from_utf8(out).unwrap().split_off(2)
        };
        assert_eq!(shown(&[0, 1, 2, 3]), r#"{"\"q":3,"a":{"c":{"x":2},"z":1},"b":0}"#);
        assert_eq!(shown(&[0]), r#"{"b":0}"#);
        assert_eq!(shown(&[2]), r#"{"a":{"c":{"x":2}}}"#);
        assert_eq!(shown(&[]), "{}");
    }
}
