//! `/v1/intakes`: links by which somebody who is no operator gives one secret its value.
//!
//! Whoever holds a link may do one thing, once: store the next version of that secret. They see no
//! value and choose no place. The secret stands, and is bound, before the link does.
//!
//! A link made for some places is refused once the secret may go to another: who typed a value for
//! one API does not expect it at another, and an operator makes a new link in no time. Showing the
//! new places instead would leave it to that person to notice.

pub(crate) mod page;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{Limits, SecretName, TokenId};
use lanyard_store::{IntakeRow, SecretRow};
use lanyard_vault::{Minted, SecretText, TokenHash, TokenKind, fill_random, mint};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::Asked;
use crate::change::{About, By, Landing};
use crate::error::ApiError;
use crate::secret::{checked_places, refuse_users_own, store_version};

/// How long a link works when nobody says: 15 minutes.
const TTL_SECONDS: u64 = 15 * 60;

/// Where the page of a link is, its token at the end.
const PATH: &str = "/console/intake/";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeRequest {
    /// Where the secret may go, beside where it may already.
    #[serde(default)]
    origins: Vec<String>,
    /// Origins of plaintext off this machine that are accepted.
    #[serde(default)]
    insecure_origins: Vec<String>,
    ttl_seconds: Option<u64>,
}

pub(crate) async fn make(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
    Asked(request): Asked<MakeRequest>,
) -> Result<Json<Value>, ApiError> {
    let name = SecretName::parse(&name)?;
    let origins = checked_places(&request.origins, &request.insecure_origins)?;
    let ttl = Limits::span(ttl_ms(request.ttl_seconds, &admin.shared.parts.limits)?);
    let created_by = owner.actor().by().name;
    let about = About { action: "secret.intake", subject: format!("secret:{name}") };
    let made = admin
        .change(&owner, about, move |shared, change| {
            refuse_users_own(&name, &shared.rows_in(change)?)?;
            let secret = shared.secret_widened(&name, &origins, false, change)?;
            let Minted { plain, hash, id } = mint(TokenKind::Intake, &fill_random)
                .map_err(|error| ApiError::internal("no link can be made", &error))?;
            let row = IntakeRow {
                id,
                tenant: shared.tenant.clone(),
                secret: name,
                origins: secret.origins.clone(),
                token_hash: hash,
                created_at: change.time(),
                created_by,
                expires_at: change.time().plus(ttl),
            };
            change.intake_insert(&row)?;
            change.detail("intake", &row.id);
            change.detail("expires_at", row.expires_at);
            let path = format!("{PATH}{}", plain.expose());
            let console = shared.parts.about.get("console_url");
            let mut shown = shown(&row, &secret);
            if let Some(members) = shown.as_object_mut() {
                members.insert("url".to_owned(), json!(console.map(|url| format!("{url}{path}"))));
                members.insert("path".to_owned(), json!(path));
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(made))
}

fn ttl_ms(seconds: Option<u64>, limits: &Limits) -> Result<u64, ApiError> {
    let wanted = seconds.unwrap_or(TTL_SECONDS).saturating_mul(1000);
    match wanted {
        0 => Err(ApiError::invalid("a link works for a second at least")),
        wanted if wanted <= limits.intake_ms_max => Ok(wanted),
        _ => Err(ApiError::invalid(format!(
            "a link works for {} hours at most; make it when its reader is there",
            limits.intake_ms_max / 3_600_000
        ))),
    }
}

/// The links that still work, and those that do not and why. No address: that was shown once.
pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(|shared| {
            let now = shared.parts.clock.now();
            let secrets = shared.rows()?.secrets;
            let rows = shared.parts.store.intakes(&shared.tenant)?;
            let shown = |row: &IntakeRow| {
                secrets.iter().find(|it| it.name == row.secret).map(|secret| shown(row, secret))
            };
            let open = rows.iter().filter(|row| now < row.expires_at);
            Ok(open.filter_map(shown).collect::<Vec<Value>>())
        })
        .await?;
    Ok(Json(json!({ "intakes": shown })))
}

pub(crate) async fn cancel(
    State(admin): State<Admin>,
    owner: Owner,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = TokenId::parse(&id)?;
    let about = About { action: "secret.intake_cancel", subject: format!("intake:{id}") };
    let secret = admin
        .change(&owner, about, move |shared, change| {
            let secret = change.intake_delete(&shared.tenant, &id)?;
            change.detail("secret", &secret);
            Ok(secret)
        })
        .await?;
    Ok(Json(json!({ "cancelled": true, "name": secret.as_str() })))
}

/// A link for operators.
fn shown(row: &IntakeRow, secret: &SecretRow) -> Value {
    json!({
        "id": row.id.as_str(),
        "name": row.secret.as_str(),
        "reference": row.secret.reference(),
        "origins": row.origins,
        "created_at": row.created_at.to_string(),
        "created_by": row.created_by,
        "expires_at": row.expires_at.to_string(),
        "void_reason": grown(row, secret)
            .map(|place| format!("the secret may go to {place} by now; make a new link")),
    })
}

/// A place that the secret may be sent to and that it might not when the link was made.
fn grown<'a>(row: &IntakeRow, secret: &'a SecretRow) -> Option<&'a String> {
    secret.origins.iter().find(|place| !row.origins.contains(place))
}

