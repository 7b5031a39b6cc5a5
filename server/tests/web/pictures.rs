//! Pictures, and what pretends to be one: what comes out was made by the server, and nothing that
//! comes in costs it more than its share.

use crate::house::{House, Person, int};
use hallway_outside::pictures::hollow;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage};
use serde_json::{Value, json};
use std::io::Cursor;

/// A picture whose first pixel is red and whose last is blue.
pub fn picture(width: u32, height: u32) -> RgbImage {
    let mut picture = RgbImage::from_pixel(width, height, Rgb([255, 0, 0]));
    for y in height / 2..height {
        for x in 0..width {
            picture.put_pixel(x, y, Rgb([0, 0, 255]));
        }
    }
    picture
}

pub fn written(picture: RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture).write_to(&mut bytes, format).expect("a picture");
    bytes.into_inner()
}

/// A PNG of this size.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    written(picture(width, height), ImageFormat::Png)
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    written(picture(width, height), ImageFormat::Jpeg)
}

/// A JPEG with what a phone writes beside it: turned by 90 degrees, and a secret.
pub fn from_a_phone(width: u32, height: u32) -> Vec<u8> {
    let mut exif =
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(b"GPS: at home");
    let plain = jpeg(width, height);
    let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
    [&plain[..2], &[0xff, 0xe1], &length, &exif, &plain[2..]].concat()
}

pub async fn content(person: &Person, id: &Value) -> Vec<u8> {
    let id = id.as_str().expect("an id");
    let said = person.get(&format!("/media/{id}/content")).await;
    assert_eq!(said.status, 200, "{said:?}");
    said.bytes
}

