//! P3: what one device does in one room keeps its order, whatever happens to the link in between.

use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::{Key, RoomId};
use hallway_tests::house::reopen;
use hallway_tests::wire::{Socket, key};
use hallway_tests::{Engine, House, Link, Rest, soon};
use rand::{RngExt, SeedableRng};
use std::collections::VecDeque;

/// Commands a room may have unanswered (protocol.md §1).
const UNANSWERED: usize = 16;
/// Messages said.
const SAID: usize = 400;

/// Says all of `texts` in order over a link that keeps breaking; the client repeats what was not
/// answered, in order, with the same keys.
async fn insist(me: &Rest, room: RoomId, texts: &[(Key, String)]) {
    let (mut next, mut unanswered) = (0, VecDeque::new());
    while next < texts.len() || !unanswered.is_empty() {
        let mut socket = reopen(me).await;
        let again: Vec<usize> = unanswered.iter().copied().collect();
        // An error of any kind here is a broken link: start over.
        let _ = converse(&mut socket, room, texts, again, &mut next, &mut unanswered).await;
    }
}

async fn converse(
    socket: &mut Socket,
    room: RoomId,
    texts: &[(Key, String)],
    again: Vec<usize>,
    next: &mut usize,
    unanswered: &mut VecDeque<usize>,
) -> anyhow::Result<()> {
    let mut asked = VecDeque::new();
    for index in again {
        let (key, text) = &texts[index];
        asked.push_back((socket.says(room, key.clone(), text).await?, index));
    }
    loop {
        while unanswered.len() < UNANSWERED && *next < texts.len() {
            let (key, text) = &texts[*next];
            unanswered.push_back(*next);
            let id = socket.says(room, key.clone(), text).await?;
            asked.push_back((id, *next));
            *next += 1;
        }
        if unanswered.is_empty() {
            return Ok(());
        }
        match socket.next().await {
            Ok(ServerFrame::Ok(done)) => {
                let at = asked.iter().position(|(id, _)| *id == done.id);
                let (_, index) = asked.remove(at.expect("an answer to a question")).expect("it");
                unanswered.retain(|one| *one != index);
            }
            Ok(ServerFrame::Error(error)) => anyhow::bail!("{}", error.message),
            Ok(_) => {}
            Err(ended) => anyhow::bail!("{ended:?}"),
        }
    }
}

async fn a_broken_link_changes_no_order(engine: Engine) {
    let house = House::on(engine).await;
    let kitchen = house.owner.creates("kitchen").await;
    let link = Link::to(house.address()).await;
    let ada = house.owner.via(&link.url());
    let texts: Vec<_> = (0..SAID).map(|n| (key(), format!("line {n}"))).collect();

    let mut random = rand::rngs::StdRng::seed_from_u64(3);
    let mut watcher = Socket::open(&house.owner).await;
    let breaker = async {
        // A cut at every so many messages seen, in the middle of whatever is under way.
        let mut seen = 0;
        let mut cut = random.random_range(5..25);
        while seen < SAID {
            let text = watcher.until("the next line", |frame| match frame {
                ServerFrame::Event { rows, .. } => Some(rows.len()),
                _ => None,
            });
            seen += text.await.min(1);
            if seen >= cut && seen < SAID {
                link.cut();
                link.mend();
                cut = seen + random.random_range(5..25);
            }
        }
    };
    soon("all lines", async { tokio::join!(insist(&ada, kitchen, &texts), breaker) }).await;

    let said: Vec<_> = house.owner.history(kitchen).await;
    let said: Vec<_> = said.into_iter().filter(|row| row.key.is_some()).map(|m| m.text).collect();
    let meant: Vec<_> = texts.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, meant);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_changes_no_order_on_sqlite() {
    a_broken_link_changes_no_order(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_changes_no_order_on_postgres() {
    a_broken_link_changes_no_order(Engine::Postgres).await;
}
