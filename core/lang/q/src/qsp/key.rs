//! Events of a reader that have keys: the option `key` of `.qsp.read.fromCallback` names the field
//! of dictionaries that tells to what an event belongs (spec/kdb-qsp.md §6).

use super::build::Node;
use formats::k::{K, Sym};

/// The metadata of an event. Only a dictionary that has the field has a key.
pub(crate) fn keyed(node: &Node, metadata: K, data: &K) -> K {
    let K::Dict(event) = data else { return metadata };
    let Some(field) = node.option("key").and_then(K::as_sym) else { return metadata };
    let at = event.keys.as_syms().and_then(|names| names.iter().position(|name| *name == field));
    match at.and_then(|at| event.values.items().nth(at)) {
        Some(key) => K::dict(K::syms(vec![Sym::new("key")]), K::list(vec![key])),
        None => metadata,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::{Options, Session};

    #[test]
    fn dictionaries_with_the_field_have_a_key() {
        let spec = ".qsp.run .qsp.read.fromCallback[`p; .qsp.use ``key!``sym] \
            .qsp.write.toVariable[`v]";
        let node = load(spec).unwrap().nodes[0].clone();
        let mut cx = Session::new(Options::default());
        let mut key = |event: &str| {
            let event = cx.eval(event, "event").unwrap();
            crate::display::text(&keyed(&node, K::Null, &event))
        };
        assert_eq!(key("`sym`size!(`a;1)"), "(,`key)!,`a");
        assert_eq!(key("`sym`size!1 2"), "(,`key)!,1");
        for none in ["`size`price!1 2", "1 2", "([]sym:`a`b)", "1 2!3 4"] {
            assert_eq!(key(none), "::", "{none}");
        }
        let error = load(&spec.replace("``sym", "(::;1)")).unwrap_err();
        assert_eq!(error.text, "type: key");
    }
}
