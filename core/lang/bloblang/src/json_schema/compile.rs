//! From the document of a schema to its rules.

use std::collections::HashMap;

use formats::value::{Object, Text, Value};
use plan::Services;

use super::decimal::Decimal;
use super::pool::{Document, Pool};
use super::reference::Reference;
use super::{
    ArrayRule, At, DEPTH_MAX, Needs, NumberRule, ObjectRule, RULES_MAX, Rest, Rule, TextRule,
    Types, form,
};
use crate::re;

const TYPES: [&str; 7] = ["array", "boolean", "integer", "number", "null", "object", "string"];

/// The draft of documents that name none, in which the old and the new name of an id are read.
const ANY_DRAFT: u8 = u8::MAX;

/// Compiles a schema; its own rule is the first.
pub(super) fn compile(document: &Value, services: &dyn Services) -> Result<Vec<Rule>, String> {
    if !matches!(document, Value::Object(_) | Value::Bool(_)) {
        return Err("schema is invalid".to_owned());
    }
    let (pool, document) = Pool::of(document, services);
    let draft = document.draft.unwrap_or(ANY_DRAFT);
    let mut compiler = Compiler { pool, draft, rules: Vec::new(), known: HashMap::new(), depth: 0 };
    // The document itself has no address but the empty one.
    compiler.known.insert(String::new(), 0);
    compiler.rule(&document.value, "")?;
    Ok(compiler.rules)
}

/// The draft that a schema says it follows, if it names one.
pub(super) fn draft_of(document: &Value) -> Option<u8> {
    let Value::Object(object) = document else { return None };
    let Some(Value::String(name)) = object.get(b"$schema") else { return None };
    match name.to_str_lossy().trim_end_matches('#') {
        "http://json-schema.org/draft-04/schema" => Some(4),
        "http://json-schema.org/draft-06/schema" => Some(6),
        "http://json-schema.org/draft-07/schema" => Some(7),
        _ => None,
    }
}

fn invalid_type(expected: &str, given: &str) -> String {
    format!("Invalid type. Expected: {expected}, given: {given}")
}

struct Compiler<'s> {
    pool: Pool<'s>,
    draft: u8,
    rules: Vec<Rule>,
    /// Rules that were referred to, by their addresses.
    known: HashMap<String, At>,
    depth: usize,
}

