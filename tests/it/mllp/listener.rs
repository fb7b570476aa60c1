//! What listens: each message is kept before it is acknowledged, and nothing that a sender does holds up another.

use super::memory::Memory;
use super::{Peer, Running, framed, goal, goal_asking, run, said};
use sauma::diag::codes;
use sauma::exchange::inbox::Outcome;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[test]
fn messages_of_a_pipeline_are_kept_in_order_and_each_is_answered() {
    run(async {
        let running = Running::start(Memory::slow(20), |_| ()).await;
        let mut peer = running.connect().await;
        let ids: Vec<String> = (0..200).map(|n| format!("m{n}")).collect();
        let stream: Vec<u8> = ids.iter().flat_map(|id| framed(&goal(id, "1"))).collect();
        // Cut anywhere.
        for chunk in stream.chunks(1_000) {
            peer.say(chunk).await;
        }
        for id in &ids {
            assert_eq!(said(&peer.next().await.unwrap()), format!("AA {id}"));
        }
        assert_eq!(running.inbox.ids(), ids);
        let commits = running.inbox.commits.load(Ordering::Relaxed);
        assert!(commits < 100, "{commits} commits");
        assert_eq!(running.told.messages(), 200);
    });
}

#[test]
fn a_message_is_answered_when_it_is_kept_and_not_before() {
    run(async {
        let running = Running::start(Memory::slow(300), |_| ()).await;
        let mut peer = running.connect().await;
        let start = Instant::now();
        assert_eq!(peer.ask(&goal("a", "1")).await, "AA a");
        assert!(start.elapsed() >= Duration::from_millis(300));
    });
}

#[test]
fn a_message_that_comes_again_gets_the_same_answer_and_is_kept_once() {
    run(async {
        let running = Running::plain().await;
        let mut peer = running.connect().await;
        let message = framed(&goal("a", "1"));
        let id = |answer: String| answer.split('|').nth(9).unwrap().to_owned();
        peer.say(&message).await;
        let first = id(peer.next().await.unwrap());
        let mut other = running.connect().await;
        other.say(&message).await;
        assert_eq!(id(other.next().await.unwrap()), first);
        assert_eq!(running.inbox.ids(), ["a"]);
    });
}

#[test]
fn an_endless_message_is_refused() {
    run(async {
        let running = Running::start(Arc::default(), |settings| {
            settings.limits.frame_bytes_max = 100_000;
            settings.limits.buffer_bytes_max = 1 << 20;
        })
        .await;
        let mut peer = running.connect().await;
        peer.say(&framed(&goal("a", "1"))[..150]).await;
        let junk = "x".repeat(1_000);
        let mut sent = 0;
        while peer.stream_write(junk.as_bytes()).await && sent < 100_000 {
            sent += 1;
        }
        assert!(sent < 100_000, "100 MB were taken");
        let answer = peer.next().await;
        // Where the end came as a reset, the answer is lost; the next message is not.
        if let Some(answer) = answer {
            assert_eq!(said(&answer), "AE a");
            assert!(answer.contains("X640"), "{answer}");
        }
        running.told(codes::MLLP_TOO_LONG).await;
        let mut other = running.connect().await;
        assert_eq!(other.ask(&goal("b", "1")).await, "AA b");
        assert_eq!(running.inbox.ids(), ["b"]);
    });
}

#[test]
fn connections_share_the_room_for_messages_that_are_not_whole() {
    run(async {
        let running =
            Running::start(Arc::default(), |settings| settings.limits.buffer_bytes_max = 512 << 10).await;
        let mut peers = Vec::new();
        for _ in 0..8 {
            let mut peer = running.connect().await;
            peer.say(&framed(&"x".repeat(200_000))[..200_000]).await;
            peers.push(peer);
        }
        running.told(codes::MLLP_NOT_KEPT).await;
        drop(peers);
        let mut other = running.connect().await;
        assert_eq!(other.ask(&goal("b", "1")).await, "AA b");
    });
}

