//! What a client calls, and the values it calls it with.

use std::sync::Arc;

use flume::Sender;
use formats::k::{Data, K, Type, Vector};
use plan::env::{Payload, Request};
use wire::kdb;

use super::flight::{Answer, gone};
use super::gathered::Callee;
use super::router::{Port, Router, Said};

/// Levels of general lists in an argument that are looked at: the argument, and what is in it.
const COERCED_LEVELS: usize = 2;

/// The error of what is not allowed.
const ACCESS: &str = "access";

/// What a request is about.
pub(super) enum Wanted {
    /// Nothing that has to be asked for.
    Nothing(Result<K, String>),
    /// A value for a callback.
    Callback { callee: Callee, value: K },
    /// Something else.
    Other { request: K, said: Option<Said> },
}

/// Finds out what a request is about.
pub(super) fn wanted(request: K, router: &dyn Router) -> Wanted {
    if let Some(probe) = kdb::probe(&request) {
        return Wanted::Nothing(Ok(probe.answer()));
    }
    let said = match said(&request, router) {
        Ok(said) => said,
        Err(error) => return Wanted::Nothing(Err(error)),
    };
    let Some(Said::Call(name, mut arguments)) = said else {
        return Wanted::Other { request, said };
    };
    let Some(Port { requests, home }) = find(&name, &mut arguments, router) else {
        return Wanted::Other { request, said: Some(Said::Call(name, arguments)) };
    };
    // Held on to, it would keep the items of the argument from being taken out.
    drop(request);
    // A callback takes one argument (spec/kdb-qsp.md §6).
    match (arguments.len(), arguments.pop()) {
        (1, Some(value)) => {
            let callee = Callee { port: requests, name, home };
            Wanted::Callback { callee, value: coerced(value) }
        }
        _ => Wanted::Nothing(Err("rank".to_owned())),
    }
}

/// The name or the call that a request is.
fn said(request: &K, router: &dyn Router) -> Result<Option<Said>, String> {
    if let Some(name) = request.as_sym() {
        return Ok(Some(Said::Name(name.as_str().to_owned())));
    }
    match request.as_text() {
        Some(text) => router.read(text),
        None => Ok(named(request).map(|(name, arguments)| Said::Call(name, arguments))),
    }
}

/// Answers what is no value for a callback.
pub(super) async fn answer(
    request: &K,
    said: Option<Said>,
    router: &dyn Router,
) -> Result<K, String> {
    let error = match said {
        Some(Said::Name(name)) => match router.variable(&name).await? {
            Some(value) => return Ok(value),
            // What it is made of stays here.
            None if router.port(&name).is_some() => ACCESS.to_owned(),
            None => name,
        },
        Some(Said::Call(name, arguments)) => match router.function(&name, &arguments).await {
            Some(answer) => return answer,
            None if router.variable(&name).await?.is_some() => ACCESS.to_owned(),
            None => name,
        },
        None => ACCESS.to_owned(),
    };
    router.evaluate(request).await.unwrap_or(Err(error))
}

/// A value as q itself would have made it: a list of like atoms is a vector. Clients send general
/// lists for what their languages call a list (spec/kdb-ipc.md §6).
pub(super) fn coerced(value: K) -> K {
    coerce(value, COERCED_LEVELS)
}

fn coerce(value: K, levels: usize) -> K {
    if levels == 0 {
        return value;
    }
    match value {
        K::Vec(Vector { ty, attr, data: Data::List(list) }) => {
            if let Some(K::Atom(of, _)) = list.first() {
                let of = *of;
                return match list.iter().all(|k| matches!(k, K::Atom(ty, _) if *ty == of)) {
                    true => K::collapse(list.to_vec()).with_attr(attr),
                    false => K::Vec(Vector { ty, attr, data: Data::List(list) }),
                };
            }
            let mut items = Arc::unwrap_or_clone(list);
            for item in items.iter_mut() {
                *item = coerce(std::mem::take(item), levels - 1);
            }
            K::Vec(Vector { ty, attr, data: Data::List(Arc::new(items)) })
        }
        K::Dict(dict) => {
            let mut dict = Arc::unwrap_or_clone(dict);
            dict.keys = coerce(dict.keys, levels);
            dict.values = coerce(dict.values, levels);
            K::Dict(Arc::new(dict))
        }
        K::Table(table) if table.columns.iter().any(|c| c.as_list().is_some()) => {
            let mut table = Arc::unwrap_or_clone(table);
            for column in &mut table.columns {
                *column = coerce(std::mem::take(column), levels - 1);
            }
            K::Table(Arc::new(table))
        }
        other => other,
    }
}

/// The port of a name. A dictionary of callbacks is called with the key in front: it is found
/// under the name, a dot and the key.
fn find(name: &str, arguments: &mut Vec<K>, router: &dyn Router) -> Option<Port> {
    if let [key, _] = arguments.as_slice()
        && let Some(key) = key.as_sym()
        && let Some(port) = router.port(&format!("{name}.{}", key.as_str()))
    {
        arguments.remove(0);
        return Some(port);
    }
    router.port(name)
}

