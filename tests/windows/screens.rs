//! The screens in light and dark, in German and from right to left, in the sizes of a desk, a phone
//! and a wide desk, as pictures under `target/screens/`, with what can be checked without eyes checked: no text is cut, nothing
//! scrolls sideways.

use crate::app::{App, Seat, Theme};
use hallway_tests::{Engine, House, Link, Setup};
use serde_json::{Value, json};
use std::path::PathBuf;

const SIZES: [(u32, u32); 3] = [(1280, 800), (400, 700), (1600, 900)];

/// Text that runs out of what holds it, and boxes that scroll sideways. Cut on purpose is what says
/// so by an ellipsis; code keeps its lines and scrolls by itself.
const CUT: &str = r#"
  const bad = [], seen = new Set();
  const tell = (what, e, text) => {
    const line = what + ': <' + e.localName + (typeof e.className === 'string' && e.className ? ' ' + e.className : '') + '> ' + text.trim().slice(0, 40);
    if (!seen.has(line)) { seen.add(line); bad.push(line); }
  };
  const shown = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const clips = (v) => v === 'hidden' || v === 'clip', scrolls = (v) => v === 'auto' || v === 'scroll';
  if (document.scrollingElement.scrollWidth > innerWidth) bad.push('the page scrolls sideways');
  if (document.scrollingElement.scrollHeight > innerHeight + 1) bad.push('the page scrolls as a whole');
  for (const e of document.body.querySelectorAll('*')) {
    const wide = scrolls(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1;
    if (wide && !e.closest('pre, textarea, input') && shown(e)) tell('scrolls sideways', e, e.textContent);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent, own = node.parentElement;
    if (!text.trim() || own.closest('svg, pre, textarea') || !shown(own)) continue;
    range.selectNodeContents(node);
    let {left, right, top, bottom} = range.getBoundingClientRect(), x = true, y = true;
    if (right - left <= 1) continue;
    for (let e = own; e && e !== document.documentElement && (x || y); e = e.parentElement) {
      const style = getComputedStyle(e), box = e.getBoundingClientRect();
      if (style.display === 'contents' || style.display === 'inline') continue;
      if (box.width <= 1 || box.height <= 1) { x = y = false; break; }
      if (style.textOverflow === 'ellipsis') x = false;
      if (style.webkitLineClamp !== 'none') y = false;
      if (x && clips(style.overflowX) && (left < box.left - 1 || right > box.right + 1)) { tell('cut', own, text); x = false; }
      if (y && clips(style.overflowY) && (top < box.top - 2 || bottom > box.bottom + 2)) { tell('cut', own, text); y = false; }
      if (scrolls(style.overflowX)) x = false;
      if (scrolls(style.overflowY)) y = false;
      if (style.position === 'fixed') break;
    }
    if (x && (left < -1 || right > innerWidth + 1)) tell('outside', own, text);
    if (y && (top < -1 || bottom > innerHeight + 1)) tell('outside', own, text);
  }
  return bad;
"#;

struct Camera<'a> {
    app: &'a App,
    folder: PathBuf,
    /// What they are taken in: the theme, or a language.
    look: String,
    complaints: Vec<String>,
}

