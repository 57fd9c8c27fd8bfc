//! `audit report` by the program itself: one tenant's evidence for a period, as a page and as data.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::world::{KEY, World};

const POLICY: &str = r#"
@id("invoices")
@approval("invoices are looked at by a person")
@approval_ttl("10m")
forbid (principal, action == Action::"call:billing/get_invoice", resource)
when { context.args.number like "HELD*" };
"#;

fn call(world: &World, tool: &str, number: &str) -> Option<i32> {
    world.run(&["call", tool, &format!("number={number}")]).code
}

/// Two tenants with the same names in them, in which different things happen.
fn history() -> (World, String) {
    let mut world = World::up();
    let alice = world.set_up();
    world.ok(&["server", "set", "billing", "timeout=1"]);
    world.write("held.cedar", POLICY);
    world.ok(&["policy", "apply", "held.cedar"]);
    let ann = world.ok(&["operator", "add", "ann", "--role", "approver"]).trim().to_owned();
    world.ok(&["tenant", "add", "acme"]);
    let acme = |args: &[&str], stdin: &str| {
        let args = [&["--tenant", "acme"], args].concat();
        let done = world.run_with(&args, stdin);
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        done.stdout.trim().to_owned()
    };
    acme(&["secret", "set", "billing-key"], KEY);
    let secret = "BillingKey=secret://billing-key";
    acme(&["server", "add", "billing", "--yaml", "billing.yaml", "--secret", secret], "");
    let wile = acme(&["agent", "add", "wile"], "");
    acme(&["grant", "wile", "billing", "--allow", "get_invoice,refund"], "");

    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &wile);
    assert_eq!(call(&world, "billing.refund", "ACME-1"), Some(0));
    world.set("LANYARD_TOKEN", &alice);
    assert_eq!(call(&world, "billing.get_invoice", "INV-1"), Some(0));
    let denied = world.run(&["call", "billing.refund", "number=INV-1"]);
    assert_ne!(denied.code, Some(0), "{denied:?}");
    assert_eq!(call(&world, "billing.get_invoice", "HELD-1"), Some(5));
    let pending: Value = serde_json::from_str(&world.ok(&["approve", "list", "--json"])).unwrap();
    let id = pending["approvals"][0]["id"].as_str().unwrap_or_else(|| panic!("{pending}"));
    world.set("LANYARD_ADMIN_TOKEN", &ann);
    world.ok(&["approve", "allow", id]);
    world.unset("LANYARD_ADMIN_TOKEN");
    assert_eq!(call(&world, "billing.get_invoice", "HELD-1"), Some(0));
    world.set("LANYARD_TOKEN", "lyd_a_nobody_has_this_token_at_all_0000000000");
    assert_ne!(call(&world, "billing.get_invoice", "INV-1"), Some(0));
    world.ok(&["revoke", "alice", "billing"]);
    (world, id.to_owned())
}

fn report(world: &World, args: &[&str], out: &str) -> (Value, String) {
    let args = [args, &["audit", "report", "--since", "1h", "--out", out]].concat();
    let said = world.ok(&args);
    assert_eq!(said, format!("{out}/report.html\n{out}/report.json\n"));
    let read = |name: &str| {
        let path = world.path(out).join(name);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name} is for its owner alone");
        std::fs::read_to_string(path).unwrap()
    };
    (serde_json::from_str(&read("report.json")).unwrap(), read("report.html"))
}

fn told(list: &Value, keys: [&str; 3]) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("{list}")).iter();
    items.map(|it| keys.map(|key| it[key].to_string().replace('"', "")).join(" ")).collect()
}

