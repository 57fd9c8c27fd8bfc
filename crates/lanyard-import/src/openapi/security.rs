//! What a request proves who sends it with.

use std::collections::BTreeSet;

use lanyard_rest::{is_framing, is_token};

use super::context::Context;
use super::document::{Placed, Version, shown};
use crate::{KeyPlace, Requirement, Scheme, SchemeKind};

/// The schemes of a document that can be expressed, and which of them were asked for.
pub(crate) struct Security {
    schemes: Vec<Scheme>,
    used: BTreeSet<String>,
}

impl Security {
    pub(crate) fn read(context: &Context<'_>) -> Self {
        let root = context.document.root();
        let list = match context.version() {
            Version::Swagger2 => root.get("securityDefinitions"),
            Version::V30 | Version::V31 => {
                root.get("components").and_then(|components| components.get("securitySchemes"))
            }
        };
        let mut schemes = Vec::new();
        for (id, at) in list.iter().flat_map(Placed::members) {
            let at = match context.document.resolve(at.clone()) {
                Ok(at) => at,
                Err(problem) => {
                    context.notes.warning(&at.place, problem);
                    continue;
                }
            };
            match kind(&at, context) {
                Ok(kind) if !id.is_empty() => {
                    let description = at.text("description").map(str::to_owned);
                    schemes.push(Scheme { id: id.to_owned(), kind, credential: None, description });
                }
                Ok(_) => context.notes.warning(&at.place, "a security scheme without a name"),
                Err(problem) => context.notes.warning(&at.place, problem),
            }
        }
        Self { schemes, used: BTreeSet::new() }
    }

    /// What an object asks for; none if it says nothing.
    pub(crate) fn asked(
        &mut self,
        at: &Placed<'_>,
        context: &Context<'_>,
    ) -> Option<Vec<Requirement>> {
        let list = at.get("security").filter(|list| list.value.is_array())?;
        let mut alternatives = 0_usize;
        let mut chosen: Option<Vec<Requirement>> = None;
        for alternative in list.items() {
            alternatives = alternatives.saturating_add(1);
            if chosen.is_none() {
                chosen = self.all_of(&alternative);
            }
        }
        if alternatives > 1 && chosen.is_some() {
            let text = "several ways to prove who calls: the first that can be expressed is taken";
            context.notes.info(&list.place, text);
        }
        if alternatives > 0 && chosen.is_none() {
            let text = "none of the ways to prove who calls can be expressed: requests go without";
            context.notes.warning(&list.place, text);
        }
        let chosen = chosen.unwrap_or_default();
        self.used.extend(chosen.iter().map(|requirement| requirement.scheme.clone()));
        Some(chosen)
    }

    /// The schemes of one alternative, if all of them can be expressed together.
    fn all_of(&self, alternative: &Placed<'_>) -> Option<Vec<Requirement>> {
        let mut chosen: Vec<&Scheme> = Vec::new();
        for (id, _) in alternative.object()? {
            let scheme = self.schemes.iter().find(|scheme| scheme.id == *id)?;
            let other = chosen.iter().find(|other| place(&other.kind) == place(&scheme.kind));
            match other {
                // Several grants of one token: it is sent once.
                Some(other) if other.kind == scheme.kind => {}
                Some(_) => return None,
                None => chosen.push(scheme),
            }
        }
        Some(chosen.into_iter().map(|scheme| requirement(&scheme.id)).collect())
    }

    /// The scheme that stands for a parameter with a credential in it: no argument is one.
    pub(crate) fn claim(&mut self, part: KeyPlace, name: &str) -> Requirement {
        let kind = SchemeKind::ApiKey { place: part, name: name.to_owned() };
        let known = self.schemes.iter().find(|scheme| place(&scheme.kind) == place(&kind));
        let id = match known {
            Some(scheme) => scheme.id.clone(),
            None => {
                let taken = |id: &String| self.schemes.iter().any(|scheme| scheme.id == *id);
                let mut id = crate::argument_name(name);
                while taken(&id) {
                    id.push_str("_key");
                }
                let description = Some(format!("The whole value of `{name}`"));
                self.schemes.push(Scheme { id: id.clone(), kind, credential: None, description });
                id
            }
        };
        self.used.insert(id.clone());
        requirement(&id)
    }

