//! A listener whose connections can be cut and which can come back on its port.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, spawn};

use tests::program::until;

type Serve = Arc<dyn Fn(TcpStream) + Send + Sync>;

/// It serves each connection on a thread of its own until it is cut.
pub(crate) struct Listener {
    address: SocketAddr,
    serve: Serve,
    open: Option<Open>,
}

struct Open {
    ended: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    thread: JoinHandle<()>,
}

impl Listener {
    /// Listens on a free port.
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let serve: Serve = Arc::new(serve);
        let open = Some(Open::new(listener, &serve));
        Listener { address, serve, open }
    }

    /// Where it listens, or did.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections; nobody listens any more.
    pub(crate) fn cut(&mut self) {
        let Some(open) = self.open.take() else { return };
        open.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = open.thread.join();
        let streams = open.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens on the same port again.
    pub(crate) fn mend(&mut self) {
        let serve = Arc::clone(&self.serve);
        self.again(&serve);
    }

    /// Listens on the same port again, and closes each connection at once; returns how many there
    /// were.
    pub(crate) fn shun(&mut self) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let serve: Serve = Arc::new(move |stream: TcpStream| {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.shutdown(Shutdown::Both);
        });
        self.again(&serve);
        count
    }

    fn again(&mut self, serve: &Serve) {
        self.cut();
        let listener = until(|| TcpListener::bind(self.address).ok()).expect("the port is free");
        self.open = Some(Open::new(listener, serve));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Open {
    fn new(listener: TcpListener, serve: &Serve) -> Self {
        let (ended, streams) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
        let (serve, ends, kept) = (Arc::clone(serve), Arc::clone(&ended), Arc::clone(&streams));
        let thread = spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    break;
                }
                let mut kept: std::sync::MutexGuard<'_, Vec<TcpStream>> =
                    kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(stream.try_clone());
                let serve = Arc::clone(&serve);
                spawn(move || serve(stream));
            }
        });
        Open { ended, streams, thread }
    }
}
