//! What `toConsole` shows of a value: lines with a prefix and a time (spec/kdb-qsp.md §12).

use super::build::Node;
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::error::{QError, Result};
use crate::session::Session;
use formats::k::{K, Type};
use plan::serde_json::json;

/// Which time stands in front of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    None,
    Utc,
    Local,
}

/// What lines look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    prefix: Vec<u8>,
    split: bool,
    stamp: Stamp,
    /// Whether each line is a message of a log, in JSON.
    qlog: bool,
}

impl Look {
    /// What the options of a writer say.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of(node: &Node) -> Result<Self> {
        let prefix = match node.option("prefix") {
            None => Vec::new(),
            Some(k) => k.as_text().ok_or_else(|| QError::new("type: prefix"))?.to_vec(),
        };
        let qlog = node.flag("qlog")?;
        let stamp = match node.option("timestamp").map(K::as_sym) {
            // A log has times of its own.
            None if qlog => Stamp::None,
            None => Stamp::Utc,
            Some(Some(mode)) => match mode.as_str() {
                "." if qlog => Stamp::None,
                "." | "utc" => Stamp::Utc,
                "local" => Stamp::Local,
                "" => Stamp::None,
                other => return Err(QError::new(format!("timestamp: {other}"))),
            },
            Some(None) => return Err(QError::new("type: timestamp")),
        };
        Ok(Look { prefix, split: node.flag("split")?, stamp, qlog })
    }

    /// What stands in front of each line.
    fn head(&self, cx: &mut Session) -> Vec<u8> {
        let offset = match self.stamp {
            Stamp::None => return self.prefix.clone(),
            Stamp::Utc => 0,
            Stamp::Local => cx.host.offset(),
        };
        let now = cx.host.now() - EPOCH_DAYS * DAY + offset;
        let stamp = crate::display::plain(&K::timestamp(now), 7);
        [&self.prefix, stamp.as_bytes(), b" | "].concat()
    }
}

/// The lines of a value, each ended.
pub(crate) fn render(cx: &mut Session, node: &Node, data: &K) -> Result<Vec<u8>> {
    let look = Look::of(node)?;
    let head = look.head(cx);
    let mut out = Vec::new();
    for line in lines(cx, data, look.split) {
        let line = [&head, line.as_bytes()].concat();
        match look.qlog {
            true => out.extend(logged(cx, node, &line).into_bytes()),
            false => out.extend(line),
        }
        out.push(b'\n');
    }
    Ok(out)
}

/// A line as a message of a log: time, who says it, how grave it is, and what.
fn logged(cx: &mut Session, node: &Node, line: &[u8]) -> String {
    let now = cx.host.now() - EPOCH_DAYS * DAY;
    let stamp = crate::display::plain(&K::timestamp(now), 7);
    let (date, time) = stamp.split_once('D').unwrap_or((&stamp, ""));
    json!({
        "time": format!("{}T{time}z", date.replace('.', "-")),
        "component": node.name,
        "level": "INFO",
        "message": String::from_utf8_lossy(line),
    })
    .to_string()
}

fn lines(cx: &Session, data: &K, split: bool) -> Vec<String> {
    let is_vector = |k: &K| matches!(k, K::Vec(v) if !matches!(v.ty, Type::List | Type::Char));
    let shown = |k: &K| {
        formats::budget::check();
        own_lines(cx.show(k))
    };
    if split && is_vector(data) {
        return data.items().flat_map(|item| shown(&item)).collect();
    }
    if data.ty() != Some(Type::List) {
        return shown(data).collect();
    }
    let mut out = Vec::new();
    for item in data.items() {
        // A vector among the items of a list is split as one that comes alone.
        if split && is_vector(&item) {
            out.extend(item.items().flat_map(|item| shown(&item)));
        } else {
            out.extend(shown(&item));
        }
    }
    out
}

fn own_lines(text: String) -> impl Iterator<Item = String> {
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::super::build::load;
    use super::*;
    use crate::session::{FixedHost, Host, Options};

    struct There(FixedHost);

    impl Host for There {
        fn now(&mut self) -> i64 {
            self.0.now()
        }
        fn offset(&mut self) -> i64 {
            2 * 3_600_000_000_000
        }
        fn random(&mut self) -> u64 {
            self.0.random()
        }
    }

    fn shown(arguments: &str, value: &str) -> Result<String> {
        let spec = format!(".qsp.run .qsp.read.fromCallback[`p] .qsp.write.toConsole[{arguments}]");
        let node = load(&spec)?.nodes.pop().ok_or_else(|| QError::new("no writer"))?;
        let host = Box::new(There(FixedHost::default()));
        let mut cx = Session::new(Options { host, ..Options::default() });
        let value = cx.eval(value, "value")?;
        let text = render(&mut cx, &node, &value)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn prefixes_and_times() {
        let line = |arguments: &str| shown(arguments, "1 2").unwrap();
        let stamp = "2024.01.01D00:00:00.000000000 | ";
        assert_eq!(line(""), format!("{stamp}1 2\n"));
        assert_eq!(line("\"INFO: \""), format!("INFO: {stamp}1 2\n"));
        assert_eq!(line("\"p \"; .qsp.use ``timestamp!``"), "p 1 2\n");
        assert_eq!(line(".qsp.use ``timestamp!``utc"), format!("{stamp}1 2\n"));
        let local = "2024.01.01D02:00:00.000000000 | 1 2\n";
        assert_eq!(line(".qsp.use ``timestamp!``local"), local);
        let error = shown(".qsp.use ``timestamp!``mars", "1").unwrap_err();
        assert_eq!(error.text, "timestamp: mars");
        let error = shown(".qsp.use ``colour!``red", "1").unwrap_err();
        assert!(
            error.text.starts_with("unknown option of .qsp.write.toConsole: colour"),
            "{error}"
        );
    }

    #[test]
    fn vectors_are_split_where_that_is_wanted_and_lists_always() {
        let split = ".qsp.use `split`timestamp!(1b;`)";
        assert_eq!(shown(split, "1 2").unwrap(), "1\n2\n");
        assert_eq!(shown(split, "\"ab\"").unwrap(), "\"ab\"\n");
        assert_eq!(shown(split, "enlist 1 2 3 4").unwrap(), "1\n2\n3\n4\n");
        assert_eq!(shown(split, "(`a`b;\"cd\";5)").unwrap(), "`a\n`b\n\"cd\"\n5\n");
        assert_eq!(shown(".qsp.use ``timestamp!``", "enlist 1 2").unwrap(), "1 2\n");
        assert_eq!(shown(".qsp.use ``timestamp!``", "(1;`a)").unwrap(), "1\n`a\n");
        assert_eq!(shown(".qsp.use ``timestamp!``", "1 2").unwrap(), "1 2\n");
    }

    #[test]
    fn lines_of_a_log() {
        let line = shown("\"p \"; .qsp.use `qlog`name!(1b;`out)", "\"hi\"").unwrap();
        let time = "2024-01-01T00:00:00.000000000z";
        let rest = r#""component":"out","level":"INFO","message":"p \"hi\""}"#;
        assert_eq!(line, format!("{{\"time\":\"{time}\",{rest}\n"));
        let line = shown(".qsp.use `qlog`timestamp!(1b;`utc)", "1").unwrap();
        assert!(line.contains("\"message\":\"2024.01.01D00:00:00.000000000 | 1\""), "{line}");
    }
}
