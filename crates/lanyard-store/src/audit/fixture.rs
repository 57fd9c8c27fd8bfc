//! What the tests of the log share: a key, a clock, records, a disk that fails when told to.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lanyard_core::{
    AgentName, CallFacts, CallRecord, ChangeRecord, Clock, Decision, Ending, EndingStatus,
    OpenRecord, Record, RecordId, RecordWho, ServerName, Sign, TenantName, Timestamp, TokenId,
};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tempfile::TempDir;

use super::disk::{Disk, DiskFile, Files};
use super::{
    Filter, Log, LogError, LogHead, Options, Recovered, Report, VerifyKey, export, verify,
};

/// A key made of one repeated byte.
#[derive(Debug)]
pub(crate) struct TestSigner(Ed25519KeyPair);

impl TestSigner {
    pub(crate) fn new(seed: u8) -> Arc<Self> {
        Arc::new(Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()))
    }
}

impl Sign for TestSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

/// The key that the tests' logs are signed with.
pub(crate) fn key() -> VerifyKey {
    VerifyKey::of(&*TestSigner::new(1))
}

/// A clock whose every look is a second later, from 2026-11-21T23:05:41.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START)))
    }
}

pub(crate) const START: i64 = 1_795_302_341_000_000;

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1_000_000, Ordering::Relaxed))
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

pub(crate) fn options() -> Options {
    Options { segment_bytes_max: 1 << 20, sync_ms_max: 1, reserve_bytes: 4096, strict: false }
}

pub(crate) fn open(directory: &Path) -> Result<(Log, Recovered), LogError> {
    open_with(directory, options(), None)
}

pub(crate) fn open_with(
    directory: &Path,
    options: Options,
    expected: Option<LogHead>,
) -> Result<(Log, Recovered), LogError> {
    Log::open(directory, options, TestSigner::new(1), TestClock::new(), expected)
}

pub(crate) fn id(text: &str) -> RecordId {
    RecordId::parse(text).unwrap()
}

pub(crate) fn opened(name: &str, decision: Decision) -> Record {
    Record::Opened(Box::new(OpenRecord {
        id: id(name),
        time: Timestamp(START),
        who: RecordWho {
            tenant: TenantName::default_tenant(),
            agent: AgentName::parse("alice").unwrap(),
            user: None,
            token: Some(TokenId::parse("t1").unwrap()),
            peer: "127.0.0.1:50000".to_owned(),
        },
        method: "tools/call",
        server: Some(ServerName::parse("billing").unwrap()),
        tool: Some("get-invoice".to_owned()),
        arguments_digest: Some("ab".repeat(32)),
        snapshot: 7,
        decision,
        continues: None,
        facts: CallFacts::default(),
    }))
}

pub(crate) fn allowed(name: &str) -> Record {
    opened(name, Decision::Allowed { by: vec!["grant:alice/billing".to_owned()] })
}

pub(crate) fn denied(name: &str) -> Record {
    opened(name, Decision::Denied { code: "tool_not_granted", detail: None, by: Vec::new() })
}

pub(crate) fn closed(name: &str) -> Record {
    Record::Closed(CallRecord {
        id: id(name),
        time: Timestamp(START + 2500),
        ending: Ending {
            status: EndingStatus::Answered,
            failure: None,
            upstream_status: Some(200),
            upstream_bytes: 120,
            result_bytes: 96,
            masked: 0,
            took_micros: 2500,
        },
    })
}

pub(crate) fn change(name: &str) -> ChangeRecord {
    ChangeRecord {
        id: id(name),
        time: Timestamp(START),
        tenant: TenantName::default_tenant(),
        actor: "owner:uid:1000".to_owned(),
        peer: None,
        action: "agent.add".to_owned(),
        subject: "agent:alice".to_owned(),
        detail: Vec::new(),
    }
}

pub(crate) fn changed(name: &str) -> Record {
    Record::Changed(change(name))
}

