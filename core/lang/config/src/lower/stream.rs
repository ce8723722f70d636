//! A whole stream: input, buffer, pipeline, output.

use plan::{Json, Plan, Role};

use crate::catalog::{Catalog, Kind};
use crate::infer::infer;
use crate::lower::component::{Lower, Lowered};
use crate::lower::logical::{depends_on_batches, makes_dependent};
use crate::lower::{InitError, StructureError};
use crate::yaml::{Node, Tag};

/// Looks whether every place of a stream that must hold a component does so. What is found here
/// is told before any lint (spec/benthos-streams-api.md §3).
///
/// # Errors
/// The first thing that is wrong, as users see it.
pub(crate) fn check_structure(catalog: &Catalog, stream: &Node) -> Result<(), StructureError> {
    let component = |kind: Kind, node: &Node| {
        let found = infer(catalog, kind, node);
        found.map(|_| ()).map_err(|e| StructureError { line: e.line, text: e.to_string() })
    };
    let processors = |list: &Node| -> Result<(), StructureError> {
        if list.is_null() {
            return Ok(());
        }
        let Some(items) = list.items() else {
            return Err(misplaced(list, "field 'processors': ", "array"));
        };
        items.iter().try_for_each(|item| component(Kind::Processor, &item.node))
    };
    for (key, kind) in [("input", Kind::Input), ("buffer", Kind::Buffer), ("output", Kind::Output)]
    {
        let Some(node) = stream.get(key) else { continue };
        component(kind, node)?;
        if let Some(list) = node.get("processors").filter(|_| kind.has_processors()) {
            processors(list)?;
        }
    }
    let Some(pipeline) = stream.get("pipeline").filter(|node| !node.is_null()) else {
        return Ok(());
    };
    if pipeline.entries().is_none() {
        return Err(misplaced(pipeline, "field 'pipeline': ", "object"));
    }
    threads(pipeline).map_err(|error| StructureError {
        text: format!("field 'pipeline': field 'threads': {}", error.text),
        ..error
    })?;
    match pipeline.get("processors").map(|list| processors(list)) {
        Some(Err(error)) if error.text.starts_with("field ") => {
            let text = format!("field 'pipeline': {}", error.text);
            Err(StructureError { text, ..error })
        }
        Some(result) => result,
        None => Ok(()),
    }
}

fn misplaced(node: &Node, field: &str, wanted: &str) -> StructureError {
    let (line, tag) = (node.line, node.tag());
    let text = format!("{field}line {line}: expected {wanted} value, got {tag}");
    StructureError { line, text }
}

/// How many workers the pipeline wants; nothing when it leaves that open.
fn threads(pipeline: &Node) -> Result<Option<usize>, StructureError> {
    let Some(node) = pipeline.get("threads").filter(|node| !node.is_null()) else {
        return Ok(None);
    };
    let count = node.scalar().and_then(|scalar| match scalar.tag {
        Tag::Int => scalar.int(),
        Tag::Float => scalar.float().map(|f| f as i128),
        _ => None,
    });
    match count {
        Some(count) => Ok(usize::try_from(count).ok().filter(|count| *count > 0)),
        None => {
            let value = node.scalar().map_or("", |scalar| &scalar.text);
            let (line, tag) = (node.line, node.tag());
            let text = format!(
                "yaml: unmarshal errors:\n  line {line}: cannot unmarshal {tag} `{value}` into int"
            );
            Err(StructureError { line, text })
        }
    }
}

impl Lower<'_> {
    /// Lowers a stream whose structure has been checked.
    ///
    /// # Errors
    /// The first component whose configuration does not fit.
    pub(crate) fn stream(mut self, stream: &Node) -> Result<Plan, InitError> {
        self.single = depends_on_batches(stream)
            || self.resources.depend_on_batches()
            || self.catalog.templates().any(|template| makes_dependent(&template.mapping));
        let mut plan = Plan::default();
        let input = self.input(stream)?;
        let mut last = plan.add(Role::Source, input.component, Vec::new());
        let mut chain = input.processors;
        if let Some(pipeline) = stream.get("pipeline") {
            plan.shards_max = threads(pipeline).unwrap_or_default();
            let list = pipeline.get("processors").and_then(|list| list.items());
            for (at, item) in list.unwrap_or_default().iter().enumerate() {
                let path = format!("root.pipeline.processors.{at}");
                chain.push(self.nested(Kind::Processor, &item.node, &path, 0)?);
            }
        }
        let output = self.outer(Kind::Output, stream, "stdout")?;
        chain.extend(output.processors);
        for component in chain {
            last = plan.add(Role::Operator, component, vec![last]);
        }
        plan.add(Role::Sink, output.component, vec![last]);
        plan.strict = strict(stream);
        plan.metrics = self.metrics.take();
        Ok(plan)
    }

    fn outer(&self, kind: Kind, stream: &Node, default: &str) -> Result<Lowered, InitError> {
        let path = format!("root.{}", kind.name());
        match stream.get(kind.name()) {
            Some(node) => self.component(kind, node, &path, 0),
            None => {
                let empty = Json::Object(plan::serde_json::Map::new());
                let config = plan::serde_json::json!({default: empty});
                self.component(kind, &Node::from_json(&config), &path, 0)
            }
        }
    }

    /// The input, with the buffer around it where there is one.
    fn input(&self, stream: &Node) -> Result<Lowered, InitError> {
        let input = self.outer(Kind::Input, stream, "stdin")?;
        let Some(node) = stream.get("buffer") else { return Ok(input) };
        let path = "root.buffer";
        let mut buffer = self.nested(Kind::Buffer, node, path, 0)?;
        if buffer.name == "none" {
            return Ok(input);
        }
        let input = self.wrapped(Kind::Input, node, input)?;
        let input = plan::serde_json::to_value(input);
        let input = input.map_err(|e| Self::error(Kind::Buffer, node, path, e.to_string()))?;
        buffer.name = format!("{}_buffer", buffer.name);
        if let Some(members) = buffer.config.as_object_mut() {
            members.insert(Kind::Input.name().to_owned(), input);
        }
        Ok(Lowered { component: buffer, processors: Vec::new() })
    }
}

/// Whether the document says that errors of processors refuse a message.
fn strict(document: &Node) -> bool {
    let switch = document.get("error_handling").and_then(|node| node.get("strict").cloned());
    switch.and_then(|node| node.scalar()?.switch()).unwrap_or(false)
}
