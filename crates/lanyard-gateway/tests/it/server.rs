//! The API behind the gateway: it demands a key, and remembers every request.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::PATIENCE;
use crate::serving::serve;

/// What the API demands. Recognisable, so that it can be looked for.
pub(crate) const KEY: &str = "tst_key_9f8e7d6c5b4a";

/// A request as the API saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) key: Option<String>,
}

/// The running API.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Sender<usize>,
    slow: watch::Sender<bool>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let api = Self {
            origin,
            seen: Arc::default(),
            count: watch::Sender::new(0),
            slow: watch::Sender::new(true),
        };
        let one = api.clone();
        serve(listener, move |request| one.clone().answer(request));
        api
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests arrived.
    pub(crate) async fn until_seen(&self, count: usize) {
        let mut seen = self.count.subscribe();
        timeout(PATIENCE, seen.wait_for(|seen| *seen >= count)).await.unwrap().unwrap();
    }

    /// Lets `/slow` answer.
    pub(crate) fn release(&self) {
        self.slow.send_replace(false);
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let line = format!("{} {}", parts.method, parts.uri);
        let key = parts.headers.get("x-api-key").map(|key| key.to_str().unwrap().to_owned());
        self.seen.lock().unwrap().push(Seen { line, key: key.clone() });
        self.count.send_modify(|count| *count = count.saturating_add(1));
        let path = parts.uri.path();
        if path == "/slow" {
            drop(self.slow.subscribe().wait_for(|slow| !slow).await);
        }
        let mut response = Response::new(Full::default());
        let (status, body) = self.page(path, &key.unwrap_or_default(), &body);
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        let headers = response.headers_mut();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("location", format!("{}/elsewhere", self.origin).parse().unwrap());
        headers.insert("x-echo", KEY.parse().unwrap());
        *response.body_mut() = Full::from(body);
        Ok(response)
    }

    fn page(&self, path: &str, key: &str, body: &str) -> (u16, String) {
        match path {
            "/elsewhere" => (200, "{}".to_owned()),
            _ if key != KEY => (401, json!({"error": {"message": "no key"}}).to_string()),
            "/echo" => {
                let percent: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
                let escaped: String =
                    KEY.chars().map(|one| format!("\\u{:04x}", u32::from(one))).collect();
                let page = json!({
                    "key": key,
                    "body": body,
                    "basic": BASE64.encode(format!("user:{key}").as_bytes()),
                    "hex": HEXLOWER.encode(key.as_bytes()),
                    "percent": percent,
                });
                let page = page.to_string();
                (200, format!("{},\"escaped\":\"{escaped}\"}}", page.strip_suffix('}').unwrap()))
            }
            "/refused" => {
                (422, json!({"error": {"message": format!("bad key {key}")}}).to_string())
            }
            "/redirect" => (302, String::new()),
            "/garbage" => (200, "<html>".to_owned()),
            "/huge" => (200, "x".repeat(70_000)),
            "/wrong" => (200, json!({"total": "many"}).to_string()),
            "/slow" => (200, json!({"slow": true}).to_string()),
            _ => (200, json!({"path": path, "total": 3}).to_string()),
        }
    }
}