impl Camera<'_> {
    fn new(app: &App) -> Camera<'_> {
        let test = std::env::current_exe().expect("this program has a path");
        let target = test.ancestors().nth(3).expect("it lies in <target>/debug/deps");
        let folder = target.join("screens");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        let look = format!("{:?}", app.seat.theme).to_lowercase();
        Camera { app, folder, look, complaints: Vec::new() }
    }

    /// One screen in all sizes; complaints are collected, so that one run names them all.
    async fn shoot(&mut self, screen: &str) {
        for size in SIZES {
            self.size(size).await;
            self.picture(screen, size).await;
        }
        self.size(SIZES[0]).await;
    }

    async fn picture(&mut self, screen: &str, (width, height): (u32, u32)) {
        let theme = &self.look;
        let cut = self.app.run(CUT, vec![]).await;
        for complaint in cut.as_array().into_iter().flatten() {
            let complaint = complaint.as_str().unwrap_or_default();
            self.complaints.push(format!("{screen} {theme} {width}×{height}: {complaint}"));
        }
        let picture = self.app.page.screenshot().await.expect("a picture");
        let file = self.folder.join(format!("{screen}-{theme}-{width}x{height}.png"));
        std::fs::write(&file, picture).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }

    /// The page itself gets the size, whatever frame a window manager puts around it.
    async fn size(&self, (width, height): (u32, u32)) {
        let inner = "return [innerWidth, innerHeight]";
        let now = self.app.run(inner, vec![]).await;
        if now != json!([width, height]) {
            self.app.page.set_window_size(width, height).await.expect("a size");
            let frame = |wanted: u32, seen: &Value| {
                wanted
                    + wanted.saturating_sub(
                        seen.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(wanted),
                    )
            };
            let seen = self
                .app
                .until("another size", inner, |size| {
                    size[0].as_u64().is_some_and(|w| w.abs_diff(width.into()) < 40)
                })
                .await;
            if seen != json!([width, height]) {
                let (width, height) = (frame(width, &seen[0]), frame(height, &seen[1]));
                self.app.page.set_window_size(width, height).await.expect("a size");
            }
        }
        self.app.until("the size", inner, |size| *size == json!([width, height])).await;
        let frames = "const [done] = arguments;
          requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => done())))";
        self.app.page.execute_async(frames, vec![]).await.expect("three frames");
    }
}

/// Rooms as people have them: long names and short ones, talk with everything in it.
async fn furnish(house: &House) {
    let lin = house.person("lin").await;
    let eve = house.person("eve").await;
    let rooms =
        ["kitchen", "Garden, roof terrace and everything that grows there in winter", "books"];
    for name in rooms {
        let room = house.owner.creates(name).await;
        lin.joins(room).await;
        eve.joins(room).await;
        let path = format!("/rooms/{room}");
        house
            .owner
            .patch(&path, json!({ "topic": "Tea, cake and who broke the kettle" }))
            .await
            .good();
        let tea = house
            .owner
            .says(room, "Good morning! The kettle is alive again, I changed the fuse.")
            .await;
        lin.says(room, "You are a hero. I was about to boil water in the saucepan again, and the last time that happened somebody forgot it there until the paint came off.").await;
        let path = format!("/rooms/{room}/messages");
        let key = hallway_tests::wire::key();
        eve.post(&path, json!({ "key": key, "text": "What did the fuse say?", "reply": tea.seq }))
            .await
            .good();
        lin.says(room, "https://example.org/a/very/long/address/that/does/not/break/anywhere?because=it&has=no&spaces=at-all-in-it").await;
        lin.says(room, "```\nfn main() {\n    println!(\"a line of code that is longer than the window is wide, so it scrolls by itself\");\n}\n```").await;
        eve.says(room, &format!("@ada **look** at `this`: {}", "Donaudampfschifffahrt".repeat(6)))
            .await;
        let path = format!("/rooms/{room}/messages/{}/pin", tea.seq);
        house.owner.put(&path, json!({})).await.good();
        let path = format!("/rooms/{room}/messages");
        let key = hallway_tests::wire::key();
        let answer = json!({ "key": key, "text": "It said *nothing*, ||it was Bob||:\n\n- tea\n- cake\n\n> what a pity", "thread": tea.seq });
        eve.post(&path, answer).await.good();
        for emoji in ["👍", "🎉", "😂"] {
            let path = format!("/rooms/{room}/messages/{}/reactions/{emoji}", tea.seq);
            lin.put(&path, json!({})).await.good();
        }
    }
    let direct = lin.post("/rooms/direct", json!({ "users": [house.owner.user] })).await.good();
    let direct = hallway_protocol::ids::RoomId(direct["room"].as_i64().expect("a room"));
    lin.says(direct, "Are you coming to the concert on Saturday?").await;
}

/// What stands beside a conversation, and what opens over it.
async fn beside(ada: &App, camera: &mut Camera<'_>) {
    let talk = "What did the fuse say?";
    for size in SIZES {
        camera.size(size).await;
        ada.act(talk, ".more").await;
        ada.shown("message-actions .menu").await;
        camera.picture("11-menu", size).await;
        ada.keys(&String::from(char::from(fantoccini::key::Key::Escape))).await;
    }
    camera.size(SIZES[0]).await;
    ada.act(talk, ".thread").await;
    ada.shown("thread-panel message-item").await;
    camera.shoot("12-thread").await;
    ada.click("panel-head button").await;
    ada.click("room-head .pins").await;
    ada.shown("pins-panel message-item").await;
    camera.shoot("13-pins").await;
    ada.click("room-head .details").await;
    for size in SIZES {
        camera.size(size).await;
        ada.click("room-details .day").await;
        ada.shown("date-box").await;
        camera.picture("14-days", size).await;
        ada.keys(&String::from(char::from(fantoccini::key::Key::Escape))).await;
    }
    camera.size(SIZES[0]).await;
}

