//! Songi's clients.

use std::future::Future;
use std::sync::Arc;

use songi_client::{Client, Socket, Transport};

use super::{Kind, Received, TEXT};

pub(super) struct Songi {
    url: String,
}

impl Songi {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
        }
    }
}

impl Kind for Songi {
    type Client = Socket;

    async fn connect(&self, received: Arc<Received>) -> Socket {
        Client::new(&self.url)
            .transports([Transport::WebSocket])
            .force_new()
            .on("all", move |_: String| received.one())
            .connect()
            .await
            .expect("it connects")
    }

    fn ask(client: &Socket) -> impl Future<Output = ()> + Send + use<> {
        let asking = client.emit_with_ack::<String>("echo", TEXT);
        async move {
            assert_eq!(asking.await.expect("an ack"), TEXT);
        }
    }

    async fn tell_all(client: &Socket) {
        client.emit("all", TEXT).expect("it is sent");
    }
}
