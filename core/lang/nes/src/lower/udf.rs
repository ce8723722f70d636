//! Functions of the catalog: `mapUDF`, `flatMapUDF`. All that runs one goes into the plan, because
//! whoever runs the plan knows no catalog.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plan::serde_json::json;
use plan::{Diagnostic, Json, Span};

use super::Lowering;
use super::needs::Needs;
use super::stream::{Column, Stream};
use crate::schema::{Schema, bare};
use crate::udf::{JavaType, Shape, Types, Udf, check_size, dotted};

/// A field of the result: its name, and the type that it has in Java.
type Made = (Column, String, JavaType);

impl Lowering<'_> {
    pub(super) fn udf(
        &mut self,
        stream: Stream,
        name: &str,
        flat: bool,
        span: Span,
    ) -> Result<Stream, Diagnostic> {
        let wrong = |text: String| Diagnostic::error("udf", text, span);
        let udf = (self.udfs)(name);
        let udf = udf.ok_or_else(|| wrong(format!("there is no UDF '{name}' in the catalog")))?;
        let of = |text: String| wrong(format!("UDF '{name}': {text}"));
        check_size(&udf).map_err(of)?;
        let types = udf.types(flat).map_err(of)?;
        let (taken, read) = taken(&stream, &types, span).map_err(of)?;
        let made = made(&stream, &types, udf.schema.as_ref(), name).map_err(of)?;
        let stream = self.keep_time(stream, |_| true);
        let fields: Vec<Json> = made
            .iter()
            .map(|(column, name, java)| {
                let ty = column.ty.stored();
                json!({"column": column.column, "name": name, "java": java, "type": ty})
            })
            .collect();
        let config = json!({
            "name": name,
            "class": dotted(&udf.class),
            "method": udf.method,
            "flat": flat,
            "instance": STANDARD.encode(&udf.instance),
            "classes": classes(&udf),
            "input": {"class": types.input_class, "fields": taken},
            "output": fields,
            "carry": stream.hidden,
        });
        let needs = Needs::Only(read.into_iter().chain(stream.hidden.clone()).collect());
        let node = self.operator("java_udf", config, stream.nodes, needs);
        let kind = if flat { "FLATMAP_JAVA_UDF" } else { "MAP_JAVA_UDF" };
        let operator = self.added(kind, name, &[stream.operator]);
        let fields = made.into_iter().map(|(column, ..)| column).collect();
        Ok(Stream { nodes: vec![node], fields, operator, joined: false, ..stream })
    }
}

/// The classes of a function as a plan has them.
fn classes(udf: &Udf) -> Vec<Json> {
    let class = |(name, code): &(String, Vec<u8>)| json!({"name": dotted(name), "code": STANDARD.encode(code)});
    udf.classes.iter().map(class).collect()
}

/// The columns that a function takes, as the plan has them, and their names.
fn taken(stream: &Stream, types: &Types, span: Span) -> Result<(Vec<Json>, Vec<String>), String> {
    let wanted: Vec<(&str, JavaType)> = match &types.input {
        Shape::Fields(fields) => fields.iter().map(|(name, ty)| (name.as_str(), *ty)).collect(),
        Shape::Scalar(ty) => match stream.fields.as_slice() {
            [one] => vec![(&one.name, *ty)],
            _ => {
                return Err(format!(
                    "it takes one value of type {}, and its input has several fields: {}; \
                     project one",
                    ty.name(),
                    stream.schema_text()
                ));
            }
        },
    };
    let scalar = matches!(types.input, Shape::Scalar(_));
    let (mut taken, mut read) = (Vec::new(), Vec::new());
    for (name, java) in wanted {
        let found = stream.find(name, span).map_err(|error| error.message)?;
        let Some(field) = found else {
            return Err(format!(
                "the field {name} of {} is not in its input: {}",
                types.input_class,
                stream.schema_text()
            ));
        };
        if !java.takes(field.ty) {
            return Err(format!(
                "the field {} has the type {}, which {} of {} does not take",
                field.name,
                stream.type_text(field),
                java.name(),
                types.input_class
            ));
        }
        let name = if scalar { "" } else { name };
        taken.push(json!({"column": field.column, "name": name, "java": java}));
        read.push(field.column.clone());
    }
    Ok((taken, read))
}

/// The fields that a function makes.
fn made(
    stream: &Stream,
    types: &Types,
    schema: Option<&Schema>,
    udf: &str,
) -> Result<Vec<Made>, String> {
    let Some(schema) = schema else {
        let fields = match &types.output {
            Some(Shape::Fields(fields)) => fields.clone(),
            // A value without a name keeps the one of the field it was made from.
            Some(Shape::Scalar(ty)) => match (&types.input, stream.fields.as_slice()) {
                (Shape::Scalar(_), [one]) => vec![(bare(&one.name).to_owned(), *ty)],
                _ => vec![(udf.to_owned(), *ty)],
            },
            None => Vec::new(),
        };
        let made = fields.into_iter().map(|(name, java)| {
            let column = stream.qualified(&name);
            (Column::new(column.clone(), column, java.field()), name, java)
        });
        return Ok(made.collect());
    };
    if schema.fields.is_empty() {
        return Err("its output schema has no fields".to_owned());
    }
    let mut made: Vec<Made> = Vec::new();
    for field in &schema.fields {
        let name = bare(&field.name).to_owned();
        let java = match &types.output {
            None => JavaType::of(field.ty),
            Some(Shape::Scalar(ty)) => (schema.fields.len() == 1).then_some(*ty),
            Some(Shape::Fields(all)) => all.iter().find(|(n, _)| *n == name).map(|(_, ty)| *ty),
        };
        let Some(java) = java.filter(|java| java.fits(field.ty)) else {
            return Err(format!(
                "the field {name}:{} of its output schema is not what its class gives",
                field.ty
            ));
        };
        let column = stream.qualified(&name);
        if made.iter().any(|(other, ..)| other.name == column) {
            return Err(format!("its output schema has two fields {name}"));
        }
        made.push((Column::new(column.clone(), column, field.ty), name, java));
    }
    Ok(made)
}