/// What `verify` says of a log that must hold.
#[track_caller]
pub(crate) fn report(directory: &Path) -> Report {
    verify(directory, &key()).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

/// A directory for one test: in memory where the system has such a place, because some tests open
/// a log a thousand times, and every opening syncs.
pub(crate) fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

/// The files as a killed process would leave them now.
pub(crate) fn copy(directory: &Path) -> TempDir {
    let copy = place();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

/// Every line of the log, as `member` of each.
pub(crate) fn column(directory: &Path, member: &str) -> Vec<String> {
    let mut output = Vec::new();
    export(directory, &Filter::default(), &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    let value = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line[member].as_str().unwrap_or("-").to_owned()
    };
    text.lines().map(value).collect()
}

/// Replaces what is in a file.
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    fs::File::create(path).unwrap().write_all(bytes).unwrap();
}

/// A disk that works until it is told what to fail.
#[derive(Debug)]
pub(crate) struct FaultyDisk {
    faults: Arc<Faults>,
}

/// What fails.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Appending, after as many more bytes; `u64::MAX` for never.
    pub(crate) space_bytes: AtomicU64,
    /// The space that removing the reserve gives back.
    pub(crate) reserve_bytes: AtomicU64,
    /// Every write, for another reason than space.
    pub(crate) write: AtomicBool,
    /// Every sync of a segment or checkpoint.
    pub(crate) sync: AtomicBool,
    /// How often a file was synced.
    pub(crate) syncs: AtomicU64,
    /// Held while a file is synced: whoever holds it holds up the sync.
    pub(crate) gate: Mutex<()>,
}

impl FaultyDisk {
    pub(crate) fn new() -> (Arc<Self>, Arc<Faults>) {
        let faults = Arc::new(Faults {
            space_bytes: AtomicU64::new(u64::MAX),
            reserve_bytes: AtomicU64::new(0),
            write: AtomicBool::new(false),
            sync: AtomicBool::new(false),
            syncs: AtomicU64::new(0),
            gate: Mutex::new(()),
        });
        (Arc::new(Self { faults: Arc::clone(&faults) }), faults)
    }

    fn wrap(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { file, faults: Arc::clone(&self.faults) })
    }
}

impl Faults {
    /// Takes space for as many bytes as there is.
    fn take(&self, wanted: usize) -> io::Result<usize> {
        if self.write.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        let left = self.space_bytes.load(Ordering::SeqCst);
        if left == u64::MAX {
            return Ok(wanted);
        }
        let taken = wanted.min(usize::try_from(left).unwrap());
        self.space_bytes.store(left.saturating_sub(taken as u64), Ordering::SeqCst);
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(Files.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(Files.open(path)?))
    }

    fn open_slot(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(Files.open_slot(path)?))
    }

    fn fill(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let left = self.faults.space_bytes.load(Ordering::SeqCst);
        if left < bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if left != u64::MAX {
            self.faults.space_bytes.store(left.saturating_sub(bytes), Ordering::SeqCst);
        }
        self.faults.reserve_bytes.store(bytes, Ordering::SeqCst);
        Files.fill(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if path.ends_with("reserve") {
            let freed = self.faults.reserve_bytes.swap(0, Ordering::SeqCst);
            self.faults.space_bytes.fetch_add(freed, Ordering::SeqCst);
        }
        Files.remove(path)
    }

    fn sync_names(&self, path: &Path) -> io::Result<()> {
        Files.sync_names(path)
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Arc<dyn DiskFile>,
    faults: Arc<Faults>,
}

impl DiskFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.faults.take(bytes.len())?;
        self.file.append(&bytes[..taken])
    }

    fn overwrite(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.overwrite(bytes)
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.file.cut(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        let _gate = self.faults.gate.lock();
        self.faults.syncs.fetch_add(1, Ordering::SeqCst);
        if self.faults.sync.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk did not take it"));
        }
        self.file.sync()
    }
}
