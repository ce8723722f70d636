//! What writers send elsewhere: `toProcess`, `toStream`, `toDatabase` (spec/kdb-qsp.md §12).

use super::build::Node;
use super::stage::{Output, Stage};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use formats::k::{Data, K, Sym, Vector};
use formats::on_k_data;

/// What another process is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calling {
    /// The name of a function, or of a table that gets rows.
    target: String,
    is_table: bool,
    /// Whether the items of the data are arguments of their own.
    spread: bool,
    /// Whether the answer is waited for.
    pub(crate) sync: bool,
    /// Where the process is.
    pub(crate) place: Place,
}

/// Where a process is, and as whom to come to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Place {
    /// A handle: host and port, and maybe user and password behind them.
    fn of(handle: &str) -> Option<Self> {
        let mut parts = handle.trim_start_matches(':').splitn(4, ':');
        let (first, second) = (parts.next()?, parts.next());
        // A port alone is one of this machine, also behind an empty host.
        let (host, port) = match second {
            None => ("", first),
            Some(port) => (first, port),
        };
        let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
        let host = if host.is_empty() { "localhost" } else { host };
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let (user, password) = (text(parts.next()), text(parts.next()));
        Some(Place { address: format!("{host}:{port}"), user, password })
    }
}

impl Calling {
    /// What the options of a writer say.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of(node: &Node) -> Result<Self> {
        let handle = match node.option("handle").map(|k| (k.as_sym(), k.as_text(), k.as_long())) {
            Some((Some(symbol), ..)) => symbol.as_str().to_owned(),
            Some((_, Some(text), _)) => String::from_utf8_lossy(text).into_owned(),
            Some((.., Some(port))) => port.to_string(),
            _ => return Err(QError::new("type: handle")),
        };
        let place = Place::of(&handle).ok_or_else(|| {
            QError::new("handle must be `:host:port or `:host:port:user:password")
        })?;
        let target = match node.option("target").map(K::as_sym) {
            Some(Some(target)) if !target.is_null() => target.as_str().to_owned(),
            Some(_) => return Err(QError::new("type: target")),
            None => return Err(QError::new("toProcess needs a target: a function or a table")),
        };
        let is_table = match node.option("mode").map(|k| k.as_sym().map(|s| s.as_str())) {
            None | Some(Some("function")) => false,
            Some(Some("table")) => true,
            Some(Some(other)) => return Err(QError::new(format!("mode: {other}"))),
            Some(None) => return Err(QError::new("type: mode")),
        };
        let spread = node.flag("spread")?;
        if spread && is_table {
            return Err(QError::new("spread is for functions, and not for tables"));
        }
        for limit in ["queueLength", "queueSize"] {
            // What is sent does not wait, so that any limit is kept.
            if node.number(limit, 1)? < 1 {
                return Err(QError::new(format!("{limit} must be 1 or more")));
            }
        }
        Ok(Calling { target, is_table, spread, sync: node.flag("sync")?, place })
    }

    /// The message that brings data to the target.
    fn message(&self, data: K) -> Result {
        let target = K::sym(Sym::intern(self.target.as_bytes()).ok_or_else(type_error)?);
        if self.is_table {
            return Ok(K::list(vec![K::str("upsert"), target, data]));
        }
        if !self.spread {
            return Ok(K::list(vec![target, data]));
        }
        match &data {
            K::Vec(_) => Ok(K::list(std::iter::once(target).chain(data.items()).collect())),
            _ => Err(QError::new("type: spread takes a list of arguments")),
        }
    }
}

/// Makes messages of data.
pub(super) struct Calls(Option<Calling>);

impl Calls {
    pub(super) fn new(node: &Node) -> Self {
        // What is wrong was told when the spec was loaded.
        Self(Calling::of(node).ok())
    }
}

impl Stage for Calls {
    fn batch(&mut self, _: &mut Session, _: &Node, _: K, data: K, out: &mut Output) -> Result<()> {
        let calling = self.0.as_ref().ok_or_else(type_error)?;
        out.push((K::Null, calling.message(data)?));
        Ok(())
    }
}

/// Data without what travels beside it, which means nothing elsewhere.
pub(super) struct Plain;

impl Stage for Plain {
    fn batch(&mut self, _: &mut Session, _: &Node, _: K, data: K, out: &mut Output) -> Result<()> {
        out.push((K::Null, data));
        Ok(())
    }
}

/// Rows as a plain table.
pub(super) struct Tables;

impl Stage for Tables {
    fn batch(&mut self, cx: &mut Session, _: &Node, _: K, data: K, out: &mut Output) -> Result<()> {
        let table = match data {
            K::Dict(_) if data.keyed().is_some() => crate::verbs::unkeyed(&data)?,
            row @ K::Dict(_) => row.enlist(),
            other => other,
        };
        if !matches!(table, K::Table(_)) {
            return Err(QError::new("type: toDatabase takes tables"));
        }
        // What is written is a copy of each column, though they may be one and the same.
        cx.bytes(written(&table))?;
        out.push((K::Null, table));
        Ok(())
    }
}

