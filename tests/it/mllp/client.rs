//! What calls: a message is sent until it is answered, and an answer counts for its own message alone.

use super::{PATIENCE, Peer, Running, framed, goal, goal_asking, run};
use sauma::diag::codes;
use sauma::exchange::inbox::Outcome;
use sauma::exchange::mllp::acknowledgement::Answer;
use sauma::exchange::mllp::{Application, Client, MllpSend, Told, Unsent};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A client that soon grows impatient.
fn client(address: SocketAddr, window: usize) -> (Arc<Client>, mpsc::Receiver<Application>, Arc<Told>) {
    let told = Arc::new(Told::new("to-unit"));
    let mut settings = MllpSend::to(address.to_string());
    settings.window = window;
    settings.answer_ms = 500;
    settings.pause_ms_first = 10;
    settings.pause_ms_max = 100;
    let (client, applications) = Client::start(settings, Arc::clone(&told)).unwrap();
    (Arc::new(client), applications, told)
}

/// A receiver that a test plays.
async fn receiver() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn taken(listener: &TcpListener) -> Peer<TcpStream> {
    Peer::new(tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap().0)
}

fn answer(word: &str, id: &str) -> Vec<u8> {
    framed(&format!("MSH|^~\\&|X|Y|HOME|UNIT|2026||ACK|r|P|2.5.1\rMSA|{word}|{id}\r"))
}

fn send(client: &Arc<Client>, message: String) -> tokio::task::JoinHandle<Result<Answer, Unsent>> {
    let client = Arc::clone(client);
    tokio::spawn(async move { client.send(message.as_bytes()).await })
}

#[test]
fn late_and_doubled_answers_are_told_and_count_for_nobody() {
    run(async {
        let (listener, address) = receiver().await;
        let (client, _applications, told) = client(address, 1);
        let first = send(&client, goal("a", "1"));
        let mut peer = taken(&listener).await;
        let sent = peer.next().await.unwrap();
        // No answer in time: the same message comes again, over a new connection.
        let mut peer = taken(&listener).await;
        assert_eq!(peer.next().await.unwrap(), sent);
        assert_eq!(told.count(codes::MLLP_UNANSWERED), 1);
        peer.say(&[answer("AA", "other"), answer("AA", "a"), answer("AA", "a")].concat()).await;
        assert_eq!(first.await.unwrap(), Ok(Answer::Accepted));
        let second = send(&client, goal("b", "1"));
        assert_eq!(peer.next().await.unwrap(), goal("b", "1"));
        // The late answer to the message before is a refusal, and is not taken for this one's.
        peer.say(&[answer("AE", "a"), answer("AA", "b")].concat()).await;
        assert_eq!(second.await.unwrap(), Ok(Answer::Accepted));
        assert_eq!(told.count(codes::MLLP_STRAY_ANSWER), 3);
        assert_eq!(told.messages(), 2);
    });
}

