//! The entities of one request: the agent, the object and the action, each with what it is within.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Entities, Entity, EntityAttrEvaluationError, EntityUid, RestrictedExpression as Expr,
};

use super::context;
use crate::ask::{Circumstances, Hints, Object, ObjectFacts, SubjectFacts};
use crate::text::scope::{self, Name, Placed};

/// Why entities cannot be built. It is a defect, and a no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unbuildable(pub(crate) String);

impl From<EntityAttrEvaluationError> for Unbuildable {
    fn from(error: EntityAttrEvaluationError) -> Self {
        Self(error.to_string())
    }
}

pub(crate) fn uid(name: &Name) -> Result<EntityUid, Unbuildable> {
    scope::uid(name).map_err(Unbuildable)
}

fn uids(names: &[Name]) -> Result<HashSet<EntityUid>, Unbuildable> {
    names.iter().map(uid).collect()
}

type Tags = Vec<(String, Expr)>;

fn tags<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Tags {
    let pair = |(key, value): (&String, &String)| (key.clone(), Expr::new_string(value.clone()));
    tags.into_iter().map(pair).collect()
}

/// The agent as an entity, but for what differs from call to call.
#[derive(Debug)]
pub(crate) struct SubjectEntity {
    pub(crate) placed: Placed,
    pub(crate) uid: EntityUid,
    parents: HashSet<EntityUid>,
    tags: Tags,
}

impl SubjectEntity {
    pub(crate) fn new(facts: &SubjectFacts<'_>) -> Result<Self, Unbuildable> {
        let teams = facts.teams.iter().map(|team| Name::new("Team", team));
        let tenant = Name::new("Tenant", facts.tenant.as_str());
        let within: Vec<Name> = teams.chain([tenant]).collect();
        let name = Name::new("Agent", facts.agent.as_str());
        let (uid, parents) = (uid(&name)?, uids(&within)?);
        Ok(Self { placed: Placed { name, within }, uid, parents, tags: tags(facts.tags) })
    }

    /// The entity as it is in a call.
    pub(crate) fn entity(
        &self,
        in_call: Option<&Circumstances<'_>>,
    ) -> Result<Entity, Unbuildable> {
        let mut attributes: Vec<(String, Expr)> = Vec::new();
        if let Some(circumstances) = in_call {
            let peer = context::peer(circumstances.peer).map_err(|it| Unbuildable(it.0))?;
            attributes.push(("peer".to_owned(), peer));
            if let Some(token) = circumstances.token {
                attributes.push(("token".to_owned(), Expr::new_string(token.to_string())));
            }
            if let Some(user) = circumstances.user {
                let user = uid(&Name::new("User", user.as_str()))?;
                attributes.push(("user".to_owned(), Expr::new_entity_uid(user)));
            }
        }
        let (uid, parents) = (self.uid.clone(), self.parents.clone());
        Entity::new_with_tags(uid, attributes, parents, self.tags.iter().cloned())
            .map_err(Unbuildable::from)
    }
}

/// The object and its actions.
#[derive(Debug)]
pub(crate) struct ObjectEntities {
    pub(crate) placed: Placed,
    pub(crate) uid: EntityUid,
    pub(crate) fixed: Entities,
}

impl ObjectEntities {
    pub(crate) fn new(facts: &ObjectFacts<'_>, call: &Placed) -> Result<Self, Unbuildable> {
        let object = &facts.object;
        let server = Name::new("Server", object.server().as_str());
        let tenant = Name::new("Tenant", facts.tenant.as_str());
        let within = match object {
            Object::Server { .. } => vec![tenant],
            Object::Tool { .. } | Object::Prompt { .. } | Object::Resource { .. } => {
                vec![server, tenant]
            }
        };
        let name = Name::new(object.kind(), object.id());
        let uid = uid(&name)?;
        let tags = tags(facts.tags);
        let entity = Entity::new_with_tags(uid.clone(), attributes(object)?, uids(&within)?, tags)?;
        let call = Entity::new_no_attrs(self::uid(&call.name)?, uids(&call.within)?);
        let fixed = Entities::from_entities([entity, call], None)
            .map_err(|error| Unbuildable(error.to_string()))?;
        Ok(Self { placed: Placed { name, within }, uid, fixed })
    }

    /// All entities of a request of this agent.
    pub(crate) fn with(&self, subject: Entity) -> Result<Entities, Unbuildable> {
        let added = self.fixed.clone().add_entities([subject], None);
        added.map_err(|error| Unbuildable(error.to_string()))
    }
}

fn attributes(object: &Object<'_>) -> Result<HashMap<String, Expr>, Unbuildable> {
    let text = |text: &str| Expr::new_string(text.to_owned());
    Ok(match object {
        Object::Tool { tool, hints: said, .. } => HashMap::from([
            ("name".to_owned(), text(tool.as_str())),
            ("hints".to_owned(), hints(said)?),
        ]),
        Object::Prompt { name, .. } => HashMap::from([("name".to_owned(), text(name))]),
        Object::Resource { uri, .. } => HashMap::from([("uri".to_owned(), text(uri))]),
        Object::Server { server } => HashMap::from([("name".to_owned(), text(server.as_str()))]),
    })
}

fn hints(hints: &Hints) -> Result<Expr, Unbuildable> {
    let said = [
        ("readOnly", hints.read_only),
        ("destructive", hints.destructive),
        ("idempotent", hints.idempotent),
        ("openWorld", hints.open_world),
    ];
    let said =
        said.into_iter().filter_map(|(name, it)| Some((name.to_owned(), Expr::new_bool(it?))));
    Expr::new_record(said).map_err(|error| Unbuildable(error.to_string()))
}
