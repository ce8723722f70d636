//! Functions of the catalog that are written in Java: what they take and what they give, by their
//! descriptors and class files. No Java is needed to know that.
//!
//! A class is a row: each of its fields is a field of the row, by name. A boxed or primitive value
//! and a `String` are a row of one field.

pub mod class;
mod shape;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::class::{Class, Member};
pub use self::shape::{JavaType, Shape};
use crate::schema::Schema;

/// Most bytes that the classes and the instance of one function have together.
pub const UDF_BYTES_MAX: usize = 16 << 20;
/// Most classes of one function.
pub const CLASSES_MAX: usize = 1_000;
/// Most fields of a row that a function takes or gives.
pub const FIELDS_MAX: usize = 1_000;

/// A function as it was registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Udf {
    /// The class that has the method.
    pub class: String,
    /// The method.
    pub method: String,
    /// A serialized instance of the class; empty when a new one is made.
    pub instance: Vec<u8>,
    /// Classes by name, and their class files.
    pub classes: Vec<(String, Vec<u8>)>,
    /// The class of what it takes; empty when its method says so.
    pub input: String,
    /// The class of what it gives; empty when its method says so.
    pub output: String,
    /// Fields of what it gives, where that is told.
    pub schema: Option<Schema>,
}

/// What a function takes and gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Types {
    /// The class of what it takes, with dots.
    pub input_class: String,
    /// What that consists of.
    pub input: Shape,
    /// What it gives for a row, or as one of several rows; none where only a schema says that.
    pub output: Option<Shape>,
}

/// How functions are found by name.
pub type Udfs<'a> = &'a dyn Fn(&str) -> Option<Udf>;

/// A class name as it is written in Java.
#[must_use]
pub fn dotted(name: &str) -> String {
    name.replace('/', ".")
}

/// Checks how much there is of a function.
///
/// # Errors
/// What there is too much of.
pub fn check_size(udf: &Udf) -> Result<(), String> {
    if udf.classes.len() > CLASSES_MAX {
        return Err(format!("a UDF has at most {CLASSES_MAX} classes"));
    }
    let classes = udf.classes.iter().map(|(name, code)| name.len() + code.len());
    if classes.sum::<usize>() + udf.instance.len() > UDF_BYTES_MAX {
        return Err(format!("a UDF has at most {UDF_BYTES_MAX} bytes of classes and instance"));
    }
    Ok(())
}

impl Udf {
    /// What it takes and gives. `flat`: it gives several rows for one, as a collection.
    ///
    /// # Errors
    /// A class file that is corrupt or missing, a method that is not there, or a type that no
    /// field can have.
    pub fn types(&self, flat: bool) -> Result<Types, String> {
        let classes = self.read()?;
        let method = self.method(&classes)?;
        let (taken, given) = match method {
            Some(method) => halves(method.descriptor).unwrap_or_default(),
            None => ("", ""),
        };
        let input_class = match self.input.as_str() {
            "" => shape::class_of(taken).ok_or_else(|| self.no_method("one argument"))?,
            name => dotted(name),
        };
        let input = shape::of(&classes, &input_class)?;
        let output = match self.output.as_str() {
            "" if flat => method.and_then(Member::element),
            "" => shape::class_of(given),
            name if flat && shape::is_collection(&dotted(name)) => method.and_then(Member::element),
            name => Some(dotted(name)),
        };
        let output = match output {
            // What a method that is generic itself gives is only known from elsewhere.
            Some(class) if class == "java.lang.Object" && self.schema.is_some() => None,
            Some(class) => Some(shape::of(&classes, &class)?),
            None if self.schema.is_some() => None,
            None => {
                return Err(format!(
                    "what {}.{} gives is not known: register it with an output schema or an \
                     output class name",
                    dotted(&self.class),
                    self.method
                ));
            }
        };
        Ok(Types { input_class, input, output })
    }

    fn read(&self) -> Result<BTreeMap<String, Class<'_>>, String> {
        let mut classes = BTreeMap::new();
        for (name, code) in &self.classes {
            let name = dotted(name);
            let wrong = |why: &str| format!("the class file of {name} is corrupt: {why}");
            let class = class::read(code).map_err(wrong)?;
            if dotted(class.name) != name {
                return Err(wrong(&format!("it is of the class {}", dotted(class.name))));
            }
            classes.insert(name, class);
        }
        Ok(classes)
    }

    fn no_method(&self, with: &str) -> String {
        format!("the class {} has no method {} with {with}", dotted(&self.class), self.method)
    }

    /// The method; none when the class or one above it is not known.
    fn method<'a>(
        &self,
        classes: &BTreeMap<String, Class<'a>>,
    ) -> Result<Option<Member<'a>>, String> {
        let mut name = dotted(&self.class);
        for _ in 0..=CLASSES_MAX {
            let Some(class) = classes.get(&name) else { break };
            let ours = |m: &&Member| {
                let one = halves(m.descriptor).and_then(|(taken, _)| shape::class_of(taken));
                m.is_callable() && m.name == self.method && one.is_some()
            };
            let found: Vec<&Member> = class.methods.iter().filter(ours).collect();
            let takes = |m: &&&Member| {
                let taken = halves(m.descriptor).and_then(|(taken, _)| shape::class_of(taken));
                taken == Some(dotted(&self.input))
            };
            match found.as_slice() {
                [] => {}
                [one] => return Ok(Some(**one)),
                several => match several.iter().find(takes) {
                    Some(one) => return Ok(Some(**one)),
                    None => {
                        return Err(format!(
                            "the class {name} has several methods {}: register it with an input \
                             class name",
                            self.method
                        ));
                    }
                },
            }
            let Some(above) = class.above.filter(|above| *above != "java/lang/Object") else {
                return Err(self.no_method("one argument"));
            };
            name = dotted(above);
        }
        Ok(None)
    }
}

/// What a method takes and what it gives, of its descriptor.
fn halves(descriptor: &str) -> Option<(&str, &str)> {
    descriptor.strip_prefix('(')?.split_once(')')
}

impl Member<'_> {
    /// The class of what is in the collection that a method gives.
    fn element(self) -> Option<String> {
        let (_, given) = halves(self.signature?)?;
        let (_, inner) = given.split_once('<')?;
        let inner = inner.strip_prefix(['+', '-']).unwrap_or(inner);
        let end = inner.find([';', '<', '>'])?;
        let name = inner.get(..end)?.strip_prefix('L')?;
        Some(dotted(name))
    }
}
