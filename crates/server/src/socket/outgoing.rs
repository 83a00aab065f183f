//! Who listens to what is sent to a socket.

use std::sync::Arc;

use songi_emit::{Outgoing, PacketKind};
use songi_socketio::handler::{Contained, EventContext, Failure, HandlerSocket as _, contain};

use super::{Socket, SocketInner};

impl SocketInner {
    /// Calls those who listen. It is called only where there are some: the event is read again.
    #[cold]
    pub(super) fn tell_outgoing(self: &Arc<Self>, packet: &Outgoing) {
        let Some(PacketKind::Event { name, args, .. }) = packet.decode().map(|packet| packet.kind)
        else {
            return;
        };
        let (handlers, own) = (self.namespace.inner().handlers(), self.own_table());
        let own = own.iter().flat_map(|table| table.outgoing());
        let socket = Socket::from_inner(self.clone());
        for handler in handlers.table.outgoing().iter().chain(own) {
            let mut event = EventContext::new(&socket, &name, &args, None);
            match contain(|| handler.call(&mut event)) {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(future))) => {
                    let (socket, name) = (socket.clone(), name.clone());
                    self.spawn(async move {
                        if let Err(panic) = Contained::new(future).await {
                            socket.handler_failed(None, &name, Failure::Panic(&panic));
                        }
                    });
                }
                Ok(Err(error)) => socket.handler_failed(None, &name, Failure::Argument(&error)),
                Err(panic) => socket.handler_failed(None, &name, Failure::Panic(&panic)),
            }
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(server) = self.namespace.server() {
            server.spawn(task);
        }
    }
}
