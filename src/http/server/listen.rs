//! Sockets that listen, and what the system says when it cannot give a connection.

use std::{
    fs, io, iter,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    task::{Context, Poll},
    time::Duration,
};

use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use super::{peer::Peer, transport::Transport};

/// How long a client may be silent before the system asks whether it is there, and then how often.
const KEEPALIVE_IDLE: Duration = Duration::from_mins(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 4;
/// Who may connect to a Unix socket: the service's user and group.
const SOCKET_MODE: u32 = 0o660;

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listening {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

/// The file of a Unix socket. It goes with this.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

/// Whether others of this user may listen on the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// Nobody else.
    Alone,
    /// Whoever says so, too: the system spreads connections among them (`SO_REUSEPORT`).
    Spread,
}

/// Listens on an address; port 0 is any free one.
pub(super) fn tcp(address: SocketAddr, backlog: u32, share: Share) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(share == Share::Spread)?;
    socket.bind(address)?;
    let listener = socket.listen(backlog)?;
    // Connections inherit these.
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    SockRef::from(&listener).set_tcp_keepalive(&keepalive)?;
    Ok(listener)
}

/// Listens on a path. A socket that nobody listens on any more is replaced; it is removed at the end.
///
/// # Errors
/// The system's; `AddrInUse` where somebody listens, `AlreadyExists` where there is something else.
pub(super) fn unix(path: &Path, backlog: u32) -> io::Result<(UnixListener, SocketFile)> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            let kind = io::ErrorKind::AlreadyExists;
            return Err(io::Error::new(kind, "the path has a file that is not a socket"));
        }
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(_) => fs::remove_file(path)?,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let inode = fs::symlink_metadata(path)?.ino();
    let file = SocketFile { path: path.to_owned(), inode };
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?; // before anybody can connect
    socket.set_nonblocking(true)?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok((UnixListener::from_std(socket.into())?, file))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another process may have put its own there.
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket stays");
        }
    }
}

impl Listening {
    /// The next connection.
    pub(super) fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(Transport, Peer)>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(context).map_ok(|(stream, address)| {
                // Answers are written whole; waiting for more to send would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(peer = %address, %error, "cannot set TCP_NODELAY");
                }
                (Transport::Tcp(stream), Peer::at(address))
            }),
            Self::Unix { listener, .. } => listener
                .poll_accept(context)
                .map_ok(|(stream, _)| (Transport::Unix(stream), Peer::LOCAL)),
        }
    }
}

impl Listening {
    /// Listens no longer, and gives the connections that the system has let in and nobody has accepted.
    /// Without that it would reset them.
    pub(super) fn close(self) -> Vec<(Transport, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let Ok(listener) = listener.into_std() else { return Vec::new() };
                let waiting = iter::from_fn(|| listener.accept().ok());
                let taken = waiting.filter_map(|(stream, address)| {
                    let _ = stream.set_nodelay(true);
                    stream.set_nonblocking(true).ok()?;
                    Some((Transport::Tcp(TcpStream::from_std(stream).ok()?), Peer::at(address)))
                });
                taken.collect()
            }
            Self::Unix { listener, _file } => {
                let Ok(listener) = listener.into_std() else { return Vec::new() };
                let waiting = iter::from_fn(|| listener.accept().ok());
                let taken = waiting.filter_map(|(stream, _)| {
                    stream.set_nonblocking(true).ok()?;
                    Some((Transport::Unix(UnixStream::from_std(stream).ok()?), Peer::LOCAL))
                });
                taken.collect()
            }
        }
    }
}

/// Whether accepting failed for a reason of that client alone.
pub(super) fn of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_nobody_listens_on_is_replaced_and_removed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // leaves its file
        let (listener, file) = unix(&path, 16).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(unix(&path, 16).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_not_a_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "mine").unwrap();
        assert_eq!(unix(&path, 16).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn connections_are_asked_whether_they_live() {
        let listener = tcp(([127, 0, 0, 1], 0).into(), 16, Share::Alone).unwrap();
        let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        assert!(SockRef::from(&stream).keepalive().unwrap());
        drop(client);
    }
    #[tokio::test]
    async fn an_address_is_shared_only_among_those_who_all_say_so() {
        let first = tcp(([127, 0, 0, 1], 0).into(), 16, Share::Spread).unwrap();
        let address = first.local_addr().unwrap();
        tcp(address, 16, Share::Spread).unwrap();
        assert_eq!(tcp(address, 16, Share::Alone).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
