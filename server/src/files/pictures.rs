//! Pictures, made anew: what comes out was written by us, pixel by pixel, so nothing that a camera or
//! somebody else put beside the picture (where it was taken, a page, a program) comes with it. How it
//! is to be turned is done to the pixels; its colour profile stays, for without it colours are wrong.
//!
//! Everything here may be hostile: the size is looked at before anything is decoded, and memory and
//! time have bounds. Moving PNG and WebP become their first picture; a GIF keeps moving; a TIFF, which
//! browsers do not draw, becomes a PNG or a JPEG of its first page.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};
use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};
use std::time::Instant;

/// Pixels that are decoded at most: 64 million.
pub const PIXELS: u64 = 64 * 1024 * 1024;
/// Bytes of a picture's file: it is held in memory while it is made anew.
pub const FILE: usize = 64 * 1024 * 1024;
/// Bytes that a decoder may use: the largest picture with four bytes a pixel, and something beside.
const MEMORY: u64 = PIXELS * 4 + 64 * 1024 * 1024;
/// All frames of an animation together.
const FRAMES: u64 = 8 * PIXELS;
/// A colour profile that is larger is none.
const PROFILE: usize = 64 * 1024;
/// A thumbnail fits into a square of so many pixels.
pub const THUMB: u32 = 480;

/// A picture of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Media type.
    pub kind: &'static str,
    /// Its file.
    pub bytes: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Why a picture was not made anew; the words follow "the file".
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Wrong {
    /// More pixels than anybody decodes.
    #[error("has more than 64 megapixels")]
    Large,
    /// No picture of the kind it says it is, or more memory or time than it may take.
    #[error("is no picture that can be read")]
    Broken,
    /// It cannot be told from what stands beside it, which may be a place.
    #[error("cannot be freed of what its camera wrote beside it, such as where it was taken")]
    Beside,
}

type Made<T> = Result<T, Wrong>;

/// How many pixels a picture says it has; refused where those are too many. Nothing is decoded.
pub fn pixels(bytes: &[u8], kind: &str, until: Instant) -> Made<u64> {
    let (width, height) = open(bytes, kind, until)?.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    match pixels {
        0 => Err(Wrong::Broken),
        1..=PIXELS => Ok(pixels),
        _ => Err(Wrong::Large),
    }
}

/// The picture, made anew, until then.
pub fn anew(bytes: &[u8], kind: &str, until: Instant) -> Made<Picture> {
    pixels(bytes, kind, until)?;
    if kind == "image/gif" {
        return moving(bytes, until);
    }
    let (picture, profile) = decoded(bytes, kind, until)?;
    let opaque = !picture.color().has_alpha();
    let first = match kind {
        "image/jpeg" => encoded(&picture, profile, "image/jpeg")?,
        "image/png" => encoded(&picture, profile, "image/png")?,
        "image/tiff" => scan(&picture, profile, bytes.len())?,
        _ => {
            let whole = encoded(&picture, profile.clone(), "image/webp")?;
            // A photograph without loss would be many times what it was.
            if opaque && whole.bytes.len() > 2 * bytes.len() {
                encoded(&picture, profile, "image/jpeg")?
            } else {
                whole
            }
        }
    };
    if Instant::now() > until { Err(Wrong::Broken) } else { Ok(first) }
}

/// What was a TIFF: without loss, unless that is many times what it was.
fn scan(picture: &DynamicImage, profile: Option<Vec<u8>>, size: usize) -> Made<Picture> {
    let whole = match picture {
        DynamicImage::ImageRgb32F(_) => &DynamicImage::ImageRgb16(picture.to_rgb16()),
        DynamicImage::ImageRgba32F(_) => &DynamicImage::ImageRgba16(picture.to_rgba16()),
        plain => plain,
    };
    let made = encoded(whole, profile.clone(), "image/png")?;
    if picture.color().has_alpha() || made.bytes.len() <= 2 * size {
        return Ok(made);
    }
    encoded(&DynamicImage::ImageRgb8(picture.to_rgb8()), profile, "image/jpeg")
}

