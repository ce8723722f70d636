//! How queries reach into values.

use std::rc::Rc;

use formats::value::{Digits, Text, Value};
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Exn, ValT, ValX};

use super::budget;
use super::text::{no_function, preview, typed};
use super::val::{Arr, Error, Obj, Val, ValR};

/// Items that an array may have by setting one far behind its end.
const ITEMS_MAX: i64 = 1 << 24;

type Iter<T> = Box<dyn Iterator<Item = T>>;

fn fails<T: 'static>(error: Error) -> Iter<Result<T, Error>> {
    Box::new(std::iter::once(Err(error)))
}

fn no_iteration(val: &Val) -> Error {
    Error::str(format_args!("cannot iterate over: {}", typed(val)))
}

/// The error of a value that has no such key.
fn no_index(val: &Val, key: &Val) -> Error {
    let of = typed(val);
    match (val, key) {
        (Val::Arr(_), _) => Error::str(format_args!(
            "expected a number for indexing an array but got: {}",
            typed(key)
        )),
        (Val::Obj(_), _) => {
            Error::str(format_args!("expected a string for object key but got: {}", typed(key)))
        }
        (_, Val::Str(_)) => Error::str(format_args!("expected an object but got: {of}")),
        _ => Error::str(format_args!("expected an array but got: {of}")),
    }
}

/// A position in an array of a length, where it has one.
pub(super) fn place(position: i64, len: usize) -> Option<usize> {
    let len = len as i64;
    let at = if position < 0 { position.saturating_add(len) } else { position };
    usize::try_from(at).ok().filter(|at| (*at as i64) < len)
}

/// The ends of a range within so many items.
fn bounds(range: &Range<&Val>, len: usize) -> Result<(usize, usize), Error> {
    let end = |val: Option<&Val>, round: fn(f64) -> f64, absent: usize| match val {
        None | Some(Val::Null) => Ok(absent),
        Some(val) => {
            let float = val.float().ok_or_else(|| {
                Error::str(format_args!(
                    "expected a number for indexing an array but got: {}",
                    typed(val)
                ))
            })?;
            let at = round(float) as i64;
            let at = if at < 0 { at.saturating_add(len as i64).max(0) } else { at };
            Ok(usize::try_from(at).unwrap_or_default().min(len))
        }
    };
    let start = end(range.start, f64::floor, 0)?;
    Ok((start, end(range.end, f64::ceil, len)?.max(start)))
}

/// The range that an object with `start` and `end` stands for.
fn as_range(key: &Val) -> Option<Range<&Val>> {
    let Val::Obj(object) = key else { return None };
    let end = |name: &str| object.members.get(&Text::from(name));
    Some(end("start")..end("end"))
}

impl Val {
    /// A key of an object.
    pub(super) fn key(&self) -> Option<Text> {
        match self {
            Val::Str(text) => Some(Text::from(text.as_str())),
            _ => None,
        }
    }

    /// What a key leads to; nothing where there is none.
    pub(super) fn get(&self, key: &Val) -> Result<Option<Val>, Error> {
        match (self, key) {
            (Val::Null, Val::Str(_) | Val::Num(_) | Val::Null | Val::Obj(_)) => Ok(None),
            (Val::Obj(object), Val::Str(text)) => {
                Ok(object.members.get(&Text::from(text.as_str())).cloned())
            }
            (Val::Arr(array), Val::Num(_)) => {
                let at = key.position().and_then(|at| place(at, array.items.len()));
                Ok(at.and_then(|at| array.items.get(at).cloned()))
            }
            (Val::Arr(_), Val::Arr(_)) => super::funs::indices(self, key).map(Some),
            _ => match as_range(key).filter(|_| !matches!(self, Val::Obj(_))) {
                Some(range) => self.clone().range(range).map(Some),
                None => Err(no_index(self, key)),
            },
        }
    }
}

impl ValT for Val {
    fn from_num(number: &str) -> ValR {
        let digits = Val::Num(Value::Number(Digits::from(number)));
        Ok(match digits.int() {
            Some(whole) => Val::from(whole),
            None if number.bytes().all(|digit| digit.is_ascii_digit()) => digits,
            None => Val::from(number.parse::<f64>().unwrap_or(f64::NAN)),
        })
    }

