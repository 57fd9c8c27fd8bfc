//! `/console/approvals`: the calls that wait for a human, and the forms that say yes or no to one.
//!
//! The list looks again by itself and has nothing to fill in. What is decided is decided on the page
//! of one call, which stands still while somebody reads and writes.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lanyard_core::{RecordId, TenantName, Timestamp};
use lanyard_store::{ApprovalRow, ApprovalState, Role};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::void::Judged;
use super::{DecideRequest, not_the_caller};
use crate::Admin;
use crate::error::ApiError;
use crate::page::form::{Form, PageQuery, Visit};
use crate::page::login::LOGIN;
use crate::page::session::{Proof, SignedIn};
use crate::page::{Page, PageError, clock_time, go, shown, shown_lines, until};
use crate::state::Shared;
use crate::tenant;

/// After how many seconds the list looks again.
const AGAIN_SECONDS: u32 = 10;

const PATH: &str = "/console/approvals";

/// What stands in the address of a page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceQuery {
    #[serde(default)]
    key: String,
    tenant: Option<String>,
    /// What was decided just now.
    done: Option<String>,
}

/// The form of one call. No `Debug`: it holds the secret of a sign-in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideForm {
    key: String,
    secret: String,
    tenant: Option<String>,
    decision: Decision,
    #[serde(default)]
    note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Allow,
    Deny,
}

/// `GET /console`
pub(crate) async fn home() -> Response {
    go(PATH)
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    visit: Visit,
    PageQuery(place): PageQuery<PlaceQuery>,
) -> Result<Response, PageError> {
    let Some(viewer) = admin.looking(&visit, &place.key).await? else { return Ok(go(LOGIN)) };
    let admin = admin.within(place.tenant.as_deref()).await?;
    let done = place.done.as_deref().map(RecordId::parse).transpose().map_err(ApiError::from)?;
    let found = admin.blocking(move |shared| shared.waiting(done.as_ref())).await?;
    let again = link(&viewer, &admin.shared.tenant, PATH, &[]);
    let page = Page {
        title: "Approvals",
        viewer: Some(&viewer),
        refresh: Some((AGAIN_SECONDS, again)),
        body: list_body(&viewer, &admin.shared.tenant, &found),
    };
    Ok(page.answer(StatusCode::OK))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    visit: Visit,
    Path(id): Path<String>,
    PageQuery(place): PageQuery<PlaceQuery>,
) -> Result<Response, PageError> {
    let Some(viewer) = admin.looking(&visit, &place.key).await? else { return Ok(go(LOGIN)) };
    let admin = admin.within(place.tenant.as_deref()).await?;
    let id = RecordId::parse(&id).map_err(ApiError::from)?;
    let (judged, arguments) = admin
        .blocking(move |shared| {
            let judged = shared.judged_one(&id)?;
            let arguments = shared.arguments_shown(&judged);
            Ok((judged, arguments))
        })
        .await?;
    let now = admin.shared.parts.clock.now();
    let tenant = &admin.shared.tenant;
    let body = html! {
        p { a href=(link(&viewer, tenant, PATH, &[])) { "← All that waits" } }
        article.card {
            (call(&judged, now))
            (arguments_part(arguments.as_ref()))
            (facts(&judged.row))
            (decision_part(&viewer, tenant, &judged))
        }
    };
    let title = "One approval";
    Ok(Page { title, viewer: Some(&viewer), refresh: None, body }.answer(StatusCode::OK))
}

pub(crate) async fn decide(
    State(admin): State<Admin>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<DecideForm>,
) -> Result<Response, PageError> {
    let proof = Proof { key: &form.key, secret: &form.secret };
    let acting = admin.acting(&visit, proof).await?;
    let approver = acting.approver()?;
    let admin = admin.within(form.tenant.as_deref()).await?;
    let note = form.note.trim();
    let request = DecideRequest { reason: (!note.is_empty()).then(|| note.to_owned()) };
    let allow = form.decision == Decision::Allow;
    let decided = admin.decide(approver, &id, request, allow).await?;
    let done = [("done", decided.row.id.as_str())];
    Ok(go(&link(acting.viewer(), &admin.shared.tenant, PATH, &done)))
}

