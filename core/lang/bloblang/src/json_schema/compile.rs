//! From the document of a schema to its rules.

use std::collections::HashMap;

use formats::value::{Object, Text, Value};

use super::decimal::Decimal;
use super::{
    ArrayRule, At, DEPTH_MAX, Needs, NumberRule, ObjectRule, RULES_MAX, Rest, Rule, TextRule,
    Types, form,
};
use crate::re;

const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];

/// Compiles a schema; its own rule is the first.
pub(super) fn compile(document: &Value) -> Result<Vec<Rule>, String> {
    if !matches!(document, Value::Object(_) | Value::Bool(_)) {
        return Err("schema is invalid".to_owned());
    }
    let mut compiler = Compiler {
        document,
        draft: draft_of(document),
        rules: Vec::new(),
        known: HashMap::new(),
        depth: 0,
    };
    compiler.rule(document, "")?;
    compiler.definitions(document, "")?;
    Ok(compiler.rules)
}

/// The draft that a schema says it follows; the newest unless it names an old one.
fn draft_of(document: &Value) -> u8 {
    let Value::Object(object) = document else { return 7 };
    let Some(Value::String(name)) = object.get(b"$schema") else { return 7 };
    match name.to_str_lossy() {
        name if name.contains("draft-04") => 4,
        name if name.contains("draft-06") => 6,
        _ => 7,
    }
}

fn invalid_type(expected: &str, given: &str) -> String {
    format!("Invalid type. Expected: {expected}, given: {given}")
}

struct Compiler<'d> {
    document: &'d Value,
    draft: u8,
    rules: Vec<Rule>,
    /// Rules by where they stand in the document.
    known: HashMap<String, At>,
    depth: usize,
}

