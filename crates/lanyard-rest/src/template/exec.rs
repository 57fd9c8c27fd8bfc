//! Renders a program: walks its nodes, evaluates its pipes, hands what they give to the sink.

use serde_json::Value;

use super::ast::{Base, Call, Node, Operand, Pipe, Program, Stage};
use super::functions::{Eval, Input};
use super::runtime::Runtime;
use super::sink::{Action, Presence, Sink};
use super::value::{Data, Fault, Origin, Outcome, Text, Tree, Val, failed};
use super::{Context, TemplateEnv};

/// Renders `program` over `root`.
pub(super) fn render<'a>(
    program: &'a Program,
    root: &'a Value,
    env: &'a TemplateEnv<'a>,
    context: Context,
) -> Outcome<String> {
    let runtime = Runtime::new(root, env)?;
    let root = runtime.root.clone();
    let mut exec = Exec {
        program,
        root: root.clone(),
        runtime,
        sink: Sink::new(context, env.limits),
        locals: Vec::new(),
        base: 0,
        depth: 0,
    };
    exec.body(0, root)?;
    exec.sink.finish()
}

/// What the node that was rendered asks the enclosing `range` to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Exec<'a> {
    program: &'a Program,
    /// `$` of the template being rendered.
    root: Val<'a>,
    runtime: Runtime<'a>,
    sink: Sink,
    /// The variables of all templates being rendered; those of the innermost begin at `base`.
    locals: Vec<Val<'a>>,
    base: usize,
    depth: usize,
}

