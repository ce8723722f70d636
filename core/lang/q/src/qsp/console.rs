//! What `toConsole` shows of a value: lines with a prefix and a time (spec/kdb-qsp.md §12).

use super::build::Node;
use crate::convert::calendar::{DAY, EPOCH_DAYS};
use crate::error::Result;
use crate::session::Session;
use formats::k::{K, Type};

/// The lines of a value, each ended.
pub(crate) fn render(cx: &mut Session, node: &Node, data: &K) -> Result<Vec<u8>> {
    let prefix = node.option("prefix").and_then(K::as_text).unwrap_or_default().to_vec();
    let qlog = node.flag("qlog")?;
    let mode = node.option("timestamp").and_then(K::as_sym).map(|s| s.as_str());
    let head = match mode {
        _ if qlog && mode.is_none_or(|m| m == ".") => prefix,
        Some("") => prefix,
        mode => {
            let offset = if mode == Some("local") { cx.host.offset() } else { 0 };
            let now = cx.host.now() - EPOCH_DAYS * DAY + offset;
            let stamp = crate::display::plain(&K::timestamp(now), 7);
            [&prefix, stamp.as_bytes(), b" | "].concat()
        }
    };
    let mut out = Vec::new();
    for line in lines(cx, data, node.flag("split")?) {
        out.extend_from_slice(&head);
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    Ok(out)
}

fn lines(cx: &Session, data: &K, split: bool) -> Vec<String> {
    let each = match data {
        K::Vec(v) => v.ty == Type::List || split && v.ty != Type::Char,
        _ => false,
    };
    if each {
        return data.items().map(|item| cx.show(&item)).flat_map(own_lines).collect();
    }
    own_lines(cx.show(data)).collect()
}

fn own_lines(text: String) -> impl Iterator<Item = String> {
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}