/// What a list shows.
struct Waiting {
    judged: Vec<(Judged, Option<Value>)>,
    done: Option<Judged>,
    tenants: Vec<TenantName>,
    now: Timestamp,
}

impl Admin {
    /// The same for the tenant that an address names.
    async fn within(&self, tenant: Option<&str>) -> Result<Self, ApiError> {
        let Some(name) = tenant else { return Ok(self.clone()) };
        let admin = self.of_tenant(TenantName::parse(name)?);
        admin.blocking(tenant::must_exist).await?;
        Ok(admin)
    }
}

impl Shared {
    fn waiting(&self, done: Option<&RecordId>) -> Result<Waiting, ApiError> {
        let now = self.parts.clock.now();
        let rows = self.parts.store.approvals(&self.tenant)?;
        let pending = |row: &ApprovalRow| super::state(row, now) == ApprovalState::Pending;
        let mut judged = self.judged(rows.into_iter().filter(pending).collect(), now)?;
        judged.sort_by_key(|it| (it.void.is_some(), it.row.expires_at));
        let with_arguments = |it: Judged| {
            let arguments = self.arguments_shown(&it);
            (it, arguments)
        };
        let tenants = self.parts.store.tenants()?.into_iter().map(|row| row.name).collect();
        let done = done.map(|id| self.judged_one(id)).transpose()?;
        let judged = judged.into_iter().map(with_arguments).collect();
        Ok(Waiting { judged, done, tenants, now })
    }

    /// What may be seen of the arguments, while they are there.
    fn arguments_shown(&self, judged: &Judged) -> Option<Value> {
        (judged.state == ApprovalState::Pending).then(|| self.arguments_of(&judged.row))
    }
}

/// An address within a tenant.
fn link(viewer: &SignedIn, tenant: &TenantName, path: &str, with: &[(&str, &str)]) -> String {
    let mut with = with.to_vec();
    if *tenant != TenantName::default_tenant() {
        with.push(("tenant", tenant.as_str()));
    }
    viewer.link(path, &with)
}

fn list_body(viewer: &SignedIn, tenant: &TenantName, found: &Waiting) -> Markup {
    let (void, open): (Vec<_>, Vec<_>) = found.judged.iter().partition(|it| it.0.void.is_some());
    html! {
        h1 { "Approvals" }
        @if found.tenants.len() > 1 { (tenants(viewer, tenant, &found.tenants)) }
        @if let Some(done) = &found.done { (told(done)) }
        @if open.is_empty() {
            div.card.empty {
                p.lead { "Nothing waits for you." }
                p.quiet {
                    "When a policy holds a call back until a person has looked at it, it shows up "
                    "here. This page looks again every " (AGAIN_SECONDS) " seconds."
                }
            }
        } @else {
            p.quiet {
                @if open.len() == 1 { "One call waits" } @else { (open.len()) " calls wait" }
                " for a person. This page looks again every " (AGAIN_SECONDS) " seconds."
            }
        }
        @for (judged, arguments) in open { (card(viewer, tenant, (judged, arguments.as_ref()), found.now)) }
        @if !void.is_empty() {
            h2 { "Can no longer be approved" }
            @for (judged, arguments) in void {
                (card(viewer, tenant, (judged, arguments.as_ref()), found.now))
            }
        }
    }
}

fn tenants(viewer: &SignedIn, tenant: &TenantName, all: &[TenantName]) -> Markup {
    html! {
        nav.tenants aria-label="Tenants" {
            @for other in all {
                @if other == tenant { strong { (other.as_str()) } }
                @else { a href=(link(viewer, other, PATH, &[])) { (other.as_str()) } }
            }
        }
    }
}

/// What was decided just now.
fn told(done: &Judged) -> Markup {
    let row = &done.row;
    let by = row.decided_by.as_ref().map(|by| by.as_str());
    html! {
        @if let Some(by) = by {
            p.notice.good role="status" {
                strong { (row.server.as_str()) "." (shown(&row.tool)) } " of agent "
                strong { (row.agent.as_str()) } " was "
                @if row.state == ApprovalState::Denied { "denied" } @else { "allowed" }
                " by " (by) "."
            }
        }
    }
}

