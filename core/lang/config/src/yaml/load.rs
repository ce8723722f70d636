//! From the events of the YAML parser to the tree.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag as EventTag};

use super::node::{Data, Entry, Item, Node};
use super::scalar::{Scalar, Tag};

/// Longest text that is read, in bytes.
pub const TEXT_MAX: usize = 64 << 20;
/// Deepest nesting of lists and mappings.
pub const DEPTH_MAX: usize = 200;
/// Most nodes of a document, each alias counted as all it stands for: a small text whose aliases
/// multiply is refused here.
pub const NODES_MAX: usize = 1_000_000;

/// Why a text is not a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("yaml: {}{text}{}", line_text(*line), column_text(*line, *column))]
pub struct YamlError {
    /// Line, from 1; 0 when it is about the whole text.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong.
    pub text: String,
}

fn line_text(line: u32) -> String {
    if line == 0 { String::new() } else { format!("line {line}: ") }
}

/// Behind the text, because users look for the line where Benthos writes it.
fn column_text(line: u32, column: u32) -> String {
    if line == 0 { String::new() } else { format!(" (column {column})") }
}

impl YamlError {
    fn at(span: Span, text: impl Into<String>) -> Self {
        YamlError { line: line_of(span), column: column_of(span), text: text.into() }
    }

    fn whole(text: impl Into<String>) -> Self {
        YamlError { line: 0, column: 0, text: text.into() }
    }
}

/// The text of a document, which must be UTF-8.
///
/// # Errors
/// Where the first byte stands that is not.
pub fn text_of(bytes: &[u8]) -> Result<&str, YamlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = plan::place_of(bytes, error.valid_up_to());
        YamlError { line, column, text: "invalid leading UTF-8 octet".to_owned() }
    })
}

fn line_of(span: Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(u32::MAX)
}

fn column_of(span: Span) -> u32 {
    u32::try_from(span.start.col() + 1).unwrap_or(u32::MAX)
}

/// Reads the first document of a text; what follows it is ignored. An empty text is a null on
/// line 0.
///
/// # Errors
/// What is wrong with the text, with its line.
pub fn load(text: &str) -> Result<Node, YamlError> {
    if text.len() > TEXT_MAX {
        return Err(YamlError::whole(format!("the document is longer than {TEXT_MAX} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_tab(text)?;
    let open_end = !text.ends_with('\n');
    let mut loader = Loader { lines: text.lines().collect(), open_end, ..Loader::default() };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::DocumentEnd, _)) => break,
            Ok((event, span)) => loader.take(event, span)?,
            // Whatever stands behind the first document is not read at all.
            Err(_) if loader.root.is_some() => break,
            Err(e) => {
                let span = Span::empty(*e.marker());
                return Err(within(text, YamlError::at(span, e.info())));
            }
        }
    }
    match loader.root {
        Some(item) => Ok(Arc::unwrap_or_clone(item.node)),
        None => Ok(Node::nothing()),
    }
}

/// The parser finds the end of a text one line below the last one.
fn within(text: &str, error: YamlError) -> YamlError {
    let (line, column) = plan::place_of(text.as_bytes(), text.len());
    if error.line > line { YamlError { line, column, ..error } } else { error }
}

/// A tab is no indentation. The parser finds the others, but not one before the first node.
fn refuse_tab(text: &str) -> Result<(), YamlError> {
    let empty = |line: &str| line.is_empty() || line.starts_with('#') || line == "---";
    let Some((at, line)) = text.lines().enumerate().find(|(_, line)| !empty(line)) else {
        return Ok(());
    };
    let column = line.len() - line.trim_start_matches(' ').len();
    if !line.trim_start_matches(' ').starts_with('\t') {
        return Ok(());
    }
    let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
    let text = "found character that cannot start any token".to_owned();
    Err(YamlError { line: number(at), column: number(column), text })
}

/// A list or mapping whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    /// A mapping's key that waits for its value.
    key: Option<Entry>,
    /// Whether that key is `<<` without quotes, and the entries of such keys.
    is_merge: bool,
    merges: Vec<Entry>,
    /// Nodes within, aliases expanded.
    size: usize,
}

#[derive(Default)]
struct Loader<'t> {
    lines: Vec<&'t str>,
    /// Whether the last line has no line break.
    open_end: bool,
    open: Vec<Open>,
    root: Option<Item>,
    /// Anchored nodes that are complete, with their expanded size.
    anchors: HashMap<usize, (Arc<Node>, usize)>,
    /// Where the last key or list item began: the place of a value that was left out.
    last: (u32, u32),
}