    fn from_map<I: IntoIterator<Item = (Val, Val)>>(members: I) -> ValR {
        let mut object = Obj { depth: 1, ..Obj::default() };
        for (key, value) in members {
            let name = key.key().ok_or_else(|| {
                let got = typed(&key);
                Error::str(format_args!("expected a string for object key but got: {got}"))
            })?;
            object.insert(name, value);
        }
        Ok(Val::Obj(Rc::new(object)))
    }

    fn key_values(self) -> Iter<Result<(Val, Val), Error>> {
        match self {
            Val::Arr(array) => {
                let items = Rc::unwrap_or_clone(array).items.into_iter().enumerate();
                Box::new(items.map(|(at, item)| Ok((Val::from(at), item))))
            }
            Val::Obj(object) => {
                let members = Rc::unwrap_or_clone(object).members.into_iter();
                Box::new(members.map(|(key, value)| Ok((Val::str(key.to_str_lossy()), value))))
            }
            val => fails(no_iteration(&val)),
        }
    }

    fn values(self) -> Iter<ValR> {
        match self {
            Val::Arr(array) => Box::new(Rc::unwrap_or_clone(array).items.into_iter().map(Ok)),
            Val::Obj(object) => Box::new(Rc::unwrap_or_clone(object).members.into_values().map(Ok)),
            val => fails(no_iteration(&val)),
        }
    }

    fn index(self, key: &Val) -> ValR {
        self.get(key).map(Option::unwrap_or_default)
    }

