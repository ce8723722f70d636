//! Checking a value by the rules of a schema.

use std::cmp::Ordering;
use std::collections::HashMap;

use formats::value::{Object, Value};

use super::decimal::Decimal;
use super::format::has_format;
use super::{ArrayRule, At, CHECKS_MAX, DEPTH_MAX, Needs, Rest, Rule, form, type_of};

/// Checks a value by the first rule.
pub(super) fn check(rules: &[Rule], value: &Value) -> Result<(), String> {
    let mut checker = Checker { rules, left: CHECKS_MAX, depth: 0, stopped: None };
    let found = checker.apply(0, value, &Path::Root);
    match checker.stopped {
        Some(why) => Err(why),
        None if found.problems.is_empty() => Ok(()),
        None => Err(found.problems.join("\n")),
    }
}

/// Where a value stands.
enum Path<'p> {
    Root,
    In(&'p Path<'p>, &'p str),
}

impl Path<'_> {
    fn text(&self) -> String {
        match self {
            Path::Root => "(root)".to_owned(),
            Path::In(Path::Root, name) => (*name).to_owned(),
            Path::In(outer, name) => format!("{}.{name}", outer.text()),
        }
    }
}

/// What is wrong with a value, and how far it got: of several rules the one that got furthest is
/// shown.
#[derive(Default)]
struct Found {
    problems: Vec<String>,
    score: i64,
}

impl Found {
    fn add(&mut self, path: &Path<'_>, text: &str) {
        self.problems.push(format!("{} {}", path.text(), text.to_lowercase()));
        self.score -= 1;
    }

    /// A problem with a member, whose name keeps its letters.
    fn add_member(&mut self, path: &Path<'_>, name: &str, text: &str) {
        let text = text.to_lowercase();
        let rest = text.strip_prefix(&name.to_lowercase()).unwrap_or(&text);
        self.problems.push(format!("{} {name}{rest}", path.text()));
        self.score -= 1;
    }

    fn merge(&mut self, other: Found) {
        self.problems.extend(other.problems);
        self.score += other.score;
    }

    fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Keeps the better of two failures.
fn better(best: Option<Found>, found: Found) -> Option<Found> {
    match best {
        Some(best) if best.score >= found.score => Some(best),
        _ => Some(found),
    }
}

struct Checker<'r> {
    rules: &'r [Rule],
    left: usize,
    depth: usize,
    /// Set when a limit ended the check.
    stopped: Option<String>,
}