/// Gives a callback values, each of which is a call.
pub(super) async fn call(callee: Callee, mut values: Vec<K>, remote: &str) -> Answer {
    let Callee { port, name, .. } = callee;
    let (reply, answer) = flume::bounded(1);
    let payload = match values.pop() {
        Some(value) if values.is_empty() => Payload::Value(value),
        last => {
            values.extend(last);
            Payload::Values(values)
        }
    };
    let request = Request {
        method: String::new(),
        path: name.clone(),
        query: Vec::new(),
        headers: Vec::new(),
        remote: remote.to_owned(),
        payload,
        incoming: None,
        encryption: None,
        reply,
    };
    // The port is not held on to: it would keep a request that nobody takes.
    match port.send_async(request).await {
        Ok(()) => Answer::Awaited(name, answer),
        Err(_) => Answer::Ready(Err(gone(&name))),
    }
}

/// Gives a callback of this name a value that was not sent but made here, and waits for its answer.
///
/// # Errors
/// The one of the callback, or that its pipeline has ended.
pub async fn give(port: Sender<Request>, name: String, value: K) -> Result<K, String> {
    call(Callee { port, name, home: None }, vec![value], "").await.get().await
}

/// The name and the arguments of a call; a head may be a symbol or a text that names a function
/// (spec/kdb-ipc.md §5).
fn named(request: &K) -> Option<(String, Vec<K>)> {
    if let Some([head, rest @ ..]) = request.as_syms().filter(|s| s.len() > 1) {
        let arguments = rest.iter().map(|s| K::sym(*s)).collect();
        return Some((head.as_str().to_owned(), arguments));
    }
    let [head, rest @ ..] = request.as_list()? else { return None };
    let name = match head.as_sym() {
        Some(name) => name.as_str().to_owned(),
        None if head.ty() == Some(Type::Char) => {
            let text = String::from_utf8(head.as_text()?.to_vec()).ok()?;
            let named = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b));
            named.then_some(text)?
        }
        None => return None,
    };
    Some((name, rest.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_recognised() {
        let name = |request: &K| named(request).map(|(name, args)| (name, args.len()));
        let list = |items| K::list(items);
        let upd = Some(("upd".to_owned(), 1));
        assert_eq!(name(&list(vec![K::sym("upd"), K::long(1)])), upd);
        assert_eq!(name(&list(vec![K::str("upd"), K::long(1)])), upd);
        assert_eq!(name(&K::syms(vec!["upd".into(), "a".into()])), upd);
        assert_eq!(name(&list(vec![K::str("{x}"), K::long(1)])), None);
        assert_eq!(name(&K::str("upd 1")), None);
        assert_eq!(name(&K::sym("upd")), None);
        assert_eq!(name(&list(vec![])), None);
    }

    fn ints(items: &[i64]) -> Vec<K> {
        items.iter().map(|n| K::long(*n)).collect()
    }

    #[test]
    fn lists_of_like_atoms_become_vectors() {
        let (list, vector) = (K::list(ints(&[1, 2])), K::longs(vec![1, 2]));
        let same = |from: K, to: &K| {
            let made = coerced(from);
            assert_eq!((made.code(), &made), (to.code(), to));
        };
        same(list.clone(), &vector);
        let mixed = K::list(vec![K::long(1), K::float(2.0)]);
        same(mixed.clone(), &mixed);
        same(K::list(vec![K::Null, K::Null]), &K::list(vec![K::Null, K::Null]));
        same(K::list(Vec::new()), &K::list(Vec::new()));
        same(K::list(vec![K::char(b'a'), K::char(b'b')]), &K::str("ab"));
        // A list of columns, one of them mixed.
        let columns = K::list(vec![list.clone(), K::list(vec![K::sym("a")]), mixed.clone()]);
        same(columns, &K::list(vec![vector.clone(), K::syms(vec!["a".into()]), mixed.clone()]));
        // What is deeper stays as it was sent.
        let inner = K::list(vec![K::list(vec![list.clone()])]);
        same(inner.clone(), &inner);
        // One dictionary after the other is no table before somebody makes it one.
        let row = K::dict(K::syms(vec!["a".into()]), vector.clone());
        let rows = K::list(vec![row.clone(), row]);
        same(rows.clone(), &rows);
    }

    #[test]
    fn lists_of_like_atoms_in_dictionaries_and_tables_become_vectors() {
        let (list, vector) = (K::list(ints(&[1, 2])), K::longs(vec![1, 2]));
        let mixed = K::list(vec![K::long(1), K::float(2.0)]);
        let names = K::list(vec![K::sym("a"), K::sym("b")]);
        let made = coerced(K::sorted_dict(names.clone(), list.clone()));
        let K::Dict(dict) = &made else { panic!("a dictionary") };
        assert_eq!(dict.keys.as_syms().map(<[_]>::len), Some(2));
        assert_eq!((dict.values.code(), made.code()), (7, 127), "what it was stays known");
        let made = coerced(K::dict(names, K::list(vec![list.clone(), mixed.clone()])));
        let K::Dict(dict) = &made else { panic!("a dictionary") };
        assert_eq!(dict.values, K::list(vec![vector.clone(), mixed.clone()]));
        let names = || vec!["a".into(), "b".into()];
        let table = K::table(names(), vec![list, mixed.clone()]).unwrap();
        let better = K::table(names(), vec![vector, mixed]).unwrap();
        assert_eq!(coerced(table.clone()), better);
        assert_eq!(coerced(K::dict(table.clone(), table)), K::dict(better.clone(), better));
    }
}
