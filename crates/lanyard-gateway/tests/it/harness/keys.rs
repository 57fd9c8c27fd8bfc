//! Keys of subjects, kept as a store would keep them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use lanyard_core::{Failure, PayloadPart, PayloadSubject, RecordId, TenantName};
use lanyard_gateway::payloads::{Keying, Payloads, SubjectSeal};
use lanyard_vault::{MasterKey, PayloadPlace, Sealed, SubjectPlace};
use serde_json::Value;

/// One key: as it is stored, and in use.
#[derive(Debug)]
struct Made {
    id: RecordId,
    stored: Sealed,
    seal: Arc<SubjectSeal>,
}

/// Keys in memory.
#[derive(Debug)]
pub(crate) struct Keys {
    master: Arc<MasterKey>,
    made: Mutex<HashMap<(TenantName, PayloadSubject), Made>>,
    /// Whether there are none to be had.
    pub(crate) broken: Mutex<bool>,
}

impl Keys {
    pub(crate) fn new(master: &Arc<MasterKey>) -> Self {
        Self { master: Arc::clone(master), made: Mutex::default(), broken: Mutex::default() }
    }

    /// Erases the key of a subject, as the store does.
    pub(crate) fn erase(&self, subject: &str) {
        let key = (TenantName::default_tenant(), subject.parse().unwrap());
        self.made.lock().unwrap().remove(&key).unwrap().seal.erase();
    }

    /// What a record of a payload holds.
    pub(crate) fn open(&self, record: &Value) -> String {
        let text = |key: &str| record[key].as_str().unwrap_or_else(|| panic!("{record}"));
        let tenant = TenantName::parse(text("tenant")).unwrap();
        let subject: PayloadSubject = text("subject").parse().unwrap();
        let made = self.made.lock().unwrap();
        let Made { id, stored, seal: _ } = &made[&(tenant.clone(), subject.clone())];
        assert_eq!(id.as_str(), text("key"));
        let place = SubjectPlace { tenant: &tenant, subject: &subject, key: id };
        let key = self.master.open_subject_key(&place, stored).unwrap();
        let call = RecordId::parse(text("id")).unwrap();
        let part = PayloadPart::parse(text("part")).unwrap();
        let place = PayloadPlace { tenant: &tenant, subject: &subject, call: &call, part };
        key.open(&place, &BASE64.decode(text("sealed").as_bytes()).unwrap()).unwrap()
    }
}

impl Payloads for Keys {
    fn key(&self, tenant: &TenantName, subject: &PayloadSubject) -> Keying<'_> {
        let mut made = self.made.lock().unwrap();
        let id = RecordId::parse(&format!("key{}", made.len())).unwrap();
        let key = (tenant.clone(), subject.clone());
        let made = made.entry(key.clone()).or_insert_with(|| {
            let place = SubjectPlace { tenant, subject, key: &id };
            let stored = self.master.make_subject_key(&place).unwrap();
            let opened = self.master.open_subject_key(&place, &stored).unwrap();
            let seal = Arc::new(SubjectSeal::new(key, id.clone(), opened));
            Made { id, stored, seal }
        });
        let seal = Arc::clone(&made.seal);
        let broken = *self.broken.lock().unwrap();
        Box::pin(async move { if broken { Err(Failure::Unrecordable) } else { Ok(seal) } })
    }
}