/// A place further inside.
fn inside(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl Compiler<'_> {
    /// The rule that stands at a place.
    fn rule(&mut self, value: &Value, place: &str) -> Result<At, String> {
        if let Some(at) = self.known.get(place) {
            return Ok(*at);
        }
        if self.depth >= DEPTH_MAX {
            return Err(format!("the schema is nested deeper than {DEPTH_MAX} levels"));
        }
        let at = self.rules.len();
        if at >= RULES_MAX {
            return Err(format!("the schema has more than {RULES_MAX} rules"));
        }
        self.rules.push(Rule::default());
        self.known.insert(place.to_owned(), at);
        self.depth += 1;
        let rule = match value {
            Value::Bool(fixed) => Ok(Rule { fixed: Some(*fixed), ..Rule::default() }),
            Value::Object(object) => {
                stacker::maybe_grow(64 << 10, 2 << 20, || self.object(object, place))
            }
            _ => Err(invalid_type("valid schema", place.rsplit('/').next().unwrap_or(place))),
        };
        self.depth -= 1;
        self.rules[at] = rule?;
        Ok(at)
    }

    /// Checks the definitions that nothing refers to, too.
    fn definitions(&mut self, value: &Value, place: &str) -> Result<(), String> {
        let Value::Object(object) = value else { return Ok(()) };
        match object.get(b"definitions") {
            None => Ok(()),
            Some(Value::Object(definitions)) => {
                for (name, value) in definitions.iter() {
                    let place = inside(&inside(place, "definitions"), &name.to_str_lossy());
                    self.rule(value, &place)?;
                }
                Ok(())
            }
            Some(_) => Err(invalid_type("array of schemas", "definitions")),
        }
    }

    fn object(&mut self, object: &Object, place: &str) -> Result<Rule, String> {
        for key in ["title", "description", "$ref"] {
            if !matches!(object.get(key.as_bytes()), None | Some(Value::String(_))) {
                return Err(invalid_type("string", key));
            }
        }
        if let Some(Value::String(target)) = object.get(b"$ref") {
            let at = self.reference(&target.to_str_lossy())?;
            return Ok(Rule { reference: Some(at), ..Rule::default() });
        }
        let mut rule = Rule {
            types: types(object)?,
            number: number(object)?,
            text: text(object)?,
            format: format(object)?,
            array: self.array(object, place)?,
            object: self.members(object, place)?,
            any_of: self.several(object, "anyOf", place)?,
            one_of: self.several(object, "oneOf", place)?,
            all_of: self.several(object, "allOf", place)?,
            not: self.single(object, "not", place)?,
            ..Rule::default()
        };
        if let Some(choices) = object.get(b"enum") {
            let Value::Array(choices) = choices else { return Err(invalid_type("array", "enum")) };
            rule.choices = choices.iter().filter_map(form).collect();
            let unique: std::collections::HashSet<&String> = rule.choices.iter().collect();
            if unique.len() < rule.choices.len() {
                return Err("enum items must be unique".into());
            }
        }
        if self.draft >= 6 {
            rule.constant = object.get(b"const").and_then(form);
        }
        if self.draft >= 7 {
            rule.when = self.single(object, "if", place)?;
            rule.then = self.single(object, "then", place)?;
            rule.otherwise = self.single(object, "else", place)?;
        }
        Ok(rule)
    }

    /// The rule that a reference names, within this document.
    fn reference(&mut self, target: &str) -> Result<At, String> {
        let document = self.document;
        let (base, pointer) = target.split_once('#').unwrap_or((target, ""));
        let (mut value, mut place) = match (base, pointer) {
            ("", "") => (document, String::new()),
            ("", pointer) if pointer.starts_with('/') => (document, String::new()),
            _ => named(document, base, pointer, "", 0)
                .ok_or_else(|| format!("the reference {target} leads out of the schema"))?,
        };
        if pointer.starts_with('/') {
            for part in pointer.split('/').skip(1) {
                let part = unescaped(part);
                place = inside(&place, &part);
                value = step(value, &part).ok_or_else(|| format!("Object has no key '{part}'"))?;
            }
        }
        self.rule(value, &place)
    }

    fn single(&mut self, object: &Object, key: &str, place: &str) -> Result<Option<At>, String> {
        match object.get(key.as_bytes()) {
            None => Ok(None),
            Some(value @ (Value::Object(_) | Value::Bool(_))) => {
                self.rule(value, &inside(place, key)).map(Some)
            }
            Some(_) => Err(invalid_type("valid schema", key)),
        }
    }

    fn several(&mut self, object: &Object, key: &str, place: &str) -> Result<Vec<At>, String> {
        match object.get(key.as_bytes()) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) if items.is_empty() => {
                Err(invalid_type("a non-empty array of schemas", key))
            }
            Some(Value::Array(items)) => self.list(items, &inside(place, key)),
            Some(_) => Err(invalid_type("array", key)),
        }
    }

    fn list(&mut self, items: &[Value], place: &str) -> Result<Vec<At>, String> {
        let mut rules = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            rules.push(self.rule(item, &inside(place, &i.to_string()))?);
        }
        Ok(rules)
    }

    fn rest(&mut self, object: &Object, key: &str, place: &str) -> Result<Rest, String> {
        match object.get(key.as_bytes()) {
            None | Some(Value::Bool(true)) => Ok(Rest::Any),
            Some(Value::Bool(false)) => Ok(Rest::No),
            Some(value @ Value::Object(_)) => {
                self.rule(value, &inside(place, key)).map(Rest::Checked)
            }
            Some(_) => Err(invalid_type("boolean, valid schema", key)),
        }
    }

    fn array(&mut self, object: &Object, place: &str) -> Result<ArrayRule, String> {
        let mut rule = ArrayRule {
            rest: self.rest(object, "additionalItems", place)?,
            len_min: count(object, "minItems")?,
            len_max: count(object, "maxItems")?,
            ..ArrayRule::default()
        };
        match object.get(b"items") {
            Some(Value::Array(items)) => rule.first = self.list(items, &inside(place, "items"))?,
            _ => rule.each = self.single(object, "items", place)?,
        }
        if let Some(unique) = object.get(b"uniqueItems") {
            let Value::Bool(unique) = unique else {
                return Err(must_be_of("uniqueItems", "boolean"));
            };
            rule.unique = *unique;
        }
        if self.draft >= 6 {
            rule.contains = self.single(object, "contains", place)?;
        }
        Ok(rule)
    }

    fn members(&mut self, object: &Object, place: &str) -> Result<ObjectRule, String> {
        let mut rule = ObjectRule {
            rest: self.rest(object, "additionalProperties", place)?,
            len_min: count(object, "minProperties")?,
            len_max: count(object, "maxProperties")?,
            required: match object.get(b"required") {
                Some(names) => names_of(names, "required")?,
                None => Vec::new(),
            },
            ..ObjectRule::default()
        };
        if let Some(members) = object.get(b"properties") {
            let Value::Object(members) = members else {
                return Err(invalid_type("valid schema", "properties"));
            };
            for (name, value) in members.iter() {
                let place = inside(&inside(place, "properties"), &name.to_str_lossy());
                rule.members.push((name.clone(), self.rule(value, &place)?));
            }
        }
        if let Some(patterns) = object.get(b"patternProperties") {
            let Value::Object(patterns) = patterns else {
                return Err(invalid_type("valid schema", "patternProperties"));
            };
            for (pattern, value) in patterns.iter() {
                let text = pattern.to_str_lossy();
                let place = inside(&inside(place, "patternProperties"), &text);
                let compiled =
                    re::compile(&text).map_err(|_| format!("Invalid regex pattern '{text}'"))?;
                rule.patterns.push((compiled, self.rule(value, &place)?));
            }
        }
        if self.draft >= 6 {
            rule.names = self.single(object, "propertyNames", place)?;
        }
        if let Some(needs) = object.get(b"dependencies") {
            let Value::Object(needs) = needs else {
                return Err(invalid_type("valid schema", "dependencies"));
            };
            for (name, value) in needs.iter() {
                let needs = if let Value::Array(_) = value {
                    Needs::Members(names_of(value, "dependency")?)
                } else {
                    let place = inside(&inside(place, "dependencies"), &name.to_str_lossy());
                    Needs::Rule(self.rule(value, &place)?)
                };
                rule.needs.push((name.clone(), needs));
            }
        }
        Ok(rule)
    }
}

