//! The text around the values of a flat record.

use super::{push_scalar, push_text};
use crate::columns::{Column, ColumnData};
use crate::json::{Doc, RawKind, is_scalar, plain_string_len};

/// Values that a template covers at most; a longer record is left to the index.
const PIECES_MAX: usize = 64;

/// A value and the text before it.
struct Piece {
    /// Punctuation and key.
    before: Vec<u8>,
    /// Place of the column that the value belongs to.
    column: Option<usize>,
    is_string: bool,
}

/// See the head of the file.
pub(super) struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// The template of a record, if it is a flat object without white space and repeated or
    /// escaped keys.
    pub(super) fn of(doc: &Doc<'_>, columns: &[Column]) -> Option<Self> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut length = 1;
        for member in doc.members(&doc.root()) {
            let is_flat = !matches!(member.value.kind, RawKind::Array | RawKind::Object);
            if !is_flat || member.key_has_escapes || pieces.len() == PIECES_MAX {
                return None;
            }
            let start: &[u8] = if pieces.is_empty() { b"{\"" } else { b",\"" };
            let before = [start, member.key, b"\":"].concat();
            length += before.len() + member.value.text.len();
            let name = member.name();
            if pieces.iter().any(|p| p.before.get(2..) == before.get(2..)) {
                return None;
            }
            pieces.push(Piece {
                before,
                column: columns.iter().position(|column| column.name.as_bytes() == &*name),
                is_string: member.value.kind == RawKind::String,
            });
        }
        let has = |i| pieces.iter().any(|piece| piece.column == Some(i));
        let complete = (0..columns.len()).all(has);
        // The lengths agree only when nothing stands between the tokens.
        (complete && !pieces.is_empty() && length == doc.text().len())
            .then_some(Template { pieces })
    }

    /// Reads the line at the start of `bytes` and returns its length with the line end, `None` if
    /// it does not fit or its end is not there.
    #[inline]
    pub(super) fn read(
        &self,
        bytes: &[u8],
        schema: &[Column],
        columns: &mut [ColumnData],
    ) -> Option<usize> {
        let mut rest = bytes;
        for piece in &self.pieces {
            rest = rest.strip_prefix(piece.before.as_slice())?;
            let len;
            if piece.is_string {
                rest = rest.strip_prefix(b"\"")?;
                len = plain_string_len(rest);
                if rest.get(len) != Some(&b'"') {
                    return None;
                }
            } else {
                len = rest.iter().position(|c| matches!(c, b',' | b'}' | b'\n'))?;
            }
            let value = rest.get(..len)?;
            rest = rest.get(len + usize::from(piece.is_string)..)?;
            // What is no UTF-8 is replaced where escapes are resolved.
            let valid = if piece.is_string {
                value.is_ascii() || simdutf8::basic::from_utf8(value).is_ok()
            } else {
                is_scalar(value)
            };
            if !valid {
                return None;
            }
            if let Some(at) = piece.column {
                let (column, data) = (schema.get(at)?, columns.get_mut(at)?);
                let pushed = if piece.is_string {
                    push_text(column, data, value)
                } else {
                    push_scalar(column, data, value)
                };
                pushed.ok()?;
            }
        }
        let rest = match rest {
            [b'}', b'\n', rest @ ..] | [b'}', b'\r', b'\n', rest @ ..] => rest,
            _ => return None,
        };
        Some(bytes.len() - rest.len())
    }
}