/// Whether the first page of a TIFF is the picture: of raw pictures, which are TIFF too, it is a small
/// one of it, and what would be lost is the picture.
fn is_whole(bytes: &[u8]) -> bool {
    let small = bytes.starts_with(b"II");
    let number = |at: usize, size: usize| {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        let add = |all: usize, byte: &u8| all << 8 | usize::from(*byte);
        Some(if small { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    };
    let odd = || {
        let page = number(4, 4)?;
        for entry in 0..number(page, 2)? {
            let at = page + 2 + 12 * entry;
            match number(at, 2)? {
                // Other pictures below it, or the version of a raw one.
                330 | 50_706 => return None,
                // It is a smaller one of another.
                254 if number(at + 8, 4)? & 1 == 1 => return None,
                _ => {}
            }
        }
        Some(())
    };
    odd().is_some()
}

/// A small one, standing still.
pub fn thumbnail(bytes: &[u8], kind: &str, until: Instant) -> Made<Picture> {
    pixels(bytes, kind, until)?;
    let (picture, profile) = decoded(bytes, kind, until)?;
    let small = if picture.width().max(picture.height()) > THUMB {
        picture.thumbnail(THUMB, THUMB)
    } else {
        picture
    };
    if small.color().has_alpha() {
        encoded(&DynamicImage::ImageRgba8(small.into_rgba8()), profile, "image/png")
    } else {
        encoded(&DynamicImage::ImageRgb8(small.into_rgb8()), profile, "image/jpeg")
    }
}

fn open(bytes: &[u8], kind: &str, until: Instant) -> Made<impl ImageDecoder> {
    let format = match kind {
        "image/png" => ImageFormat::Png,
        "image/jpeg" => ImageFormat::Jpeg,
        "image/gif" => ImageFormat::Gif,
        "image/webp" => ImageFormat::WebP,
        "image/tiff" if is_whole(bytes) => ImageFormat::Tiff,
        "image/tiff" => return Err(Wrong::Beside),
        _ => return Err(Wrong::Broken),
    };
    let mut reader = ImageReader::with_format(Timed { of: Cursor::new(bytes), until }, format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    reader.into_decoder().map_err(|_| Wrong::Broken)
}

fn decoded(bytes: &[u8], kind: &str, until: Instant) -> Made<(DynamicImage, Option<Vec<u8>>)> {
    let mut decoder = open(bytes, kind, until)?;
    if decoder.total_bytes() > MEMORY {
        return Err(Wrong::Large);
    }
    // What is wrong beside the picture is not the picture's fault, and does not stay.
    let turned = decoder.orientation().ok();
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| Wrong::Broken)?;
    if let Some(turned) = turned {
        picture.apply_orientation(turned);
    }
    // One of inks says nothing of the light that they became.
    let fits = |profile: &Vec<u8>| {
        (1..=PROFILE).contains(&profile.len()) && profile.get(16..20) != Some(b"CMYK")
    };
    Ok((picture, profile.filter(fits)))
}

fn encoded(picture: &DynamicImage, profile: Option<Vec<u8>>, kind: &'static str) -> Made<Picture> {
    let (width, height) = (picture.width(), picture.height());
    let mut bytes = Vec::new();
    let written = match kind {
        "image/jpeg" => write(picture, profile, JpegEncoder::new_with_quality(&mut bytes, 90)),
        "image/webp" => {
            let eight = if picture.color().has_alpha() {
                DynamicImage::ImageRgba8(picture.to_rgba8())
            } else {
                DynamicImage::ImageRgb8(picture.to_rgb8())
            };
            write(&eight, profile, WebPEncoder::new_lossless(&mut bytes))
        }
        _ => {
            // Its default hardly packs smooth colours: a picture of 5 KB became one of 700.
            let (packed, filter) = (CompressionType::Default, FilterType::Adaptive);
            write(picture, profile, PngEncoder::new_with_quality(&mut bytes, packed, filter))
        }
    };
    written.map_err(|_| Wrong::Broken)?;
    Ok(Picture { kind, bytes, width, height })
}

fn write(
    picture: &DynamicImage,
    profile: Option<Vec<u8>>,
    mut to: impl ImageEncoder,
) -> image::ImageResult<()> {
    if let Some(profile) = profile {
        // A kind that knows no profiles has none.
        let _ = to.set_icc_profile(profile);
    }
    picture.write_with_encoder(to)
}

/// A GIF frame by frame: the colours stay as they are, and only what a frame is made of is kept.
fn moving(bytes: &[u8], until: Instant) -> Made<Picture> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.check_frame_consistency(true);
    let memory = std::num::NonZeroU64::new(PIXELS).map(gif::MemoryLimit::Bytes);
    options.set_memory_limit(memory.unwrap_or(gif::MemoryLimit::Unlimited));
    let broken = |_| Wrong::Broken;
    let mut from = options.read_info(bytes).map_err(broken)?;
    let (width, height) = (from.width(), from.height());
    let palette = from.global_palette().unwrap_or_default().to_vec();
    let made = Vec::new();
    let mut to = gif::Encoder::new(made, width, height, &palette).map_err(|_| Wrong::Broken)?;
    let (mut frames, mut pixels) = (0, 0);
    while let Some(frame) = from.read_next_frame().map_err(broken)? {
        pixels += u64::from(frame.width) * u64::from(frame.height);
        if pixels > FRAMES || Instant::now() > until {
            return Err(Wrong::Large);
        }
        let frame = frame.clone();
        if frames == 0 {
            // How often it goes round is known once a frame was read.
            to.set_repeat(from.repeat()).map_err(|_| Wrong::Broken)?;
        }
        to.write_frame(&frame).map_err(|_| Wrong::Broken)?;
        frames += 1;
    }
    let bytes = to.into_inner().map_err(|_| Wrong::Broken)?;
    let (width, height) = (u32::from(width), u32::from(height));
    if frames == 0 {
        Err(Wrong::Broken)
    } else {
        Ok(Picture { kind: "image/gif", bytes, width, height })
    }
}

/// Ends for a decoder when its time is over: they all read on and on.
struct Timed<'b> {
    of: Cursor<&'b [u8]>,
    until: Instant,
}

impl Timed<'_> {
    fn on(&self) -> std::io::Result<()> {
        if Instant::now() > self.until { Err(std::io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.on()?;
        self.of.read(to)
    }
}

impl BufRead for Timed<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.on()?;
        self.of.fill_buf()
    }
    fn consume(&mut self, amount: usize) {
        self.of.consume(amount);
    }
}

impl Seek for Timed<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.of.seek(to)
    }
}

#[cfg(test)]
mod tests;
