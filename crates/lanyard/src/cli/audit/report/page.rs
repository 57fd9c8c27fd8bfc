//! The report as a page: it stands alone, prints well, and has no script. Every text in it is
//! somebody else's and is escaped.

use serde_json::Value;

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lanyard: evidence for a period</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 70rem; margin: 2rem auto; padding: 0 1.5rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #c8ced6 }
p.lead { color: #57606a; margin-top: .3rem }
table { border-collapse: collapse; width: 100%; font-size: .87rem; margin: .6rem 0 } tr { break-inside: avoid }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e4e8ec; overflow-wrap: anywhere }
th { color: #57606a; font-weight: 600 } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
pre { background: #f5f7f9; padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem }
.holds, .fails { display: inline-block; padding: .1rem .6rem; border-radius: .3rem; font-weight: 600 }
.holds { background: #dcf3e1; color: #116329 } .fails { background: #ffdfdc; color: #a40e26 }
@media print { body { margin: 0; max-width: none; font-size: 11px } h2 { break-after: avoid } }
</style>
</head>
<body>
"#;

/// The page.
pub(super) fn html(report: &Value) -> String {
    let mut page = String::from(HEAD);
    let text = |key: &str| escaped(&plain(report.get(key)));
    put(&mut page, "<h1>Who could do what, and who did</h1>\n");
    let [since, until, made] = ["since", "until", "made"].map(text);
    let [tenant, version] = ["tenant", "version"].map(text);
    put(
        &mut page,
        &format!(
            "<p class=\"lead\">Tenant {tenant}, from {since} to {until}. Made {made} by Lanyard {version} from its audit log.</p>\n"
        ),
    );
    proof(&mut page, &report["proof"]);
    could(&mut page, &report["who_could"]);
    did(&mut page, &report["who_did"]);
    let changes = &report["changes"];
    let columns = ["time", "actor", "action", "subject", "detail", "id"];
    heading(&mut page, "Approvals");
    table(&mut page, &columns, &changes["approvals"]);
    put(&mut page, "<p>Calls that used one:</p>\n");
    let used = ["time", "approval", "agent", "user", "server", "tool", "id"];
    table(&mut page, &used, at(report, "/who_did/approved_calls"));
    heading(&mut page, "Revocations");
    table(&mut page, &columns, &changes["revocations"]);
    heading(&mut page, "All changes of the period");
    table(&mut page, &columns, &changes["all"]);
    heading(&mut page, "Changes since the period");
    put(
        &mut page,
        "<p>Who could do what is told as of when this was made. These came after the period's end.</p>\n",
    );
    table(&mut page, &columns, at(report, "/changes_since/all"));
    put(&mut page, "</body>\n</html>\n");
    page
}

fn proof(page: &mut String, proof: &Value) {
    heading(page, "Is the record whole?");
    let verdict = &proof["verdict"];
    if verdict["holds"] == Value::Bool(true) {
        let cell = |key: &str| escaped(&plain(verdict.get(key)));
        let line = format!(
            "<p><span class=\"holds\">the log holds</span> {} records in {} segments, {} to {}. Open calls: {}. Not signed yet: {}.</p>\n",
            cell("records"),
            cell("segments"),
            cell("first_time"),
            cell("last_time"),
            cell("open_calls"),
            cell("unsigned"),
        );
        put(page, &line);
    } else {
        put(page, "<p><span class=\"fails\">the log does not hold</span></p>\n");
        table(page, &["file", "line", "problem"], &verdict["findings"]);
    }
    if verdict["removed"].as_array().is_some_and(|removed| !removed.is_empty()) {
        put(page, "<p>Removed, with signed tombstones in their place:</p>\n");
        table(page, &["records", "from", "until", "time", "by"], &verdict["removed"]);
    }
    put(
        page,
        "<p>The checkpoint of when this was made. Keep it: <code>lanyard audit verify --against FILE</code> proves with it that the log only grew since.</p>\n",
    );
    put(page, &format!("<pre>{}</pre>\n", escaped(&plain(proof.get("checkpoint")))));
    put(
        page,
        &format!(
            "<p>The public key that proves it:</p>\n<pre>{}</pre>\n",
            escaped(&plain(proof.get("key")))
        ),
    );
}

fn could(page: &mut String, could: &Value) {
    heading(page, "Who could do what");
    put(page, "<p>Grants in force, as of when this was made.</p>\n");
    table(
        page,
        &["agent", "server", "allow", "deny", "users", "expires_at", "created_at"],
        &could["grants"],
    );
    put(page, "<p>Agents.</p>\n");
    table(
        page,
        &["name", "teams", "tags", "uid", "revoked", "expires_at", "created_at"],
        &could["agents"],
    );
    put(page, "<p>Servers.</p>\n");
    table(page, &["name", "kind", "transport", "enabled", "description"], &could["servers"]);
    put(page, "<p>Operators.</p>\n");
    table(page, &["name", "role", "revoked", "begins"], &could["operators"]);
    put(page, "<p>Policies.</p>\n");
    let written =
        |policy: &&Value| policy.is_object() && policy.get("text") != Some(&Value::from(""));
    match could.get("policy").filter(written) {
        Some(policy) => put(page, &format!("<pre>{}</pre>\n", escaped(&plain_policy(policy)))),
        None => put(page, "<p>None.</p>\n"),
    }
}

fn did(page: &mut String, did: &Value) {
    heading(page, "Who did what");
    table(
        page,
        &["agent", "server", "tool", "allowed", "denied", "failed", "users", "last"],
        &did["calls"],
    );
    put(
        page,
        &format!(
            "<p>Calls without an end in the period: {}.</p>\n",
            escaped(&plain(did.get("without_end")))
        ),
    );
    put(page, "<p>Denials by reason.</p>\n");
    table(page, &["reason", "count"], &did["denied"]);
    put(page, "<p>Refused before anybody was known.</p>\n");
    table(page, &["reason", "count"], &did["refused"]);
    put(page, "<p>Stored secrets that calls used.</p>\n");
    table(page, &["secret", "count"], &did["credentials"]);
    put(page, "<p>Ends of the gateway that were not clean.</p>\n");
    table(page, &["time", "unsigned", "cut_bytes", "abandoned"], &did["recoveries"]);
}

fn at<'a>(report: &'a Value, path: &str) -> &'a Value {
    report.pointer(path).unwrap_or(&Value::Null)
}

fn heading(page: &mut String, text: &str) {
    put(page, &format!("<h2>{text}</h2>\n"));
}

/// A table of these members; the columns that no row has are left out.
fn table(page: &mut String, columns: &[&str], rows: &Value) {
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        return put(page, "<p>None.</p>\n");
    }
    let held = |column: &&&str| rows.iter().any(|row| !plain(row.get(**column)).is_empty());
    let columns: Vec<&str> = columns.iter().filter(held).copied().collect();
    put(page, "<table><thead><tr>");
    let class = |column: &str| {
        let is_number = |row: &Value| row.get(column).is_none_or(Value::is_number);
        if rows.iter().all(is_number) { " class=\"n\"" } else { "" }
    };
    for column in &columns {
        put(page, &format!("<th{}>{}</th>", class(column), column.replace('_', " ")));
    }
    put(page, "</tr></thead><tbody>\n");
    for row in rows {
        put(page, "<tr>");
        for column in &columns {
            let cell = escaped(&plain(row.get(*column)));
            put(page, &format!("<td{}>{cell}</td>", class(column)));
        }
        put(page, "</tr>\n");
    }
    put(page, "</tbody></table>\n");
}

