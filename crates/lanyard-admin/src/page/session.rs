//! Who is signed in to the console. A sign-in is kept here, and ends by itself, by signing out,
//! when its operator is revoked, and with the process.
//!
//! A browser proves it with two halves: a cookie, and a key in the address of each page. Neither is
//! the operator's token, nor made of it. One alone is nothing, because browsers give a cookie to
//! every port of a machine: whoever makes an operator open a page of another port, an agent that
//! serves one for instance, is given the cookie. Addresses they do not give to another origin.
//!
//! INVARIANT: what changes anything takes an [`Acting`], and that takes the secret which only forms
//! of this sign-in hold.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use http::HeaderValue;
use http::header::{COOKIE, ORIGIN};
use lanyard_core::{Limits, OperatorName, Timestamp, TokenId};
use lanyard_store::Role;
use lanyard_vault::fill_random;
use maud::{Markup, html};
use ring::digest::{SHA256, digest};

use super::form::Visit;
use crate::Admin;
use crate::actor::{Actor, Approver, operator_of};
use crate::change::About;
use crate::error::ApiError;

/// The cookie's name.
const COOKIE_NAME: &str = "lanyard_session";

/// How many sign-ins there are at a time. Past it the oldest ends.
const SESSIONS_MAX: usize = 100;

type Hash = [u8; 32];

/// Everybody who is signed in, by the hash of their cookie.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<Hash, Session>>,
}

#[derive(Clone)]
struct Session {
    operator: OperatorName,
    /// The token that was shown: with another one the operator signs in anew.
    token: TokenId,
    /// Stands in the addresses of its pages.
    key: String,
    /// Stands in its forms.
    secret: String,
    until: Timestamp,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// What a form brings beside what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub(crate) key: &'a str,
    pub(crate) secret: &'a str,
}

/// Somebody who is signed in, and looks.
pub(crate) struct SignedIn {
    actor: Actor,
    name: OperatorName,
    role: Role,
    key: String,
    secret: String,
    cookie: Hash,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignedIn").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Somebody who is signed in, and sent a form of a page of their own.
#[derive(Debug)]
pub(crate) struct Acting(SignedIn);

/// A sign-in that began.
pub(crate) struct Begun {
    /// The header that gives the browser its cookie.
    pub(crate) cookie: HeaderValue,
    /// What the addresses of its pages hold.
    pub(crate) key: String,
}

impl fmt::Debug for Begun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Begun(..)")
    }
}

impl SignedIn {
    pub(crate) fn name(&self) -> &OperatorName {
        &self.name
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The address of a page for them. Names and values are of letters that need no escaping there:
    /// names of tenants, ids of records.
    pub(crate) fn link(&self, path: &str, with: &[(&str, &str)]) -> String {
        let more: String = with.iter().map(|(name, value)| format!("&{name}={value}")).collect();
        format!("{path}?key={}{more}", self.key)
    }

    /// What each form holds.
    pub(crate) fn proof(&self) -> Markup {
        html! {
            input type="hidden" name="key" value=(self.key);
            input type="hidden" name="secret" value=(self.secret);
        }
    }

    /// Who it is, and the way out.
    pub(crate) fn sign_out(&self) -> Markup {
        html! {
            form.who method="post" action="/console/logout" {
                (self.proof())
                span { (self.name.as_str()) " · " (self.role.as_str()) }
                button.plain { "Sign out" }
            }
        }
    }
}

impl Acting {
    /// The same as one who may say yes or no to a call.
    pub(crate) fn approver(&self) -> Result<Approver, ApiError> {
        Approver::of(self.0.actor.clone())
    }

    /// Who looks at what comes of it.
    pub(crate) fn viewer(&self) -> &SignedIn {
        &self.0
    }
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, cookie: Hash, session: Session, now: Timestamp) {
        let mut open = self.lock();
        open.retain(|_, session| now < session.until);
        if open.len() >= SESSIONS_MAX
            && let Some(oldest) = open.iter().min_by_key(|(_, it)| it.until).map(|it| *it.0)
        {
            open.remove(&oldest);
        }
        open.insert(cookie, session);
    }

    fn find(&self, cookie: &Hash, now: Timestamp) -> Option<Session> {
        self.lock().get(cookie).filter(|session| now < session.until).cloned()
    }
}