/// A link that works.
#[derive(Debug)]
struct Link {
    row: IntakeRow,
    secret: SecretRow,
}

/// What a token in an address is.
#[derive(Debug)]
enum Opened {
    Link(Box<Link>),
    /// A link, and its secret may go to other places by now.
    Grown,
    /// Nothing: not whole, never made, used, cancelled, too old. Which of it, nobody is told.
    Dead,
}

/// What became of a value.
#[derive(Debug)]
enum Given {
    Stored,
    Grown,
    Dead,
}

impl Admin {
    /// Looks a link up, and changes nothing: whoever previews an address does so too.
    async fn link_opened(&self, token: &str) -> Result<Opened, ApiError> {
        let Some(hash) = TokenHash::of(token, TokenKind::Intake) else { return Ok(Opened::Dead) };
        let found = self.blocking(move |shared| Ok(shared.parts.store.intake(&hash)?)).await?;
        let now = self.shared.parts.clock.now();
        Ok(match found {
            Some((row, _)) if row.expires_at <= now => Opened::Dead,
            Some((row, secret)) if grown(&row, &secret).is_some() => Opened::Grown,
            Some((row, secret)) => Opened::Link(Box::new(Link { row, secret })),
            None => Opened::Dead,
        })
    }

    /// Stores a value and uses the link up, both or neither.
    async fn link_used(
        &self,
        row: IntakeRow,
        peer: String,
        text: SecretText,
    ) -> Result<Given, ApiError> {
        let admin = self.of_tenant(row.tenant.clone());
        let by = By { name: row.created_by.clone(), peer: Some(peer) };
        let about = About { action: "secret.set", subject: format!("secret:{}", row.secret) };
        admin
            .blocking(move |shared| {
                shared.land(by, about, |shared, change| {
                    // Somebody may have been faster since the link was looked up.
                    let Some(row) = change.intake_take(&row.token_hash)? else {
                        return Ok(Landing::Undo(Given::Dead));
                    };
                    let secret = change.secret_get(&shared.tenant, &row.secret)?;
                    match secret {
                        Some(secret) if grown(&row, &secret).is_some() => {
                            return Ok(Landing::Undo(Given::Grown));
                        }
                        Some(_) if row.expires_at > change.time() => {}
                        Some(_) | None => return Ok(Landing::Undo(Given::Dead)),
                    }
                    refuse_users_own(&row.secret, &shared.rows_in(change)?)?;
                    change.detail("intake", &row.id);
                    store_version(shared, &row.secret, &text, change)?;
                    Ok(Landing::Keep(Given::Stored))
                })
            })
            .await
    }
}

#[cfg(test)]
mod tests;
