//! What a program may read of a message and what it assigns, for whoever wants to know which of
//! several mappings depends on which.
//!
//! Each expression is followed with the places that its context and its value may come from. The
//! depths to which that is done are those of the original, so that the same mappings depend on
//! each other: of a method with arguments that are computed, only these count.

use std::cell::Cell;
use std::rc::Rc;

use plan::expr::Place;

use crate::args::Arg;
use crate::node::{ArgSource, Base, Case, FunctionCall, MethodCall, Node, Path, Seg, Slot};
use crate::node::{MatchExpr, split_path};
use crate::program::{Kind, Maps, Program, Statement, with_stack};

/// Expressions and places that are looked at for one program: maps may apply each other without
/// end.
const VISITS_MAX: usize = 100_000;
/// How deep maps that apply each other are followed.
const MAPS_DEEP_MAX: usize = 32;

/// Where a value may come from; nothing is said of what is neither document nor metadata.
type Places = Rc<[Option<Place>]>;

/// The places that a program may read.
pub(crate) fn reads(program: &Program) -> Vec<Place> {
    let left = Cell::new(VISITS_MAX);
    let cx = Cx {
        maps: &program.maps,
        left: &left,
        height: program.height,
        deep: 0,
        value: Rc::new([]),
        main: Rc::new([]),
        outer: None,
        named: None,
    };
    let found = with_stack(program.height.saturating_mul(2), || cx.statements(&program.statements));
    let mut found: Vec<Place> = found.into_iter().flatten().collect();
    found.sort();
    found.dedup();
    found
}

/// The places that a program assigns.
pub(crate) fn writes(program: &Program) -> Vec<Place> {
    let mut found = Vec::new();
    targets(&program.statements, &mut found);
    found
}

fn targets(statements: &[Statement], found: &mut Vec<Place>) {
    for statement in statements {
        match &statement.kind {
            Kind::Let { .. } => {}
            Kind::Meta { key, .. } => {
                found.push(Place::Meta(key.iter().map(|key| key.to_string()).collect()));
            }
            Kind::Assign { path, .. } => found.push(Place::Document(names(path))),
            Kind::If(branches) => {
                branches.cases.iter().for_each(|(_, block)| targets(block, found));
                branches.otherwise.iter().for_each(|block| targets(block, found));
            }
        }
    }
}

fn names(path: &[Seg]) -> Vec<String> {
    path.iter().map(|seg| seg.key.to_str_lossy().into_owned()).collect()
}

/// Places further within.
fn within(places: &Places, path: &[Seg]) -> Places {
    let deeper = |place: &Option<Place>| {
        let mut place = place.clone();
        match &mut place {
            Some(Place::Document(to) | Place::Meta(to)) => to.extend(names(path)),
            None => {}
        }
        place
    };
    places.iter().map(deeper).collect()
}

/// A list whose first is the innermost.
struct Link<T> {
    here: T,
    next: Chain<T>,
}

type Chain<T> = Option<Rc<Link<T>>>;

/// What surrounds an expression.
#[derive(Clone)]
struct Cx<'p> {
    maps: &'p Maps,
    left: &'p Cell<usize>,
    height: u32,
    deep: usize,
    /// Where the value comes from that a method is called on.
    value: Places,
    /// Where the context comes from; nowhere known is the document.
    main: Places,
    /// The contexts around it.
    outer: Chain<Places>,
    /// Those that have names.
    named: Chain<(Rc<str>, Places)>,
}

/// What was found, and the surroundings for methods called on the expression.
type Found<'p> = (Cx<'p>, Vec<Option<Place>>);

impl<'p> Cx<'p> {
    /// Whether so much may still be looked at.
    fn affords(&self, count: usize) -> bool {
        let left = self.left.get().checked_sub(count);
        self.left.set(left.unwrap_or_default());
        left.is_some()
    }