async fn pictures(theme: Theme) {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    furnish(&house).await;
    let link = Link::to(house.address()).await;
    let mut seat = Seat::new("ada");
    seat.theme = theme;
    let ada = App::start(seat).await;
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(ada.run(dark, vec![]).await, theme == Theme::Dark, "the desktop's theme arrives");
    let mut camera = Camera::new(&ada);

    ada.fill("sign-in [name=url]", &link.url()).await;
    ada.until("the server", "return document.querySelector('sign-in .found').textContent", |t| {
        t.as_str().is_some_and(|t| t.contains('.'))
    })
    .await;
    camera.shoot("1-sign-in").await;
    ada.click("sign-in .turn").await;
    ada.shown("sign-in [name=invite]").await;
    camera.shoot("2-register").await;
    ada.click("sign-in .turn").await;
    ada.sign_in(&link.url(), "ada").await;

    ada.open("kitchen").await;
    ada.sees("Good morning! The kettle is alive again, I changed the fuse.").await;
    camera.shoot("3-room").await;
    for size in SIZES {
        camera.size(size).await; // the palette opens beside its message, in each size anew
        ada.act("What did the fuse say?", ".react").await;
        ada.shown("emoji-palette").await;
        camera.picture("4-reacting", size).await;
        ada.click("emoji-palette button[value='❤️']").await;
    }
    camera.size(SIZES[0]).await;
    ada.click("room-head .members").await;
    ada.shown("member-row").await;
    camera.shoot("5-members").await;
    ada.click("room-head .details").await;
    ada.shown("room-details").await;
    camera.shoot("6-details").await;
    ada.click("room-head .search").await;
    ada.fill("search-panel [type=search]", "kettle").await;
    ada.shown("search-hit").await;
    camera.shoot("7-search").await;
    ada.click("room-head .search").await;
    ada.press("Create a room").await;
    ada.shown("create-room").await;
    camera.shoot("8-create").await;
    ada.press("Find a room").await;
    ada.shown("join-room li").await;
    camera.shoot("9-directory").await;
    ada.open("kitchen").await;
    beside(&ada, &mut camera).await;

    ada.open("books").await;
    link.cut();
    ada.link("the link is gone", |said| !said.is_empty()).await;
    ada.say("This one waits for the link, and says so.").await;
    ada.lines_are("it waits", |lines| lines.last().is_some_and(|line| line.pending)).await;
    camera.shoot("10-offline").await;

    let complaints = camera.complaints;
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    ada.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn screens_in_light() {
    pictures(Theme::Light).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn screens_in_dark() {
    pictures(Theme::Dark).await;
}

/// The same window in another language, and with everything the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn screens_in_german_and_from_right_to_left() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    furnish(&house).await;
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;
    let mut camera = Camera::new(&ada);
    for (look, turn) in [
        ("german", "localStorage.setItem('language', 'de'); location.reload()"),
        ("turned", "document.documentElement.dir = 'rtl'"),
    ] {
        camera.look = look.to_owned();
        ada.run(turn, vec![]).await;
        let speaks = "return document.querySelector('side-bar .jump span')?.textContent ?? ''";
        ada.until("it speaks German", speaks, |said| said == "Springen zu …").await;
        ada.open("kitchen").await;
        ada.sees("Good morning! The kettle is alive again, I changed the fuse.").await;
        camera.shoot("3-room").await;
        ada.click("room-head .members").await;
        ada.shown("member-row").await;
        camera.shoot("5-members").await;
        ada.click("room-head .details").await;
        ada.shown("room-details").await;
        camera.shoot("6-details").await;
        ada.click("room-head .details").await;
        beside(&ada, &mut camera).await;
        ada.click("room-head .details").await;
    }
    let complaints = camera.complaints;
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    ada.close().await;
}
