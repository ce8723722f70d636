//! A schema as it is used: types in one list, which name each other by their place in it.

use std::collections::HashMap;

use apache_avro::rabin::Rabin;
use apache_avro::schema::{FixedSchema, InnerDecimalSchema, Name, RecordSchema, UuidSchema};
use formats::value::{Text, Value};

const NS_PER_S: i64 = 1_000_000_000;

/// Where a type stands in its schema.
pub(super) type Place = usize;

/// A schema that was read.
pub(crate) struct Schema {
    nodes: Vec<Node>,
    /// Stands at every place at which there is nothing.
    nothing: Node,
    pub(super) root: Place,
    /// What begins every message in the form of single objects.
    pub(super) mark: [u8; 10],
}

/// A type.
pub(crate) struct Node {
    pub(super) kind: Kind,
    /// Its name as a branch of a union.
    pub(super) name: Text,
    /// The same with what the type stands for, as in `long.timestamp-millis`.
    pub(super) tag: Text,
}

/// What an integer stands for.
#[derive(Clone, Copy)]
pub(super) enum Whole {
    /// A number.
    Number,
    /// So many times these nanoseconds after 1970 began.
    Instant(i64),
    /// So many times these nanoseconds.
    Span(i64),
}

/// What bytes stand for.
#[derive(Clone, Copy)]
pub(super) enum Raw {
    /// Bytes.
    Bytes,
    /// A number with so many decimals.
    Decimal(usize),
    /// Months, days and milliseconds.
    Duration,
    /// A UUID.
    Uuid,
}

pub(super) enum Kind {
    Null,
    Boolean,
    Int(Whole),
    Long(Whole),
    Float,
    Double,
    String,
    Bytes(Raw),
    Fixed(usize, Raw),
    Enum(Vec<Text>),
    Array(Place),
    Map(Place),
    Record(Vec<Field>),
    Union(Vec<Place>),
}

pub(super) struct Field {
    pub(super) name: Text,
    pub(super) place: Place,
    pub(super) default: Option<Value>,
}

impl Kind {
    /// The name of the type.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Boolean => "boolean",
            Kind::Int(_) => "int",
            Kind::Long(_) => "long",
            Kind::Float => "float",
            Kind::Double => "double",
            Kind::String => "string",
            Kind::Bytes(_) => "bytes",
            Kind::Fixed(..) => "fixed",
            Kind::Enum(_) => "enum",
            Kind::Array(_) => "array",
            Kind::Map(_) => "map",
            Kind::Record(_) => "record",
            Kind::Union(_) => "union",
        }
    }

    /// Whether it has no name of its own and nothing in it.
    fn is_primitive(&self) -> bool {
        !matches!(
            self,
            Kind::Fixed(..)
                | Kind::Enum(_)
                | Kind::Array(_)
                | Kind::Map(_)
                | Kind::Record(_)
                | Kind::Union(_)
        )
    }
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parsed = apache_avro::Schema::parse_str(text).map_err(|e| e.to_string())?;
        let mut reading = Reading { nodes: Vec::new(), named: HashMap::new() };
        let root = reading.node(&parsed, None)?;
        let print = parsed.fingerprint::<Rabin>().bytes;
        let mut mark = [0xc3, 0x01, 0, 0, 0, 0, 0, 0, 0, 0];
        mark.iter_mut().skip(2).zip(&print).for_each(|(to, from)| *to = *from);
        let nothing = Node { kind: Kind::Null, name: Text::default(), tag: Text::default() };
        Ok(Schema { nodes: reading.nodes, nothing, root, mark })
    }

    /// What begins every message in the form of single objects.
    pub(crate) fn mark(&self) -> Vec<u8> {
        self.mark.to_vec()
    }

    pub(super) fn node(&self, place: Place) -> &Node {
        self.nodes.get(place).unwrap_or(&self.nothing)
    }

    /// The branch of a union that is named so: its name, with or without what it stands for.
    pub(super) fn branch(&self, branches: &[Place], name: &[u8]) -> Option<(usize, Place)> {
        let find = |fits: &dyn Fn(&Node) -> bool| {
            let found = branches.iter().position(|place| fits(self.node(*place)))?;
            Some((found, *branches.get(found)?))
        };
        let base = name.split(|b| *b == b'.').next().unwrap_or_default();
        find(&|node| node.name.as_bytes() == name || node.tag.as_bytes() == name)
            .or_else(|| find(&|node| node.kind.is_primitive() && node.name.as_bytes() == base))
    }
}

/// A schema while its types are put into a list.
struct Reading {
    nodes: Vec<Node>,
    named: HashMap<String, Place>,
}

impl Reading {
    fn put(&mut self, kind: Kind, stands_for: Option<&str>, name: Option<String>) -> Place {
        let tag = stands_for.map(|what| Text::from(format!("{}.{what}", kind.name())));
        let name = name.map_or_else(|| Text::from(kind.name()), Text::from);
        self.nodes.push(Node { tag: tag.unwrap_or_else(|| name.clone()), kind, name });
        self.nodes.len() - 1
    }

