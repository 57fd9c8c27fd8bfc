//! Values while a template is rendered: borrowed from the data where they can be, shared where
//! they were computed. Each knows what it was made from, because the context of a URL treats an
//! argument differently from a setting.

use std::ops::Deref;
use std::rc::Rc;

use lanyard_core::{SecretError, Timestamp};
use serde_json::Value;

/// Where a value comes from. What is computed from several values comes from the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// The template itself, the clock or the random source.
    Template,
    /// `.config`, which the operator wrote.
    Config,
    /// An argument, an answer, an address: anything from outside.
    Outside,
}

/// The part of the data that a list or object belongs to. Only what lies in `.config` can name a
/// secret, and this stays so however the value is passed around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    /// The root itself, whose member `config` is the settings.
    Root,
    /// `.config` and what is in it.
    Config,
    /// Everything else.
    Other,
}

impl Tree {
    /// The tree of a member or an element.
    pub(super) fn of_member(self, key: &str) -> Self {
        match self {
            Self::Root if key == "config" => Self::Config,
            Self::Root | Self::Other => Self::Other,
            Self::Config => Self::Config,
        }
    }

    /// The origin of a value of this tree.
    pub(super) fn origin(self) -> Origin {
        match self {
            Self::Config => Origin::Config,
            Self::Root | Self::Other => Origin::Outside,
        }
    }
}

/// Text, borrowed or shared.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Rc<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::Shared(Rc::new(text))
    }
}

/// A value and its origin.
#[derive(Debug, Clone)]
pub(super) struct Val<'a> {
    pub(super) data: Data<'a>,
    pub(super) origin: Origin,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Data<'a> {
    /// A path that leads nowhere.
    Missing,
    /// What `toJson` makes of a missing value: the text `null`, which counts as missing where
    /// missing values are left out.
    MissingJson,
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A number as its source text.
    Number(Text<'a>),
    Text(Text<'a>),
    Time(Timestamp),
    /// A list or an object of the data.
    Json(&'a Value, Tree),
    List(Rc<List<'a>>),
    Object(Rc<Object<'a>>),
}

/// A computed list. The depth is that of its nesting.
#[derive(Debug)]
pub(super) struct List<'a> {
    pub(super) items: Vec<Val<'a>>,
    pub(super) depth: usize,
}

/// A computed object, its members in order.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) members: Members<'a>,
    pub(super) depth: usize,
}

/// Members in order; keys are different from each other.
pub(super) type Members<'a> = Vec<(Text<'a>, Val<'a>)>;

impl<'a> Val<'a> {
    pub(super) fn new(data: Data<'a>, origin: Origin) -> Self {
        Self { data, origin }
    }

    /// A value made by the template alone; a function's result gets its origin from the caller.
    pub(super) fn own(data: Data<'a>) -> Self {
        Self { data, origin: Origin::Template }
    }

    pub(super) fn text(text: String) -> Self {
        Self::own(Data::Text(text.into()))
    }

    pub(super) fn bool(bool: bool) -> Self {
        Self::own(Data::Bool(bool))
    }

    pub(super) fn int(int: i64) -> Self {
        Self::own(Data::Int(int))
    }

    pub(super) fn missing() -> Self {
        Self::own(Data::Missing)
    }

    /// The same value, coming from at least `origin`.
    pub(super) fn from(mut self, origin: Origin) -> Self {
        self.origin = self.origin.max(origin);
        self
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.data, Data::Missing)
    }

    /// Missing or null: what text functions read as the empty text.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.data, Data::Missing | Data::Null)
    }

    /// Truth: not missing, null, false, zero or empty.
    pub(super) fn truth(&self) -> bool {
        match &self.data {
            Data::Missing | Data::Null => false,
            Data::MissingJson | Data::Time(_) => true,
            Data::Bool(bool) => *bool,
            Data::Int(int) => *int != 0,
            Data::Float(float) => *float != 0.0,
            Data::Number(number) => !is_zero(number),
            Data::Text(text) => !text.is_empty(),
            Data::Json(..) | Data::List(_) | Data::Object(_) => self.length() > 0,
        }
    }

    /// The number of members of a list or an object, else 0.
    pub(super) fn length(&self) -> usize {
        match &self.data {
            Data::Json(Value::Array(items), _) => items.len(),
            Data::Json(Value::Object(members), _) => members.len(),
            Data::List(list) => list.items.len(),
            Data::Object(object) => object.members.len(),
            _ => 0,
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.data, Data::Json(Value::Array(_), _) | Data::List(_))
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self.data, Data::Json(Value::Object(_), _) | Data::Object(_))
    }

    /// Whether it is a list or object that the template made.
    pub(super) fn is_computed(&self) -> bool {
        matches!(self.data, Data::List(_) | Data::Object(_))
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.data, Data::Int(_) | Data::Float(_) | Data::Number(_))
    }

    /// How many levels of computed lists and objects it has.
    pub(super) fn depth(&self) -> usize {
        match &self.data {
            Data::List(list) => list.depth,
            Data::Object(object) => object.depth,
            _ => 0,
        }
    }
}

/// Whether a JSON number is zero, however it is written.
fn is_zero(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// Why a rendering stops.
#[derive(Debug)]
pub(super) enum Fault {
    Secret(SecretError),
    Limit(&'static str),
    MissingPath(String),
    /// Something else; whoever knows the place adds it.
    Failed(String),
    /// The same with its place in the template.
    Placed {
        message: String,
        offset: usize,
    },
}

/// A result of anything in the engine.
pub(super) type Outcome<T> = Result<T, Fault>;

/// A failure whose place is still to be added. The message must not hold any value.
pub(super) fn failed<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Fault::Failed(message.into()))
}
