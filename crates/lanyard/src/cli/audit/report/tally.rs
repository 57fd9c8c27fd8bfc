//! What happened in a period, counted from its records while they come. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use lanyard_store::audit::format::{
    CALL_CLOSE, CALL_DENIED, CALL_OPEN, CHANGE, EDGE_REFUSED, LOG_RECOVERED,
};
use serde_json::{Value, json};

/// Agent, server, tool.
type Used = (String, String, String);

/// The counts of a period.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// What came after the last whole line.
    partial: Vec<u8>,
    calls: BTreeMap<Used, Count>,
    /// Calls that are open, by id.
    open: BTreeMap<String, Used>,
    denied: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
    secrets: BTreeMap<String, u64>,
    approved: Vec<Value>,
    recovered: Vec<Value>,
    changes: Vec<Value>,
}

#[derive(Debug, Default)]
struct Count {
    allowed: u64,
    denied: u64,
    failed: u64,
    users: BTreeSet<String>,
    last: String,
}

impl Tally {
    /// Takes bytes of an export, in pieces of any size.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.partial.extend_from_slice(bytes);
        let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(());
        };
        let rest = self.partial.split_off(end.saturating_add(1));
        let whole = std::mem::replace(&mut self.partial, rest);
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.record(serde_json::from_slice(line)?);
        }
        Ok(())
    }

    fn record(&mut self, record: Value) {
        let text = |key: &str| text(&record, key);
        match text("kind").as_str() {
            CALL_OPEN => self.call(&record),
            CALL_CLOSE => {
                let used = self.open.remove(&text("id"));
                let failed = matches!(text("status").as_str(), "failed" | "abandoned");
                if let Some(used) = used.filter(|_| failed) {
                    add(&mut self.calls.entry(used).or_default().failed, 1);
                }
            }
            CALL_DENIED => {
                add(self.denied.entry(text("denied_code")).or_default(), 1);
                add(&mut self.used(&record).denied, 1);
            }
            EDGE_REFUSED => {
                let count = record.get("count").and_then(Value::as_u64).unwrap_or(1);
                add(self.refused.entry(text("reason")).or_default(), count);
            }
            LOG_RECOVERED => self.recovered.push(plain(record, &["seq", "prev", "kind"])),
            CHANGE => self.changes.push(plain(record, &["prev", "kind"])),
            _ => {}
        }
    }

    fn call(&mut self, record: &Value) {
        add(&mut self.used(record).allowed, 1);
        self.open.insert(text(record, "id"), used(record));
        for (name, version) in
            record.get("credentials").and_then(Value::as_object).into_iter().flatten()
        {
            add(self.secrets.entry(format!("{name} version {version}")).or_default(), 1);
        }
        if record.get("approval").is_some() {
            let kept = ["time", "id", "agent", "user", "server", "tool", "approval"];
            let kept = kept.map(|key| (key.to_owned(), json!(text(record, key))));
            self.approved.push(Value::Object(kept.into_iter().collect()));
        }
    }

    fn used(&mut self, record: &Value) -> &mut Count {
        let count = self.calls.entry(used(record)).or_default();
        count.last = text(record, "time");
        let user = text(record, "user");
        if !user.is_empty() {
            count.users.insert(user);
        }
        count
    }

    /// Who did what.
    pub(super) fn did(&self) -> Value {
        let calls: Vec<Value> = self
            .calls
            .iter()
            .map(|((agent, server, tool), count)| {
                json!({
                    "agent": agent, "server": server, "tool": tool,
                    "allowed": count.allowed, "denied": count.denied, "failed": count.failed,
                    "users": count.users, "last": count.last,
                })
            })
            .collect();
        json!({
            "calls": calls,
            "without_end": self.open.len(),
            "denied": counts("reason", &self.denied),
            "refused": counts("reason", &self.refused),
            "credentials": counts("secret", &self.secrets),
            "approved_calls": self.approved,
            "recoveries": self.recovered,
        })
    }

    /// Every change, and among them those that somebody looks for.
    pub(super) fn changes(&self) -> Value {
        let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<&Value> {
            self.changes.iter().filter(|change| wanted(&text(change, "action"))).collect()
        };
        json!({
            "all": self.changes,
            "approvals": of(&|action| action.starts_with("approval.")),
            "revocations": of(&|action| {
                matches!(action.rsplit('.').next(), Some("revoke" | "rm" | "remove" | "disable"))
            }),
        })
    }
}

fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

fn text(record: &Value, key: &str) -> String {
    record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn used(record: &Value) -> Used {
    (text(record, "agent"), text(record, "server"), text(record, "tool"))
}

fn counts(name: &str, counts: &BTreeMap<String, u64>) -> Vec<Value> {
    counts.iter().map(|(key, count)| json!({ name: key, "count": count })).collect()
}

fn plain(mut record: Value, without: &[&str]) -> Value {
    if let Some(members) = record.as_object_mut() {
        members.retain(|key, _| !without.contains(&key.as_str()));
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"seq":1,"prev":"","time":"t1","kind":"log.segment"}
{"seq":2,"prev":"","time":"t2","kind":"change","id":"r1","actor":"operator:zoe","action":"agent.revoke","subject":"agent:eve"}
{"seq":3,"prev":"","time":"t3","kind":"call.open","id":"c1","agent":"alice","user":"ann","server":"s","tool":"t","credentials":{"key":2},"approval":"ap_1"}
{"seq":4,"prev":"","time":"t4","kind":"call.close","id":"c1","status":"failed"}
{"seq":5,"prev":"","time":"t5","kind":"call.open","id":"c2","agent":"alice","server":"s","tool":"t"}
{"seq":6,"prev":"","time":"t6","kind":"call.denied","id":"c3","agent":"alice","server":"s","tool":"t","denied_code":"policy"}
{"seq":7,"prev":"","time":"t7","kind":"edge.refused","id":"e1","reason":"token_unknown","count":9}
"#;

    #[test]
    fn records_are_counted_in_pieces_of_any_size() {
        let told = |piece: usize| {
            let mut tally = Tally::default();
            for bytes in LINES.as_bytes().chunks(piece) {
                tally.take(bytes).unwrap();
            }
            (tally.did(), tally.changes())
        };
        let (did, changes) = told(LINES.len());
        for piece in [1, 10, 300] {
            assert_eq!(told(piece), (did.clone(), changes.clone()));
        }
        let counted = json!({
            "agent": "alice", "server": "s", "tool": "t",
            "allowed": 2, "denied": 1, "failed": 1, "users": ["ann"], "last": "t6",
        });
        assert_eq!(did["calls"], json!([counted]));
        assert_eq!(did["without_end"], 1);
        assert_eq!(did["denied"], json!([{ "reason": "policy", "count": 1 }]));
        assert_eq!(did["refused"], json!([{ "reason": "token_unknown", "count": 9 }]));
        assert_eq!(did["credentials"], json!([{ "secret": "key version 2", "count": 1 }]));
        assert_eq!(did["approved_calls"][0]["approval"], "ap_1");
        assert_eq!(changes["revocations"][0]["subject"], "agent:eve");
        assert_eq!(changes["all"].as_array().unwrap().len(), 1);
    }
}
