//! How a server ends.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::reason::DisconnectReason;
use crate::server::Server;

/// How long adapters and tasks get at the end, whatever the deadline of the clients.
const GRACE: Duration = Duration::from_secs(1);

impl Server {
    /// Ends all connections in good order: lets nobody in any more (new ones are answered with
    /// 503), tells those that are connected (their reason is "server shutting down" here, and
    /// "transport close" at the client), and waits until all have gone, for
    /// [`Config::close_timeout`](crate::Config::close_timeout) at most; whoever is left then is cut
    /// off. Only then does [`listen`](Self::listen) end; a web server in which this server is
    /// mounted is left alone.
    pub async fn close(&self) {
        let shared = &self.shared;
        let deadline = Instant::now() + shared.config.close_timeout;
        tracing::info!(name: "songi.server.closing", connections = self.connections());
        shared.closing.cancel();
        for connection in shared.all_connections() {
            connection.close(DisconnectReason::ServerShuttingDown);
        }
        let gone = async {
            // A long-polling client still has to come and hear it, so the listener goes on.
            while self.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout_at(deadline, gone).await.is_err() {
            let left = shared.all_connections();
            tracing::warn!(name: "songi.server.deadline", left = left.len());
            for connection in left {
                connection.abort();
            }
        }
        shared.closed.cancel();
        let ended = async {
            for namespace in shared.namespaces.all() {
                namespace.inner().adapter.close().await;
            }
            shared.tasks.close();
            shared.tasks.wait().await;
        };
        let deadline = deadline.max(Instant::now() + GRACE);
        let in_time = timeout_at(deadline, ended).await.is_ok();
        tracing::info!(name: "songi.server.closed", in_time);
    }
}
