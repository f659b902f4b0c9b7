//! `forward ADDRESS SOCKET`: what connects to a TCP address goes on to a Unix socket, which leads out of a network namespace. From when
//! on it does, the file `SOCKET.ready` says.
#![allow(clippy::expect_used, reason = "a part of a test")]

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use rustix::process::{Signal, set_parent_process_death_signal};

fn main() {
    // The shell that starts it becomes the program that goes through it.
    set_parent_process_death_signal(Some(Signal::KILL)).expect("Linux ends it with its parent");
    let mut arguments = std::env::args().skip(1);
    let (address, socket) = (arguments.next().expect("an address"), arguments.next().expect("a socket"));
    let listener = TcpListener::bind(address).expect("the address is free");
    std::fs::write(format!("{socket}.ready"), "").expect("there is a place beside the socket");
    for stream in listener.incoming() {
        let (Ok(stream), Ok(out)) = (stream, UnixStream::connect(&socket)) else { continue };
        thread::spawn(move || both(&stream, &out));
    }
}

/// Copies in both directions until both have ended. What breaks ends for both ends.
fn both(inside: &TcpStream, out: &UnixStream) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*inside, &mut &*out);
            let _ = out.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut &*out, &mut &*inside);
        let _ = inside.shutdown(Shutdown::Write);
    });
}