impl<'a> Exec<'a> {
    /// Renders one template with `dot` as its data.
    fn body(&mut self, number: usize, dot: Val<'a>) -> Outcome<()> {
        let program = self.program;
        let Some(body) = program.bodies.get(number) else {
            return failed("a template is not defined");
        };
        self.deeper()?;
        let outer = (self.base, std::mem::replace(&mut self.root, dot.clone()));
        self.base = self.locals.len();
        self.runtime.elements(body.slots)?;
        self.locals.resize(self.base.saturating_add(body.slots), Val::missing());
        self.nodes(&body.nodes, &dot)?;
        self.locals.truncate(self.base);
        (self.base, self.root) = outer;
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// Nesting counts while rendering too: every level takes a piece of the stack.
    fn deeper(&mut self) -> Outcome<()> {
        // One more than when parsing, for the main template itself.
        if self.depth > self.runtime.depth_max() {
            return Err(Fault::Limit("template_depth_max"));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn nodes(&mut self, nodes: &'a [Node], dot: &Val<'a>) -> Outcome<Flow> {
        for node in nodes {
            self.runtime.step()?;
            let flow = self.node(node, dot)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &'a Node, dot: &Val<'a>) -> Outcome<Flow> {
        match node {
            Node::Literal { offset, text } => {
                self.sink.literal(text).map_err(|fault| placed(fault, *offset))?;
            }
            Node::Action(pipe) => self.action(pipe, dot)?,
            Node::If { test, then, otherwise } => {
                let value = self.pipe(test, dot)?;
                let nodes = if value.truth() { then } else { otherwise };
                return self.inside(nodes, dot);
            }
            Node::With { test, then, otherwise } => {
                let value = self.pipe(test, dot)?;
                if value.truth() {
                    return self.inside(then, &value);
                }
                return self.inside(otherwise, dot);
            }
            Node::Range { over, body, otherwise } => return self.range(over, body, otherwise, dot),
            Node::Template { body, data } => {
                let data = match data {
                    Some(pipe) => self.pipe(pipe, dot)?,
                    None => Val::missing(),
                };
                self.body(*body, data)?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn inside(&mut self, nodes: &'a [Node], dot: &Val<'a>) -> Outcome<Flow> {
        self.deeper()?;
        let flow = self.nodes(nodes, dot);
        self.depth = self.depth.saturating_sub(1);
        flow
    }

    fn action(&mut self, pipe: &'a Pipe, dot: &Val<'a>) -> Outcome<()> {
        let value = self.pipe(pipe, dot)?;
        if !pipe.targets.is_empty() {
            return Ok(());
        }
        let text = self.runtime.print(&value)?;
        let urlquery = matches!(
            pipe.stages.last(),
            Some(Stage::Call(call)) if call.function.name == "urlquery"
        );
        let presence = match value.data {
            Data::Missing => Presence::Missing,
            Data::MissingJson => Presence::MissingJson,
            _ => Presence::Present,
        };
        let action = Action {
            text: &text,
            presence,
            structured: value.is_list() || value.is_object(),
            origin: value.origin,
            urlquery,
        };
        self.sink.action(&action).map_err(|fault| placed(fault, pipe.offset))
    }

    fn range(
        &mut self,
        over: &'a Pipe,
        body: &'a [Node],
        otherwise: &'a [Node],
        dot: &Val<'a>,
    ) -> Outcome<Flow> {
        // The variables of a range are set for every element, not to what is ranged over.
        let value = self.stages(over, dot)?;
        let targets = over.targets.as_slice();
        let elements = self.elements(&value, targets.len());
        let elements = elements.map_err(|fault| placed(fault, over.offset))?;
        if elements.is_empty() {
            return self.inside(otherwise, dot);
        }
        for index in 0..elements.length {
            self.runtime.step()?;
            let (key, element) = self.element(&elements, index)?;
            match targets {
                [first] => self.assign(*first, element.clone()),
                [first, second] => {
                    self.assign(*first, key);
                    self.assign(*second, element.clone());
                }
                _ => {}
            }
            if self.inside(body, &element)? == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    /// What a range goes over.
    fn elements(&mut self, value: &Val<'a>, targets: usize) -> Outcome<Elements<'a>> {
        let origin = value.origin;
        let of = |kind, length| Ok(Elements { kind, length, origin });
        if value.is_list() {
            return of(Kind::List(value.clone()), value.length());
        }
        if let Some(members) = self.runtime.members(value)? {
            let length = members.len();
            return of(Kind::Members(members), length);
        }
        match &value.data {
            Data::Missing | Data::Null => of(Kind::Count, 0),
            Data::Int(_) | Data::Float(_) | Data::Number(_) if targets > 1 => {
                failed("range over a number gives one variable")
            }
            Data::Int(_) | Data::Float(_) | Data::Number(_) => {
                let count = super::number::whole(value)?;
                of(Kind::Count, usize::try_from(count).unwrap_or(0))
            }
            Data::Text(text) => {
                self.runtime.work(text.len())?;
                let characters: Vec<char> = text.chars().collect();
                let length = characters.len();
                of(Kind::Characters(characters), length)
            }
            _ => failed("range over a value that is no list, object, text or number"),
        }
    }

    fn element(&mut self, of: &Elements<'a>, index: usize) -> Outcome<(Val<'a>, Val<'a>)> {
        let position = Val::int(i64::try_from(index).unwrap_or(i64::MAX)).from(of.origin);
        let element = match &of.kind {
            Kind::List(list) => self.runtime.element(list, index)?,
            Kind::Members(members) => match members.get(index) {
                Some((key, value)) => {
                    let key = Val::new(Data::Text(key.clone()), of.origin);
                    return Ok((key, value.clone()));
                }
                None => Val::missing(),
            },
            Kind::Characters(characters) => {
                let next = characters.get(index).map(char::to_string);
                Val::text(next.unwrap_or_default()).from(of.origin)
            }
            Kind::Count => position.clone(),
        };
        Ok((position, element))
    }

    fn assign(&mut self, slot: usize, value: Val<'a>) {
        if let Some(place) = self.locals.get_mut(self.base.saturating_add(slot)) {
            *place = value;
        }
    }

    /// The value of a pipe; its variable is set.
    fn pipe(&mut self, pipe: &'a Pipe, dot: &Val<'a>) -> Outcome<Val<'a>> {
        let value = self.stages(pipe, dot)?;
        if let [slot] = pipe.targets.as_slice() {
            self.assign(*slot, value.clone());
        }
        Ok(value)
    }

    fn stages(&mut self, pipe: &'a Pipe, dot: &Val<'a>) -> Outcome<Val<'a>> {
        let mut piped = None;
        for stage in &pipe.stages {
            let value = match stage {
                Stage::Operand(operand) => self.operand(operand, dot)?,
                Stage::Call(call) => self.call(call, piped.take(), dot)?,
            };
            piped = Some(value);
        }
        Ok(piped.unwrap_or_else(Val::missing))
    }

    fn call(&mut self, call: &'a Call, piped: Option<Val<'a>>, dot: &Val<'a>) -> Outcome<Val<'a>> {
        self.runtime.step()?;
        let function = match call.function.eval {
            Eval::Deciding { truth } => return self.deciding(truth, call, piped, dot),
            Eval::Plain(function) => function,
        };
        let mut arguments = Vec::with_capacity(call.arguments.len().saturating_add(1));
        for operand in &call.arguments {
            arguments.push(self.operand(operand, dot)?);
        }
        arguments.extend(piped);
        let origin = arguments.iter().map(|value| value.origin).max().unwrap_or(Origin::Template);
        for argument in &arguments {
            if let Data::Text(text) = &argument.data
                && call.function.reads
            {
                self.runtime.work(text.len())?;
            }
        }
        let mut input = Input { runtime: &mut self.runtime, arguments, call, dot };
        let value = function(&mut input).map_err(|fault| named(fault, call))?.from(origin);
        if let Data::Text(Text::Shared(text)) = &value.data {
            self.runtime.fits(text.len())?;
        }
        // `set` changes the variable it is given, as people expect who write `$_ := set $d ..`.
        if let Some(Operand { base: Base::Local(slot), fields, .. }) = call.arguments.first()
            && call.function.name == "set"
            && fields.is_empty()
        {
            self.assign(*slot, value.clone());
        }
        Ok(value)
    }

    /// `and` and `or`: the first operand that decides, or the last one.
    fn deciding(
        &mut self,
        truth: bool,
        call: &'a Call,
        piped: Option<Val<'a>>,
        dot: &Val<'a>,
    ) -> Outcome<Val<'a>> {
        let mut last = Val::missing();
        for operand in &call.arguments {
            last = self.operand(operand, dot)?;
            if last.truth() == truth {
                return Ok(last);
            }
        }
        Ok(piped.unwrap_or(last))
    }

    fn operand(&mut self, operand: &'a Operand, dot: &Val<'a>) -> Outcome<Val<'a>> {
        let base = match &operand.base {
            Base::Dot => dot.clone(),
            Base::Root => self.root.clone(),
            Base::Local(slot) => {
                let value = self.locals.get(self.base.saturating_add(*slot));
                value.cloned().unwrap_or_else(Val::missing)
            }
            Base::Global(name) => self.global(name)?,
            Base::Text(text) => Val::own(Data::Text(Text::Borrowed(text))),
            Base::Int(int) => Val::int(*int),
            Base::Float(float) => Val::own(Data::Float(*float)),
            Base::Bool(bool) => Val::bool(*bool),
            Base::Nil => Val::own(Data::Null),
            Base::Pipe(pipe) => self.pipe(pipe, dot)?,
            Base::Call(call) => self.call(call, None, dot)?,
        };
        if operand.fields.is_empty() {
            return Ok(base);
        }
        self.fields(operand, base)
    }

    fn fields(&mut self, operand: &'a Operand, base: Val<'a>) -> Outcome<Val<'a>> {
        let rooted = matches!(base.data, Data::Json(_, Tree::Root));
        let mut value = base;
        // What was computed from a setting is no setting: it may lack what it likes.
        let mut computed = false;
        for field in &operand.fields {
            computed = computed || value.is_computed();
            value = self.runtime.member(&value, field)?;
        }
        let needed = self.runtime.env.config_must_exist && !operand.guarded && !computed;
        if needed && value.is_missing() && value.origin == Origin::Config {
            let below = if rooted { "" } else { ".config .. " };
            return Err(Fault::MissingPath(format!("{below}.{}", operand.fields.join("."))));
        }
        Ok(value)
    }

    fn global(&mut self, name: &str) -> Outcome<Val<'a>> {
        match self.runtime.env.variables.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => self.runtime.reach(value, Tree::Other),
            None => Ok(Val::new(Data::Missing, Origin::Outside)),
        }
    }
}

/// What a range goes over, and how often.
struct Elements<'a> {
    kind: Kind<'a>,
    length: usize,
    origin: Origin,
}

impl Elements<'_> {
    fn is_empty(&self) -> bool {
        self.length == 0
    }
}

enum Kind<'a> {
    List(Val<'a>),
    Members(super::value::Members<'a>),
    Characters(Vec<char>),
    Count,
}

/// Adds the place to a failure that has none.
fn placed(fault: Fault, offset: usize) -> Fault {
    match fault {
        Fault::Failed(message) => Fault::Placed { message, offset },
        Fault::Secret(_) | Fault::Limit(_) | Fault::MissingPath(_) | Fault::Placed { .. } => fault,
    }
}

/// Adds the function and its place to a failure that has none.
fn named(fault: Fault, call: &Call) -> Fault {
    match fault {
        Fault::Failed(message) => {
            let message = format!("{}: {message}", call.function.name);
            Fault::Placed { message, offset: call.offset }
        }
        Fault::Secret(_) | Fault::Limit(_) | Fault::MissingPath(_) | Fault::Placed { .. } => fault,
    }
}