impl Checker<'_> {
    fn apply(&mut self, at: At, value: &Value, path: &Path<'_>) -> Found {
        let mut found = Found::default();
        if self.stopped.is_none() && self.depth >= DEPTH_MAX {
            let why = format!("the schema and the value go deeper than {DEPTH_MAX} levels");
            self.stopped = Some(why);
        }
        if self.stopped.is_none() && self.left == 0 {
            self.stopped = Some(format!("the schema asks for more than {CHECKS_MAX} checks"));
        }
        let Some(rule) = self.rules.get(at).filter(|_| self.stopped.is_none()) else {
            return found;
        };
        self.left -= 1;
        self.depth += 1;
        stacker::maybe_grow(64 << 10, 2 << 20, || self.rule(rule, value, path, &mut found));
        self.depth -= 1;
        found
    }

    fn rule(&mut self, rule: &Rule, value: &Value, path: &Path<'_>, found: &mut Found) {
        if let Some(fixed) = rule.fixed {
            if !fixed {
                found.add(path, "False always fails validation");
            }
            return;
        }
        if let Some(at) = rule.reference {
            found.merge(self.apply(at, value, path));
            return;
        }
        let given = type_of(value);
        let fits = |name: &&str| *name == given || *name == "number" && given == "integer";
        if !rule.types.is_empty() && !rule.types.iter().any(fits) {
            let expected = match rule.types.as_slice() {
                [single] => (*single).to_owned(),
                several => format!("[{}]", several.join(",")),
            };
            found.add(path, &format!("Invalid type. Expected: {expected}, given: {given}"));
            return;
        }
        self.combined(rule, value, path, found);
        match value {
            Value::Array(items) => self.array(&rule.array, items, path, found),
            Value::Object(object) => self.object(rule, object, path, found),
            _ => {}
        }
        if let Some(number) = Decimal::of(value) {
            check_number(rule, number, path, found);
        }
        check_choices(rule, value, path, found);
        if given == "string" {
            check_text(rule, value, path, found);
        }
        found.score += 1;
    }

    /// Rules made of other rules.
    fn combined(&mut self, rule: &Rule, value: &Value, path: &Path<'_>, found: &mut Found) {
        if !rule.any_of.is_empty() {
            let mut best = None;
            let valid = rule.any_of.iter().any(|at| {
                let inner = self.apply(*at, value, path);
                let valid = inner.is_valid();
                best = better(best.take(), inner);
                valid
            });
            if !valid {
                found.add(path, "Must validate at least one schema (anyOf)");
                found.merge(best.unwrap_or_default());
            }
        }
        if !rule.one_of.is_empty() {
            let (mut best, mut valid) = (None, 0);
            for at in &rule.one_of {
                let inner = self.apply(*at, value, path);
                if inner.is_valid() {
                    valid += 1;
                } else {
                    best = better(best, inner);
                }
            }
            if valid != 1 {
                found.add(path, "Must validate one and only one schema (oneOf)");
                if valid == 0 {
                    found.merge(best.unwrap_or_default());
                }
            }
        }
        let mut all = true;
        for at in &rule.all_of {
            let inner = self.apply(*at, value, path);
            all &= inner.is_valid();
            found.merge(inner);
        }
        if !all {
            found.add(path, "Must validate all the schemas (allOf)");
        }
        if let Some(at) = rule.not
            && self.apply(at, value, path).is_valid()
        {
            found.add(path, "Must not validate the schema (not)");
        }
        if let Some(at) = rule.when {
            let holds = self.apply(at, value, path).is_valid();
            let (branch, text) = match holds {
                true => (rule.then, "Must validate \"then\" as \"if\" was valid"),
                false => (rule.otherwise, "Must validate \"else\" as \"if\" was not valid"),
            };
            if let Some(inner) = branch.map(|at| self.apply(at, value, path))
                && !inner.is_valid()
            {
                found.add(path, text);
                found.merge(inner);
            }
        }
    }

    fn array(&mut self, rule: &ArrayRule, items: &[Value], path: &Path<'_>, found: &mut Found) {
        let inside = |checker: &mut Self, at: At, i: usize, item: &Value| {
            checker.apply(at, item, &Path::In(path, &i.to_string()))
        };
        for (i, item) in items.iter().enumerate() {
            let at = match (rule.each, rule.first.get(i), rule.rest) {
                (Some(at), _, _) => at,
                (None, Some(at), _) => *at,
                (None, None, Rest::Checked(at)) if !rule.first.is_empty() => at,
                _ => continue,
            };
            found.merge(inside(self, at, i, item));
        }
        let more = !rule.first.is_empty() && rule.first.len() < items.len();
        if more && matches!(rule.rest, Rest::No) {
            found.add(path, "No additional items allowed on array");
        }
        if let Some(min) = rule.len_min.filter(|min| items.len() < *min) {
            found.add(path, &format!("Array must have at least {min} items"));
        }
        if let Some(max) = rule.len_max.filter(|max| items.len() > *max) {
            found.add(path, &format!("Array must have at most {max} items"));
        }
        if rule.unique {
            let mut seen = HashMap::new();
            for (j, item) in items.iter().enumerate() {
                if let Some(i) = seen.insert(form(item), j) {
                    found.add(path, &format!("array items[{i},{j}] must be unique"));
                }
            }
        }
        if let Some(at) = rule.contains {
            let mut best = None;
            let any = items.iter().enumerate().any(|(i, item)| {
                let inner = inside(self, at, i, item);
                let valid = inner.is_valid();
                best = better(best.take(), inner);
                valid
            });
            if !any {
                found.add(path, "At least one of the items must match");
                found.merge(best.unwrap_or_default());
            }
        }
    }

    /// What members ask for by being there.
    fn needs(&mut self, rule: &Rule, object: &Object, path: &Path<'_>, found: &mut Found) {
        for (name, needs) in &rule.object.needs {
            if object.get(name.as_bytes()).is_none() {
                continue;
            }
            match needs {
                Needs::Members(names) => {
                    for name in names.iter().filter(|n| object.get(n.as_bytes()).is_none()) {
                        let name = name.to_str_lossy();
                        found.add(path, &format!("Has a dependency on {name}"));
                    }
                }
                Needs::Rule(at) => {
                    let whole = Value::object(object.clone());
                    found.merge(self.apply(*at, &whole, path));
                }
            }
        }
    }

    fn object(&mut self, rule: &Rule, object: &Object, path: &Path<'_>, found: &mut Found) {
        self.needs(rule, object, path, found);
        let rule = &rule.object;
        if let Some(min) = rule.len_min.filter(|min| object.len() < *min) {
            found.add(path, &format!("Must have at least {min} properties"));
        }
        if let Some(max) = rule.len_max.filter(|max| object.len() > *max) {
            found.add(path, &format!("Must have at most {max} properties"));
        }
        for name in &rule.required {
            if object.get(name.as_bytes()).is_some() {
                found.score += 1;
            } else {
                let name = name.to_str_lossy();
                found.add_member(path, &name, &format!("{name} is required"));
            }
        }
        for (name, value) in object.iter() {
            let (bytes, name) = (name.as_bytes(), name.to_str_lossy());
            let within = Path::In(path, &name);
            let mut named = rule.members.iter().any(|(member, _)| member.as_bytes() == bytes);
            for (_, at) in rule.patterns.iter().filter(|(pattern, _)| pattern.is_match(bytes)) {
                named = true;
                found.merge(self.apply(*at, value, &within));
            }
            match rule.rest {
                Rest::No if !named => {
                    let text = format!("Additional property {name} is not allowed");
                    found.add_member(path, &name, &text);
                }
                Rest::Checked(at) if !named => found.merge(self.apply(at, value, &within)),
                _ => {}
            }
            if let Some(at) = rule.names {
                let inner = self.apply(at, &Value::text(bytes), path);
                if !inner.is_valid() {
                    let text = format!("Property name of \"{name}\" does not match");
                    found.add_member(path, &name, &text);
                    found.merge(inner);
                }
            }
        }
        for (name, at) in &rule.members {
            if let Some(value) = object.get(name.as_bytes()) {
                found.merge(self.apply(*at, value, &Path::In(path, &name.to_str_lossy())));
            }
        }
    }
}

