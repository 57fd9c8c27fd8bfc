//! `lanyard secret intake`: a link by which somebody else types a secret's value, so that it passes
//! through no terminal, no chat and no model.

use http::Method;
use serde_json::{Value, json};

use super::super::{Operating, segment, span_seconds};
use crate::admin_client::AdminClient;
use crate::failure::Failure;
use crate::output;

pub(super) const EXAMPLES: &str = "Examples:
  lanyard secret intake billing-key --origin https://billing.example.com
      a link that works for 15 minutes: send it to whoever has the key
  lanyard secret intake billing-key --ttl 8h
      for a secret that is bound already
  lanyard secret intake --list
  lanyard secret intake --cancel tk_5fTq0BvX2c1z

Who opens the link first enters the value: once, without signing in, and sees where it will be sent.
Opening it uses nothing up. Bind the secret before: a link is refused once its secret may go to a
place that it might not go to when the link was made.";

/// What `secret intake` is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct IntakeArgs {
    /// The secret's name; it is made where there is none
    #[arg(required_unless_present_any = ["list", "cancel"], conflicts_with_all = ["list", "cancel"])]
    name: Option<String>,
    /// An origin that it may be sent to, or server:NAME for that server's process; repeatable
    #[arg(long, value_name = "URL", requires = "name")]
    origin: Vec<String>,
    /// Accept a plaintext origin off this machine; repeatable
    #[arg(long, value_name = "URL", requires = "name")]
    insecure_origin: Vec<String>,
    /// How long the link works: 90s, 15m, 8h; 24h at most
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = span_seconds, requires = "name")]
    ttl: u64,
    /// Show the links that are not used yet
    #[arg(long, conflicts_with = "cancel")]
    list: bool,
    /// End a link that is not used yet
    #[arg(long, value_name = "ID")]
    cancel: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "cancel")]
    json: bool,
}

pub(super) async fn run(args: IntakeArgs, operating: &Operating<'_>) -> Result<(), Failure> {
    let client = operating.client()?;
    match (&args.name, &args.cancel) {
        (Some(name), _) => make(name, &args, &client, operating).await,
        (None, Some(id)) => {
            let path = format!("/v1/intakes/{}", segment(id));
            let done = client.send(Method::DELETE, &path, None).await?;
            let name = output::text(&done, "name");
            Ok(output::line(&format!("cancelled: the link for secret://{name} works no more"))?)
        }
        (None, None) => list(&client, args.json).await,
    }
}

async fn list(client: &AdminClient, as_json: bool) -> Result<(), Failure> {
    let listed = client.get("/v1/intakes").await?;
    if as_json {
        return Ok(output::json(&listed)?);
    }
    let row = |it: &Value| {
        let cell = |key: &str| output::text(it, key);
        let state = match cell("void_reason") {
            void if void.is_empty() => "open".to_owned(),
            void => format!("refused: {void}"),
        };
        [
            cell("id"),
            cell("reference"),
            cell("origins"),
            cell("created_by"),
            cell("expires_at"),
            state,
        ]
        .into()
    };
    let rows: Vec<Vec<String>> = output::items(&listed, "intakes").iter().map(row).collect();
    let head = ["ID", "SECRET", "ORIGINS", "BY", "UNTIL", "STATE"];
    Ok(output::line(&output::table(&head, &rows))?)
}

async fn make(
    name: &str,
    args: &IntakeArgs,
    client: &AdminClient,
    operating: &Operating<'_>,
) -> Result<(), Failure> {
    let body = json!({
        "origins": args.origin, "insecure_origins": args.insecure_origin, "ttl_seconds": args.ttl,
    });
    let path = format!("/v1/secrets/{}/intake", segment(name));
    let mut made = client.send(Method::POST, &path, Some(&body)).await?;
    // Who reaches the gateway over the network reaches its pages at that address too.
    let reached = operating.environment.get("LANYARD_ADMIN_URL");
    if let Some(url) = reached.filter(|url| url.starts_with("http")) {
        let link = format!("{}{}", url.trim_end_matches('/'), output::text(&made, "path"));
        if let Some(members) = made.as_object_mut() {
            members.insert("url".to_owned(), json!(link));
        }
    }
    if args.json {
        return Ok(output::json(&made)?);
    }
    let cell = |key: &str| output::text(&made, key);
    let url = cell("url");
    // The link alone on stdout, so that it can be piped; what to know of it on stderr.
    output::line(&url)?;
    let places = match cell("origins") {
        places if places.is_empty() => "nowhere: it is bound to no origin. Bind it (--origin, or \
                                        `server add --secret`) and make a new link"
            .to_owned(),
        places => places,
    };
    let here = ["http://127.", "https://127.", "http://[::1]", "https://[::1]"];
    output::notice(&format!("{} will be sent to {places}", cell("reference")));
    output::notice(&format!(
        "who opens this link first can enter its value, once, until {}; it is not shown again \
         (`lanyard secret intake --cancel {}` ends it)",
        cell("expires_at"),
        cell("id")
    ));
    if here.iter().any(|begin| url.starts_with(begin)) {
        output::notice(
            "it opens in a browser on this machine alone; for others see `lanyard up --admin-listen`",
        );
    }
    Ok(())
}
