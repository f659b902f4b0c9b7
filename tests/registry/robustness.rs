//! Registries that stumble, processes that are killed, and many at once.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use orkestra_artifact::Digest;
use serde_json::json;

use crate::komposers::Shop;
use crate::server::{Ended, Server};
use crate::{FILES, digest_of, pattern, pushed, same_files};

#[test]
fn a_registry_that_stumbles_is_asked_again() {
    let server = Server::start();
    for fault in [
        json!({"kind": "status", "status": 500, "times": 2}),
        json!({"kind": "status", "status": 429, "retryAfter": "1", "times": 2}),
    ] {
        server.fault(&fault);
        pushed(&server);
    }
    let (repository, _) = pushed(&server);
    for (index, fault) in [
        json!({"kind": "status", "status": 503, "times": 2}),
        json!({"kind": "status", "status": 429, "retryAfter": "1"}),
        json!({"kind": "cut"}),
        json!({"kind": "cut", "times": 2}),
        json!({"kind": "slow", "pause": 20, "times": 7}),
    ]
    .iter()
    .enumerate()
    {
        server.fault(fault);
        let to = format!("out-{index}");
        server.ork(&["pull", &format!("{repository}:v14"), "-o", &to]).fine();
        same_files(&server.dir().join(to));
    }
}

/// Waits until `when` says so or the process has ended, and kills it. How long that took, where it was killed.
fn kill(mut child: Child, when: impl Fn(Duration) -> bool) -> Option<Duration> {
    let begin = Instant::now();
    while !when(begin.elapsed()) {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        std::thread::yield_now();
    }
    // SIGKILL, so nothing of it can clean up.
    child.kill().unwrap();
    let killed = child.wait().unwrap().code().is_none();
    killed.then(|| begin.elapsed())
}

#[test]
fn a_pull_that_is_killed_leaves_no_directory_or_a_whole_one() {
    let server = Server::start();
    let (repository, _) = pushed(&server);
    let reference = format!("{repository}:v14");
    let pull = |to: &str| {
        // Two hundred milliseconds for each of seven blobs, unless it is killed before.
        server.fault(&json!({"kind": "slow", "pause": 25, "times": 100}));
        server.spawn_ork(&["pull", &reference, "-o", to])
    };
    // While it asks, while it downloads, and for the rest at the moment in which anything appears on disk.
    let at = [5, 50, 150, 300, 600, 900, 1200].map(Duration::from_millis);
    let mut killed = 0;
    for (index, at) in at.into_iter().map(Some).chain([None; 8]).enumerate() {
        let to = format!("killed-{index}");
        let target = server.dir().join(&to);
        let child = pull(&to);
        let part = format!(".{to}.");
        let begun = || {
            std::fs::read_dir(server.dir())
                .unwrap()
                .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(&part))
        };
        killed += usize::from(
            match at {
                Some(at) => kill(child, |elapsed| elapsed >= at),
                None => kill(child, |_| begun()),
            }
            .is_some(),
        );
        server.mend();
        if target.exists() {
            same_files(&target);
            server.ork_alone(&["check", &to]).fine();
            continue;
        }
        server.ork(&["pull", &reference, "-o", &to]).fine();
        same_files(&target);
    }
    assert!(killed >= 7, "{killed} were killed: it is no test of that otherwise");
}

#[test]
fn a_directory_that_was_there_holds_no_pattern_before_it_holds_all_of_one() {
    let server = Server::start();
    let (repository, _) = pushed(&server);
    for index in 0..10 {
        let to = format!("there-{index}");
        let target = server.dir().join(&to);
        std::fs::create_dir(&target).unwrap();
        let child = server.spawn_ork(&["pull", &format!("{repository}:v14"), "-o", &to]);
        kill(child, |_| std::fs::read_dir(&target).unwrap().count() > index % 5);
        match target.join("katalog.yaml").exists() {
            true => same_files(&target),
            false => drop(server.ork_alone(&["check", &to]).fails()),
        }
    }
}

