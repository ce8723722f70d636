//! The configuration of one component as the JSON that its type reads: fields it does not know
//! are left out, single values get the type the field wants, code gets its language, nested
//! components are found out and lowered.

use plan::Code;
use plan::Json;
use plan::serde_json::{self, Map};

use crate::check::LANGUAGE;
use crate::lower::InitError;
use crate::lower::component::Lower;
use crate::schema::{CodeKind, Fields, Shape, View};
use crate::yaml::{Node, Scalar, Tag};

/// What is wrong with a field, or with a component nested in it.
pub(super) enum FieldError {
    /// The field itself, with the names that lead to it.
    Field {
        /// Outermost first.
        names: Vec<String>,
        /// What is wrong.
        text: String,
    },
    /// A nested component.
    Nested(InitError),
}

impl FieldError {
    fn new(text: impl Into<String>) -> Self {
        FieldError::Field { names: Vec::new(), text: text.into() }
    }

    fn within(mut self, name: &str) -> Self {
        if let FieldError::Field { names, .. } = &mut self {
            names.insert(0, name.to_owned());
        }
        self
    }

    /// The text for the component that has the field.
    pub(super) fn into_text(self) -> String {
        match self {
            FieldError::Nested(error) => error.to_string(),
            FieldError::Field { names, text } => {
                let lead: String = names.iter().map(|name| format!("field '{name}': ")).collect();
                format!("{lead}{text}")
            }
        }
    }
}

impl Lower<'_> {
    /// Lowers the value of a field that stands at `path`.
    pub(super) fn value(
        &self,
        view: View<'_>,
        node: &Node,
        path: &str,
        depth: usize,
    ) -> Result<Json, FieldError> {
        match view.shape() {
            Shape::Any => Ok(node.to_json()),
            Shape::Text(_) => {
                let text = Json::String(single(node, "string")?.text.clone());
                Ok(if view.is_secret() { plan::secret::sealed(text) } else { text })
            }
            Shape::Code(kind) => code(&single(node, "string")?.text, kind),
            Shape::Int => int(node),
            Shape::Float => match single(node, "float64")?.float() {
                Some(value) => Ok(Json::from(value)),
                None => Err(mismatch(node, "float64")),
            },
            Shape::Bool => match single(node, "bool")?.switch() {
                Some(value) => Ok(Json::Bool(value)),
                None => Err(mismatch(node, "bool")),
            },
            Shape::Component(kind) => {
                let component = self.nested(kind, node, path, depth).map_err(FieldError::Nested)?;
                serde_json::to_value(component).map_err(|e| FieldError::new(e.to_string()))
            }
            Shape::Label(kind) => {
                let label = &single(node, "string")?.text;
                let definition = self.definition(kind, label, depth);
                let definition = definition.map_err(FieldError::Nested)?;
                serde_json::to_value(definition).map_err(|e| FieldError::new(e.to_string()))
            }
            Shape::List(inner) => {
                let Some(items) = node.items() else { return Err(not_a(node, "array")) };
                let lowered = items.iter().enumerate().map(|(at, item)| {
                    self.value(inner, &item.node, &format!("{path}.{at}"), depth)
                });
                lowered.collect::<Result<Vec<_>, _>>().map(Json::Array)
            }
            Shape::Map(inner) => {
                let Some(entries) = node.entries() else { return Err(not_a(node, "object")) };
                let mut map = Map::new();
                for entry in entries {
                    let path = format!("{path}.{}", entry.key);
                    let value = self.value(inner, &entry.value.node, &path, depth);
                    let value = value.map_err(|e| e.within(&entry.key))?;
                    map.insert(entry.key.to_string(), value);
                }
                Ok(Json::Object(map))
            }
            Shape::Object(fields) => self.object(fields, node, path, depth),
        }
    }

    fn object(
        &self,
        fields: Fields<'_>,
        node: &Node,
        path: &str,
        depth: usize,
    ) -> Result<Json, FieldError> {
        if node.entries().is_none() && !node.is_null() {
            return Err(not_a(node, "object"));
        }
        let mut map = Map::new();
        for (name, view) in fields.iter() {
            // A null stands for a field that was left out, except where it means something.
            let given = node.get(name).filter(|value| {
                !value.is_null() || view.nullable() || matches!(view.shape(), Shape::Any)
            });
            let value = match given {
                Some(value) if value.is_null() => Some(Json::Null),
                Some(value) => {
                    // Some parts stand beside what a component does.
                    let path = match (view.part_name(), path.rsplit_once('.')) {
                        (Some(part), Some((component, _))) => format!("{component}.{part}"),
                        _ => format!("{path}.{name}"),
                    };
                    let value = self.value(view, value, &path, depth);
                    Some(value.map_err(|e| e.within(name))?)
                }
                None => self.default(view)?,
            };
            if let Some(value) = value {
                map.insert(name.to_owned(), value);
            }
        }
        Ok(Json::Object(map))
    }

    /// Components know no language, so a default that is code is filled in here.
    fn default(&self, view: View<'_>) -> Result<Option<Json>, FieldError> {
        match (view.shape(), view.default()) {
            (Shape::Code(kind), Some(Json::String(text))) => code(text, kind).map(Some),
            (Shape::Object(fields), _) => {
                let mut map = Map::new();
                for (name, view) in fields.iter() {
                    if let Some(value) = self.default(view)? {
                        map.insert(name.to_owned(), value);
                    }
                }
                let told = !map.is_empty() && !view.nullable();
                Ok(told.then_some(Json::Object(map)))
            }
            _ => Ok(None),
        }
    }
}

fn code(text: &str, _: CodeKind) -> Result<Json, FieldError> {
    let code = Code { lang: LANGUAGE.to_owned(), text: text.to_owned(), slot: None };
    serde_json::to_value(code).map_err(|e| FieldError::new(e.to_string()))
}

fn single<'n>(node: &'n Node, wanted: &str) -> Result<&'n Scalar, FieldError> {
    node.scalar().ok_or_else(|| mismatch(node, wanted))
}

fn int(node: &Node) -> Result<Json, FieldError> {
    let scalar = single(node, "int")?;
    let whole = match scalar.tag {
        Tag::Int => scalar.int(),
        // A fraction is cut off, as the program users know does it.
        Tag::Float => scalar.float().filter(|f| f.abs() < 9.0e18).map(|f| f.trunc() as i128),
        _ => None,
    };
    let json = whole.and_then(|whole| {
        i64::try_from(whole).map(Json::from).or_else(|_| u64::try_from(whole).map(Json::from)).ok()
    });
    json.ok_or_else(|| mismatch(node, "int"))
}

fn mismatch(node: &Node, wanted: &str) -> FieldError {
    let value = match node.scalar() {
        Some(scalar) => format!("{} `{}`", node.tag(), shortened(&scalar.text)),
        None => node.tag().to_owned(),
    };
    let line = node.line;
    FieldError::new(format!(
        "yaml: unmarshal errors:\n  line {line}: cannot unmarshal {value} into {wanted}"
    ))
}

fn not_a(node: &Node, wanted: &str) -> FieldError {
    let (line, tag) = (node.line, node.tag());
    FieldError::new(format!("line {line}: expected {wanted} value, got {tag}"))
}

/// Long values are shown by their beginning.
fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 10;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}...", text.get(..at.saturating_sub(3)).unwrap_or_default()),
        None => text.to_owned(),
    }
}
