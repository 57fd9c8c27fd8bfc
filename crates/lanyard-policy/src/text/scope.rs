//! The scope of a rule: for whom, for what and on what it is written.

use std::str::FromStr as _;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::Value;

/// An entity by its type and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) kind: String,
    pub(crate) id: String,
}

impl Name {
    pub(crate) fn new(kind: &str, id: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.into() }
    }

    fn read(entity: &Value) -> Option<Self> {
        // Cedar writes an entity with or without the escape, by its place.
        let entity = entity.get("__entity").unwrap_or(entity);
        let text = |name| entity.get(name).and_then(Value::as_str);
        Some(Self::new(text("type")?, text("id")?))
    }
}

/// The same as Cedar has it.
pub(crate) fn uid(name: &Name) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(&name.kind).map_err(|error| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(&name.id)))
}

/// One third of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Anything.
    All,
    /// Exactly this.
    Is(Name),
    /// One of these, or within one of them.
    In(Vec<Name>),
    /// Of this type, and, where it says so, within this.
    Of(String, Option<Name>),
}

/// An entity with all that it is within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) name: Name,
    pub(crate) within: Vec<Name>,
}

impl Placed {
    fn is_in(&self, other: &Name) -> bool {
        self.name == *other || self.within.contains(other)
    }
}

impl Scope {
    pub(crate) fn read(form: &Value) -> Option<Self> {
        let entity = || form.get("entity").and_then(Name::read);
        match form.get("op").and_then(Value::as_str)? {
            "All" => Some(Self::All),
            "==" => entity().map(Self::Is),
            "in" => match form.get("entities").and_then(Value::as_array) {
                Some(many) => many.iter().map(Name::read).collect::<Option<_>>().map(Self::In),
                None => entity().map(|one| Self::In(vec![one])),
            },
            "is" => {
                let kind = form.get("entity_type").and_then(Value::as_str)?;
                let within = match form.get("in") {
                    Some(within) => Some(within.get("entity").and_then(Name::read)?),
                    None => None,
                };
                Some(Self::Of(kind.to_owned(), within))
            }
            _ => None,
        }
    }

    pub(crate) fn covers(&self, placed: &Placed) -> bool {
        match self {
            Self::All => true,
            Self::Is(name) => placed.name == *name,
            Self::In(names) => names.iter().any(|name| placed.is_in(name)),
            Self::Of(kind, within) => {
                placed.name.kind == *kind
                    && within.as_ref().is_none_or(|within| placed.is_in(within))
            }
        }
    }

    /// The entities that it names.
    pub(crate) fn names(&self) -> &[Name] {
        match self {
            Self::All => &[],
            Self::Is(name) => std::slice::from_ref(name),
            Self::In(names) => names,
            Self::Of(_, within) => within.as_slice(),
        }
    }
}