#[test]
fn a_report_tells_who_could_and_who_did() {
    let (world, approval) = history();
    let (data, page) = report(&world, &[], "evidence");
    assert_eq!(data["proof"]["verdict"]["holds"], true);
    let key = world.ok(&["audit", "key"]);
    assert_eq!(data["proof"]["key"], key.trim());
    // The checkpoint in it is a witness of its own.
    world.write("kept.note", data["proof"]["checkpoint"].as_str().unwrap());
    let verified = world.ok(&["audit", "verify", "--against", "kept.note"]);
    assert!(verified.contains("it only grew since"), "{verified}");

    let calls = told(&data["who_did"]["calls"], ["agent", "tool", "allowed"]);
    assert_eq!(calls, ["alice get_invoice 2", "alice refund 0"]);
    // A call that is held is told so once or twice, by how its client asks again.
    let denied = told(&data["who_did"]["denied"], ["reason", "-", "-"]);
    assert_eq!(denied, ["approval_needed", "tool_not_granted"].map(|it| format!("{it} null null")));
    let secrets = told(&data["who_did"]["credentials"], ["secret", "count", "-"]);
    assert_eq!(secrets, ["billing-key version 1 2 null"]);
    let used = told(&data["who_did"]["approved_calls"], ["agent", "tool", "approval"]);
    assert_eq!(used, [format!("alice get_invoice {approval}")]);
    let approvals = told(&data["changes"]["approvals"], ["action", "actor", "subject"]);
    let decided = ["approval.request agent:alice", "approval.allow operator:ann"];
    assert_eq!(approvals, decided.map(|it| format!("{it} approval:{approval}")));
    let revoked = told(&data["changes"]["revocations"], ["action", "subject", "-"]);
    assert_eq!(revoked, ["grant.revoke grant:alice/billing null"]);
    assert_eq!(told(&data["who_could"]["agents"], ["name", "-", "-"]), ["alice null null"]);
    assert_eq!(data["changes_since"]["all"], json!([]));

    for part in ["alice", "get_invoice", &approval, "operator:ann", "grant.revoke", "the log holds"]
    {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    for text in [&page, &data.to_string()] {
        assert!(!text.contains("INV-1") && !text.contains("HELD-1"), "an argument: {text}");
    }
    let search = world.ok(&["audit", "search", "--kind", "change", "--limit", "1"]);
    assert!(search.contains("audit.export"), "reading it out is recorded: {search}");
}

/// What is another tenant's is in no report, no search and no export for this one.
#[test]
fn a_report_is_of_one_tenant() {
    let (world, _) = history();
    let (ours, our_page) = report(&world, &[], "ours");
    let (theirs, their_page) = report(&world, &["--tenant", "acme"], "theirs");
    for text in [ours.to_string(), our_page] {
        assert!(!text.contains("wile"), "{text}");
    }
    for text in [theirs.to_string(), their_page] {
        assert!(!text.contains("alice") && !text.contains("approval."), "{text}");
    }
    assert_eq!([&ours["tenant"], &theirs["tenant"]], ["default", "acme"]);
    let calls = told(&theirs["who_did"]["calls"], ["agent", "tool", "allowed"]);
    assert_eq!(calls, ["wile refund 1"]);
    // Whoever is refused at the door is of no tenant yet: the gateway's own.
    assert_eq!(theirs["who_did"]["refused"], json!([]));
    assert_eq!(theirs["proof"]["verdict"]["holds"], true);

    let lines = world.ok(&["--tenant", "acme", "audit", "export"]);
    assert!(lines.contains("call.close") && !lines.contains("alice"), "{lines}");
    let found = world.ok(&["--tenant", "acme", "audit", "search", "--json"]);
    assert!(found.contains("wile") && !found.contains("alice"), "{found}");
    let all = world.ok(&["audit", "export"]);
    assert!(all.contains("wile") && all.contains("alice"), "the log itself is whole");
}

#[test]
fn a_period_that_is_none_is_refused() {
    let world = World::up();
    for (args, said) in [
        (["--since", "1d", "--until", "2d"], "--since is not before --until"),
        (["--since", "yesterday", "--until", "1d"], "yesterday"),
    ] {
        let done = world.run(&[&["audit", "report", "--out", "none"], &args[..]].concat());
        assert!(done.code == Some(1) && done.stderr.contains(said), "{done:?}");
        assert!(!world.path("none").exists());
    }
}
