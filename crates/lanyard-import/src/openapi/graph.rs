//! Which references lead back to themselves: Tarjan's strongly connected components, found as far
//! as they are asked for, without recursion.

use std::collections::HashMap;

use serde_json::Value;

use super::document::Document;

/// What is known of the references of a document.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    ids: HashMap<String, usize>,
    nodes: Vec<Node>,
    next: usize,
}

#[derive(Debug, Default)]
struct Node {
    reference: String,
    /// When it was first seen; none before that.
    number: Option<usize>,
    low: usize,
    on_stack: bool,
    cyclic: bool,
    edges: Vec<usize>,
}

impl Graph {
    /// Whether what a reference leads to holds, however deep, that reference again.
    pub(crate) fn is_cyclic(&mut self, reference: &str, document: &Document) -> bool {
        let id = self.id(reference);
        if self.nodes.get(id).is_some_and(|node| node.number.is_none()) {
            self.search(id, document);
        }
        self.nodes.get(id).is_some_and(|node| node.cyclic)
    }

    fn id(&mut self, reference: &str) -> usize {
        if let Some(id) = self.ids.get(reference) {
            return *id;
        }
        let id = self.nodes.len();
        self.ids.insert(reference.to_owned(), id);
        self.nodes.push(Node { reference: reference.to_owned(), ..Node::default() });
        id
    }

    fn search(&mut self, start: usize, document: &Document) {
        let mut component: Vec<usize> = Vec::new();
        let mut path: Vec<(usize, usize)> = Vec::new();
        self.enter(start, document, &mut component);
        path.push((start, 0));
        while let Some((id, edge)) = path.pop() {
            let target = self.nodes.get(id).and_then(|node| node.edges.get(edge)).copied();
            let Some(target) = target else {
                self.leave(id, &mut component);
                if let Some((parent, _)) = path.last() {
                    self.lower(*parent, self.low(id));
                }
                continue;
            };
            path.push((id, edge.saturating_add(1)));
            let (number, on_stack) = self
                .nodes
                .get(target)
                .map_or((Some(0), false), |node| (node.number, node.on_stack));
            match number {
                None => {
                    self.enter(target, document, &mut component);
                    path.push((target, 0));
                }
                Some(number) if on_stack => self.lower(id, number),
                Some(_) => {}
            }
        }
    }

    fn enter(&mut self, id: usize, document: &Document, component: &mut Vec<usize>) {
        let reference = self.nodes.get(id).map(|node| node.reference.clone()).unwrap_or_default();
        let mut names = Vec::new();
        if let Ok(target) = document.follow(&reference) {
            collect(target.value, &mut names);
        }
        let edges: Vec<usize> = names.into_iter().map(|name| self.id(name)).collect();
        let number = self.next;
        self.next = self.next.saturating_add(1);
        if let Some(node) = self.nodes.get_mut(id) {
            // A reference to itself is a cycle of one.
            node.cyclic = edges.contains(&id);
            node.edges = edges;
            node.number = Some(number);
            node.low = number;
            node.on_stack = true;
        }
        component.push(id);
    }

    fn leave(&mut self, id: usize, component: &mut Vec<usize>) {
        let is_root = self.nodes.get(id).is_some_and(|node| node.number == Some(node.low));
        if !is_root {
            return;
        }
        let start = component.iter().rposition(|member| *member == id).unwrap_or(component.len());
        let members = component.split_off(start);
        let several = members.len() > 1;
        for member in members {
            if let Some(node) = self.nodes.get_mut(member) {
                node.on_stack = false;
                node.cyclic |= several;
            }
        }
    }

    fn low(&self, id: usize) -> usize {
        self.nodes.get(id).map_or(usize::MAX, |node| node.low)
    }

    fn lower(&mut self, id: usize, to: usize) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.low = node.low.min(to);
        }
    }
}

/// The references of a schema, at any depth.
fn collect<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member.as_str() {
                    Some(text) if key == "$ref" => found.push(text),
                    Some(_) | None => collect(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
