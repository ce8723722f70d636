//! What a stock client asks as soon as it is connected (spec/kdb-ipc.md §6).

use formats::k::{K, Sym};

/// A question of the client about the server's namespaces, and what satisfies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A k lambda that looks a context up.
    Context,
    /// The names in the `.q` namespace.
    Keys,
}

impl Probe {
    /// The answer the client is content with.
    #[must_use]
    pub fn answer(self) -> K {
        match self {
            Self::Context => K::sym("_pykx_ctx_marker"),
            Self::Keys => K::syms(Vec::new()),
        }
    }
}

/// Recognises the two requests: a list of a k lambda's text, or of `"key"`, and `` `.q ``.
#[must_use]
pub fn probe(request: &K) -> Option<Probe> {
    let [head, argument] = request.as_list()? else { return None };
    if argument.as_sym() != Some(Sym::new(".q")) {
        return None;
    }
    let text = head.as_text()?;
    if text == b"key" {
        return Some(Probe::Keys);
    }
    text.starts_with(b"k){x:. x;").then_some(Probe::Context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_probe_is_recognised() {
        let ask = |text: &str, name: &str| K::list(vec![K::str(text), K::sym(name)]);
        assert_eq!(probe(&ask("k){x:. x;$[99h<@x;...]}", ".q")), Some(Probe::Context));
        assert_eq!(probe(&ask("key", ".q")), Some(Probe::Keys));
        assert_eq!(probe(&ask("key", ".z")), None);
        assert_eq!(probe(&ask("upd", ".q")), None);
        assert_eq!(probe(&K::str("key")), None);
    }
}
