//! How far the results of a program depend on what it saw before.

use plan::Class;

use crate::node::Node;
use crate::program::{Kind, Program, Statement};
use crate::spec::Purity;

/// Calls `visit` with each expression of some statements, outermost only.
pub(crate) fn queries<'s>(statements: &'s [Statement], visit: &mut dyn FnMut(&'s Node)) {
    for statement in statements {
        match &statement.kind {
            Kind::Let { query, .. } | Kind::Meta { query, .. } | Kind::Assign { query, .. } => {
                visit(query);
            }
            Kind::If(branches) => {
                for (condition, block) in &branches.cases {
                    visit(condition);
                    queries(block, visit);
                }
                branches.otherwise.iter().for_each(|block| queries(block, visit));
            }
        }
    }
}

/// Calls `visit` with an expression and everything in it.
pub(crate) fn every<'n>(node: &'n Node, visit: &mut dyn FnMut(&'n Node)) {
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        visit(node);
        node.parts(&mut |part| left.push(part));
    }
}

/// Calls `visit` with every expression of a program and its maps.
pub(crate) fn every_in<'p>(program: &'p Program, visit: &mut dyn FnMut(&'p Node)) {
    queries(&program.statements, &mut |node| every(node, visit));
    for map in program.maps.values() {
        queries(&map.statements, &mut |node| every(node, visit));
    }
}

fn purity(node: &Node) -> Purity {
    match node {
        Node::Method(call) => call.spec.purity,
        Node::Function(call) => call.spec.purity,
        _ => Purity::Pure,
    }
}

/// The class of one expression: what counts across messages is bound to its pipeline.
pub(crate) fn of_node(node: &Node) -> Class {
    let mut class = Class::Stateless;
    every(node, &mut |node| {
        if purity(node) == Purity::Bound {
            class = Class::Bound;
        }
    });
    class
}

/// The class of a program.
pub(crate) fn of_program(program: &Program) -> Class {
    let mut class = Class::Stateless;
    every_in(program, &mut |node| {
        if purity(node) == Purity::Bound {
            class = Class::Bound;
        }
    });
    class
}