fn check_number(rule: &Rule, number: Decimal, path: &Path<'_>, found: &mut Found) {
    let limits = &rule.number;
    if let Some(unit) = limits.multiple_of.filter(|unit| !number.is_multiple_of(*unit)) {
        found.add(path, &format!("Must be a multiple of {unit}"));
    }
    let order = |bound: Decimal| number.compare(bound);
    if let Some(max) = limits.max.filter(|max| order(*max) == Ordering::Greater) {
        found.add(path, &format!("Must be less than or equal to {max}"));
    }
    if let Some(max) = limits.below.filter(|max| order(*max) != Ordering::Less) {
        found.add(path, &format!("Must be less than {max}"));
    }
    if let Some(min) = limits.min.filter(|min| order(*min) == Ordering::Less) {
        found.add(path, &format!("Must be greater than or equal to {min}"));
    }
    if let Some(min) = limits.above.filter(|min| order(*min) != Ordering::Greater) {
        found.add(path, &format!("Must be greater than {min}"));
    }
    // A number has none of the formats that texts have.
    if let Some(name) = rule.format.as_ref().filter(|name| !has_format(name, "\\")) {
        found.add(path, &format!("Does not match format '{name}'"));
    }
}

fn check_choices(rule: &Rule, value: &Value, path: &Path<'_>, found: &mut Found) {
    if rule.constant.is_none() && rule.choices.is_empty() {
        return;
    }
    let given = form(value);
    let field = path.text();
    if let Some(constant) = rule.constant.as_ref().filter(|c| Some(*c) != given.as_ref()) {
        found.add(path, &format!("{field} does not match: {constant}"));
    }
    if !rule.choices.is_empty() && !rule.choices.iter().any(|c| Some(c) == given.as_ref()) {
        let choices = rule.choices.join(", ");
        found.add(path, &format!("{field} must be one of the following: {choices}"));
    }
}

fn check_text(rule: &Rule, value: &Value, path: &Path<'_>, found: &mut Found) {
    // Bytes and times are the texts that they are in a document.
    let quoted = form(value).map(|text| formats::json::parse(text.as_bytes()));
    let Some(Ok(Value::String(text))) = quoted else { return };
    let text = text.to_str_lossy();
    let limits = &rule.text;
    let length = text.chars().count();
    if let Some(min) = limits.len_min.filter(|min| length < *min) {
        found.add(path, &format!("String length must be greater than or equal to {min}"));
    }
    if let Some(max) = limits.len_max.filter(|max| length > *max) {
        found.add(path, &format!("String length must be less than or equal to {max}"));
    }
    if let Some((pattern, _)) =
        limits.pattern.as_ref().filter(|(_, pattern)| !pattern.is_match(text.as_bytes()))
    {
        found.add(path, &format!("Does not match pattern '{pattern}'"));
    }
    if let Some(name) = rule.format.as_ref().filter(|name| !has_format(name, &text)) {
        found.add(path, &format!("Does not match format '{name}'"));
    }
}