/// Runs a command eight times at once.
fn eight(server: &Server, args: impl Fn(usize) -> Vec<String>) -> Vec<Ended> {
    let spawn = |index| {
        let args = args(index);
        server.spawn_ork(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let children: Vec<_> = (0..8).map(spawn).collect();
    children.into_iter().map(|child| Ended::of(child.wait_with_output().unwrap()).fine()).collect()
}

#[test]
fn eight_at_once_push_one_artifact_and_pull_it() {
    for server in [Server::start(), Server::distribution()] {
        let repository = format!("{}/patterns/postgres", server.host);
        let push = |_| ["push", "--no-test", "--format", "json", &repository, &pattern()].map(str::to_owned).to_vec();
        let digests: BTreeSet<_> = eight(&server, push).iter().map(|ended| digest_of(&ended.stdout)).collect();
        assert_eq!(digests.len(), 1, "{digests:?}");
        let reference = format!("{repository}:v14.2.0");
        eight(&server, |index| ["pull", &reference, "-o", &format!("out-{index}")].map(str::to_owned).to_vec());
        for index in 0..8 {
            same_files(&server.dir().join(format!("out-{index}")));
        }
    }
}

#[test]
fn two_directories_with_the_same_files_are_one_artifact() {
    let server = Server::start();
    let (repository, digest) = pushed(&server);
    let another = server.dir().join("deep/in/another");
    std::fs::create_dir_all(&another).unwrap();
    // In another order, at another time, and with what is no part of a pattern.
    for name in FILES.into_iter().rev() {
        std::fs::copy(Path::new(&pattern()).join(name), another.join(name)).unwrap();
    }
    std::fs::write(another.join("notes.txt"), "mine").unwrap();
    let push = ["push", "--no-test", "--format", "json", &repository, another.to_str().unwrap()];
    assert_eq!(digest_of(&server.ork(&push).fine().stdout), digest);
    // Twin: one byte more is another artifact, and the tag stays.
    let readme = std::fs::read_to_string(another.join("README.md")).unwrap();
    std::fs::write(another.join("README.md"), readme + "\n").unwrap();
    server.ork(&push).refused("TagExists");
}

#[test]
fn a_cache_is_sound_under_eight_locks_at_once_of_which_four_are_killed() {
    let shop = Shop::open();
    shop.komposer("{url: REPO/postgres:v14}", "");
    let komposer = std::fs::read(shop.server.dir().join("komposer.yaml")).unwrap();
    let mut killed = 0;
    for (round, at) in [60, 200, 400, 800].into_iter().enumerate() {
        let cache = format!("cache-{round}");
        shop.server.fault(&json!({"kind": "slow", "pause": 10, "times": 1000}));
        let file = |index: usize| format!("{round}-{index}/komposer.yaml");
        let mut children: Vec<Child> = (0..8)
            .map(|index| {
                let path = shop.server.dir().join(file(index));
                std::fs::create_dir(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &komposer).unwrap();
                shop.server.spawn_ork(&["lock", "-f", &file(index), "--cache", &cache])
            })
            .collect();
        std::thread::sleep(Duration::from_millis(at));
        for child in children.drain(..4) {
            killed += usize::from(kill(child, |_| true).is_some());
        }
        for child in children {
            Ended::of(child.wait_with_output().unwrap()).fine();
        }
        shop.server.mend();
        // What has the name of a content is that content; what a killed writer left has no such name.
        let blobs = shop.server.dir().join(&cache).join("artifacts/blobs/sha256");
        let mut contents = 0;
        for entry in std::fs::read_dir(blobs).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.len() == 64 {
                assert_eq!(Digest::of(&std::fs::read(&path).unwrap()).hex(), name);
                contents += 1;
            }
        }
        assert_eq!(contents, 8, "a manifest, a config and six layers");
        shop.server.ork(&["lock", "--check", "-f", &file(7), "--cache", &cache]).fine();
    }
    assert!(killed >= 8, "{killed} were killed: it is no test of that otherwise");
}