impl Loader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text, style, tag.as_deref(), span);
                self.finish(node, anchor, 1, span)
            }
            Event::SequenceStart(anchor, _) => self.start(Data::Seq(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => self.start(Data::Map(Vec::new()), anchor, span),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let mut node = open.node;
                    merge(&mut node, &open.merges, span)?;
                    self.finish(node, open.anchor, open.size, span)
                }
                None => Ok(()),
            },
            Event::Alias(id) => match self.anchors.get(&id) {
                Some((node, size)) => {
                    let (node, size) = (Arc::clone(node), *size);
                    self.place(Item { node, alias: true }, size, span)
                }
                None => Err(YamlError::at(span, "an anchor's value contains itself")),
            },
            _ => Ok(()),
        }
    }

    fn scalar(
        &self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&EventTag>,
        span: Span,
    ) -> Node {
        let left_out = style == ScalarStyle::Plain && text.is_empty() && !self.open.is_empty();
        let (line, column) = match style {
            _ if left_out => self.last,
            ScalarStyle::Literal | ScalarStyle::Folded => self.sign_of(span),
            _ => (line_of(span), column_of(span)),
        };
        let literal = style == ScalarStyle::Literal;
        let mut text = text.into_owned();
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
            && self.ends_open(&text, span)
        {
            text.pop();
        }
        let mut scalar = match style {
            ScalarStyle::Plain => Scalar::plain(text),
            _ => Scalar::quoted(text, literal),
        };
        scalar.lead = match style {
            ScalarStyle::Plain => 0,
            ScalarStyle::Literal | ScalarStyle::Folded => column_of(span) - 1,
            _ => 1,
        };
        if let Some(tag) = tag.filter(|tag| tag.is_yaml_core_schema()) {
            match tag.suffix.as_str() {
                "str" => scalar.tag = Tag::Str,
                "null" => scalar.tag = Tag::Null,
                "binary" => scalar.tag = Tag::Binary,
                "int" | "float" | "bool" if scalar.tag == Tag::Str => {
                    let lead = scalar.lead;
                    scalar = Scalar { literal, lead, ..Scalar::plain(scalar.text) };
                }
                _ => {}
            }
        }
        Node { line, column, data: Data::Scalar(scalar) }
    }

    /// Whether a block is the end of a document without a last line break: the parser adds one to
    /// its text.
    fn ends_open(&self, text: &str, span: Span) -> bool {
        let last = self.lines.last().map_or("", |line| line.trim_start());
        let tail = text.strip_suffix('\n').is_some_and(|text| text.ends_with(last));
        self.open_end && tail && !last.is_empty() && span.end.line() >= self.lines.len()
    }

    /// Where the `|` or `>` of a block stands; the parser only tells where its text begins.
    fn sign_of(&self, span: Span) -> (u32, u32) {
        let text_line = span.start.line();
        let above = self.lines.get(..text_line.saturating_sub(1)).unwrap_or(&self.lines);
        let header = above.iter().enumerate().rev().find(|(_, line)| !line.trim().is_empty());
        let sign = header.and_then(|(at, line)| {
            let code = line.rfind(" #").map_or(*line, |end| line.get(..end).unwrap_or(line));
            let byte = code.rfind(['|', '>'])?;
            let column = line.get(..byte)?.chars().count() + 1;
            Some((u32::try_from(at + 1).ok()?, u32::try_from(column).ok()?))
        });
        sign.unwrap_or((line_of(span), column_of(span)))
    }

    fn start(&mut self, data: Data, anchor: usize, span: Span) -> Result<(), YamlError> {
        if self.open.len() >= DEPTH_MAX {
            let text = format!("the document is nested deeper than {DEPTH_MAX} levels");
            return Err(YamlError::at(span, text));
        }
        let node = Node { line: line_of(span), column: column_of(span), data };
        self.last = (node.line, node.column);
        self.open.push(Open {
            node,
            anchor,
            key: None,
            is_merge: false,
            merges: Vec::new(),
            size: 1,
        });
        Ok(())
    }

    fn finish(
        &mut self,
        node: Node,
        anchor: usize,
        size: usize,
        span: Span,
    ) -> Result<(), YamlError> {
        let node = Arc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, (Arc::clone(&node), size));
        }
        self.place(Item { node, alias: false }, size, span)
    }

    /// Puts a complete node into the list or mapping that is open.
    fn place(&mut self, item: Item, size: usize, span: Span) -> Result<(), YamlError> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(item);
            return Ok(());
        };
        open.size += size;
        if open.size > NODES_MAX {
            let text = format!("the document has more than {NODES_MAX} nodes, aliases expanded");
            return Err(YamlError::at(span, text));
        }
        match &mut open.node.data {
            Data::Seq(items) => items.push(item),
            Data::Map(entries) => match open.key.take() {
                Some(mut entry) => {
                    entry.value = item;
                    if open.is_merge { &mut open.merges } else { entries }.push(entry);
                }
                None => {
                    let Some(scalar) = item.node.scalar() else {
                        return Err(YamlError::at(span, "a key must be a single value"));
                    };
                    let key = Arc::from(scalar.text.as_str());
                    let (line, column) = (item.node.line, item.node.column);
                    self.last = (line, column);
                    open.is_merge = scalar.tag == Tag::Merge;
                    open.key = Some(Entry { key, line, column, value: item });
                }
            },
            Data::Scalar(_) => {}
        }
        Ok(())
    }
}

/// Adds what the entries of `<<` merge: keys that the mapping does not have itself.
fn merge(node: &mut Node, merges: &[Entry], span: Span) -> Result<(), YamlError> {
    let Data::Map(own) = &mut node.data else { return Ok(()) };
    if merges.is_empty() {
        return Ok(());
    }
    let mut known: HashSet<Arc<str>> = own.iter().map(|entry| Arc::clone(&entry.key)).collect();
    for merged in merges.iter().rev() {
        let sources: Vec<&Arc<Node>> = match &merged.value.node.data {
            Data::Map(_) => vec![&merged.value.node],
            Data::Seq(items) => items.iter().map(|item| &item.node).collect(),
            Data::Scalar(_) => Vec::new(),
        };
        if sources.is_empty() || sources.iter().any(|source| source.entries().is_none()) {
            let text = "map merge requires map or sequence of maps as the value";
            return Err(YamlError { line: merged.line, ..YamlError::at(span, text) });
        }
        for entry in sources.iter().filter_map(|source| source.entries()).flatten() {
            if known.insert(Arc::clone(&entry.key)) {
                let value = Item { node: Arc::clone(&entry.value.node), alias: true };
                own.push(Entry { value, ..entry.clone() });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
