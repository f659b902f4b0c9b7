//! Between a TCP connection and a Unix socket, which is a way out of a network namespace.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

/// Copies in both directions until both have ended. What breaks ends for both ends.
pub fn relay(tcp: &TcpStream, unix: &UnixStream) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*tcp, &mut &*unix);
            let _ = unix.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut &*unix, &mut &*tcp);
        let _ = tcp.shutdown(Shutdown::Write);
    });
}
