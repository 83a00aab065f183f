//! A client that speaks packet by packet, in one namespace.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test takes what it needs"
)]

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use songi_server::Server;

use crate::common::Polling;

pub struct Client {
    polling: Polling,
    /// As it stands in packets: nothing for the main one, else with the comma.
    namespace: String,
    packets: VecDeque<String>,
    pub id: String,
}

impl Client {
    /// In the main namespace.
    pub async fn new(io: &Server) -> Self {
        Self::join(io, "/", "").await.unwrap()
    }

    /// Joins a namespace, or gives the payload with which it was refused.
    pub async fn join(io: &Server, namespace: &str, auth: &str) -> Result<Self, Value> {
        let mut client = Self {
            polling: Polling::open(io).await,
            namespace: match namespace {
                "/" => String::new(),
                name => format!("{name},"),
            },
            packets: VecDeque::new(),
            id: String::new(),
        };
        let namespace = client.namespace.clone();
        client.raw(&format!("40{namespace}{auth}")).await;
        let answer = client.packet().await;
        if let Some(refused) = answer.strip_prefix(&format!("44{namespace}")) {
            return Err(serde_json::from_str(refused).unwrap());
        }
        let connected = answer.strip_prefix(&format!("40{namespace}")).unwrap();
        let connected: Value = serde_json::from_str(connected).unwrap();
        client.id = connected["sid"].as_str().unwrap().to_owned();
        Ok(client)
    }

    /// Sends an event, such as `["add",1,2]`, or `7["add",1,2]` where an ack is asked for.
    pub async fn send(&self, event: &str) {
        self.raw(&format!("42{}{event}", self.namespace)).await;
    }

    /// Answers an event that asked for an ack.
    pub async fn answer(&self, id: u64, args: &str) {
        self.raw(&format!("43{}{id}{args}", self.namespace)).await;
    }

    /// Leaves the namespace.
    pub async fn leave(&self) {
        self.raw(&format!("41{}", self.namespace)).await;
    }

    pub async fn raw(&self, packets: &str) {
        self.polling.post(packets.to_owned()).await;
    }

    /// The next packet, whole.
    pub async fn packet(&mut self) -> String {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return packet;
            }
            let body = tokio::time::timeout(Duration::from_secs(20), self.polling.get());
            let body = body.await.expect("nothing came");
            let packets = body.split('\x1e').filter(|packet| *packet != "2");
            self.packets.extend(packets.map(str::to_owned));
        }
    }

    /// The next event or ack, without type and namespace: `["news",1]`, or `7["news",1]`.
    pub async fn next(&mut self) -> String {
        let packet = self.packet().await;
        let prefix = ["42", "43"]
            .into_iter()
            .find_map(|kind| packet.strip_prefix(&format!("{kind}{}", self.namespace)));
        prefix.unwrap_or_else(|| panic!("{packet}")).to_owned()
    }

    /// The next event that asks for an ack: its id, and the rest.
    pub async fn asked(&mut self) -> (u64, String) {
        let event = self.next().await;
        let (id, rest) = event.split_at(event.find('[').unwrap());
        (id.parse().unwrap(), rest.to_owned())
    }
}