/// Bytes that a table takes when all of its columns and texts are copied.
fn written(k: &K) -> usize {
    let each = |items: &[K]| items.iter().map(written).fold(0, usize::saturating_add);
    match k {
        K::Table(t) => each(&t.columns),
        K::Vec(Vector { data: Data::List(items), .. }) => {
            // Texts are as deep as it may be.
            let texts = items.iter().map(|k| if let K::Vec(v) = k { v.data.len() } else { 1 });
            texts.fold(0, usize::saturating_add)
        }
        K::Vec(v) => on_k_data!(&v.data, v => size_of_val(v.as_slice())),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::Options;

    fn node(writer: &str) -> Result<Node> {
        let pipeline = load(&format!(".qsp.run .qsp.read.fromCallback[`p] .qsp.write.{writer}"))?;
        pipeline.nodes.into_iter().next_back().ok_or_else(type_error)
    }

    /// The messages of a value, as q shows them.
    fn messages(stage: &mut dyn Stage, node: &Node, value: &str) -> Result<Vec<String>> {
        let (mut cx, mut out) = (Session::new(Options::default()), Output::new());
        let value = cx.eval(value, "value")?;
        stage.batch(&mut cx, node, K::long(1), value, &mut out)?;
        assert!(out.iter().all(|(metadata, _)| matches!(metadata, K::Null)));
        let mut texts = Vec::new();
        for (_, message) in out {
            cx.set_variable("message", message);
            let shown = cx.eval("-3!message", "shown")?;
            texts.push(String::from_utf8_lossy(shown.as_text().unwrap()).into_owned());
        }
        Ok(texts)
    }

    fn called(options: &str, value: &str) -> Result<Vec<String>> {
        let node = node(&format!("toProcess[.qsp.use {options}]"))?;
        messages(&mut Calls::new(&node), &node, value)
    }

    #[test]
    fn calls_of_functions_and_tables() {
        let to = "`handle`target";
        let call = called(&format!("{to}!(`::5000;`f)"), "1 2").unwrap();
        assert_eq!(call, ["(`f;1 2)"]);
        let rows = called(&format!("({to},`mode)!(`::5000;`t;`table)"), "([]a:1 2)").unwrap();
        assert_eq!(rows, ["(\"upsert\";`t;+(,`a)!,1 2)"]);
        let spread = |value| called(&format!("({to},`spread)!(`::5000;`.u.upd;1b)"), value);
        assert_eq!(spread("(`t;1 2)").unwrap(), ["(`.u.upd;`t;1 2)"]);
        assert_eq!(spread("1").unwrap_err().text, "type: spread takes a list of arguments");
    }

    #[test]
    fn a_table_that_is_only_large_when_it_is_written_is_refused() {
        let node = node("toDatabase[`t; \"db\"]").unwrap();
        let mut cx = Session::new(Options::default());
        let mut written = |rows: usize| {
            let text = format!("flip (`$\"c\",/:string til 1000)!1000#enlist til {rows}");
            let (table, mut out) = (cx.eval(&text, "table").unwrap(), Output::new());
            let done = cx.bounded(0, |cx| Tables.batch(cx, &node, K::Null, table, &mut out));
            done.map(|()| out.len()).map_err(|error| error.text.clone())
        };
        assert_eq!(written(100), Ok(1));
        assert_eq!(written(100_000), Err("wsfull".to_owned()));
    }

    #[test]
    fn handles() {
        let place = |handle| Place::of(handle).map(|p| (p.address, p.user, p.password));
        let at = |address: &str, user: &str, password: &str| {
            Some((address.to_owned(), user.to_owned(), password.to_owned()))
        };
        assert_eq!(place(":host:5000"), at("host:5000", "", ""));
        assert_eq!(place("::5000"), at("localhost:5000", "", ""));
        assert_eq!(place("5000"), at("localhost:5000", "", ""));
        assert_eq!(place(":host:5000:me:p:w"), at("host:5000", "me", "p:w"));
        for wrong in ["", ":host", ":host:", ":host:0", ":host:70000", "::"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_call_is_said() {
        let error = |options: &str| called(options, "1").unwrap_err().text.clone();
        assert_eq!(error("`handle`target!(`::5000;1)"), "type: target");
        assert!(error("enlist[`handle]!enlist `::5000").starts_with("toProcess needs a target"));
        assert!(error("`handle`target!(`here;`f)").starts_with("handle must be "));
        assert_eq!(error("`handle`target`mode!(`::1;`f;`x)"), "mode: x");
        let both = error("`handle`target`mode`spread!(`::1;`f;`table;1b)");
        assert_eq!(both, "spread is for functions, and not for tables");
        assert_eq!(
            error("`handle`target`queueLength!(`::1;`f;0)"),
            "queueLength must be 1 or more"
        );
        assert_eq!(
            error("`handle`target`params!(`::1;`f;`data)"),
            "nyi: option params of .qsp.write.toProcess"
        );
        assert!(error("`handle`target`port!(`::1;`f;1)").starts_with("unknown option of "));
    }

    #[test]
    fn only_tables_go_to_a_database() {
        let node = node("toDatabase[`t;`:db]").unwrap();
        let table = |value: &str| messages(&mut Tables, &node, value);
        assert_eq!(table("([]a:1 2)").unwrap(), ["+(,`a)!,1 2"]);
        assert_eq!(table("([a:1 2]b:3 4)").unwrap(), ["+`a`b!(1 2;3 4)"]);
        assert_eq!(table("`a`b!1 2").unwrap(), ["+`a`b!(,1;,2)"]);
        assert_eq!(table("1").unwrap_err().text, "type: toDatabase takes tables");
    }
}