fn must_be_of(key: &str, kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{key} must be of {article} {kind}")
}

/// A schema by its own name, and where it stands.
fn named<'v>(
    value: &'v Value,
    base: &str,
    fragment: &str,
    place: &str,
    depth: usize,
) -> Option<(&'v Value, String)> {
    let Value::Object(object) = value else { return None };
    for key in ["$id", "id"] {
        if let Some(Value::String(id)) = object.get(key.as_bytes()) {
            let id = id.to_str_lossy();
            let id = id.strip_suffix('#').unwrap_or(&id);
            let anchor = id.strip_prefix('#').is_some_and(|id| id == fragment);
            // A relative name means the one that ends with it.
            let same = !base.is_empty() && (id == base || id.ends_with(&format!("/{base}")));
            if same || base.is_empty() && anchor {
                return Some((value, place.to_owned()));
            }
        }
    }
    if depth >= DEPTH_MAX {
        return None;
    }
    object.iter().find_map(|(name, member)| {
        let place = inside(place, &name.to_str_lossy());
        match member {
            Value::Array(items) => items.iter().enumerate().find_map(|(i, item)| {
                named(item, base, fragment, &inside(&place, &i.to_string()), depth + 1)
            }),
            _ => named(member, base, fragment, &place, depth + 1),
        }
    })
}

/// One part of a pointer as the name that it stands for.
fn unescaped(part: &str) -> String {
    let plain = crate::url::unescape(part.as_bytes(), crate::url::Part::Segment);
    let plain = plain.map_or_else(|_| part.to_owned(), |p| String::from_utf8_lossy(&p).into());
    plain.replace("~1", "/").replace("~0", "~")
}

fn step<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) => object.get(name.as_bytes()),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