#[test]
fn a_message_that_comes_too_slowly_is_not_waited_for() {
    run(async {
        let running = Running::start(Arc::default(), |settings| settings.limits.frame_seconds = 1).await;
        let mut peer = running.connect().await;
        let start = Instant::now();
        for byte in framed(&goal("a", "1")) {
            if !peer.stream_write(&[byte]).await || start.elapsed() > Duration::from_secs(10) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running.told(codes::MLLP_SLOW).await;
        assert!(start.elapsed() < Duration::from_secs(8));
        assert!(running.inbox.ids().is_empty());
    });
}

#[test]
fn a_silent_connection_ends() {
    run(async {
        let running = Running::start(Arc::default(), |settings| settings.limits.idle_seconds = 1).await;
        let mut peer = running.connect().await;
        assert_eq!(peer.ask(&goal("a", "1")).await, "AA a");
        assert!(peer.is_ended().await);
    });
}

#[test]
fn a_bad_message_stops_no_other() {
    run(async {
        let running = Running::plain().await;
        let mut peer = running.connect().await;
        let bad = "MSH|^^\\&|HOME|UNIT|||2026||PGL^PC6|bad|P|2.5.1\rPID|1||1^^^UNIT\r";
        let stream =
            [framed(&goal("a", "1")), framed(bad), framed("no header"), framed(&goal("b", "1"))].concat();
        peer.say(&stream).await;
        assert_eq!(said(&peer.next().await.unwrap()), "AA a");
        for code in ["F131", "F130"] {
            let answer = peer.next().await.unwrap();
            assert!(said(&answer).starts_with("AE") && answer.contains(code), "{answer}");
        }
        assert_eq!(said(&peer.next().await.unwrap()), "AA b");
        let kept = running.inbox.kept();
        let unreadable = kept.messages.iter().map(|message| message.unreadable.map(|code| code.id));
        assert_eq!(unreadable.collect::<Vec<_>>(), [None, Some("F131"), Some("F130"), None]);
        drop(kept);
        let lanes = running.inbox.lanes();
        assert!(lanes[0].is_some() && lanes[0] == lanes[3] && lanes[1].is_none());
    });
}

#[test]
fn what_stands_between_messages_is_told() {
    run(async {
        let running = Running::plain().await;
        let mut peer = running.connect().await;
        peer.say(b"hello").await;
        peer.say(&[framed(&goal("a", "1")), b"\r\n junk".to_vec(), framed(&goal("b", "1"))].concat()).await;
        assert_eq!(said(&peer.next().await.unwrap()), "AA a");
        assert_eq!(said(&peer.next().await.unwrap()), "AA b");
        running.told(codes::MLLP_STRAY).await;
        // A sender that was cut off begins anew within its own message.
        let half = &framed(&goal("c", "1"))[..60];
        peer.say(&[half, &framed(&goal("c", "1"))].concat()).await;
        assert_eq!(said(&peer.next().await.unwrap()), "AA c");
        running.told(codes::MLLP_BROKEN).await;
        peer.say(&[b'x'; 10_000]).await;
        assert!(peer.is_ended().await);
        running.told(codes::MLLP_NO_FRAME).await;
        assert_eq!(running.inbox.ids(), ["a", "b", "c"]);
    });
}

#[test]
fn kinds_that_were_not_agreed_are_turned_away() {
    run(async {
        let running =
            Running::start(Arc::default(), |settings| settings.messages = vec!["PGL".to_owned()]).await;
        let mut peer = running.connect().await;
        let check = async |peer: &mut Peer<_>, message: &str, expected: &str, code: &str| {
            peer.say(&framed(message)).await;
            let answer = peer.next().await.unwrap();
            assert_eq!(said(&answer), expected);
            assert!(answer.contains(code), "{answer}");
        };
        let other = goal("a", "1").replace("PGL^PC6^PGL_PC6", "ADT^A01");
        check(&mut peer, &other, "AR a", "ERR||MSH^1^9|200^Unsupported message type^HL70357|E|X645").await;
        let test = goal("b", "1").replace("|P|", "|T|");
        check(&mut peer, &test, "AR b", "ERR||MSH^1^11|202^Unsupported processing id^HL70357|E|X646").await;
        check(&mut peer, &test.replace("|2.5.1|||", "|2.3|||AL"), "CR b", "ERR|MSH^1^11^202&").await;
        // An acknowledgement is not acknowledged.
        peer.say(&framed(&goal("c", "1").replace("PGL^PC6^PGL_PC6", "ACK"))).await;
        assert_eq!(peer.ask(&goal("d", "1")).await, "AA d");
        assert_eq!(running.inbox.ids(), ["d"]);
    });
}

#[test]
fn an_inbox_that_takes_nothing_says_so_and_nothing_overtakes() {
    run(async {
        let running = Running::plain().await;
        running.inbox.is_full.store(true, Ordering::Relaxed);
        let mut peer = running.connect().await;
        peer.say(&[framed(&goal("a", "1")), framed(&goal("b", "1"))].concat()).await;
        for id in ["a", "b"] {
            let answer = peer.next().await.unwrap();
            assert_eq!(said(&answer), format!("AR {id}"));
            assert!(answer.contains("207^Application internal error"), "{answer}");
        }
        assert!(peer.is_ended().await);
        let mut peer = running.connect().await;
        assert_eq!(peer.ask(&goal_asking("a", "1", "AL|NE")).await, "CE a");
        assert!(running.inbox.ids().is_empty());
        running.inbox.is_full.store(false, Ordering::Relaxed);
        let mut peer = running.connect().await;
        assert_eq!(peer.ask(&goal("a", "1")).await, "AA a");
    });
}

#[test]
fn in_enhanced_mode_a_message_is_answered_when_kept_and_when_applied() {
    run(async {
        let running = Running::plain().await;
        let mut peer = running.connect().await;
        assert_eq!(peer.ask(&goal_asking("a", "1", "AL|AL")).await, "CA a");
        // The answer to the application may come behind other messages.
        assert_eq!(peer.ask(&goal_asking("b", "1", "AL|NE")).await, "CA b");
        assert_eq!(peer.ask(&goal_asking("c", "1", "AL|ER")).await, "CA c");
        for (number, outcome) in
            [(3, Outcome::Dead(codes::ER7_SEGMENT)), (2, Outcome::Applied), (1, Outcome::Applied)]
        {
            running.inbox.kept().outcomes.insert(number, outcome);
        }
        let mut told = [said(&peer.next().await.unwrap()), said(&peer.next().await.unwrap())];
        told.sort();
        assert_eq!(told, ["AA a", "AE c"]);
        // Nothing is said of a success where only errors are asked for.
        peer.say(&framed(&goal_asking("d", "1", "ER|NE"))).await;
        assert_eq!(peer.ask(&goal_asking("e", "1", "AL|NE")).await, "CA e");
    });
}

#[test]
fn connections_that_do_nothing_do_no_harm() {
    run(async {
        let running = Running::start(Arc::default(), |settings| {
            settings.limits.connections_max = 500;
            settings.limits.connections_per_address_max = 1_000;
        })
        .await;
        let mut peers = Vec::new();
        for _ in 0..500 {
            peers.push(running.connect().await);
        }
        // All of them are held, so that there is no place for one more.
        let mut late = running.connect().await;
        assert!(late.is_ended().await);
        running.told(codes::MLLP_PLACES).await;
        for (at, peer) in peers.iter_mut().enumerate().step_by(50) {
            assert_eq!(peer.ask(&goal(&format!("m{at}"), "1")).await, format!("AA m{at}"));
        }
        drop(peers.pop());
        let again = async {
            loop {
                let mut peer = running.connect().await;
                if peer.stream_write(&framed(&goal("again", "1"))).await && peer.next().await.is_some() {
                    break;
                }
            }
        };
        tokio::time::timeout(super::PATIENCE, again).await.unwrap();
    });
}

#[test]
fn one_address_does_not_take_all_places() {
    run(async {
        let running =
            Running::start(Arc::default(), |settings| settings.limits.connections_per_address_max = 2).await;
        let mut first = running.connect().await;
        let mut second = running.connect().await;
        assert_eq!(first.ask(&goal("a", "1")).await, "AA a");
        assert_eq!(second.ask(&goal("b", "1")).await, "AA b");
        assert!(running.connect().await.is_ended().await);
        let strange = Running::start(Arc::default(), |settings| {
            settings.addresses = vec![std::net::IpAddr::from([127, 0, 0, 9])];
        })
        .await;
        assert!(strange.connect().await.is_ended().await);
        strange.told(codes::MLLP_STRANGER).await;
    });
}

#[test]
fn a_listener_ends_when_what_has_begun_is_answered() {
    run(async {
        let mut running = Running::start(Memory::slow(300), |_| ()).await;
        let (mut idle, mut busy) = (running.connect().await, running.connect().await);
        let message = framed(&goal("a", "1"));
        busy.say(&message[..50]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.stop.take().unwrap().send(()).unwrap();
        assert!(idle.is_ended().await);
        busy.say(&message[50..]).await;
        assert_eq!(said(&busy.next().await.unwrap()), "AA a");
        assert!(busy.is_ended().await);
        running.ended.await.unwrap();
    });
}

impl Peer<tokio::net::TcpStream> {
    /// Writes as long as the other end takes it.
    async fn stream_write(&mut self, bytes: &[u8]) -> bool {
        use tokio::io::AsyncWriteExt;
        self.stream.write_all(bytes).await.is_ok()
    }
}
