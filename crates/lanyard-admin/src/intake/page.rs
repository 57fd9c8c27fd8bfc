//! `/console/intake/TOKEN`: the page of a link. It says which secret it is about and where that
//! will be sent, and has one field. Nobody is signed in here.
//!
//! INVARIANT: no page holds a value, not even the one that was just sent and refused.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lanyard_core::{Binding, Origin, Scheme, TenantName, Timestamp};
use lanyard_store::IntakeRow;
use lanyard_vault::SecretText;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Given, Link, Opened, PATH};
use crate::Admin;
use crate::page::form::{Form, Visit};
use crate::page::{Page, PageError, clock_time, go, shown, until, with_hidden_address};

/// Where a browser goes when a value was stored: an address that opens nothing.
const DONE: &str = "/console/intake/done";

/// The largest form, in bytes: a value of 64 KiB, each of its bytes written as three.
const FORM_BYTES_MAX: usize = 3 * (64 << 10) + 1024;

/// The form. No `Debug`: it holds a value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueForm {
    value: String,
}

pub(crate) async fn show(State(admin): State<Admin>, Path(token): Path<String>) -> Response {
    match admin.link_opened(&token).await {
        Ok(Opened::Link(link)) => {
            let now = admin.shared.parts.clock.now();
            form(StatusCode::OK, (&link, &token), now, None)
        }
        Ok(Opened::Grown) => grown(),
        Ok(Opened::Dead) => dead(),
        Err(error) => failed(&error.into()),
    }
}

pub(crate) async fn give(
    State(admin): State<Admin>,
    visit: Visit,
    Path(token): Path<String>,
    sent: Result<Form<ValueForm, FORM_BYTES_MAX>, PageError>,
) -> Response {
    let link = match admin.link_opened(&token).await {
        Ok(Opened::Link(link)) => link,
        Ok(Opened::Grown) => return grown(),
        Ok(Opened::Dead) => return dead(),
        Err(error) => return failed(&error.into()),
    };
    let now = admin.shared.parts.clock.now();
    let again = |status, why: &str| form(status, (&link, &token), now, Some(why));
    let text = match sent {
        Err(error) => return again(error.status(), error.message()),
        Ok(Form(sent)) => match SecretText::from_line(sent.value.as_bytes()) {
            Err(error) => {
                return again(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string());
            }
            Ok(text) => text,
        },
    };
    match admin.link_used(link.row.clone(), visit.peer.to_string(), text).await {
        Ok(Given::Stored) => with_hidden_address(go(DONE)),
        Ok(Given::Grown) => grown(),
        Ok(Given::Dead) => dead(),
        Err(error) => failed(&error.into()),
    }
}

/// `GET /console/intake/done`: whoever opens it, it says the same.
pub(crate) async fn done() -> Response {
    let body = html! {
        div.card.narrow {
            h1 { "It is stored" }
            p.notice.good role="status" { "The value is in the vault, and the link is used up." }
            p { "Close this page. You need not keep the link, nor the message it came in." }
            p.quiet { "Was it a mistake? Tell whoever sent you the link: they ask for it again." }
        }
    };
    answer("It is stored", StatusCode::OK, body)
}

fn answer(title: &str, status: StatusCode, body: Markup) -> Response {
    with_hidden_address(Page { title, viewer: None, refresh: None, body }.answer(status))
}

/// The page with the field, and why what was sent is not stored.
fn form(
    status: StatusCode,
    (link, token): (&Link, &str),
    now: Timestamp,
    problem: Option<&str>,
) -> Response {
    let name = link.row.secret.as_str();
    let body = html! {
        form.card.form method="post" action=(format!("{PATH}{token}")) {
            h1 { "Enter a secret" }
            p { (asker(&link.row)) " asks you for the value of" }
            h2.call { (name) }
            @if let Some(problem) = problem {
                p.notice.bad role="alert" { "Nothing was stored: " (shown(problem)) "." }
            }
            (facts(link, now))
            label for="value" { "Value" }
            input #value type="password" name="value" required autofocus autocomplete="off"
                autocapitalize="off" spellcheck="false" aria-describedby="about";
            p.quiet #about {
                "One line of 4 bytes at least. It goes into the vault, and no page and no command "
                "shows it again."
                @if link.secret.version.is_some() { " It takes the place of the present value." }
            }
            button.primary { "Store it" }
            p.quiet { "This link works once. Did you not expect it? Then enter nothing." }
        }
    };
    answer("Enter a secret", status, body)
}

/// Who made the link, in words.
fn asker(row: &IntakeRow) -> Markup {
    html! {
        @match row.created_by.split_once(':') {
            Some(("operator", name)) => { "The operator " strong { (shown(name)) } }
            // The owner of the data directory, by its uid.
            Some(_) | None => { "Whoever runs this gateway (" (shown(&row.created_by)) ")" }
        }
    }
}

fn facts(link: &Link, now: Timestamp) -> Markup {
    let Link { row, secret } = link;
    html! {
        @if secret.origins.is_empty() {
            p.notice {
                strong { "It goes nowhere yet." } " This secret is bound to no origin, so it cannot "
                "be used. Whoever runs this gateway can bind it later, and you are not asked then."
            }
        }
        dl {
            @if !secret.origins.is_empty() {
                dt { "It will be sent to" }
                dd {
                    ul.places { @for place in &secret.origins { li { (place_shown(place)) } } }
                }
            }
            @if row.tenant != TenantName::default_tenant() {
                dt { "Tenant" } dd { (row.tenant.as_str()) }
            }
            dt { "Until" }
            dd {
                time datetime=(row.expires_at.to_string()) { (clock_time(row.expires_at)) }
                " (" (until(row.expires_at, now)) " left)"
            }
        }
    }
}

/// A place in words.
fn place_shown(place: &str) -> Markup {
    match Binding::parse(place) {
        Ok(Binding::Server(server)) => html! {
            "the process of the server " strong { (server.as_str()) } ", on the gateway's machine"
        },
        Ok(Binding::Origin(origin)) => html! {
            strong { (shown(place)) }
            @if unencrypted(&origin) { " (not encrypted on its way)" }
        },
        Err(_) => html! { strong { (shown(place)) } },
    }
}

fn unencrypted(origin: &Origin) -> bool {
    origin.scheme() == Scheme::Http && !origin.is_loopback()
}

/// One answer for whatever is no link: which of it, would tell a stranger something.
fn dead() -> Response {
    let body = html! {
        div.card.narrow {
            h1 { "This link does not work" }
            p {
                "It was used, its time is over, it was cancelled, or it did not arrive whole. "
                "Nothing was stored."
            }
            p { "Ask whoever sent it for a new one: " code { "lanyard secret intake NAME" } }
        }
    };
    answer("This link does not work", StatusCode::NOT_FOUND, body)
}

fn grown() -> Response {
    let body = html! {
        div.card.narrow {
            h1 { "This link no longer fits" }
            p {
                "Since it was made, the secret was bound to another place. What you enter would go "
                "there too, so nothing is taken here. Nothing was stored."
            }
            p { "Ask whoever sent it for a new one, and look at its places." }
        }
    };
    answer("This link no longer fits", StatusCode::CONFLICT, body)
}

fn failed(error: &PageError) -> Response {
    let body = html! {
        div.card.narrow {
            h1 { "It could not be done" }
            p.notice.bad role="alert" { (shown(error.message())) }
            p { "Nothing was stored. Try again, or tell whoever sent you the link." }
        }
    };
    answer("It could not be done", error.status(), body)
}

#[cfg(test)]
pub(crate) mod tests;
