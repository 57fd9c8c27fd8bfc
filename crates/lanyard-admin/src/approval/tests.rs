//! Who may say yes or no to a call, and who may not.

use http::Method;
use lanyard_core::{AgentName, ChangeRecord, ServerName, TenantName, UserName};
use lanyard_store::{ApprovalStanding, WantedApproval};

use super::*;
use crate::fixture::World;

/// An API with an agent `ci`, and with operators whose tokens it gives.
pub(super) async fn world(operators: &[(&str, &str)]) -> (World, Vec<String>) {
    let world = World::new();
    world.ok(Method::POST, "/v1/agents", json!({ "name": "ci" })).await;
    let mut tokens = Vec::new();
    for (name, role) in operators {
        let body = json!({ "name": name, "role": role });
        let made = world.ok(Method::POST, "/v1/operators", body).await;
        tokens.push(made["token"].as_str().unwrap().to_owned());
    }
    (world, tokens)
}

/// A call of `ci` for `user` that asks for a yes.
pub(super) fn asks(world: &World, id: &str, user: &str) -> ApprovalStanding {
    asks_about(world, id, user, r#"{"iban":"DE1","pin":"•••"}"#, |_| {})
}

/// The same about other arguments, or otherwise other than it was.
pub(super) fn asks_about(
    world: &World,
    id: &str,
    user: &str,
    arguments: &str,
    other: impl FnOnce(&mut ApprovalRow),
) -> ApprovalStanding {
    let parts = &world.admin.shared.parts;
    let (id, tenant, now) =
        (RecordId::parse(id).unwrap(), TenantName::default_tenant(), parts.clock.now());
    let mut row = ApprovalRow {
        id: id.clone(),
        tenant: tenant.clone(),
        agent: AgentName::parse("ci").unwrap(),
        user: UserName::parse(user).ok(),
        server: ServerName::parse("bank").unwrap(),
        tool: "pay".to_owned(),
        arguments_digest: "ad".to_owned(),
        pin: "pd".to_owned(),
        policy: 0,
        rules: vec!["large".to_owned()],
        reason: "more than 1000".to_owned(),
        binding: "b".to_owned(),
        arguments: None,
        ttl_ms: 600_000,
        state: ApprovalState::Pending,
        asked_at: now,
        expires_at: now.plus(std::time::Duration::from_secs(600)),
        decided_at: None,
        decided_by: None,
        decided_why: None,
        used_at: None,
        used_by: None,
    };
    let sealer = parts.master.approval_sealer();
    row.arguments = sealer.seal(&seal_place(&row), arguments).ok();
    other(&mut row);
    let record = ChangeRecord {
        id,
        time: now,
        tenant,
        actor: "agent:ci".to_owned(),
        peer: None,
        action: "approval.request".to_owned(),
        subject: row.subject(),
        detail: Vec::new(),
    };
    let call = RecordId::parse("call").unwrap();
    let wanted = WantedApproval { row, record, call, pending_max: 16 };
    parts.store.approval_settle(&wanted, &*parts.record_ids).unwrap()
}

fn at(id: &str, what: &str) -> String {
    format!("/v1/approvals/{id}/{what}")
}

#[tokio::test]
async fn an_approver_sees_what_it_is_about_and_the_yes_is_recorded() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    asks(&world, "a1", "eve");
    let listed = world.ok(Method::GET, "/v1/approvals", Value::Null).await;
    assert_eq!(listed["approvals"][0]["id"], "a1");
    let shown = world.ok(Method::GET, "/v1/approvals/a1", Value::Null).await;
    let facts = ["state", "agent", "user", "server", "tool", "reason"].map(|key| &shown[key]);
    assert_eq!(facts, ["pending", "ci", "eve", "bank", "pay", "more than 1000"]);
    assert_eq!(shown["arguments"], json!({ "iban": "DE1", "pin": "•••" }));
    let body = json!({ "reason": "invoice 7" });
    let (status, done) = world.ask_as(&tokens[0], Method::POST, &at("a1", "allow"), body).await;
    assert_eq!((status, &done["state"]), (200, &json!("allowed")), "{done}");
    assert_eq!(*world.decided.lock().unwrap(), [RecordId::parse("a1").unwrap()]);
    let told = world.told().await;
    assert!(told.starts_with(r#""approval.allow" "approval:a1" "operator:ann""#), "{told}");
    assert!(told.contains(r#""reason":"invoice 7""#) || told.contains("invoice 7"), "{told}");
    let shown = world.ok(Method::GET, "/v1/approvals/a1", Value::Null).await;
    assert_eq!(shown.get("arguments"), None, "they are destroyed with the decision");
    assert!(matches!(asks(&world, "a2", "eve"), ApprovalStanding::Used(_)));
    let waiting = world.ok(Method::GET, "/v1/approvals", Value::Null).await;
    assert_eq!(waiting["approvals"], json!([]));
    let used = world.ok(Method::GET, "/v1/approvals?state=used", Value::Null).await;
    assert_eq!(used["approvals"][0]["used_by"], "call");
}

#[tokio::test]
async fn the_owners_uid_the_auditor_and_agents_decide_nothing() {
    let (world, tokens) = world(&[("aud", "auditor")]).await;
    let agent = world.ok(Method::POST, "/v1/agents", json!({ "name": "spy" })).await;
    let agent = agent["token"].as_str().unwrap();
    asks(&world, "a1", "eve");
    for what in ["allow", "deny"] {
        let path = at("a1", what);
        // The request comes over the admin socket, with the owner's uid.
        let (status, told) = world.ask(Method::POST, &path, Value::Null).await;
        assert_eq!(status, 403, "{told}");
        assert!(told["error"].as_str().unwrap().contains("lanyard operator add NAME --role"));
        let (status, _) = world.ask_as(&tokens[0], Method::POST, &path, Value::Null).await;
        assert_eq!(status, 403, "an auditor");
        // An agent's token is a stranger's, and does not fall back to the uid.
        let (status, _) = world.ask_as(agent, Method::POST, &path, Value::Null).await;
        assert_eq!(status, 401, "an agent");
    }
    let (status, _) = world.ask_as(&tokens[0], Method::GET, "/v1/approvals/a1", Value::Null).await;
    assert_eq!(status, 200, "an auditor looks");
    assert!(world.decided.lock().unwrap().is_empty());
    assert!(matches!(asks(&world, "a2", "eve"), ApprovalStanding::Pending { new: false, .. }));
}

#[tokio::test]
async fn nobody_decides_their_own_call() {
    let (world, tokens) = world(&[("ci", "owner"), ("eve", "approver"), ("ann", "approver")]).await;
    asks(&world, "a1", "Eve");
    for (token, whose) in tokens.iter().zip(["the agent that made", "the user whom"]) {
        let (status, told) =
            world.ask_as(token, Method::POST, &at("a1", "allow"), Value::Null).await;
        assert_eq!(status, 403, "{told}");
        assert!(told["error"].as_str().unwrap().contains(whose), "{told}");
    }
    let (status, _) = world.ask_as(&tokens[2], Method::POST, &at("a1", "allow"), Value::Null).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_second_operator_is_told_that_it_is_decided() {
    let (world, tokens) = world(&[("ann", "approver"), ("bob", "owner")]).await;
    asks(&world, "a1", "eve");
    let paths = [at("a1", "deny"), at("a1", "allow")];
    let (first, second) = tokio::join!(
        world.ask_as(&tokens[0], Method::POST, &paths[0], Value::Null),
        world.ask_as(&tokens[1], Method::POST, &paths[1], Value::Null),
    );
    let mut statuses = [first.0, second.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{first:?} {second:?}");
    let told = if first.0 == 409 { first.1 } else { second.1 };
    let told = told["error"].as_str().unwrap();
    assert!(told.starts_with("it was ") && told.contains(" by "), "{told}");
    assert_eq!(world.decided.lock().unwrap().len(), 1);
}

/// What is void is listed with its reason, told to who wants to decide it, and stays as it is.
#[tokio::test]
async fn what_can_no_longer_be_approved_says_why() {
    let drifted = |world: &World, pin: Option<&str>| {
        let pin = pin.map(ToOwned::to_owned);
        world.servers.pins.lock().unwrap().insert("pay".to_owned(), pin);
    };
    for (what, why) in [
        ("agent", "its agent was revoked"),
        ("name", "its agent was revoked, and another one has its name"),
        ("policy", "version 0 of the policy asked, and version 1 is in force"),
        ("drift", "the definition of its tool was changed"),
        ("gone", "its tool is not there any more"),
    ] {
        let (world, tokens) = world(&[("ann", "approver")]).await;
        asks(&world, "a1", "eve");
        match what {
            "agent" | "name" => {
                world.ok(Method::DELETE, "/v1/agents/ci", Value::Null).await;
            }
            "policy" => {
                let text = "@id(\"all\") permit (principal, action, resource);";
                world.ok(Method::PUT, "/v1/policy", json!({ "text": text })).await;
            }
            "drift" => drifted(&world, Some("pe")),
            _ => drifted(&world, None),
        }
        if what == "name" {
            world.ok(Method::POST, "/v1/agents", json!({ "name": "ci" })).await;
        }
        for list in ["/v1/approvals", "/v1/approvals?state=void", "/v1/approvals?state=all"] {
            let listed = world.ok(Method::GET, list, Value::Null).await;
            assert_eq!(listed["approvals"][0]["state"], "void", "{what}: {listed}");
            let told = listed["approvals"][0]["void_reason"].as_str().unwrap();
            assert!(told.starts_with(why), "{told}");
        }
        let none = world.ok(Method::GET, "/v1/approvals?state=pending", Value::Null).await;
        assert_eq!(none["approvals"], json!([]));
        for decision in ["allow", "deny"] {
            let path = at("a1", decision);
            let (status, told) = world.ask_as(&tokens[0], Method::POST, &path, Value::Null).await;
            assert_eq!(status, 409, "{what}: {told}");
            let told = told["error"].as_str().unwrap();
            assert!(told.starts_with("it can no longer be decided: ") && told.contains(why));
        }
        assert!(world.decided.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_yes_of_an_operator_who_is_gone_is_void() {
    let (world, tokens) = world(&[("ann", "approver"), ("bob", "owner")]).await;
    asks(&world, "a1", "eve");
    world.ask_as(&tokens[0], Method::POST, &at("a1", "allow"), Value::Null).await;
    let shown = world.ok(Method::GET, "/v1/approvals/a1", Value::Null).await;
    assert_eq!((&shown["state"], &shown["void_reason"]), (&json!("allowed"), &Value::Null));
    world.ok(Method::DELETE, "/v1/operators/ann", Value::Null).await;
    let shown = world.ok(Method::GET, "/v1/approvals/a1", Value::Null).await;
    assert_eq!(shown["void_reason"], "the operator ann, who allowed it, was revoked");
}

#[tokio::test]
async fn what_expired_cannot_be_approved() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    asks(&world, "a1", "eve");
    // Every look at the clock is a second.
    for _ in 0..600 {
        world.admin.shared.parts.clock.now();
    }
    let listed = world.ok(Method::GET, "/v1/approvals?state=expired", Value::Null).await;
    assert_eq!(listed["approvals"][0]["state"], "expired");
    let (status, told) =
        world.ask_as(&tokens[0], Method::POST, &at("a1", "allow"), Value::Null).await;
    let told = told["error"].as_str().unwrap();
    assert!(status == 409 && told.starts_with("its time has ended"), "{told}");
}

#[tokio::test]
async fn what_is_not_there_or_of_another_tenant_is_not_found() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    asks(&world, "a1", "eve");
    world.ok(Method::POST, "/v1/tenants", json!({ "name": "other" })).await;
    let (status, _) = world.ask_as(&tokens[0], Method::POST, &at("a9", "allow"), Value::Null).await;
    assert_eq!(status, 404);
    let path = "/v1/approvals/a1";
    let (status, _) = world.ask_of(Some("other"), Method::GET, path, Value::Null).await;
    assert_eq!(status, 404);
    let (status, told) = world.ask(Method::GET, "/v1/approvals?state=x", Value::Null).await;
    assert_eq!(status, 422, "{told}");
    let body = json!({ "reason": "two\nlines" });
    let (status, _) = world.ask_as(&tokens[0], Method::POST, &at("a1", "allow"), body).await;
    assert_eq!(status, 422);
}
