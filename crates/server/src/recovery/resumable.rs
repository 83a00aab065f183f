//! What a socket has that may recover.

use faststr::FastStr;
use parking_lot::Mutex;

use crate::namespace::Stay;

/// What a socket has that may recover.
#[derive(Debug)]
pub(crate) struct Resumable {
    /// The secret by which it comes back.
    pid: FastStr,
    recovered: bool,
    /// What it left behind, until that is put aside.
    departed: Mutex<Option<Departed>>,
}

/// What a socket leaves behind when it is disconnected.
#[derive(Debug)]
pub(crate) struct Departed {
    pub(crate) rooms: Vec<FastStr>,
    /// It may come back: its namespace is to stay. `None`: it has left for good.
    pub(crate) stay: Option<Stay>,
}

impl Resumable {
    pub(crate) fn new(pid: FastStr, recovered: bool) -> Self {
        Self {
            pid,
            recovered,
            departed: Mutex::new(None),
        }
    }

    pub(crate) fn pid(&self) -> &FastStr {
        &self.pid
    }

    pub(crate) fn has_recovered(&self) -> bool {
        self.recovered
    }

    pub(crate) fn depart(&self, departed: Departed) {
        *self.departed.lock() = Some(departed);
    }

    /// What it left behind; to whom takes it first.
    pub(super) fn take_departed(&self) -> Option<Departed> {
        self.departed.lock().take()
    }
}
