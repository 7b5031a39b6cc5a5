//! A link between a client and the server that can be cut, stalled, slowed down and mended: a TCP
//! proxy on a port of its own. The client is given [`Link::url`] and never knows.

use hallway_kit::{Stop, Stopper, Tasks};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// What the link does to bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum State {
    /// Passes them on.
    Open,
    /// Every connection ends now, and new ones end at once.
    Cut,
    /// Connections stay and nothing moves, in neither direction.
    Stalled,
    /// Each piece arrives this much later.
    Delayed(Duration),
    /// This many bytes a second, in each direction.
    Throttled(u32),
}

/// The proxy; dropping it cuts everything.
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
    /// How often it was cut: a connection of an earlier count is over, however soon it was mended.
    cuts: watch::Sender<u32>,
    /// WebSocket upgrades are refused, as some offices do.
    no_sockets: Arc<AtomicBool>,
    stopper: Stopper,
}

/// Bytes taken from a socket at once; small, so that a throttle is smooth.
const PIECE: usize = 16 * 1024;
/// Pieces under way in one direction, which bounds what a delayed link holds.
const UNDER_WAY: usize = 64;

impl Link {
    /// A link to `server`, open.
    pub async fn to(server: SocketAddr) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = watch::Sender::new(State::Open);
        let (stopper, stop) = Stopper::new();
        let cuts = watch::Sender::new(0);
        let no_sockets = Arc::new(AtomicBool::new(false));
        let (states, ends, tasks) = (state.clone(), cuts.clone(), Tasks::default());
        let refuses = no_sockets.clone();
        tasks.clone().once("link", async move {
            let mut end = stop.clone();
            loop {
                let (client, _) = tokio::select! {
                    client = listener.accept() => client.expect("accepting goes on"),
                    () = end.heard() => return,
                };
                if refuses.load(Ordering::Relaxed) && is_upgrade(&client).await {
                    tasks.once("refusal", refuse(client));
                    continue;
                }
                let (state, cuts) = (states.subscribe(), ends.subscribe());
                tasks.once("connection", carry(client, server, state, cuts, stop.clone()));
            }
        });
        Link { address, state, cuts, no_sockets, stopper }
    }

    /// What the client is told instead of the server's address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The proxy's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections and refuses new ones.
    pub fn cut(&self) {
        self.set(State::Cut);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets bytes pass again.
    pub fn mend(&self) {
        self.set(State::Open);
    }

    /// Refuses WebSocket upgrades from now on; plain HTTP passes.
    pub fn block_sockets(&self) {
        self.no_sockets.store(true, Ordering::Relaxed);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Any other state.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.state.send_replace(State::Cut);
        self.stopper.stop();
    }
}

/// Whether a new connection begins by asking for a WebSocket.
async fn is_upgrade(client: &TcpStream) -> bool {
    let mut head = vec![0; PIECE];
    // A client's first request comes in one piece; one that says nothing yet is not asking.
    let peeked = tokio::time::timeout(Duration::from_millis(200), client.peek(&mut head));
    let Ok(Ok(n)) = peeked.await else { return false };
    String::from_utf8_lossy(&head[..n]).to_lowercase().contains("upgrade: websocket")
}

async fn refuse(mut client: TcpStream) {
    let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // What the client sent is read first: unread bytes would turn the answer into a reset.
    let mut head = vec![0; PIECE];
    if client.read(&mut head).await.is_ok() {
        // A client that went away needs no answer.
        client.write_all(answer).await.ok();
        client.shutdown().await.ok();
    }
}

async fn carry(
    client: TcpStream,
    server: SocketAddr,
    state: watch::Receiver<State>,
    mut cuts: watch::Receiver<u32>,
    mut stop: Stop,
) {
    if *state.borrow() == State::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    // A proxy that waits to fill a packet would be a slower link than asked for.
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let (up, down) = (state.clone(), state);
    tokio::select! {
        // One direction's end is the other's: half-open connections are of no use to a messenger.
        () = pass(client_in, server_out, up) => {}
        () = pass(server_in, client_out, down) => {}
        _ = cuts.changed() => {}
        () = stop.heard() => {}
    }
}

