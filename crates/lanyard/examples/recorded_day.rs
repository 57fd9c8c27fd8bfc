//! Writes a day of calls into the audit log of a data directory whose gateway does not run, as a gateway
//! with `lanyard policy record on` would have: for measuring `policy replay` and `policy explain`. The
//! agents are `agent-0` to `agent-9`; the tools `tool_0` to `tool_19` of the server `day`. It prints ids of
//! records: the first, one in the middle and the last.
//!
//! ```sh
//! cargo run --release -p lanyard --example recorded_day -- DATA [CALLS]
//! ```
#![expect(clippy::print_stdout, reason = "it is a program that prints what it wrote")]
#![expect(clippy::unwrap_used, reason = "a measurement that does not work is to stop")]
#![expect(clippy::arithmetic_side_effects, reason = "numbers of records are small")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use lanyard_core::{
    AgentName, CallFacts, CallRecord, Clock, Decision, Ending, EndingStatus, Limits, OpenRecord,
    Record, RecordId, RecordWho, ServerName, TenantName, Timestamp, TokenId,
};
use lanyard_store::Store;
use lanyard_store::audit::{Log, Options};
use lanyard_vault::MasterKey;

/// A clock that stands where it is put.
#[derive(Debug)]
struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

const DAY_MICROS: u64 = 86_400_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let data = PathBuf::from(arguments.next().unwrap());
    let calls: u64 = arguments.next().map_or(100_000, |text| text.parse().unwrap());
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let began = u64::try_from(since.as_micros()).unwrap() - DAY_MICROS;
    let at = |number: u64| {
        Timestamp(i64::try_from(began + number * (DAY_MICROS - 60_000_000) / calls).unwrap())
    };
    let store = Store::open(&data).unwrap();
    let master = MasterKey::load(&data.join("key")).unwrap();
    let clock = Arc::new(Standing(AtomicI64::new(at(0).0)));
    let (log, _) = Log::open(
        &data.join("audit"),
        Options::new(&Limits::standard(), false),
        Arc::new(master.signer()),
        Arc::clone(&clock) as Arc<dyn Clock>,
        store.log_head().unwrap(),
    )
    .unwrap();
    for number in 0..calls {
        let time = at(number);
        clock.0.store(time.0, Ordering::Relaxed);
        let open = opened(number, time);
        let (id, denied) = (open.id.clone(), matches!(open.decision, Decision::Denied { .. }));
        if [0, calls / 2, calls - 1].contains(&number) {
            println!("{id}");
        }
        log.append(&Record::Opened(Box::new(open))).unwrap();
        if !denied {
            log.append(&Record::Closed(closed(id, time))).unwrap();
        }
    }
    log.close().unwrap();
}

/// Nine of ten are allowed; of four of five the arguments were kept, and every tenth of those has none.
fn opened(number: u64, time: Timestamp) -> OpenRecord {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let (agent, tool, amount) = (mixed % 10, mixed / 10 % 20, mixed / 200 % 100_000);
    let agent = format!("agent-{agent}");
    let decision = match mixed % 7 {
        0 if amount < 50_000 => {
            Decision::Denied { code: "policy_forbids", detail: None, by: vec!["policy:a".into()] }
        }
        _ => Decision::Allowed { by: vec![format!("grant:{agent}/day")] },
    };
    let attributes = match mixed % 11 {
        0 => Some(r#"{"args":{},"absent":["amount","note"]}"#.to_owned()),
        1 | 2 => None,
        _ => Some(format!(r#"{{"args":{{"amount":{amount},"note":"n-{number}"}},"absent":[]}}"#)),
    };
    OpenRecord {
        id: RecordId::from_parts(time, u128::from(number)),
        time,
        who: RecordWho {
            tenant: TenantName::default_tenant(),
            agent: AgentName::parse(&agent).unwrap(),
            user: None,
            token: Some(TokenId::parse("tk_1").unwrap()),
            peer: "127.0.0.1:50000".to_owned(),
        },
        method: "tools/call",
        server: Some(ServerName::parse("day").unwrap()),
        tool: Some(format!("tool_{tool}")),
        arguments_digest: Some("cd".repeat(32)),
        snapshot: 7,
        decision,
        continues: None,
        facts: CallFacts {
            pin: Some("ab".repeat(32)),
            policy: Some(1),
            attributes,
            ..CallFacts::default()
        },
    }
}

fn closed(id: RecordId, time: Timestamp) -> CallRecord {
    let ending = Ending {
        status: EndingStatus::Answered,
        failure: None,
        upstream_status: Some(200),
        upstream_bytes: 120,
        result_bytes: 96,
        masked: 0,
        took_micros: 2500,
    };
    CallRecord { id, time, ending }
}
