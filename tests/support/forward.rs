//! `forward ADDRESS SOCKET`: what connects to a TCP address goes on to a Unix socket, which leads out of a network namespace. From when
//! on it does, the file `SOCKET.ready` says.
#![allow(clippy::expect_used, reason = "a part of a test")]

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::thread;

use orkestra_tests::relay;
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
        thread::spawn(move || relay(&stream, &out));
    }
}