    fn range(self, range: Range<&Val>) -> ValR {
        match &self {
            Val::Null => Ok(Val::Null),
            Val::Arr(array) => {
                let (start, end) = bounds(&range, array.items.len())?;
                Ok(Val::arr(array.items.get(start..end).unwrap_or_default().to_vec()))
            }
            Val::Str(text) => {
                budget::take_bytes(text.len());
                let (start, end) = bounds(&range, text.chars().count())?;
                Ok(Val::str(text.chars().skip(start).take(end - start).collect::<String>()))
            }
            val => Err(Error::str(format_args!("expected an array but got: {}", typed(val)))),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Val>>>(
        self,
        opt: Opt,
        change: impl Fn(Val) -> I,
    ) -> ValX<'a, Val> {
        match self {
            Val::Arr(array) => {
                let items = Rc::unwrap_or_clone(array).items.into_iter();
                let items = items.filter_map(|item| change(item).next());
                Ok(Val::arr(items.collect::<Result<_, _>>()?))
            }
            Val::Obj(object) => {
                let members = Rc::unwrap_or_clone(object).members.into_iter();
                let members = members
                    .filter_map(|(key, value)| change(value).next().map(|value| Ok((key, value?))));
                Ok(Val::obj(members.collect::<Result<Vec<_>, Exn<_>>>()?))
            }
            val => opt.fail(val, |val| Exn::from(no_iteration(&val))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Val>>>(
        self,
        key: &Val,
        opt: Opt,
        change: impl Fn(Val) -> I,
    ) -> ValX<'a, Val> {
        if let Some(range) = as_range(key).filter(|_| !matches!(self, Val::Obj(_))) {
            return self.map_range(range, opt, change);
        }
        // Where there is nothing yet, a key makes an object and a position an array.
        let target = match (self, key) {
            (Val::Null, Val::Str(_)) => Val::obj([]),
            (Val::Null, Val::Num(_)) => Val::arr(Vec::new()),
            (target, _) => target,
        };
        match (target, key) {
            (Val::Obj(mut object), Val::Str(text)) => {
                let key = Text::from(text.as_str());
                let members = Rc::make_mut(&mut object);
                let old = members.members.remove(&key).unwrap_or_default();
                if let Some(new) = change(old).next().transpose()? {
                    members.insert(key, new);
                }
                Ok(Val::Obj(object))
            }
            (Val::Arr(mut array), Val::Num(_)) => {
                set_item(Rc::make_mut(&mut array), key.position().unwrap_or_default(), change)?;
                Ok(Val::Arr(array))
            }
            (target, key) => opt.fail(target, |val| Exn::from(no_index(&val, key))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Val>>>(
        self,
        range: Range<&Val>,
        opt: Opt,
        change: impl Fn(Val) -> I,
    ) -> ValX<'a, Val> {
        let mut array = match self {
            Val::Arr(array) => array,
            Val::Null => Rc::default(),
            val => {
                let error = |val: Val| {
                    Error::str(format_args!("expected an array but got: {}", typed(&val)))
                };
                return opt.fail(val, |val| Exn::from(error(val)));
            }
        };
        let (start, end) = bounds(&range, array.items.len())?;
        let part = array.items.get(start..end).unwrap_or_default().to_vec();
        let new = match change(Val::arr(part)).next().transpose()? {
            Some(Val::Arr(new)) => Rc::unwrap_or_clone(new).items,
            None => Vec::new(),
            Some(val) => {
                let got = typed(&val);
                return Err(Error::str(format_args!("expected an array but got: {got}")).into());
            }
        };
        let mut items = std::mem::take(&mut Rc::make_mut(&mut array).items);
        items.splice(start..end, new);
        Ok(Val::arr(items))
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Val::Null | Val::Bool(false))
    }

    fn into_string(self) -> Val {
        match self {
            Val::Str(_) => self,
            val => Val::str(super::text::json(&val)),
        }
    }
}

/// Changes the item at a position, which may lie behind the last one.
fn set_item<'a, I: Iterator<Item = ValX<'a, Val>>>(
    array: &mut Arr,
    position: i64,
    change: impl Fn(Val) -> I,
) -> Result<(), Exn<'a, Val>> {
    if let Some(at) = place(position, array.items.len()) {
        let old = array.items.get_mut(at).map(std::mem::take).unwrap_or_default();
        match change(old).next().transpose()? {
            Some(new) => array.set(at, new),
            None => _ = array.items.remove(at),
        }
        return Ok(());
    }
    let shown = preview(&Val::from(position));
    let Ok(at) = usize::try_from(position) else {
        let text = format!("array index should not be negative: {shown}");
        return Err(Error::str(text).into());
    };
    if position > ITEMS_MAX {
        return Err(Error::str(format_args!("array index too large: {shown}")).into());
    }
    if let Some(new) = change(Val::Null).next().transpose()? {
        budget::take(at - array.items.len());
        array.items.resize_with(at + 1, Val::default);
        array.set(at, new);
    }
    Ok(())
}

impl jaq_std::ValT for Val {
    fn into_seq<S: FromIterator<Val>>(self) -> Result<S, Val> {
        match self {
            Val::Arr(array) => Ok(Rc::unwrap_or_clone(array).items.into_iter().collect()),
            val => Err(val),
        }
    }

    fn is_int(&self) -> bool {
        self.int().is_some()
    }

    fn as_isize(&self) -> Option<isize> {
        let whole = || self.float().filter(|n| n.fract() == 0.0).map(|n| n as i64);
        self.int().or_else(whole).and_then(|number| isize::try_from(number).ok())
    }

    fn as_f64(&self) -> Option<f64> {
        self.float()
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Val::Str(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Val::Str(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn as_sub_str(&self, part: &[u8]) -> Val {
        Val::str(String::from_utf8_lossy(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Val {
        Val::str(String::from_utf8_lossy(bytes.as_ref()))
    }
}

/// Removes what stands at paths, the last ones first.
pub(super) fn without(val: Val, paths: &Val) -> ValR {
    let Val::Arr(paths) = paths else { return Err(no_function("delpaths", paths)) };
    let mut paths: Vec<&Val> = paths.items.iter().collect();
    paths.sort();
    paths.into_iter().rev().try_fold(val, |val, path| match path {
        Val::Arr(path) => without_one(val, &path.items),
        other => Err(no_function("delpaths", other)),
    })
}

fn without_one(val: Val, path: &[Val]) -> ValR {
    let Some((key, rest)) = path.split_first() else { return Ok(Val::Null) };
    if matches!(val, Val::Null) || (!matches!(key, Val::Obj(_)) && val.get(key)?.is_none()) {
        return Ok(val);
    }
    if rest.is_empty() {
        return val.map_index(key, Opt::Essential, |_| std::iter::empty()).map_err(no_exception);
    }
    let inner = without_one(val.get(key)?.unwrap_or_default(), rest)?;
    let inner = std::cell::Cell::new(inner);
    let changed = val.map_index(key, Opt::Essential, |_| std::iter::once(Ok(inner.take())));
    changed.map_err(no_exception)
}

fn no_exception(exception: Exn<'_, Val>) -> Error {
    exception.get_err().unwrap_or_else(|_| Error::str("break"))
}
