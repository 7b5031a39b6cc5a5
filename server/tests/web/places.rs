//! Pictures that say where they were taken, in each form that a camera or a scanner writes: whatever
//! is served says it no more.

use crate::house::{House, Person};
use crate::pictures::{content, decoded, from_a_phone};
use serde_json::{Value, json};

/// What Exif says of a place, as no picture says anything by chance: 52° 31' 12.34" N.
const PLACE: [u32; 6] = [52, 1, 31, 1, 1_234, 100];

fn place() -> Vec<u8> {
    PLACE.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// An entry of a directory of Exif.
fn entry(tag: u16, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
    [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
}

fn short(value: u16) -> [u8; 4] {
    let [high, low] = value.to_be_bytes();
    [high, low, 0, 0]
}

fn directory(entries: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(entries.len()).expect("few").to_be_bytes();
    [&count[..], &entries.concat(), &[0; 4]].concat()
}

/// A TIFF of 8 × 4 red pixels that is to be turned, was taken somewhere, and says so twice: in Exif
/// and in XMP. With `more`, its first page says that of itself.
fn tiff(more: &[Vec<u8>]) -> Vec<u8> {
    let (width, height, xmp) = (8u16, 4u16, xmp());
    let first = 8u32;
    let pages = |pixels: u32, said: u32, gps: u32| {
        let mut entries = vec![
            entry(256, 3, 1, short(width)),
            entry(257, 3, 1, short(height)),
            entry(258, 3, 1, short(8)),
            entry(259, 3, 1, short(1)),
            entry(262, 3, 1, short(1)),
            entry(273, 4, 1, pixels.to_be_bytes()),
            entry(274, 3, 1, short(6)),
            entry(277, 3, 1, short(1)),
            entry(278, 3, 1, short(height)),
            entry(279, 4, 1, u32::from(width * height).to_be_bytes()),
            entry(700, 1, xmp.len() as u32, said.to_be_bytes()),
            entry(34_853, 4, 1, gps.to_be_bytes()),
        ];
        entries.extend(more.iter().cloned());
        entries.sort_by_key(|entry| [entry[0], entry[1]]);
        directory(&entries)
    };
    let pixels = first + pages(0, 0, 0).len() as u32;
    let said = pixels + u32::from(width * height);
    let gps = said + xmp.len() as u32;
    let north = entry(1, 2, 2, *b"N\0\0\0");
    let value = gps + directory(&[north.clone(), north.clone()]).len() as u32;
    let gps_page = directory(&[north, entry(2, 5, 3, value.to_be_bytes())]);
    let head = [b"MM\0*", &first.to_be_bytes()[..]].concat();
    let grey = vec![200; usize::from(width * height)];
    [head, pages(pixels, said, gps), grey, xmp, gps_page, place()].concat()
}

fn xmp() -> Vec<u8> {
    b"<rdf:RDF><exif:GPSLatitude>52,31.2057N</exif:GPSLatitude></rdf:RDF>".to_vec()
}

/// Whether any of it says where.
fn tells(bytes: &[u8]) -> bool {
    let place = place();
    [&place[..], b"GPSLatitude", b"52,31.2057N", b"Ada at home", b"+52.5234"]
        .iter()
        .any(|said| bytes.windows(said.len()).any(|window| window == *said))
}

/// A box of ISO/IEC 14496-12.
fn boxed(name: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let size = u32::try_from(content.len() + 8).expect("short").to_be_bytes();
    [&size[..], name, &content].concat()
}

/// An item of a picture in boxes: its kind, what more is said of it, its bytes.
type Item<'i> = (&'i [u8; 4], &'i [u8], &'i [u8]);

/// A picture in boxes as a phone writes it: the picture of two tiles, a small one of it, and beside it
/// Exif, XMP, a name, a film and what nobody refers to, all of which say where. The first item is the
/// picture, and lies beside the description; the others in one box after it.
fn phone(brand: &[u8; 4], items: &[Item<'_>]) -> Vec<u8> {
    let two = |number: usize| u16::try_from(number).expect("few").to_be_bytes();
    let four = |number: usize| u32::try_from(number).expect("short").to_be_bytes();
    let brands = boxed(b"ftyp", &[brand, &[0; 4], b"mif1", b"miaf", brand]);
    let about = |start: usize| {
        let (mut list, mut places, mut at) = (Vec::new(), Vec::new(), start);
        for (n, (kind, said, bytes)) in items.iter().enumerate() {
            let id = two(n + 1);
            let name = [b"Ada at home\0", *said].concat();
            list.extend(boxed(b"infe", &[&[2, 0, 0, 0], &id, &[0; 2], *kind, &name]));
            let (how, from) = if n == 0 { (1, 0) } else { (0, at) };
            places.extend([&id[..], &two(how), &[0; 2], &two(1)].concat());
            places.extend([four(from), four(bytes.len())].concat());
            at += if n == 0 { 0 } else { bytes.len() };
        }
        let handler = boxed(b"hdlr", &[&[0; 8], b"pict", &[0; 12], b"Ada at home\0"]);
        let main = boxed(b"pitm", &[&[0; 4], &two(1)]);
        let list = boxed(b"iinf", &[&[0; 4], &two(items.len()), &list]);
        let places = boxed(b"iloc", &[&[1, 0, 0, 0, 0x44, 0], &two(items.len()), &places]);
        let size = boxed(b"ispe", &[&[0; 4], &four(8), &four(4)]);
        let words = boxed(b"udes", &[&[0; 4], b"en\0Ada at home\0"]);
        let properties = boxed(b"ipco", &[&size, &words]);
        let of = boxed(b"ipma", &[&[0; 4], &four(1), &two(1), &[1, 1]]);
        let properties = boxed(b"iprp", &[&properties, &of]);
        let own = boxed(b"idat", &[items[0].2, b"Ada at home"]);
        boxed(b"meta", &[&[0; 4], &handler, &main, &list, &places, &properties, &own])
    };
    let film = boxed(b"moov", &[&boxed(b"udta", &[&boxed(b"\xa9xyz", &[b"+52.5234+013.4114/"])])]);
    let before = [brands, about(0), film].concat().len() + 8;
    let film = boxed(b"moov", &[&boxed(b"udta", &[&boxed(b"\xa9xyz", &[b"+52.5234+013.4114/"])])]);
    let stored: Vec<_> = items[1..].iter().map(|(_, _, bytes)| *bytes).collect();
    let stored = boxed(b"mdat", &[&stored.concat(), &place()]);
    let brands = boxed(b"ftyp", &[brand, &[0; 4], b"mif1", b"miaf", brand]);
    let beside = boxed(b"uuid", &[&[7; 16], &xmp()]);
    [brands, about(before), film, stored, beside].concat()
}

/// What stands beside the picture of a phone.
fn exif() -> Vec<u8> {
    [&[0, 0, 0, 6][..], b"Exif\0\0", &tiff(&[])].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_in_boxes_keeps_what_draws_it_and_nothing_else() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (exif, xmp) = (exif(), xmp());
    let kinds: [(&[u8; 4], &[u8; 4], &str); 3] = [
        (b"heic", b"hvc1", "image/heic"),
        (b"avif", b"av01", "image/avif"),
        (b"avis", b"av01", "image/avif"),
    ];
    for (brand, coded, kind) in kinds {
        let items: [Item<'_>; 5] = [
            (b"grid", b"", b"\0\0\0\x01\0\x08\0\x04"),
            (coded, b"", b"the left half"),
            (b"Exif", b"", &exif),
            (coded, b"", b"the right half"),
            (b"mime", b"application/rdf+xml\0", &xmp),
        ];
        let bytes = phone(brand, &items);
        assert!(tells(&bytes));
        let said = ada.uploads("IMG_1.HEIC", "application/octet-stream", &bytes).await;
        assert_eq!((&said["type"], &said["width"]), (&json!(kind), &Value::Null));
        let out = content(&ada, &said["id"]).await;
        assert!(!tells(&out), "{kind}: {}", String::from_utf8_lossy(&out));
        assert_eq!(out.len(), bytes.len());
        // What draws it is where it was.
        for drawn in [&b"the left half"[..], b"the right half", b"\0\0\0\x01\0\x08\0\x04", b"ispe"]
        {
            let at = |bytes: &[u8]| bytes.windows(drawn.len()).position(|window| window == drawn);
            assert!(at(&out).is_some() && at(&out) == at(&bytes), "{kind}: {drawn:?}");
        }
        assert!(!out.windows(4).any(|four| matches!(four, b"Exif" | b"moov" | b"avis")));
        shown_by_nobody(&ada, &said["id"]).await;
    }
}

/// It is given to be kept, not to be shown, and there is no small one of it.
async fn shown_by_nobody(person: &Person, id: &Value) {
    let path = format!("/media/{}", id.as_str().expect("an id"));
    let said = person.get(&format!("{path}/content")).await;
    assert!(said.headers["content-disposition"].starts_with("attachment"), "{:?}", said.headers);
    let small = person.get(&format!("{path}/thumbnail")).await;
    assert_eq!(small.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_freed_of_a_place_is_refused() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (exif, tile) = (exif(), b"the left half");
    let whole: [Item<'_>; 3] =
        [(b"grid", b"", b"grid"), (b"hvc1", b"", tile), (b"Exif", b"", &exif)];
    let fine = phone(b"heic", &whole);
    ada.uploads("a.heic", "image/heic", &fine).await;
    // Its main item is a JPEG, which has Exif of its own.
    let inner = from_a_phone(8, 4);
    let nested = phone(b"heic", &[(b"jpeg", b"", &inner), (b"hvc1", b"", tile)]);
    // A description that is cut off, and one that points behind the end.
    let cut = &fine[..fine.len() / 2];
    let at = fine.windows(4).position(|four| four == b"iloc").expect("places");
    let mut far = fine.clone();
    far[at + 36..at + 40].copy_from_slice(&[0x7f; 4]);
    let moving =
        [boxed(b"ftyp", &[b"avis", &[0; 4], b"avis"]), boxed(b"moov", &[&place()])].concat();
    // Raw pictures of a camera are TIFF whose first page is a small one.
    let small = tiff(&[entry(254, 4, 1, 1u32.to_be_bytes())]);
    let raw = tiff(&[entry(330, 4, 1, [0; 4])]);
    let cases: [(&str, &[u8]); 7] = [
        ("nested", &nested),
        ("cut", cut),
        ("far", &far),
        ("a film alone", &moving),
        ("a small page first", &small),
        ("raw", &raw),
        ("half a TIFF", &raw[..40]),
    ];
    for (what, bytes) in cases {
        let id = ada.brings("a", "application/octet-stream", bytes).await;
        let said = ada.post(&format!("/media/{id}/complete"), json!({})).await;
        assert_eq!((said.refused(), said.blames("type")), ((422, "invalid"), true), "{what}");
        let said = ada.get(&format!("/media/{id}/content")).await;
        assert_eq!(said.refused(), (409, "conflict"), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_becomes_a_picture_that_browsers_draw() {
    let house = House::open().await;
    let ada = house.ada().await;
    let bytes = tiff(&[]);
    assert!(tells(&bytes));
    let said = ada.uploads("scan.tif", "image/tiff", &bytes).await;
    assert!(matches!(said["type"].as_str(), Some("image/png" | "image/jpeg")), "{said}");
    assert_eq!((&said["width"], &said["height"]), (&json!(4), &json!(8)), "it stands upright");
    let out = content(&ada, &said["id"]).await;
    assert!(!tells(&out));
    let shown = decoded(&out).to_rgb8();
    assert!(shown.dimensions() == (4, 8) && shown.get_pixel(1, 1)[0].abs_diff(200) < 8);
}
