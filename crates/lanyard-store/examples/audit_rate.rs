//! Measures the audit log: what a record costs, in groups and strict, and how fast a log is proved.
//!
//! ```sh
//! cargo run --release -p lanyard-store --example audit_rate -- [RECORDS] [DIRECTORY]
//! ```
#![expect(clippy::print_stdout, reason = "it is a program that prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a measurement that does not work is to stop")]
#![expect(clippy::arithmetic_side_effects, reason = "numbers of records are small")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lanyard_core::{
    AgentName, CallFacts, CallRecord, ClientNote, Clock, CredentialUse, Decision, Ending,
    EndingStatus, Limits, OpenRecord, Record, RecordId, RecordWho, SecretName, ServerName, Sign,
    TenantName, Timestamp, TokenId,
};
use lanyard_store::audit::{Log, Options, VerifyKey, verify};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

struct Signer(Ed25519KeyPair);

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signer")
    }
}

impl Sign for Signer {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

#[derive(Debug)]
struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp(i64::try_from(since.as_micros()).unwrap())
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments.next().map_or(400_000, |text| text.parse().unwrap());
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let place = directory.join(format!("audit-rate-{}", std::process::id()));
    let signer = Arc::new(Signer(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()));
    write(&place.join("group"), &signer, records, false);
    write(&place.join("strict"), &signer, 500, true);
    prove(&place.join("group"), &VerifyKey::of(&*signer));
    std::fs::remove_dir_all(&place).unwrap();
}

fn write(directory: &Path, signer: &Arc<Signer>, records: u64, strict: bool) {
    let options = Options::new(&Limits::standard(), strict);
    let signer = Arc::clone(signer) as Arc<dyn Sign>;
    let (log, _) = Log::open(directory, options, signer, Arc::new(Wall), None).unwrap();
    let pairs: Vec<(Record, Record)> = (0..records / 2).map(pair).collect();
    let (began, cpu) = (Instant::now(), cpu());
    for (open, close) in &pairs {
        for record in [open, close] {
            let position = log.append(record).unwrap();
            if strict {
                log.wait_synced(position).unwrap();
            }
        }
    }
    let (took, cpu) = (began.elapsed(), self::cpu() - cpu);
    log.close().unwrap();
    let each = |span: Duration| span.as_secs_f64() * 1e6 / (records as f64);
    let how = if strict { "strict, one after the other" } else { "in groups" };
    println!("record, {how}: {:.2} us ({:.2} us of CPU in the caller)", each(took), each(cpu));
}

fn prove(directory: &Path, key: &VerifyKey) {
    let bytes: u64 = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|it| it == "log"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    for _ in 0..3 {
        let began = Instant::now();
        let report = verify(directory, key).unwrap();
        let took = began.elapsed().as_secs_f64();
        println!(
            "verify: {} records, {} MB, in {took:.2} s: {:.0} records a second",
            report.records,
            bytes / 1_000_000,
            report.records as f64 / took
        );
    }
}

/// The CPU time of this thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// An allowed call and its end, as the gateway writes them.
fn pair(number: u64) -> (Record, Record) {
    let id = RecordId::from_parts(Timestamp(1_795_302_341_000_000), u128::from(number));
    let facts = CallFacts {
        pin: Some("ab".repeat(32)),
        credentials: vec![CredentialUse {
            name: SecretName::parse("billing-key").unwrap(),
            version: 3,
        }],
        client: Some(ClientNote { name: "an editor".to_owned(), version: Some("1.2".to_owned()) }),
        policy: Some(12),
        ..CallFacts::default()
    };
    let open = OpenRecord {
        id: id.clone(),
        time: Wall.now(),
        who: RecordWho {
            tenant: TenantName::default_tenant(),
            agent: AgentName::parse("alice").unwrap(),
            user: None,
            token: Some(TokenId::parse("tk_1").unwrap()),
            peer: "127.0.0.1:50000".to_owned(),
        },
        method: "tools/call",
        server: Some(ServerName::parse("billing").unwrap()),
        tool: Some("get-invoice".to_owned()),
        arguments_digest: Some("cd".repeat(32)),
        snapshot: 7,
        decision: Decision::Allowed { by: vec!["grant:alice/billing".to_owned()] },
        continues: None,
        facts,
    };
    let ending = Ending {
        status: EndingStatus::Answered,
        failure: None,
        upstream_status: Some(200),
        upstream_bytes: 120,
        result_bytes: 96,
        masked: 0,
        took_micros: 2500,
    };
    let close = CallRecord { id, time: Wall.now(), ending };
    (Record::Opened(Box::new(open)), Record::Closed(close))
}
