//! What values of a class consist of.

use std::collections::BTreeMap;

use serde::Serialize;

use super::class::Class;
use super::{FIELDS_MAX, dotted};
use crate::types::Type;

/// The types that fields of rows can have in Java.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JavaType {
    /// `boolean`, `Boolean`.
    Boolean,
    /// `byte`, `Byte`.
    Byte,
    /// `short`, `Short`.
    Short,
    /// `int`, `Integer`.
    Int,
    /// `long`, `Long`.
    Long,
    /// `float`, `Float`.
    Float,
    /// `double`, `Double`.
    Double,
    /// `String`.
    Text,
}

/// Each with its letter in descriptors, its name and that of its boxes.
const TYPES: [(JavaType, &str, &str, &str); 8] = [
    (JavaType::Boolean, "Z", "boolean", "java.lang.Boolean"),
    (JavaType::Byte, "B", "byte", "java.lang.Byte"),
    (JavaType::Short, "S", "short", "java.lang.Short"),
    (JavaType::Int, "I", "int", "java.lang.Integer"),
    (JavaType::Long, "J", "long", "java.lang.Long"),
    (JavaType::Float, "F", "float", "java.lang.Float"),
    (JavaType::Double, "D", "double", "java.lang.Double"),
    (JavaType::Text, "", "", "java.lang.String"),
];

impl JavaType {
    fn named(class: &str) -> Option<JavaType> {
        let mut types = TYPES.iter().filter(|_| !class.is_empty());
        let found = types.find(|(_, _, name, boxed)| class == *name || class == *boxed);
        found.map(|(ty, ..)| *ty)
    }

    /// The type of a field that holds it.
    #[must_use]
    pub fn field(self) -> Type {
        let int = |bits| Type::Int { bits, signed: true };
        match self {
            JavaType::Boolean => Type::Boolean,
            JavaType::Byte => int(8),
            JavaType::Short => int(16),
            JavaType::Int => int(32),
            JavaType::Long => int(64),
            JavaType::Float => Type::Float { bits: 32 },
            JavaType::Double => Type::Float { bits: 64 },
            JavaType::Text => Type::Text,
        }
    }

    /// The type that holds values of a field, where one does. Of integers without a sign it holds
    /// the lower half.
    #[must_use]
    pub fn of(field: Type) -> Option<JavaType> {
        Some(match field {
            Type::Boolean => JavaType::Boolean,
            Type::Int { bits: 8, .. } => JavaType::Byte,
            Type::Int { bits: 16, .. } => JavaType::Short,
            Type::Int { bits: 32, .. } => JavaType::Int,
            Type::Int { .. } => JavaType::Long,
            Type::Float { bits: 32 } => JavaType::Float,
            Type::Float { .. } => JavaType::Double,
            Type::Text => JavaType::Text,
            Type::Char | Type::FixedChar(_) => return None,
        })
    }

    /// Whether it takes the values of a field. An integer without a sign that is too large for it
    /// is found when it comes.
    #[must_use]
    pub fn takes(self, field: Type) -> bool {
        match (self.field(), field) {
            (Type::Int { bits, .. }, Type::Int { bits: given, .. })
            | (Type::Float { bits }, Type::Float { bits: given }) => bits >= given,
            (Type::Text, Type::FixedChar(_)) => true,
            (mine, given) => mine == given,
        }
    }

    /// Whether a field takes its values. A negative one is found when it comes to a field without
    /// a sign.
    #[must_use]
    pub fn fits(self, field: Type) -> bool {
        match (self.field(), field) {
            (Type::Int { bits, .. }, Type::Int { bits: wanted, .. })
            | (Type::Float { bits }, Type::Float { bits: wanted }) => wanted >= bits,
            (mine, wanted) => mine == wanted,
        }
    }

    /// How it is written in Java.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = TYPES.iter().find(|(ty, ..)| *ty == self);
        found.map_or("", |(.., name, boxed)| if name.is_empty() { boxed } else { name })
    }
}

/// What a value consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Scalar(JavaType),
    /// Fields, each with its name.
    Fields(Vec<(String, JavaType)>),
}

/// The name of the class, or of the type, of a descriptor that stands for one.
pub(super) fn class_of(descriptor: &str) -> Option<String> {
    if let Some((_, _, name, _)) = TYPES.iter().find(|(_, letter, ..)| *letter == descriptor) {
        return (!name.is_empty()).then(|| (*name).to_owned());
    }
    let name = descriptor.strip_prefix('L')?.strip_suffix(';')?;
    (!name.contains(';')).then(|| dotted(name))
}

/// Whether a class of Java's own is a collection of something else.
pub(super) fn is_collection(class: &str) -> bool {
    class.starts_with("java.util.") || class == "java.lang.Iterable"
}

/// What values of a class consist of: its fields, those of the classes above it first.
///
/// # Errors
/// The class is not there, or it has a field that no row can have.
pub(super) fn of(classes: &BTreeMap<String, Class<'_>>, class: &str) -> Result<Shape, String> {
    if let Some(ty) = JavaType::named(class) {
        return Ok(Shape::Scalar(ty));
    }
    let mut line = Vec::new();
    let mut at = class.to_owned();
    loop {
        let missing = || format!("the class {at} is not among the classes of the UDF");
        let found = classes.get(&at).ok_or_else(missing)?;
        line.push(found);
        match found.above.filter(|above| *above != "java/lang/Object") {
            Some(_) if line.len() > classes.len() => {
                return Err(format!("the class {class} is above itself"));
            }
            Some(above) => at = dotted(above),
            None => break,
        }
    }
    let mut fields: Vec<(String, JavaType)> = Vec::new();
    for member in line.iter().rev().flat_map(|class| &class.fields) {
        if !member.is_of_instances() {
            continue;
        }
        let named = class_of(member.descriptor);
        let Some(ty) = named.as_deref().and_then(JavaType::named) else {
            return Err(format!(
                "the field {} of the class {class} has the type {}: data type not supported, only \
                 primitive ones but char, their boxes and String are",
                member.name,
                named.as_deref().unwrap_or(member.descriptor),
            ));
        };
        if fields.iter().any(|(name, _)| name == member.name) {
            return Err(format!("the class {class} has two fields {}", member.name));
        }
        if fields.len() >= FIELDS_MAX {
            return Err(format!("the class {class} has more than {FIELDS_MAX} fields"));
        }
        fields.push((member.name.to_owned(), ty));
    }
    if fields.is_empty() {
        return Err(format!("the class {class} has no fields, and a row needs one"));
    }
    Ok(Shape::Fields(fields))
}
