//! The clients of the IPC port on one reactor. One that calls callbacks of another reactor moves
//! there, so that what it sends is taken where it was read.

use std::cell::Cell;
use std::future::pending;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use flume::{Receiver, Sender};
use futures_util::future::{Either, select};
use rt::net::{Stream, TcpListener};
use wire::kdb::Server;

use super::complaints::Complaints;
use super::connection::{self, Admitted, Leaving};
use super::listener::Options;
use super::router::Router;
use crate::text::io_text;

/// Pause after the system had nothing left for a new connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// How long answers are waited for that are on the way when the listener ends.
pub(super) const LEAVE_MAX: Duration = Duration::from_secs(1);
/// Pause between looks whether there are any.
const LEAVE_PAUSE: Duration = Duration::from_millis(1);

/// What clients on one reactor share.
pub(super) struct Place {
    /// The number of the reactor.
    pub(super) number: usize,
    pub(super) router: Rc<dyn Router>,
    /// Their requests that are on the way.
    pub(super) requests: Rc<Cell<usize>>,
}

/// A client on its way to another reactor.
pub(super) struct Guest {
    socket: OwnedFd,
    /// What was read and is not asked yet.
    server: Server,
    complaints: Complaints,
    seat: Seat,
}

/// It is counted among all clients while this is held.
type Seat = Arc<()>;

/// Somebody who comes.
enum Arrival {
    New(Stream),
    Moved(Guest),
}

/// See the head of the file.
pub(super) struct House {
    place: Rc<Place>,
    options: Rc<Options>,
    /// The doors of all houses, by the numbers of their reactors. At most all clients wait there.
    doors: Rc<[Sender<Guest>]>,
    /// What new clients get a share of.
    seats: Seat,
}

impl House {
    pub(super) fn new(
        number: usize,
        options: Options,
        router: Rc<dyn Router>,
        doors: Rc<[Sender<Guest>]>,
    ) -> Self {
        let place = Rc::new(Place { number, router, requests: Rc::default() });
        House { place, options: Rc::new(options), doors, seats: Seat::default() }
    }

    /// Talks to those who move here, and lets new clients in where there is a listener, until
    /// nobody has the other end of `stopped` any more.
    pub(super) async fn run(
        self,
        listener: Option<TcpListener>,
        arriving: Receiver<Guest>,
        stopped: Receiver<()>,
    ) {
        let mut clients: Vec<rt::Task<()>> = Vec::new();
        let mut stopped = pin!(stopped.recv_async());
        if let Some(opens) = self.options.opens.as_ref().filter(|_| listener.is_some()) {
            // An error: it is open.
            if let Either::Right(_) = select(pin!(opens.recv_async()), stopped.as_mut()).await {
                return;
            }
        }
        loop {
            let next = pin!(self.next(listener.as_ref(), &arriving));
            let Either::Left((arrival, _)) = select(next, stopped.as_mut()).await else { break };
            clients.retain(|client| !client.is_finished());
            clients.push(rt::spawn(self.client(arrival)).abort_on_drop());
        }
        drop(listener);
        self.leave().await;
    }

    /// The next who comes.
    async fn next(&self, listener: Option<&TcpListener>, arriving: &Receiver<Guest>) -> Arrival {
        let new = pin!(async {
            match listener {
                Some(listener) => Arrival::New(self.accept(listener).await),
                None => pending().await,
            }
        });
        let moved = pin!(async {
            match arriving.recv_async().await {
                Ok(guest) => Arrival::Moved(guest),
                Err(_) => pending().await,
            }
        });
        select(new, moved).await.factor_first().0
    }

    async fn accept(&self, listener: &TcpListener) -> Stream {
        loop {
            match listener.accept().await {
                // One share is the one that is given away.
                Ok(stream) if Arc::strong_count(&self.seats) > self.options.connections_max => {
                    tracing::warn!(peer = %stream.peer(), "too many IPC clients");
                }
                Ok(stream) => return stream,
                Err(error) => {
                    tracing::warn!(error = io_text(&error), "cannot accept an IPC client");
                    rt::sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    /// Talks to one client until it goes, be it to another reactor.
    fn client(&self, arrival: Arrival) -> impl Future<Output = ()> + use<> {
        let (place, options) = (Rc::clone(&self.place), Rc::clone(&self.options));
        let doors = Rc::clone(&self.doors);
        let (peer, seat) = match &arrival {
            Arrival::New(stream) => (stream.peer().to_string(), Arc::clone(&self.seats)),
            Arrival::Moved(guest) => (guest.complaints.remote.clone(), Arc::clone(&guest.seat)),
        };
        async move {
            let talk = async {
                let admitted = match arrival {
                    Arrival::New(stream) => connection::admit(stream, &options).await?,
                    Arrival::Moved(guest) => Some(guest.arrive()?),
                };
                let Some(admitted) = admitted else { return Ok(()) };
                let leaving = connection::talk(admitted, &place).await?;
                let Some(Leaving(to, client)) = leaving else { return Ok(()) };
                let guest = Guest::of(client, seat)?;
                // A house that has ended takes nobody, which closes the connection.
                doors.get(to).map(|door| door.send(guest));
                Ok::<(), String>(())
            };
            if let Err(text) = talk.await {
                tracing::warn!(%peer, text, "the connection of an IPC client was closed");
            }
        }
    }

    /// Waits until what is on the way is answered: who asked for the end may be among the clients.
    async fn leave(&self) {
        let landed = async {
            while self.place.requests.get() > 0 {
                rt::sleep(LEAVE_PAUSE).await;
            }
        };
        let _ = rt::timeout(LEAVE_MAX, landed).await;
    }
}

impl Guest {
    fn of(client: Admitted, seat: Seat) -> Result<Self, String> {
        let Admitted { halves: (reader, writer), server, complaints } = client;
        let socket = Stream::into_fd(reader, writer).map_err(|error| io_text(&error))?;
        Ok(Guest { socket, server, complaints, seat })
    }

    fn arrive(self) -> Result<Admitted, String> {
        let Guest { socket, server, complaints, .. } = self;
        let stream = Stream::from_fd(socket).map_err(|error| io_text(&error))?;
        Ok(Admitted { halves: stream.into_split(), server, complaints })
    }
}