    fn at(&self, value: Places) -> Found<'p> {
        if !self.affords(value.len()) {
            return (self.clone(), Vec::new());
        }
        let found = value.to_vec();
        (Cx { value, ..self.clone() }, found)
    }

    /// With the value as the context.
    fn inside(&self, value: Vec<Option<Place>>) -> Cx<'p> {
        let outer = Some(Rc::new(Link { here: self.main.clone(), next: self.outer.clone() }));
        Cx { main: value.into(), value: Rc::new([]), outer, ..self.clone() }
    }

    /// With the context around this one.
    fn popped(&self) -> Cx<'p> {
        match &self.outer {
            Some(link) => Cx { main: link.here.clone(), outer: link.next.clone(), ..self.clone() },
            None => self.clone(),
        }
    }

    fn statements(&self, statements: &[Statement]) -> Vec<Option<Place>> {
        let mut found = Vec::new();
        for statement in statements {
            match &statement.kind {
                Kind::Let { query, .. } | Kind::Meta { query, .. } | Kind::Assign { query, .. } => {
                    found.extend(self.node(query).1);
                }
                Kind::If(branches) => {
                    for (condition, block) in &branches.cases {
                        found.extend(self.node(condition).1);
                        found.extend(self.statements(block));
                    }
                    branches.otherwise.iter().for_each(|b| found.extend(self.statements(b)));
                }
            }
        }
        found
    }

    fn all<'n>(&self, nodes: impl IntoIterator<Item = &'n Node>) -> Found<'p> {
        let found = nodes.into_iter().flat_map(|node| self.node(node).1).collect();
        (self.clone(), found)
    }

    fn node(&self, node: &Node) -> Found<'p> {
        if !self.affords(1) {
            return (self.clone(), Vec::new());
        }
        match node {
            Node::Path(path) => self.path(path),
            Node::Var(..) => self.at(Rc::new([None])),
            Node::Meta(key) => {
                let key = key.iter().map(|key| key.to_string()).collect();
                self.at(Rc::new([Some(Place::Meta(key))]))
            }
            Node::Method(call) => self.method(call),
            Node::Function(call) => self.function(call),
            Node::Not(inner) => self.node(inner),
            Node::Lambda(None, body) => self.popped().node(body),
            Node::Lambda(Some(name), body) => {
                let here = (Rc::clone(name), self.main.clone());
                let named = Some(Rc::new(Link { here, next: self.named.clone() }));
                Cx { named, ..self.popped() }.node(body)
            }
            Node::Within(parts) => self.mapped(&parts.0, &parts.1),
            Node::Match(matching) => self.matching(matching),
            other => {
                let mut parts = Vec::new();
                other.parts(&mut |part| parts.push(part));
                self.all(parts)
            }
        }
    }

    fn path(&self, path: &Path) -> Found<'p> {
        let document = || -> Places { Rc::new([Some(Place::Document(Vec::new()))]) };
        let base = match &path.base {
            Base::This if self.main.is_empty() => document(),
            Base::This => self.main.clone(),
            Base::Root => Rc::new([None]),
            Base::Named(_, name) => self.named(name),
            Base::Node(node) => {
                let (cx, mut found) = self.node(node);
                let (cx, further) = cx.at(within(&cx.value, &path.segs));
                found.extend(further);
                return (cx, found);
            }
        };
        self.at(within(&base, &path.segs))
    }

    fn named(&self, name: &str) -> Places {
        let mut link = self.named.as_ref();
        while let Some(Link { here: (known, places), next }) = link.map(|link| &**link) {
            if **known == *name {
                return places.clone();
            }
            link = next.as_ref();
        }
        Rc::new([])
    }

    /// A query on a value.
    fn mapped(&self, target: &Node, query: &Node) -> Found<'p> {
        let (cx, mut found) = self.node(target);
        let (cx, more) = cx.inside(found.clone()).node(query);
        found.extend(more);
        (cx, found)
    }

    fn matching(&self, matching: &MatchExpr) -> Found<'p> {
        let (cx, subject) = match &matching.subject {
            Some(subject) => self.node(subject),
            None => (self.clone(), Vec::new()),
        };
        let cx = cx.inside(subject.clone());
        let mut found = Vec::new();
        for (case, result) in &matching.cases {
            if let Case::Holds(condition) = case {
                found.extend(cx.node(condition).1);
            }
            found.extend(cx.node(result).1);
        }
        found.extend(subject);
        (self.clone(), found)
    }

    fn method(&self, call: &MethodCall) -> Found<'p> {
        let computed = computed(&call.args);
        if !computed.is_empty() {
            return self.all(computed);
        }
        let args = call.args.fixed();
        match (call.spec.name, args.opt_query(0)) {
            ("map", Some(query)) => self.mapped(&call.target, query.node()),
            ("catch" | "or" | "sort" | "sort_by", Some(query)) => {
                self.all([&call.target, query.node()])
            }
            ("get", _) => {
                let (cx, mut found) = self.node(&call.target);
                let (cx, further) = cx.at(within(&cx.value, &split_path(args.text(0))));
                match is_field(&call.target) {
                    true => found = further,
                    false => found.extend(further),
                }
                (cx, found)
            }
            ("apply", _) => self.apply(&call.target, &String::from_utf8_lossy(args.text(0))),
            _ => self.node(&call.target),
        }
    }

    fn apply(&self, target: &Node, map: &str) -> Found<'p> {
        let (cx, mut found) = self.node(target);
        let Some(map) = self.maps.get(map).filter(|_| self.deep < MAPS_DEEP_MAX) else {
            return (cx, found);
        };
        let cx = Cx { deep: self.deep + 1, ..cx.inside(found.clone()) };
        let run = || cx.statements(&map.statements);
        found.extend(with_stack(self.height.saturating_mul(2), run));
        (Cx { deep: self.deep, ..cx }, found)
    }

    fn function(&self, call: &FunctionCall) -> Found<'p> {
        let computed = computed(&call.args);
        if !computed.is_empty() {
            return self.all(computed);
        }
        let args = call.args.fixed();
        let key = || match args.len() {
            0 => String::new(),
            _ => String::from_utf8_lossy(args.text(0)).into_owned(),
        };
        let place = match call.spec.name {
            "json" => Place::Document(names(&split_path(key().as_bytes()))),
            "meta" | "metadata" | "root_meta" => {
                Place::Meta(Some(key()).filter(|key| !key.is_empty()).into_iter().collect())
            }
            "var" => return self.at(Rc::new([None])),
            _ => return (self.clone(), Vec::new()),
        };
        self.at(Rc::new([Some(place)]))
    }
}

