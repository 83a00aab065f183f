//! The clients of rust_socketio, async.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use tokio::sync::{Notify, oneshot};

use super::{Kind, Received, TEXT};

pub(super) struct RustSocketio {
    url: String,
}

impl RustSocketio {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
        }
    }
}

impl Kind for RustSocketio {
    type Client = Client;

    async fn connect(&self, received: Arc<Received>) -> Client {
        let joined = Arc::new(Notify::new());
        let told = joined.clone();
        let client = ClientBuilder::new(&self.url)
            .transport_type(TransportType::Websocket)
            .on(Event::Connect, move |_, _| {
                let told = told.clone();
                async move { told.notify_one() }.boxed()
            })
            .on("all", move |payload: Payload, _| {
                assert_eq!(text(&payload), TEXT);
                received.one();
                async {}.boxed()
            })
            .connect()
            .await
            .expect("it connects");
        joined.notified().await;
        client
    }

    fn ask(client: &Client) -> impl Future<Output = ()> + Send + use<> {
        let client = client.clone();
        async move {
            let (sender, answer) = oneshot::channel();
            let sender = Mutex::new(Some(sender));
            let answered = move |payload: Payload, _: Client| {
                if let Some(sender) = sender.lock().expect("nobody panics").take() {
                    let _ = sender.send(payload);
                }
                async {}.boxed()
            };
            let within = Duration::from_secs(10);
            let sent = client.emit_with_ack("echo", said(), within, answered);
            sent.await.expect("it is sent");
            let payload = answer.await.expect("an ack");
            assert!(matches!(payload, Payload::Text(_)));
        }
    }

    async fn tell_all(client: &Client) {
        client.emit("all", said()).await.expect("it is sent");
    }
}

fn said() -> Payload {
    Payload::from(serde_json::json!(TEXT))
}

/// The first argument.
fn text(payload: &Payload) -> &str {
    match payload {
        Payload::Text(values) => values.first().and_then(|value| value.as_str()),
        _ => None,
    }
    .expect("a text")
}