#[test]
fn what_was_not_answered_is_sent_again_in_its_order() {
    run(async {
        let (listener, address) = receiver().await;
        let (client, _applications, _told) = client(address, 4);
        let mut sent = Vec::new();
        for id in ["a", "b", "c", "d", "e"] {
            sent.push(send(&client, goal(id, "1")));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut peer = taken(&listener).await;
        for id in ["a", "b", "c", "d"] {
            assert_eq!(peer.next().await.unwrap(), goal(id, "1"));
        }
        // One answer, out of order, and the receiver dies.
        peer.say(&answer("AA", "b")).await;
        assert_eq!(peer.next().await.unwrap(), goal("e", "1"));
        drop(peer);
        let mut peer = taken(&listener).await;
        for id in ["a", "c", "d", "e"] {
            assert_eq!(peer.next().await.unwrap(), goal(id, "1"));
            peer.say(&answer("CA", id)).await;
        }
        for sent in sent {
            assert_eq!(sent.await.unwrap(), Ok(Answer::Accepted));
        }
    });
}

#[test]
fn a_receiver_that_is_away_is_called_until_it_is_there() {
    run(async {
        let (listener, address) = receiver().await;
        drop(listener);
        let (client, _applications, told) = client(address, 1);
        let sent = send(&client, goal("a", "1"));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(told.count(codes::MLLP_UNREACHED) >= 2);
        let listener = TcpListener::bind(address).await.unwrap();
        let mut peer = taken(&listener).await;
        peer.next().await.unwrap();
        peer.say(&answer("AA", "a")).await;
        assert_eq!(sent.await.unwrap(), Ok(Answer::Accepted));
    });
}

#[test]
fn nobody_waits_for_a_message_whose_sender_has_gone() {
    run(async {
        let (listener, address) = receiver().await;
        let (client, _applications, _told) = client(address, 1);
        let first = send(&client, goal("a", "1"));
        let mut peer = taken(&listener).await;
        peer.next().await.unwrap();
        first.abort();
        drop(first.await);
        let second = send(&client, goal("b", "1"));
        let mut peer = taken(&listener).await;
        assert_eq!(peer.next().await.unwrap(), goal("b", "1"));
        peer.say(&answer("AA", "b")).await;
        assert_eq!(second.await.unwrap(), Ok(Answer::Accepted));
    });
}

#[test]
fn refusals_that_pass_are_told_apart_from_those_that_stay() {
    run(async {
        let running =
            Running::start(Arc::default(), |settings| settings.messages = vec!["PGL".to_owned()]).await;
        let (client, _applications, _told) = client(running.address, 1);
        let other = goal("x", "1").replace("PGL^PC6^PGL_PC6", "ADT^A01");
        assert_eq!(client.send(other.as_bytes()).await, Ok(Answer::Never(Some(200))));
        running.inbox.is_full.store(true, Ordering::Relaxed);
        assert_eq!(client.send(goal("a", "1").as_bytes()).await, Ok(Answer::Later(Some(207))));
        running.inbox.is_full.store(false, Ordering::Relaxed);
        assert_eq!(client.send(goal("a", "1").as_bytes()).await, Ok(Answer::Accepted));
    });
}

#[test]
fn an_application_acknowledgement_comes_apart() {
    run(async {
        let running = Running::plain().await;
        let (client, mut applications, told) = client(running.address, 1);
        let sent = client.send(goal_asking("a", "1", "AL|AL").as_bytes()).await;
        assert_eq!(sent, Ok(Answer::Accepted));
        running.inbox.kept().outcomes.insert(1, Outcome::Dead(codes::ER7_SEGMENT));
        let told_later = tokio::time::timeout(PATIENCE, applications.recv()).await.unwrap().unwrap();
        assert_eq!(told_later, Application { control_id: "a".to_owned(), answer: Answer::Never(Some(102)) });
        assert_eq!(told.count(codes::MLLP_STRAY_ANSWER), 0);
    });
}

#[test]
fn a_message_that_cannot_be_answered_is_not_sent() {
    run(async {
        let (listener, address) = receiver().await;
        let (client, _applications, _told) = client(address, 2);
        let check =
            async |message: &str, expected| assert_eq!(client.send(message.as_bytes()).await, Err(expected));
        check("hello", Unsent::NoControlId).await;
        check(&goal("", "1"), Unsent::NoControlId).await;
        check(&goal_asking("a", "1", "NE|NE"), Unsent::NoAcknowledgement).await;
        check(&goal_asking("a", "1", "ER|ER"), Unsent::NoAcknowledgement).await;
        let first = send(&client, goal("a", "1"));
        let mut peer = taken(&listener).await;
        peer.next().await.unwrap();
        check(&goal("a", "1"), Unsent::Doubled).await;
        peer.say(&answer("AA", "a")).await;
        assert_eq!(first.await.unwrap(), Ok(Answer::Accepted));
    });
}