impl Admin {
    /// Signs an operator in by their token, which is recorded first.
    pub(crate) async fn sign_in(&self, visit: &Visit, token: &str) -> Result<Begun, ApiError> {
        let row = operator_of(self, token).await?;
        let actor = Actor::operator(row.name.clone(), row.role, visit.peer);
        let about = About { action: "operator.sign_in", subject: format!("operator:{}", row.name) };
        self.blocking(move |shared| shared.note(&actor, about)).await?;
        let parts = &self.shared.parts;
        let now = parts.clock.now();
        let age = Limits::span(parts.limits.console_session_ms_max);
        let (cookie, key, secret) = (random()?, random()?, random()?);
        let session = Session {
            operator: row.name,
            token: row.token_id,
            key: key.clone(),
            secret,
            until: now.plus(age),
        };
        // A browser keeps it to itself as far as the connection lets it.
        let https = visit.header(&ORIGIN).is_some_and(|origin| origin.starts_with("https://"));
        let secure = if https { "; Secure" } else { "" };
        let text = format!(
            "{COOKIE_NAME}={cookie}; Path=/console; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
            age.as_secs()
        );
        let header = HeaderValue::from_str(&text)
            .map_err(|error| ApiError::internal("no cookie can be made", &error))?;
        self.shared.sessions.begin(hash(&cookie), session, now);
        Ok(Begun { cookie: header, key })
    }

    /// Who looks, if anybody is signed in there and is still an operator.
    pub(crate) async fn looking(
        &self,
        visit: &Visit,
        key: &str,
    ) -> Result<Option<SignedIn>, ApiError> {
        let Some(cookie) = cookie(visit).map(hash) else { return Ok(None) };
        let now = self.shared.parts.clock.now();
        let Some(session) = self.shared.sessions.find(&cookie, now) else { return Ok(None) };
        if hash(key) != hash(&session.key) {
            return Ok(None);
        }
        let operators = self.blocking(|shared| Ok(shared.parts.store.operators()?)).await?;
        let row = operators.into_iter().find(|row| {
            row.name == session.operator
                && row.token_id == session.token
                && row.revoked_at.is_none()
        });
        let Some(row) = row else {
            self.shared.sessions.lock().remove(&cookie);
            return Ok(None);
        };
        let Session { operator: name, token: _, key, secret, until: _ } = session;
        let role = row.role;
        let actor = Actor::operator(row.name, role, visit.peer);
        Ok(Some(SignedIn { actor, name, role, key, secret, cookie }))
    }

    /// Who acts: somebody who is signed in, by a form of their own.
    pub(crate) async fn acting(&self, visit: &Visit, proof: Proof<'_>) -> Result<Acting, ApiError> {
        let looking = self.looking(visit, proof.key).await?;
        let proven = looking.filter(|it| hash(proof.secret) == hash(&it.secret));
        proven.map(Acting).ok_or_else(|| {
            ApiError::forbidden(
                "this form is not of your present sign-in: it ended, or the form was made for \
                 somebody else",
            )
        })
    }

    /// Ends a sign-in.
    pub(crate) fn sign_out(&self, acting: &Acting) -> HeaderValue {
        self.shared.sessions.lock().remove(&acting.0.cookie);
        HeaderValue::from_static(
            "lanyard_session=; Path=/console; Max-Age=0; HttpOnly; SameSite=Strict",
        )
    }
}

/// The cookie that a browser sends. Two of the name are none: a page of another port may have added
/// one.
fn cookie(visit: &Visit) -> Option<&str> {
    let named = |pair: &'_ str| -> bool {
        pair.trim_start().strip_prefix(COOKIE_NAME).is_some_and(|rest| rest.starts_with('='))
    };
    let values = visit.headers.get_all(COOKIE).iter();
    let mut pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter(|pair| named(pair));
    let (_, value) = pairs.next()?.split_once('=')?;
    pairs.next().is_none().then(|| value.trim())
}

/// A text that nobody guesses.
fn random() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 32];
    fill_random(&mut bytes).map_err(|error| ApiError::internal("nobody can sign in", &error))?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// Texts are compared by their hashes, so that how long it takes says nothing of them.
fn hash(text: &str) -> Hash {
    let mut hash = Hash::default();
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}