fn types(object: &Object) -> Result<Types, String> {
    let add = |types: &mut Types, name: &Text| {
        let name = name.to_str_lossy();
        let Some(known) = TYPES.iter().find(|known| **known == name) else {
            return Err(format!(
                "has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values \
                 are:[{}]",
                TYPES.join(" ")
            ));
        };
        if types.contains(known) {
            return Err(format!("{name} type is duplicated"));
        }
        types.push(known);
        Ok(())
    };
    let mut types = Vec::new();
    match object.get(b"type") {
        None => {}
        Some(Value::String(name)) => add(&mut types, name)?,
        Some(Value::Array(names)) => {
            for name in names.iter() {
                match name {
                    Value::String(name) => add(&mut types, name)?,
                    _ => return Err(invalid_type("string", "type")),
                }
            }
        }
        Some(_) => return Err(invalid_type("string/array of strings", "type")),
    }
    Ok(types)
}

fn names_of(value: &Value, key: &str) -> Result<Vec<Text>, String> {
    let Value::Array(items) = value else { return Err(must_be_of(key, "array")) };
    let mut names: Vec<Text> = Vec::with_capacity(items.len());
    for item in items.iter() {
        match item {
            Value::String(name) if names.contains(name) => {
                return Err(format!("{key} items must be unique"));
            }
            Value::String(name) => names.push(name.clone()),
            _ => return Err(format!("{key} items must be string")),
        }
    }
    Ok(names)
}

fn count(object: &Object, key: &str) -> Result<Option<usize>, String> {
    let Some(value) = object.get(key.as_bytes()) else { return Ok(None) };
    match Decimal::of(value) {
        Some(number) if number.is_whole() => match number.count() {
            Some(count) => Ok(Some(count)),
            None if number.is_positive() => Ok(Some(usize::MAX)),
            None => Err(format!("{key} must be greater than or equal to 0")),
        },
        _ => Err(must_be_of(key, "integer")),
    }
}

fn decimal(object: &Object, key: &str) -> Result<Option<Decimal>, String> {
    match object.get(key.as_bytes()) {
        None => Ok(None),
        Some(value) => Decimal::of(value).map(Some).ok_or_else(|| must_be_of(key, "number")),
    }
}

/// A bound and what excludes it: the switch of draft 4, or a bound of its own.
fn bounds(
    object: &Object,
    key: &str,
    exclusive: &str,
) -> Result<(Option<Decimal>, Option<Decimal>), String> {
    let bound = decimal(object, key)?;
    match object.get(exclusive.as_bytes()) {
        None => Ok((bound, None)),
        Some(Value::Bool(_)) if bound.is_none() => {
            Err(format!("{exclusive} cannot be used without {key}"))
        }
        Some(Value::Bool(true)) => Ok((None, bound)),
        Some(Value::Bool(false)) => Ok((bound, None)),
        Some(value) => match Decimal::of(value) {
            Some(number) => Ok((bound, Some(number))),
            None => Err(invalid_type("boolean/number", exclusive)),
        },
    }
}

fn number(object: &Object) -> Result<NumberRule, String> {
    let multiple_of = decimal(object, "multipleOf")?;
    if multiple_of.is_some_and(|unit| !unit.is_positive()) {
        return Err("multipleOf must be strictly greater than 0".into());
    }
    let (min, above) = bounds(object, "minimum", "exclusiveMinimum")?;
    let (max, below) = bounds(object, "maximum", "exclusiveMaximum")?;
    Ok(NumberRule { multiple_of, min, above, max, below })
}

fn text(object: &Object) -> Result<TextRule, String> {
    let (len_min, len_max) = (count(object, "minLength")?, count(object, "maxLength")?);
    if let (Some(min), Some(max)) = (len_min, len_max)
        && min > max
    {
        return Err("minLength cannot be greater than maxLength".into());
    }
    let pattern = match object.get(b"pattern") {
        None => None,
        Some(Value::String(pattern)) => {
            let text = pattern.to_str_lossy().into_owned();
            let compiled = re::compile(&text).map_err(|_| "pattern must be a valid regex")?;
            Some((text, compiled))
        }
        Some(_) => return Err(must_be_of("pattern", "string")),
    };
    Ok(TextRule { len_min, len_max, pattern })
}

fn format(object: &Object) -> Result<Option<String>, String> {
    match object.get(b"format") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(name.to_str_lossy().into_owned())),
        Some(_) => Err("format must be of type string".into()),
    }
}
