//! A socket in two halves, for two tasks.

mod mailbox;
mod reader;
mod writer;

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use self::mailbox::Mailbox;
pub use self::{reader::Reader, writer::Writer};
use crate::WebSocket;

impl<IO: AsyncRead + AsyncWrite> WebSocket<IO> {
    /// Splits the socket into halves for two tasks, by [`tokio::io::split`].
    ///
    /// The reader writes nothing: its answers to the peer travel to the writer, which has to be
    /// in [`Writer::drive`] whenever it has nothing else to do.
    ///
    /// ```
    /// use songi_tokio::{Config, Error, Event, Message, WebSocket};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (a, b) = tokio::io::duplex(1024);
    /// let mut client = WebSocket::client(b, Default::default(), Config::default());
    /// let server = WebSocket::server(a, Default::default(), Config::default());
    /// let (mut reader, mut writer) = server.split();
    ///
    /// let (messages, mut outgoing) = tokio::sync::mpsc::channel(16);
    /// let write = tokio::spawn(async move {
    ///     loop {
    ///         tokio::select! {
    ///             Some(message) = outgoing.recv() => {
    ///                 writer.send(message).map_err(|_| Error::Closing)?;
    ///                 writer.flush().await?;
    ///             }
    ///             end = writer.drive() => return end,
    ///         }
    ///     }
    /// });
    ///
    /// client.send(Message::text("hi"))?;
    /// client.flush().await?;
    /// assert_eq!(reader.recv().await.transpose()?, Some(Event::Text("hi".into())));
    /// messages.send(Message::text("hello")).await?;
    /// assert_eq!(client.recv().await.transpose()?, Some(Event::Text("hello".into())));
    ///
    /// client.start_close(None);
    /// tokio::try_join!(client.close(None), async {
    ///     while let Some(event) = reader.recv().await {
    ///         event?;
    ///     }
    ///     Ok(())
    /// })?;
    /// write.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self) -> (Reader<ReadHalf<IO>>, Writer<WriteHalf<IO>>) {
        split(self, tokio::io::split)
    }
}

impl WebSocket<TcpStream> {
    /// As [`split`](Self::split), with the halves of TCP itself, which share no lock.
    pub fn into_split(self) -> (Reader<OwnedReadHalf>, Writer<OwnedWriteHalf>) {
        split(self, TcpStream::into_split)
    }
}

fn split<IO, R, W>(
    socket: WebSocket<IO>,
    split: impl FnOnce(IO) -> (R, W),
) -> (Reader<R>, Writer<W>) {
    let WebSocket {
        io,
        connection,
        input,
        waiting,
        failure,
        timer,
        unflushed,
        read_ended,
        shut_down,
        finished,
    } = socket;
    let (read, write) = split(io);
    let (receiver, sender) = connection.split();
    let mailbox = Arc::new(Mailbox::default());
    let reader = Reader {
        io: read,
        receiver,
        input,
        mailbox: Arc::clone(&mailbox),
        failure,
        ended: read_ended || finished,
    };
    let writer = Writer {
        io: write,
        sender,
        mailbox,
        waiting,
        timer,
        unflushed,
        shut_down,
        finished,
    };
    (reader, writer)
}
