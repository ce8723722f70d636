//! The console form: aligned rows of lists, dictionaries and tables, cut to a size.

use super::atom::bare;
use super::line::text_digits;
use formats::k::{Data, Dict, K, Table, Type, Vector};

/// Characters of a line, and of what stands in it, after which nothing more is made: a console has
/// at most so many columns.
const WIDTH_MAX: usize = 2000;

/// A value as the console shows it, lines joined, without a line end after the last.
pub(crate) fn console(k: &K, digits: usize, (rows, columns): (usize, usize)) -> String {
    let most = rows.saturating_sub(2).max(1);
    let mut lines = lines(k, digits, most + 1);
    if lines.len() > most {
        lines.truncate(most - 1);
        lines.push("..".to_owned());
    }
    let width = columns.saturating_sub(1);
    let cut = lines.into_iter().map(|line| clipped(line, width));
    cut.collect::<Vec<_>>().join("\n")
}

/// A line that is too long ends in dots.
fn clipped(line: String, width: usize) -> String {
    if line.chars().count() <= width {
        return line;
    }
    let head: String = line.chars().take(width.saturating_sub(2)).collect();
    head + ".."
}

/// The lines of a value, of which no more than `most` are needed.
pub(crate) fn lines(k: &K, digits: usize, most: usize) -> Vec<String> {
    match k {
        K::Vec(Vector { data: Data::List(items), .. }) if items.len() != 1 && !items.is_empty() => {
            list_lines(items.get(..items.len().min(most)).unwrap_or_default(), digits)
        }
        K::Vec(Vector { data: Data::List(items), .. }) if items.len() == 1 => match items.first() {
            Some(K::Vec(v)) if v.ty != Type::Char && !v.data.is_empty() => {
                list_lines(items, digits)
            }
            Some(K::Null) => vec!["::".to_owned()],
            _ => vec![short(k, digits)],
        },
        K::Dict(d) => dict_lines(d, digits, most),
        K::Table(t) => table_lines(t, digits, most),
        // The generic null shows nothing.
        K::Null => vec![String::new()],
        _ => vec![short(k, digits)],
    }
}

/// A value on one line, of which the part that no console shows is left out.
fn short(k: &K, digits: usize) -> String {
    cut(text_digits(k, digits))
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(WIDTH_MAX) {
        text.truncate(end);
        text.shrink_to_fit();
    }
    text
}

/// The items of a general list; lists of one length stand in columns.
fn list_lines(items: &[K], digits: usize) -> Vec<String> {
    match rectangular(items) {
        Some(width) => {
            let column = |c: usize| -> Vec<String> {
                items.iter().map(|row| inner_cell(row, c, digits)).collect()
            };
            side_by_side((0..width).map(column), " ")
        }
        None => items.iter().map(|item| short(item, digits)).collect(),
    }
}

/// The common length of lists that are not texts; `None` when there is none.
fn rectangular(items: &[K]) -> Option<usize> {
    let width = match items.first()? {
        K::Vec(v) if !v.data.is_empty() => v.data.len(),
        _ => return None,
    };
    let row = |k: &K| matches!(k, K::Vec(v) if v.data.len() == width);
    // Texts and flags stay on a line of their own while they are among themselves.
    let tight = |k: &K| matches!(k.ty(), Some(Type::Char | Type::Bool | Type::Byte));
    (items.iter().all(row) && !items.iter().all(tight)).then_some(width)
}

/// An item of a row of a matrix.
fn inner_cell(row: &K, at: usize, digits: usize) -> String {
    match row {
        K::Vec(Vector { data: Data::List(items), .. }) => {
            items.get(at).map_or_else(String::new, |item| short(item, digits))
        }
        K::Vec(v) => {
            let scalar = v.data.scalar(at).unwrap_or_else(|| v.ty.null());
            // As in a table a null is a gap.
            if scalar == v.ty.null() && !always_shown(v.ty) {
                return String::new();
            }
            cut(bare(v.ty, scalar, digits))
        }
        other => short(other, digits),
    }
}

/// Whether items of a type are shown that are their null.
fn always_shown(ty: Type) -> bool {
    matches!(ty, Type::Bool | Type::Byte | Type::Char | Type::Guid)
}

