//! What the application keeps for a socket.

use std::any::Any;
use std::sync::Arc;

use faststr::FastStr;
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use serde_json::Value;

use super::{Socket, SocketInner};

/// What few sockets have, or only at their end.
#[derive(Default)]
pub(super) struct Extra {
    data: DataCell,
    /// The rooms of a socket that is disconnecting.
    leaving: Mutex<Vec<FastStr>>,
}

/// Where the data of a socket is; of two sockets, when one is what the other has become.
pub(crate) type DataCell = Arc<RwLock<Option<Data>>>;

/// Data of any type, which can be shown to other servers.
#[derive(Clone)]
pub(crate) struct Data {
    data: Arc<dyn Any + Send + Sync>,
    to_value: fn(&(dyn Any + Send + Sync)) -> Value,
}

impl Socket {
    /// Keeps data for this socket, in place of what it had. Any type will do: an application has
    /// one of its own for the purpose. It is kept as it is, and only serialised for who fetches
    /// the socket from afar ([`RemoteSocket::data`](crate::RemoteSocket::data)).
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use songi_server::{Server, Socket};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// let io = Server::new();
    /// io.authorize(|socket: Socket, user: User| {
    ///     socket.set_data(user);
    ///     Ok::<_, &str>(())
    /// });
    /// io.on("who am i", |socket: Socket| socket.data::<User>().map(|user| user.name.clone()));
    /// ```
    pub fn set_data<T: Serialize + Send + Sync + 'static>(&self, data: T) {
        let data = Data {
            data: Arc::new(data),
            to_value: |data| {
                let data = data.downcast_ref::<T>();
                serde_json::to_value(data).unwrap_or_default()
            },
        };
        *self.0.extra().data.write() = Some(data);
    }

    /// The data of this socket; `None` when it has none or of another type. It costs no copy.
    pub fn data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let data = self.0.extra.get()?.data.read().clone()?;
        data.data.downcast().ok()
    }

    /// Changes the data of this socket, with the default where it has none or of another type.
    /// Nobody else changes it meanwhile.
    ///
    /// ```
    /// # use songi_server::{Server, Socket};
    /// # let io = Server::new();
    /// io.on("count", |socket: Socket| {
    ///     socket.update_data(|count: &mut u32| {
    ///         *count += 1;
    ///         *count
    ///     })
    /// });
    /// ```
    pub fn update_data<T, R>(&self, change: impl FnOnce(&mut T) -> R) -> R
    where
        T: Clone + Default + Serialize + Send + Sync + 'static,
    {
        let mut place = self.0.extra().data.write();
        let data = place.take().map(|data| data.data.downcast::<T>());
        let mut data = match data {
            Some(Ok(data)) => Arc::unwrap_or_clone(data),
            _ => T::default(),
        };
        let result = change(&mut data);
        drop(place);
        self.set_data(data);
        result
    }

    /// The data as JSON; null when there is none.
    pub(crate) fn data_value(&self) -> Value {
        let data = self
            .0
            .extra
            .get()
            .and_then(|extra| extra.data.read().clone());
        data.map(|data| (data.to_value)(&*data.data))
            .unwrap_or_default()
    }
}

impl SocketInner {
    /// The data, for when the client comes back, and how many bytes it has as JSON.
    pub(crate) fn data_to_keep(self: &Arc<Self>) -> (DataCell, usize) {
        // Handlers that have not finished may still put some there.
        let cell = self.extra().data.clone();
        let json = Socket::from_inner(self.clone()).data_value().to_string();
        (cell, json.len())
    }

    /// The data of the socket that this one was.
    pub(crate) fn share_data(&self, data: DataCell) {
        let extra = Extra {
            data,
            leaving: Mutex::default(),
        };
        // It is new, and has none of its own.
        let _ = self.extra.set(Box::new(extra));
    }

    fn extra(&self) -> &Extra {
        self.extra.get_or_init(Box::default)
    }

    /// The rooms that the socket was in, while it is disconnecting.
    pub(super) fn leaving_rooms(&self) -> Vec<FastStr> {
        let extra = self.extra.get();
        extra.map_or_else(Vec::new, |extra| extra.leaving.lock().clone())
    }

    /// The socket is disconnecting, and its handlers are to know what it was in.
    pub(crate) fn keep_leaving_rooms(&self, rooms: Vec<FastStr>) {
        *self.extra().leaving.lock() = rooms;
    }

    /// The socket is disconnected.
    pub(crate) fn forget_leaving_rooms(&self) {
        if let Some(extra) = self.extra.get() {
            extra.leaving.lock().clear();
        }
    }
}
