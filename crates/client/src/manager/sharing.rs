//! Connections that carry the namespaces of several clients.
//!
//! As in JavaScript ("Client options: forceNew, multiplex"), the first connection to a server is
//! known, and a client that wants another namespace of that server gets it. Unlike there, the
//! settings have to be the same, so that nobody gets another one's headers, and so has the runtime,
//! with which a connection ends.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use faststr::FastStr;
use parking_lot::Mutex;
use tokio::runtime::{self, Handle};

use super::Manager;
use crate::error::ConnectError;
use crate::joining::{Answer, Joining};
use crate::settings::Settings;
use crate::socket::{Socket, SocketInner};

/// Equal for connections that can be shared.
type Key = (runtime::Id, String);

static KNOWN: LazyLock<Mutex<HashMap<Key, Weak<Manager>>>> = LazyLock::new(Mutex::default);

/// Joins a namespace, on a connection that is known if that can be.
pub(crate) fn join(
    settings: Settings,
    namespace: &FastStr,
    joining: Joining,
    answer: Option<Answer>,
) -> Result<Socket, ConnectError> {
    let activate = |manager| {
        let socket = SocketInner::new(namespace.clone(), manager, joining, answer);
        let socket = Socket::from_inner(socket);
        socket.inner().activate()?;
        Ok(socket)
    };
    if settings.config.force_new {
        return activate(Manager::new(settings));
    }
    let key = (Handle::current().id(), settings.key());
    // Until the namespace is taken, nobody else may find it free.
    let mut known = KNOWN.lock();
    let found = known.get(&key).and_then(Weak::upgrade);
    match found {
        Some(manager) if manager.has_room_for(namespace) => activate(manager),
        found => {
            let manager = Manager::new(settings);
            if found.is_none_or(|found| !found.is_used()) {
                if known.len() == known.capacity() {
                    known.retain(|_, manager| manager.strong_count() > 0);
                }
                known.insert(key, Arc::downgrade(&manager));
            }
            activate(manager)
        }
    }
}

impl Manager {
    /// Whether a namespace can be joined that has not been; one that ends with its last namespace
    /// is left alone.
    fn has_room_for(&self, namespace: &str) -> bool {
        let core = self.core.lock();
        !core.abandoned && core.machine.sockets() > 0 && core.machine.can_join(namespace).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    #[test]
    fn a_connection_is_shared_within_its_runtime() {
        let start = |runtime: &runtime::Runtime, namespace: &str| {
            let _context = runtime.enter();
            let url = format!("http://127.0.0.1:1/{namespace}");
            Client::new(url).query("test", "sharing").start().unwrap()
        };
        let runtime = || runtime::Builder::new_current_thread().build().unwrap();
        let (mine, theirs) = (runtime(), runtime());
        let (one, two) = (start(&mine, "one"), start(&mine, "two"));
        let other = start(&theirs, "other");
        let manager = |socket: &Socket| Arc::as_ptr(socket.inner().manager());
        assert_eq!(manager(&one), manager(&two));
        assert_ne!(manager(&one), manager(&other));
        drop(mine);
        assert!(!one.active());
        assert!(other.active());
    }
}
