//! `/v1/agents`: identities that call, and their tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{AgentName, Tags, TeamName, Timestamp, tag_set};
use lanyard_store::{AgentRow, Change, Configuration, TokenRow};
use lanyard_vault::{Minted, TokenKind, fill_random, mint};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::Asked;
use crate::change::About;
use crate::error::ApiError;
use crate::state::Shared;

/// How long a token is good when nobody says: 90 days.
const TTL_SECONDS: u64 = 90 * 24 * 60 * 60;

/// As good as never: more tools than one gateway has.
const SEARCH_ABOVE_MAX: u64 = 1_000_000;

/// The most teams that an agent is in.
const TEAMS_MAX: usize = 64;

/// The uid that systems give to nobody; it stands for no agent. Source: Linux, `overflowuid`.
const NOBODY: u32 = 65_534;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddRequest {
    name: String,
    ttl_seconds: Option<u64>,
    uid: Option<u32>,
    search_above: Option<u64>,
    #[serde(default)]
    teams: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetRequest {
    /// A number, or null for what holds for all; absent where it stays.
    #[serde(default, deserialize_with = "given")]
    search_above: Option<Option<u64>>,
    /// All the teams it is in from now on; absent where they stay.
    teams: Option<Vec<String>>,
    /// Tags that are set; an empty value takes one off. The others stay.
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateRequest {
    ttl_seconds: Option<u64>,
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let rows = admin.blocking(|shared| shared.rows()).await?;
    let agents: Vec<Value> = rows.agents.iter().map(|row| shown(row, &rows)).collect();
    Ok(Json(json!({ "agents": agents })))
}

fn shown(row: &AgentRow, rows: &Configuration) -> Value {
    let tokens: Vec<Value> = rows
        .tokens
        .iter()
        .filter(|token| token.agent == row.name && token.tenant == row.tenant)
        .filter(|token| token.revoked_at.is_none())
        .map(|token| {
            json!({
                "id": token.id.as_str(),
                "begins": token.display_prefix,
                "created_at": token.created_at.to_string(),
                "expires_at": token.expires_at.map(|at| at.to_string()),
            })
        })
        .collect();
    json!({
        "name": row.name.as_str(),
        "uid": row.uid,
        "search_above": row.search_above,
        "teams": row.teams.iter().map(TeamName::as_str).collect::<Vec<_>>(),
        "tags": row.tags,
        "revoked": row.revoked_at.is_some(),
        "created_at": row.created_at.to_string(),
        "revoked_at": row.revoked_at.map(|at| at.to_string()),
        "tokens": tokens,
        "servers": rows.grants.iter()
            .filter(|grant| grant.agent == row.name && grant.tenant == row.tenant)
            .map(|grant| grant.server.as_str())
            .collect::<Vec<_>>(),
    })
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(request): Asked<AddRequest>,
) -> Result<Json<Value>, ApiError> {
    let name = AgentName::parse(&request.name)?;
    if let Some(uid) = request.uid {
        checked_uid(uid, admin.shared.parts.owner_uid)?;
    }
    let search_above = request.search_above.map(checked_search_above).transpose()?;
    let teams = teams(&request.teams)?;
    let mut tags = Tags::new();
    set_tags(&mut tags, &request.tags)?;
    let about = About { action: "agent.add", subject: format!("agent:{name}") };
    let made = admin
        .change(&owner, about, move |shared, change| {
            change.agent_insert(&AgentRow {
                tenant: shared.tenant.clone(),
                name: name.clone(),
                uid: request.uid,
                search_above,
                teams: teams.clone(),
                tags: tags.clone(),
                created_at: change.time(),
                revoked_at: None,
                epoch: 0,
            })?;
            if let Some(uid) = request.uid {
                change.detail("uid", uid);
            }
            if let Some(search_above) = search_above {
                change.detail("search_above", search_above);
            }
            detail_marks(change, &teams, &tags);
            give_token(shared, &name, request.ttl_seconds, change)
        })
        .await?;
    Ok(Json(made))
}

fn checked_uid(uid: u32, owner: u32) -> Result<(), ApiError> {
    let why = match uid {
        0 => "root can be any user",
        NOBODY => "many processes share it",
        uid if uid == owner => "it owns the data directory",
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!("uid {uid} cannot stand for an agent: {why}")))
}

/// What `agent set` changes: how many tools are listed before the others have to be searched for,
/// and what policies read of it.
pub(crate) async fn set(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
    Asked(request): Asked<SetRequest>,
) -> Result<Json<Value>, ApiError> {
    let name = AgentName::parse(&name)?;
    let search_above = request.search_above;
    search_above.flatten().map(checked_search_above).transpose()?;
    let given_teams = request.teams.as_deref().map(teams).transpose()?;
    let about = About { action: "agent.set", subject: format!("agent:{name}") };
    let row = admin
        .change(&owner, about, move |shared, change| {
            let known = change.agent_get(&shared.tenant, &name)?;
            let known = known.filter(|row| row.revoked_at.is_none());
            let mut row = known.ok_or_else(|| no_agent(&name))?;
            if let Some(search_above) = search_above {
                change.agent_set_search_above(&shared.tenant, &name, search_above)?;
                let shown = search_above.map_or_else(|| "default".to_owned(), |it| it.to_string());
                change.detail("search_above", shown);
                row.search_above = search_above;
            }
            if given_teams.is_some() || !request.tags.is_empty() {
                row.teams = given_teams.unwrap_or(row.teams);
                set_tags(&mut row.tags, &request.tags)?;
                change.agent_set_marks(&shared.tenant, &name, (&row.teams, &row.tags))?;
                detail_marks(change, &row.teams, &row.tags);
            }
            Ok(row)
        })
        .await?;
    let teams: Vec<&str> = row.teams.iter().map(TeamName::as_str).collect();
    Ok(Json(json!({ "search_above": row.search_above, "teams": teams, "tags": row.tags })))
}

fn teams(texts: &[String]) -> Result<BTreeSet<TeamName>, ApiError> {
    let teams =
        texts.iter().map(|text| TeamName::parse(text)).collect::<Result<BTreeSet<_>, _>>()?;
    if teams.len() > TEAMS_MAX {
        return Err(ApiError::invalid("an agent is in 64 teams at most"));
    }
    Ok(teams)
}

fn set_tags(tags: &mut Tags, given: &BTreeMap<String, String>) -> Result<(), ApiError> {
    for (key, value) in given {
        tag_set(tags, key, value).map_err(|error| ApiError::invalid(error.to_string()))?;
    }
    Ok(())
}

/// A record says what an agent is from now on: policies decide by it.
fn detail_marks(change: &Change<'_>, teams: &BTreeSet<TeamName>, tags: &Tags) {
    let teams: Vec<&str> = teams.iter().map(TeamName::as_str).collect();
    if !teams.is_empty() {
        change.detail("teams", teams.join(","));
    }
    for (key, value) in tags {
        change.detail(&format!("tag.{key}"), value);
    }
}

fn checked_search_above(tools: u64) -> Result<u64, ApiError> {
    if tools <= SEARCH_ABOVE_MAX {
        Ok(tools)
    } else {
        Err(ApiError::invalid(format!("search_above is from 0 to {SEARCH_ABOVE_MAX} tools")))
    }
}

/// Makes a token and gives it out: the only time that it is seen.
fn give_token(
    shared: &Shared,
    name: &AgentName,
    ttl_seconds: Option<u64>,
    change: &Change<'_>,
) -> Result<Value, ApiError> {
    let Minted { plain, hash, id } = mint(TokenKind::Agent, &fill_random)
        .map_err(|error| ApiError::internal("no token can be made", &error))?;
    let now = change.time();
    let expires_at = expiry(now, ttl_seconds.unwrap_or(TTL_SECONDS))?;
    change.token_insert(&TokenRow {
        id: id.clone(),
        tenant: shared.tenant.clone(),
        agent: name.clone(),
        hash,
        display_prefix: plain.display_prefix(),
        created_at: now,
        expires_at: Some(expires_at),
        revoked_at: None,
    })?;
    change.detail("token", &id);
    change.detail("expires_at", expires_at);
    Ok(json!({
        "name": name.as_str(),
        "token": plain.expose(),
        "token_id": id.as_str(),
        "expires_at": expires_at.to_string(),
    }))
}

pub(crate) fn expiry(now: Timestamp, ttl_seconds: u64) -> Result<Timestamp, ApiError> {
    const TEN_YEARS: u64 = 10 * 366 * 24 * 60 * 60;
    if ttl_seconds == 0 || ttl_seconds > TEN_YEARS {
        return Err(ApiError::invalid("a time to live is from 1 second to 10 years"));
    }
    Ok(now.plus(Duration::from_secs(ttl_seconds)))
}

pub(crate) async fn rotate(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
    Asked(request): Asked<RotateRequest>,
) -> Result<Json<Value>, ApiError> {
    let name = AgentName::parse(&name)?;
    let about = About { action: "agent.rotate", subject: format!("agent:{name}") };
    let made = admin
        .change(&owner, about, move |shared, change| {
            match change.agent_get(&shared.tenant, &name)? {
                Some(row) if row.revoked_at.is_none() => {}
                Some(_) => {
                    return Err(ApiError::conflict(format!("agent `{name}` is revoked")));
                }
                None => return Err(no_agent(&name)),
            }
            change.tokens_revoke_all(&shared.tenant, &name, change.time())?;
            give_token(shared, &name, request.ttl_seconds, change)
        })
        .await?;
    Ok(Json(made))
}

pub(crate) fn no_agent(name: &AgentName) -> ApiError {
    ApiError::not_found(format!("there is no agent `{name}`; see `lanyard agent list`"))
}

pub(crate) async fn revoke(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = AgentName::parse(&name)?;
    let about = About { action: "agent.revoke", subject: format!("agent:{name}") };
    admin
        .change(&owner, about, move |shared, change| {
            Ok(change.agent_revoke(&shared.tenant, &name, change.time())?)
        })
        .await?;
    Ok(Json(json!({ "revoked": true })))
}

#[cfg(test)]
mod tests;
