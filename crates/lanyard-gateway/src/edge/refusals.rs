//! Counts refusals at the edge and writes one record for many, so that a stranger who knocks
//! without a token cannot fill the disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use lanyard_core::{Denial, Peer, Record, RecordId, Timestamp};

/// Refusals since the last flush, by the code of the denial.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    counted: Mutex<BTreeMap<&'static str, Counted>>,
}

#[derive(Debug)]
struct Counted {
    since: Timestamp,
    count: u64,
    last_peer: Peer,
}

impl Refusals {
    /// Counts one refusal.
    pub(crate) fn count(&self, denial: &Denial, peer: Peer, now: Timestamp) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = counted.entry(denial.code()).or_insert(Counted {
            since: now,
            count: 0,
            last_peer: peer,
        });
        entry.count = entry.count.saturating_add(1);
        entry.last_peer = peer;
    }

    /// Takes what was counted, as records.
    pub(crate) fn take(
        &self,
        now: Timestamp,
        mut next_id: impl FnMut() -> RecordId,
    ) -> Vec<Record> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *counted)
            .into_iter()
            .map(|(reason, Counted { since, count, last_peer })| Record::Refused {
                id: next_id(),
                time: now,
                since,
                reason,
                count,
                last_peer: last_peer.to_string(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use lanyard_core::{Denial, Peer, Record, RecordId, Timestamp};

    use super::Refusals;

    #[test]
    fn many_refusals_make_one_record() {
        let refusals = Refusals::default();
        let peer = Peer::Unix { uid: 1, pid: None };
        for second in 0..1000 {
            refusals.count(&Denial::TokenUnknown, peer, Timestamp(second));
        }
        refusals.count(&Denial::TokenMissing, peer, Timestamp(7));
        let records = refusals.take(Timestamp(2000), || RecordId::parse("r").unwrap());
        let counts: Vec<_> = records
            .iter()
            .map(|record| match record {
                Record::Refused { reason, count, since, .. } => (*reason, *count, since.0),
                other @ (Record::Opened(_)
                | Record::Closed(_)
                | Record::Payload(_)
                | Record::Changed(_)) => {
                    panic!("{other:?}")
                }
            })
            .collect();
        assert_eq!(counts, [("token_missing", 1, 7), ("token_unknown", 1000, 0)]);
        assert!(refusals.take(Timestamp(3000), || RecordId::parse("r").unwrap()).is_empty());
    }
}