impl Compiler<'_> {
    /// The rule of a schema under a name.
    fn rule(&mut self, value: &Value, name: &str) -> Result<At, String> {
        if self.depth >= DEPTH_MAX {
            return Err(format!("the schema is nested deeper than {DEPTH_MAX} levels"));
        }
        let at = self.rules.len();
        if at >= RULES_MAX {
            return Err(format!("the schema has more than {RULES_MAX} rules"));
        }
        self.rules.push(Rule::default());
        self.depth += 1;
        let rule = match value {
            Value::Bool(fixed) => Ok(Rule { fixed: Some(*fixed), ..Rule::default() }),
            Value::Object(object) => stacker::maybe_grow(64 << 10, 2 << 20, || self.object(object)),
            _ => Err(invalid_type("valid schema", name)),
        };
        self.depth -= 1;
        self.rules[at] = rule?;
        Ok(at)
    }

    /// Checks the definitions that nothing refers to, too.
    fn definitions(&mut self, object: &Object) -> Result<(), String> {
        let Some(definitions) = object.get(b"definitions") else { return Ok(()) };
        let Value::Object(definitions) = definitions else {
            return Err(invalid_type("array of schemas", "definitions"));
        };
        for (_, value) in definitions.iter() {
            match value {
                Value::Object(_) | Value::Bool(_) => self.rule(value, "definitions")?,
                _ => return Err(invalid_type("array of schemas", "definitions")),
            };
        }
        Ok(())
    }

    /// Checks the name that a schema gives itself.
    fn id(&self, object: &Object) -> Result<(), String> {
        let key = match self.draft {
            4 => "id",
            ANY_DRAFT if object.get(b"id").is_some() => "id",
            _ => "$id",
        };
        match object.get(key.as_bytes()) {
            None => Ok(()),
            Some(Value::String(id)) => Reference::parse(&id.to_str_lossy()).map(|_| ()),
            Some(_) => Err(invalid_type("string", key)),
        }
    }

    fn object(&mut self, object: &Object) -> Result<Rule, String> {
        self.id(object)?;
        self.definitions(object)?;
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
            array: self.array(object)?,
            object: self.members(object)?,
            any_of: self.several(object, "anyOf")?,
            one_of: self.several(object, "oneOf")?,
            all_of: self.several(object, "allOf")?,
            not: self.single(object, "not")?,
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
            rule.when = self.single(object, "if")?;
            rule.then = self.single(object, "then")?;
            rule.otherwise = self.single(object, "else")?;
        }
        Ok(rule)
    }

    /// The rule that a reference leads to.
    fn reference(&mut self, address: &str) -> Result<At, String> {
        let address = Reference::parse(address)?.to_string();
        if let Some(at) = self.known.get(&address) {
            return Ok(*at);
        }
        let Document { value, draft } = self.pool.find(&address)?;
        if !matches!(value, Value::Object(_) | Value::Bool(_)) {
            return Err("valid schema must be of type object".to_owned());
        }
        // It is known before it is compiled, since it may lead to itself.
        self.known.insert(address, self.rules.len());
        let outer = self.draft;
        self.draft = draft.unwrap_or(outer);
        let at = self.rule(&value, "$ref");
        self.draft = outer;
        at
    }

    fn single(&mut self, object: &Object, key: &str) -> Result<Option<At>, String> {
        match object.get(key.as_bytes()) {
            None => Ok(None),
            Some(value @ (Value::Object(_) | Value::Bool(_))) => self.rule(value, key).map(Some),
            Some(_) => Err(invalid_type("valid schema", key)),
        }
    }

    fn several(&mut self, object: &Object, key: &str) -> Result<Vec<At>, String> {
        match object.get(key.as_bytes()) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) if items.is_empty() => {
                Err(invalid_type("a non-empty array of schemas", key))
            }
            Some(Value::Array(items)) => self.list(items, key),
            Some(_) => Err(invalid_type("array", key)),
        }
    }

    fn list(&mut self, items: &[Value], key: &str) -> Result<Vec<At>, String> {
        items.iter().map(|item| self.rule(item, key)).collect()
    }

    fn rest(&mut self, object: &Object, key: &str) -> Result<Rest, String> {
        match object.get(key.as_bytes()) {
            None | Some(Value::Bool(true)) => Ok(Rest::Any),
            Some(Value::Bool(false)) => Ok(Rest::No),
            Some(value @ Value::Object(_)) => self.rule(value, key).map(Rest::Checked),
            Some(_) => Err(invalid_type("boolean, valid schema", key)),
        }
    }

    fn array(&mut self, object: &Object) -> Result<ArrayRule, String> {
        let mut rule = ArrayRule {
            rest: self.rest(object, "additionalItems")?,
            len_min: count(object, "minItems")?,
            len_max: count(object, "maxItems")?,
            ..ArrayRule::default()
        };
        match object.get(b"items") {
            Some(Value::Array(items)) => rule.first = self.list(items, "items")?,
            _ => rule.each = self.single(object, "items")?,
        }
        if let Some(unique) = object.get(b"uniqueItems") {
            let Value::Bool(unique) = unique else {
                return Err(must_be_of("uniqueItems", "boolean"));
            };
            rule.unique = *unique;
        }
        if self.draft >= 6 {
            rule.contains = self.single(object, "contains")?;
        }
        Ok(rule)
    }

    fn members(&mut self, object: &Object) -> Result<ObjectRule, String> {
        let mut rule = ObjectRule {
            rest: self.rest(object, "additionalProperties")?,
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
                rule.members.push((name.clone(), self.rule(value, &name.to_str_lossy())?));
            }
        }
        if let Some(patterns) = object.get(b"patternProperties") {
            let Value::Object(patterns) = patterns else {
                return Err(invalid_type("valid schema", "patternProperties"));
            };
            for (pattern, value) in patterns.iter() {
                let text = pattern.to_str_lossy();
                let compiled =
                    re::compile(&text).map_err(|_| format!("Invalid regex pattern '{text}'"))?;
                rule.patterns.push((compiled, self.rule(value, &text)?));
            }
        }
        if self.draft >= 6 {
            rule.names = self.single(object, "propertyNames")?;
        }
        if let Some(needs) = object.get(b"dependencies") {
            let Value::Object(needs) = needs else {
                return Err(invalid_type("valid schema", "dependencies"));
            };
            for (name, value) in needs.iter() {
                let needs = if let Value::Array(_) = value {
                    Needs::Members(names_of(value, "dependency")?)
                } else {
                    Needs::Rule(self.rule(value, &name.to_str_lossy())?)
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