/// An item of a column, dictionary key or value: no marks for atoms, nothing for nulls.
pub(crate) fn cell(column: &K, at: usize, digits: usize) -> String {
    match column {
        K::Vec(Vector { data: Data::List(items), .. }) => match items.get(at) {
            None => String::new(),
            Some(item) => short(item, digits),
        },
        K::Vec(v) => {
            let scalar = v.data.scalar(at).unwrap_or_else(|| v.ty.null());
            if !always_shown(v.ty) && scalar == v.ty.null() {
                String::new()
            } else {
                cut(bare(v.ty, scalar, digits))
            }
        }
        other => short(&other.at(at), digits),
    }
}

/// Columns of texts as lines; every column but the last is filled to its width. Columns that no
/// console shows are left out, before they are made.
fn side_by_side(columns: impl Iterator<Item = Vec<String>>, between: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut all = 0;
    for (i, column) in columns.enumerate() {
        if i == 0 {
            lines.resize(column.len(), String::new());
        }
        let width = column.iter().map(|c| c.chars().count()).max().unwrap_or(0);
        for (line, cell) in lines.iter_mut().zip(&column) {
            if i > 0 {
                line.push_str(between);
            }
            line.push_str(cell);
            let fill = width - cell.chars().count();
            line.extend(std::iter::repeat_n(' ', fill));
        }
        all += width;
        if all > WIDTH_MAX {
            break;
        }
    }
    lines
}

/// The header, rule and rows of columns.
fn table_block(t: &Table, digits: usize, most: usize) -> (Vec<String>, usize) {
    let rows = t.rows().min(most);
    let column = |(name, column): (formats::k::Sym, &K)| -> Vec<String> {
        let cells = (0..rows).map(|r| cell(column, r, digits));
        std::iter::once(cut(name.to_string())).chain(cells).collect()
    };
    let lines = side_by_side(t.iter().map(column), " ");
    let width = lines.first().map_or(0, |l| l.chars().count());
    (lines, width)
}

fn table_lines(t: &Table, digits: usize, most: usize) -> Vec<String> {
    let (mut lines, width) = table_block(t, digits, most);
    lines.insert(1.min(lines.len()), "-".repeat(width));
    lines
}

fn dict_lines(d: &Dict, digits: usize, most: usize) -> Vec<String> {
    if let (K::Table(keys), K::Table(values)) = (&d.keys, &d.values) {
        let (left, left_width) = table_block(keys, digits, most);
        let (right, right_width) = table_block(values, digits, most);
        let mut lines: Vec<String> =
            left.into_iter().zip(right).map(|(l, r)| format!("{l}| {r}")).collect();
        let rule = format!("{}| {}", "-".repeat(left_width), "-".repeat(right_width));
        lines.insert(1.min(lines.len()), rule);
        return lines;
    }
    let rows = d.keys.len().min(most);
    let keys = column_lines(&d.keys, rows, digits);
    let values = column_lines(&d.values, rows, digits);
    let (keys, values, rule) = match (&d.keys, &d.values) {
        (_, K::Table(_)) => {
            let mut keys = keys;
            keys.insert(0, String::new());
            (keys, values, true)
        }
        (K::Table(_), _) => {
            let mut values = values;
            values.insert(0, String::new());
            (keys, values, true)
        }
        _ => (keys, values, false),
    };
    let keys = side_by_side(std::iter::once(keys), "");
    let width = keys.first().map_or(0, |k| k.chars().count());
    let mut lines: Vec<String> =
        keys.into_iter().zip(&values).map(|(k, v)| format!("{k}| {v}")).collect();
    if rule {
        let right = values.iter().map(|v| v.chars().count()).max().unwrap_or(0);
        lines.insert(1.min(lines.len()), format!("{}| {}", "-".repeat(width), "-".repeat(right)));
    }
    lines
}

/// The items of one side of a dictionary, a line each; of a table with a header first.
fn column_lines(k: &K, rows: usize, digits: usize) -> Vec<String> {
    match k {
        K::Table(t) => table_block(t, digits, rows).0,
        K::Vec(Vector { data: Data::List(items), .. }) => {
            let items = items.get(..rows).unwrap_or_default();
            match rectangular(items) {
                Some(_) if items.len() > 1 => list_lines(items, digits),
                _ => (0..rows).map(|i| cell(k, i, digits)).collect(),
            }
        }
        _ => (0..rows).map(|i| cell(k, i, digits)).collect(),
    }
}
