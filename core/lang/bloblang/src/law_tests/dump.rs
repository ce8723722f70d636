//! The nodes of a program written out whole, to compare two of them. Slots and places are left
//! out: they follow from the names.

use crate::node::{ArgSource, Base, Case, Key, Node, Slot};
use crate::program::{Kind, Program, Statement};

/// A program as a text that tells any two apart which do not do the same.
pub(super) fn program(program: &Program, with_lines: bool) -> String {
    let mut maps: Vec<_> = program.maps.iter().collect();
    maps.sort_by_key(|(name, _)| (*name).clone());
    let maps: Vec<String> = maps
        .into_iter()
        .map(|(name, map)| format!("map {name} {}", block(&map.statements, with_lines)))
        .collect();
    maps.join("\n") + &block(&program.statements, with_lines)
}

fn block(statements: &[Statement], with_lines: bool) -> String {
    let statement = |s: &Statement| {
        let line = if with_lines { s.line } else { 0 };
        let kind = match &s.kind {
            Kind::Let { name, query, .. } => format!("let {name:?} {}", node(query)),
            Kind::Meta { key, query } => format!("meta {key:?} {}", node(query)),
            Kind::Assign { path, query } => format!("{path:?} = {}", node(query)),
            Kind::If(branches) => {
                let case = |(condition, then): &(Node, Vec<Statement>)| {
                    format!("if {} {}", node(condition), block(then, with_lines))
                };
                let cases: Vec<String> = branches.cases.iter().map(case).collect();
                let otherwise = branches.otherwise.as_deref().map(|b| block(b, with_lines));
                format!("{cases:?} else {otherwise:?}")
            }
        };
        format!("{line}: {kind}\n")
    };
    format!("{{\n{}}}", statements.iter().map(statement).collect::<String>())
}

fn both(op: &dyn std::fmt::Debug, left: &Node, right: &Node) -> String {
    format!("({op:?} {} {})", node(left), node(right))
}

fn all<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> String {
    nodes.into_iter().map(node).collect::<Vec<_>>().join(", ")
}

fn args(source: &ArgSource) -> String {
    let arg = |arg: &crate::args::Arg| match arg {
        crate::args::Arg::Missing => "missing".to_owned(),
        crate::args::Arg::Val(val) => format!("{val:?}"),
        crate::args::Arg::Query(query) => format!("query {}", node(query.node())),
    };
    let shown: Vec<String> = match source {
        ArgSource::Fixed(args) => (0..args.len())
            .map(|at| match (args.val(at), args.opt_query(at)) {
                (Some(val), _) => format!("{val:?}"),
                (None, Some(query)) => format!("query {}", node(query.node())),
                (None, None) => "missing".to_owned(),
            })
            .collect(),
        ArgSource::Dynamic(slots) => slots
            .iter()
            .map(|slot| match slot {
                Slot::Fixed(fixed) => arg(fixed),
                Slot::Eval(param, inner) => {
                    format!("{:?} eval {}", param.map(|p| p.name), node(inner))
                }
            })
            .collect(),
    };
    shown.join(", ")
}

fn node(this: &Node) -> String {
    match this {
        Node::Literal(val) => format!("{val:?}"),
        Node::Folded(f) => format!("[{:?} {:?} {}]", f.val, f.name, node(&f.from)),
        Node::Path(path) => {
            let base = match &path.base {
                Base::This => "this".to_owned(),
                Base::Root => "root".to_owned(),
                Base::Named(hops, name) => format!("named {hops} {name}"),
                Base::Node(inner) => node(inner),
            };
            format!("({base}){:?}", path.segs)
        }
        Node::Var(_, name) => format!("${name:?}"),
        Node::Meta(key) => format!("@{key:?}"),
        Node::Method(call) => {
            format!("{}.{}({})", node(&call.target), call.spec.name, args(&call.args))
        }
        Node::Function(call) => format!("{}({})", call.spec.name, args(&call.args)),
        Node::Arith(b) => both(&b.op, &b.left, &b.right),
        Node::Compare(b) => both(&b.op, &b.left, &b.right),
        Node::Logic(b) => both(&b.op, &b.left, &b.right),
        Node::Coalesce(b) => both(&"|", &b.left, &b.right),
        Node::Not(inner) => format!("!{}", node(inner)),
        Node::If(e) => {
            let cases = e.cases.iter().flat_map(|(a, b)| [a, b]);
            format!("if({}) else({})", all(cases), all(&e.otherwise))
        }
        Node::Match(e) => {
            let case = |(case, result): &(Case, Node)| {
                let case = match case {
                    Case::Always => "_".to_owned(),
                    Case::Equals(val) => format!("{val:?}"),
                    Case::Holds(inner) => format!("holds {}", node(inner)),
                };
                format!("{case} => {}", node(result))
            };
            let cases: Vec<String> = e.cases.iter().map(case).collect();
            format!("match({}) {cases:?}", all(&e.subject))
        }
        Node::Lambda(name, body) => format!("{name:?} -> {}", node(body)),
        Node::Within(parts) => format!("{}.({})", node(&parts.0), node(&parts.1)),
        Node::Array(items) => format!("[{}]", all(&**items)),
        Node::Object(members) => {
            let member = |(key, value): &(Key, Node)| match key {
                Key::Static(text) => format!("{text:?}: {}", node(value)),
                Key::Dynamic(key) => format!("({}): {}", node(key), node(value)),
            };
            format!("{:?}", members.iter().map(member).collect::<Vec<_>>())
        }
    }
}
