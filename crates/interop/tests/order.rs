//! Order holds while the transport changes.

use anyhow::Result;
use songi_interop::{Script, serve};
use songi_server::{Server, Socket};
use tokio::sync::mpsc;

const COUNT: u32 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_messages_each_way_through_an_upgrade() -> Result<()> {
    let io = Server::new();
    let (sender, mut received) = mpsc::unbounded_channel();
    io.on("number", move |number: u32| sender.send(number));
    io.on_connection(|socket: Socket| {
        tokio::spawn(async move {
            for number in 0..COUNT {
                socket.emit("number", number).unwrap();
                if number % 50 == 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
        });
    });
    let url = serve(&io).await?;
    let mut client = Script::start("order-client", &[&url, &COUNT.to_string()])?;

    assert_eq!(client.find("connected").await?, "polling");
    let upgraded = client.line().await?;
    assert_eq!(upgraded["upgraded"], "websocket");
    // The upgrade came in the middle: otherwise this would show nothing.
    let sent = upgraded["sent"].as_u64().unwrap_or_default();
    let arrived = upgraded["received"].as_u64().unwrap_or_default();
    assert!(0 < sent && sent < u64::from(COUNT), "{upgraded}");
    assert!(0 < arrived && arrived < u64::from(COUNT), "{upgraded}");

    for number in 0..COUNT {
        assert_eq!(received.recv().await, Some(number));
    }
    let finished = client.line().await?;
    assert_eq!(finished["received"], COUNT, "{finished}");
    assert_eq!(finished["inOrder"], true, "{finished}");
    assert_eq!(finished["transport"], "websocket", "{finished}");
    Ok(())
}
