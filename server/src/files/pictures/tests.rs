//! Bounds of size and time, and what a small picture is.

use super::*;
use image::RgbImage;
use std::time::Duration;

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = DynamicImage::ImageRgb8(RgbImage::new(width, height));
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn too_many_pixels_are_refused_before_any_is_decoded() {
    let mut bytes = png(2, 2);
    // IHDR says another size; its checksum is that of the old one and is looked at too.
    bytes[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    assert!(anew(&bytes, "image/png", soon()).is_err());
    let mut gif = b"GIF89a".to_vec();
    gif.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x3b]);
    let began = Instant::now();
    assert!(anew(&gif, "image/gif", soon()).is_err());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_picture_whose_time_is_over_is_none() {
    let bytes = png(64, 64);
    assert!(anew(&bytes, "image/png", soon()).is_ok());
    let past = Instant::now() - Duration::from_millis(1);
    assert_eq!(anew(&bytes, "image/png", past).err(), Some(Wrong::Broken));
    assert_eq!(thumbnail(&bytes, "image/png", past).err(), Some(Wrong::Broken));
}

#[test]
fn a_thumbnail_is_small_and_no_larger_than_the_picture() {
    for (width, height, wanted) in [(960, 10, (480, 5)), (10, 960, (5, 480)), (7, 9, (7, 9))] {
        let small = thumbnail(&png(width, height), "image/png", soon()).unwrap();
        assert_eq!((small.width, small.height), wanted);
        assert_eq!(small.kind, "image/jpeg");
    }
}

#[test]
fn a_photograph_without_loss_is_not_kept_at_many_times_its_size() {
    let mut noise = RgbImage::new(64, 64);
    let mut state = 1u32;
    for pixel in noise.pixels_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        pixel.0 = [(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8];
    }
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(noise).write_to(&mut bytes, ImageFormat::WebP).unwrap();
    // As it came it was without loss: it stays what it is.
    let kept = anew(bytes.get_ref(), "image/webp", soon()).unwrap();
    assert_eq!(kept.kind, "image/webp");
}

#[test]
fn smooth_colours_are_packed() {
    let smooth = RgbImage::from_fn(600, 400, |x, y| image::Rgb([(x / 3) as u8, (y / 2) as u8, 90]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(smooth).write_to(&mut bytes, ImageFormat::Png).unwrap();
    let made = anew(&bytes.into_inner(), "image/png", soon()).unwrap();
    assert!(made.bytes.len() < 600 * 400 * 3 / 20, "{} bytes", made.bytes.len());
}
