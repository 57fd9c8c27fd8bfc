//! Signing in to the console, and out.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use maud::html;
use serde::Deserialize;

use super::form::{Form, Visit};
use super::session::Proof;
use super::{Page, PageError, go};
use crate::Admin;

/// Where somebody goes who is not signed in.
pub(crate) const LOGIN: &str = "/console/login";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginForm {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogoutForm {
    key: String,
    secret: String,
}

pub(crate) async fn show() -> Response {
    page(StatusCode::OK, None)
}

pub(crate) async fn sign_in(
    State(admin): State<Admin>,
    visit: Visit,
    Form(form): Form<LoginForm>,
) -> Result<Response, PageError> {
    match admin.sign_in(&visit, form.token.trim()).await {
        Ok(begun) => {
            let to = format!("/console/approvals?key={}", begun.key);
            Ok(([(SET_COOKIE, begun.cookie)], go(&to)).into_response())
        }
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            let problem = "That is not the token of an operator. One begins with lyd_o_.";
            Ok(page(StatusCode::UNAUTHORIZED, Some(problem)))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn sign_out(
    State(admin): State<Admin>,
    visit: Visit,
    Form(form): Form<LogoutForm>,
) -> Result<Response, PageError> {
    let proof = Proof { key: &form.key, secret: &form.secret };
    let acting = admin.acting(&visit, proof).await?;
    Ok(([(SET_COOKIE, admin.sign_out(&acting))], go(LOGIN)).into_response())
}

fn page(status: StatusCode, problem: Option<&str>) -> Response {
    let body = html! {
        form.card.narrow method="post" action=(LOGIN) {
            h1 { "Sign in" }
            @if let Some(problem) = problem {
                p.notice.bad role="alert" { (problem) }
            }
            // Password managers want a name to keep it under. It has none here, so it is not sent.
            input type="text" autocomplete="username" value="operator" readonly hidden;
            label for="token" { "Your operator's token" }
            input #token type="password" name="token" required autofocus
                autocomplete="current-password" spellcheck="false" maxlength="200";
            button.primary { "Sign in" }
            p.quiet {
                "No token yet? Whoever runs this gateway makes one: "
                code { "lanyard operator add NAME --role approver" }
            }
        }
    };
    Page { title: "Sign in", viewer: None, refresh: None, body }.answer(status)
}