    /// The parts of a request that requirements write to: an argument cannot.
    pub(crate) fn places(&self, asked: &[Requirement]) -> BTreeSet<(KeyPart, String)> {
        let named = |requirement: &Requirement| {
            self.schemes.iter().find(|scheme| scheme.id == requirement.scheme)
        };
        asked.iter().filter_map(named).map(|scheme| place(&scheme.kind)).collect()
    }

    /// The schemes that something asked for.
    pub(crate) fn finish(self, context: &Context<'_>) -> Vec<Scheme> {
        if self.used.is_empty() && !self.schemes.is_empty() {
            let text = "there are security schemes, and no operation asks for one: requests go \
                        without a credential. If the API wants one, write \
                        `defaultUpstreamSecurity` into the file";
            context.notes.warning("#/security", text);
        }
        let Self { schemes, used } = self;
        schemes.into_iter().filter(|scheme| used.contains(&scheme.id)).collect()
    }
}

fn requirement(id: &str) -> Requirement {
    Requirement { scheme: id.to_owned(), credential: None }
}

/// The part of a request that a credential is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyPart {
    Header,
    Query,
    Cookie,
}

fn place(kind: &SchemeKind) -> (KeyPart, String) {
    match kind {
        SchemeKind::HttpBearer | SchemeKind::HttpBasic => {
            (KeyPart::Header, "authorization".to_owned())
        }
        SchemeKind::ApiKey { place: KeyPlace::Header, name } => {
            (KeyPart::Header, name.to_ascii_lowercase())
        }
        SchemeKind::ApiKey { place: KeyPlace::Query, name } => (KeyPart::Query, name.clone()),
        SchemeKind::ApiKey { place: KeyPlace::Cookie, name } => (KeyPart::Cookie, name.clone()),
    }
}

fn kind(at: &Placed<'_>, context: &Context<'_>) -> Result<SchemeKind, String> {
    match at.text("type").unwrap_or_default() {
        "basic" => Ok(SchemeKind::HttpBasic),
        "http" => match at.text("scheme").unwrap_or_default().to_ascii_lowercase().as_str() {
            "bearer" => Ok(SchemeKind::HttpBearer),
            "basic" => Ok(SchemeKind::HttpBasic),
            other => Err(format!("the HTTP scheme `{}` cannot be expressed", shown(other))),
        },
        "apiKey" => api_key(at, context),
        "oauth2" | "openIdConnect" => {
            let text = "nobody fetches tokens: put one that you have into the secret, it is sent \
                        as a bearer token";
            context.notes.info(&at.place, text);
            Ok(SchemeKind::HttpBearer)
        }
        other => Err(format!("the security scheme `{}` cannot be expressed", shown(other))),
    }
}

fn api_key(at: &Placed<'_>, context: &Context<'_>) -> Result<SchemeKind, String> {
    let name = at.text("name").unwrap_or_default().trim();
    let place = match at.text("in").unwrap_or_default() {
        "header" => KeyPlace::Header,
        "query" => KeyPlace::Query,
        "cookie" => KeyPlace::Cookie,
        other => return Err(format!("a key in `{}` cannot be expressed", shown(other))),
    };
    if name.is_empty() || (place != KeyPlace::Query && !is_token(name)) {
        return Err(format!("`{}` is no name for a key", shown(name)));
    }
    if place == KeyPlace::Header && is_framing(name) {
        return Err(format!("a key cannot be the header `{}`", shown(name)));
    }
    if at.value.get("x-amazon-apigateway-authtype").is_some() {
        let text = "requests are not signed for AWS: the secret is sent as it is";
        context.notes.warning(&at.place, text);
    }
    Ok(SchemeKind::ApiKey { place, name: name.to_owned() })
}