/// Whether an expression is the path of a field, which goes on when one is taken of it.
fn is_field(node: &Node) -> bool {
    match node {
        Node::Path(path) => !matches!(path.base, Base::Node(_)),
        Node::Method(call) => {
            call.spec.name == "get" && computed(&call.args).is_empty() && is_field(&call.target)
        }
        _ => false,
    }
}

/// The arguments that are computed for each call.
fn computed(args: &ArgSource) -> Vec<&Node> {
    match args {
        ArgSource::Fixed(_) => Vec::new(),
        ArgSource::Dynamic(slots) => {
            let evaluated = slots.iter().filter_map(|slot| match slot {
                Slot::Eval(_, node) => Some(node),
                Slot::Fixed(Arg::Missing | Arg::Val(_) | Arg::Query(_)) => None,
            });
            evaluated.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Mapping;

    fn shown(places: Vec<Place>) -> Vec<String> {
        let show = |place| match place {
            Place::Document(path) => format!("this.{}", path.join(".")),
            Place::Meta(path) => format!("@{}", path.join(".")),
        };
        let mut shown: Vec<String> = places.into_iter().map(show).collect();
        shown.sort();
        shown.dedup();
        shown
    }

    fn program(text: &str) -> Mapping {
        Mapping::parse(text, &crate::local::Local::setup()).map_err(|e| e.to_string()).unwrap()
    }

    #[test]
    fn what_is_read_is_found() {
        for (text, want) in [
            ("root = this", &["this."][..]),
            ("root.x = this.a.b + json(\"c.d\")", &["this.a.b", "this.c.d"]),
            ("root = if this.t != 1 { deleted() }", &["this.t"]),
            ("root = @k.string() + meta(\"m\")", &["@k", "@m"]),
            ("root = @", &["@"]),
            ("root = root.a", &[]),
            ("let v = this.a\nroot = $v.b", &["this.a"]),
            ("root = this.a.(b.c | this.d)", &["this.a", "this.a.b.c", "this.a.d"]),
            ("root = this.a.(x -> x.b + this.c)", &["this.a", "this.a.b", "this.c"]),
            ("root = this.a.map_each(e -> e.b)", &["this.a"]),
            ("root = this.a.get(\"b\").get(\"c\")", &["this.a.b.c"]),
            ("root = this.a.uppercase().b", &["this.a", "this.a.b"]),
            ("root = this.a.replace_all(this.b, \"\")", &["this.b"]),
            (
                "root = match this.a { this.b == 1 => this.c, _ => 1 }",
                &["this.a", "this.a.b", "this.a.c"],
            ),
            ("root = {\"k\": [this.a, 1]}", &["this.a"]),
            (
                "if this.a == 1 {\n root.b = this.c\n} else {\n root = this.d\n}",
                &["this.a", "this.c", "this.d"],
            ),
            ("map m {\n root = this.b\n}\nroot = this.a.apply(\"m\")", &["this.a", "this.a.b"]),
            ("root = this.a.catch(this.b).or(@c)", &["@c", "this.a", "this.b"]),
        ] {
            assert_eq!(shown(reads(&program(text).program)), want, "{text}");
        }
    }

    #[test]
    fn what_is_assigned_is_found() {
        let text = "let v = 1\nmeta k = 2\nmeta = {}\nroot.a.b = 1\nroot = 2\n\
                    if this.x {\n root.c = 1\n} else {\n meta d = 3\n}";
        let want = ["@", "@d", "@k", "this.", "this.a.b", "this.c"];
        assert_eq!(shown(writes(&program(text).program)), want);
    }

    #[test]
    fn maps_that_apply_each_other_come_to_an_end() {
        let text = "map m {\n root = this.a.apply(\"m\")\n root.b = this.b.apply(\"m\")\n}\n\
                    root = this.apply(\"m\")";
        let found = reads(&program(text).program);
        assert!((1..=VISITS_MAX).contains(&found.len()), "{}", found.len());
        let longest = found.iter().map(|place| match place {
            Place::Document(path) | Place::Meta(path) => path.len(),
        });
        assert!(longest.max() <= Some(MAPS_DEEP_MAX));
    }
}
