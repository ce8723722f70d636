//! Joining values: vectors, dictionaries, tables and keyed tables.

use std::sync::Arc;

use formats::k::{Attr, K, Table, Vector};

/// A join that is not possible gives the old value back, and a text.
pub(super) type Joined = Result<K, (K, String)>;

/// `old,new`.
pub(super) fn append(old: K, new: K) -> Joined {
    match (old, new) {
        (K::Vec(old), new) => Ok(vectors(old, new)),
        (K::Table(old), K::Table(new)) => tables(old, &new),
        (K::Table(old), K::Dict(row)) => {
            // A row, by the names of its columns.
            let names = row.keys.as_syms().map(<[_]>::to_vec);
            let columns: Vec<K> =
                (0..row.values.len()).map(|i| row.values.at(i).enlist()).collect();
            match names.map(|names| K::table(names, columns)) {
                Some(Ok(K::Table(rows))) => tables(old, &rows),
                _ => Err((K::Table(old), "mismatch".to_owned())),
            }
        }
        (old @ K::Dict(_), new @ K::Dict(_)) => upsert(old, new),
        (old @ (K::Table(_) | K::Dict(_)), _) => Err((old, "mismatch".to_owned())),
        (old, new) => append(old.enlist(), new),
    }
}

/// Appends to a vector in place while the types fit, and to a general list otherwise.
fn vectors(mut old: Vector, new: K) -> K {
    let new = match new {
        K::Vec(new) => new,
        other => match other.enlist() {
            K::Vec(one) => one,
            whole => return K::list(old.iter().chain([whole]).collect()),
        },
    };
    if old.ty == new.ty && old.data.append(&new.data) {
        // What is appended may be out of order.
        old.attr = Attr::default();
        return K::Vec(old);
    }
    if old.data.is_empty() {
        return K::Vec(new);
    }
    K::list(old.iter().chain(new.iter()).collect())
}

/// Joins the rows of two tables by the names of their columns.
fn tables(old: Arc<Table>, new: &Table) -> Joined {
    let fits = old.iter().count() == new.iter().count()
        && old.iter().all(|(name, _)| new.column(name).is_some());
    if !fits {
        return Err((K::Table(old), "mismatch".to_owned()));
    }
    let names: Vec<_> = old.iter().map(|(name, _)| name).collect();
    // A table that nobody else has gives its columns away and they grow in place.
    let columns: Vec<K> = match Arc::try_unwrap(old) {
        Ok(table) => table.columns,
        Err(shared) => shared.columns.clone(),
    };
    let joined: Result<Vec<K>, _> = names
        .iter()
        .zip(columns)
        .map(|(name, column)| append(column, new.column(*name).cloned().unwrap_or_default()))
        .collect();
    let joined = joined?;
    K::table(names, joined).map_err(|e| (K::Null, format!("{e:?}")))
}

/// Replaces what has the same keys and appends the rest.
pub(super) fn upsert(old: K, new: K) -> Joined {
    let (old_dict, new_dict) = match (&old, &new) {
        (K::Dict(old), K::Dict(new)) => (old, new),
        _ => return append(old, new),
    };
    let mut keys: Vec<K> = (0..old_dict.keys.len()).map(|i| old_dict.keys.at(i)).collect();
    let mut values: Vec<K> = (0..old_dict.values.len()).map(|i| old_dict.values.at(i)).collect();
    for at in 0..new_dict.keys.len() {
        let (key, value) = (new_dict.keys.at(at), new_dict.values.at(at));
        match keys.iter().position(|known| *known == key) {
            Some(known) => {
                if let Some(slot) = values.get_mut(known) {
                    *slot = value;
                }
            }
            None => {
                keys.push(key);
                values.push(value);
            }
        }
    }
    if old_dict.keys.code() == 98 {
        return keyed(old.clone(), keys, values);
    }
    Ok(K::dict(K::collapse(keys), K::collapse(values)))
}

/// A keyed table of rows.
fn keyed(old: K, keys: Vec<K>, values: Vec<K>) -> Joined {
    let table = |rows: Vec<K>| {
        let mut rows = rows.into_iter().map(|row| row_table(&row));
        let first = rows.next().flatten()?;
        rows.try_fold(first, |table, row| append(table, row?).ok())
    };
    match (table(keys), table(values)) {
        (Some(keys), Some(values)) => Ok(K::dict(keys, values)),
        _ => Err((old, "mismatch".to_owned())),
    }
}

fn row_table(row: &K) -> Option<K> {
    let K::Dict(row) = row else { return None };
    let columns = (0..row.values.len()).map(|i| row.values.at(i).enlist()).collect();
    K::table(row.keys.as_syms()?.to_vec(), columns).ok()
}