pub fn decoded(bytes: &[u8]) -> DynamicImage {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().expect("a format");
    reader.decode().expect("a picture")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_loses_what_the_camera_wrote_and_stands_upright() {
    let house = House::open().await;
    let ada = house.ada().await;
    let bytes = from_a_phone(40, 20);
    assert!(String::from_utf8_lossy(&bytes).contains("GPS"));
    let said = ada.uploads("home.jpg", "image/jpeg", &bytes).await;
    assert_eq!((&said["type"], &said["state"]), (&json!("image/jpeg"), &json!("ready")));
    assert_eq!((int(&said["width"]), int(&said["height"])), (20, 40), "turned");
    let out = content(&ada, &said["id"]).await;
    assert_eq!(int(&said["size"]), out.len() as i64);
    assert!(
        !String::from_utf8_lossy(&out).contains("GPS") && !out.windows(4).any(|w| w == b"Exif")
    );
    let shown = decoded(&out).to_rgb8();
    assert_eq!(shown.dimensions(), (20, 40));
    // What was above is to the right.
    let (left, right) = (shown.get_pixel(1, 20), shown.get_pixel(18, 20));
    assert!(left[2] > 200 && right[0] > 200, "{left:?} {right:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_is_made_anew_and_said_by_its_content() {
    let house = House::open().await;
    let ada = house.ada().await;
    let cases = [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::WebP, "image/webp"),
    ];
    for (format, kind) in cases {
        let bytes = written(picture(9, 6), format);
        let said = ada.uploads("a", "application/octet-stream", &bytes).await;
        assert_eq!(said["type"], kind);
        assert_eq!((int(&said["width"]), int(&said["height"])), (9, 6), "{kind}");
        let shown = decoded(&content(&ada, &said["id"]).await).to_rgb8();
        assert!(shown.get_pixel(0, 0)[0] > 200 && shown.get_pixel(8, 5)[2] > 200, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_animation_keeps_moving_and_carries_nothing_else() {
    let house = House::open().await;
    let ada = house.ada().await;
    let mut bytes = Vec::new();
    {
        let mut to = gif::Encoder::new(&mut bytes, 2, 2, &[255, 0, 0, 0, 0, 255]).expect("a GIF");
        to.set_repeat(gif::Repeat::Infinite).expect("for ever");
        to.write_extension(gif::ExtensionData::new_control_ext(
            5,
            gif::DisposalMethod::Keep,
            false,
            None,
        ))
        .expect("a delay");
        to.write_raw_extension(gif::AnyExtension(0xfe), &[b"<script>alert(1)</script>"])
            .expect("a comment");
        for colour in [0, 1] {
            let frame = gif::Frame { width: 2, height: 2, delay: 7, ..gif::Frame::default() };
            let frame = gif::Frame { buffer: vec![colour; 4].into(), ..frame };
            to.write_frame(&frame).expect("a frame");
        }
    }
    bytes.extend_from_slice(b"*/<script>alert(2)</script>");
    let said = ada.uploads("a.gif", "image/gif", &bytes).await;
    assert_eq!(said["type"], "image/gif");
    let out = content(&ada, &said["id"]).await;
    assert!(!String::from_utf8_lossy(&out).contains("script"));
    let mut frames = gif::Decoder::new(&out[..]).expect("a GIF");
    let mut seen = Vec::new();
    while let Some(frame) = frames.read_next_frame().expect("a frame") {
        seen.push((frame.delay, frame.buffer.to_vec()));
    }
    assert_eq!(seen, [(7, vec![0; 4]), (7, vec![1; 4])]);
    assert_eq!(frames.repeat(), gif::Repeat::Infinite);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pretends_to_be_a_picture_is_refused_and_costs_little() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (whole, large) = (jpeg(200, 100), hollow(100_000, 100_000));
    let bomb = hollow(8_192, 8_192);
    let cut = png(300, 300);
    // What there is of a photograph is shown, by us as by every browser.
    let said = ada.uploads("a.jpg", "image/jpeg", &whole[..whole.len() * 2 / 3]).await;
    assert_eq!((int(&said["width"]), int(&said["height"])), (200, 100));
    assert_eq!(decoded(&content(&ada, &said["id"]).await).width(), 200, "a whole one again");
    let cases: [(&str, &[u8]); 6] = [
        ("a JPEG that ends in its head", &whole[..40]),
        ("a hundred thousand wide", &large),
        ("hollow", &bomb),
        ("a beginning alone", b"\x89PNG\r\n\x1a\n<script>alert(1)</script>"),
        ("half a PNG", &cut[..cut.len() / 2]),
        ("a GIF without a picture", b"GIF89a/*\x01\x00\x00\x00\x00*/=1;<script>alert(1)</script>"),
    ];
    let before = settled(&house, &ada, &said["id"]).await;
    for (what, bytes) in cases {
        let id = ada.brings("a.png", "image/png", bytes).await;
        let said = ada.post(&format!("/media/{id}/complete"), json!({})).await;
        assert_eq!(said.refused(), (422, "invalid"), "{what}");
        assert!(said.blames("type"), "{what}: {}", said.body);
        let said = ada.get(&format!("/media/{id}/content")).await;
        assert_eq!(said.refused(), (409, "conflict"), "{what}");
    }
    assert_eq!(left_over(&house), before, "the bytes of what was refused are dropped");
}

/// Files in the folder once a picture is there alone: itself and its thumbnail.
async fn settled(house: &House, ada: &Person, id: &Value) -> usize {
    ada.awaits(&format!("/media/{}/thumbnail", id.as_str().expect("an id"))).await;
    let alone = async {
        while left_over(house) > 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, alone).await.expect("what led to it goes");
    2
}

/// Files in the folder, whatever their names.
pub fn left_over(house: &House) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let Ok(found) = std::fs::read_dir(folder) else { return 0 };
        let each =
            found.flatten().map(|one| if one.path().is_dir() { count(&one.path()) } else { 1 });
        each.sum()
    }
    count(&house.data().join("files"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_gets_a_thumbnail_and_a_colour_profile_stays() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let mut bytes = Vec::new();
    let profile = vec![7; 300];
    {
        use image::ImageEncoder;
        let mut to = image::codecs::png::PngEncoder::new(&mut bytes);
        to.set_icc_profile(profile.clone()).expect("a profile");
        DynamicImage::ImageRgb8(picture(1200, 300)).write_with_encoder(to).expect("a picture");
    }
    let said = ada.uploads("wide.png", "image/png", &bytes).await;
    let id = said["id"].as_str().expect("an id");
    let message = json!({"key": crate::house::key(), "files": [id]});
    let row = ada.post(&format!("/rooms/{room}/messages"), message).await.ok(201);
    assert_eq!((int(&row["files"][0]["width"]), int(&row["files"][0]["height"])), (1200, 300));
    let small = ada.awaits(&format!("/media/{id}/thumbnail")).await;
    assert_eq!((small.status, small.headers["content-type"].as_str()), (200, "image/jpeg"));
    let shown = decoded(&small.bytes);
    assert_eq!((shown.width(), shown.height()), (480, 120));
    let told = ada.get(&format!("/media/{id}")).await.ok(200);
    assert_eq!(told["thumbnail"]["method"], "GET");
    let out = content(&ada, &said["id"]).await;
    let reader = ImageReader::with_format(Cursor::new(out), ImageFormat::Png);
    let kept = reader.into_decoder().expect("a PNG").icc_profile().expect("a profile");
    assert_eq!(kept, Some(profile));
    let text = ada.uploads("a.txt", "text/plain", b"tea").await;
    let none = ada.get(&format!("/media/{}/thumbnail", text["id"].as_str().expect("an id"))).await;
    assert_eq!(none.refused(), (404, "not_found"));
}
