//! `lanyard audit report`: what an auditor asks for about a period, in one page and one JSON file.

mod page;
mod tally;

use std::path::{Path, PathBuf};

use http::Method;
use lanyard_admin::SearchQuery;
use lanyard_core::{Clock as _, Timestamp};
use lanyard_store::write_atomic;
use serde_json::{Value, json};

use self::tally::Tally;
use super::super::{Operating, segment};
use crate::admin_client::AdminClient;
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::output;

/// The files of a report.
const FILES: [&str; 2] = ["report.html", "report.json"];

/// Which period, and where to.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) since: String,
    pub(super) until: Option<String>,
    pub(super) out: PathBuf,
}

/// A period with absolute ends: `7d` is another time for whoever reads the report.
struct Period {
    since: Timestamp,
    until: Timestamp,
    made: Timestamp,
}

impl Report {
    pub(super) async fn run(self, operating: &Operating<'_>) -> Result<(), Failure> {
        let period = self.period()?;
        let client = operating.client()?;
        let tenant = operating.tenant.clone().unwrap_or_else(|| "default".to_owned());
        let report = gather(&client, &period, &tenant).await?;
        write(&self.out, &report)?;
        let [page, data] = FILES.map(|file| self.out.join(file).display().to_string());
        Ok(output::line(&format!("{page}\n{data}"))?)
    }

    fn period(&self) -> Result<Period, Failure> {
        let made = SystemClock.now();
        let (since, until) = (Some(self.since.clone()), self.until.clone());
        let query = SearchQuery { since, until, ..SearchQuery::default() };
        let filter = query.filter(made).map_err(Failure::usage)?;
        let (since, until) = (filter.since.unwrap_or(made), filter.until.unwrap_or(made));
        if since >= until {
            return Err(Failure::usage("--since is not before --until"));
        }
        Ok(Period { since, until: until.min(made), made })
    }
}

/// Reads everything that the report tells. The log is proved first, so that what is told of it
/// afterwards is about what was proved.
async fn gather(client: &AdminClient, period: &Period, tenant: &str) -> Result<Value, Failure> {
    let verdict = client.send(Method::POST, "/v1/audit/verify", None).await?;
    let key = client.get("/v1/audit/key").await?;
    let checkpoint = client.get("/v1/audit/checkpoint").await?;
    let mut could = serde_json::Map::new();
    for name in ["agents", "grants", "servers", "operators"] {
        let listed = client.get(&format!("/v1/{name}")).await?;
        could.insert(name.to_owned(), listed.get(name).cloned().unwrap_or_default());
    }
    // A tenant without policies has none to show.
    could.insert("policy".to_owned(), client.get("/v1/policy").await.unwrap_or_default());
    let (mut within, mut after) = (Tally::default(), Tally::default());
    tally(client, tenant, (period.since, period.until), &mut within).await?;
    if period.until < period.made {
        tally(client, tenant, (period.until, period.made), &mut after).await?;
    }
    let member = |value: &Value, key: &str| value.get(key).cloned().unwrap_or_default();
    Ok(json!({
        "lanyard_report": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "tenant": tenant,
        "since": period.since.to_string(),
        "until": period.until.to_string(),
        "made": period.made.to_string(),
        "proof": {
            "verdict": verdict,
            "key": member(&key, "key"),
            "checkpoint": member(&checkpoint, "checkpoint"),
        },
        "who_could": could,
        "who_did": within.did(),
        "changes": within.changes(),
        "changes_since": after.changes(),
    }))
}

async fn tally(
    client: &AdminClient,
    tenant: &str,
    (since, until): (Timestamp, Timestamp),
    tally: &mut Tally,
) -> Result<(), Failure> {
    let [since, until] = [since, until].map(|time| segment(&time.to_string()));
    let tenant = segment(tenant);
    let path = format!("/v1/audit/records?export=true&tenant={tenant}&since={since}&until={until}");
    client.download(&path, &mut |bytes: &[u8]| tally.take(bytes)).await
}

fn write(directory: &Path, report: &Value) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::usage(format!("--out {}: {error}", directory.display()));
    std::fs::create_dir_all(directory).map_err(failed)?;
    let texts = [page::html(report), format!("{report:#}\n")];
    for (file, text) in FILES.into_iter().zip(texts) {
        write_atomic(&directory.join(file), text.as_bytes(), 0o600).map_err(failed)?;
    }
    Ok(())
}