fn put(page: &mut String, text: &str) {
    page.push_str(text);
}

fn plain_policy(policy: &Value) -> String {
    match ["text", "source", "policy"].iter().find_map(|key| policy.get(key)?.as_str()) {
        Some(text) => text.to_owned(),
        None => format!("{policy:#}"),
    }
}

/// A value as people read it.
fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| plain(Some(item))).collect();
            items.join(", ")
        }
        Some(Value::Object(members)) => {
            let pair = |(key, value): (&String, &Value)| format!("{key}: {}", plain(Some(value)));
            members.iter().map(pair).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Text in HTML. What steers a terminal or turns the reading direction is shown as what it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() || is_turning(letter) => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out
}

fn is_turning(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::html;

    #[test]
    fn what_others_wrote_is_text_and_nothing_else() {
        let evil = "<script>alert(1)</script>\" onload='x' \u{202e}\u{1b}";
        let page = html(&json!({
            "since": evil, "until": "b", "made": "c",
            "proof": { "verdict": { "holds": false, "findings": [{ "file": evil }] }, "checkpoint": evil },
            "who_could": { "grants": [{ "agent": evil, "allow": [evil] }], "policy": { "text": evil } },
            "who_did": { "calls": [{ "agent": evil, "tool": evil, "allowed": 3 }] },
            "changes": { "all": [{ "detail": { evil: evil } }] },
        }));
        assert!(
            !page.contains("<script") && !page.contains('\u{202e}') && !page.contains('\u{1b}')
        );
        assert_eq!(page.matches("&lt;script&gt;").count(), 10);
        assert!(page.contains("<td class=\"n\">3</td>"));
        assert!(page.contains("the log does not hold"));
    }

    #[test]
    fn an_empty_period_is_a_page() {
        let page = html(&json!({ "proof": { "verdict": { "holds": true, "records": 1 } } }));
        assert!(page.contains("the log holds") && page.ends_with("</html>\n"));
    }
}
