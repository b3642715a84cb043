//! The program under observation: does what it is told, one command at a time, and answers what it saw.
//!
//! The same code runs as a program of a virtual host and as a process of its own on real sockets. A new command ends
//! the one that is under way, by dropping its future. Commands: `listen`, `unlisten`, `accept`, `dial`, `write N`,
//! `read N`, `drain`, `shutdown`, `close`, `reset`. All but the first four mean the connection opened last.

use std::future::Future;
use std::io;

use lafs::net::{Dial, Listen};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a program finds on its machine.
pub(crate) trait Machine {
    type Conn: AsyncRead + AsyncWrite + Unpin;
    type Listener: Listen<Conn = Self::Conn>;
    type Dialer: Dial<Conn = Self::Conn>;

    fn listen(&self) -> impl Future<Output = io::Result<Self::Listener>>;

    fn dialer(&self) -> Self::Dialer;

    /// Where the other machine listens.
    fn peer(&self) -> &str;

    /// Closes with a RST at once (`SO_LINGER` of zero).
    fn reset(&self, conn: Self::Conn);
}

/// A connection and how far its two streams have come. Byte `n` of either is `n % 251`.
struct Held<C> {
    conn: C,
    written: u64,
    read: u64,
}

struct Actor<M: Machine> {
    machine: M,
    listener: Option<M::Listener>,
    conns: Vec<Held<M::Conn>>,
}

/// Follows `commands` (a number and a command per line) until they end; each answer begins with the same number.
pub(crate) async fn act<M: Machine>(
    machine: M,
    commands: impl AsyncBufRead + Unpin,
    mut answers: impl AsyncWrite + Unpin,
) {
    let mut actor = Actor { machine, listener: None, conns: Vec::new() };
    let mut commands = commands.lines();
    let mut next = commands.next_line().await;
    while let Ok(Some(line)) = next {
        let (number, command) = line.split_once(' ').expect("a number and a command");
        let interrupt = tokio::select! {
            biased;
            seen = actor.perform(command) => {
                let seen = match seen {
                    Ok(seen) => seen,
                    Err(error) => format!("{:?}", error.kind()),
                };
                if answers.write_all(format!("{number} {seen}\n").as_bytes()).await.is_err() {
                    return;
                }
                None
            }
            line = commands.next_line() => Some(line),
        };
        next = match interrupt {
            Some(line) => line,
            None => commands.next_line().await,
        };
    }
}

impl<M: Machine> Actor<M> {
    async fn perform(&mut self, command: &str) -> io::Result<String> {
        let (verb, count) = command.split_once(' ').unwrap_or((command, "0"));
        let count: u64 = count.parse().expect("a number of bytes");
        match verb {
            "listen" => {
                self.listener = Some(self.machine.listen().await?);
                Ok("listening".into())
            }
            "unlisten" => {
                self.listener = None;
                Ok("done".into())
            }
            "accept" => {
                let listener = self.listener.as_mut().expect("`listen` comes first");
                let conn = listener.accept().await?;
                self.conns.push(Held { conn, written: 0, read: 0 });
                Ok("accepted".into())
            }
            "dial" => {
                let conn = self.machine.dialer().dial(self.machine.peer()).await?;
                self.conns.push(Held { conn, written: 0, read: 0 });
                Ok("connected".into())
            }
            "close" => {
                let held = self.conns.pop().expect("a connection");
                Ok(format!("closed after writing {}", held.written))
            }
            "reset" => {
                let held = self.conns.pop().expect("a connection");
                self.machine.reset(held.conn);
                Ok("done".into())
            }
            "write" => self.last().write(count).await,
            "read" => self.last().read(count).await,
            "drain" => self.last().read(u64::MAX).await,
            "shutdown" => self.last().conn.shutdown().await.map(|()| "done".into()),
            other => panic!("no such command: {other}"),
        }
    }

    fn last(&mut self) -> &mut Held<M::Conn> {
        self.conns.last_mut().expect("a connection")
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> Held<C> {
    async fn write(&mut self, count: u64) -> io::Result<String> {
        let end = self.written + count;
        let mut buffer = [0; 16 * 1024];
        while self.written < end {
            let size = usize::try_from(end - self.written).unwrap_or(usize::MAX).min(buffer.len());
            for (byte, at) in buffer[..size].iter_mut().zip(self.written..) {
                *byte = (at % 251) as u8;
            }
            self.written += self.conn.write(&buffer[..size]).await? as u64;
        }
        Ok(format!("wrote {count}"))
    }

    /// Reads up to `count` bytes and says how it ended and after how many.
    async fn read(&mut self, count: u64) -> io::Result<String> {
        let mut buffer = [0; 16 * 1024];
        let start = self.read;
        while self.read - start < count {
            let size = usize::try_from(count - (self.read - start)).unwrap_or(usize::MAX).min(buffer.len());
            let got = match self.conn.read(&mut buffer[..size]).await {
                Ok(0) => return Ok(format!("end after {}", self.read - start)),
                Ok(got) => got,
                Err(error) => return Ok(format!("{:?} after {}", error.kind(), self.read - start)),
            };
            if let Some(wrong) =
                buffer[..got].iter().zip(self.read..).find(|(byte, at)| u64::from(**byte) != at % 251)
            {
                return Ok(format!("a wrong byte at {}", wrong.1));
            }
            self.read += got as u64;
        }
        Ok(format!("read {count}"))
    }
}
