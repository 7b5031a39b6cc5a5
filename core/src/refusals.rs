//! Joins that somebody waits for. A refusal goes to whoever waits; one that comes when nobody does any
//! more (it was noted offline) is told to the person.

use hallway_protocol::error::Refused;
use hallway_protocol::ids::Key;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that are waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals(Arc<Mutex<BTreeMap<Key, Option<Refused>>>>);

impl Refusals {
    /// Waits for this one, until what is returned is dropped.
    pub fn wait(&self, key: &Key) -> Waiting {
        self.0.lock().insert(key.clone(), None);
        Waiting { all: self.clone(), key: key.clone() }
    }

    /// It was refused; false when nobody waits.
    pub fn tell(&self, key: &Key, refused: Refused) -> bool {
        match self.0.lock().get_mut(key) {
            Some(waits) => {
                *waits = Some(refused);
                true
            }
            None => false,
        }
    }
}

/// Somebody waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    all: Refusals,
    key: Key,
}

impl Waiting {
    /// The refusal, once it is here.
    pub fn refused(&self) -> Option<Refused> {
        self.all.0.lock().get(&self.key).cloned().flatten()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.key);
    }
}