/// One direction. Reading and writing run beside each other, so that a delay delays and does not
/// throttle.
async fn pass(from: OwnedReadHalf, to: OwnedWriteHalf, state: watch::Receiver<State>) {
    let (send, receive) = mpsc::channel(UNDER_WAY);
    tokio::select! {
        () = take(from, send, state.clone()) => {}
        () = give(to, receive, state) => {}
    }
}

async fn take(
    mut from: OwnedReadHalf,
    send: mpsc::Sender<(Instant, Vec<u8>)>,
    mut state: watch::Receiver<State>,
) {
    let mut piece = vec![0; PIECE];
    loop {
        if state.wait_for(|state| *state != State::Stalled).await.is_err() {
            return;
        }
        let Ok(n @ 1..) = from.read(&mut piece).await else {
            // What was read before the end still has to be given: giving ends this direction.
            drop(send);
            return std::future::pending().await;
        };
        let due = match *state.borrow() {
            State::Delayed(by) => Instant::now() + by,
            _ => Instant::now(),
        };
        if send.send((due, piece[..n].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn give(
    mut to: OwnedWriteHalf,
    mut receive: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut state: watch::Receiver<State>,
) {
    while let Some((due, piece)) = receive.recv().await {
        tokio::time::sleep_until(due).await;
        if state.wait_for(|state| *state != State::Stalled).await.is_err() {
            return;
        }
        let rate = match *state.borrow() {
            State::Throttled(rate) => Some(f64::from(rate)),
            _ => None,
        };
        if to.write_all(&piece).await.is_err() {
            return;
        }
        if let Some(rate) = rate {
            #[expect(clippy::cast_precision_loss, reason = "a piece has few bytes")]
            tokio::time::sleep(Duration::from_secs_f64(piece.len() as f64 / rate)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// A server that says everything back, and a connection to it through a link.
    async fn echo() -> (Link, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        Tasks::default().once("echo", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut from, mut to) = stream.into_split();
                Tasks::default().once("one", async move {
                    // The end of the connection is the end of the echo.
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        let link = Link::to(address).await;
        let stream = TcpStream::connect(link.address()).await.expect("the link accepts");
        (link, stream)
    }

    async fn says(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        stream.write_all(bytes).await?;
        let mut back = vec![0; bytes.len()];
        stream.read_exact(&mut back).await?;
        Ok(back)
    }

    #[tokio::test]
    async fn a_cut_ends_connections_however_soon_it_is_mended() {
        let (link, mut stream) = echo().await;
        assert_eq!(says(&mut stream, b"tea?").await.expect("open"), b"tea?");
        link.cut();
        link.mend();
        assert!(says(&mut stream, b"tea?").await.is_err());
        let mut again = TcpStream::connect(link.address()).await.expect("it is mended");
        assert_eq!(says(&mut again, b"tea?").await.expect("open"), b"tea?");
    }

    #[tokio::test]
    async fn a_stall_holds_everything_and_loses_nothing() {
        let (link, mut stream) = echo().await;
        says(&mut stream, b"through").await.expect("open");
        link.set(State::Stalled);
        let stalled = tokio::time::timeout(Duration::from_millis(200), says(&mut stream, b"held"));
        assert!(stalled.await.is_err(), "a stalled link passed something");
        link.mend();
        let mut back = [0; 4];
        stream.read_exact(&mut back).await.expect("it comes now");
        assert_eq!(&back, b"held");
    }

    #[tokio::test]
    async fn a_delay_is_paid_both_ways_and_a_throttle_by_the_byte() {
        let (link, mut stream) = echo().await;
        link.set(State::Delayed(Duration::from_millis(50)));
        let began = Instant::now();
        says(&mut stream, b"tea?").await.expect("open");
        assert!(began.elapsed() >= Duration::from_millis(100));
        link.set(State::Throttled(100_000));
        let began = Instant::now();
        says(&mut stream, &[7; 40_000]).await.expect("open");
        assert!(began.elapsed() >= Duration::from_millis(200));
    }
}