fn card(
    viewer: &SignedIn,
    tenant: &TenantName,
    (judged, arguments): (&Judged, Option<&Value>),
    now: Timestamp,
) -> Markup {
    let path = format!("{PATH}/{}", judged.row.id);
    html! {
        article.card.void[judged.void.is_some()] {
            (call(judged, now))
            (arguments_part(arguments))
            p.actions {
                a.button.primary[judged.void.is_none()] href=(link(viewer, tenant, &path, &[])) {
                    @if judged.void.is_some() { "Look at it" } @else { "Look at it and decide" }
                }
            }
        }
    }
}

/// What it is about, in one look.
fn call(judged: &Judged, now: Timestamp) -> Markup {
    let row = &judged.row;
    html! {
        h2.call { (row.server.as_str()) "." (shown(&row.tool)) }
        p {
            "Agent " strong { (row.agent.as_str()) }
            @if let Some(user) = &row.user { " for user " strong { (shown(user.as_str())) } }
        }
        p.reason {
            (shown(&row.reason)) " " span.quiet { "(rule " (shown(&row.rules.join(", "))) ")" }
        }
        @if let Some(why) = &judged.void {
            p.notice.bad { "It can no longer be decided: " (shown(why)) "." }
        } @else if judged.state == ApprovalState::Pending {
            p.quiet {
                "Waits for " (until(row.expires_at, now)) " more, until "
                time datetime=(row.expires_at.to_string()) { (clock_time(row.expires_at)) }
            }
        } @else {
            p.quiet { "It is " strong { (judged.word()) } "." }
        }
    }
}

fn arguments_part(arguments: Option<&Value>) -> Markup {
    html! {
        @if let Some(arguments) = arguments {
            h3 { "Arguments" }
            pre tabindex="0" {
                (shown_lines(&serde_json::to_string_pretty(arguments).unwrap_or_default()))
            }
        }
    }
}

/// All that a yes is bound to.
fn facts(row: &ApprovalRow) -> Markup {
    let decided = row.decided_by.as_ref().zip(row.decided_at);
    html! {
        dl {
            dt { "Rules" } dd { (shown(&row.rules.join(", "))) }
            dt { "Policy" } dd { "version " (row.policy) }
            dt { "Asked" } dd { (clock_time(row.asked_at)) }
            dt { "Approval" } dd { code { (row.id.as_str()) } }
            dt { "Definition" } dd { code { (shown(&row.pin)) } }
            @if let Some((by, at)) = decided {
                dt { "Decided" } dd { "by " (by.as_str()) ", " (clock_time(at)) }
            }
            @if let Some(why) = &row.decided_why { dt { "Note" } dd { (shown(why)) } }
            @if let Some(by) = &row.used_by { dt { "Used by" } dd { code { (by.as_str()) } } }
        }
    }
}

/// The form, for who may decide; else why not.
fn decision_part(viewer: &SignedIn, tenant: &TenantName, judged: &Judged) -> Markup {
    if !judged.waits() {
        return html! {};
    }
    let own = not_the_caller(viewer.name(), &judged.row).err();
    let may = matches!(viewer.role(), Role::Owner | Role::Approver);
    let path = format!("{PATH}/{}", judged.row.id);
    html! {
        @if let Some(own) = own {
            p.notice.bad { "You cannot decide this: " (shown(own.message())) "." }
        } @else if !may {
            p.notice { "Auditors look, and do not decide." }
        } @else {
            form method="post" action=(path) {
                // The Enter key in the note decides nothing: a browser presses the first button.
                button hidden disabled {}
                (viewer.proof())
                @if *tenant != TenantName::default_tenant() {
                    input type="hidden" name="tenant" value=(tenant.as_str());
                }
                label for="note" { "Note " span.quiet { "(optional)" } }
                input #note type="text" name="note" maxlength="500" autocomplete="off";
                p.quiet { "It is recorded with your name. The agent is told the reason of a no." }
                p.actions {
                    button.primary name="decision" value="allow" { "Approve this call" }
                    button.danger name="decision" value="deny" { "Deny" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
