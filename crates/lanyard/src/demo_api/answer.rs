//! What the demo API answers. Pure: a request in, a response out.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value, json};

/// Number, customer, what it is for, amount in euros as text, and its state.
const INVOICES: &[(&str, &str, &str, &str, &str)] = &[
    ("INV-7", "acme", "12 seats, October", "1188.00", "paid"),
    ("INV-8", "acme", "12 seats, November", "1188.00", "open"),
    ("INV-12", "globex", "On-site training", "2400.50", "overdue"),
];

/// Answers a request that showed the right key.
pub(super) fn answer(head: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
    let path = head.uri.path();
    match (&head.method, path) {
        (&Method::GET, "/invoices") => list(head.uri.query().unwrap_or_default()),
        (&Method::POST, "/refunds") => refund(body),
        (&Method::GET, "/echo") => echo(head, body),
        (&Method::GET, _) => match path.strip_prefix("/invoices/") {
            // The numbers and customers of this API need no percent-encoding.
            Some(number) => invoice(number),
            None => problem(StatusCode::NOT_FOUND, "no such resource"),
        },
        _ => problem(StatusCode::NOT_FOUND, "no such resource"),
    }
}

/// The refusal of a request without the right key.
pub(super) fn wrong_key() -> Response<Full<Bytes>> {
    problem(StatusCode::UNAUTHORIZED, "X-Api-Key is missing or wrong")
}

/// The refusal of a body that is too large or did not arrive whole.
pub(super) fn too_large() -> Response<Full<Bytes>> {
    problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or incomplete")
}

fn invoice(number: &str) -> Response<Full<Bytes>> {
    let found = INVOICES.iter().find(|(known, ..)| *known == number);
    match found {
        Some(row) => respond(StatusCode::OK, &invoice_json(row)),
        None => problem(StatusCode::NOT_FOUND, "no such invoice"),
    }
}

fn list(query: &str) -> Response<Full<Bytes>> {
    let wanted = query.split('&').find_map(|pair| pair.strip_prefix("customer="));
    let rows = INVOICES.iter().filter(|(_, customer, ..)| wanted.is_none_or(|it| it == *customer));
    let invoices = rows.map(invoice_json).collect::<Vec<_>>();
    respond(StatusCode::OK, &json!({"invoices": invoices}))
}

fn refund(body: &[u8]) -> Response<Full<Bytes>> {
    let number = serde_json::from_slice::<Value>(body).ok();
    let number = number.as_ref().and_then(|body| body.get("number")).and_then(Value::as_str);
    match number.and_then(|number| INVOICES.iter().find(|(known, ..)| *known == number)) {
        Some((number, _, _, amount, _)) => {
            let refund =
                json!({"refund": format!("R-{number}"), "number": number, "amount": amount});
            respond(StatusCode::CREATED, &refund)
        }
        None => problem(StatusCode::UNPROCESSABLE_ENTITY, "`number` names no invoice"),
    }
}

/// Says back everything that came, the key included: what careless APIs do.
fn echo(head: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
    let headers = head.headers.iter().map(|(name, value)| {
        (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes())))
    });
    let echoed = json!({
        "headers": headers.collect::<Map<_, _>>(),
        "query": head.uri.query().unwrap_or_default(),
        "body": String::from_utf8_lossy(body),
    });
    respond(StatusCode::OK, &echoed)
}

fn invoice_json(row: &(&str, &str, &str, &str, &str)) -> Value {
    let (number, customer, subject, amount, state) = row;
    json!({
        "number": number,
        "customer": customer,
        "subject": subject,
        "amount": amount,
        "currency": "EUR",
        "state": state,
    })
}

fn problem(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, &json!({"error": {"message": text}}))
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