    fn node(&mut self, schema: &apache_avro::Schema, space: Option<&str>) -> Result<Place, String> {
        use apache_avro::Schema as From;
        Ok(match schema {
            From::Null => self.put(Kind::Null, None, None),
            From::Boolean => self.put(Kind::Boolean, None, None),
            From::Int => self.put(Kind::Int(Whole::Number), None, None),
            From::Long => self.put(Kind::Long(Whole::Number), None, None),
            From::Float => self.put(Kind::Float, None, None),
            From::Double => self.put(Kind::Double, None, None),
            From::Bytes => self.put(Kind::Bytes(Raw::Bytes), None, None),
            From::String => self.put(Kind::String, None, None),
            From::Array(array) => {
                let items = self.node(&array.items, space)?;
                self.put(Kind::Array(items), None, None)
            }
            From::Map(map) => {
                let values = self.node(&map.types, space)?;
                self.put(Kind::Map(values), None, None)
            }
            From::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.node(branch, space));
                let branches = branches.collect::<Result<_, _>>()?;
                self.put(Kind::Union(branches), None, None)
            }
            From::Record(record) => self.record(record, space)?,
            From::Enum(list) => {
                let symbols = list.symbols.iter().map(|text| Text::from(text.as_str())).collect();
                self.name(&list.name, space, Kind::Enum(symbols), None)
            }
            From::Fixed(fixed) => self.fixed(fixed, space, Raw::Bytes, None),
            From::Ref { name } => {
                let name = name.fullname(space);
                *self.named.get(&name).ok_or_else(|| format!("unknown type {name}"))?
            }
            other => return self.stands_for_more(other, space),
        })
    }

    /// Types that stand for more than what they are written as.
    fn stands_for_more(
        &mut self,
        schema: &apache_avro::Schema,
        space: Option<&str>,
    ) -> Result<Place, String> {
        use apache_avro::Schema as From;
        let (millis, micros) = (NS_PER_S / 1_000, NS_PER_S / 1_000_000);
        let (kind, what) = match schema {
            From::Date => (Kind::Int(Whole::Instant(86_400 * NS_PER_S)), "date"),
            From::TimeMillis => (Kind::Int(Whole::Span(millis)), "time-millis"),
            From::TimeMicros => (Kind::Long(Whole::Span(micros)), "time-micros"),
            From::TimestampMillis => (Kind::Long(Whole::Instant(millis)), "timestamp-millis"),
            From::TimestampMicros => (Kind::Long(Whole::Instant(micros)), "timestamp-micros"),
            From::TimestampNanos => (Kind::Long(Whole::Instant(1)), "timestamp-nanos"),
            From::LocalTimestampMillis => {
                (Kind::Long(Whole::Instant(millis)), "local-timestamp-millis")
            }
            From::LocalTimestampMicros => {
                (Kind::Long(Whole::Instant(micros)), "local-timestamp-micros")
            }
            From::LocalTimestampNanos => (Kind::Long(Whole::Instant(1)), "local-timestamp-nanos"),
            From::Uuid(UuidSchema::String) => (Kind::String, "uuid"),
            From::Uuid(UuidSchema::Bytes) => (Kind::Bytes(Raw::Uuid), "uuid"),
            From::Uuid(UuidSchema::Fixed(fixed)) => {
                return Ok(self.fixed(fixed, space, Raw::Uuid, Some("uuid")));
            }
            From::Duration(fixed) => {
                return Ok(self.fixed(fixed, space, Raw::Duration, Some("duration")));
            }
            From::Decimal(decimal) => {
                let raw = Raw::Decimal(decimal.scale);
                match &decimal.inner {
                    InnerDecimalSchema::Fixed(fixed) => {
                        return Ok(self.fixed(fixed, space, raw, Some("decimal")));
                    }
                    InnerDecimalSchema::Bytes => (Kind::Bytes(raw), "decimal"),
                }
            }
            _ => return Err("a type that is not supported".to_owned()),
        };
        Ok(self.put(kind, Some(what), None))
    }

    fn name(
        &mut self,
        name: &Name,
        space: Option<&str>,
        kind: Kind,
        stands_for: Option<&str>,
    ) -> Place {
        let name = name.fullname(space);
        let place = self.put(kind, stands_for, Some(name.clone()));
        self.named.insert(name, place);
        place
    }

    fn fixed(
        &mut self,
        fixed: &FixedSchema,
        space: Option<&str>,
        raw: Raw,
        stands_for: Option<&str>,
    ) -> Place {
        self.name(&fixed.name, space, Kind::Fixed(fixed.size, raw), stands_for)
    }

    fn record(&mut self, record: &RecordSchema, space: Option<&str>) -> Result<Place, String> {
        let full = record.name.fullname(space);
        let inner = full.rsplit_once('.').map(|(inner, _)| inner.to_owned());
        // Its own fields may name it.
        let place = self.name(&record.name, space, Kind::Record(Vec::new()), None);
        let mut fields = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            let default = field.default.as_ref().map(|default| {
                formats::json::parse(default.to_string().as_bytes()).map_err(|e| e.to_string())
            });
            fields.push(Field {
                name: Text::from(field.name.as_str()),
                place: self.node(&field.schema, inner.as_deref())?,
                default: default.transpose()?,
            });
        }
        if let Some(node) = self.nodes.get_mut(place) {
            node.kind = Kind::Record(fields);
        }
        Ok(place)
    }
}
