//! What people decide, kept as a store would keep it.

use std::sync::Mutex;

use lanyard_core::{RecordId, Timestamp};
use lanyard_gateway::approvals::{Approvals, Settling, Standing, WantedYes};
use tokio::sync::broadcast;

/// Requests and decisions in memory.
#[derive(Debug)]
pub(crate) struct People {
    asked: Mutex<Vec<Asked>>,
    decisions: broadcast::Sender<RecordId>,
    pending_max: usize,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) wanted: WantedYes,
    pub(crate) said: Said,
    until: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Yes,
    No,
    Used,
}

impl People {
    pub(crate) fn new(pending_max: usize) -> Self {
        Self { asked: Mutex::default(), decisions: broadcast::Sender::new(16), pending_max }
    }

    /// Every request so far, oldest first.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Those that nobody has decided.
    pub(crate) fn waiting(&self) -> Vec<WantedYes> {
        let asked = self.asked();
        asked.into_iter().filter(|it| it.said == Said::Nothing).map(|it| it.wanted).collect()
    }

    /// Decides the request that waits.
    pub(crate) fn say(&self, yes: bool) -> RecordId {
        let mut asked = self.asked.lock().unwrap();
        let it = asked.iter_mut().rev().find(|it| it.said == Said::Nothing).expect("a request");
        it.said = if yes { Said::Yes } else { Said::No };
        let id = it.wanted.id.clone();
        drop(asked);
        drop(self.decisions.send(id.clone()));
        id
    }

    fn settle_now(&self, wanted: WantedYes) -> Standing {
        let mut asked = self.asked.lock().unwrap();
        let now = wanted.time;
        let fits = |it: &&mut Asked| it.wanted.binding == wanted.binding && now < it.until;
        for it in asked.iter_mut().rev().filter(fits) {
            let id = it.wanted.id.clone();
            match it.said {
                Said::Nothing => return Standing::Pending { id, until: it.until, new: false },
                Said::No => return Standing::No { id, why: Some("not today".to_owned()) },
                Said::Yes => {
                    it.said = Said::Used;
                    return Standing::Yes(id);
                }
                Said::Used => {}
            }
        }
        if asked.iter().filter(|it| it.said == Said::Nothing).count() >= self.pending_max {
            return Standing::Full;
        }
        let (id, until) = (wanted.id.clone(), now.plus(wanted.ttl));
        asked.push(Asked { wanted, said: Said::Nothing, until });
        Standing::Pending { id, until, new: true }
    }
}

impl Approvals for People {
    fn settle(&self, wanted: WantedYes) -> Settling<'_> {
        Box::pin(std::future::ready(Ok(self.settle_now(wanted))))
    }

    fn decisions(&self) -> broadcast::Receiver<RecordId> {
        self.decisions.subscribe()
    }
}
