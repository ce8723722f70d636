//! Places in a document: JSON pointers, what stands there, and putting something else there.

use std::sync::Arc;

use crate::yaml::{Data, Entry, Item, Node};

/// Most names of a pointer.
const NAMES_MAX: usize = 200;

/// The names of a JSON pointer.
pub(super) fn names(pointer: &str) -> Result<Vec<String>, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err("failed to resolve JSON pointer: path must begin with '/'".to_owned());
    };
    let name = |name: &str| name.replace("~1", "/").replace("~0", "~");
    let all: Vec<String> = rest.split('/').map(name).collect();
    if all.len() > NAMES_MAX {
        return Err(format!("a JSON pointer may have {NAMES_MAX} names at most"));
    }
    Ok(all)
}

/// What stands at a place.
pub(super) fn get<'n>(root: &'n Arc<Node>, path: &[String]) -> Result<&'n Arc<Node>, String> {
    let mut node = root;
    for (at, name) in path.iter().enumerate() {
        let lead = |text: String| {
            let before: String = path.iter().take(at).map(|name| format!("{name}.")).collect();
            format!("{before}{name}: {text}")
        };
        node = match node.items() {
            Some(items) => {
                let at = index(name, items.len()).map_err(lead)?;
                let item = items.get(at).map(|item| &item.node);
                item.ok_or_else(|| lead("target index greater than array length".to_owned()))?
            }
            None => node.get(name).ok_or_else(|| lead("key not found in mapping".to_owned()))?,
        };
    }
    Ok(node)
}

/// Which item of a list a name means; a negative one counts from the end.
fn index(name: &str, len: usize) -> Result<usize, String> {
    if name == "-" {
        return Err("append directive not allowed".to_owned());
    }
    let number: i64 = name.parse().map_err(|_| {
        format!("failed to parse path segment as array index: parsing {name:?}: invalid syntax")
    })?;
    let at = if number < 0 { number.saturating_add_unsigned(len as u64) } else { number };
    let at = usize::try_from(at).map_err(|_| "target index less than zero".to_owned())?;
    if at >= len {
        return Err("target index greater than array length".to_owned());
    }
    Ok(at)
}

/// The document with another node at a place. Keys that are missing on the way are added, and `-`
/// stands for the end of a list.
pub(super) fn set(
    root: &Arc<Node>,
    path: &[String],
    value: &Arc<Node>,
) -> Result<Arc<Node>, String> {
    let Some((name, rest)) = path.split_first() else { return Ok(Arc::clone(value)) };
    let lead = |text: String| match rest.is_empty() {
        true => text,
        false => format!("{name}.{text}"),
    };
    let mut node = Node::clone(root);
    if let Data::Seq(items) = &mut node.data {
        if name == "-" {
            let new = set(&Arc::new(Node::nothing()), rest, value).map_err(lead)?;
            items.push(Item { node: new, alias: false });
        } else {
            let at = index(name, items.len()).map_err(|text| format!("{name}: {text}"))?;
            if let Some(item) = items.get_mut(at) {
                item.node = set(&item.node, rest, value).map_err(lead)?;
            }
        }
        return Ok(Arc::new(node));
    }
    if node.is_null() {
        node.data = Data::Map(Vec::new());
    }
    let Data::Map(entries) = &mut node.data else {
        return Err(format!("{name}: a single value has no fields"));
    };
    match entries.iter_mut().rev().find(|entry| *entry.key == **name) {
        Some(entry) => entry.value.node = set(&entry.value.node, rest, value).map_err(lead)?,
        None => {
            let new = set(&Arc::new(Node::nothing()), rest, value).map_err(lead)?;
            let (line, column) = (new.line, new.column);
            let value = Item { node: new, alias: false };
            entries.push(Entry { key: Arc::from(name.as_str()), line, column, value });
        }
    }
    Ok(Arc::new(node))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::load;

    fn document() -> Arc<Node> {
        Arc::new(load("a: [{b: 1}, {b: 2}]\nc/d: x\n").unwrap())
    }

    #[test]
    fn pointers_find_their_places() {
        let root = document();
        let found =
            |pointer: &str| get(&root, &names(pointer)?).map(|node| node.to_json().to_string());
        for (pointer, want) in [
            ("/a/1/b", Ok("2")),
            ("/a/-2/b", Ok("1")),
            ("/c~1d", Ok("\"x\"")),
            ("a", Err("failed to resolve JSON pointer: path must begin with '/'")),
            ("/a/2", Err("a.2: target index greater than array length")),
            ("/a/-3", Err("a.-3: target index less than zero")),
            ("/a/0/x/y", Err("a.0.x: key not found in mapping")),
            ("/a/-", Err("a.-: append directive not allowed")),
        ] {
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found(pointer), want, "{pointer}");
        }
        assert!(names(&"/a".repeat(NAMES_MAX + 1)).is_err());
    }

    #[test]
    fn something_else_is_put_there() {
        let root = document();
        let put = |pointer: &str| {
            let new = set(&root, &names(pointer)?, &Arc::new(load("9").unwrap()))?;
            Ok::<_, String>(new.to_json().to_string())
        };
        assert_eq!(put("/a/0").unwrap(), "{\"a\":[9,{\"b\":2}],\"c/d\":\"x\"}");
        assert_eq!(put("/a/-").unwrap(), "{\"a\":[{\"b\":1},{\"b\":2},9],\"c/d\":\"x\"}");
        assert_eq!(put("/a/1/b").unwrap(), "{\"a\":[{\"b\":1},{\"b\":9}],\"c/d\":\"x\"}");
        assert_eq!(put("/c~1d").unwrap(), "{\"a\":[{\"b\":1},{\"b\":2}],\"c/d\":9}");
        assert!(put("/e/f").unwrap().contains("\"e\":{\"f\":9}"));
        assert_eq!(put("/a/7").unwrap_err(), "a.7: target index greater than array length");
        assert_eq!(put("/c~1d/x").unwrap_err(), "c/d.x: a single value has no fields");
    }

    proptest! {
        #[test]
        fn what_is_put_is_found(pointer in "(/[ab~01-]{1,3}){1,4}") {
            let path = names(&pointer).unwrap();
            let value = Arc::new(load("9").unwrap());
            if let Ok(new) = set(&document(), &path, &value)
                && !path.iter().any(|name| name == "-")
            {
                prop_assert_eq!(get(&new, &path), Ok(&value));
            }
        }
    }
}
